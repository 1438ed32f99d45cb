"""What comes in from outside and is wrong: one clear answer, and the server goes on."""

import json

import pytest

BODY_CAP = 16 << 20


@pytest.fixture(autouse=True)
def alive(server):
    yield
    assert server.get("/health").json() == {"status": "UP"}


def test_no_json_says_line_and_column(server):
    answer = server.post("/pipelines", '{\n  "name": "x"\n  "application": "y"\n}')
    assert answer.status == 400
    assert "line 3, column 3" in answer.message()


@pytest.mark.parametrize("body", ["{", '{"a":1}x', "{'a':1}", '{"a":1,}', "// c\n{}", '{"a":1e400}', '"\\ud800"', b"\xff"])
def test_only_strict_json_is_read(server, body):
    answer = server.post("/pipelines", body)
    assert answer.status == 400
    assert "line " in answer.message()


@pytest.mark.parametrize("body", ["[]", "1", "null", ""])
def test_a_pipeline_is_an_object(server, body):
    answer = server.post("/pipelines", body)
    assert answer.status == 400
    assert "object" in answer.message()


def test_of_two_equal_keys_the_last_counts(server, app):
    body = f'{{"application": "{app}", "name": "a", "name": "b"}}'
    assert server.post("/pipelines", body).status == 200
    assert server.get(f"/applications/{app}/pipelineConfigs/b").status == 200


def test_depth(server, app):
    def nested(depth):
        return f'{{"application": "{app}", "name": "n", "x": ' + "[" * depth + "]" * depth + "}"

    assert server.post("/pipelines", nested(150)).status == 200
    refused = server.post("/pipelines", nested(100_000))
    assert refused.status == 400
    assert "deep" in refused.message() or "nest" in refused.message()


def test_a_body_over_the_cap_is_refused_before_it_is_sent(server):
    status, came = server.raw(f"POST /pipelines HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                              f"Content-Length: {BODY_CAP + 1}\r\n\r\n".encode())
    assert status == 413
    assert json.loads(came.split(b"\r\n\r\n", 1)[1])["status"] == 413


def test_a_chunked_body_over_the_cap(server):
    head = f"POST /pipelines HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"%x\r\n" % (1 << 20) + b" " * (1 << 20) + b"\r\n"
    try:
        status, _ = server.raw(head + chunk * 18 + b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        return  # it hung up while we were sending
    assert status in (413, None)


@pytest.mark.parametrize("header", ["Host: evil.example", "Host: evil.example:8084", "Origin: http://evil.example",
                                    "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"])
def test_foreign_pages_are_refused(server, header):
    own = "" if header.startswith("Host:") else f"Host: 127.0.0.1:{server.port}\r\n"
    status, came = server.raw(f"GET /applications HTTP/1.1\r\n{own}{header}\r\nConnection: close\r\n\r\n".encode())
    assert status == 403, came
    assert json.loads(came.split(b"\r\n\r\n", 1)[1])["error"] == "Forbidden"


@pytest.mark.parametrize("headers", ["Host: 127.0.0.1:PORT", "Host: localhost:PORT",
                                     "Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\nSec-Fetch-Site: same-origin",
                                     "Host: 127.0.0.1:PORT\r\nSec-Fetch-Site: none"])
def test_our_own_pages_are_not(server, headers):
    headers = headers.replace("PORT", str(server.port))
    status, came = server.raw(f"GET /applications HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode())
    assert status == 200, came
    assert b"Access-Control-Allow-Origin: *" not in came


@pytest.mark.parametrize("path", ["/nothing", "/pipelines/a/b/c/d", "/applications/a/nothing", "/health/x"])
def test_unknown_paths(server, path):
    assert server.get(path).status == 404
    assert server.get(path).message()


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/health", {"GET"}), ("PATCH", "/pipelines/x", {"GET", "PUT", "DELETE"}), ("GET", "/pipelines", {"POST"}),
    ("GET", "/pipelines/a/b", {"POST", "DELETE"}), ("POST", "/executions", {"GET"})])
def test_methods_that_a_path_does_not_know(server, method, path, allowed):
    answer = server.request(method, path)
    assert answer.status == 405
    assert answer.message().startswith(f"{method} is not possible at this path, which has ")
    assert set(answer.headers["Allow"].split(", ")) == allowed
    asked = server.request("OPTIONS", path)
    assert (asked.status, asked.body, asked.headers["Allow"]) == (200, b"", answer.headers["Allow"])


@pytest.mark.parametrize("path", ["/applications/%zz", "/applications/%", "/applications/a%00b", "/pipelines?staleCheck=%g1"])
def test_bad_escapes(server, path):
    status, _ = server.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode())
    assert status == 400


def test_an_empty_query_parameter_is_not_given(server, app):
    assert server.get(f"/applications/{app}/pipelines?limit=&statuses=&expand=").json() == []


def test_head_and_a_slash_at_the_end(server):
    assert server.request("HEAD", "/health").status == 200
    assert server.get("/health/").json() == {"status": "UP"}


def test_the_root_says_what_this_is(server):
    assert "/pipelines" in [row["path"] for row in server.get("/").json()["routes"]]
    page = server.get("/", Accept="text/html,*/*")
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"Gennaker" in page.body
