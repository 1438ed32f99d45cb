"""Each key of each stage type, of stages in general and of a pipeline, with a value of each wrong type: a run is refused with a text, or
comes to an end; the server goes on. The keys are those that the server itself lists."""

import pytest
from server import ENDS, wait_until

VALUES = [None, True, 0, -1, 1e300, 9007199254740993, "", "x", "${", "${ nothing.at.all }", "${ {'a': {1}} }", [], {}, [None], [[1]], ["x"],
          {"a": {}}, {"": None}, [{"a": 1}], "\0", "x" * 70000]
OURS = ["wait", "evaluateVariables", "checkPreconditions", "manualJudgment", "pipeline", "webhook"]
FAILED = ("TERMINAL", "STOPPED", "FAILED_CONTINUE")
STAGES = {
    "wait": {"waitTime": 0}, "evaluateVariables": {"variables": [{"key": "a", "value": 1}]}, "manualJudgment": {},
    "checkPreconditions": {"preconditions": [{"type": "expression", "context": {"expression": "true"}}]},
    "pipeline": {"pipeline": "child"}, "webhook": {"url": "https://nobody.invalid/", "payload": {"a": 1}},
}
INSIDE = [  # keys of what stands in lists of a stage
    ("evaluateVariables", lambda value: {"variables": [{"key": value, "value": 1}]}),
    ("evaluateVariables", lambda value: {"variables": [{"key": "a", "value": value}, {"key": "b", "value": "${a}"}]}),
    ("checkPreconditions", lambda value: {"preconditions": [{"type": value, "context": {"expression": "true"}}]}),
    ("checkPreconditions", lambda value: {"preconditions": [{"type": "expression", "context": value}]}),
    ("checkPreconditions", lambda value: {"preconditions": [{"type": "expression", "context": {"expression": value}}]}),
    ("checkPreconditions", lambda value: {"preconditions": [{"type": "stageStatus", "context": {"stageName": value, "stageStatus": value}}]}),
    ("manualJudgment", lambda value: {"judgmentInputs": [{"value": value}], "judgmentStatus": "continue"}),
    ("manualJudgment", lambda value: {"notifications": [{"type": value, "when": value, "notifyEveryMs": value}]}),
    ("webhook", lambda value: {"customHeaders": {"a": value}, "failFastStatusCodes": [value]}),
    ("webhook", lambda value: {"retries": {"500": value}, "waitForCompletion": True, "statusUrlResolution": "getMethod"}),
    ("wait", lambda value: {"restrictExecutionDuringTimeWindow": True, "restrictedExecutionWindow": {"days": value}}),
    ("wait", lambda value: {"restrictExecutionDuringTimeWindow": True, "restrictedExecutionWindow": {"whitelist": value}}),
    ("wait", lambda value: {"restrictExecutionDuringTimeWindow": True,
                            "restrictedExecutionWindow": {"whitelist": [{"startHour": value, "startMin": value}]}}),
    ("wait", lambda value: {"restrictExecutionDuringTimeWindow": True,
                            "restrictedExecutionWindow": {"days": [1, 2], "jitter": {"enabled": True, "minDelay": value, "maxDelay": value}}}),
    ("wait", lambda value: {"stageEnabled": {"type": "expression", "expression": value}}),
    ("wait", lambda value: {"stageEnabled": {"type": value, "expression": "true"}}),
]


def stage(kind, **more):
    return {"refId": "1", "type": kind, "name": "it", **STAGES[kind], **more}


def try_all(server, documents):
    """Starts every one; those that wait are canceled. The answers that nobody should get."""
    runs, wrong = [], []
    for document in documents:
        answer = server.post("/pipelines/start", document)
        if answer.status == 200:
            runs.append(answer.json()["ref"].rsplit("/", 1)[1])
        elif answer.status != 400 or not answer.message():
            wrong.append((document, answer.status, answer.body))
    for run in runs:
        assert server.put(f"/pipelines/{run}/cancel").status == 200
    for run in runs:
        stages = server.wait_for(run)["stages"]
        said = {one["id"] for one in stages if one["context"].get("exception", {}).get("details", {}).get("error")}
        said |= {one.get("parentStageId") for one in stages if one["id"] in said}
        wrong += [(one["context"], one["status"], "without a text") for one in stages if one["status"] in FAILED and one["id"] not in said]
    return wrong


