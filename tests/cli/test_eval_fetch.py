"""Expressions that fetch URLs, against real servers: `eval`, and runs of `run` and `serve`."""

import http.server
import json
import threading
import time

import pytest

from server import PATIENCE, Server, wait_until

LOCAL = {"GENNAKER_USERCONFIGUREDURLRESTRICTIONS_REJECTLOCALHOST": "false"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.path)
        answer = self.server.pages.get(self.path)
        if self.path == "/hang":
            self.server.hanging.set()
            self.server.released.wait(PATIENCE)
        if callable(answer):
            answer = answer(self.server)
        status, headers, body = answer or (404, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # who asked has had enough

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.hanging, server.released = [], threading.Event(), threading.Event()
    server.url = f"http://localhost:{server.server_address[1]}"
    server.pages = {
        "/json": (200, {}, b'{"a": [1, {"b": "c"}]}'),
        "/yaml": (200, {}, b"a: yes\nb: {c: 1.5}\n"),
        "/properties": (200, {}, b"# x\na=1\nb.c : two\n"),
        "/text": (200, {}, "版本 1\n".encode()),
        "/no-json": (200, {}, b"<html>"),
        "/to-json": (302, {"Location": "/json"}, b""),
        "/to-address": (302, {"Location": f"http://127.0.0.1:{server.server_address[1]}/json"}, b""),
        "/to-metadata": (302, {"Location": "http://169.254.169.254/latest"}, b""),
        "/to-file": (302, {"Location": "file:///etc/passwd"}, b""),
        "/to-user": (302, {"Location": f"http://joe:geheim@localhost:{server.server_address[1]}/json"}, b""),
        "/round": (302, {"Location": "/round"}, b""),
        "/large": (200, {}, b"x" * (4 << 20) + b"x"),
        "/busy": lambda self: (200, {}, b"now") if self.seen.count("/busy") > 1 else (503, {}, b""),
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("expression, value", [
    ("#jsonFromUrl('{}/json').a[1].b", "c"), ("#yamlFromUrl('{}/yaml')", {"a": True, "b": {"c": 1.5}}),
    ("#propertiesFromUrl('{}/properties')", {"a": "1", "b.c": "two"}), ("#fromUrl('{}/text')", "版本 1\n"),
    ("#jsonFromUrl('{}/to-json').a[0]", 1), ("#fromUrl('{}/busy')", "now"),
])
def test_what_is_there_is_fetched(gennaker, web, expression, value):
    done = gennaker("eval", expression.format(web.url), **LOCAL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == value


@pytest.mark.parametrize("expression, reason", [
    ("#fromUrl('{}/nothing')", "answered with status 404"), ("#jsonFromUrl('{}/no-json')", "#jsonFromUrl: the text is no JSON"),
    ("#fromUrl('{}/to-address')", "rejectVerbatimIps"), ("#fromUrl('{}/to-metadata')", "rejectVerbatimIps"),
    ("#fromUrl('{}/to-file')", "redirect"), ("#fromUrl('{}/to-user')", "redirect"), ("#fromUrl('{}/round')", "more than 5 redirects"),
    ("#fromUrl('{}/large')", "larger than 4194304 bytes"), ("#fromUrl('relative')", "absolute"), ("#fromUrl('')", "absolute"),
    ("#fromUrl(null)", "#fromUrl"), ("#fromUrl('gopher://localhost/')", "not gopher:"),
])
def test_what_may_not_be_or_is_not_fails_with_why(gennaker, web, expression, reason):
    done = gennaker("eval", expression.format(web.url), **LOCAL)
    assert done.returncode == 1 and reason in done.stderr, done.stderr
    assert "geheim" not in done.stderr


@pytest.mark.parametrize("host", [
    "localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "[::]", "[::1]", "[::ffff:127.0.0.1]",
    "localhost.", "LOCALHOST", "metadata.google.internal", "169.254.169.254", "[fd00:ec2::254]", "single", "db.internal",
    "x.spinnaker", "localhost.localdomain",
])
def test_hosts_inside_are_refused_unless_the_settings_allow_them(gennaker, web, host):
    port = web.server_address[1]
    done = gennaker("eval", "#fromUrl(u)", "--context", "-", input=json.dumps({"u": f"http://{host}:{port}/json"}))
    assert done.returncode == 1 and done.stdout == "" and web.seen == [], done.stderr


def test_a_password_is_refused_and_not_shown(gennaker, web):
    url = f"http://joe:geheim@localhost:{web.server_address[1]}/json?token=geheim"
    done = gennaker("eval", "#fromUrl(u)", "--context", "-", input=json.dumps({"u": url}), **LOCAL)
    assert done.returncode == 1 and "a user or password in the URL is not allowed" in done.stderr
    assert "geheim" not in done.stderr + done.stdout and web.seen == []


def test_a_token_in_the_url_is_not_shown(gennaker, web):
    context = json.dumps({"u": web.url + "/nothing/geheim?token=geheim"})
    done = gennaker("eval", "${#fromUrl(u)}", "--context", "-", input=context, **LOCAL)
    assert done.returncode == 1 and "404" in done.stderr and "geheim" not in done.stderr


def test_the_settings_switch_it_off(gennaker, web, write):
    write("gennaker.yml", "expression: {fetch: false}\n")
    done = gennaker("eval", f"#fromUrl('{web.url}/text')", **LOCAL)
    assert done.returncode == 1 and "expression.fetch" in done.stderr and web.seen == []
    blank = gennaker("eval", f"#fromUrl('{web.url}/text')", GENNAKER_USERCONFIGUREDURLRESTRICTIONS_ALLOWEDHOSTNAMESREGEX="",
                     GENNAKER_EXPRESSION_FETCH="true", **LOCAL)
    assert blank.returncode == 1 and "allowedHostnamesRegex" in blank.stderr and web.seen == []


def test_one_evaluation_fetches_so_much_and_no_more(gennaker, web):
    many = "${l.![#fromUrl(#root.u).length()].size()}"
    context = json.dumps({"u": web.url + "/text", "l": list(range(101))})
    done = gennaker("eval", many, "--context", "-", input=context, **LOCAL)
    assert done.returncode == 1 and "more than 100 URLs" in done.stderr and len(web.seen) == 100


def pipeline(web, path, **more):
    return {"application": "app", "name": "p", "stages": [
        {"refId": "1", "type": "wait", "waitTime": 0, "note": "${ #fromUrl('" + web.url + path + "') }", **more}]}


@pytest.mark.parametrize("evaluator", ["v3", "v4"])
def test_a_run_fetches(gennaker, web, write, evaluator):
    path = write("p.json", json.dumps({**pipeline(web, "/text"), "spelEvaluator": evaluator}))
    done = gennaker("run", path, "-o", "json", **LOCAL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stages"][0]["context"]["note"] == "版本 1\n"
    assert web.seen == ["/text"]


def test_a_run_does_not_fetch_when_it_is_switched_off(gennaker, web, write):
    path = write("p.json", json.dumps(pipeline(web, "/text", failOnFailedExpressions=True)))
    done = gennaker("run", path, "-o", "json", GENNAKER_EXPRESSION_FETCH="false", **LOCAL)
    assert done.returncode == 1 and web.seen == []
    errors = json.loads(done.stdout)["stages"][0]["context"]["exception"]["details"]["errors"]
    assert any("fetching URLs is switched off" in text for text in errors), errors


@pytest.fixture
def local_server(tmp_path):
    with Server(tmp_path / "data", **LOCAL) as running:
        yield running


def start(server, document):
    answer = server.post("/pipelines/start", document)
    assert answer.status == 200, answer.body
    return answer.json()["ref"]


def test_a_fetch_that_hangs_holds_up_nobody_else_and_ends_with_the_cancel(local_server, web):
    hanging = start(local_server, {**pipeline(web, "/hang"), "spelEvaluator": "v4"})
    assert web.hanging.wait(PATIENCE)
    other = start(local_server, pipeline(web, "/text"))
    wait_until(lambda: local_server.get(other).json()["status"] == "SUCCEEDED", "the other run")
    before = time.monotonic()
    assert local_server.put(hanging + "/cancel").status == 200
    wait_until(lambda: local_server.get(hanging).json()["status"] == "CANCELED", "the cancel")
    wait_until(lambda: b'gennaker_tasks_in_flight 0' in local_server.get("/metrics").body, "the end of the call")
    assert time.monotonic() - before < 15


def test_a_child_whose_document_fetches_starts_when_that_is_done(local_server, web):
    child = {**pipeline(web, "/json"), "name": "child"}
    assert local_server.post("/pipelines", child).status == 200
    parent = start(local_server, {"application": "app", "name": "parent", "stages": [
        {"refId": "1", "type": "pipeline", "application": "app", "pipeline": "child"}]})
    wait_until(lambda: local_server.get(parent).json()["status"] == "SUCCEEDED", "the parent")
    context = local_server.get(parent).json()["stages"][0]["context"]
    run = local_server.get("/pipelines/" + context["executionId"]).json()
    assert run["stages"][0]["context"]["note"] == '{"a": [1, {"b": "c"}]}'
    assert web.seen == ["/json"]
