"""The rules of the kill test can fail: each is given a record with one thing wrong, and says so."""

import copy

import kill_check
import kill_pipelines
import pytest

PLANS = kill_pipelines.plans("http://other", "space")


class Story:
    """Writes down a parent that waits for its child, a judged run, a deployment and two limited runs, as they should be."""

    def __init__(self):
        self.facts = kill_check.Facts(
            plans=PLANS, limits=kill_pipelines.LIMITS, starts={}, judgments={}, refused=[], streamed=[], events=[], executions={},
            effects=[], jobs=[], strange=[], objects={})
        self.now = 1000

    def event(self, kind, **data):
        self.now += 1
        seq = len(self.facts.events) + 1
        self.facts.events.append({"seq": seq, "event": kind, "at": self.now, "data": data})
        self.facts.streamed.append((seq, kind, {**data, "at": self.now}))

    def move(self, run, status):
        run["status"] = status
        self.event("run", id=run["id"], name=run["name"], status=status)
        if status in kill_check.ENDS:
            run["endTime"] = self.now

    def begin(self, name, token, trigger=None):
        key = f"{name}-{token}"
        stages = [{"id": f"{key}-{stage['refId']}", "refId": stage["refId"], "type": stage["type"], "status": "NOT_STARTED",
                   "requisiteStageRefIds": stage["requisiteStageRefIds"], "context": dict(stage), "outputs": {}, "tasks": []}
                  for stage in PLANS[name].stages]
        run = {"id": key, "name": name, "stages": stages, "trigger": trigger or {"type": "manual", "parameters": {"token": token}}}
        self.facts.executions[key] = run
        if not trigger:
            self.facts.starts[token] = {"name": name, "tries": 1, "refused": 0, "ids": [key]}
        self.move(run, "NOT_STARTED")
        for stage in stages:
            self.step(run, stage["refId"], "NOT_STARTED", stage["context"])
        return run

    def step(self, run, ref, status, context=None, **outputs):
        stage = kill_check.top(run)[ref]
        stage["status"] = status
        stage["outputs"].update(outputs)
        stage["context"].update(context or {})
        self.event("stage", run=run["id"], stage=stage["id"], ref=ref, status=status, context=dict(context or {}), outputs=dict(outputs))
        if status == "RUNNING":
            stage["startTime"] = self.now
            stage["tasks"] = [{"name": "work", "status": "RUNNING"}]
            self.event("task", run=run["id"], stage=stage["id"], name="work", status="RUNNING")
        elif status != "NOT_STARTED":
            stage["endTime"] = self.now
            stage["tasks"][0]["status"] = status
            self.event("task", run=run["id"], stage=stage["id"], name="work", status=status)

    def call(self, run, ref, value):
        self.step(run, ref, "RUNNING")
        self.facts.effects.append((run["id"], ref, f"key-{run['id']}-{ref}", value, 1))
        self.step(run, ref, "SUCCEEDED")

    def finish(self, run, status="SUCCEEDED"):
        self.move(run, status)

    def leaf(self, token, parent, ref):
        stage = kill_check.top(parent)[ref]
        self.step(parent, ref, "RUNNING")
        child = self.begin("leaf", f"{token}-{ref}", {
            "type": "pipeline", "parentPipelineId": parent["id"], "parentPipelineStageId": stage["id"],
            "parentExecution": {"id": parent["id"]}, "parameters": {"token": token}})
        self.move(child, "RUNNING")
        self.call(child, "work", token)
        self.step(child, "out", "RUNNING")
        self.step(child, "out", "SUCCEEDED", fruit=f"{token}-fruit")
        self.finish(child)
        self.step(parent, ref, "SUCCEEDED", {"executionId": child["id"]})

    def judge(self, run, ref, choice, said):
        stage = kill_check.top(run)[ref]
        self.step(run, ref, "RUNNING")
        self.event("judgment", run=run["id"], stage=stage["id"], state="waiting")
        self.facts.judgments[stage["id"]] = [[1, choice, said, None], [1, choice, said + "-again", 200]]
        self.event("judgment", run=run["id"], stage=stage["id"], state=choice)
        self.step(run, ref, "SUCCEEDED" if choice == "continue" else "TERMINAL",
                  {"judgmentStatus": choice, "judgmentInput": said + "-again"})

    def whole(self):
        run = self.begin("whole", "w")
        self.move(run, "RUNNING")
        self.call(run, "first", "w")
        self.judge(run, "ask", "continue", "red")
        self.leaf("w", run, "leaf")
        self.leaf("w", run, "aside")
        self.facts.jobs.append({"key": "key-whole-w-job", "run": run["id"], "end": "DONE", "looks": 2})
        self.call(run, "job", "w")
        self.step(run, "deploy", "RUNNING")
        for name in ("plain-whole-w", "numbered-whole-w-v000"):
            self.facts.objects[name] = {"value": "w-fruit"}
        self.facts.objects["rolled-whole-w"] = {"generation": 1}
        self.step(run, "deploy", "SUCCEEDED")
        self.step(run, "check", "RUNNING")
        self.step(run, "check", "SUCCEEDED")
        self.call(run, "tell", "red-again")
        self.call(run, "join", "w-fruit")
        self.finish(run)

    def limited(self):
        one, two = self.begin("one", "a"), self.begin("one", "b")
        for run, token in ((one, "a"), (two, "b")):
            self.move(run, "RUNNING")
            self.call(run, "enter", token)
            self.step(run, "inside", "RUNNING")
            self.step(run, "inside", "SUCCEEDED")
            self.call(run, "leave", token)
            self.finish(run)
        self.finish(self.begin("newest", "old"), "CANCELED")
        new = self.begin("newest", "new")
        self.move(new, "RUNNING")
        self.call(new, "enter", "new")
        self.step(new, "inside", "RUNNING")
        self.step(new, "inside", "SUCCEEDED")
        self.call(new, "leave", "new")
        self.finish(new)


    def deleted(self):
        run = self.begin("leaf", "gone", {"type": "manual", "parameters": {"token": "gone"}})
        self.facts.starts["gone"] = {"name": "leaf", "tries": 1, "refused": 0, "ids": [run["id"]]}
        self.move(run, "RUNNING")
        self.call(run, "work", "gone")
        self.step(run, "out", "RUNNING")
        self.step(run, "out", "SUCCEEDED", fruit="gone-fruit")
        self.finish(run)
        self.facts.deleted[run["id"]] = run

    def leave(self):
        """What the server has in the end."""
        facts = self.facts
        facts.left_runs = set(facts.executions) - set(facts.deleted)
        facts.left_events = [event for event in facts.events if kill_check.run_of(event["event"], event["data"]) not in facts.deleted]
        facts.events = kill_check.with_deleted(facts.left_events, facts.streamed, facts.deleted)
        facts.shelf = {"kept": "save", "thrown": "delete"}
        facts.left_pipelines = {"kept"}


