"""The pipelines of the kill test, and how each of their stages has to end.

Each run has a token, a parameter that its children are given too. A plan says what a run of it must come to, whatever the moments of the
kills: the checker (kill_check.py) reads nothing else about the pipelines.
"""

import dataclasses

APPLICATION = "kill"
OK = "SUCCEEDED"
FOR_EVER = 36000  # seconds


@dataclasses.dataclass
class Plan:
    """Statuses are sets, by refId or for the run. Of a judged run those of its choice, "continue" or "stop", count."""

    stages: list
    ends: dict  # choice or None → (status of the run, {refId: statuses})
    values: dict  # call → the value sent with it, a function of (token, choice)
    options: dict = dataclasses.field(default_factory=dict)  # of the pipeline
    attempts: int = 1  # of the stages that a user restarts, and of those behind them

    def end(self, choice):
        """(statuses of the run, {refId: statuses})"""
        return self.ends.get(choice) or self.ends.get(None) or next(iter(self.ends.values()))

    def document(self, name):
        return {"application": APPLICATION, "name": name, "spelEvaluator": "v4", "stages": self.stages, **self.options,
                "parameterConfig": [{"name": "token", "required": True}]}


def stage(ref, after, kind, **fields):
    return {"refId": ref, "name": ref, "requisiteStageRefIds": after, "type": kind, **fields}


def variables(ref, after, **values):
    return stage(ref, after, "evaluateVariables", variables=[{"key": key, "value": value} for key, value in values.items()])


def condition(ref, after, expression, **fields):
    return stage(ref, after, "checkPreconditions", **fields,
                 preconditions=[{"type": "expression", "context": {"expression": expression}, "failPipeline": True}])


def child(ref, after, name, **fields):
    return stage(ref, after, "pipeline", application=APPLICATION, pipeline=name,
                 pipelineParameters={"token": "${parameters.token}"}, **fields)


def all_of(stages, status, **ends):
    """Every stage is SUCCEEDED but those that ENDS names."""
    given = {ref: {end} if isinstance(end, str) else set(end) for ref, end in ends.items()}
    return {status}, {**{one["refId"]: {OK} for one in stages}, **given}


class Writer:
    """Writes the stages that need to know where the other sides are."""

    def __init__(self, url, namespace):
        self.url = url
        self.namespace = namespace

    def call(self, ref, after, value="${parameters.token}", path="/effect", payload=None, **fields):
        return stage(ref, after, "webhook", url=self.url + path, **fields,
                     payload={"run": "${execution.id}", "call": ref, "value": value, **(payload or {})})

    def job(self, ref, after, end, way, **fields):
        return self.call(ref, after, path="/job", payload={"end": end}, waitForCompletion=True, statusUrlResolution=way,
                         statusUrlJsonPath="$.status_url", statusJsonPath="$.status", successStatuses="DONE",
                         terminalStatuses="BROKEN", **fields)

    def deploy(self, ref, after, value, *more):
        def config_map(prefix, versioned):
            return {"apiVersion": "v1", "kind": "ConfigMap", "data": {"value": value},
                    "metadata": {"name": prefix + "-${execution.id.toLowerCase()}",
                                 "annotations": {"strategy.spinnaker.io/versioned": versioned}}}

        return stage(ref, after, "deployManifest", account="test", cloudProvider="kubernetes", source="text",
                     namespaceOverride=self.namespace,
                     manifests=[config_map("plain", "false"), config_map("numbered", "true"), *more])


# It is waited for until its controller has seen it; Pods would only cost time.
EMPTY_DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "rolled-${execution.id.toLowerCase()}"},
    "spec": {"replicas": 0, "selector": {"matchLabels": {"run": "${execution.id}"}},
             "template": {"metadata": {"labels": {"run": "${execution.id}"}},
                          "spec": {"containers": [{"name": "main", "image": "example.com/none:1"}]}}}}


def chain(write):
    stages = [
        variables("a", [], one="${parameters.token}-1"),
        variables("b", ["a"], two="${one}-2"),
        condition("c", ["b"], "${two == parameters.token + '-1-2'}"),
        stage("d", ["c"], "wait", waitTime="${ 0.02 }"),
        write.call("e", ["d"], value="${two}"),
        stage("f", ["e"], "checkPreconditions", preconditions=[
            {"type": "stageStatus", "context": {"stageName": "e", "stageStatus": OK}}]),
        variables("g", ["f"], never="x"),
        variables("h", ["g"], three="${two}-${#stage('e').context.webhook.body.seen}"),
        write.call("i", ["h"], value="${three}"),
    ]
    stages[6]["stageEnabled"] = {"type": "expression", "expression": "two == 'x'"}
    return Plan(stages, {None: all_of(stages, OK, g="SKIPPED")},
                {"e": lambda token, _: f"{token}-1-2", "i": lambda token, _: f"{token}-1-2-e"})


