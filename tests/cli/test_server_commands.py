"""The commands that talk to a server: watch, executions, pipelines, inspect."""

import datetime
import json
import re
import signal

import pytest

from server import Server, wait_until

LONG = {"type": "wait", "refId": "1", "name": "Pause", "waitTime": 3600}
SHORT = {"type": "wait", "refId": "1", "name": "Pause", "waitTime": 0}
FAILS = {"type": "webhook", "refId": "1", "name": "Call", "url": "http://localhost:8080/"}


@pytest.fixture
def at(server, gennaker):
    """`gennaker ARGUMENTS` against the test's server, which it is told by the environment."""
    def run(*arguments, **variables):
        return gennaker(*arguments, GENNAKER_SERVER=f"http://127.0.0.1:{server.port}", **variables)
    return run


def url(server):
    return f"http://127.0.0.1:{server.port}"


# ---- watch


def test_watch_shows_a_run_from_its_beginning_to_its_end(server, at):
    server.save("demo", "p", [SHORT])
    run = server.run("demo", "p")
    server.wait_for(run)
    done = at("watch", run)
    assert done.returncode == 0, done.stderr
    assert "▶ Pause (wait)" in done.stdout and "✔ p SUCCEEDED" in done.stdout and run in done.stdout


def test_watch_is_live_and_ends_with_the_run(server, start_gennaker):
    server.save("demo", "p", [LONG])
    run = server.run("demo", "p")
    process = start_gennaker("watch", run, "--server", url(server))
    assert "▶ Pause" in process.stdout.readline()
    server.put(f"/pipelines/{run}/cancel?reason=enough")
    out, err = process.communicate()
    assert process.returncode == 3, err
    assert "⊘ p CANCELED" in out and "enough" in out


def test_watch_follows_a_run_that_was_restarted_twice_to_its_last_end(server, start_gennaker):
    server.save("demo", "p", [LONG])
    run = server.run("demo", "p")
    stage = server.get(f"/pipelines/{run}").json()["stages"][0]["id"]
    for _ in range(2):
        server.put(f"/pipelines/{run}/cancel")
        server.wait_for(run, "CANCELED")
        assert server.put(f"/pipelines/{run}/stages/{stage}/restart").status == 200
        server.wait_for(run, "RUNNING")
    process = start_gennaker("watch", run, "--server", url(server))
    while "▶ Pause" not in process.stdout.readline():
        pass
    server.put(f"/pipelines/{run}/cancel?reason=finally")
    out, err = process.communicate()
    assert process.returncode == 3, err
    assert "finally" in out


def test_ctrl_c_ends_the_watching_and_not_the_run(server, start_gennaker):
    server.save("demo", "p", [LONG])
    run = server.run("demo", "p")
    process = start_gennaker("watch", run, "--server", url(server))
    assert "▶ Pause" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and "the run goes on" in err
    assert server.get(f"/pipelines/{run}").json()["status"] == "RUNNING"


def test_watch_goes_on_when_the_server_comes_back(tmp_path, start_gennaker):
    from server import Server
    first = Server(tmp_path / "data").start()
    first.save("demo", "p", [LONG])
    run = first.run("demo", "p")
    process = start_gennaker("watch", run, "--server", url(first))
    assert "▶ Pause" in process.stdout.readline()
    first.stop()
    with Server(tmp_path / "data", "--listen", f"127.0.0.1:{first.port}") as second:
        assert second.port == first.port
        second.put(f"/pipelines/{run}/cancel")
        out, _ = process.communicate()
    assert process.returncode == 3 and "▶" not in out  # nothing is told twice


def test_watch_prints_the_execution_as_json(server, at):
    server.save("demo", "p", [SHORT])
    run = server.run("demo", "p")
    done = at("watch", run, "-o", "json")
    assert json.loads(done.stdout)["id"] == run


