"""Who may ask: a token, one user with a password; what is refused, and that nothing secret shows."""

import base64
import http.client
import json
import re
import select
import socket
import subprocess

import pytest

import server as lib
from server import Server

TOKEN = "s3cret-token-0123456789abcdef"
PASSWORD = "correct horse: battery"
WAIT = {"type": "wait", "refId": "1", "waitTime": 0}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def run(*arguments, input=None, **variables):
    return subprocess.run([lib.program(), *map(str, arguments)], text=True, input=input, capture_output=True, timeout=lib.PATIENCE,
                          env=lib.environment(**variables))


@pytest.fixture(scope="module")
def hash_file(tmp_path_factory):
    """A file with the hash of the password."""
    path = tmp_path_factory.mktemp("hash") / "hash"
    path.write_text(run("password", input=PASSWORD + "\n").stdout)
    path.chmod(0o600)
    return path


def with_hash(directory, hash_file):
    """A server that has seen no credentials yet, with a token and a user."""
    (directory / "gennaker.yml").write_text(
        f"server: {{auth: {{token: {TOKEN}, basic: {{user: ann, passwordFile: {hash_file}}}}}}}")
    (directory / "gennaker.yml").chmod(0o600)
    return Server(directory / "data", "--config", str(directory / "gennaker.yml"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory, hash_file):
    """A server with a token and a user, whose password's hash is in a file."""
    directory = tmp_path_factory.mktemp("secured")
    (directory / "token").write_text(TOKEN + "\n")
    (directory / "token").chmod(0o600)
    (directory / "gennaker.yml").write_text(f"""
server:
  auth:
    tokenFile: {directory}/token
    tokenUser: robot
    basic: {{user: ann, passwordFile: {hash_file}}}
""")
    with Server(directory / "data", "--config", str(directory / "gennaker.yml")) as running:
        yield running
        said = running.errors.read_text()
        for secret in (TOKEN, PASSWORD, "almost-the-token", base64.b64encode(f"ann:{PASSWORD}".encode()).decode()):
            assert secret not in said
        assert "can be read by everybody" not in said


def test_every_route_wants_credentials_but_those_that_say_so(secured):
    routes = secured.get("/", **bearer(TOKEN)).json()["routes"]
    assert len(routes) > 20
    for route in routes:
        path = re.sub(r"\{\w+\}", "x", route["path"])
        answer = secured.request(route["method"], path)
        if route["path"] in ("/health", "/auth/user"):
            assert answer.status == 200, route
        else:
            assert (answer.status, answer.message()) == (401, "this server needs credentials: a token or a password"), route
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert secured.get("/there/is/nothing").status == 401
    assert secured.get("/health").json() == {"status": "UP"}


@pytest.mark.parametrize("headers", [
    bearer("almost-the-token"), bearer(TOKEN[:-1]), bearer(TOKEN + "0"), bearer(""), bearer("x" * 5000), {"Authorization": TOKEN},
    {"Authorization": "Negotiate abc"}, {"Authorization": ""}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic " + "QUFB" * 2000},
    basic("ann", ""), basic("ann", TOKEN), basic("", PASSWORD), basic("bob", PASSWORD), basic("Ann", PASSWORD),
    {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()}])
def test_wrong_credentials_are_all_refused_alike(secured, headers):
    def refused():
        answer = secured.get("/applications", **headers)
        return answer if answer.status != 429 else None  # too many wrong passwords before
    answer = lib.wait_until(refused)
    assert (answer.status, answer.message()) == (401, "the credentials are wrong")


def test_wrong_credentials_do_not_fall_back_to_none(secured):
    assert secured.get("/auth/user").body == b""
    for path in ("/auth/user", "/health"):
        assert secured.get(path).status == 200
        assert secured.get(path, **bearer("almost-the-token")).status == 401
        assert secured.get(path, **bearer(TOKEN)).status == 200


def test_the_token_says_who_it_is(secured):
    assert secured.get("/auth/user", **bearer(TOKEN)).json()["username"] == "robot"
    assert secured.get("/auth/user", Authorization=f"bearer  {TOKEN}").json()["username"] == "robot"
    assert secured.get("/version", **bearer(TOKEN)).status == 200


def test_the_password_says_who_it_is(secured):
    def user():
        answer = secured.get("/auth/user", **basic("ann", PASSWORD))
        return answer.json() if answer.status == 200 else None
    assert lib.wait_until(user)["username"] == "ann"  # tests before may have used up the tries
    # A password that was right stays so while others try wrong ones.
    statuses = {secured.get("/version", **basic("ann", f"wrong {i}")).status for i in range(15)}
    assert statuses <= {401, 429}  # how many tries there are in a while depends on how long one takes
    assert secured.get("/version", **basic("ann", PASSWORD)).status == 200


def at_once(server, requests):
    """Connections, each with a GET /version under way that has one of the headers."""
    connections = []
    for headers in requests:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=lib.PATIENCE)
        connection.request("GET", "/version", headers=headers)
        connections.append(connection)
    return connections


