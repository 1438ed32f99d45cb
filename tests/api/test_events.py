"""The journal as a list and as a stream."""

import pytest

WAIT = {"type": "wait", "refId": "1", "name": "Wait", "waitTime": 0}
LONG_WAIT = {**WAIT, "waitTime": 3600}


@pytest.fixture
def finished(server, app):
    server.save(app, "p", [WAIT])
    run = server.run(app, "p")
    server.wait_for(run)
    return run


def test_the_events_of_a_run_as_a_list(server, finished):
    events = server.get(f"/executions/{finished}/events").json()
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert {"run", "stage", "task"} <= {event["event"] for event in events}
    assert all(event["at"] > 1_600_000_000_000 for event in events)
    last = [event for event in events if event["event"] == "run"][-1]
    assert (last["data"]["id"], last["data"]["status"]) == (finished, "SUCCEEDED")


def test_pages_of_events(server, finished):
    path = f"/executions/{finished}/events"
    everything = server.get(path).json()
    page = server.get(path + "?limit=2").json()
    assert page == everything[:2]
    assert server.get(f"{path}?limit=2&from={page[-1]['seq']}").json() == everything[2:4]
    assert server.get(f"{path}?from={everything[-1]['seq']}").json() == []
    assert server.get(f"{path}?from=-1").status == 400
    assert server.get(f"{path}?limit=0").status == 400


def test_events_of_no_run(server):
    assert server.get("/executions/nothing/events").status == 404
    assert server.get("/executions/nothing/events", Accept="text/event-stream").status == 404


def test_all_events_filtered_by_application_and_type(server, app):
    server.save(app, "p", [WAIT])
    run = server.run(app, "p")
    server.wait_for(run)
    events = server.get(f"/events?application={app.upper()}").json()
    assert {"config", "run", "stage", "task"} <= {event["event"] for event in events}
    assert {event["data"].get("run", event["data"]["id"] if event["event"] == "run" else run) for event in events} == {run}
    configs = server.get(f"/events?application={app}&types=config").json()
    assert [(event["event"], event["data"]["op"]) for event in configs] == [("config", "create")]


def test_a_stream_follows_a_run_from_its_beginning(server, app):
    server.save(app, "p", [LONG_WAIT])
    run = server.run(app, "p")
    stage = server.wait_for(run, "RUNNING")["stages"][0]["id"]
    stream = server.stream(f"/executions/{run}/events")
    position, event, data = stream.next()
    assert (position, event) == (None, "hello")
    assert data["seq"] > 0 and data["now"] > 0
    stream.until("stage", status="RUNNING")
    server.patch(f"/pipelines/{run}/stages/{stage}", {"skipRemainingWait": True})
    seen = stream.until("run", status="SUCCEEDED")
    assert seen[-1][2]["at"] >= seen[0][2]["at"]
    assert server.get(f"/executions/{run}/events").json()[-1]["seq"] >= seen[-1][0]


def test_a_stream_equals_the_list_and_can_be_resumed(server, finished):
    listed = [(event["seq"], event["event"]) for event in server.get(f"/executions/{finished}/events").json()]

    def read(**headers):
        stream = server.stream(f"/executions/{finished}/events", **headers)
        assert stream.next()[1] == "hello"
        return [(position, event) for position, event, _ in stream.until("run", status="SUCCEEDED")]

    assert read() == listed[:len(read())]
    assert read(Last_Event_ID=listed[2][0]) == read()[3:]


def test_a_position_that_was_never_reached_is_a_reset(server, finished):
    stream = server.stream("/events", Last_Event_ID=10**9)
    assert stream.next()[1] == "hello"
    position, event, data = stream.next()
    assert event == "reset"
    assert position == data["seq"] < 10**9


def test_the_stream_of_everything_begins_now(server, app, finished):
    stream = server.stream("/events?types=config,run")
    assert stream.next()[1] == "hello"
    server.save(app, "later", [WAIT])
    assert stream.next()[1:2] + (stream.response.status,) == ("config", 200)


def test_a_reader_that_does_not_read_holds_nobody(server, app):
    idle = [server.stream("/events?from=0") for _ in range(4)]
    server.save(app, "p", [{**WAIT, "text": "x" * 200_000}])
    for _ in range(20):
        assert server.wait_for(server.run(app, "p"))["status"] == "SUCCEEDED"
    for stream in idle:
        stream.until("config", app=app)


def test_what_a_kubernetes_secret_holds_is_in_no_event_and_no_answer(server, app):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
              "data": {"a": "UExBTlRFRC0x"}, "stringData": {"b": "PLANTED-2"}}
    deploy = {"refId": "2", "requisiteStageRefIds": ["1"], "type": "deployManifest", "account": "none", "source": "text",
              "cloudProvider": "kubernetes", "manifests": [secret]}
    server.save(app, "secret", [{"refId": "1", "type": "wait", "waitTime": 1}, deploy])
    run = server.run(app, "secret")
    stage = server.get(f"/pipelines/{run}").json()["stages"][1]["id"]
    patched = server.patch(f"/pipelines/{run}/stages/{stage}", {"comments": "x"})
    assert patched.status == 200
    server.wait_for(run, "TERMINAL")
    answers = [patched.body] + [server.get(path).body for path in (
        f"/executions/{run}/events", f"/pipelines/{run}", f"/applications/{app}/pipelines", "/events")]
    answers.append(server.errors.read_bytes())
    for answer in answers:
        assert b"PLANTED-2" not in answer and b"UExBTlRFRC0x" not in answer
    assert b"PLANTED-2" in server.get(f"/applications/{app}/pipelineConfigs/secret").body, "the author's own stays"