def test_an_unknown_run_is_named(at):
    done = at("watch", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert done.returncode == 2 and "01ARZ3NDEKTSV4RRFFQ69G5FAV" in done.stderr


# ---- executions


def test_runs_are_listed_newest_first_with_those_that_have_no_pipeline(server, at, examples):
    server.save("demo", "p", [SHORT])
    first = server.run("demo", "p")
    server.wait_for(first)
    second = server.post("/pipelines/start", {"application": "other", "name": "adhoc", "stages": [SHORT]}).json()["ref"]
    second = second.rsplit("/", 1)[1]
    server.wait_for(second)
    done = at("executions", "list")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ID", "APPLICATION", "PIPELINE", "STATUS", "STARTED", "TOOK", "BY"]
    assert [line.split()[:4] for line in lines[1:]] == [[second, "other", "adhoc", "SUCCEEDED"],
                                                        [first, "demo", "p", "SUCCEEDED"]]
    assert [row["id"] for row in json.loads(at("executions", "list", "demo", "-o", "json").stdout)] == [first]
    assert [row["id"] for row in json.loads(at("executions", "list", "-n", "1", "-o", "json").stdout)] == [second]
    assert [row["id"] for row in json.loads(at("executions", "list", "--pipeline", "p", "-o", "json").stdout)] == [first]


def test_runs_are_listed_by_status(server, at):
    server.save("demo", "p", [SHORT])
    server.save("demo", "q", [LONG])
    server.wait_for(server.run("demo", "p"))
    running = server.run("demo", "q")
    done = at("executions", "list", "--status", "RUNNING,PAUSED", "-o", "json")
    assert [row["id"] for row in json.loads(done.stdout)] == [running]
    none = at("executions", "list", "--status", "TERMINAL")
    assert none.returncode == 0 and none.stdout == "" and "no such runs" in none.stderr
    assert at("executions", "list", "--status", "BUSY").returncode == 2


def test_a_run_is_shown_with_its_stages_and_what_went_wrong(server, at):
    server.save("demo", "p", [FAILS])
    run = server.run("demo", "p")
    server.wait_for(run)
    done = at("executions", "get", run)
    assert run in done.stdout and "TERMINAL" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("1 "))
    assert row.split()[:4] == ["1", "Call", "webhook", "TERMINAL"] and "localhost" in row
    assert json.loads(at("executions", "get", run, "-o", "json").stdout)["id"] == run
    assert f"id: {run}" in at("executions", "get", run, "-o", "yaml").stdout
    assert at("executions", "get", "nope").returncode == 2


def test_runs_are_canceled_and_deleted_each_on_its_own(server, at):
    server.save("demo", "p", [LONG])
    run = server.run("demo", "p")
    assert at("executions", "delete", run).returncode == 2  # it is going on
    done = at("executions", "cancel", run, "--reason", "not needed & wrong")
    assert done.returncode == 0 and done.stdout == f"{run} is being canceled\n"
    assert server.wait_for(run)["cancellationReason"] == "not needed & wrong"
    done = at("executions", "cancel", run)
    assert done.returncode == 0 and done.stdout == f"{run} was canceled before\n"
    server.save("demo", "q", [{**LONG, "waitTime": 0}])
    ended = server.run("demo", "q")
    server.wait_for(ended)
    done = at("executions", "cancel", ended)
    assert done.returncode == 1 and "canceled" not in done.stdout and f"{ended} has ended already: SUCCEEDED" in done.stderr
    done = at("executions", "delete", "nope", run)
    assert done.returncode == 2 and f"{run} is deleted" in done.stdout and "nope: " in done.stderr
    assert server.get(f"/pipelines/{run}").status == 404


# ---- pipelines


def test_a_pipeline_is_saved_listed_shown_started_and_deleted(server, at, write):
    path = write("ship it.yaml", "# a comment\napplication: demo\nparameterConfig: [{name: tag, required: true}]\n"
                                 "stages: [{type: wait, refId: '1', waitTime: 0, kept: as it is}]\n")
    done = at("pipelines", "save", path)
    assert done.returncode == 0 and "ship it is saved in demo" in done.stdout
    first = json.loads(at("pipelines", "get", "demo", "ship it").stdout)
    assert first["stages"][0]["kept"] == "as it is"
    assert at("pipelines", "save", path).returncode == 0  # the same one again, by its name
    assert json.loads(at("pipelines", "get", "demo", "ship it").stdout)["id"] == first["id"]

    table = at("pipelines", "list").stdout.splitlines()
    assert len(table) == 2 and table[1].startswith("demo         ship it  enabled")
    assert "kept: as it is" in at("pipelines", "list", "demo", "-o", "yaml").stdout

    assert "tag" in at("pipelines", "start", "demo", "ship it").stderr
    run = at("pipelines", "start", "demo", "ship it", "-p", "tag=v1").stdout.strip()
    assert server.wait_for(run)["trigger"]["parameters"] == {"tag": "v1"}
    watched = at("pipelines", "start", "demo", "ship it", "-p", "tag=v1", "--watch")
    assert watched.returncode == 0 and "✔ ship it SUCCEEDED" in watched.stdout

    assert at("pipelines", "delete", "demo", "ship it").returncode == 0
    assert at("pipelines", "delete", "demo", "ship it").returncode == 2
    assert at("pipelines", "get", "demo", "ship it").returncode == 2


