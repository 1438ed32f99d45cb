"""The users of a server that dies again and again: they start runs, judge, shorten and cancel, and follow the journal.

What they were told is kept in a Record; kill_check.py compares it with what the server says in the end.
"""

import collections
import dataclasses
import http.client
import itertools
import json
import os
import pathlib
import select
import signal
import subprocess
import threading
import time

import kill_pipelines
from server import PATIENCE, Server, Stream, program

GONE = (OSError, http.client.HTTPException)  # what a client sees of a server that dies
ENDS = ("SUCCEEDED", "TERMINAL", "CANCELED")


@dataclasses.dataclass
class Record:
    """What was asked for, and what was answered."""

    starts: dict = dataclasses.field(default_factory=dict)  # token → {"name", "tries", "refused", "ids": those that were answered}
    judgments: dict = dataclasses.field(default_factory=dict)  # stage id → [(attempt, choice, input, status or None)]
    refused: list = dataclasses.field(default_factory=list)  # answers that nobody should get
    streamed: list = dataclasses.field(default_factory=list)  # (seq, event, data), all lives together
    deleted: dict = dataclasses.field(default_factory=dict)  # id → the run as it was before
    shelf: dict = dataclasses.field(default_factory=dict)  # pipeline → "save" or "delete", what was answered last
    lives: int = 0
    kills: int = 0


class Worker(threading.Thread):
    """A thread whose failure is that of who joins it."""

    def __init__(self, work, *arguments):
        super().__init__(daemon=True)
        self.work = lambda: work(*arguments)
        self.failure = None
        self.start()

    def run(self):
        try:
            self.work()
        except Exception as failure:
            self.failure = failure

    def finish(self):
        self.join(PATIENCE)
        if self.failure:
            raise self.failure
        assert not self.is_alive(), "a user waits for a server that is dead"


