"""POST /lint, and the descriptors behind /schema."""

import pytest

CLEAN = {"stages": [{"type": "wait", "waitTime": 1}]}


def test_a_clean_pipeline_has_no_findings(server):
    answer = server.post("/lint", CLEAN)
    assert (answer.status, answer.json()) == (200, [])


def test_findings_have_place_code_both_languages_and_repair(server):
    found = server.post("/lint", {"stages": [{"refId": "a", "type": "wait", "waitTIme": 3, "comments": "x ${ 1 + }"}]}).json()
    assert found[0] == {
        "path": "stages[0].waitTIme", "refId": "a", "key": "waitTIme", "level": "warning", "code": "unknown-key",
        "text": {"en": 'unknown key; did you mean "waitTime"?', "zh": '未知字段，是否应为 "waitTime"？'}, "line": 1,
        "fix": [{"op": "move", "from": "/stages/0/waitTIme", "path": "/stages/0/waitTime"}]}
    assert (found[1]["code"], found[1]["at"]) == ("broken-expression", {"from": 8, "to": 8})


def test_a_body_that_does_not_parse_is_a_finding(server):
    found = server.post("/lint", '{\n "stages": [,]}').json()
    assert [(finding["code"], finding["line"]) for finding in found] == [("syntax", 2)]


@pytest.mark.parametrize("body", ["", "[]", "null", "7", b"\xff\xfe", b"\x00", "{" * 500, '{"stages": [[[]]]}', '{"stages": {"a": 1}}'])
def test_nonsense_is_an_error_and_no_more(server, body):
    answer = server.post("/lint", body)
    assert answer.status == 200 and any(finding["level"] == "error" for finding in answer.json())
    assert server.get("/health").status == 200


def test_saving_asks_for_more(server):
    codes = [finding["code"] for finding in server.post("/lint?save=true", CLEAN).json()]
    assert codes == ["no-application", "no-name"]
    assert server.post("/lint?save=perhaps", CLEAN).status == 400


def test_lint_stores_nothing_and_refuses_no_save(server, app):
    broken = {"application": app, "name": "p", "stages": [{"refId": "1"}, {"refId": "1"}]}
    assert server.post("/lint", broken).json() != []
    assert server.get(f"/applications/{app}/pipelineConfigs/p").status == 404
    assert server.post("/pipelines", broken).status == 200


def test_stage_types_are_described(server):
    found = server.get("/schema/stages").json()
    wait = next(stage for stage in found["stages"] if stage["type"] == "wait")
    assert wait["title"] == {"en": "Wait", "zh": "等待"}
    row = next(row for row in wait["fields"] if row["key"] == "waitTime")
    assert row["type"] == "secs" and row["title"]["zh"] == "等待时间"
    assert "refId" in [row["key"] for row in found["fields"]]
    assert server.get("/schema/stages/wait").json() == wait


def test_a_summary_has_no_rows(server):
    found = server.get("/schema/stages?summary=1").json()
    assert "fields" not in found and all("fields" not in stage for stage in found["stages"])


def test_descriptors_are_cached_by_their_tag(server):
    first = server.get("/schema/stages")
    again = server.get("/schema/stages", If_None_Match=first.headers["ETag"])
    assert again.status == 304 and again.body in (b"", "")
    assert server.get("/schema/stages/wait", If_None_Match=first.headers["ETag"]).status == 200


def test_the_keys_of_a_pipeline_are_described(server):
    keys = [row["key"] for row in server.get("/schema/pipeline").json()["fields"]]
    assert {"application", "stages", "limitConcurrent"} <= set(keys)


def test_an_unknown_type_is_not_found(server):
    assert server.get("/schema/stages/nothing").status == 404
