"""Compares what a server says after its deaths with what it was asked, what it answered, and what reached the other sides.

It shares nothing with the engine but the documents of the API (docs/reference/events.md). check(facts) gives a list of sentences, one for
each thing that is wrong; tests/system/test_kill_check.py shows that each of the rules can fail.
"""

import collections
import dataclasses

ENDS = ("SUCCEEDED", "FAILED_CONTINUE", "TERMINAL", "CANCELED", "STOPPED", "SKIPPED")
STEPS = {  # which status may follow which, of runs and of stages, in one attempt
    None: ("NOT_STARTED",),
    "NOT_STARTED": ("RUNNING", "SKIPPED", "CANCELED"),
    "RUNNING": ("SUCCEEDED", "FAILED_CONTINUE", "TERMINAL", "CANCELED", "STOPPED", "PAUSED"),
    "PAUSED": ("RUNNING",),
}
AGAIN = {"TERMINAL": ("RUNNING", "NOT_STARTED"), "SUCCEEDED": ("NOT_STARTED",)}  # by a restart: runs go on, stages begin anew


@dataclasses.dataclass
class Facts:
    plans: dict  # name → kill_pipelines.Plan
    limits: dict  # name → how many at a time
    starts: dict  # token → {"name", "tries", "refused", "ids"}
    judgments: dict  # stage id → [(attempt, choice, input, status or None)]
    refused: list
    streamed: list  # (seq, event, data)
    events: list  # {"seq", "event", "at", "data"}
    executions: dict  # id → the run as GET gives it
    effects: list  # (run, call, key, value, life of the server)
    jobs: list  # {"key", "run", "end", "looks"}
    strange: list
    objects: dict  # name → data of a ConfigMap, generation of a Deployment
    # What was deleted is in `executions` as it was before, and in `events` as it was heard; and this is what is left:
    deleted: dict = dataclasses.field(default_factory=dict)  # id → the run
    left_runs: set = dataclasses.field(default_factory=set)
    left_events: list = dataclasses.field(default_factory=list)
    shelf: dict = dataclasses.field(default_factory=dict)  # pipeline → "save" or "delete"
    left_pipelines: set = dataclasses.field(default_factory=set)


def check(facts):
    return [wrong for rule in RULES for wrong in rule(facts)]


def run_of(kind, data):
    """Whose event it is; None for nobody's."""
    return data.get("id") if kind == "run" else data.get("run")


def with_deleted(listed, streamed, deleted):
    """The events that are listed, and in their places those of deleted runs, as a follower has heard them."""
    heard = [{"seq": seq, "event": kind, "at": data["at"], "data": {key: value for key, value in data.items() if key != "at"}}
             for seq, kind, data in streamed if run_of(kind, data) in deleted]
    return sorted([*listed, *heard], key=lambda event: event["seq"])


def token_of(run):
    return run["trigger"].get("parameters", {}).get("token")


def top(run):
    return {stage["refId"]: stage for stage in run["stages"] if not stage.get("parentStageId")}


def choice_of(run):
    """What was judged in it, None if nothing was."""
    for stage in top(run).values():
        if stage["type"] == "manualJudgment":
            return stage["context"].get("judgmentStatus")
    return None


def expected(facts, run):
    return facts.plans[run["name"]].end(choice_of(run))


def title(run):
    return f"{run['name']} {run['id']}"


# ---- runs ----


def starts_are_kept(facts):
    """Every start that was answered is a run, and each start made one at most, however often it was repeated."""
    if facts.refused:
        yield f"refused: {facts.refused}"
    made = collections.defaultdict(set)
    for run in facts.executions.values():
        if run["trigger"]["type"] == "manual":
            made[token_of(run)].add(run["id"])
    for token, start in facts.starts.items():
        for answered in start["ids"]:
            if answered not in made[token]:
                yield f"lost: the start of {token} was answered with {answered}"
        if made[token] and start["tries"] == start["refused"]:
            yield f"refused: the start of {token}, and there is {sorted(made[token])}"
        if len(made[token]) > 1:
            yield f"doubled: {token} was started {start['tries']} times and has the runs {sorted(made[token])}"
    for token in set(made) - set(facts.starts):
        yield f"nobody asked for {made[token]}"