def good():
    story = Story()
    story.deleted()
    story.whole()
    story.limited()
    story.leave()
    return story.facts


def test_what_is_right_passes():
    assert kill_check.check(good()) == []


def stage(facts, run, ref):
    return kill_check.top(facts.executions[run])[ref]


def told(facts, **wanted):
    """The events whose data has WANTED."""
    return [event for event in facts.events if wanted.items() <= event["data"].items()]


def renumber(facts):
    """After events were moved: the follower has heard the same."""
    for place, event in enumerate(facts.events):
        event["seq"] = place + 1
    facts.streamed = [(event["seq"], event["event"], {**event["data"], "at": event["at"]}) for event in facts.events]


# ---- each spoils one thing ----


def lose_a_run(facts):
    del facts.executions["one-a"]


def double_a_start(facts):
    facts.executions["again"] = {**copy.deepcopy(facts.executions["one-a"]), "id": "again"}


def start_unasked(facts):
    del facts.starts["a"]


def refuse_a_request(facts):
    facts.refused.append(("patch", "one-a", 500, b""))


def make_what_was_refused(facts):
    facts.starts["a"]["refused"] = 1


def end_a_run_badly(facts):
    facts.executions["one-a"]["status"] = "TERMINAL"


def leave_a_run_going(facts):
    facts.executions["one-a"]["status"] = "RUNNING"


def end_a_stage_badly(facts):
    stage(facts, "one-a", "inside")["status"] = "SKIPPED"


def lose_a_stage(facts):
    facts.executions["one-a"]["stages"].pop()


def begin_too_early(facts):
    stage(facts, "one-a", "inside")["startTime"] = stage(facts, "one-a", "enter")["endTime"] - 1


def end_after_the_run(facts):
    stage(facts, "one-a", "leave")["endTime"] = facts.executions["one-a"]["endTime"] + 1


def repeat_with_another_key(facts):
    run, call, _, value, _ = facts.effects[0]
    facts.effects.append((run, call, "another", value, 1))


def call_without_a_key(facts):
    run, call, _, value, _ = facts.effects[0]
    facts.effects[0] = (run, call, None, value, 1)


def share_a_key(facts):
    run, call, _, value, _ = facts.effects[-1]
    facts.effects[-1] = (run, call, facts.effects[0][2], value, 1)


def lose_an_effect(facts):
    facts.effects.pop()


