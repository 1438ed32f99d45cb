"""gennaker lint: files, places, levels, output. What is a mistake is told by tests/unit/test_lint.c."""

import json
import os
import pathlib
import re
import time

import pytest

corpus = pytest.mark.skipif("GENNAKER_CORPUS" not in os.environ, reason="GENNAKER_CORPUS names no folder of pipelines")


def findings(gennaker, *arguments):
    done = gennaker("lint", "--output", "json", *arguments)
    return json.loads(done.stdout)


def test_the_examples_are_clean(gennaker, examples):
    done = gennaker("lint", *sorted(examples.glob("*.yaml")), *sorted(examples.glob("*.json")))
    assert (done.returncode, done.stdout) == (0, "")


def test_a_line_has_file_line_place_level_and_text(gennaker, write):
    path = write("p.json", '{"stages": [\n{"refId": "1", "type": "wait", "waitTIme": 3},\n{"refId": "1", "type": "wait", "waitTime": []}]}')
    done = gennaker("lint", path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f'{path}:2: stages[0].waitTIme: warning: unknown key; did you mean "waitTime"?',
        f'{path}:3: stages[1].refId: error: the refId "1" is used by another stage too',
        f"{path}:3: stages[1].waitTime: error: expected a number of seconds, got a list"]


def test_json_has_code_key_and_repair(gennaker, write):
    path = write("p.json", '{"stages": [{"refId": "7", "type": "wait", "waitTIme": 3, "comments": "${ #toInit(1) }"}]}')
    first, second = findings(gennaker, path)
    assert first == {
        "file": str(path), "path": "stages[0].waitTIme", "refId": "7", "key": "waitTIme", "level": "warning", "code": "unknown-key",
        "text": {"en": 'unknown key; did you mean "waitTime"?', "zh": '未知字段，是否应为 "waitTime"？'},
        "fix": [{"op": "move", "from": "/stages/0/waitTIme", "path": "/stages/0/waitTime"}], "line": 1}
    assert (second["code"], second["at"]) == ("unknown-function", {"from": 3, "to": 10})
    assert second["fix"][0]["value"] == "${ #toInt(1) }"
    assert "未知字段" in gennaker("lint", "--lang", "zh", path).stdout


def test_only_an_error_fails(gennaker, write):
    path = write("p.json", '{"stages": [{"type": "wait", "comments": "${ 1 + }"}]}')
    done = gennaker("lint", path)
    assert done.returncode == 0 and "stages[0].comments: warning:" in done.stdout and "column" in done.stdout


def test_saving_needs_application_and_name(gennaker, write):
    path = write("p.json", '{"stages": [{"type": "wait"}]}')
    assert gennaker("lint", path).returncode == 0
    done = gennaker("lint", "--save", path)
    assert done.returncode == 1 and "application: error:" in done.stdout and "name: error:" in done.stdout


@pytest.mark.parametrize("text, line, words", [
    ('{\n "stages": [,]\n}', 2, "expected a value"),
    ('{\n "stages": [\n {{ module "wait.stage" }}\n]}', 3, "render it first"),
    ('{\n "stages": [{"type": "wait"},]\n}', 2, "read as YAML"),
    ("stages: [\n", 2, "did not find"),
])
def test_what_does_not_parse_names_the_line(gennaker, write, text, line, words):
    path = write("p.json", text)
    first = gennaker("lint", path).stdout.splitlines()[0]
    assert first.startswith(f"{path}:{line}: ") and words in first


def test_no_place_is_named_twice(gennaker, write):
    for text in ('{"stages": [,]}', '{"stages": [{{ a }}]}', '{"stages": [{"type": "wait"},]}', "stages: *wait"):
        line = gennaker("lint", write("p.json", text)).stdout.splitlines()[0]
        assert line.count("p.json") == 1 and "line" not in line.split(":", 2)[2], line
    stage = {"type": "scaleManifest", "account": "a", "manifestName": "deployment web", "replicas": -1}
    assert gennaker("lint", write("p.json", json.dumps({"stages": [stage]}))).stdout.count("replicas") == 1


# Words that are no name of a field, kind or function, outside of what the author wrote.
ENGLISH = re.compile(r"\b(the|is|are|was|expected|got|not|with|without|did|there|unexpected|more|refId \"\w+\" by|a list|a map)\b")


def assert_chinese(text):
    said = re.sub(r'"[^"]*"|\'[^\']*\'|\$\{.*?\}(?=：)|（.*?）$', "", text)
    assert not ENGLISH.search(said) and re.search("[\u4e00-\u9fff]", said), text