def ends_are_right(facts):
    for run in facts.executions.values():
        if run["name"] not in facts.plans:
            yield f"{title(run)}: nobody knows such a pipeline"
            continue
        whole, stages = expected(facts, run)
        if run["status"] not in whole:
            yield f"{title(run)}: {run['status']}, not {whole}"
        found = top(run)
        for ref, wanted in stages.items():
            status = found[ref]["status"] if ref in found else "missing"
            if status not in wanted:
                yield f"{title(run)}: stage {ref} is {status}, not {wanted}: {found.get(ref, {}).get('context', {}).get('exception')}"
        if len(found) != len(stages):
            yield f"{title(run)}: has the stages {sorted(found)}"


def times_are_in_order(facts):
    for run in facts.executions.values():
        found = top(run)
        for stage in run["stages"]:
            begin, end = stage.get("startTime"), stage.get("endTime")
            if stage["status"] in ("SUCCEEDED", "FAILED_CONTINUE", "STOPPED", "TERMINAL") and not (begin and end and begin <= end):
                yield f"{title(run)}: stage {stage['refId']} went from {begin} to {end}"
            if end and end > run["endTime"]:
                yield f"{title(run)}: ended before its stage {stage['refId']}"
            for ref in stage["requisiteStageRefIds"] if begin and not stage.get("parentStageId") else ():
                if not found[ref].get("endTime") or found[ref]["endTime"] > begin:
                    yield f"{title(run)}: stage {stage['refId']} began before {ref} had ended"


# ---- the other sides ----


def effects_happen_once(facts):
    """Each call of a stage that ended well was made, with one key and the right value, and no other call was."""
    calls, owners, begun = collections.defaultdict(list), {}, by_key(facts, "stage", "stage")
    for run, call, key, value, _ in facts.effects:
        calls[run, call].append((key, value))
        if owners.setdefault(key, (run, call)) != (run, call):
            yield f"the key {key} was used for {owners[key]} and for {run}, {call}"
    yield from (f"somebody asked for {what}" for what in facts.strange)
    for run in facts.executions.values():
        found = top(run)
        values = facts.plans[run["name"]].values
        for ref, stage in found.items():
            made = calls.pop((run["id"], ref), []) if stage["type"] == "webhook" else []
            moves = changes(begun[stage["id"]])
            attempts = max(1, moves.count("RUNNING") - moves.count("PAUSED"))
            if len({key for key, _ in made}) > attempts or None in {key for key, _ in made}:
                yield f"{title(run)}: call {ref} was made with the keys {[key for key, _ in made]}"
            if stage["type"] != "webhook":
                continue
            if stage["status"] in ("SUCCEEDED", "FAILED_CONTINUE", "STOPPED") and len({key for key, _ in made}) < attempts:
                yield f"{title(run)}: call {ref} was made for {len(made)} of {attempts} attempts, and is {stage['status']}"
            if stage["status"] in ("NOT_STARTED", "SKIPPED") and made:
                yield f"{title(run)}: call {ref} was made, and is {stage['status']}"
            wanted = values[ref](token_of(run), choice_of(run)) if ref in values else judged_input(found)
            if any(value != wanted for _, value in made):
                yield f"{title(run)}: call {ref} said {made}, not {wanted}"
    yield from (f"no run has the call {call}" for call in calls)


def judged_input(stages):
    return next((stage["context"].get("judgmentInput") for stage in stages.values() if stage["type"] == "manualJudgment"), None)


def all_before(stages, ref):
    """The refIds of the stages that have to end before REF begins."""
    return set().union(*({before} | all_before(stages, before) for before in stages[ref]["requisiteStageRefIds"]))


