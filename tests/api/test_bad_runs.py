"""Runs that are asked for what makes no sense, and other sides that answer with it: the text is clear, and the rest goes on."""

import gzip
import itertools
import json
import socket
import threading

import pytest
from server import Server, wait_until

NUMBERS = itertools.count(1)
HUGE = 33 << 20  # more than an answer may have

ANSWERS = {
    "/text": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\nnot json",
    "/cut": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"cut": ',
    "/latin": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: 4\r\n\r\ncaf\xe9",
    "/utf16": b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + '\ufeff{"a":1}'.encode("utf-16-le"),
    "/nul": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b",
    "/deep": b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200000,
    "/number": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"a\":1e999}",
    "/header": b"HTTP/1.1 200 OK\r\nX-Strange: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/nothing": b"",
    "/noise": b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    "/chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nwhat\r\n",
    "/gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
    "/huge": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE,
    "/status": b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status": [1]}',
    "/says": b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "OK"}',
}
BOMB = gzip.compress(b"x" * HUGE)
ANSWERS["/bomb"] = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(BOMB), BOMB)


class Odd:
    """An HTTP server that answers in bytes as they are; what it has no answer for it never answers."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.held = []  # connections without an answer
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        path = head.split(b" ", 2)[1].decode()
        self.asked.append(path)
        if path not in ANSWERS:
            self.held.append(connection)
            return
        try:
            connection.sendall(ANSWERS[path])
            if path == "/huge":
                for _ in range(HUGE >> 20):
                    connection.sendall(b" " * (1 << 20))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass  # it hung up, as it may
        connection.close()

    def close(self):
        self.socket.close()
        for connection in self.held:
            connection.close()


@pytest.fixture(scope="module")
def odd():
    running = Odd()
    yield running
    running.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One that may call itself a neighbour."""
    directory = tmp_path_factory.mktemp("server")
    settings = directory / "gennaker.yml"
    settings.write_text(json.dumps({"user-configured-url-restrictions": {
        "rejectLocalhost": False, "rejectVerbatimIps": False, "allowedHostnamesRegex": ".*"}}))
    with Server(directory / "data", "--config", str(settings)) as running:
        yield running


@pytest.fixture
def app():
    """The name of an application of this test alone; names of parameters make none."""
    return f"bad-{next(NUMBERS)}"


@pytest.fixture(autouse=True)
def alive(server):
    yield
    assert server.get("/health").json() == {"status": "UP"}


def outcome(server, app, *stages, **options):
    """The run of STAGES, which wait for nothing and have no refId of their own, when it has ended."""
    server.save(app, "p", [{"refId": str(place), "name": f"stage {place}", **stage} for place, stage in enumerate(stages)], **options)
    return server.wait_for(server.run(app, "p"))


def error_of(stage):
    return stage["context"]["exception"]["details"]["error"]


# ---- what other sides answer ----


@pytest.mark.parametrize("path, body", [
    ("/text", "not json"), ("/latin", "caf\u00e9"), ("/nul", "a\0b"), ("/deep", "[" * 200000), ("/number", '{"a":1e999}'),
    ("/header", {}), ("/empty", None)])
def test_an_answer_that_is_no_json_is_kept_as_text(server, app, odd, path, body):
    run = outcome(server, app, {"type": "webhook", "url": odd.url + path})
    assert run["status"] == "SUCCEEDED"
    assert run["stages"][0]["context"]["webhook"]["body"] == body


def test_an_answer_in_another_encoding_is_kept_as_what_can_be_read(server, app, odd):
    run = outcome(server, app, {"type": "webhook", "url": odd.url + "/utf16"})
    assert run["status"] == "SUCCEEDED"
    assert run["stages"][0]["context"]["webhook"]["body"].startswith("\ufffd\ufffd{\0")


@pytest.mark.parametrize("path, text", [
    ("/cut", "transfer closed"), ("/nothing", "Empty reply"), ("/noise", "HTTP"), ("/chunk", "chunk"), ("/gzip", "content"),
    ("/huge", "larger than"), ("/bomb", "larger than")])
