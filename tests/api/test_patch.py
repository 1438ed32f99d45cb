"""PATCH of a stage: what does not fit there is refused with its place, and changes nothing."""

import pytest

LONG = {"type": "wait", "waitTime": 3600}
CHOICES = {"judgmentInputs": [{"value": "blue"}, {"value": "5"}, "green"]}


def begin(server, app, *stages):
    """A run whose first stage runs; the path of its stages, to which an id is added, and their ids."""
    chain = [{"refId": str(place), "requisiteStageRefIds": [str(place - 1)] if place else [], **stage} for place, stage in enumerate(stages)]
    server.save(app, "p", chain)
    run = server.run(app, "p")
    server.stream(f"/executions/{run}/events").until("stage", ref="0", status="RUNNING")
    return run, f"/pipelines/{run}/stages/", [stage["id"] for stage in server.get(f"/pipelines/{run}").json()["stages"]]


def refused(server, run, path, body, place, status=400):
    before = server.get(f"/pipelines/{run}").json()
    answer = server.patch(path, body)
    assert answer.status == status, (body, answer.body)
    assert answer.message().startswith(place), (body, answer.message())
    assert server.get(f"/pipelines/{run}").json() == before
    return answer.message()


@pytest.fixture
def judged(server, app):
    run, path, stages = begin(server, app, {"type": "manualJudgment", "name": "Go?", **CHOICES}, LONG)
    yield run, path + stages[0]
    server.put(f"/pipelines/{run}/cancel")


@pytest.mark.parametrize("value, got", [("perhaps", '"perhaps"'), ("continue ", '"continue "'), (1, "1"), (True, "true")])
def test_a_judgment_is_one_of_its_words(server, judged, value, got):
    said = refused(server, *judged, {"judgmentStatus": value}, "judgmentStatus: ")
    assert said == f'judgmentStatus: expected "continue" or "stop", got {got}'


@pytest.mark.parametrize("value", ["red", "BLUE", "continue"])
def test_an_input_is_one_of_those_that_the_stage_offers(server, judged, value):
    said = refused(server, *judged, {"judgmentStatus": "continue", "judgmentInput": value}, "judgmentInput: ")
    assert said == f'judgmentInput: "{value}" is none of judgmentInputs'


@pytest.mark.parametrize("value", [5, True, ["blue"], {"value": "blue"}])
def test_an_input_is_a_text(server, judged, value):
    refused(server, *judged, {"judgmentStatus": "continue", "judgmentInput": value}, "judgmentInput: expected a string")


@pytest.mark.parametrize("body", [
    {"judgmentStatus": None}, {"judgmentStatus": ""}, {"judgmentInput": "green"}, {"judgmentInput": "5"}, {"judgmentInput": None},
    {"judgmentInputs": [{"value": "red"}], "judgmentInput": "red"}, {"anything": "else"}])
def test_what_fits_is_taken(server, judged, body):
    run, path = judged
    assert server.patch(path, body).status == 200
    context = server.get(path).json()["context"]
    assert {key: context[key] for key in body} == body
    assert server.patch(path, {"judgmentStatus": "Continue"}).status == 200