def effects_are_in_order(facts):
    """
    The first call of a stage came after the first calls of all before it; and after it no life has called those again, for their ends
    were saved before it was made.
    """
    first, lives = {}, collections.defaultdict(list)
    for place, (run, call, _, _, life) in enumerate(facts.effects):
        first.setdefault((run, call), place)
        lives[run, call].append(life)
    for run in facts.executions.values():
        found = top(run)
        for ref in found:
            mine = (run["id"], ref)
            for before in all_before(found, ref) if mine in first else ():
                if first[mine] < first.get((run["id"], before), -1):
                    yield f"{title(run)}: call {ref} came before call {before}"
                if max(lives[run["id"], before], default=0) > min(lives[mine]):
                    yield f"{title(run)}: call {before} was made again, in life {max(lives[run['id'], before])}, after call {ref}"


def jobs_are_watched(facts):
    """One job for each stage that waits for one, and it was looked at until it had ended."""
    jobs = collections.Counter(job["run"] for job in facts.jobs)
    for run in facts.executions.values():
        waiting = [stage for stage in top(run).values() if stage["context"].get("waitForCompletion") is True
                   and stage["type"] == "webhook" and stage["status"] != "NOT_STARTED"]
        if jobs.pop(run["id"], 0) != len(waiting):
            yield f"{title(run)}: has {len(waiting)} stages with jobs, and not as many jobs"
    yield from (f"job of {job['run']}: was left after {job['looks']} looks" for job in facts.jobs if job["looks"] < 2)
    if jobs:
        yield f"jobs of nobody: {jobs}"


def objects_are_right(facts):
    wanted = {}
    for run in facts.executions.values():
        for stage in top(run).values():
            if stage["type"] == "deployManifest" and stage["status"] == "SUCCEEDED":
                value = f"first-{token_of(run)}" if run["name"] == "deployed" else f"{token_of(run)}-fruit"
                wanted[f"plain-{run['id'].lower()}"] = wanted[f"numbered-{run['id'].lower()}-v000"] = {"value": value}
                if run["name"] == "whole":
                    wanted[f"rolled-{run['id'].lower()}"] = {"generation": 1}
    for name in sorted(set(wanted) | set(facts.objects)):
        if wanted.get(name) != facts.objects.get(name):
            yield f"object {name}: is {facts.objects.get(name)}, not {wanted.get(name)}"


# ---- children ----


def children_are_right(facts):
    """Each pipeline stage has the one child that it says, and no child has no parent."""
    of_stage = collections.defaultdict(list)
    for run in facts.executions.values():
        if run["trigger"]["type"] == "pipeline":
            of_stage[run["trigger"].get("parentPipelineStageId")].append(run)
    for run in facts.executions.values():
        for ref, stage in top(run).items():
            if stage["type"] != "pipeline":
                continue
            children = of_stage.pop(stage["id"], [])
            named = stage["context"].get("executionId")
            if [child["id"] for child in children] != ([named] if named else []):
                yield f"{title(run)}: stage {ref} names {named} and has {[child['id'] for child in children]}"
            elif named:
                yield from child_is_right(run, stage, children[0])
            elif stage["status"] not in ("NOT_STARTED", "CANCELED"):
                yield f"{title(run)}: stage {ref} is {stage['status']} without a child"
    yield from (f"{title(child)}: has no parent" for children in of_stage.values() for child in children)


def child_is_right(run, stage, child):
    trigger, waited = child["trigger"], stage["context"].get("waitForCompletion") is not False
    if trigger.get("parentPipelineId") != run["id"] or trigger["parentExecution"]["id"] != run["id"]:
        yield f"{title(child)}: says that its parent is {trigger.get('parentPipelineId')}, not {run['id']}"
    if child["name"] != stage["context"]["pipeline"] or token_of(child) != token_of(run):
        yield f"{title(child)}: is not what stage {stage['refId']} of {title(run)} asks for"
    if waited and (child["status"] == "SUCCEEDED") != (stage["status"] == "SUCCEEDED"):
        yield f"{title(run)}: stage {stage['refId']} is {stage['status']}, its child {child['status']}"
    if waited and stage.get("endTime", 0) < child.get("endTime", 0) and stage["status"] != "CANCELED":
        yield f"{title(run)}: stage {stage['refId']} ended before its child"