def statuses_of(connections):
    statuses = []
    for connection in connections:
        statuses.append(connection.getresponse().status)
        connection.close()
    return statuses


def test_a_burst_of_wrong_passwords_holds_nobody_else_up(tmp_path, hash_file):
    with with_hash(tmp_path, hash_file) as fresh:
        connections = at_once(fresh, [basic("ann", f"z{i}") for i in range(40)])
        assert fresh.get("/health").status == 200
        assert fresh.get("/version", **bearer(TOKEN)).status == 200
        # Hashes are computed one after the other: those of the burst cannot be through yet.
        waiting = len(connections) - len(select.select([one.sock for one in connections], [], [], 0)[0])
        statuses = statuses_of(connections)
        assert set(statuses) == {401, 429}
        assert 5 <= statuses.count(401) <= 20 and waiting > 3, (statuses, waiting)


def test_one_right_password_at_many_requests_is_hashed_once(tmp_path, hash_file):
    with with_hash(tmp_path, hash_file) as fresh:
        assert statuses_of(at_once(fresh, [basic("ann", PASSWORD)] * 40)) == [200] * 40
        # Remembered: not even a server that has no try left refuses it.
        assert 429 in statuses_of(at_once(fresh, [basic("ann", f"z{i}") for i in range(40)]))
        assert fresh.get("/version", **basic("ann", PASSWORD)).status == 200


def test_what_somebody_sends_with_a_wrong_password_is_dropped(tmp_path, hash_file):
    body = json.dumps({"application": "demo", "name": "p", "stages": [], "description": "x" * 500_000})
    with with_hash(tmp_path, hash_file) as fresh:
        assert fresh.post("/pipelines", body, **basic("ann", "wrong")).status == 401
        assert fresh.get("/pipelineConfigs", **bearer(TOKEN)).json() == []
        assert fresh.post("/pipelines", body, **basic("ann", PASSWORD)).status == 200


def test_a_server_stops_while_passwords_are_hashed(tmp_path, hash_file):
    with with_hash(tmp_path, hash_file) as fresh:
        connections = at_once(fresh, [basic("ann", f"z{i}") for i in range(12)])
        assert fresh.stop() == 0
        for connection in connections:
            connection.close()