def test_a_stage_without_choices_takes_any_input(server, app):
    run, path, stages = begin(server, app, {"type": "manualJudgment"})
    assert server.patch(path + stages[0], {"judgmentStatus": "CONTINUE", "judgmentInput": "whatever"}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


def test_what_was_judged_once_is_not_judged_again(server, judged):
    """While the run is paused the stage does not look at the first answer yet."""
    run, path = judged
    assert server.put(f"/pipelines/{run}/pause").status == 200
    assert server.patch(path, {"judgmentStatus": "Continue", "judgmentInput": "blue"}).status == 200
    for word in ("stop", "continue", "", None):
        said = refused(server, run, path, {"judgmentStatus": word}, "judgmentStatus: ", 409)
        assert said == 'judgmentStatus: it is "Continue" already (by anonymous) and cannot be changed any more'
    assert server.put(f"/pipelines/{run}/resume").status == 200
    server.stream(f"/executions/{run}/events").until("stage", ref="1", status="RUNNING")
    assert server.get(path).json()["status"] == "SUCCEEDED"


def test_a_judgment_may_be_changed_before_its_stage_begins(server, app):
    run, path, stages = begin(server, app, LONG, {"type": "manualJudgment"})
    for word in ("continue", "stop", None, "continue"):
        assert server.patch(path + stages[1], {"judgmentStatus": word}).status == 200
    assert server.patch(path + stages[0], {"skipRemainingWait": True}).status == 200
    assert server.wait_for(run)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("place, body", [
    ("waitTime", {"waitTime": "soon"}), ("waitTime", {"waitTime": [1]}), ("skipRemainingWait", {"skipRemainingWait": "yes"}),
    ("stageTimeoutMs", {"stageTimeoutMs": "60000"}), ("stageTimeoutMs", {"stageTimeoutMs": {}}), ("backoffPeriodMs", {"backoffPeriodMs": "1"}),
    ("failPipeline", {"failPipeline": "false"}), ("failPipeline", {"failPipeline": 0}), ("continuePipeline", {"continuePipeline": []}),
    ("markSuccessfulOnTimeout", {"markSuccessfulOnTimeout": "true"}), ("alias", {"alias": 1}), ("manualSkip", {"manualSkip": "true"}),
    ("type", {"type": "webhook"}), ("refId", {"refId": "9"}), ("status", {"status": "SUCCEEDED"}), ("id", {"id": "x"}),
    ("requisiteStageRefIds", {"requisiteStageRefIds": []}), ("context", {"context": {"waitTime": 1}}), ("outputs", {"outputs": {"a": 1}})])
@pytest.mark.parametrize("which", [0, 1])
def test_each_value_has_its_type(server, app, which, place, body):
    """Also of a stage that has not begun: there it would end it later."""
    run, path, stages = begin(server, app, LONG, {**LONG, "comments": "${ not.there }"})
    refused(server, run, path + stages[which], body, f"{place}: ")
    refused(server, run, path + stages[which], {"waitTime": 5, **body}, f"{place}: ")
    server.put(f"/pipelines/{run}/cancel")


@pytest.mark.parametrize("place, body", [
    ("waitTime", {"waitTime": "${1+}"}), ("waitTime", {"waitTime": "${parameters.x}"}), ("waitTime", {"waitTime": "${'so' + 'on'}"}),
    ("waitTime", {"waitTime": -5}), ("waitTime", {"waitTime": "-5"}), ("waitTime", {"waitTime": "${-5}"}), ("waitTime", {"waitTime": " "}),
    ("judgmentStatus", {"judgmentStatus": "continue"}), ("judgmentInput", {"judgmentInput": "blue"})])
def test_a_slip_does_not_end_a_stage_that_runs(server, app, place, body):
    run, path, stages = begin(server, app, LONG)
    refused(server, run, path + stages[0], body, f"{place}: ")
    assert server.patch(path + stages[0], {"waitTime": "${ 60 * 60 }", "judgmentInput": "", "ours": "${1+}"}).status == 200
    assert server.get(path + stages[0]).json()["context"]["waitTime"] == 3600
    assert server.get(path + stages[0]).json()["status"] == "RUNNING"
    server.put(f"/pipelines/{run}/cancel")


def test_what_another_type_looks_at_is_refused_of_a_stage_that_waits_too(server, app):
    run, path, stages = begin(server, app, {"type": "manualJudgment"}, LONG)
    said = refused(server, run, path + stages[0], {"skipRemainingWait": True}, "skipRemainingWait: ")
    assert said.startswith('skipRemainingWait: a stage of type "manualJudgment" does not look at it')
    refused(server, run, path + stages[1], {"judgmentStatus": "stop"}, "judgmentStatus: ")
    refused(server, run, path + stages[1], {"waitTime": -1}, "waitTime: ")
    server.put(f"/pipelines/{run}/cancel")


@pytest.mark.parametrize("body", [
    {"waitTime": "7"}, {"waitTime": "${ 7 }"}, {"stageTimeoutMs": 60000}, {"stageTimeoutMs": None}, {"failPipeline": False},
    {"failPipeline": "${ false }"}, {"comments": 5}, {"skipWaitText": {}}])
def test_what_is_written_in_pipelines_is_taken(server, app, body):
    run, path, stages = begin(server, app, LONG, LONG)
    assert server.patch(path + stages[1], body).status == 200
    context = server.get(path + stages[1]).json()["context"]
    assert {key: context[key] for key in body} == body
    server.put(f"/pipelines/{run}/cancel")


def test_of_a_run_that_has_ended_a_stage_is_found_or_not(server, app):
    run, path, stages = begin(server, app, LONG)
    server.put(f"/pipelines/{run}/cancel")
    server.wait_for(run)
    late = server.patch(path + stages[0], {"waitTime": 1})
    assert (late.status, late.message()) == (409, "the run has ended (CANCELED); its stages cannot be changed any more")
    missing = server.patch(path + "nobody", {"waitTime": 1})
    assert (missing.status, missing.message()) == (404, "Stage not found (id: nobody)")


# ---- cancel


def test_who_cancels_too_late_is_told_what_became_of_the_run(server, app):
    run, path, stages = begin(server, app, LONG)
    assert server.patch(path + stages[0], {"skipRemainingWait": True}).status == 200
    before = server.wait_for(run)
    late = server.put(f"/pipelines/{run}/cancel")
    assert (late.status, late.json()["id"], late.json()["status"]) == (200, run, "SUCCEEDED")
    assert "nothing was canceled" in late.json()["message"]
    assert server.get(f"/pipelines/{run}").json() == before


def test_a_cancel_that_is_in_time_is_empty(server, app):
    run, _, _ = begin(server, app, LONG)
    for value in ("maybe", "1"):
        wrong = server.put(f"/pipelines/{run}/cancel?force={value}")
        assert wrong.status == 400 and wrong.message().startswith("force: ")
    assert server.get(f"/pipelines/{run}").json()["status"] == "RUNNING"
    done = server.put(f"/pipelines/{run}/cancel?force=true&reason=enough")
    assert (done.status, done.body) == (200, b"")
    assert server.wait_for(run)["cancellationReason"] == "enough"


def test_a_run_that_was_canceled_is_restarted_without_a_trace_of_it(server, app):
    run, path, stages = begin(server, app, LONG)
    server.put(f"/pipelines/{run}/cancel?reason=enough")
    ended = server.wait_for(run)
    assert (ended["canceled"], ended["canceledBy"], ended["cancellationReason"]) == (True, "anonymous", "enough")
    again = server.put(f"{path}{stages[0]}/restart").json()
    for one in (again, server.get(f"/pipelines/{run}").json()):
        assert one["status"] == "RUNNING" and one["canceled"] is False
        assert one.get("canceledBy") is None and one.get("cancellationReason") is None
    assert server.patch(path + stages[0], {"skipRemainingWait": True}).status == 200
    done = server.wait_for(run)
    assert (done["status"], done["canceled"], done.get("canceledBy")) == ("SUCCEEDED", False, None)
