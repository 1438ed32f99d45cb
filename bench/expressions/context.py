#!/usr/bin/python3
"""context.py STAGES BYTES: the context of the benchmark, with so many stages of about so many bytes each, as JSON."""
import json
import sys


def stage(number, count, size):
    context = {"foo": f"foo {number}", "y": number, "m": {"k": f"k {number}"}, "account": "prod"}
    kind = "wait"
    if number == count // 3:
        kind = "webhook"
        context["webhook"] = {"body": {"key": "value"}}
    if number == count // 2:
        kind = "manualJudgment"
        context["judgmentInput"] = "yes"
    if number == count - 1:
        context.update({"replicas": 3, "parameters": {"version": "1.4.2", "count": "12"}})
    while len(json.dumps(context)) < size:
        context[f"key{len(context)}"] = {"text": f"some text of stage {number}", "list": [1, 2, 3], "flag": True}
    return {"id": f"id{number}", "refId": str(number), "name": "Go?" if kind == "manualJudgment" else f"s{number}",
            "requisiteStageRefIds": [str(number - 1)] if number else [], "type": kind,
            "status": "RUNNING" if number == count - 1 else "SUCCEEDED", "startTime": 1706697000000,
            "context": context, "outputs": {f"out{number}": number}}


def context(count, size):
    stages = [stage(number, count, size) for number in range(count)]
    trigger = {"type": "manual", "user": "ann", "payload": {"user": "bob"},
               "parameters": {"version": "1.4.2", "count": "12"}}
    variables = {"region": "eu"}
    return {**stages[-1]["context"], "trigger": trigger, "templateVariables": variables,
            "execution": {"id": "e1", "type": "PIPELINE", "application": "app", "name": "Release", "status": "RUNNING",
                          "spelEvaluator": "v4", "templateVariables": variables, "trigger": trigger, "stages": stages}}


if __name__ == "__main__":
    json.dump(context(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