def call_what_was_not_begun(facts):
    facts.effects.append(("newest-old", "enter", "key", "old", 1))


def call_for_nobody(facts):
    facts.effects.append(("nobody", "enter", "key", "x", 1))


def send_a_wrong_value(facts):
    run, call, key, *_ = facts.effects[-1]
    facts.effects[-1] = (run, call, key, "wrong", 1)


def send_the_wrong_judgment(facts):
    place = next(place for place, effect in enumerate(facts.effects) if effect[1] == "tell")
    facts.effects[place] = (*facts.effects[place][:3], "red", 1)


def call_too_early(facts):
    facts.effects.insert(0, facts.effects.pop())


def call_again_too_late(facts):
    """What came before the last call of a run, in a later life than that."""
    facts.effects.append((*facts.effects[-2][:4], 2))


def ask_for_what_is_not_there(facts):
    facts.strange.append("GET /job/9")


def leave_a_job(facts):
    facts.jobs[0]["looks"] = 1


def double_a_job(facts):
    facts.jobs.append({**facts.jobs[0], "key": "another"})


def make_a_job_for_nobody(facts):
    facts.jobs.append({**facts.jobs[0], "run": "nobody"})


def lose_an_object(facts):
    del facts.objects["plain-whole-w"]


def make_another_version(facts):
    facts.objects["numbered-whole-w-v001"] = facts.objects["numbered-whole-w-v000"]


def change_a_deployment(facts):
    facts.objects["rolled-whole-w"]["generation"] = 2


def deploy_the_wrong_thing(facts):
    facts.objects["plain-whole-w"] = {"value": "old"}


def double_a_child(facts):
    child = copy.deepcopy(facts.executions["leaf-w-leaf"])
    facts.executions["twin"] = {**child, "id": "twin"}


def lose_a_child(facts):
    del facts.executions["leaf-w-leaf"]


def name_another_child(facts):
    stage(facts, "whole-w", "leaf")["context"]["executionId"] = "leaf-w-aside"


def have_the_wrong_parent(facts):
    facts.executions["leaf-w-leaf"]["trigger"]["parentPipelineId"] = "one-a"


def give_the_child_another_token(facts):
    facts.executions["leaf-w-leaf"]["trigger"]["parameters"]["token"] = "other"


def end_before_the_child(facts):
    stage(facts, "whole-w", "leaf")["endTime"] = facts.executions["leaf-w-leaf"]["endTime"] - 1


def fail_a_child_unseen(facts):
    facts.executions["leaf-w-leaf"]["status"] = "TERMINAL"


def lose_an_answer(facts):
    stage(facts, "whole-w", "ask")["context"]["judgmentInput"] = "red"


def turn_an_answer(facts):
    stage(facts, "whole-w", "ask")["context"]["judgmentStatus"] = "stop"


def judge_nothing(facts):
    del stage(facts, "whole-w", "ask")["context"]["judgmentStatus"]


def answer_by_itself(facts):
    facts.judgments.clear()


def ask_twice(facts):
    facts.events.append({**told(facts, state="waiting")[0], "seq": 0})
    renumber(facts)


def leave_a_gap(facts):
    for event in facts.events[10:]:
        event["seq"] += 1
    facts.streamed = [(event["seq"], event["event"], {**event["data"], "at": event["at"]}) for event in facts.events]


def go_back(facts):
    facts.events[10]["seq"] = 10


def hear_what_was_not_kept(facts):
    facts.streamed.append((len(facts.streamed) + 1, "run", {}))


def hear_twice(facts):
    facts.streamed.insert(5, facts.streamed[5])


def miss_one(facts):
    del facts.streamed[5]


def run_a_stage_twice(facts):
    place = facts.events.index(told(facts, stage="one-a-enter", status="SUCCEEDED")[0])
    facts.events[place + 2:place + 2] = copy.deepcopy(told(facts, stage="one-a-enter")[1:])
    renumber(facts)


def run_a_task_twice(facts):
    task = [event for event in told(facts, stage="one-a-enter") if event["event"] == "task"]
    place = facts.events.index(task[-1])
    facts.events[place + 1:place + 1] = copy.deepcopy(task)
    renumber(facts)


def tell_another_end(facts):
    told(facts, id="one-a", status="SUCCEEDED")[0]["data"]["status"] = "CANCELED"
    renumber(facts)


def forget_to_tell(facts):
    facts.events.remove(told(facts, stage="one-a-inside", status="SUCCEEDED")[0])
    renumber(facts)


def tell_of_nobody(facts):
    facts.events.append({"seq": 0, "event": "stage", "at": 1, "data": {"run": "nobody", "stage": "nobody", "status": "NOT_STARTED"}})
    renumber(facts)


