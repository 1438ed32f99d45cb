"""What `spin` sends, request by request, and the statuses that it insists on."""

WAIT = {"type": "wait", "refId": "1", "name": "Wait", "waitTime": 0}
LONG_WAIT = {**WAIT, "waitTime": 3600}


def test_every_command_asks_for_the_version(server):
    answer = server.get("/version", Accept="*/*", User_Agent="Spin-CLI/1.30.0")
    assert answer.status == 200
    assert answer.json()["version"]


def test_application_list_and_get(server, app):
    assert server.get(f"/applications/{app}?expand=false").status == 404
    assert server.get(f"/applications/{app}?expand=false").message() == f"Application not found (id: {app})"
    server.save(app, "p", [WAIT])
    assert app in [row["name"] for row in server.get("/applications").json()]
    body = server.get(f"/applications/{app.upper()}?expand=true").json()
    assert body["name"] == app
    assert body["attributes"]["name"] == app
    assert body["clusters"] == {}


def test_pipeline_save_of_a_new_one(server, app):
    lookup = server.get(f"/applications/{app}/pipelineConfigs/hello%20world")
    assert lookup.status == 404
    saved = server.post("/pipelines", {"application": app, "name": "hello world", "stages": [WAIT]})
    assert saved.status == 200
    assert saved.body == b""
    assert saved.headers["Content-Type"] is None
    found = server.get(f"/applications/{app}/pipelineConfigs/hello%20world")
    assert found.status == 200
    assert found.json()["id"]
    assert found.json()["stages"] == [WAIT]


def test_pipeline_save_of_one_that_is_there(server, app):
    stored = server.save(app, "p", [WAIT])
    again = server.post("/pipelines", {**stored, "description": "changed"})
    assert again.status == 200
    found = server.get(f"/applications/{app}/pipelineConfigs/p").json()
    assert found["id"] == stored["id"]
    assert found["description"] == "changed"
    assert len(server.get(f"/applications/{app}/pipelineConfigs").json()) == 1


def test_pipeline_update_disables_and_enables(server, app):
    stored = server.save(app, "p", [WAIT])
    assert server.post("/pipelines", {**stored, "disabled": True}).status == 200
    refused = server.post(f"/pipelines/{app}/p", {"type": "manual"})
    assert refused.status == 400
    assert "disabled" in refused.message()
    assert server.post("/pipelines", {**stored, "disabled": False}).status == 200
    assert server.post(f"/pipelines/{app}/p", {"type": "manual"}).status == 202


def test_pipeline_list(server, app):
    server.save(app, "b", [WAIT])
    server.save(app, "A", [WAIT])
    answer = server.get(f"/applications/{app}/pipelineConfigs")
    assert answer.status == 200
    assert [(row["name"], row["index"]) for row in answer.json()] == [("A", 0), ("b", 1)]


def test_pipeline_delete_also_of_what_is_not_there(server, app):
    server.save(app, "Some Name", [WAIT])
    for _ in range(2):
        answer = server.delete(f"/pipelines/{app}/some%20name")
        assert (answer.status, answer.body) == (200, b"")
    assert server.get(f"/applications/{app}/pipelineConfigs/Some%20Name").status == 404


def test_pipeline_execute(server, app):
    server.save(app, "p", [WAIT], parameterConfig=[{"name": "who", "default": "World"}])
    answer = server.post(f"/pipelines/{app}/p", {"type": "manual", "parameters": {"who": "you"}})
    assert answer.status == 202
    assert list(answer.json()) == ["ref"]
    assert answer.json()["ref"].startswith("/pipelines/")
    run = server.wait_for(answer.json()["ref"].rsplit("/", 1)[1])
    assert run["status"] == "SUCCEEDED"
    assert run["trigger"]["type"] == "manual"
    assert run["trigger"]["parameters"] == {"who": "you"}


def test_pipeline_execute_without_a_body(server, app):
    server.save(app, "p", [WAIT])
    assert server.post(f"/pipelines/{app}/p").status == 202


def test_pipeline_execute_of_none(server, app):
    assert server.post(f"/pipelines/{app}/nothing", {"type": "manual"}).status == 404


def test_pipeline_execution_list_and_get(server, app):
    config = server.save(app, "p", [WAIT])["id"]
    runs = [server.run(app, "p") for _ in range(3)]
    for run in runs:
        server.wait_for(run)
    assert len(server.get(f"/executions?pipelineConfigIds={config}").json()) == 1
    listed = server.get(f"/executions?pipelineConfigIds={config}&limit=10&statuses=SUCCEEDED,STOPPED,SKIPPED")
    assert listed.status == 200
    assert [row["id"] for row in listed.json()] == runs
    assert server.get(f"/executions?pipelineConfigIds={config}&statuses=TERMINAL").json() == []
    one = server.get(f"/executions?executionIds={runs[1]},01UNKNOWN&limit=1")
    assert [row["id"] for row in one.json()] == [runs[1]]


def test_pipeline_execution_cancel(server, app):
    server.save(app, "p", [LONG_WAIT])
    run = server.run(app, "p")
    answer = server.put(f"/pipelines/{run}/cancel")
    assert (answer.status, answer.body) == (200, b"")
    assert server.wait_for(run)["status"] == "CANCELED"


def test_application_pipelines_get_and_cancel(server, app):
    server.save(app, "p", [LONG_WAIT])
    run = server.run(app, "p")
    for statuses in ("", "RUNNING,NOT_STARTED"):
        listed = server.get(f"/applications/{app}/pipelines?expand=false&statuses={statuses}")
        assert listed.status == 200
        assert [row["id"] for row in listed.json()] == [run]
    # The client's own mistake: the words "{application}" stand in the path.
    answer = server.put(f"/applications/%7Bapplication%7D/pipelines/{run}/cancel?reason=no+longer+needed")
    assert answer.status == 200
    cancelled = server.wait_for(run)
    assert cancelled["status"] == "CANCELED"
    assert cancelled["cancellationReason"] == "no longer needed"
    assert cancelled["canceledBy"] == "anonymous"


def test_accounts(server):
    assert server.get("/credentials?expand=true").json() == []
    assert server.get("/credentials/nobody").status == 404
    assert server.get("/auth/user").json()["username"] == "anonymous"
