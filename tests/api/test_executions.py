"""Pipelines and their runs over HTTP, beyond what spin does."""

import json
import urllib.parse

import pytest

WAIT = {"type": "wait", "refId": "1", "name": "Wait", "waitTime": 0}
LONG_WAIT = {**WAIT, "waitTime": 3600}
SET = {"type": "evaluateVariables", "refId": "1", "name": "Set", "variables": [{"key": "who", "value": "World"}]}


def test_reads_say_which_position_of_the_journal_they_reflect(server, app):
    before = int(server.get(f"/applications/{app}/pipelineConfigs").headers["X-Journal-Seq"])
    server.save(app, "p", [WAIT])
    run = server.run(app, "p")
    server.wait_for(run)
    for path in (f"/pipelines/{run}", f"/applications/{app}/pipelineConfigs", f"/executions?executionIds={run}",
                 f"/applications/{app}/pipelineConfigs/p", "/applications", f"/executions/{run}/events"):
        assert int(server.get(path).headers["X-Journal-Seq"]) > before


def test_unknown_keys_are_kept(server, app):
    document = {"appConfig": {"x": [1, 2.5, None]}, "keepWaitingPipelines": False, "ours": "é ✓"}
    stored = server.save(app, "p", [{**WAIT, "unknown": {"deep": True}}], **document)
    for key, value in document.items():
        assert stored[key] == value
    assert stored["stages"][0]["unknown"] == {"deep": True}
    assert stored["updateTs"] == str(stored["lastModified"])
    assert stored["lastModifiedBy"] == "anonymous"


def test_a_name_is_trimmed_and_unique_without_regard_to_case(server, app):
    server.save(app, "p", [WAIT])
    assert server.post("/pipelines", {"application": app, "name": " q ", "stages": []}).status == 200
    assert server.get(f"/applications/{app}/pipelineConfigs/q").status == 200
    refused = server.post("/pipelines", {"application": app, "name": "P", "stages": []})
    assert refused.status == 400
    assert refused.message() == f"A pipeline with name P already exists in application {app}"


def test_a_stale_pipeline_is_refused_when_asked_for(server, app):
    stored = server.save(app, "p", [WAIT])
    stale = {**stored, "lastModified": stored["lastModified"] - 1}
    refused = server.post("/pipelines?staleCheck=true", stale)
    assert refused.status == 400
    assert refused.message().startswith("The submitted pipeline is stale")
    assert server.post("/pipelines?staleCheck=true", stored).status == 200
    assert server.post("/pipelines", stale).status == 200


@pytest.mark.parametrize("missing", ["name", "application"])
def test_a_pipeline_needs_a_name_and_an_application(server, missing):
    document = {"application": "a", "name": "n", "stages": []}
    document[missing] = " "
    refused = server.post("/pipelines", document)
    assert refused.status == 400
    assert missing in refused.message()


def test_put_renames(server, app):
    stored = server.save(app, "old", [WAIT])
    answer = server.put(f"/pipelines/{stored['id']}", {**stored, "name": "new"})
    assert answer.status == 200
    assert (answer.json()["name"], answer.json()["id"]) == ("new", stored["id"])
    assert server.get(f"/applications/{app}/pipelineConfigs/old").status == 404
    assert server.put(f"/pipelines/{stored['id']}", {**stored, "id": "other"}).status == 400
    assert server.put("/pipelines/nothing", {"application": app, "name": "x"}).status == 404


def test_history_is_newest_first(server, app):
    stored = server.save(app, "p", [WAIT], description="1")
    for description in ("2", "3"):
        server.post("/pipelines", {**stored, "description": description})
    path = f"/pipelineConfigs/{stored['id']}/history"
    assert [row["description"] for row in server.get(path).json()] == ["3", "2", "1"]
    assert [row["description"] for row in server.get(path + "?limit=2").json()] == ["3", "2"]
    assert server.get("/pipelineConfigs/nothing/history").status == 404
    assert stored["id"] in [row["id"] for row in server.get("/pipelineConfigs").json()]


def test_the_list_of_pipelines_is_ordered_by_index_then_name_and_filtered(server, app):
    for name, more in (("zeta", {"index": 0}), ("b", {}), ("Alpha", {}), ("eta", {"index": 1})):
        server.save(app, name, [WAIT], **more)
    path = f"/applications/{app}/pipelineConfigs"
    assert [row["name"] for row in server.get(path).json()] == ["zeta", "eta", "Alpha", "b"]
    assert [row["name"] for row in server.get(path + "?pipelineNameFilter=ETA").json()] == ["zeta", "eta"]


