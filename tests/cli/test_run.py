"""gennaker run: progress, exit status, parameters, data directory, a server, Ctrl-C, bad input."""

import json
import signal

import pytest

WAIT = '{"stages": [{"type": "wait", "name": "Pause", "waitTime": %s}]}'
TOO_LONG = WAIT % "3600"


def test_an_example_runs_and_says_what_happens(gennaker, examples):
    done = gennaker("run", examples / "hello.json", "-p", "name=Ann")
    assert done.returncode == 0, done.stderr
    assert "▶ Make a greeting (evaluateVariables)" in done.stdout
    assert "✔ Wait a moment SUCCEEDED" in done.stdout
    assert "✔ hello SUCCEEDED" in done.stdout.splitlines()[-1]


def test_json_output_is_the_execution_alone(gennaker, examples):
    done = gennaker("run", examples / "hello.json", "-p", "name=Ann", "--output", "json")
    execution = json.loads(done.stdout)
    assert execution["status"] == "SUCCEEDED" and execution["trigger"]["parameters"] == {"name": "Ann"}
    outputs = {stage["refId"]: stage["outputs"] for stage in execution["stages"]}
    assert outputs["done"] == {"summary": "HELLO, ANN!"}


def test_a_failed_run_exits_with_1_and_says_why(gennaker, write):
    path = write("fails.json", '{"stages": [{"type": "webhook", "name": "Call", "url": "http://localhost:8080/"}]}')
    done = gennaker("run", path)
    assert done.returncode == 1
    assert "✖ fails TERMINAL" in done.stdout and "Call: " in done.stdout and "localhost" in done.stdout


def test_a_yaml_file_is_named_after_itself_and_belongs_to_local(gennaker, write):
    path = write("nightly.yaml", "stages:\n  - type: wait\n    waitTime: 0\n")
    execution = json.loads(gennaker("run", path, "-o", "json").stdout)
    assert (execution["application"], execution["name"]) == ("local", "nightly")


def test_a_pipeline_may_come_from_standard_input(gennaker):
    assert gennaker("run", "-", input=WAIT % "0").returncode == 0


def test_a_required_parameter_must_be_given(gennaker, write):
    path = write("p.json", '{"parameterConfig": [{"name": "tag", "required": true}], "stages": [{"type": "wait"}]}')
    done = gennaker("run", path)
    assert done.returncode == 2 and "Required parameter tag is missing" in done.stderr
    assert gennaker("run", path, "-p", "tag=v1").returncode == 0


DECLARED = '{"application": "demo", "name": "p", "parameterConfig": [{"name": "image", "default": "a"}, {"name": "tag"}], "stages": [{"type": "wait"}]}'


@pytest.mark.parametrize("where", ["here", "server", "stored"])
def test_a_parameter_that_is_not_declared_is_told_and_a_slip_is_refused(gennaker, server, write, where):
    path = write("p.json", DECLARED)
    url = f"http://127.0.0.1:{server.port}"
    if where == "stored":
        assert gennaker("pipelines", "save", path, "--server", url).returncode == 0
    command = {"here": ["run", path], "server": ["run", path, "--server", url],
               "stored": ["pipelines", "start", "demo", "p", "--watch", "--server", url]}[where]
    done = gennaker(*command, "-p", "imgae=b")
    assert done.returncode == 2 and '-p imgae: the pipeline declares no such parameter; did you mean "image"?' in done.stderr
    # beside the one that was meant it is no slip; and nothing is near to this one
    for more in (["-p", "images=b", "-p", "image=c"], ["-p", "colour=red"]):
        done = gennaker(*command, *more)
        assert done.returncode == 0 and "declares no such parameter; it is passed on" in done.stderr
    done = gennaker(*command, "-p", "image=b")
    assert done.returncode == 0 and "declares" not in done.stderr


def test_ctrl_c_cancels_the_run_and_exits_with_3(start_gennaker, write):
    process = start_gennaker("run", write("long.json", TOO_LONG))
    assert "▶ Pause" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 3, err
    assert "⊘ long CANCELED" in out


