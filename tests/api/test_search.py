"""Looking for runs among all of an application, and in the journal."""
import base64
import json

import pytest

WAIT = {"refId": "1", "type": "wait", "waitTime": 0}


def search(server, app, **query):
    path = f"/applications/{app}/executions/search?" + "&".join(f"{key}={value}" for key, value in query.items())
    return server.get(path)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.fixture(name="runs")
def three_runs(server, app):
    server.save(app, "p", [WAIT])
    server.save(app, "q", [WAIT])
    runs = [server.run(app, "p", type="webhook", source="Git", payload={"branch": "main", "tags": ["a", "b"]}),
            server.run(app, "p", parameters={"env": "prod", "count": 3}),
            server.run(app, "q", type="webhook", source="hub", payload={"branch": "main", "tags": ["b"]})]
    for run in runs:
        server.wait_for(run)
    return runs


@pytest.mark.parametrize("wanted, found", [
    ({}, [2, 1, 0]),
    ({"type": "webhook"}, [2, 0]),
    ({"source": "git"}, [0]),
    ({"source": "G.t|hub"}, [2, 0]),
    ({"source": "gi"}, []),
    ({"payload": {"branch": "main", "tags": ["b"]}}, [2, 0]),
    ({"payload": {"tags": ["b", "a"]}}, [0]),
    ({"payload": {"tags": ["b", "b"]}}, []),
    ({"payload": {"tags": [".*", "b"]}}, [0]),
    ({"parameters": {"count": 3}}, [1]),
    ({"parameters": {"count": "3"}}, []),
    ({"nothing": "x"}, []),
])
def test_a_part_of_the_trigger(server, app, runs, wanted, found):
    answer = search(server, app, trigger=part(wanted))
    assert [row["id"] for row in answer.json()] == [runs[i] for i in found]
    assert "X-Search-Reached" not in answer.headers


def test_what_is_no_trigger_is_refused(server, app):
    assert search(server, app, trigger="***").status == 400
    assert search(server, app, trigger=part([1])).status == 400
    slow = {"user": "(x+x+)+y"}
    assert search(server, app, trigger=part(slow)).status == 200


def test_by_the_event_and_by_time(server, app, runs):
    started = server.post(f"/pipelines/v2/{app}/q", {}).json()
    run = started["ref"].rsplit("/", 1)[1]
    assert server.wait_for(run)["trigger"]["eventId"] == started["eventId"]
    assert [row["id"] for row in search(server, app, eventId=started["eventId"]).json()] == [run]
    assert search(server, app, eventId="none").json() == []
    built = server.wait_for(runs[0])["buildTime"]
    between = search(server, app, triggerTimeStartBoundary=built, triggerTimeEndBoundary=built).json()
    assert runs[0] in [row["id"] for row in between]
    assert search(server, app, triggerTimeEndBoundary=built - 1).json() == []
    assert search(server, app, triggerTimeEndBoundary=0).json() == []


def test_a_search_looks_beyond_the_first_thousand_runs(server, app):
    server.save(app, "many", [WAIT])
    first = server.run(app, "many", parameters={"needle": "yes"})
    server.wait_for(first)
    for _ in range(1010):
        server.run(app, "many")
    found = search(server, app, trigger=part({"parameters": {"needle": "yes"}})).json()
    assert [row["id"] for row in found] == [first]


def test_a_start_that_is_refused_is_a_run_that_says_why(server, app):
    server.save(app, "off", [WAIT], disabled=True)
    refused = server.post(f"/pipelines/{app}/off", {})
    assert refused.status == 400
    answer = server.post(f"/pipelines/v2/{app}/off", {})
    assert answer.status == 202
    run = server.get(answer.json()["ref"]).json()
    assert (run["status"], run["canceledBy"]) == ("TERMINAL", "system")
    assert run["cancellationReason"] == 'Failed on startup: "off" is disabled'
    assert run["trigger"]["eventId"] == answer.json()["eventId"]
    assert server.post(f"/pipelines/v2/{app}/nothing", {}).status == 404


def test_expected_artifacts_that_did_not_come_refuse_a_start(server, app):
    image = {"type": "docker/image", "name": "app"}
    server.save(app, "p", [WAIT], expectedArtifacts=[{"id": "i", "displayName": "image", "matchArtifact": image}])
    server.wait_for(server.run(app, "p"))  # a start that does not name it does not need it
    refused = server.post(f"/pipelines/{app}/p", {"expectedArtifactIds": ["i"]})
    assert refused.status == 400
    assert 'Unmatched expected artifact "image"' in refused.message()
    given = server.run(app, "p", expectedArtifactIds=["i"], artifacts=[{**image, "reference": "app:1"}])
    trigger = server.wait_for(given)["trigger"]
    assert trigger["resolvedExpectedArtifacts"][0]["boundArtifact"]["reference"] == "app:1"


def test_numbers_beyond_64_bits_come_back(server, app):
    body = f'{{"application": "{app}", "name": "big", "id": "{app}-big", "number": 123456789012345678901234567890, "stages": []}}'
    assert server.post("/pipelines", body.encode()).status == 200
    assert server.get(f"/applications/{app}/pipelineConfigs/big").json()["number"] == 123456789012345678901234567890


def test_a_list_of_events_says_where_to_go_on(server, app):
    run = server.post("/pipelines/start", {"application": app, "name": "x", "stages": [WAIT]}).json()["ref"].rsplit("/", 1)[1]
    server.wait_for(run)
    whole = server.get(f"/executions/{run}/events")
    assert whole.headers["X-Journal-Next"] == whole.headers["X-Journal-Seq"]
    part_of_it = server.get(f"/executions/{run}/events?limit=2")
    assert int(part_of_it.headers["X-Journal-Next"]) == part_of_it.json()[-1]["seq"]
    rest = server.get(f"/executions/{run}/events?from={part_of_it.headers['X-Journal-Next']}")
    assert part_of_it.json() + rest.json() == whole.json()
    none = server.get("/events?types=nothing&limit=5")
    assert none.json() == []
    assert int(none.headers["X-Journal-Next"]) <= int(none.headers["X-Journal-Seq"])