MISTAKES = [
    {"stages": [{"type": "wait", "waitTime": []}, {"type": "weit"}, {"type": "wait", "waitTime": "${ {1, 2} }"}]},
    {"stages": [{"type": "wait", "comments": text} for text in (
        "${ 1 + }", "${ open", "${ }", "${ 'a }", "${ (1 }", "${ #stage('Nope') }", "${ #stageByRefId('9') }", "${ #toInt(1, 2) }", "${ @bean }",
        "${ #stage('wait').nope }", "${ T(java.nope.X).a() }", "${ 'a'.nope() }", "${ parameter.x }", "${ 1 2 }", "${ ~ }", "${ 1.5L }")]},
    {"type": "templatedPipeline", "stages": []}, {"pipeline": {}}, [], {"stages": {}},
    {"stages": [{"type": "deployManifest", "account": "a", "source": "artifact", "requiredArtifactIds": ["x"]},
                {"type": "deployManifest", "account": "a", "manifests": [{"spec": 1}]},
                {"type": "runJobManifest", "account": "a", "containers": [1]},
                {"type": "runJobManifest", "account": "a", "source": "artifact"},
                {"type": "patchManifest", "account": "a", "source": "artifact", "requiredArtifacts": [1]},
                {"type": "undoRolloutManifest", "manifestName": "deployment web", "account": "a"},
                {"type": "scaleManifest", "manifestName": "web", "account": "a", "replicas": 1},
                {"type": "scaleManifest", "manifestName": "deployment web", "account": "a", "replicas": -1},
                {"type": "deleteManifest", "mode": "label", "account": "a"}, {"type": "deleteManifest", "mode": "label", "kinds": ["pod"]},
                {"type": "webhook", "waitForCompletion": True}, {"type": "webhook", "url": "http://a.b", "monitorOnly": True},
                {"type": "webhook", "url": "http://a.b", "waitForCompletion": True, "statusUrlResolution": "x", "statusJsonPath": "$.["},
                {"type": "pipeline"}, {"type": "checkPreconditions", "preconditions": [{"type": "clusterSize"}, {"type": "x"}]}]},
    '{"stages": [,]}', '{"stages": [{{ a }}]}', '{"stages": [{"type": "wait"},]}', "stages: [\n", "stages: [a: b: c]", '{"a" 1}', '{"a": "x', "a: *b",
    '{"a": 01}', "a: b: c", "- a\n- b", "\t- a", "'", '{"a": 1} x', "{a: 1}",
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_chinese_texts_are_whole_chinese_sentences(gennaker, write, mistake):
    path = write("p.json", mistake if isinstance(mistake, str) else json.dumps(mistake))
    found = findings(gennaker, path)
    assert found
    for finding in found:
        assert_chinese(finding["text"]["zh"])


def test_a_key_that_stands_twice_is_a_warning(gennaker, write):
    done = gennaker("lint", write("p.json", '{"name": "a",\n"name": "b", "stages": [{"type": "wait"}]}'))
    assert done.returncode == 0 and ":2: warning: the key name stands twice" in done.stdout


@pytest.mark.parametrize("arguments", [("--output", "xml"), ("--lang", "fr")])
def test_options_that_mean_nothing_are_refused(gennaker, write, arguments):
    assert gennaker("lint", *arguments, write("p.json", "{}")).returncode == 2


@pytest.mark.parametrize("arguments", [(), ("--output", "json")])
def test_a_file_that_is_not_there_is_bad_input_and_the_others_are_still_looked_at(gennaker, write, arguments):
    done = gennaker("lint", *arguments, "missing.json", write("p.json", '{"stages": [{"type": "wait", "waitTime": []}]}'))
    assert done.returncode == 2
    assert done.stderr == "gennaker: lint: cannot read missing.json: No such file or directory\n"
    assert "expected a number of seconds" in done.stdout


@pytest.mark.parametrize("stage, words", [
    ({"type": "undoRolloutManifest", "manifestName": "deployment web", "account": "a"}, "numRevisionsBack: warning: the stage would fail"),
    ({"type": "deleteManifest", "mode": "label", "account": "a", "location": "b"}, "kinds: warning: the stage would fail"),
    ({"type": "scaleManifest", "manifestName": "web", "account": "a", "replicas": 1}, "manifestName: error: the stage would fail"),
    ({"type": "webhook", "url": "http://x.example.com", "waitForCompletion": True, "statusJsonPath": "$.["},
     "statusJsonPath: error: the stage would fail"),
    ({"type": "webhook"}, "url: warning: the stage would fail: url is required"),
    ({"type": "webhook", "url": ""}, "url: warning: the stage would fail: url is required"),
    ({"type": "webhook", "url": "   "}, "url: warning: the stage would fail: url is required"),
    ({"type": "webhook", "url": "http://x.example.com", "failFastStatusCodes": [404, "503", "abc"]},
     "failFastStatusCodes[2]: warning: a status code is a number"),
    ({"type": "webhook", "url": "http://x.example.com", "webhookRetryStatusCodes": ["4xx"]},
     "webhookRetryStatusCodes[0]: warning: a status code is a number"),
    ({"type": "evaluateVariables", "variables": [1]}, "variables[0]: warning: a variable is written {"),
    ({"type": "evaluateVariables", "variables": [{"key": 1, "value": 2}]}, "variables[0].key: warning: the name of a variable is a text"),
    ({"type": "wait", "waitTime": -5}, "waitTime: warning: the wait is shorter than nothing"),
    ({"type": "wait", "waitTime": "-5"}, "waitTime: warning: the wait is shorter than nothing"),
    ({"type": "webhook", "url": "http://x.example.com", "waitForCompletion": True}, "statusUrlResolution: warning: the stage would fail: waiting"),
    ({"type": "webhook", "url": "http://x.example.com", "waitForCompletion": True, "statusUrlResolution": "get"},
     "statusUrlResolution: error: the stage would fail: waiting"),
    ({"type": "webhook", "url": "http://x.example.com", "method": "FETCH"}, 'method: error: the stage would fail: expected GET, HEAD'),
    ({"type": "pipeline"}, "pipeline: warning: the stage would fail: pipeline is required"),
    ({"type": "pipeline", "pipeline": "a", "waitForCompletion": "no"}, 'waitForCompletion: warning: "no" is none of true, false'),
    ({"type": "checkPreconditions", "preconditions": [{"type": "expresion", "context": {"expression": "${ true }"}}]},
     'preconditions[0].type: error: expected one of "expression"'),
    ({"type": "patchManifest", "manifestName": "deployment web", "account": "a", "patchBody": [1, 2]}, "patchBody"),
])
def test_what_a_stage_refuses_before_it_begins_is_told(gennaker, write, stage, words):
    done = gennaker("lint", write("p.json", json.dumps({"stages": [stage]})))
    assert words in done.stdout and done.returncode == (1 if ": error: " in done.stdout else 0)


def test_chinese_is_chinese_throughout(gennaker, write):
    said = gennaker("lint", "--lang", "zh", write("tab.yaml", "stages:\n\t- type: wait\n")).stdout
    assert "错误: 语法错误：YAML 应使用空格缩进" in said
    flag = write("p.json", '{"stages": [{"type": "wait", "failPipeline": []}]}')
    said = gennaker("lint", "--lang", "zh", flag).stdout
    assert "应为 true 或 false" in said and "error" not in said and "warning" not in said


PRECONFIGURED = """
webhook:
  preconfigured:
    - type: createBranch
      label: Create a branch
      description: Makes a branch.
      enabled: true
      method: POST
      url: https://git.example.com/api/branches
      parameters:
        - { name: branch, label: Branch, type: string }
"""


def test_stage_types_of_the_settings_are_known(gennaker, write):
    path = write("p.json", '{"stages": [{"type": "createBranch", "parameterValues": {"branch": "a"}}]}')
    assert 'there is no stage type "createBranch"' in gennaker("lint", path).stdout
    settings = write("mine.yml", PRECONFIGURED)
    assert gennaker("lint", "--config", settings, path).stdout == ""
    write("gennaker.yml", PRECONFIGURED)
    assert gennaker("lint", path).stdout == ""


@pytest.mark.parametrize("text, words", [
    ("webhook: {preconfigured: {type: a}}", "webhook"), ("a: [", "mine.yml"), (None, "mine.yml")])
def test_settings_that_cannot_be_used_are_bad_input(gennaker, write, text, words):
    if text:
        write("mine.yml", text)
    done = gennaker("lint", "--config", "mine.yml", write("p.json", '{"stages": [{"type": "wait"}]}'))
    assert done.returncode == 2 and words in done.stderr, done


def test_a_large_pipeline_takes_no_time(gennaker, write):
    stages = [{"type": "wait", "refId": str(i), "requisiteStageRefIds": [str(i - 1)] if i else [], "name": f"Stage number {i}",
               "comments": f"${{ #stage('Stage nummber {i}').status }} ${{ parameters.x{i} }}"} for i in range(10000)]
    path = write("p.json", json.dumps({"stages": stages}))
    start = time.monotonic()
    assert "there is more to say" in gennaker("lint", path).stdout
    assert time.monotonic() - start < 20


@corpus
def test_every_pipeline_of_the_corpus_is_fine(gennaker):
    """But for what is not built yet, and those files whose refIds are used twice."""
    folder = pathlib.Path(os.environ["GENNAKER_CORPUS"])
    errors = [(pathlib.Path(finding["file"]).name, finding["code"]) for finding in findings(gennaker, *sorted(folder.glob("*.json")))
              if finding["level"] == "error" and finding["code"] != "unsupported"]
    assert {code for _, code in errors} <= {"same-ref", "circle"}
    assert all("datalayer" in name or "builder_test" in name or "pipelines_test" in name for name, _ in errors), errors


@corpus
def test_every_broken_file_of_the_corpus_has_its_line(gennaker):
    for path in sorted((pathlib.Path(os.environ["GENNAKER_CORPUS"]) / "broken").iterdir()):
        found = findings(gennaker, path)
        assert found and found[0]["line"] > 0, path