def test_the_application_of_a_file_may_be_given(at, write):
    path = write("p.json", '{"stages": []}')
    done = at("pipelines", "save", path)
    assert done.returncode == 2 and "application" in done.stderr
    assert at("pipelines", "save", path, "--application", "demo").returncode == 0
    done = at("pipelines", "save", write("bad.json", "{"), path, "-a", "demo")
    assert done.returncode == 2 and "bad.json" in done.stderr and "p is saved" in done.stdout


@pytest.mark.parametrize("text", ["[]", "[] # none"])
def test_saving_a_list_of_no_pipelines_fails(server, at, text):
    done = at("pipelines", "save", "-", input=text)
    assert done.returncode == 2 and "-: there are no pipelines in it" in done.stderr


def test_runs_are_listed_by_status_in_any_case(server, at):
    server.save("demo", "p", [LONG])
    run = server.run("demo", "p")
    for status in ("running", "RUNNING", "Succeeded,Running"):
        wait_until(lambda status=status: run in at("executions", "list", "--status", status).stdout, status)
    assert run not in at("executions", "list", "--status", "succeeded").stdout


# ---- inspect


def test_inspect_says_when_a_window_opens(server, at):
    far = {**SHORT, "restrictExecutionDuringTimeWindow": True, "restrictedExecutionWindow": {
        "days": [(datetime.date.today() + datetime.timedelta(days=4)).isoweekday() % 7 + 1]}}
    server.save("demo", "p", [far])
    run = server.run("demo", "p")
    table = wait_until(lambda: re.search("opens.*", at("inspect", run).stdout) and at("inspect", run).stdout, "the window")
    assert re.search(r"looks again in \d+:\d\d h; outside of the execution window, which opens 2\d\d\d-\d\d-\d\d 00:00 \(America/Los_Angeles\)",
                     table), table


def test_inspect_says_what_a_run_waits_for(server, at):
    assert "nothing is going on" in at("inspect").stderr
    server.save("demo", "p", [LONG])
    run, other = server.run("demo", "p"), server.run("demo", "p")
    wait_until(lambda: at("inspect", run).stdout.count("looks again in") == 1, "the wait")
    table = at("inspect").stdout
    assert run in table and other in table and "Pause (1)" in table and "looks again in" in table
    assert other not in at("inspect", run).stdout
    stage, = json.loads(at("inspect", run, "-o", "json").stdout)[run]
    assert stage["type"] == "wait" and stage["inFlight"] is False and stage["nextLook"] > 0


def test_inspect_says_what_a_run_waits_for_after_a_restart_of_the_server(server, at):
    server.save("demo", "p", [LONG, {"type": "manualJudgment", "refId": "2", "name": "Ask"}])
    run = server.run("demo", "p")

    def texts():
        return [stage.get("text") for stage in json.loads(at("inspect", run, "-o", "json").stdout)[run]]
    wait_until(lambda: all(texts()) and len(texts()) == 2, "the texts")
    before = texts()
    server.kill()
    server.start()
    assert texts() == before and "waiting 3600 s" in at("inspect", run).stdout


def test_inspect_says_which_stage_was_skipped_because_its_guard_could_not_be_evaluated(server, at):
    guard = {"type": "expression", "expression": "nope"}
    server.save("demo", "p", [LONG, {**SHORT, "refId": "2", "name": "Maybe", "stageEnabled": guard}])
    run = server.run("demo", "p")
    server.wait_for(run, "RUNNING")
    wait_until(lambda: "Maybe (2)" in at("inspect", run).stdout, "the skipped stage")
    line, = (line for line in at("inspect", run).stdout.splitlines() if "Maybe (2)" in line)
    assert "skipped: Failed to evaluate [stageEnabled]: nope not found" in line and "Pause (1)" in at("inspect", run).stdout


def test_inspect_says_why_a_run_goes_on_with_no_stage(server, at):
    server.save("demo", "one", [LONG], limitConcurrent=True)
    first, second = server.run("demo", "one"), server.run("demo", "one")
    wait_until(lambda: "another run of its pipeline" in at("inspect", second).stdout, "the line")
    assert server.put(f"/pipelines/{first}/pause").status == 200
    wait_until(lambda: "paused by anonymous" in at("inspect", first).stdout, "the pause")
    done = at("inspect", "nope")
    assert done.returncode == 2 and "nope" in done.stderr


# ---- all of them