def fan(write):
    calls = [f"call{number}" for number in range(4)]
    sets = [f"set{number}" for number in range(8)]
    stages = [
        write.call("first", []),
        *(write.call(ref, ["first"]) for ref in calls),
        *(variables(ref, ["first"], **{ref: f"{number}"}) for number, ref in enumerate(sets)),
        stage("pause", ["first"], "wait", waitTime="${ 0.01 }"),
        write.call("join", [*calls, *sets, "pause"], value="".join("${%s}" % ref for ref in sets)),
    ]
    values = {ref: lambda token, _: token for ref in ["first", *calls]}
    return Plan(stages, {None: all_of(stages, OK)}, {**values, "join": lambda *_: "01234567"})


def failing(write):
    """A failure that is passed over, and one that stops its branch: the run succeeds."""
    stages = [
        write.call("bad", [], path="/refuse", continuePipeline=True, failPipeline=False),
        write.call("on", ["bad"]),
        condition("no", [], "${1 > 2}", failPipeline=False),
        write.call("never", ["no"]),
    ]
    stages[2]["preconditions"][0]["failPipeline"] = False
    return Plan(stages, {None: all_of(stages, OK, bad="FAILED_CONTINUE", no="STOPPED", never="NOT_STARTED")},
                {"bad": lambda token, _: token, "on": lambda token, _: token})


def failing_late(write):
    """The other branch ends before the run fails."""
    stages = [
        write.call("bad", [], path="/refuse", failPipeline=False, completeOtherBranchesThenFail=True),
        variables("never", ["bad"], x="y"),
        write.call("good", []),
        stage("pause", ["good"], "wait", waitTime="${ 0.02 }"),
        write.call("last", ["pause"]),
    ]
    return Plan(stages, {None: all_of(stages, "TERMINAL", bad="STOPPED", never="NOT_STARTED")},
                {ref: lambda token, _: token for ref in ("bad", "good", "last")})


def failing_now(write):
    """The failure cancels what else runs."""
    stages = [
        write.call("first", []),
        condition("no", ["first"], "${parameters.token == ''}"),
        stage("long", ["first"], "wait", waitTime=FOR_EVER),
        write.call("never", ["no", "long"]),
    ]
    ends = all_of(stages, "TERMINAL", no="TERMINAL", long=("CANCELED", "NOT_STARTED"), never="NOT_STARTED")
    return Plan(stages, {None: ends}, {"first": lambda token, _: token})


def judged(write):
    stages = [
        stage("ask", [], "manualJudgment"),
        variables("keep", ["ask"], choice="${#judgment('ask')}"),
        write.call("tell", ["keep"], value="${choice}"),
    ]
    ends = {"continue": all_of(stages, OK), "stop": all_of(stages, "TERMINAL", ask="TERMINAL", keep="NOT_STARTED", tell="NOT_STARTED")}
    return Plan(stages, ends, {})


def leaf(write):
    stages = [write.call("work", []), variables("out", ["work"], fruit="${parameters.token}-fruit")]
    return Plan(stages, {None: all_of(stages, OK)}, {"work": lambda token, _: token})


def middle(write):
    stages = [
        stage("ask", [], "manualJudgment"),
        child("leaf", ["ask"], "leaf"),
        write.call("tell", ["leaf"], value="${fruit}"),
    ]
    ends = {"continue": all_of(stages, OK), "stop": all_of(stages, "TERMINAL", ask="TERMINAL", leaf="NOT_STARTED", tell="NOT_STARTED")}
    return Plan(stages, ends, {"tell": lambda token, _: f"{token}-fruit"})


def parent(write):
    """Children that it waits for, one below the other, and one that it does not wait for."""
    stages = [
        child("middle", [], "middle", continuePipeline=True, failPipeline=False),
        child("aside", [], "leaf", waitForCompletion=False),
        child("leaf", [], "leaf"),
        write.call("tell", ["middle", "aside", "leaf"], value="${#stage('leaf').outputs.fruit}"),
    ]
    return Plan(stages, {None: all_of(stages, OK, middle=(OK, "FAILED_CONTINUE"))}, {"tell": lambda token, _: f"{token}-fruit"})


def monitored(write):
    stages = [
        write.job("body", [], "DONE", "webhookResponse"),
        write.job("header", [], "DONE", "locationHeader"),
        write.job("broken", [], "BROKEN", "locationHeader", continuePipeline=True, failPipeline=False),
        write.call("after", ["body", "header", "broken"], value="${#stage('body').context.webhook.monitor.body.status}"),
    ]
    values = {ref: lambda token, _: token for ref in ("body", "header", "broken")}
    return Plan(stages, {None: all_of(stages, OK, broken="FAILED_CONTINUE")}, {**values, "after": lambda *_: "DONE"})


def shortened(write):
    """A wait that ends by a PATCH only."""
    stages = [stage("long", [], "wait", waitTime=FOR_EVER), write.call("after", ["long"])]
    return Plan(stages, {None: all_of(stages, OK)}, {"after": lambda token, _: token})


