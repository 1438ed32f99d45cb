"""gennaker eval."""

import pytest


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