class Mortal(Server):
    """The server; that it dies is no error, how it dies may be one."""

    def __init__(self, directory, *arguments, **variables):
        super().__init__(directory, *arguments, **variables)
        crash = pathlib.Path(program()).resolve().parent / "tests/system/gennaker-crash"
        assert crash.exists(), f"{crash} is missing: ninja builds it beside the program"
        self.command[0] = str(crash)

    def launch(self, crash_at=None):
        crash = {"CRASH_AT_COMMIT": crash_at} if crash_at else {}
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(self.command, env={**self.environment, **crash}, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors)

    def listens(self):
        """Waits until it does; False when it died before."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline().decode() if ready else "nothing"
        if not line:
            return False
        assert line.startswith("listening on http://127.0.0.1:"), line + self.errors.read_text()
        self.port = int(line.split()[2].rsplit(":", 1)[1])
        return True

    def reap(self, *statuses):
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        assert status in statuses, f"status {status}: {self.errors.read_text()[-5000:]}"


class View:
    """What the journal has said so far, as a client sees it; waked by every event."""

    def __init__(self, record):
        self.record = record
        self.position = 0
        self.runs = {}  # id → its newest "run" event
        self.statuses = {}  # of runs, stages and tasks
        self.moves = 0  # how often one of them has changed
        self.stages = {}  # (run, refId) → id
        self.asked = collections.Counter()  # stage id → how often a judgment was asked for
        self.todo = {}  # key → an action of a user: (verb, run, stage id)
        self.wished = set()  # what is to be done once in a run
        self.changed = threading.Condition()

    def follow(self, server):
        """Reads events until the server dies."""
        try:
            stream = Stream(server, "/events", {"Last-Event-ID": str(self.position)})
        except (*GONE, AssertionError):
            return
        try:
            while event := stream.next():
                if event[0] is not None:
                    self.take(*event)
        except GONE + (ValueError, KeyError):
            pass  # the last event was cut short
        finally:
            stream.close()

    def take(self, seq, kind, data):
        with self.changed:
            self.position = seq
            self.record.streamed.append((seq, kind, data))
            self.count_move((data.get("stage"), data.get("id") or data.get("name")), data.get("status"))
            if kind == "run":
                self.runs[data["id"]] = data
                self.on_run(data["id"], data["name"], data["status"])
            elif kind == "judgment" and data["state"] == "waiting":
                self.asked[data["stage"]] += 1
                self.todo[data["stage"]] = ("judge", data["run"], data["stage"])
            elif kind == "stage":
                self.stages[data["run"], data["ref"]] = data["stage"]
                if data["ref"] == "long" and data["status"] == "RUNNING" and self.runs[data["run"]]["name"] == "shortened":
                    self.todo[data["stage"]] = ("shorten", data["run"], data["stage"])
            self.changed.notify_all()

    def on_run(self, run, name, status):
        verb = {("doomed", "RUNNING"): "cancel", ("restarted", "TERMINAL"): "restart", ("paused", "RUNNING"): "pause",
                ("paused", "PAUSED"): "resume", ("dropped", "SUCCEEDED"): "delete"}.get((name, status))
        if verb and (run, verb) not in self.wished:
            self.wished.add((run, verb))
            self.todo[run, verb] = (verb, run, self.stages.get((run, "work")))

    def count_move(self, what, status):
        if status and self.statuses.get(what) != status:
            self.statuses[what] = status
            self.moves += 1

    def all_ended(self):
        return all(run["status"] in ENDS for run in self.runs.values())


class Stopping(OSError):
    """503 from a server that stops in order: nothing was done."""


class Users:
    """They do what is to be done, one thing after the other, until the server dies or stops."""

    def __init__(self, record, view):
        self.record = record
        self.view = view
        self.inputs = itertools.count(1)
        self.stops = False  # this life ends in order
        self.wanted = []  # tokens whose start has not been answered, and is to be asked for
        self.shelf = []  # (verb, pipeline) that are still to be done
        self.shelved = itertools.count(1)

    def want(self, name):
        token = f"{name}-{len(self.record.starts)}"
        self.record.starts[token] = {"name": name, "tries": 0, "refused": 0, "ids": []}
        self.wanted.append(token)

    def want_pipeline(self):
        """One that is saved; every other one is deleted again."""
        number = next(self.shelved)
        self.shelf += [("save", f"shelved-{number}"), *([("delete", f"shelved-{number}")] if number % 2 else [])]

    def shelve_next(self, server):
        """Repeated until it is answered: the id is ours, so that it stays one pipeline."""
        if not self.shelf:
            return False
        verb, name = self.shelf[0]
        if verb == "save":
            document = {"application": kill_pipelines.SHELF, "id": name, "name": name, "stages": []}
            self.ask(server, "POST", "/pipelines", document, 200)
        else:
            self.ask(server, "DELETE", f"/pipelines/{kill_pipelines.SHELF}/{name}", None, 200)
        self.record.shelf[name] = verb
        self.shelf.pop(0)
        return True

    def run(self, server, alive):
        try:
            while alive():
                busy = self.start_next(server) or self.shelve_next(server) or self.act_next(server)
                if not busy:
                    with self.view.changed:
                        self.view.changed.wait(0.05)
        except GONE:
            pass

    def start_next(self, server):
        if not self.wanted:
            return False
        token = self.wanted[0]
        start = self.record.starts[token]
        correlated = start["name"] == kill_pipelines.CORRELATED
        trigger = {"type": "manual", "parameters": {"token": token}, **({"correlationId": token} if correlated else {})}
        if not correlated:
            self.wanted.pop(0)  # asked for once only
        start["tries"] += 1
        try:
            answer = self.ask(server, "POST", f"/pipelines/{kill_pipelines.APPLICATION}/{start['name']}", trigger, 202)
        except Stopping:
            start["refused"] += 1
            raise
        if answer.status == 202:
            start["ids"].append(answer.json()["ref"].rsplit("/", 1)[1])
        if correlated:
            self.wanted.pop(0)
        return True

    def may_judge(self, run):
        """The repeated starts find a run only while it goes on: it is judged when its start has been answered."""
        if self.view.runs[run]["name"] != kill_pipelines.CORRELATED:
            return True
        return any(run in start["ids"] for start in list(self.record.starts.values()))

    def act_next(self, server):
        with self.view.changed:
            ready = [(key, action) for key, action in self.view.todo.items() if action[0] != "judge" or self.may_judge(action[1])]
        for key, (verb, run, stage) in ready:
            if getattr(self, verb)(server, run, stage) == "later":
                continue
            with self.view.changed:
                del self.view.todo[key]
        return bool(ready)

    def judge(self, server, run, stage):
        attempt = self.view.asked[stage]
        if self.view.runs[run]["name"] == "restarted":
            choice = "stop" if attempt == 1 else "continue"
        else:
            choice = "stop" if sum(map(ord, stage)) % 4 == 0 else "continue"
        said = [attempt, choice, f"input-{next(self.inputs)}", None]
        self.record.judgments.setdefault(stage, []).append(said)
        said[3] = self.patch(server, run, stage, {"judgmentStatus": choice, "judgmentInput": said[2]})

    def shorten(self, server, run, stage):
        self.patch(server, run, stage, {"skipRemainingWait": True})

    def cancel(self, server, run, _):
        self.ask(server, "PUT", f"/pipelines/{run}/cancel?reason=doomed", None, 200)

    def pause(self, server, run, _):
        """409: it is paused already, or has ended; so with resume."""
        self.ask(server, "PUT", f"/pipelines/{run}/pause", None, 200, 409)

    def resume(self, server, run, _):
        self.ask(server, "PUT", f"/pipelines/{run}/resume", None, 200, 409)

    def restart(self, server, run, stage):
        """Nothing is asked for when an earlier try, whose answer was lost, has done it."""
        if server.get(f"/pipelines/{run}").json()["status"] == "TERMINAL":
            self.ask(server, "PUT", f"/pipelines/{run}/stages/{stage}/restart", {}, 200)

    def delete(self, server, run, _):
        """404: an earlier try whose answer was lost has done it. 409: its end, which we have heard of, is not dealt with yet."""
        before = server.get(f"/pipelines/{run}")
        if before.status == 404 and run in self.record.deleted:
            return None
        self.record.deleted.setdefault(run, before.json())
        answer = self.ask(server, "DELETE", f"/pipelines/{run}", None, 200, 409)
        return "later" if answer.status == 409 else None

    def patch(self, server, run, stage, body):
        """409: an earlier one whose answer was lost has done it."""
        return self.ask(server, "PATCH", f"/pipelines/{run}/stages/{stage}", body, 200, 409).status

    def ask(self, server, method, path, body, *statuses):
        """The answer; one whose status nobody should get is written down."""
        answer = server.request(method, path, body)
        if answer.status == 503 and self.stops:
            raise Stopping
        if answer.status not in statuses:
            self.record.refused.append((method, path, answer.status, answer.body))
        return answer


class Lives:
    """Server, users and journal through all lives."""

    def __init__(self, server, recorder):
        self.server = server
        self.recorder = recorder
        self.record = Record()
        self.view = View(self.record)
        self.users = Users(self.record, self.view)

    def begin_life(self):
        self.record.lives += 1
        self.recorder.life = self.record.lives

    def live(self, crash_at=None, seconds=None, in_order=False):
        """
        One life. It ends at the commit CRASH_AT, after SECONDS (by SIGTERM if IN_ORDER), or when all that was started has ended: then
        it gives False.
        """
        died = True
        self.begin_life()
        self.users.stops = in_order
        self.server.launch(crash_at)
        process = self.server.process
        death = threading.Timer(seconds, process.terminate if in_order else process.kill) if seconds is not None else None
        if death:
            death.start()
        listened = self.server.listens()
        if listened:
            follower = Worker(self.view.follow, self.server)
            users = Worker(self.users.run, self.server, lambda: process.poll() is None)
            died = self.wait_for_death(process)
            follower.finish()
            users.finish()
        if death:
            death.cancel()
        self.record.kills += not in_order
        # Before it listens it may not have come to the line that takes the signal.
        self.server.reap(-signal.SIGKILL, *([0] if in_order else []), *([-signal.SIGTERM] if in_order and not listened else []))
        return died

    def wait_for_death(self, process):
        """False when we had to end it, because nothing was left to do."""
        deadline = time.monotonic() + 2 * PATIENCE
        while process.poll() is None:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                if self.idle():
                    process.kill()
                    return False
                self.check_time(deadline)
        return True

    def check_time(self, deadline):
        with self.view.changed:
            going = [run for run in self.view.runs.values() if run["status"] not in ENDS]
            assert time.monotonic() < deadline, f"this goes on for ever: {going}, {self.view.todo}, {self.record.refused}"

    def idle(self):
        """Nothing is left to do, and the journal says nothing that we have not heard. False when the server is dead."""
        with self.view.changed:
            if self.users.wanted or self.users.shelf or self.view.todo or not self.view.all_ended():
                return False
            position = self.view.position
        try:
            return int(self.server.get(f"/events?from={position}&limit=1").headers["X-Journal-Seq"]) == position
        except GONE:
            return False

    def finish(self):
        """A life that is left in peace until everything has ended. The server goes on; stop() is its end."""
        self.begin_life()
        self.users.stops = False
        self.server.launch()
        assert self.server.listens(), self.server.errors.read_text()[-5000:]
        process, done = self.server.process, threading.Event()
        users = Worker(self.users.run, self.server, lambda: not done.is_set())
        self.follower = Worker(self.view.follow, self.server)
        deadline = time.monotonic() + 4 * PATIENCE
        while process.poll() is None and not users.failure and not self.follower.failure and not self.idle():
            self.check_time(deadline)
            with self.view.changed:
                self.view.changed.wait(0.2)
        done.set()
        users.finish()
        assert process.poll() is None, self.server.errors.read_text()[-5000:]

    def stop(self):
        assert self.server.stop() == 0, self.server.errors.read_text()[-5000:]
        self.follower.finish()
