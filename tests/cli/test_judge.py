"""Manual judgments from the command line: gennaker judge, --judge, and questions on a terminal."""

import json
import os

import pytest

from server import PATIENCE, environment, program, wait_until
from terminal import Terminal


def judgment(ref="1", name="Approve", **more):
    return {"type": "manualJudgment", "refId": ref, "name": name, "instructions": "Ship it?", **more}


def choice(ref="1", name="Approve"):
    return judgment(ref, name, judgmentInputs=[{"value": "blue"}, {"value": "green"}])


def document(*stages):
    return json.dumps({"application": "demo", "name": "p", "stages": list(stages)})


@pytest.fixture
def waiting(server):
    """Starts STAGES and gives the run's id once all of them wait."""
    def start(*stages):
        server.save("demo", "p", list(stages))
        run = server.run("demo", "p")
        wait_until(lambda: all(stage["status"] == "RUNNING" for stage in server.get(f"/pipelines/{run}").json()["stages"]))
        return run
    return start


@pytest.fixture
def judge(server, gennaker):
    def run(*arguments):
        return gennaker("judge", *arguments, "--server", f"http://127.0.0.1:{server.port}")
    return run


@pytest.fixture
def terminal(tmp_path):
    started = []

    def start(*arguments):
        started.append(Terminal([program(), *map(str, arguments)], cwd=tmp_path,
                                env=environment(HOME=str(tmp_path), KUBECONFIG=os.devnull)))
        return started[-1]
    yield start
    for one in started:
        one.close()


# ---- judge


@pytest.mark.parametrize("verdict, status", [("continue", "SUCCEEDED"), ("stop", "TERMINAL")])
def test_a_judgment_is_given(waiting, judge, server, verdict, status):
    run = waiting(judgment())
    done = judge(run, verdict)
    assert done.returncode == 0 and f"Approve: {verdict}" in done.stdout
    assert server.wait_for(run)["status"] == status
    again = judge(run, "continue")
    assert again.returncode == 2 and "waits for a judgment" in again.stderr and status in again.stderr


def test_a_choice_is_one_of_those_that_are_offered(waiting, judge, server):
    run = waiting(choice())
    for arguments in ([], ["--input", "red"]):
        done = judge(run, "continue", *arguments)
        assert done.returncode == 2 and "blue, green" in done.stderr
    assert judge(run, "continue", "--input", "green").returncode == 0
    assert server.wait_for(run)["stages"][0]["context"]["judgmentInput"] == "green"


def test_a_choice_that_yaml_reads_as_a_boolean_or_a_number_is_shown_and_may_be_chosen(waiting, judge, gennaker, write, server):
    path = write("p.yaml", "name: p\nstages:\n- {refId: '1', type: manualJudgment, name: Approve, judgmentInputs: "
                           "[{value: yes}, {value: 1.50}, maybe, {}]}\n")
    refused = gennaker("run", path, "--judge", "continue=no")
    assert refused.returncode != 0 and '"no" is none of its inputs: true, 1.5, maybe' in refused.stderr, refused.stderr
    for value in ("true", "1.5", "maybe"):
        done = gennaker("run", path, "--judge", f"continue={value}", "-o", "json")
        assert json.loads(done.stdout)["stages"][0]["context"]["judgmentInput"] == value, done.stderr
    run = waiting(judgment(judgmentInputs=[{"value": True}, {"value": 2}]))
    assert "true, 2" in judge(run, "continue", "--input", "yes").stderr
    assert judge(run, "continue", "--input", "2").returncode == 0
    server.wait_for(run)


def test_of_several_the_stage_is_named(waiting, judge, server):
    run = waiting(judgment("1", "First"), judgment("2", "Second"))
    done = judge(run, "continue")
    assert done.returncode == 2 and '"First" (1)' in done.stderr and '"Second" (2)' in done.stderr
    assert judge(run, "continue", "--stage", "Third").returncode == 2
    assert judge(run, "continue", "--stage", "Second").returncode == 0
    assert judge(run, "continue", "--stage", "1").returncode == 0
    assert server.wait_for(run)["status"] == "SUCCEEDED"