@pytest.mark.parametrize("name", ["a.b", "发布 100%", "a+b&c=d", "{name}", "v2", "start"])
def test_names_are_names(server, app, name):
    assert server.save(app, name, [WAIT])["name"] == name
    path = urllib.parse.quote(name, safe="")
    assert server.post(f"/pipelines/{app}/{path}").status == 202
    assert server.delete(f"/pipelines/{app}/{path}").status == 200
    assert server.get(f"/applications/{app}/pipelineConfigs/{path}").status == 404


def test_start_by_id_and_with_the_application_in_any_case(server, app):
    stored = server.save(app, "p", [WAIT])
    assert server.post(f"/pipelines/{app}/{stored['id']}").status == 202
    assert server.post(f"/pipelines/{app.upper()}/p").status == 202
    assert server.post(f"/pipelines/other/{stored['id']}").status == 404


def test_required_parameters_are_checked_at_the_first_way_to_start_only(server, app):
    server.save(app, "p", [WAIT], parameterConfig=[{"name": "who", "required": True}])
    refused = server.post(f"/pipelines/{app}/p", {"parameters": {}})
    assert refused.status == 400
    assert refused.message() == "Required parameter who is missing"
    answer = server.post(f"/pipelines/v2/{app}/p", {})
    assert answer.status == 202
    assert set(answer.json()) == {"eventId", "ref"}


def test_what_keeps_a_pipeline_from_starting_is_said_before_its_parameters_are_asked_for(server, app):
    circle = [dict(WAIT, requisiteStageRefIds=["2"]), dict(WAIT, refId="2", requisiteStageRefIds=["1"])]
    stored = server.save(app, "p", circle, parameterConfig=[{"name": "who", "required": True}])
    refused = server.post(f"/pipelines/{app}/p", {})
    assert refused.status == 400
    assert "circle" in refused.message() and "who" not in refused.message()
    assert server.get(f"/executions?pipelineConfigIds={stored['id']}").json() == []
    server.save(app, "p", [WAIT], id=stored["id"], disabled=True, parameterConfig=[{"name": "who", "required": True}])
    assert server.post(f"/pipelines/{app}/p", {}).message() == '"p" is disabled'


def test_start_of_a_document(server, app):
    answer = server.post("/pipelines/start", {"application": app, "name": "ad hoc", "stages": [SET]})
    assert answer.status == 200
    run = server.wait_for(answer.json()["ref"].rsplit("/", 1)[1])
    assert run["status"] == "SUCCEEDED"
    assert run["stages"][0]["outputs"]["who"] == "World"
    assert run["origin"] == "api"
    assert run["authentication"]["user"] == "anonymous"


def test_a_skeleton_and_one_stage(server, app):
    server.save(app, "p", [{**SET, "group": "g"}])
    run = server.run(app, "p")
    full = server.wait_for(run)
    stage = full["stages"][0]
    assert stage["tasks"] and stage["outputs"]["who"] == "World"
    skeleton = server.get(f"/pipelines/{run}?expand=false").json()["stages"][0]
    assert (skeleton["context"], skeleton["outputs"], skeleton["tasks"]) == ({"group": "g"}, {}, [])
    assert skeleton["status"] == "SUCCEEDED"
    assert server.get(f"/pipelines/{run}/stages/{stage['id']}").json() == stage
    assert server.get(f"/pipelines/{run}/stages/nothing").status == 404
    listed = server.get(f"/applications/{app}/pipelines?expand=false").json()[0]["stages"][0]
    assert (listed["context"], listed["tasks"]) == ({"group": "g"}, [])


def test_lists_are_what_the_runs_are_and_leave_out_what_is_large_when_asked_to(server, app):
    server.save(app, "child", [{**SET, "group": "g", "note": "x" * 20000}])
    parent = server.save(app, "parent", [{"type": "pipeline", "refId": "1", "name": "Child", "pipeline": "child"}])
    server.wait_for(server.run(app, "parent"))
    whole = server.get(f"/applications/{app}/pipelines").json()
    assert len(whole) == 2
    for run in whole:
        assert run == server.get(f"/pipelines/{run['id']}").json()
    brief = {run["id"]: run for run in server.get(f"/applications/{app}/pipelines?expand=false").json()}
    for run in whole:
        for stage in run["stages"]:
            stage.update(context={"group": "g"} if "group" in stage["context"] else {}, outputs={}, tasks=[])
        if "parentExecution" in run["trigger"]:
            assert run["trigger"]["parentExecution"]["stages"]
            run["trigger"]["parentExecution"]["stages"] = []
        assert brief[run["id"]] == run
    found = server.get(f"/applications/{app}/executions/search?size=5").json()
    assert found == [brief[run["id"]] for run in found] and len(found) == 2
    assert server.get(f"/executions?pipelineConfigIds={parent['id']}&expand=false").json()[0] == brief[found[1]["id"]]