def test_an_answer_that_cannot_be_read_fails_the_stage(server, app, odd, path, text):
    run = outcome(server, app, {"type": "webhook", "url": odd.url + path})
    assert run["status"] == "TERMINAL"
    assert text in error_of(run["stages"][0])


@pytest.mark.parametrize("path, more, text", [
    ("/status", {}, "statusJsonPath"), ("/text", {}, "statusJsonPath"), ("/empty", {}, "statusJsonPath"),
    ("/says", {"successStatuses": None}, "successStatuses"), ("/says", {"statusJsonPath": "$.["}, "statusJsonPath"),
    ("/says", {"progressJsonPath": "$.none"}, "progressJsonPath")])
def test_a_status_that_makes_no_sense_fails_the_stage(server, app, odd, path, more, text):
    stage = {"type": "webhook", "method": "GET", "url": odd.url + path, "waitForCompletion": True, "statusUrlResolution": "getMethod",
             "statusJsonPath": "$.status", "successStatuses": "DONE", **more}
    run = outcome(server, app, {key: value for key, value in stage.items() if value is not None})
    assert run["status"] == "TERMINAL"
    assert text in error_of(run["stages"][0])


def test_a_run_that_waits_for_an_answer_can_be_canceled(server, app, odd):
    server.save(app, "p", [{"refId": "1", "type": "webhook", "url": f"{odd.url}/{app}"}])
    run = server.run(app, "p")
    wait_until(lambda: f"/{app}" in odd.asked, "the call")
    assert server.put(f"/pipelines/{run}/cancel").status == 200
    done = server.wait_for(run)
    assert (done["status"], done["stages"][0]["status"]) == ("CANCELED", "CANCELED")


@pytest.mark.parametrize("url", ["", "   ", "ftp://example.com/", "http://", "example.com/x", "http://exa mple/", "http://[::1", 17])
def test_a_url_that_is_none_fails_the_stage(server, app, url):
    run = outcome(server, app, {"type": "webhook", "url": url})
    assert run["status"] == "TERMINAL"
    assert error_of(run["stages"][0])


# ---- fields of a wrong type ----


@pytest.mark.parametrize("stage, words", [
    ({"type": "wait", "waitTime": "soon"}, ["waitTime", "soon"]),
    ({"type": "wait", "waitTime": {}}, ["waitTime"]),
    ({"type": "evaluateVariables", "variables": "x"}, ["variables"]),
    ({"type": "evaluateVariables"}, ["variables"]),
    ({"type": "checkPreconditions"}, ["preconditions"]),
    ({"type": "checkPreconditions", "preconditions": {"type": "expression"}}, ["preconditions"]),
    ({"type": "webhook"}, ["url"]),
    ({"type": "webhook", "url": "http://127.0.0.1:1/", "customHeaders": "x"}, ["customHeaders"]),
    ({"type": "webhook", "url": "http://127.0.0.1:1/", "method": "DO IT"}, ["method"]),
    ({"type": "webhook", "url": "http://127.0.0.1:1/", "customHeaders": {"a\r\nb": "c"}}, ["header"]),
    ({"type": "webhook", "url": "http://127.0.0.1:1/", "customHeaders": {"a": "b\r\nc: d"}}, ["header"]),
    ({"type": "webhook", "monitorOnly": True, "statusEndpoint": "http://127.0.0.1:1/"}, ["waitForCompletion"]),
    ({"type": "manualJudgment", "requiredJudgmentRoles": {"a": 1}}, ["requiredJudgmentRoles"]),
    ({"type": "pipeline", "pipeline": ["x"]}, ["pipeline"]),
    ({"type": "pipeline"}, ["pipeline", "required"]),
    ({"type": "pipeline", "pipeline": "nobody"}, ["nobody", "not found"]),
    ({"type": "pipeline", "pipeline": "nobody", "application": "nowhere"}, ["nobody", "nowhere", "not found"]),
    ({"type": "pipeline", "pipeline": "nobody", "pipelineParameters": []}, ["pipelineParameters"]),
])
def test_a_stage_says_what_is_wrong_with_it(server, app, stage, words):
    run = outcome(server, app, stage)
    assert run["status"] == "TERMINAL", run["stages"][0]
    for word in words:
        assert word in error_of(run["stages"][0])