# ---- judgments ----


def judgments_are_kept(facts):
    """The stage carries what was answered with 200, or, when only a 409 came, what an earlier try without an answer said."""
    for run in facts.executions.values():
        for ref, stage in top(run).items():
            if stage["type"] != "manualJudgment":
                continue
            tries = facts.judgments.get(stage["id"], [])
            tries = [one for one in tries if one[0] == facts.plans[run["name"]].attempts]
            told = [one for one in tries if one[3] == 200]
            possible = told[-1:] or [one for one in tries if one[3] is None]
            has = (stage["context"].get("judgmentStatus"), stage["context"].get("judgmentInput"))
            if has not in [(choice, said) for _, choice, said, _ in possible]:
                yield f"{title(run)}: judgment {ref} carries {has} after {tries}"


# ---- the journal ----


def journal_is_whole(facts):
    """Positions rise by one, and whoever followed through all deaths has heard the same, once each."""
    last = 0
    for event in facts.events:
        if event["seq"] != last + 1:
            yield f"journal: {event['seq']} follows {last}"
        last = event["seq"]
    listed = [(event["seq"], event["event"], {**event["data"], "at": event["at"]}) for event in facts.events]
    for heard, kept in zip(facts.streamed, listed):
        if tuple(heard) != kept:
            yield f"journal: a follower heard {heard}, the list has {kept}"
            break
    if len(facts.streamed) != len(listed):
        yield f"journal: a follower heard {len(facts.streamed)} events, the list has {len(listed)}"


def changes(events):
    """The statuses in their order, each only once in a row."""
    moved = []
    for event in events:
        if not moved or moved[-1] != event["data"]["status"]:
            moved.append(event["data"]["status"])
    return moved


def moves_are_right(who, events, status, attempts):
    moves = changes(events)
    again = 0
    for before, after in zip([None, *moves], moves):
        again += after in AGAIN.get(before, ())
        if after not in STEPS.get(before, ()) and (after not in AGAIN.get(before, ()) or again >= attempts):
            yield f"{who}: went {' → '.join(moves)}"
            break
    if not moves or moves[-1] != status:
        yield f"{who}: is {status}, and went {' → '.join(moves)}"


def by_key(facts, kind, key):
    found = collections.defaultdict(list)
    for event in facts.events:
        if event["event"] == kind:
            found[event["data"][key]].append(event)
    return found


def shown_by(events, part):
    """Context or outputs as a reader of the journal knows them; a stage that begins anew says all of it."""
    shown = {}
    for event in events:
        if event["data"]["status"] == "NOT_STARTED":
            shown = {}
        shown.update(event["data"].get(part, {}))
    return shown


def journal_tells_the_end(facts):
    """Every run and stage begins and ends once, ends as the run says, and its context and outputs are those that were told."""
    runs, stages, tasks = by_key(facts, "run", "id"), by_key(facts, "stage", "stage"), by_key(facts, "task", "stage")
    for run in facts.executions.values():
        attempts = facts.plans[run["name"]].attempts
        yield from moves_are_right(title(run), runs.pop(run["id"], []), run["status"], attempts)
        for stage in run["stages"]:
            told = stages.pop(stage["id"], [])
            who = f"{title(run)}: stage {stage['refId']}"
            yield from moves_are_right(who, told, stage["status"], attempts)
            for part in ("context", "outputs"):
                shown = shown_by(told, part)
                if shown != stage.get(part, {}):
                    keys = [key for key in {**shown, **stage[part]} if shown.get(key) != stage[part].get(key)]
                    yield f"{who}: told other {part} than it has: {keys}"
            yield from tasks_are_told(who, stage, tasks.pop(stage["id"], []), attempts)
    for kind, rest in (("run", runs), ("stage", stages), ("task", tasks)):
        yield from (f"journal: nobody knows the {kind} {key}" for key in rest)


