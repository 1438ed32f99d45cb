"""gennaker eval --jsonl: an object a line."""

import json
import select
import subprocess

import pytest
from server import PATIENCE, environment, program

EXECUTION = {"id": "01E", "application": "app", "stages": [
    {"id": "s1", "refId": "1", "name": "Bake", "type": "bake", "status": "SUCCEEDED", "context": {"package": "nginx"},
     "outputs": {"image": "i-1"}},
    {"id": "s2", "refId": "2", "name": "Go", "type": "wait", "status": "RUNNING", "requisiteStageRefIds": ["1"], "context": {}}]}


def lines(gennaker, *inputs, arguments=()):
    text = "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in inputs)
    done = gennaker("eval", "--jsonl", *arguments, input=text)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(inputs)
    return answers


def test_a_text_and_its_value(gennaker):
    one, two, three = lines(gennaker, {"id": 7, "context": {"a": 5}, "expr": "${a + 1}"},
                            {"id": "x", "context": {}, "expr": "no expression"}, {"context": {}, "expr": "${1}-${2.50}"})
    assert one == {"id": 7, "value": 6, "evaluated": 1, "failures": []}
    assert two == {"id": "x", "value": "no expression", "evaluated": 0, "failures": []}
    assert three == {"value": "1-2.5", "evaluated": 1, "failures": []}


def test_a_failed_text_comes_back_as_written_with_why(gennaker):
    answer, = lines(gennaker, {"id": 1, "context": {}, "expr": "${ 'a'.nope() } "})
    assert answer["value"] == "${ 'a'.nope() } " and answer["evaluated"] == 1
    failure, = answer["failures"]
    assert list(failure) == ["expression", "level", "key", "description", "exceptionType"]
    assert failure["expression"] == "'a'.nope() " and failure["level"] == "ERROR" and failure["key"] is None
    assert "nope" in failure["description"]
    assert failure["exceptionType"] == "org.springframework.expression.spel.SpelEvaluationException"


def test_a_whole_map_with_its_keys(gennaker):
    source = {"${a}": 1, "b": ["${a}", 2, None], "c": {"d": "${nothing}"}, "e": "${1 +}"}
    answer, = lines(gennaker, {"id": None, "context": {"a": "A"}, "source": source, "allowUnknownKeys": True})
    assert answer["id"] is None and answer["evaluated"] == 4
    assert answer["value"] == {"A": 1, "b": ["A", 2, None], "c": {"d": "${nothing}"}, "e": "${1 +}"}
    assert [(f["level"], f["key"], f["exceptionType"]) for f in answer["failures"]] == [
        ("INFO", "c", None), ("ERROR", "e", "org.springframework.expression.spel.SpelParseException")]


def test_unknown_keys_are_null_only_when_allowed(gennaker):
    ask = {"context": {"m": {}}, "expr": "${m.x ?: 'none'}"}
    strict, lenient = lines(gennaker, ask, {**ask, "allowUnknownKeys": True})
    assert strict["value"] == ask["expr"] and strict["failures"][0]["level"] == "ERROR"
    assert lenient["value"] == "none" and not lenient["failures"]


def test_an_unknown_key_is_told_the_nearest_one(gennaker):
    answer, = lines(gennaker, {"context": {"parameters": {"version": 1}}, "source": {"image": "x:${parameter.version}"}})
    failure, = answer["failures"]
    assert failure["key"] == "image" and "'parameter' cannot be found" in failure["description"]
    assert "Did you mean 'parameters'?" in failure["description"]


def test_helpers_see_the_execution_of_the_context(gennaker):
    context = {"execution": EXECUTION}
    answers = lines(gennaker, {"context": context, "expr": "${#stage('Bake').context.package}"},
                    {"context": context, "expr": "${#currentStage().name}", "currentStageId": "s2"},
                    {"context": context, "expr": "${#stage('Go').context.image}"},
                    {"context": {}, "expr": "${#stage('Bake').name}"})
    assert [answer["value"] for answer in answers[:3]] == ["nginx", "Go", "i-1"]
    assert answers[3]["failures"]