def test_ambiguous_credentials_are_refused(secured):
    status, came = secured.raw(f"GET /version HTTP/1.1\r\nHost: 127.0.0.1:{secured.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
                               f"Authorization: {basic('ann', PASSWORD)['Authorization']}\r\n\r\n".encode())
    assert status == 400 and b"ambiguous credentials" in came


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_token_in_a_url_is_refused_everywhere(secured, server, name):
    for one, headers in ((secured, {}), (secured, bearer(TOKEN)), (server, {})):
        for method, path in (("GET", "/version"), ("GET", "/health"), ("GET", "/auth/user"), ("GET", "/events"), ("GET", "/nothing"),
                             ("OPTIONS", "/pipelines"), ("POST", "/pipelines")):
            answer = one.request(method, f"{path}?{name}={TOKEN}", {} if method == "POST" else None, **headers)
            assert (answer.status, answer.message()) == (400, "a token does not belong in a URL; send it in the header Authorization")
        streamed = one.get(f"/events?{name}={TOKEN}", Accept="text/event-stream", **headers)
        assert streamed.status == 400 and streamed.message()
        assert TOKEN not in one.errors.read_text()


def test_the_body_of_somebody_unknown_is_not_waited_for(secured):
    with socket.create_connection(("127.0.0.1", secured.port), lib.PATIENCE) as connection:
        connection.sendall(f"POST /pipelines HTTP/1.1\r\nHost: 127.0.0.1:{secured.port}\r\n"
                           "Content-Length: 1000000\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_nobody_can_say_that_he_is_somebody_else(secured):
    headers = {"X-Spinnaker-User": "admin", "X-Spinnaker-Accounts": "prod", **bearer(TOKEN)}
    assert secured.post("/pipelines", {"application": "demo", "name": "p", "stages": [WAIT], "lastModifiedBy": "admin"},
                        **headers).status == 200
    assert secured.get("/applications/demo/pipelineConfigs/p", **headers).json()["lastModifiedBy"] == "robot"
    ref = secured.post("/pipelines/demo/p", {"type": "manual", "user": "admin"}, **headers).json()["ref"]
    execution = secured.get(ref, **headers).json()
    assert execution["authentication"]["user"] == "robot" and execution["trigger"]["user"] == "robot"


def test_streams_want_credentials_too(secured):
    assert secured.get("/events", Accept="text/event-stream").status == 401
    secured.stream("/events", **bearer(TOKEN)).close()


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"}])
def test_the_guard_against_web_pages_stays(secured, headers):
    for credentials in (bearer(TOKEN), basic("ann", PASSWORD)):
        assert secured.request("POST", "/pipelines", {}, **headers, **credentials).status == 403


def test_options_is_for_everybody(secured):
    answer = secured.request("OPTIONS", "/pipelines")
    assert answer.status == 200 and "POST" in answer.headers["Allow"]


# ---- the command line


def test_the_commands_bring_credentials(secured):
    url = f"http://127.0.0.1:{secured.port}"
    for arguments, variables in ((["--token", TOKEN], {}), ([], {"GENNAKER_TOKEN": TOKEN}),
                                 (["--token", TOKEN], {"GENNAKER_USER": "ann:wrong"})):
        done = run("pipelines", "list", "--server", url, *arguments, **variables)
        assert done.returncode == 0, done.stderr
    for arguments, variables in ((["--user", f"ann:{PASSWORD}"], {}), ([], {"GENNAKER_USER": f"ann:{PASSWORD}"})):
        done = lib.wait_until(lambda: (it := run("pipelines", "list", "--server", url, *arguments, **variables)).returncode == 0 and it)
        assert done.stderr == "" or "no pipelines" in done.stderr
    for arguments in ([], ["--token", "almost-the-token"]):
        done = run("pipelines", "list", "--server", url, *arguments)
        assert done.returncode == 2 and "--token" in done.stderr and "almost" not in done.stderr
        watched = run("watch", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--server", url, *arguments)
        assert (watched.returncode, watched.stderr) == (2, done.stderr)  # in the same words


def test_a_run_on_a_secured_server_is_followed(secured, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"stages": [WAIT]}))
    done = run("run", path, "--server", f"http://127.0.0.1:{secured.port}", GENNAKER_TOKEN=TOKEN)
    assert done.returncode == 0 and "SUCCEEDED" in done.stdout


# ---- settings


