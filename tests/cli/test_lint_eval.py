"""gennaker lint and gennaker eval."""

import json
import os
import pathlib

import pytest


def test_the_examples_are_clean(gennaker, examples):
    done = gennaker("lint", *sorted(examples.iterdir()))
    assert (done.returncode, done.stdout) == (0, "")


def test_findings_have_file_place_and_level(gennaker, write):
    path = write("p.json", '{"stages": [{"refId": "1", "type": "wait", "waitTIme": 3}, {"refId": "1", "type": "wait", "waitTime": []}]}')
    done = gennaker("lint", path)
    assert done.returncode == 1
    assert f'{path}: stages[0].waitTIme: warning: unknown key; did you mean "waitTime"?' in done.stdout
    assert f"{path}: stages[1].refId: error: " in done.stdout and f"{path}: stages[1].waitTime: error: " in done.stdout
    found = json.loads(gennaker("lint", path, "--output", "json").stdout)
    assert {"file": str(path), "path": "stages[1].refId", "level": "error"}.items() <= found[1].items() or len(found) == 3


def test_a_broken_expression_is_a_warning_with_its_column(gennaker, write):
    done = gennaker("lint", write("p.json", '{"stages": [{"type": "wait", "comments": "${ 1 + }"}]}'))
    assert done.returncode == 0 and "stages[0].comments: warning:" in done.stdout and "column" in done.stdout


def test_a_file_that_does_not_parse_is_an_error_with_its_line(gennaker, write):
    done = gennaker("lint", write("p.json", '{\n "stages": [,]\n}'))
    assert done.returncode == 1 and "line 2" in done.stdout


@pytest.mark.parametrize("expression, value", [
    ("${ 1 + 1 }", "2"), ("1 + 1", "2"), ("'a' + 1", '"a1"'), ("Hello ${'World'}!", '"Hello World!"'),
    ("{1, 2}", "[1,2]"), ("null ?: 'x'", '"x"'),
])
def test_eval_prints_the_value_as_json(gennaker, expression, value):
    done = gennaker("eval", expression)
    assert (done.returncode, done.stdout) == (0, value + "\n"), done.stderr


def test_eval_sees_a_context(gennaker, write):
    context = write("c.yaml", "a: {b: [1, 2, 3]}\n")
    assert gennaker("eval", "a.b[1]", "--context", context).stdout == "2\n"
    assert gennaker("eval", "${'x' + a.b.size()}", "--context", context, "--raw").stdout == "x3\n"


def test_eval_sees_an_execution_as_one_of_its_stages(gennaker, examples, write):
    path = write("run.json", gennaker("run", examples / "hello.json", "-o", "json").stdout)
    done = gennaker("eval", "#stage('Say it louder').outputs.shout", "--execution", path)
    assert done.stdout == '"HELLO, WORLD!"\n', done.stderr
    assert gennaker("eval", "variables[0].key", "--execution", path, "--stage", "shout").stdout == '"shout"\n'


def test_a_failing_expression_shows_the_place(gennaker):
    done = gennaker("eval", "1 + * 2")
    assert done.returncode == 1 and done.stdout == "" and "\n    ^" in done.stderr


@pytest.mark.skipif("GENNAKER_CORPUS" not in os.environ, reason="GENNAKER_CORPUS names no folder of pipelines")
def test_a_folder_of_pipelines_loads(gennaker):
    for path in sorted(pathlib.Path(os.environ["GENNAKER_CORPUS"]).glob("*.json")):
        done = gennaker("lint", path)
        assert done.returncode in (0, 1) and "line " not in done.stdout.split(": error:")[0], path
