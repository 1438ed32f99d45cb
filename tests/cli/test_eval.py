"""gennaker eval."""

import json

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


RUN = {"id": "01E", "application": "app", "name": "p", "spelEvaluator": "v4", "status": "RUNNING",
       "templateVariables": {"region": "east"},
       "trigger": {"type": "manual", "user": "joe", "parameters": {"env": "prod"}},
       "stages": [
           {"id": "s1", "refId": "1", "name": "Bake", "type": "bake", "status": "SUCCEEDED", "context": {"package": "nginx"},
            "outputs": {"image": "i-1"}},
           {"id": "s2", "refId": "2", "name": "Deploy", "type": "wait", "status": "RUNNING", "requisiteStageRefIds": ["1"],
            "context": {"size": 3}}]}


@pytest.fixture
def run_file(write):
    return write("run.json", json.dumps(RUN))


@pytest.mark.parametrize("stage, expression, value", [
    ("Deploy", "size", "3"), ("2", "size", "3"), ("Deploy", "image", '"i-1"'), ("Bake", "package", '"nginx"'),
    ("Deploy", "parameters.env", '"prod"'), ("Deploy", "trigger.user", '"joe"'), ("Deploy", "#currentStage().refId", '"2"'),
    ("Deploy", "execution.stages[0].status", '"SUCCEEDED"'), ("Deploy", "templateVariables.region", '"east"'),
    (None, "parameters['env']", '"prod"'), (None, "#stage('Deploy').context.image", '"i-1"'), (None, "size ?: 'none'", '"none"'),
])
def test_an_execution_is_seen_as_its_stages_see_it(gennaker, run_file, stage, expression, value):
    done = gennaker("eval", expression, "--execution", run_file, *(["--stage", stage] if stage else []))
    assert (done.returncode, done.stdout) == (0, value + "\n"), done.stderr


def test_the_context_comes_before_the_execution(gennaker, run_file, write):
    context = write("c.yaml", "size: 7\nmore: 1\n")
    done = gennaker("eval", "{size, more, image}", "--execution", run_file, "--stage", "Deploy", "--context", context)
    assert done.stdout == '[7,1,"i-1"]\n', done.stderr


def seen(gennaker, write, run, expression, stage="2"):
    path = write("changed.json", json.dumps(run))
    done = gennaker("eval", expression, "--execution", path, "--stage", stage)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def commits(*branches):
    return [{"name": f"n{i}", "branch": branch, "sha1": str(i)} for i, branch in enumerate(branches)]


@pytest.mark.parametrize("scm, sha1", [
    (commits("master"), "0"), (commits("master", "feature", "other"), "1"), (commits("develop", "master"), "0"), ([], None), (None, None),
])
def test_scm_info_is_the_commit_of_the_build(gennaker, write, scm, sha1):
    run = RUN | {"trigger": {"type": "jenkins", "buildInfo": {"scm": scm}}}
    assert seen(gennaker, write, run, "scmInfo?.sha1 ?: 'none'") == (sha1 or "none")
    stages = [RUN["stages"][0], RUN["stages"][1] | {"context": {"scmInfo": {"sha1": "mine"}}}]
    assert seen(gennaker, write, run | {"stages": stages}, "scmInfo.sha1") == "mine"


@pytest.mark.parametrize("given, own, value", [
    ({"a": "t"}, {"parameters": {"a": "c"}}, {"a": "t"}), ({}, {"parameters": {"a": "c"}}, {"a": "c"}), (None, {}, {}),
])
def test_parameters_are_the_triggers_else_the_contexts(gennaker, write, given, own, value):
    run = RUN | {"trigger": {"type": "manual", "parameters": given},
                 "stages": [RUN["stages"][0], RUN["stages"][1] | {"context": own}]}
    assert seen(gennaker, write, run, "parameters") == value


def test_the_run_comes_before_keys_of_its_names_in_a_context(gennaker, write):
    stages = [RUN["stages"][0], RUN["stages"][1] | {"context": {"trigger": "mine", "execution": "mine"}}]
    assert seen(gennaker, write, RUN | {"stages": stages}, "{trigger.user, execution.id}") == ["joe", "01E"]


@pytest.mark.parametrize("evaluator, value", [("v4", '"east"'), ("V3", '"none"'), ("v2", '"none"')])
def test_template_variables_are_there_for_v4_only(gennaker, run_file, evaluator, value):
    done = gennaker("eval", "templateVariables?.region ?: 'none'", "--execution", run_file, "--evaluator", evaluator)
    assert done.stdout == value + "\n", done.stderr