def test_with_credentials_it_may_listen_beyond_loopback(tmp_path):
    process = subprocess.Popen([lib.program(), "serve", "--listen", "0.0.0.0:0", "--data-dir", str(tmp_path / "data")], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=lib.environment(GENNAKER_SERVER_AUTH_TOKEN=TOKEN))
    try:
        line = process.stdout.readline()
        port = int(line.split()[2].rsplit(":", 1)[1])

        def status(host, **headers):
            text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with socket.create_connection(("127.0.0.1", port), lib.PATIENCE) as connection:
                connection.sendall(f"GET /version HTTP/1.1\r\nHost: {host}:{port}\r\n{text}\r\n".encode())
                return int(connection.recv(100).split()[1])
        assert status("127.0.0.1") == 401
        assert status("10.1.2.3", **bearer(TOKEN)) == 200  # an address cannot be rebound by a name server
        assert status("[2001:db8::1]", **bearer(TOKEN)) == 200
        assert status("evil.example", **bearer(TOKEN)) == 403
        assert status("10.1.2.3", Origin="http://10.1.2.4", **bearer(TOKEN)) == 403
    finally:
        process.terminate()
        said = process.communicate(timeout=lib.PATIENCE)[1]
    assert "TLS" in said and TOKEN not in said


@pytest.mark.parametrize("auth, word", [
    ({"token": "short"}, "at least 16"), ({"token": "with a blank in it, so what"}, "blanks"),
    ({"token": TOKEN, "tokenFile": "/x"}, "not both"), ({"tokenFile": "/does/not/exist"}, "/does/not/exist"),
    ({"basic": {"user": "ann"}}, "passwordHash"), ({"basic": {"passwordHash": "$argon2id$x"}}, "whose password"),
    ({"basic": {"user": "ann", "passwordHash": "plain-words"}}, "gennaker password"),
    ({"basic": {"user": "anonymous", "passwordHash": "$argon2id$x"}}, "user's name"),
    ({"basic": {"user": "a:b", "passwordHash": "$argon2id$x"}}, "user's name"),
    ({"token": TOKEN, "tokenUser": "anonymous"}, "user's name"), ({"token": {"a": "hidden-value"}}, "server.auth.token")])
def test_settings_that_cannot_be_used_end_the_program(tmp_path, auth, word):
    (tmp_path / "g.yml").write_text(json.dumps({"server": {"auth": auth}}))
    done = run("serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data", "--config", tmp_path / "g.yml")
    assert done.returncode == 2 and word in done.stderr, done.stderr
    for secret in (TOKEN, "hidden-value", "plain-words"):
        assert secret not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_password_may_stand_in_a_file_as_it_is(tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o644)
    with Server(tmp_path / "data", GENNAKER_SERVER_AUTH_BASIC_USER="ann",
                GENNAKER_SERVER_AUTH_BASIC_PASSWORDFILE=str(tmp_path / "password")) as running:
        assert running.get("/version", **basic("ann", PASSWORD)).status == 200
        assert running.get("/version", **basic("ann", PASSWORD + "x")).status == 401
        assert running.get("/version", **bearer(PASSWORD)).status == 401
        assert "can be read by everybody" in running.errors.read_text()


def test_a_hash_is_made_of_what_is_typed():
    first, second = run("password", input="a\n"), run("password", input="a\n")
    assert first.stdout.startswith("$argon2id$") and first.stdout != second.stdout
    assert run("password", input="").returncode == 2
    assert run("password", input="x" * 600 + "\n").returncode == 2
    assert run("password", input="x" * 500 + "\n").returncode == 0


def test_secrets_are_compared_in_constant_time():
    source = "".join((lib.ROOT / "src/api" / name).read_text() for name in ("auth.c", "tries.c", "tries.h"))
    assert "sodium_memcmp" in source
    assert re.findall(r"(?<![\w])(?:memcmp|strcmp)\(", source) == []