def test_a_killed_run_goes_on_where_it_was(start_gennaker, gennaker, write, tmp_path):
    path = write("kept.json", '{"stages": [{"refId": "1", "type": "evaluateVariables", "variables": [{"key": "a", "value": 1}]},'
                              '{"refId": "2", "type": "wait", "name": "Pause", "waitTime": 1, "requisiteStageRefIds": ["1"]}]}')
    process = start_gennaker("run", path, "--data-dir", tmp_path / "kept")
    while "▶ Pause" not in process.stdout.readline():
        pass
    process.kill()
    process.wait()
    done = gennaker("run", path, "--data-dir", tmp_path / "kept", "-o", "json")
    assert done.returncode == 0 and "going on with run" in done.stderr
    execution = json.loads(done.stdout)
    assert [stage["status"] for stage in execution["stages"]] == ["SUCCEEDED", "SUCCEEDED"]
    again = gennaker("run", path, "--data-dir", tmp_path / "kept", "-o", "json")
    assert "going on" not in again.stderr and json.loads(again.stdout)["id"] != execution["id"]


def test_a_second_process_is_told_who_has_the_data_directory(start_gennaker, gennaker, write, tmp_path):
    path = write("long.json", TOO_LONG)
    process = start_gennaker("run", path, "--data-dir", tmp_path / "kept")
    process.stdout.readline()
    done = gennaker("run", path, "--data-dir", tmp_path / "kept")
    assert done.returncode != 0 and str(process.pid) in done.stderr


def test_a_run_on_a_server_is_as_live_as_a_local_one(server, gennaker, examples):
    url = f"http://127.0.0.1:{server.port}"
    done = gennaker("run", examples / "hello.json", "-p", "name=Ann", "--server", url)
    assert done.returncode == 0, done.stderr
    local = gennaker("run", examples / "hello.json", "-p", "name=Ann")

    def lines(text):
        return sorted(line.split("  ")[0] for line in text.splitlines())
    assert lines(done.stdout) == lines(local.stdout)
    assert server.get("/executions?executionIds=" + done.stdout.split("(")[-1].split(")")[0]).json()[0]["status"] == "SUCCEEDED"


def test_ctrl_c_cancels_a_run_on_a_server(server, start_gennaker, write):
    process = start_gennaker("run", write("long.json", TOO_LONG), "--server", f"http://127.0.0.1:{server.port}")
    assert "▶ Pause" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 3 and "CANCELED" in out


def test_a_server_that_is_not_there_is_named(gennaker, write):
    done = gennaker("run", write("p.json", TOO_LONG), "--server", "http://127.0.0.1:1")
    assert done.returncode == 1 and "http://127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("name, text, said", [
    ("no.json", "{ \"stages\": [", "line 1"),
    ("template.json", "{\n \"stages\": [ {{ module }} ]\n}", "line 2"),
    ("tabs.yaml", "stages:\n\t- type: wait\n", "line 2"),
    ("list.json", "[1]", "a list of 1"),
    ("notype.json", '{"stages": [{"refId": "1"}]}', "stages[0].type"),
    ("cycle.json", '{"stages": [{"refId": "1", "type": "wait", "requisiteStageRefIds": ["2"]},'
                   '{"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}', "circle"),
    ("dangling.json", '{"stages": [{"refId": "1", "type": "wait", "requisiteStageRefIds": ["7"]}]}',
     'stages[0].requisiteStageRefIds[0]: there is no stage with refId "7"'),
    ("twice.json", '{"stages": [{"refId": "1", "type": "wait"}, {"refId": "1", "type": "wait"}]}', "stages[1].refId"),
    ("artifact.json", '{"stages": [{"type": "deployManifest", "account": "a", "source": "artifact", "manifestArtifactId": "m"}]}',
     "stages[0].source"),
    ("bind.json", '{"expectedArtifacts": [{"displayName": "image", "usePriorArtifact": true}], "stages": [{"type": "wait"}]}',
     "Unmatched expected artifact \"image\""),
])
def test_bad_input_is_one_clear_line_and_exit_2(gennaker, write, name, text, said):
    done = gennaker("run", write(name, text))
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_wrong_field_fails_the_stage_with_its_name(gennaker, write):
    done = gennaker("run", write("p.json", WAIT % '"soon"'))
    assert done.returncode == 1 and "waitTime: expected a number of seconds" in done.stdout