def test_bad_lines_say_so_and_the_next_goes_on(gennaker):
    answers = lines(gennaker, "{", "", "[1]", '"text"', {"id": 5, "context": {}}, {"id": 6, "context": [], "expr": "a"},
                    {"expr": 5}, {"expr": "a", "source": "b"}, {"id": 9, "context": {}, "expr": "${1}"})
    for answer in answers[:8]:
        assert answer["error"] and "value" not in answer
    assert [answer.get("id") for answer in answers[4:6]] == [5, 6]
    assert [answer["error"].split(":")[0].split(",")[0] for answer in answers[:8]] == [f"line {n}" for n in range(1, 9)]
    assert "line 1, column 2" in answers[0]["error"] and "line 2, column 1" in answers[1]["error"] and "expr" in answers[4]["error"] and "context" in answers[5]["error"]
    assert answers[8] == {"id": 9, "value": 1, "evaluated": 1, "failures": []}


@pytest.mark.parametrize("field, value, why", [
    ("context", [], "expected map, found list"), ("context", "x", "expected map, found string"),
    ("expr", 5, "expected string"), ("expr", None, "expected string, found null"),
    ("source", 1, "found both"), ("allowUnknownKeys", "yes", "expected bool, found string"),
    ("allowUnknownKeys", 1, "expected bool"), ("currentStageId", 5, "expected string"),
    ("currentStageId", "s9", 'no stage with the id "s9"'), ("allowUnknownkeys", True, 'did you mean "allowUnknownKeys"?'),
    ("currentStageID", "s1", 'did you mean "currentStageId"?'),
])
def test_a_field_that_does_not_fit_is_named_and_the_next_line_goes_on(gennaker, field, value, why):
    good = {"context": {"execution": EXECUTION}, "expr": "${1}"}
    _, answer, last = lines(gennaker, good, {**good, field: value}, good)
    assert list(answer) == ["error"] and answer["error"].startswith("line 2: ") and why in answer["error"], answer
    assert last["value"] == 1


def test_fields_that_may_be_null_and_those_of_the_caller(gennaker):
    answer, = lines(gennaker, {"id": {"any": 1}, "context": None, "expr": "${1}", "allowUnknownKeys": None,
                               "currentStageId": None, "want": 1})
    assert answer == {"id": {"any": 1}, "value": 1, "evaluated": 1, "failures": []}


def test_one_line_does_not_change_the_next(gennaker):
    ask = {"context": {"l": [1]}, "expr": "${l.add(2) && l.size() == 2 ? x = 5 : 0}"}
    assert [answer["value"] for answer in lines(gennaker, ask, ask)] == [5, 5]


def test_a_hostile_line_ends_and_the_next_goes_on(gennaker):
    deep = "${" + "(" * 4000 + "1" + ")" * 4000 + "}"
    long = {"context": {"l": list(range(3000))}, "expr": "${l.![#root.l.![#root.l.size()].size()].size()}"}
    first, second, third = lines(gennaker, {"context": {}, "expr": deep}, long, {"context": {}, "expr": "${1}"})
    assert first["failures"] and (second.get("failures") or second.get("error")) and third["value"] == 1


def test_a_file_and_its_last_line_without_an_end(gennaker, write):
    path = write("lines.jsonl", '{"context":{},"expr":"${1}"}\n{"context":{},"expr":"${2}"}')
    done = gennaker("eval", "--jsonl", path)
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == [1, 2], done.stderr
    missing = gennaker("eval", "--jsonl", "nowhere.jsonl")
    assert missing.returncode == 2 and "nowhere.jsonl" in missing.stderr


def test_each_answer_comes_before_the_next_line_is_asked_for(tmp_path):
    process = subprocess.Popen([program(), "eval", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=environment(HOME=str(tmp_path)), cwd=tmp_path)
    for number in range(3):
        process.stdin.write(json.dumps({"id": number, "context": {}, "expr": "${1 + 1}"}) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        assert ready and json.loads(process.stdout.readline())["id"] == number
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()


def test_what_does_not_go_with_lines_is_refused(gennaker, write):
    context = write("c.json", "{}")
    for arguments in (["--context", context], ["--raw"], ["-i"]):
        done = gennaker("eval", "--jsonl", *arguments, input="")
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
