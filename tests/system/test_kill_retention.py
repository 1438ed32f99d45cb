"""Retention in a process that is killed again and again: no run is half deleted, none that has to stay is lost.

The database is read by itself after each death, with nothing of the program's.

    KILLS=5000 python3 -m pytest -s tests/system/test_kill_retention.py      # 300 by default: a tenth of them are deaths here
    KILL_SEED=1234 …                                                         # the sequence that a failure printed
"""

import os
import random
import signal
import sqlite3
import subprocess

from kill_client import GONE, Mortal
from server import PATIENCE, Server, wait_until

DEATHS = int(os.environ.get("KILLS", "300")) // 10
KEPT = 3  # of each pipeline, by their number
OLD_KEPT = 2  # of each, however old they are
LARGE = "x" * 20000  # lies in a blob

STAGES = [{"type": "evaluateVariables", "refId": "1", "name": "Set", "variables": [{"key": "a", "value": LARGE}]},
          {"type": "wait", "refId": "2", "name": "Wait", "waitTime": 0, "requisiteStageRefIds": ["1"]}]
LONG = [{"type": "wait", "refId": "1", "name": "Wait", "waitTime": 3600}]

ORPHANS = {
    "stages of no run": "SELECT count(*) FROM stages WHERE key / 65536 NOT IN (SELECT key FROM executions)",
    "events of no run": "SELECT count(*) FROM events WHERE execution IS NOT NULL AND execution NOT IN (SELECT key FROM executions)",
    "uses of no run": "SELECT count(*) FROM uses WHERE kind = 0 AND owner NOT IN (SELECT key FROM executions)",
    "uses of no event": "SELECT count(*) FROM uses WHERE kind = 1 AND owner NOT IN (SELECT seq FROM events)",
    "uses of no blob": "SELECT count(*) FROM uses WHERE blob NOT IN (SELECT key FROM blobs)",
    "blobs that are miscounted": "SELECT count(*) FROM blobs WHERE uses <> (SELECT count(*) FROM uses WHERE blob = blobs.key)",
    "runs without their configuration": "SELECT count(*) FROM executions WHERE config_key IS NOT NULL"
                                        " AND config_key NOT IN (SELECT key FROM configs)",
}


class Shelf:
    """What must be in the database: runs of three pipelines, and which of them may go."""

    def __init__(self, directory):
        self.database = directory / "gennaker.db"
        self.runs = {}  # id → the run as it was
        self.going = set()  # runs that have not ended
        self.by_pipeline = {}  # name → ids, oldest first
        self.fresh = set()  # answered while it lives and dies; each of a pipeline that has too few to lose any

    def fill(self, server):
        for name, stages, count in (("many", STAGES, DEATHS + 20), ("old", STAGES, 8), ("going", LONG, 6)):
            server.save("demo", name, stages)
            self.by_pipeline[name] = [server.run("demo", name) for _ in range(count)]
        for name in ("many", "old"):
            for run in self.by_pipeline[name]:
                self.runs[run] = server.wait_for(run)
        self.going = set(self.by_pipeline["going"])
        for run in self.going:
            server.wait_for(run, "RUNNING")

    def age(self):
        database = sqlite3.connect(self.database)
        with database:
            for run in self.by_pipeline["old"] + self.by_pipeline["going"]:
                database.execute("UPDATE executions SET build_ms = build_ms - 40 * 86400000 WHERE id = ?", (run,))
        database.close()

    def staying(self):
        return set(self.by_pipeline["many"][-KEPT:] + self.by_pipeline["old"][-OLD_KEPT:]) | self.going

    def check(self):
        """With the process dead; the runs that are there."""
        database = sqlite3.connect(self.database)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for what, count in ORPHANS.items():
            assert database.execute(count).fetchone() == (0,), what
        there = {run for (run,) in database.execute("SELECT id FROM executions")}
        whole = dict(database.execute(
            "SELECT id, (SELECT count(*) FROM stages WHERE stages.key / 65536 = executions.key) FROM executions"))
        told = {run for (run,) in database.execute(
            "SELECT id FROM executions WHERE EXISTS (SELECT 1 FROM events WHERE execution = executions.key)")}
        database.close()
        assert self.staying() | self.fresh <= there
        for run in there & self.runs.keys():
            assert whole[run] == 2 and run in told
        for name in ("many", "old"):  # the oldest go first, and one after the other
            stays = [run in there for run in self.by_pipeline[name]]
            assert stays == sorted(stays), name
        return there


def live_and_die(server, shelf, life, moments):
    """At first up to one of the deletions, or of what a user starts meanwhile; later for some time."""
    with_user, timed = life % 2 == 1, life >= DEATHS * 2 // 3
    place = moments.randrange(1, 10 if with_user else 4)
    server.launch(None if timed else f"{moments.choice(['before', 'after'])}:{place}")
    try:
        if server.listens() and with_user:
            server.save("demo", f"fresh {life}", STAGES)
            shelf.fresh.add(server.run("demo", f"fresh {life}"))
    except (*GONE, AssertionError, KeyError, ValueError):
        pass  # it died before it answered
    try:
        server.process.wait(moments.uniform(0.5, 1.5) if timed else 2)
    except subprocess.TimeoutExpired:
        server.process.kill()
    server.reap(-signal.SIGKILL)


def test_retention_in_a_process_that_is_killed(tmp_path):
    seed = int(os.environ.get("KILL_SEED") or random.randrange(10**6))
    print(f"KILL_SEED={seed}")
    moments = random.Random(seed)
    data = tmp_path / "data"
    shelf = Shelf(data)
    with Server(data) as server:
        shelf.fill(server)
    shelf.age()
    limits = {"GENNAKER_RETENTION_MAXRUNS": str(KEPT), "GENNAKER_RETENTION_DAYS": "30", "GENNAKER_RETENTION_MINRUNS": str(OLD_KEPT),
              "GENNAKER_RETENTION_INTERVAL": "1"}
    server = Mortal(data, **limits)
    counts = [len(shelf.check())]
    for life in range(DEATHS):
        live_and_die(server, shelf, life, moments)
        counts.append(len(shelf.check()))
    print(f"{DEATHS} deaths, runs that were there after each: {counts}")
    assert len(set(counts)) > 2  # some died between two deletions
    with server:
        wanted = shelf.staying() | shelf.fresh

        def there():
            return {row["id"] for row in server.get("/applications/demo/executions/search?size=1000").json()}
        wait_until(lambda: not (shelf.runs.keys() & there()) - wanted, "the rest of the retention")
        assert wanted <= there()
        for run, before in shelf.runs.items():
            answer = server.get(f"/pipelines/{run}")
            if run in wanted:
                assert answer.json() == before
            else:
                assert answer.status == 404 and server.get(f"/executions/{run}/events").status == 404
        for run in shelf.fresh:
            assert server.wait_for(run)["status"] == "SUCCEEDED"
        for run in shelf.going:
            assert server.put(f"/pipelines/{run}/cancel").status == 200
            server.wait_for(run, "CANCELED")
    shelf.going = set()
    shelf.check()