@pytest.mark.parametrize("kind", OURS)
def test_each_field_of_a_stage(server, app, kind):
    server.save(app, "child", [{"refId": "1", "type": "wait", "waitTime": 0}])
    fields = [field["key"] for field in server.get(f"/schema/stages/{kind}").json()["fields"]]
    assert fields
    assert try_all(server, ({"application": app, "name": "p", "stages": [stage(kind, **{key: value})]}
                            for key in fields for value in VALUES)) == []


def test_each_field_that_all_stages_have(server, app):
    fields = [field["key"] for field in server.get("/schema/stages").json()["fields"]]
    assert "stageTimeoutMs" in fields
    assert try_all(server, ({"application": app, "name": "p", "stages": [stage("wait", **{key: value}), {"refId": "2", "type": "wait"}]}
                            for key in [*fields, "id", "context", "status", "tasks", "outputs", "comments"] for value in VALUES)) == []


def test_each_field_of_a_pipeline(server, app):
    fields = [field["key"] for field in server.get("/schema/pipeline").json()["fields"]]
    assert "parameterConfig" in fields
    assert try_all(server, ({"application": app, "name": "p", "stages": [stage("wait")], key: value}
                            for key in [*fields, "trigger", "id"] for value in VALUES)) == []


@pytest.mark.parametrize("kind, make", INSIDE)
def test_what_stands_inside_of_a_field(server, app, kind, make):
    assert try_all(server, ({"application": app, "name": "p", "stages": [stage(kind, **make(value))]} for value in VALUES)) == []


def test_each_field_of_a_trigger(server, app):
    server.save(app, "p", [stage("wait")], parameterConfig=[{"name": "a"}])
    keys = ["type", "user", "parameters", "artifacts", "resolvedExpectedArtifacts", "correlationId", "dryRun", "strategy", "payload",
            "parentExecution", "parentPipelineId", "executionId", "isRebake", "notifications"]
    for key in keys:
        for value in VALUES:
            answer = server.post(f"/pipelines/{app}/p", {key: value})
            assert answer.status in (202, 400), (key, value, answer.body)
    wait_until(lambda: all(run["status"] in ENDS for run in server.get(f"/applications/{app}/pipelines?limit=1000").json()), "all ends")


@pytest.mark.parametrize("kind", ["wait", "manualJudgment"])
def test_each_field_of_a_running_stage_by_patch(server, app, kind):
    """What is refused changes nothing, and what is taken does not harm the server."""
    fields = [field["key"] for field in server.get(f"/schema/stages/{kind}").json()["fields"]]
    fields += [field["key"] for field in server.get("/schema/stages").json()["fields"]]
    for key in dict.fromkeys(fields):
        server.save(app, key, [stage(kind, **({"waitTime": 3600} if kind == "wait" else {}))])
        run = server.run(app, key)
        server.stream(f"/executions/{run}/events").until("stage", ref="1", status="RUNNING")
        path = f"/pipelines/{run}/stages/{server.get(f'/pipelines/{run}').json()['stages'][0]['id']}"
        for value in VALUES:
            before = server.get(path).json()["context"]
            answer = server.patch(path, {key: value})
            assert answer.status in (200, 400, 405, 409), (key, value, answer.body)
            if answer.status == 409:
                break  # a value has ended the stage, as it may
            if answer.status != 200:
                assert answer.message() and server.get(path).json()["context"] == before, (key, value)
        server.put(f"/pipelines/{run}/cancel")
        server.wait_for(run)