def test_a_patch_skips_a_wait(server, app):
    server.save(app, "p", [LONG_WAIT])
    run = server.run(app, "p")
    stage = server.wait_for(run, "RUNNING")["stages"][0]
    answer = server.patch(f"/pipelines/{run}/stages/{stage['id']}", {"skipRemainingWait": True})
    assert answer.status == 200
    assert answer.json()["id"] == run
    finished = server.wait_for(run)
    assert finished["status"] == "SUCCEEDED"
    assert finished["stages"][0]["lastModified"]["user"] == "anonymous"
    assert finished["stages"][0]["context"]["lastModifiedBy"] == "anonymous"
    assert server.patch(f"/pipelines/{run}/stages/{stage['id']}", {"x": 1}).status == 409
    assert server.patch(f"/pipelines/{run}/stages/{stage['id']}", [1]).status == 400


def test_delete_only_of_what_has_ended(server, app):
    server.save(app, "p", [LONG_WAIT])
    run = server.run(app, "p")
    assert server.delete(f"/pipelines/{run}").status == 409
    server.put(f"/pipelines/{run}/cancel")
    server.wait_for(run)
    answer = server.delete(f"/pipelines/{run}")
    assert (answer.status, answer.body) == (200, b"")
    assert server.get(f"/pipelines/{run}").status == 404
    assert server.delete(f"/pipelines/{run}").status == 404
    assert server.put(f"/pipelines/{run}/cancel").status == 404


def test_lists_of_runs_count_for_each_pipeline(server, app):
    for name in ("p", "q"):
        server.save(app, name, [WAIT])
        for _ in range(3):
            server.wait_for(server.run(app, name))
    path = f"/applications/{app}/pipelines"
    assert len(server.get(path).json()) == 6
    assert len(server.get(path + "?limit=0").json()) == 6
    assert sorted(row["name"] for row in server.get(path + "?limit=2").json()) == ["p", "p", "q", "q"]
    assert server.get(path + "?statuses=RUNNING").json() == []
    assert server.get(path + "?statuses=GONE").status == 400
    assert server.get(path + "?limit=many").status == 400
    assert server.get("/executions").json() == []
    assert server.get("/executions?pipelineConfigIds=a&executionIds=b").status == 400


BROKEN = {
    "cycle": [{**WAIT, "refId": "1", "requisiteStageRefIds": ["2"]}, {**WAIT, "refId": "2", "requisiteStageRefIds": ["1"]}],
    "dangling": [{**WAIT, "requisiteStageRefIds": ["9"]}],
    "twice": [WAIT, WAIT],
    "no type": [{"refId": "1", "name": "x"}],
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_graph_is_refused_at_start_and_leaves_a_terminal_run(server, what):
    app = "broken" + what.replace(" ", "")
    config = server.save(app, "p", BROKEN[what])["id"]
    refused = server.post(f"/pipelines/{app}/p", {})
    assert refused.status == 400
    assert "stages[" in refused.message()
    left = server.get(f"/executions?pipelineConfigIds={config}").json()
    assert [row["status"] for row in left] == ["TERMINAL"]


def test_an_unknown_stage_type_is_kept_and_fails_when_it_is_reached(server, app):
    server.save(app, "p", [{"type": "noSuchStage", "refId": "1", "name": "x"}])
    run = server.wait_for(server.run(app, "p"))
    assert run["status"] == "TERMINAL"
    assert "noSuchStage" in str(run["stages"][0]["context"]["exception"])


def test_a_pass_looks_up_so_many_pipelines_and_no_more(server, app):
    stored = server.save(app, "p", [WAIT])
    for count in (100, 101):
        variables = [{"key": "ids", "value": "${ #pipelineId('p') }" * count}]
        server.save(app, f"asks-{count}", [{"refId": "1", "type": "evaluateVariables", "variables": variables}])
        (stage,) = server.wait_for(server.run(app, f"asks-{count}"))["stages"]
        assert (stage["outputs"].get("ids") == stored["id"] * count) == (count == 100), stage
        assert ("more than 100 lookups" in json.dumps(stage["context"])) == (count == 101), stage