@pytest.mark.parametrize("arguments, reason", [
    (["1", "--evaluator", "v5"], "v2, v3 or v4"), (["1", "--stage", "x"], "--execution"), ([], "expected an expression"),
    (["1", "--execution", "c.yaml"], "no execution"), (["1", "--context", "nowhere"], "nowhere"),
    (["1", "--execution", "run.json", "--stage", "Nope"], 'no stage "Nope"'), (["-i", "1"], "asks for"),
])
def test_bad_usage_is_one_line(gennaker, run_file, write, arguments, reason):
    write("c.yaml", "a: 1\n")
    done = gennaker("eval", *arguments)
    assert done.returncode == 2 and done.stdout == "" and reason in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("text, line, caret", [
    ("${ 1 + * 2 }", "${ 1 + * 2 }", 7),
    ("a ${1} b ${'x'.nope()} c", "a ${1} b ${'x'.nope()} c", 15),
    ("版本 ${'x'.nope()}", "版本 ${'x'.nope()}", 11),
    ("one\ntwo ${ #nope() }\nthree", "two ${ #nope() }", 7),
    ("${a", "${a", 0),
    ("${'a}", "${'a}", 2),
    ("'x'.nope()", "'x'.nope()", 4),
    ("${foo}", "${foo}", 2),
    ("a ${1} ${ foo } ${bar}", "a ${1} ${ foo } ${bar}", 10),
    ("版本 ${deployedServerGroups[0].region}", "版本 ${deployedServerGroups[0].region}", 27),
    ("deployedServerGroups ${deployedServerGroups} ${1.x}", "deployedServerGroups ${deployedServerGroups} ${1.x}", 49),
    ("deployedServerGroups ${foo}", "deployedServerGroups ${foo}", 23),
])
def test_the_place_of_a_failure_stands_under_the_text(gennaker, text, line, caret):
    done = gennaker("eval", text)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[:2] == [line, " " * caret + "^"], done.stderr


def test_the_place_in_a_long_line_is_shown_without_the_rest(gennaker):
    done = gennaker("eval", "'" + "x" * 3000 + "'.nope() + '" + "y" * 3000 + "'")
    shown, caret = done.stderr.splitlines()[:2]
    assert len(shown) < 250 and shown[len(caret) - 1:].startswith("nope()")


@pytest.mark.parametrize("expression, found, fits", [
    ("'abc'.lenght()", "lenght()", "did you mean length()?"), ("'abc'.lenght", "'lenght'", "Did you mean 'length'?"),
    ("'abc'.substring()", "substring()", "takes other arguments"), ("#toInst('1')", "'toInst'", "did you mean #toInt?"),
    ("#toInt()", "0 supplied", "takes 1: #toInt(String)"), ("'abc'.substring()", "substring()", "substring(int), substring(int, int)"),
    ("new Integer(1, 2)", "(java.lang.Integer,java.lang.Integer)", "there is Integer(int), Integer(String)"),
    ("a.b.c", "'b' cannot be found on null", "; a is null"), ("a?.b.c", "'c' cannot be found on null", "; a?.b is null"),
    ("(a).b", "on null", "; a is null"), ("trigger['a'].b['c']", "'b'", "; trigger['a'] is null"), ("a.m()", "method m()", "; a is null"),
    ("(a ?: null).b.c", "'b' cannot be found on null", "on null"), ("execution.stages[0].context.u.v", "'v'", "; execution.stages[0].context.u is null"),
    ("'a' + foo.bar[0].x", "'bar'", "; foo is null"), ("a.![b]", "Projection", "; a is null"), ("a.?[b]", "selection", "; a is null"), ("T(java.time.Localdate).now()", "'java.time.Localdate'", "did you mean java.time.LocalDate?"),
    ("new java.util.Dat()", "'java.util.Dat'", "did you mean java.util.Date?"), ("T(Math).maximum(1, 2)", "maximum(", "java.lang.Math"),
    ("#stage('Bak')", "[Bak]", "did you mean [Bake]?"), ("#stage('deploy')", "[deploy]", "did you mean [Deploy]?"),
    ("#stageByRefId('22')", "[22]", "did you mean [2]?"), ("#stage('Bake').statsu", "'statsu'", "Did you mean 'status'?"),
    ("execution.stagse", "'stagse'", "Did you mean 'stages'?"), ("{1, 2}.get('x')", "get(", "expressions may not call it"),
    ("'abc'.size()", "size()", "did you mean length()?"), ("{1}.length", "'length'", "did you mean size()?"), ("'abc'.subString(1)", "subString(", "did you mean substring()?"),
    ("'a,b'.split(',').join('-')", "join(", "T(String).join(separator, array)"), ("{a: 1}.get('a')", "get(", "map['key']"),
    ("stage('Bake').name", "stage(", "did you mean #stage(…)?"), ("#stage(Bake)", "Unable to locate", "a name is a text, in quotes"),
    ("execution.stages['Bake']", '"Bake"', "behind a list or array is a number"), ("{1}.?[#this = 1]", "java.lang.Integer", "== compares"),
    ("'a' = 1", "cannot be assigned", "== compares"), ("T(String).format('%d', '5')", "java.lang.String", "%d wants a whole number"),
    ("T(String).format('%q', 1)", "'q'", "there are s d f"), ("T(String).format('%s %s', 1)", "'%s'", "there are 1 arguments"),
    ("new java.text.SimpleDateFormat('yyyyT')", "'T'", "stands in quotes"), ("T(String).join(',', {1})", "java.lang.Integer", "toString()"),
    ("new int[-1]", "-1", "elements"), ("T(String).format('%tY', 'x')", "java.lang.String", "wants a date"),
    ("2147483648", "2147483648", "write an L behind it"), ("'a' instanceof 'b'", "java.lang.String", "to be a class"),
])
def test_a_failure_says_what_was_found_and_what_would_fit(gennaker, run_file, expression, found, fits):
    done = gennaker("eval", "${" + expression + "}", "--execution", run_file)
    assert done.returncode == 1 and found in done.stderr and fits in done.stderr, done.stderr
