"""Documents and triggers of a wrong shape: refused with the place, and nothing is kept of them."""

import pytest

WAIT = {"refId": "1", "type": "wait", "waitTime": 0}


# ---- saving


@pytest.mark.parametrize("wrong, said", [
    ({"stages": 5}, "stages: expected a list"), ({"stages": {"1": WAIT}}, "stages: expected a list"),
    ({"stages": [WAIT, 5]}, "stages[1]: expected an object"), ({"stages": [None]}, "stages[0]: expected an object"),
    ({"triggers": 5}, "triggers: expected a list, got 5"), ({"triggers": [{"type": "cron"}, "x"]}, 'triggers[1]: expected a map, got "x"'),
    ({"notifications": {}}, "notifications: expected a list, got a map"), ({"parameterConfig": "x"}, 'parameterConfig: expected a list, got "x"'),
    ({"parameterConfig": [[]]}, "parameterConfig[0]: expected a map, got a list"),
    ({"expectedArtifacts": [None]}, "expectedArtifacts[0]: expected a map, got null"), ({"id": 5}, "id: expected a string, got 5"),
    ({"name": 5}, "name: expected a string, got 5"), ({"application": ["x"]}, "application: expected a string, got a list"),
    ({"name": " "}, "name: "), ({"application": None}, "application: "),
    ({"name": "a/b"}, "name: no path can hold it"), ({"application": "a/b"}, "application: no path can hold it"),
    ({"name": "a\\b"}, "name: "), ({"name": ".."}, "name: "), ({"name": "a\tb"}, "name: "), ({"name": "a\0b"}, "name: ")])
def test_a_document_of_a_wrong_shape_is_not_saved(server, app, wrong, said):
    answer = server.post("/pipelines", {"application": app, "name": "p", "stages": [WAIT], **wrong})
    assert answer.status == 400 and answer.message().startswith(said), answer.body
    assert server.get(f"/applications/{app}/pipelineConfigs").json() == []
    stored = server.save(app, "kept", [WAIT])
    answer = server.put(f"/pipelines/{stored['id']}", {**stored, **wrong})
    assert answer.status == 400, answer.body
    assert server.get(f"/applications/{app}/pipelineConfigs").json() == [{**stored, "index": 0}]


@pytest.mark.parametrize("odd", [
    {"stages": None}, {"stages": []}, {"stages": [{}]}, {"stages": [{"type": 5, "requisiteStageRefIds": ["none"]}]}, {"triggers": None},
    {"parameterConfig": [{"name": 5, "options": 5}]}, {"limitConcurrent": "often"}, {"roles": 5}, {"index": "x"}, {"name": "a.b ${c} %"}])
def test_what_an_author_may_be_writing_is_saved(server, app, odd):
    document = {"application": app, "name": "p", **odd}
    assert server.post("/pipelines", document).status == 200
    stored = server.get("/pipelineConfigs").json()
    (mine,) = [one for one in stored if one["application"] == app]
    assert {key: mine[key] for key in document} == document
    assert server.delete(f"/pipelines/{app}/{document['name'].replace('%', '%25').replace(' ', '%20').replace('{', '%7B')}").status == 200
    assert server.get(f"/applications/{app}/pipelineConfigs").json() == []


# ---- starting


WRONG = [
    ({"parameters": 5}, "parameters: expected a map, got 5"), ({"parameters": [1]}, "parameters: expected a map, got a list"),
    ({"user": 5}, "user: expected a string, got 5"), ({"type": 5}, "type: expected a string, got 5"),
    ({"artifacts": 5}, "artifacts: expected a list, got 5"), ({"artifacts": [5]}, "artifacts[0]: expected a map, got 5"),
    ({"correlationId": {}}, "correlationId: expected a string, got a map"), ({"dryRun": "x"}, 'dryRun: expected true or false, got "x"'),
    ({"notifications": 1}, "notifications: expected a list, got 1"),
    ({"expectedArtifactIds": "a"}, 'expectedArtifactIds: expected a list, got "a"'),
    ({"expectedArtifactIds": ["known", 5]}, "expectedArtifactIds[1]: expected a string, got 5"),
    ({"expectedArtifactIds": ["known", "other"]}, 'expectedArtifactIds[1]: the pipeline expects no artifact "other"')]
KNOWN = [{"id": "known", "matchArtifact": {"type": "x"}, "useDefaultArtifact": True, "defaultArtifact": {"type": "x", "name": "d"}}]


@pytest.mark.parametrize("trigger, said", WRONG)
def test_a_trigger_of_a_wrong_shape_starts_nothing(server, app, trigger, said):
    server.save(app, "p", [WAIT], expectedArtifacts=KNOWN)
    answer = server.post(f"/pipelines/{app}/p", trigger)
    assert (answer.status, answer.message()) == (400, said)
    whole = {"application": app, "name": "p", "stages": [WAIT], "expectedArtifacts": KNOWN, "trigger": trigger}
    answer = server.post("/pipelines/start", whole)
    assert (answer.status, answer.message()) == (400, f"trigger.{said}")
    assert server.get(f"/applications/{app}/pipelines").json() == []


def test_a_trigger_is_an_object(server, app):
    server.save(app, "p", [WAIT])
    for body in (5, [], "x"):
        assert server.post(f"/pipelines/{app}/p", body).status == 400
        answer = server.post("/pipelines/start", {"application": app, "name": "p", "stages": [WAIT], "trigger": body})
        assert answer.status == 400 and answer.message().startswith("trigger: expected a map, got ")


def test_what_a_trigger_says_of_what_is_expected_is_taken(server, app):
    server.save(app, "p", [WAIT], expectedArtifacts=KNOWN)
    run = server.run(app, "p", expectedArtifactIds=["known"], parameters={"a": 1}, artifacts=[], user="eve", dryRun=False, more=5)
    trigger = server.wait_for(run)["trigger"]
    assert [one["id"] for one in trigger["resolvedExpectedArtifacts"]] == ["known"]
    assert (trigger["parameters"], trigger["user"], trigger["more"]) == ({"a": 1}, "eve", 5)


@pytest.mark.parametrize("stages", [[], None])
def test_a_pipeline_without_stages_ends_at_once_and_says_why(server, app, stages):
    server.save(app, "p", stages)
    run = server.wait_for(server.run(app, "p"))
    assert (run["status"], run["stages"], run["canceledBy"]) == ("TERMINAL", [], "system")
    assert run["cancellationReason"] == "Failed on startup: stages: the pipeline has none, so there is nothing to run"
