"""Manual judgments over HTTP: who decides is recorded, what makes no sense changes nothing."""

JUDGE = {"type": "manualJudgment", "refId": "1", "name": "Go?", "judgmentInputs": [{"value": "blue"}, {"value": "green"}],
         "notifications": [{"type": "email", "address": "ops@example.com", "when": ["manualJudgment"]}]}
CHOICE = {"type": "evaluateVariables", "refId": "2", "requisiteStageRefIds": ["1"],
          "variables": [{"key": "choice", "value": "${ #judgment('Go?') }"}]}


def start(server, app, *stages):
    """The id of a run that waits for its judgment, and the path of that stage."""
    server.save(app, "p", list(stages))
    run = server.run(app, "p")
    server.stream(f"/executions/{run}/events").until("judgment", state="waiting")
    stage = server.get(f"/pipelines/{run}").json()["stages"][0]
    assert stage["status"] == "RUNNING"
    return run, f"/pipelines/{run}/stages/{stage['id']}"


def events(server, run, kind):
    return [event["data"] for event in server.get(f"/executions/{run}/events?types={kind}").json()]


def test_a_judgment_is_told_and_its_choice_can_be_read(server, app):
    run, path = start(server, app, JUDGE, CHOICE)
    assert server.patch(path, {"judgmentStatus": "continue", "judgmentInput": "green"}).status == 200
    done = server.wait_for(run)
    assert done["status"] == "SUCCEEDED"
    judge, choice = done["stages"]
    assert judge["context"]["judgmentInput"] == "green"
    assert judge["outputs"] == {}
    assert judge["lastModified"]["user"] == judge["context"]["lastModifiedBy"] == "anonymous"
    assert judge["context"]["notifications"][0]["lastNotifiedByNotificationState"]["manualJudgment"] >= judge["startTime"]
    assert choice["outputs"] == {"choice": "green"}
    told = events(server, run, "judgment")
    assert [(event["state"], event.get("by")) for event in told] == [("waiting", None), ("continue", "anonymous")]
    assert all(event["run"] == run and event["stage"] == judge["id"] for event in told)
    assert [event["level"] for event in events(server, run, "log")] == ["info"]


def test_what_makes_no_sense_changes_nothing(server, app):
    run, path = start(server, app, JUDGE)
    for body, status in (({"judgmentStatus": ["continue"]}, 400), ({"judgmentStatus": {"a": 1}}, 400), (["continue"], 400),
                         ("continue", 400), ("", 400)):
        refused = server.patch(path, body)
        assert refused.status == status, body
        assert refused.message()
    assert server.patch(f"/pipelines/{run}/stages/nobody", {"judgmentStatus": "continue"}).status == 404
    stage = server.get(f"/pipelines/{run}").json()["stages"][0]
    assert stage["status"] == "RUNNING"
    assert "judgmentStatus" not in stage["context"]
    assert server.patch(path, {"judgmentStatus": "perhaps"}).status == 400
    assert server.patch(path, {"judgmentStatus": None}).status == 200
    assert server.get(f"/pipelines/{run}").json()["status"] == "RUNNING"
    assert server.patch(path, {"judgmentStatus": "stop"}).status == 200
    assert server.wait_for(run)["status"] == "TERMINAL"
    late = server.patch(path, {"judgmentStatus": "continue"})
    assert late.status == 409
    assert "ended" in late.message()


def test_a_restarted_judgment_is_judged_anew(server, app):
    run, path = start(server, app, JUDGE, CHOICE)
    server.patch(path, {"judgmentStatus": "stop", "judgmentInput": "blue"})
    assert server.wait_for(run)["status"] == "TERMINAL"
    assert server.put(f"{path}/restart").status == 200
    judge = server.wait_for(run, "RUNNING")["stages"][0]
    assert "judgmentStatus" not in judge["context"]
    assert "lastModifiedBy" not in judge["context"]
    assert judge["context"]["judgmentInput"] == "blue"
    assert server.patch(path, {"judgmentStatus": "continue"}).status == 200
    assert server.wait_for(run)["stages"][1]["outputs"] == {"choice": "blue"}