# ---- children ----


def test_a_child_that_is_disabled_fails_its_parent(server, app):
    server.save(app, "child", [{"refId": "1", "type": "wait", "waitTime": 0}], disabled=True)
    run = outcome(server, app, {"type": "pipeline", "pipeline": "child"})
    assert run["status"] == "TERMINAL"
    assert "disabled" in error_of(run["stages"][0])


def test_a_child_that_is_broken_fails_its_parent(server, app):
    server.save(app, "child", [{"refId": "1", "type": "wait", "requisiteStageRefIds": ["2"]}])
    run = outcome(server, app, {"type": "pipeline", "pipeline": "child"})
    assert run["status"] == "TERMINAL"
    assert "child" in error_of(run["stages"][0]) and "2" in error_of(run["stages"][0])


def test_a_child_that_is_deleted_while_it_runs_goes_on(server, app):
    server.save(app, "child", [{"refId": "1", "type": "manualJudgment"}])
    server.save(app, "p", [{"refId": "1", "type": "pipeline", "pipeline": "child"}])
    run = server.run(app, "p")
    event = server.stream(f"/events?application={app}&from=0").until("judgment", state="waiting")[-1][2]
    assert server.delete(f"/pipelines/{app}/child").status == 200
    assert server.patch(f"/pipelines/{event['run']}/stages/{event['stage']}", {"judgmentStatus": "continue"}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("wait", [True, False])
def test_a_pipeline_that_starts_itself_comes_to_an_end(server, app, wait):
    """Two that start each other; twenty below the first are enough."""
    for name, other in (("a", "b"), ("b", "a")):
        server.save(app, name, [{"refId": "1", "type": "pipeline", "pipeline": other, "waitForCompletion": wait}])
    first = server.wait_for(server.run(app, "a"))

    def all_runs():
        runs = server.get(f"/applications/{app}/pipelines?limit=100").json()
        return runs if len(runs) == 21 and all(run["status"] not in ("RUNNING", "NOT_STARTED") for run in runs) else None

    runs = wait_until(all_runs, "the end of all generations")
    last = max(runs, key=lambda run: run["id"])
    assert last["status"] == "TERMINAL"
    assert "deep" in error_of(last["stages"][0])
    assert first["status"] == ("TERMINAL" if wait else "SUCCEEDED")


def test_pipelines_that_start_many_that_start_many_come_to_an_end(server, app):
    """Thirty times thirty are fine, thirty times that are too many. (Here only one of the thirty is not skipped.)"""
    never = {"stageEnabled": {"type": "expression", "expression": "false"}}
    stages = [{"refId": str(place), "type": "pipeline", "pipeline": "p", **(never if place else {})} for place in range(30)]
    server.save(app, "p", stages)
    server.wait_for(server.run(app, "p"))
    runs = sorted(server.get(f"/applications/{app}/pipelines?limit=100").json(), key=lambda run: run["id"])
    assert [run["trigger"].get("familySize") for run in runs] == [None, 30, 900]
    assert {run["status"] for run in runs} == {"TERMINAL"}
    assert "more than 10000 runs" in error_of(runs[-1]["stages"][0])


def counted(server, name):
    lines = server.get("/metrics").body.decode().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"gennaker_runs_{name} "))


def test_a_family_that_grows_holds_up_nobody_and_ends_with_its_first(server, app):
    """Each of its runs starts two more: once the first is canceled not one of them starts any more."""
    server.save(app, "fan", [{"refId": str(place), "type": "pipeline", "pipeline": "fan", "requisiteStageRefIds": []} for place in range(2)])
    server.save(app, "other", [{"refId": "1", "type": "wait", "waitTime": 0}])
    before = counted(server, "started_total")
    first = server.run(app, "fan")
    wait_until(lambda: counted(server, "started_total") > before + 2000, "a family")
    started = counted(server, "started_total")
    server.wait_for(server.run(app, "other"))
    meanwhile = counted(server, "started_total") - started
    assert server.put(f"/pipelines/{first}/cancel").status == 200
    after = counted(server, "started_total")
    end = server.wait_for(first)
    wait_until(lambda: counted(server, "active") == 0, "the end of the family")
    assert counted(server, "started_total") == after
    assert end["status"] == "CANCELED" and meanwhile < 1000
    runs = server.get(f"/applications/{app}/pipelines?limit=20").json()
    assert {run["status"] for run in runs if run["name"] == "fan"} == {"CANCELED"}