def tasks_are_told(who, stage, events, attempts):
    of_task = collections.defaultdict(list)
    for event in events:
        of_task[event["data"]["name"]].append(event)
    for task in stage["tasks"]:
        moves = changes(of_task.pop(task["name"], []))
        if moves and moves[-1] != task["status"]:
            yield f"{who}: task {task['name']} is {task['status']}, and went {' → '.join(moves)}"
        if moves.count("RUNNING") - moves.count("PAUSED") > attempts or sum(move in ENDS for move in moves) > attempts:
            yield f"{who}: task {task['name']} went {' → '.join(moves)}"
    if of_task:
        yield f"{who}: told of the tasks {sorted(of_task)}"


def stages_begin_after_those_before(facts):
    begun, ended = {}, {}
    for event in facts.events:
        if event["event"] == "stage":
            stage, status = event["data"]["stage"], event["data"]["status"]
            if status == "RUNNING":
                begun.setdefault(stage, event["seq"])
            if status in ENDS:
                ended.setdefault(stage, event["seq"])
    for run in facts.executions.values():
        found = top(run)
        for ref, stage in found.items():
            for before in stage["requisiteStageRefIds"] if stage["id"] in begun else ():
                if ended.get(found[before]["id"], float("inf")) >= begun[stage["id"]]:
                    yield f"{title(run)}: the journal has {ref} begin before {before} has ended"


def judgments_are_told(facts):
    told = by_key(facts, "judgment", "stage")
    for run in facts.executions.values():
        for stage in top(run).values():
            if stage["type"] == "manualJudgment":
                states = [event["data"]["state"] for event in told.pop(stage["id"], [])]
                again = ["waiting", "stop"] * (facts.plans[run["name"]].attempts - 1)
                if states != [*again, "waiting", stage["context"].get("judgmentStatus")]:
                    yield f"{title(run)}: of judgment {stage['refId']} the journal tells {states}"
    yield from (f"journal: nobody knows the judgment {stage}" for stage in told)


def limits_hold(facts):
    """Never more runs at a time than their pipeline admits; of those that wait, only an older one is turned away."""
    running, submitted = collections.defaultdict(set), collections.defaultdict(list)
    for event in facts.events:
        data = event["data"]
        if event["event"] != "run" or data["name"] not in facts.limits:
            continue
        if data["status"] == "NOT_STARTED" and data["id"] not in submitted[data["name"]]:
            submitted[data["name"]].append(data["id"])
        (running[data["name"]].add if data["status"] == "RUNNING" else running[data["name"]].discard)(data["id"])
        if len(running[data["name"]]) > facts.limits[data["name"]]:
            yield f"{data['name']}: {sorted(running[data['name']])} run at a time"
    for ids in submitted.values():
        for place, run in enumerate(ids):
            status = facts.executions[run]["status"] if run in facts.executions else None
            if status == "CANCELED" and place + 1 == len(ids):
                yield f"{title(facts.executions[run])}: was turned away, and is the newest"


# ---- what was deleted ----


def deleted_is_gone(facts):
    """Of a run that was deleted nothing is left, and of others nothing is missing (that is for the rules above)."""
    yield from (f"run {run}: was deleted, and is there" for run in facts.deleted if run in facts.left_runs)
    for event in facts.left_events:
        if run_of(event["event"], event["data"]) in facts.deleted:
            yield f"run {run_of(event['event'], event['data'])}: was deleted, and the journal has its event {event['seq']}"


def pipelines_are_kept(facts):
    wanted = {name for name, verb in facts.shelf.items() if verb == "save"}
    yield from (f"pipeline {name}: was saved, and is lost" for name in wanted - facts.left_pipelines)
    yield from (f"pipeline {name}: was deleted, or never saved, and is there" for name in facts.left_pipelines - wanted)


RULES = [deleted_is_gone, pipelines_are_kept, starts_are_kept, ends_are_right, times_are_in_order, effects_happen_once, effects_are_in_order, jobs_are_watched,
         objects_are_right, children_are_right, judgments_are_kept, journal_is_whole, journal_tells_the_end,
         stages_begin_after_those_before, judgments_are_told, limits_hold]
