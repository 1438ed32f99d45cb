"""gennaker schema, and the pages that are made from the same rows."""

import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

from server import ROOT, program

PIPELINE = {"application": "a", "stages": [{"type": "wait", "refId": "1", "waitTime": 30}]}


def schema(gennaker, *arguments):
    done = gennaker("schema", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def with_stage(**fields):
    return {"stages": [{"type": "wait", **fields}]}


def test_a_stage_has_its_own_fields_and_those_of_every_stage(gennaker):
    found = schema(gennaker, "stage", "wait")
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"waitTime", "skipRemainingWait", "refId", "failPipeline"} <= found["properties"].keys()
    wait = found["properties"]["waitTime"]
    assert wait["title"] == "Wait time" and wait["x-title"]["zh"] == "等待时间" and wait["default"] == 0
    assert found["required"] == ["type"]


def test_without_arguments_it_is_a_pipeline(gennaker):
    found = schema(gennaker)
    assert found == schema(gennaker, "pipeline")
    assert found["properties"]["stages"]["items"] == {"$ref": "#/$defs/stage"}
    assert {"stage", "stage.wait", "stage.webhook"} <= found["$defs"].keys()


@pytest.mark.parametrize("arguments", [("stage",), ("stage", "weit"), ("nothing",), ("pipeline", "x"), ("stages", "--markdown", "x")])
def test_what_there_is_no_schema_of_is_refused(gennaker, arguments):
    done = gennaker("schema", *arguments)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("gennaker: schema: ")


def test_a_type_is_suggested(gennaker):
    assert 'did you mean "wait"' in gennaker("schema", "stage", "weit").stderr


@pytest.mark.parametrize("pipeline", [
    PIPELINE,
    with_stage(waitTime="30"),
    with_stage(waitTime="${ 1 + 1 }", failPipeline="${true}"),
    with_stage(waitTime="", failPipeline=None, unknown={"a": 1}),
    {"stages": [{"type": "Policy Stage", "waitTime": []}]},
    {"stages": [{"type": "x", "alias": "wait", "waitTime": 1}]},
])
def test_what_lint_lets_pass_fits_the_schema(gennaker, write, pipeline):
    assert gennaker("lint", write("p.json", json.dumps(pipeline))).returncode == 0
    jsonschema.Draft202012Validator(schema(gennaker)).validate(pipeline)


@pytest.mark.parametrize("pipeline", [
    [],
    with_stage(waitTime=[]),
    with_stage(waitTime="soon"),
    with_stage(failPipeline="maybe"),
    {"stages": [{"type": "x", "alias": "wait", "waitTime": []}]},
    {"stages": [{"name": "no type"}]},
    {"limitConcurrent": 7, "stages": []},
])
def test_what_is_an_error_does_not_fit(gennaker, write, pipeline):
    assert gennaker("lint", write("p.json", json.dumps(pipeline))).returncode == 1
    assert not jsonschema.Draft202012Validator(schema(gennaker)).is_valid(pipeline)


@pytest.mark.parametrize("arguments", [(), ("stages",), ("stage", "webhook")])
def test_each_is_a_schema(gennaker, arguments):
    jsonschema.Draft202012Validator.check_schema(schema(gennaker, *arguments))


def test_the_committed_pages_are_up_to_date():
    done = subprocess.run([ROOT / "scripts/generate-docs", "--check"], env={**os.environ, "GENNAKER": str(program())},
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_pages_that_cannot_be_written_say_why(gennaker, write):
    blocked = write("file", "")
    done = gennaker("schema", "--markdown", blocked / "below")
    assert done.returncode == 1 and "cannot make" in done.stderr


def test_every_link_of_the_pages_leads_somewhere():
    folder = pathlib.Path(ROOT) / "docs/reference/stages"
    for line in (folder / "README.md").read_text().splitlines():
        if line.startswith("| [`"):
            assert (folder / line.split("](")[1].split(")")[0]).is_file(), line