def tell_other_outputs(facts):
    told(facts, stage="leaf-w-leaf-out", status="SUCCEEDED")[0]["data"]["outputs"] = {"fruit": "other"}
    renumber(facts)


def tell_another_context(facts):
    told(facts, stage="whole-w-ask", status="SUCCEEDED")[0]["data"]["context"]["judgmentInput"] = "red"
    renumber(facts)


def begin_before_the_end(facts):
    ended = told(facts, stage="one-a-enter", status="SUCCEEDED")[0]
    begun = told(facts, stage="one-a-inside", status="RUNNING")[0]
    facts.events.remove(begun)
    facts.events.insert(facts.events.index(ended), begun)
    renumber(facts)


def overlap(facts):
    begun = told(facts, id="one-b", status="RUNNING")[0]
    facts.events.remove(begun)
    facts.events.insert(facts.events.index(told(facts, id="one-a", status="SUCCEEDED")[0]), begun)
    renumber(facts)


def turn_the_newest_away(facts):
    for run, status in (("newest-old", "SUCCEEDED"), ("newest-new", "CANCELED")):
        facts.executions[run]["status"] = status


def find_a_deleted_run(facts):
    facts.left_runs.add("leaf-gone")


def tell_of_a_deleted_run(facts):
    facts.left_events.append(told(facts, run="leaf-gone")[0])


def lose_the_events_of_another(facts):
    facts.events = [event for event in facts.events if event["data"].get("run") != "one-a"]


def lose_a_pipeline(facts):
    facts.left_pipelines.clear()


def find_a_deleted_pipeline(facts):
    facts.left_pipelines.add("thrown")


SPOILED = [  # and a word of what is said of it
    (lose_a_run, "lost"), (double_a_start, "doubled"), (start_unasked, "nobody asked"), (refuse_a_request, "refused"), (make_what_was_refused, "and there is"),
    (end_a_run_badly, "not {'SUCCEEDED'}"), (leave_a_run_going, "RUNNING, not"), (end_a_stage_badly, "inside is SKIPPED"),
    (lose_a_stage, "leave is missing"), (begin_too_early, "began before"), (end_after_the_run, "ended before its stage"),
    (repeat_with_another_key, "with the keys"), (call_without_a_key, "with the keys"), (share_a_key, "was used for"),
    (lose_an_effect, "for 0 of 1"), (call_what_was_not_begun, "is NOT_STARTED"), (call_for_nobody, "no run has"),
    (send_a_wrong_value, "not new"), (send_the_wrong_judgment, "not red-again"), (call_too_early, "came before"), (call_again_too_late, "made again"),
    (ask_for_what_is_not_there, "/job/9"), (leave_a_job, "was left"), (double_a_job, "not as many"),
    (make_a_job_for_nobody, "jobs of nobody"), (lose_an_object, "is None"), (make_another_version, "v001"), (change_a_deployment, "generation"),
    (deploy_the_wrong_thing, "old"), (double_a_child, "names leaf-w-leaf"), (lose_a_child, "names leaf-w-leaf"),
    (name_another_child, "names leaf-w-aside"), (have_the_wrong_parent, "its parent is one-a"),
    (give_the_child_another_token, "is not what"), (end_before_the_child, "ended before its child"),
    (fail_a_child_unseen, "its child TERMINAL"), (lose_an_answer, "judgment ask carries"), (turn_an_answer, "judgment ask carries"),
    (answer_by_itself, "after []"), (judge_nothing, "judgment ask carries"), (ask_twice, "the journal tells"), (leave_a_gap, "follows"), (go_back, "follows"),
    (hear_what_was_not_kept, "heard"), (hear_twice, "heard"), (miss_one, "heard"), (run_a_stage_twice, "went"),
    (run_a_task_twice, "task work went"), (tell_another_end, "and went"), (forget_to_tell, "and went"),
    (tell_of_nobody, "nobody knows"), (tell_other_outputs, "other outputs"), (tell_another_context, "other context"), (begin_before_the_end, "begin before"),
    (find_a_deleted_run, "was deleted, and is there"), (tell_of_a_deleted_run, "the journal has its event"),
    (lose_the_events_of_another, "follows"), (lose_a_pipeline, "is lost"), (find_a_deleted_pipeline, "thrown: was deleted"),
    (overlap, "run at a time"), (turn_the_newest_away, "is the newest"),
]


@pytest.mark.parametrize("spoil, word", SPOILED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_wrong_is_found(spoil, word):
    facts = good()
    spoil(facts)
    found = kill_check.check(facts)
    assert any(word in wrong for wrong in found), found