def test_a_made_up_size_of_the_family_is_the_users_own_loss(server, app):
    server.save(app, "child", [{"refId": "1", "type": "wait", "waitTime": 0}])
    server.save(app, "p", [{"refId": str(place), "type": "pipeline", "pipeline": "child"} for place in range(2)])
    for size, status in ((-1, "SUCCEEDED"), ("x", "SUCCEEDED"), (5000, "SUCCEEDED"), (2**63 - 1, "TERMINAL")):
        assert server.wait_for(server.run(app, "p", familySize=size))["status"] == status


# ---- requests about runs ----


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/pipelines/{}", None), ("DELETE", "/pipelines/{}", None), ("PUT", "/pipelines/{}/cancel", None),
    ("PUT", "/pipelines/{}/pause", None), ("PUT", "/pipelines/{}/resume", None), ("GET", "/pipelines/{}/stages/x", None),
    ("PATCH", "/pipelines/{}/stages/x", {"a": 1}), ("PUT", "/pipelines/{}/stages/x/restart", {}),
    ("GET", "/executions/{}/events", None)])
@pytest.mark.parametrize("run", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "nobody", "' OR 1=1 --", "%F0%9F%90%88", "0" * 2000])
def test_runs_that_nobody_knows(server, method, path, body, run):
    answer = server.request(method, path.format(run.replace(" ", "%20")), body)
    assert answer.status == 404, answer.body
    assert answer.message()


def test_stages_that_nobody_knows(server, app):
    run = outcome(server, app, {"type": "wait", "waitTime": 0})["id"]
    going = running_judgment(server, app)[0]
    for one in (run, going):
        for method, path in (("GET", ""), ("PUT", "/restart"), ("PATCH", "")):
            answer = server.request(method, f"/pipelines/{one}/stages/nobody{path}", {} if method != "GET" else None)
            assert answer.status == 404, (method, path, answer.body)
            assert answer.message()


def running_judgment(server, app, *more):
    """The id of a run that waits for its judgment, and the path of that stage."""
    server.save(app, "judged", [{"refId": "1", "name": "Go?", "type": "manualJudgment"}, *more])
    run = server.run(app, "judged")
    stage = server.stream(f"/executions/{run}/events").until("judgment", state="waiting")[-1][2]["stage"]
    return run, f"/pipelines/{run}/stages/{stage}"


def test_who_judges_twice_is_told_that_it_is_done(server, app):
    behind = {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "waitTime": 3600}
    run, path = running_judgment(server, app, behind)
    assert server.patch(path, {"judgmentStatus": "continue", "judgmentInput": "first"}).status == 200
    server.stream(f"/executions/{run}/events").until("stage", ref="2", status="RUNNING")
    again = server.patch(path, {"judgmentStatus": "stop", "judgmentInput": "second"})
    assert again.status == 409
    assert "ended" in again.message()
    judge = server.get(f"/pipelines/{run}").json()["stages"][0]
    assert (judge["status"], judge["context"]["judgmentStatus"], judge["context"]["judgmentInput"]) == ("SUCCEEDED", "continue", "first")
    server.put(f"/pipelines/{run}/cancel")


def test_a_judgment_of_a_canceled_run_comes_too_late(server, app):
    run, path = running_judgment(server, app)
    server.put(f"/pipelines/{run}/cancel")
    assert server.wait_for(run)["status"] == "CANCELED"
    assert server.patch(path, {"judgmentStatus": "continue"}).status == 409
    assert server.delete(f"/pipelines/{run}").status == 200
    assert server.patch(path, {"judgmentStatus": "continue"}).status == 404