@pytest.mark.parametrize("arguments, said", [
    (["executions"], "usage"), (["executions", "lst"], 'did you mean "executions list"'),
    (["executions", "frobnicate"], "see gennaker executions --help"), (["executions", "get"], "needs ID"),
    (["executions", "list", "--limit", "0"], "--limit"), (["executions", "list", "-o", "xml"], "--output"),
    (["pipelines", "get", "demo"], "needs APPLICATION NAME"), (["watch"], "needs ID"), (["watch", "a", "b"], 'unexpected "b"'),
    (["watch", "a", "--judge", "maybe"], "continue or stop"), (["watch", "a", "-o", "table"], "json or text"),
    (["judge", "a", "maybe"], "continue or stop"), (["judge", "a"], "needs ID continue|stop"),
    (["inspect", "--server", "nonsense"], "--server"), (["inspect", "--server", "ftp://x"], "--server"),
    (["inspect", "--token", "a", "--user", "b:c"], "not both"), (["inspect", "--user", "b"], "NAME:PASSWORD"),
])
def test_bad_usage_exits_with_2(gennaker, arguments, said):
    done = gennaker(*arguments)
    assert done.returncode == 2 and said in done.stderr


def test_the_help_of_a_command_with_subcommands_lists_them(gennaker):
    done = gennaker("executions", "--help")
    assert done.returncode == 0 and "usage: gennaker executions COMMAND" in done.stdout
    for word in ("list", "get", "cancel", "delete"):
        assert f"\n  {word} " in done.stdout
        assert f"usage: gennaker executions {word}" in gennaker("executions", word, "--help").stdout


def test_a_server_that_is_none_is_named(gennaker, at, write):
    done = gennaker("executions", "list", GENNAKER_SERVER="http://127.0.0.1:1")
    assert done.returncode == 1 and "http://127.0.0.1:1" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_variables_of_the_client_are_no_settings(gennaker, write):
    done = gennaker("run", write("p.json", json.dumps({"stages": [SHORT]})), GENNAKER_SERVER="http://127.0.0.1:1",
                    GENNAKER_TOKEN="t" * 20)
    assert done.returncode == 0 and done.stderr == ""


def test_each_pipeline_of_a_list_is_saved(server, at, write):
    done = at("pipelines", "save", "-a", "demo", write("l.json", json.dumps([{"name": "a", "stages": [SHORT]}, {"name": "b", "stages": [SHORT]}])))
    assert done.returncode == 0 and done.stdout == "a is saved in demo\nb is saved in demo\n"
    everything = at("pipelines", "list", "-o", "json").stdout
    assert at("pipelines", "save", write("again.json", everything)).returncode == 0
    assert len(server.get("/applications/demo/pipelineConfigs").json()) == 2
    done = at("pipelines", "save", write("l.json", '[{"name": "c", "stages": []}, {"name": "d", "application": "demo", "stages": []}]'))
    assert done.returncode == 2 and "l.json[0]: which application?" in done.stderr and done.stdout == "d is saved in demo\n"
    done = at("pipelines", "save", "-a", "demo", write("l.json", '[{"name": "e", "stages": []}, {"stages": []}]'))
    assert done.returncode == 2 and "l.json[1]: a pipeline in a list needs a name" in done.stderr and not done.stdout


def test_whoever_is_refused_reads_where_credentials_are_given(tmp_path, gennaker):
    with Server(tmp_path / "guarded", GENNAKER_SERVER_AUTH_TOKEN="t" * 20) as guarded:
        there = {"GENNAKER_SERVER": f"http://127.0.0.1:{guarded.port}"}
        for more in ({}, {"GENNAKER_TOKEN": "x" * 20}):
            done = gennaker("watch", "01M870TJ547XSZWFN2S8Z0ZTPP", **there, **more)
            assert done.returncode == 2
            for word in ("--token", "--user", "GENNAKER_TOKEN", "GENNAKER_USER", "server.auth"):
                assert word in done.stderr
            assert ("no credentials were given" in done.stderr) == (not more)


def test_a_pipeline_that_runs_itself_says_so_once(server, at):
    server.save("demo", "self", [{"type": "pipeline", "refId": "1", "name": "Again", "pipeline": "self"}])
    run = server.run("demo", "self")
    server.wait_for(run)
    out = at("watch", run).stdout
    assert out.count("failed in stage") == 1 and "deep" in out


@pytest.mark.parametrize("words", [["run"], ["executions", "list"], ["executions"]])
def test_help_of_a_command_is_its_help(gennaker, words):
    done, wanted = gennaker("help", *words), gennaker(*words, "--help")
    assert done.returncode == 0 and done.stdout == wanted.stdout
    assert gennaker("help", "rnu").returncode == 2