def test_an_unknown_stage_type_ends_the_run_when_it_is_reached(gennaker, write):
    path = write("p.json", '{"stages": [{"refId": "1", "type": "wait"},'
                           '{"refId": "2", "type": "conjure", "requisiteStageRefIds": ["1"], "continuePipeline": true}]}')
    done = gennaker("run", path, "-o", "json")
    execution = json.loads(done.stdout)
    assert done.returncode == 1 and [stage["status"] for stage in execution["stages"]] == ["SUCCEEDED", "TERMINAL"]
    assert 'no stage type "conjure"' in execution["stages"][1]["context"]["exception"]["details"]["errors"][0]


def test_an_unknown_account_is_named_with_those_there_are(gennaker, write):
    path = write("p.json", json.dumps({"stages": [{
        "type": "deployManifest", "account": "nudge", "source": "text", "cloudProvider": "kubernetes",
        "manifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}]}]}))
    done = gennaker("run", path)
    assert done.returncode == 1 and "nudge" in done.stdout


@pytest.mark.parametrize("arguments, said", [
    ([], "usage"), (["rnu"], 'did you mean "run"'), (["run"], "needs FILE"), (["run", "a", "b"], 'unexpected "b"'),
    (["run", "--data", "x", "f"], "no option --data"), (["run", "f", "-p"], "needs NAME=VALUE"),
    (["run", "nothing.json"], "No such file"), (["run", "--account", "x", "-"], "NAME=CONTEXT"),
])
def test_bad_usage_exits_with_2(gennaker, arguments, said):
    done = gennaker(*arguments, input=TOO_LONG)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize("command", ["run", "serve", "lint", "eval", "version"])
def test_every_command_has_help(gennaker, command):
    done = gennaker(command, "--help")
    assert done.returncode == 0 and f"usage: gennaker {command}" in done.stdout and "--help" in done.stdout
    assert command in gennaker("--help").stdout


FAILING = {"name": "p", "stages": [
    {"refId": "1", "type": "evaluateVariables", "name": "Vars", "variables": [{"key": "a", "value": "${ nope }"}, {"key": "b", "value": "${ 1 + }"}]},
    {"refId": "2", "type": "wait", "name": "Pause", "waitTime": "${zz}", "continuePipeline": True, "requisiteStageRefIds": ["1"]},
    {"refId": "3", "type": "evaluateVariables", "name": "Strict", "failOnFailedExpressions": True, "requisiteStageRefIds": ["2"],
     "variables": [{"key": "c", "value": "${ parameters.password }"}]}]}


def assert_failures_are_shown(out):
    """Each once: the warnings of stages that went on, and the reason of the one that ended."""
    assert out.count("Vars: variables: ${nope}: nope not found") == 1
    assert out.count("Vars: variables: ${1 +}: ") == 1
    assert out.count("Pause: waitTime: ${zz}: zz not found") == 1
    assert out.count("Strict: variables: ${parameters.password}: ") == 1
    assert out.index("Failed Expression Evaluation") < out.index("Strict: variables:")


def test_failed_expressions_are_shown(gennaker, write):
    done = gennaker("run", write("p.json", json.dumps(FAILING)))
    assert done.returncode == 1
    assert_failures_are_shown(done.stdout)


def test_failed_expressions_on_a_server_are_shown(gennaker, write, server):
    done = gennaker("run", write("p.json", json.dumps(FAILING)), "--server", f"http://127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert_failures_are_shown(done.stdout)


def test_what_failed_inside_a_secret_is_not_shown(gennaker, write, server):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
              "stringData": {"password": "${ 'hunter2-planted'.nope() }", "plain": "hunter3-planted"}}
    stages = [{"refId": "1", "type": "deployManifest", "name": "Deploy", "account": "nobody", "source": "text", "manifests": [secret],
               "continuePipeline": True, "note": "${ shown }"},
              {"refId": "2", "type": "wait", "name": "Guard", "requisiteStageRefIds": ["1"],
               "stageEnabled": {"type": "expression", "expression": "#stage('Deploy').context.manifests[0].stringData.plain"}}]
    path = write("p.json", json.dumps({"name": "p", "stages": stages}))
    for more in ([], ["--server", f"http://127.0.0.1:{server.port}"]):
        done = gennaker("run", path, *more)
        assert "Deploy: note: ${shown}: " in done.stdout, done.stdout + done.stderr
        assert "Failed to evaluate an expression in the data of a Secret" in done.stdout, done.stdout
        assert "! Guard: " in done.stdout, done.stdout
        assert "planted" not in done.stdout + done.stderr
    run = server.get("/applications/*/executions/search").json()[0]["id"]
    for shown in (gennaker("executions", "get", run, "--server", f"http://127.0.0.1:{server.port}"),
                  gennaker("watch", run, "--server", f"http://127.0.0.1:{server.port}")):
        assert "planted" not in shown.stdout + shown.stderr


SKIPS = {"name": "p", "stages": [
    {"refId": "1", "type": "wait", "name": "Unknown", "waitTime": 0, "stageEnabled": {"type": "expression", "expression": "nope.x()"}},
    {"refId": "2", "type": "wait", "name": "Word", "waitTime": 0, "stageEnabled": {"type": "expression", "expression": "'yes'"}},
    {"refId": "3", "type": "wait", "name": "Off", "waitTime": 0, "stageEnabled": {"type": "expression", "expression": "1 == 2"}}]}


def test_a_stage_that_is_skipped_because_its_guard_cannot_be_evaluated_says_so(gennaker, write, server):
    path = write("p.json", json.dumps(SKIPS))
    for more in ([], ["--server", f"http://127.0.0.1:{server.port}"]):
        done = gennaker("run", path, *more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("! Unknown: stageEnabled: ${nope.x()}: ") == 1, done.stdout
        assert done.stdout.count("! Word: ${'yes'}: stageEnabled: it came to \"yes\", which is neither true nor false") == 1, done.stdout
        assert "Off SKIPPED" in done.stdout and "! Off" not in done.stdout
    run = server.get("/applications/*/executions/search").json()[0]["id"]
    table = gennaker("executions", "get", run, "--server", f"http://127.0.0.1:{server.port}").stdout
    assert "Failed to evaluate [stageEnabled]" in table and "neither true nor false" in table


def test_many_long_failed_expressions_are_cut(gennaker, write):
    variables = [{"key": f"k{i}", "value": "${ n%d + '%s' + 1.x() }" % (i, "é" * 1000)} for i in range(9)]
    stage = {"type": "evaluateVariables", "name": "V", "variables": variables}
    done = gennaker("run", write("p.json", json.dumps({"stages": [stage]})))
    lines = [line for line in done.stdout.splitlines() if line.startswith("! V: ")]
    assert len(lines) == 6 and "4 more expressions failed" in lines[-1] and all(len(line.encode()) < 1000 for line in lines)


def test_a_circle_is_told_before_a_parameter_is_asked_for(gennaker, write):
    path = write("p.json", json.dumps({"parameterConfig": [{"name": "x", "required": True}],
                                       "stages": [{"refId": "1", "type": "wait", "requisiteStageRefIds": ["1"]}]}))
    done = gennaker("run", path)
    assert done.returncode == 2 and "circle" in done.stderr and "parameter" not in done.stderr


KUBECONFIG = """apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
"""


def test_the_accounts_of_a_data_directory_are_kept(gennaker, write, tmp_path):
    config, path = write("config", KUBECONFIG), write("p.json", json.dumps({
        "stages": [{"type": "deleteManifest", "account": "nudge", "manifestName": "deployment a", "location": "b", "stageTimeoutMs": 1000}]}))
    there = ("run", path, "--data-dir", tmp_path / "there", "--kubeconfig", config)
    assert "account nudge: context one" in gennaker(*there, "--account", "nudge=one").stderr
    assert "account nudge: context one" in gennaker(*there).stderr
    assert 'no Kubernetes account "nudge"' in gennaker(*there[:2], "--data-dir", tmp_path / "elsewhere", "--kubeconfig", config).stdout
    other = write("other", KUBECONFIG.replace("name: one", "name: two").replace("current-context: one", "current-context: two"))
    done = gennaker(*there[:4], "--kubeconfig", other)
    assert "--account nudge=one, which an earlier process was given" in done.stderr


def test_an_account_that_nobody_knows_names_the_kubeconfig(gennaker, write):
    done = gennaker("run", write("p.json", json.dumps({"stages": [{"type": "deployManifest", "account": "a", "source": "text", "manifests": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}]}]})))
    assert done.returncode == 1 and "--kubeconfig" in done.stdout and "none is known" in done.stdout


def test_a_list_of_pipelines_is_not_run(gennaker, write):
    done = gennaker("run", write("p.json", '[{"name": "a", "stages": []}]'))
    assert done.returncode == 2 and "pipelines save" in done.stderr