def sleeper(write):
    stages = [stage("long", [], "wait", waitTime=FOR_EVER), write.call("never", ["long"])]
    return Plan(stages, {None: all_of(stages, "CANCELED", long=("CANCELED", "NOT_STARTED"), never="NOT_STARTED")}, {})


def doomed(write):
    """Canceled as soon as it runs, with its child, if that has begun."""
    stages = [child("child", [], "sleeper"), write.call("never", ["child"])]
    return Plan(stages, {None: all_of(stages, "CANCELED", child=("CANCELED", "NOT_STARTED"), never="NOT_STARTED")}, {})


def deployed(write):
    stages = [
        write.call("first", []),
        variables("seen", ["first"], seen="${#stage('first').context.webhook.body.seen}-${parameters.token}"),
        write.deploy("deploy", ["seen"], "${seen}"),
        write.call("last", ["deploy"], value="${seen}"),
    ]
    return Plan(stages, {None: all_of(stages, OK)}, {"first": lambda token, _: token, "last": lambda token, _: f"first-{token}"})


def limited(write, **options):
    stages = [write.call("enter", []), stage("inside", ["enter"], "wait", waitTime="${ 0.02 }"), write.call("leave", ["inside"])]
    return Plan(stages, {None: all_of(stages, OK)}, {ref: lambda token, _: token for ref in ("enter", "leave")}, options)


def superseded(write):
    """Only the newest of those that wait gets in; the others are canceled before they begin."""
    plan = limited(write, limitConcurrent=True, keepWaitingPipelines=False)
    plan.ends = {None: ({OK, "CANCELED"}, {one["refId"]: {OK, "NOT_STARTED"} for one in plan.stages})}
    return plan


def restarted(write):
    """Stopped at its judgment, then restarted from the call before it, and let go on; one at a time, and a restarted one stands in line."""
    stages = [write.call("work", []), stage("ask", ["work"], "manualJudgment"), write.call("tell", ["ask"], value="${#judgment('ask')}")]
    return Plan(stages, {None: all_of(stages, OK)}, {"work": lambda token, _: token},
                {"limitConcurrent": True, "keepWaitingPipelines": True}, attempts=2)


def paused(write):
    """Paused as soon as it runs, and resumed."""
    stages = [stage("pause", [], "wait", waitTime="${ 0.05 }"), write.call("first", ["pause"]), variables("set", ["first"], x="y"),
              stage("again", ["set"], "wait", waitTime="${ 0.02 }"), write.call("last", ["again"])]
    return Plan(stages, {None: all_of(stages, OK)}, {ref: lambda token, _: token for ref in ("first", "last")})


def whole(write):
    """All of it in one run."""
    stages = [
        write.call("first", []),
        stage("ask", ["first"], "manualJudgment", failPipeline=False),
        child("leaf", ["first"], "leaf"),
        child("aside", ["first"], "leaf", waitForCompletion=False),
        write.job("job", ["first"], "DONE", "locationHeader"),
        write.deploy("deploy", ["leaf"], "${fruit}", EMPTY_DEPLOYMENT),
        condition("check", ["leaf"], "${fruit == parameters.token + '-fruit'}"),
        write.call("tell", ["ask"], value="${#judgment('ask')}"),
        write.call("join", ["aside", "job", "deploy", "check"], value="${fruit}"),
    ]
    ends = {"continue": all_of(stages, OK), "stop": all_of(stages, OK, ask="STOPPED", tell="NOT_STARTED")}
    return Plan(stages, ends, {"first": lambda token, _: token, "job": lambda token, _: token,
                               "join": lambda token, _: f"{token}-fruit"})


def dropped(write):
    """Deleted as soon as it has ended."""
    stages = [write.call("first", []), variables("set", ["first"], x="y"), write.call("last", ["set"])]
    return Plan(stages, {None: all_of(stages, OK)}, {ref: lambda token, _: token for ref in ("first", "last")})


# Where pipelines are saved and deleted that nobody starts.
SHELF = "shelf"
# How many runs of a pipeline may be RUNNING at a time.
LIMITS = {"one": 1, "two": 2, "newest": 1, "restarted": 1}
# The starts that are repeated, with a correlation id, until one is answered.
CORRELATED = "judged"
CHILDREN_ONLY = ("leaf", "middle", "sleeper")


def plans(url, namespace):
    """name → Plan; children before those that start them."""
    write = Writer(url, namespace)
    return {
        "leaf": leaf(write), "middle": middle(write), "sleeper": sleeper(write), "chain": chain(write), "fan": fan(write),
        "failing": failing(write), "failing-late": failing_late(write), "failing-now": failing_now(write),
        "judged": judged(write), "parent": parent(write), "monitored": monitored(write), "shortened": shortened(write),
        "doomed": doomed(write), "deployed": deployed(write), "whole": whole(write),
        "restarted": restarted(write), "paused": paused(write), "dropped": dropped(write),
        "one": limited(write, limitConcurrent=True, keepWaitingPipelines=True),
        "two": limited(write, maxConcurrentExecutions=2, keepWaitingPipelines=True),
        "newest": superseded(write),
    }