@pytest.mark.parametrize("body", [
    "[]", "1", "null", "", '"judgmentStatus"', "{", b'{"judgmentStatus": "\xff"}', '{"judgmentStatus": ["continue"]}',
    '{"judgmentStatus": {"continue": true}}', '{"requiredJudgmentRoles": {"a": 1}}', '{"manualSkip": true}'])
def test_a_patch_that_makes_no_sense_changes_nothing(server, app, body):
    run, path = running_judgment(server, app)
    before = server.get(f"/pipelines/{run}").json()
    refused = server.patch(path, body)
    assert refused.status in (400, 405), refused.body
    assert refused.message()
    assert server.get(f"/pipelines/{run}").json() == before
    assert server.patch(path, {"judgmentStatus": "Continue"}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("field, value", [
    ("waitTime", "soon"), ("waitTime", [1]), ("skipRemainingWait", {"a": 1}), ("stageTimeoutMs", {"a": 1})])
def test_a_wait_is_not_ended_by_a_patch_of_a_wrong_type(server, app, field, value):
    server.save(app, "w", [{"refId": "1", "type": "wait", "waitTime": 3600}])
    run = server.run(app, "w")
    stage = server.wait_for(run, "RUNNING")["stages"][0]
    server.stream(f"/executions/{run}/events").until("stage", ref="1", status="RUNNING")
    answer = server.patch(f"/pipelines/{run}/stages/{stage['id']}", {field: value})
    assert answer.status == 400, answer.body
    assert server.patch(f"/pipelines/{run}/stages/{stage['id']}", {"skipRemainingWait": True}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("path", ["pause", "resume", "cancel"])
def test_what_has_ended_stays_as_it_is(server, app, path):
    run = outcome(server, app, {"type": "wait", "waitTime": 0})
    answer = server.put(f"/pipelines/{run['id']}/{path}")
    assert answer.status == (200 if path == "cancel" else 409)
    assert server.get(f"/pipelines/{run['id']}").json() == run


def test_what_waits_is_not_paused_twice_nor_resumed_unpaused(server, app):
    run, path = running_judgment(server, app)
    assert server.put(f"/pipelines/{run}/resume").status == 409
    assert server.put(f"/pipelines/{run}/pause").status == 200
    assert server.put(f"/pipelines/{run}/pause").status == 409
    assert server.put(f"{path}/restart").status == 409
    assert server.delete(f"/pipelines/{run}").status == 409
    assert server.put(f"/pipelines/{run}/resume").status == 200
    assert server.patch(path, {"judgmentStatus": "continue"}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("body, status", [
    ("[]", 400), ("1", 400), ('"x"', 400), ("{", 400), ("", 200), ("null", 200), ("{}", 200), ('{"stages": 1}', 200),
    ('{"stages": [1, {"refId": {}}]}', 200), ('{"stages": [{"refId": "0", "type": 5, "preconditions": "x"}]}', 200)])
def test_a_restart_with_a_body_that_makes_no_sense(server, app, body, status):
    run = outcome(server, app, {"type": "checkPreconditions", "preconditions": []})
    path = f"/pipelines/{run['id']}/stages/{run['stages'][0]['id']}/restart"
    answer = server.put(path, body)
    assert answer.status == status, answer.body
    if status == 400:
        assert answer.message() and server.get(f"/pipelines/{run['id']}").json() == run
    else:
        assert server.wait_for(run["id"])["status"] == "SUCCEEDED"


@pytest.mark.parametrize("body", ["[]", "1", '"x"', '{"type": "manual", "parameters": []}', '{"parameters": "x"}'])
def test_a_trigger_that_makes_no_sense(server, app, body):
    """It starts nothing, or starts without what could not be read."""
    server.save(app, "p", [{"refId": "1", "type": "wait", "waitTime": 0}], parameterConfig=[{"name": "a", "required": True}])
    answer = server.post(f"/pipelines/{app}/p", body)
    assert answer.status == 400, answer.body
    assert answer.message()
    assert server.get(f"/applications/{app}/pipelines").json() == []