def test_a_run_that_is_not_there_is_named(judge):
    done = judge("01ARZ3NDEKTSV4RRFFQ69G5FAV", "continue")
    assert done.returncode == 2 and "01ARZ3NDEKTSV4RRFFQ69G5FAV" in done.stderr


# ---- run --judge


@pytest.mark.parametrize("answer, code, status", [("continue", 0, "SUCCEEDED"), ("stop", 1, "TERMINAL")])
def test_a_local_run_is_judged_by_the_option(gennaker, write, answer, code, status):
    path = write("p.json", document(judgment(), judgment("2", "Again", requisiteStageRefIds=["1"])))
    done = gennaker("run", path, "--judge", answer, "-o", "json")
    execution = json.loads(done.stdout)
    assert done.returncode == code and execution["status"] == status
    assert [stage["status"] for stage in execution["stages"]] == \
        (["SUCCEEDED", "SUCCEEDED"] if answer == "continue" else ["TERMINAL", "NOT_STARTED"])


def test_the_option_may_choose(gennaker, server, write):
    path = write("p.json", document(choice()))
    for arguments in ([], ["--server", f"http://127.0.0.1:{server.port}"]):
        done = gennaker("run", path, "--judge", "continue=blue", "-o", "json", *arguments)
        assert json.loads(done.stdout)["stages"][0]["context"]["judgmentInput"] == "blue", done.stderr


def test_a_choice_that_is_not_offered_ends_the_run(gennaker, server, write):
    path = write("p.json", document(choice()))
    for arguments in ([], ["--server", f"http://127.0.0.1:{server.port}"]):
        done = gennaker("run", path, "--judge", "continue=red", *arguments)
        assert done.returncode == 2 and "CANCELED" in done.stdout, done.stderr
        assert done.stderr.count("blue, green") == 1


def test_who_only_watches_leaves_the_run_going(gennaker, waiting, server):
    run = waiting(choice())
    done = gennaker("watch", run, "--judge", "continue=red", "--server", f"http://127.0.0.1:{server.port}")
    assert done.returncode == 2 and "blue, green" in done.stderr and "the run goes on" in done.stderr
    assert server.get(f"/pipelines/{run}").json()["status"] == "RUNNING"


def test_where_nobody_can_be_asked_it_says_how_to_answer(start_gennaker, judge, waiting, server, write):
    process = start_gennaker("run", write("p.json", document(judgment())))
    assert '"Approve" waits for a judgment: run it with --judge' in process.stderr.readline()
    run = waiting(judgment())
    watching = start_gennaker("watch", run, "--server", f"http://127.0.0.1:{server.port}")
    assert f"gennaker judge {run} continue|stop" in watching.stderr.readline()
    assert judge(run, "continue").returncode == 0
    assert "SUCCEEDED" in watching.communicate()[0]


# ---- judgments of children


def child_of(name, ref="1", **more):
    return {"type": "pipeline", "refId": ref, "name": f"Run {name}", "application": "demo", "pipeline": name, **more}


@pytest.fixture
def family(server):
    """A parent's document, whose child's child waits for two judgments; both children are saved."""
    server.save("demo", "grandchild", [judgment("1", "First"), judgment("2", "Second", requisiteStageRefIds=["1"])])
    server.save("demo", "child", [child_of("grandchild")])
    return json.dumps({"application": "demo", "name": "parent", "stages": [child_of("child")]})


def test_the_option_answers_for_children_too(gennaker, family, server, write):
    done = gennaker("run", write("p.json", family), "--judge", "continue", "--server", f"http://127.0.0.1:{server.port}")
    assert done.returncode == 0 and "parent SUCCEEDED" in done.stdout, done
    runs = server.get("/applications/demo/pipelines?expand=false").json()
    assert {(run["name"], run["status"]) for run in runs} == {("child", "SUCCEEDED"), ("grandchild", "SUCCEEDED")}


def test_a_child_in_this_process_is_answered(gennaker, family, server, write):
    server.stop()
    done = gennaker("run", write("p.json", family), "--judge", "stop", "--data-dir", server.command[5])
    server.start()
    assert done.returncode == 1 and "parent TERMINAL" in done.stdout, done


def test_a_terminal_is_asked_for_children_too(terminal, family, server, write):
    screen = terminal("run", write("p.json", family), "--server", f"http://127.0.0.1:{server.port}")
    screen.until("? grandchild / First: Ship it?")
    screen.until("s to stop? ")
    start = screen.type("c")
    screen.until("? grandchild / Second: Ship it?", start)
    screen.until("s to stop? ", start)
    screen.type("c")
    assert screen.end() == 0


def test_a_child_that_ends_takes_its_question_away(terminal, family, server, write):
    screen = terminal("run", write("p.json", family), "--server", f"http://127.0.0.1:{server.port}")
    screen.until("s to stop? ")
    child, = (run["id"] for run in server.get("/applications/demo/pipelines").json() if run["name"] == "child")
    server.put(f"/pipelines/{child}/cancel")
    assert screen.end() != 0
    assert "judged elsewhere, or has ended" in screen.shown


def test_a_parent_that_is_judged_names_the_child(family, judge, server, start_gennaker, write):
    process = start_gennaker("run", write("p.json", family), "--server", f"http://127.0.0.1:{server.port}")
    line = process.stderr.readline()
    assert line.startswith('"grandchild / First" waits for a judgment: gennaker judge ')
    grandchild = line.split()[-2]
    child, = (run for run in server.get("/applications/demo/pipelines").json() if run["name"] == "child")
    parent = child["trigger"]["parentExecution"]["id"]
    done = judge(parent, "continue")
    assert done.returncode == 2 and '"Run child" waits for run ' in done.stderr
    assert judge(grandchild, "stop").returncode == 0
    assert process.wait(PATIENCE) == 1


def test_children_beyond_the_limit_have_their_turn(gennaker, server, write):
    server.save("demo", "leaf", [judgment()])
    stages = [child_of("leaf", str(number), requisiteStageRefIds=[]) for number in range(40)]
    path = write("p.json", json.dumps({"application": "demo", "name": "wide", "stages": stages}))
    done = gennaker("run", path, "--judge", "continue", "--server", f"http://127.0.0.1:{server.port}")
    assert done.returncode == 0, done


def test_who_watches_later_is_not_told_of_what_was_answered(gennaker, waiting, judge, server):
    run = waiting(judgment("1", "First"), judgment("2", "Second"))
    assert judge(run, "continue", "--stage", "First").returncode == 0
    assert judge(run, "continue", "--stage", "Second").returncode == 0
    server.wait_for(run)
    for more in ([], ["--judge", "stop"]):
        done = gennaker("watch", run, "--server", f"http://127.0.0.1:{server.port}", *more)
        assert done.returncode == 0 and done.stderr == "", done


# ---- on a terminal


def test_a_terminal_is_asked(terminal, write):
    screen = terminal("run", write("p.json", document(choice())))
    screen.until("? Approve: Ship it?")
    screen.until("one of: blue, green")
    screen.until("s to stop? ")
    start = screen.type("perhaps")
    screen.until("continue or stop, not", start)
    start = screen.type("continue=red")
    screen.until('"red" is none of its inputs', start)
    screen.until("s to stop? ", start)
    screen.type("c green")
    assert screen.end() == 0
    assert "p SUCCEEDED" in screen.shown


def test_the_question_ends_when_somebody_else_answers(terminal, waiting, judge, server):
    run = waiting(judgment())
    screen = terminal("watch", run, "--server", f"http://127.0.0.1:{server.port}")
    screen.until("s to stop? ")
    assert judge(run, "stop").returncode == 0
    assert screen.end() == 1
    assert "judged elsewhere" in screen.shown and "TERMINAL" in screen.shown


def test_ctrl_c_at_the_question_cancels_the_run(terminal, write):
    screen = terminal("run", write("p.json", document(judgment())))
    screen.until("s to stop? ")
    screen.process.send_signal(2)
    assert screen.end() == 3
    assert "CANCELED" in screen.shown
