"""The real process, killed again and again: nothing acknowledged is lost, nothing is done twice but under its own key.

gennaker-crash kills itself at commits (crash_points.c); at other times the test does it. What the users were told, what the other
sides saw, and what the server says in the end must agree: kill_check.py.

    KILLS=5000 python3 -m pytest -s tests/system/test_kill.py      # 300 by default, for all three tests together
    KILL_SEED=1234 …                                               # the sequence that a failure printed
"""

import json
import os
import random
import signal
import sqlite3
import subprocess

import kill_check
import kill_pipelines
from kill_client import Lives, Mortal
from kill_recorder import Recorder
from server import PATIENCE, environment, program

KILLS = int(os.environ.get("KILLS", "300"))
CHECKED_AT = 500  # kills after which a data directory is checked, and the next one begun
LONGEST_LIFE = 40  # commits
LONGEST_TIME = 0.6  # seconds
BATCH = 50  # runs asked for at a time


def chance():
    """A seed, and what comes of it."""
    seed = int(os.environ.get("KILL_SEED") or random.randrange(10**6))
    print(f"KILL_SEED={seed}")
    return seed, random.Random(seed)


class Scene:
    """A data directory, a namespace and a recorder, with the lives that use them."""

    def __init__(self, directory, cluster):
        self.seed, self.chance = chance()
        self.cluster = cluster
        self.namespace = cluster.new_namespace()
        self.recorder = Recorder()
        self.plans = kill_pipelines.plans(self.recorder.url, self.namespace)
        self.directory = directory
        self.copies = 0
        directory.mkdir()
        settings = directory / "gennaker.yml"
        settings.write_text(json.dumps({
            "kubernetes": {"accounts": [{"name": "test", "kubeconfigFile": str(cluster.kubeconfig)}]},
            "user-configured-url-restrictions": {"rejectLocalhost": False, "rejectVerbatimIps": False,
                                                 "allowedHostnamesRegex": ".*"}}))
        server = Mortal(directory / "data", "--config", str(settings))
        self.lives = Lives(server, self.recorder)
        self.names = [name for name in self.plans if name not in kill_pipelines.CHILDREN_ONLY]

    def __enter__(self):
        server = self.lives.server
        with server:
            for name, plan in self.plans.items():
                answer = server.post("/pipelines", plan.document(name))
                assert answer.status == 200, answer.body
        return self

    def __exit__(self, *_):
        if self.lives.server.process.poll() is None:
            self.lives.server.process.kill()
            self.lives.server.process.wait()
        self.recorder.close()

    def want(self, *names):
        for name in names:
            self.lives.users.want(name)

        self.lives.users.want_pipeline()

    def some(self, count):
        return self.chance.choices(self.names, k=count)

    def all_events(self, server):
        events = []
        while page := server.get(f"/events?from={events[-1]['seq'] if events else 0}").json():
            events += page
        return events

    def all_executions(self, server, ids):
        found = {}
        for first in range(0, len(ids), BATCH):
            some = ",".join(ids[first:first + BATCH])
            for run in server.get(f"/executions?executionIds={some}&limit={BATCH}").json():
                found[run["id"]] = run
        return found

    def objects(self):
        listed = json.loads(self.cluster.kubectl("get", "configmaps,deployments", "-n", self.namespace, "-o", "json"))["items"]
        return {item["metadata"]["name"]: item.get("data") or {"generation": item["metadata"]["generation"]}
                for item in listed if item["metadata"]["name"] != "kube-root-ca.crt"}

    def begin_copy(self):
        """`gennaker backup`, while the server lives and dies; what it must hold is what was answered before."""
        self.copies += 1
        file = self.directory / f"copy-{self.copies}.db"
        starts = list(self.lives.record.starts.values())
        answered = {run for start in starts for run in start["ids"]}
        return file, answered, subprocess.Popen([program(), "backup", file, "--data-dir", self.directory / "data"], env=environment(),
                                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end_copy(self, file, answered, process):
        said, _ = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0, f"KILL_SEED={self.seed}: {said}"
        copy = sqlite3.connect(file)
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        lost = answered - {run for (run,) in copy.execute("SELECT id FROM executions")} - set(self.lives.record.deleted)
        assert not lost, f"KILL_SEED={self.seed}: {file} lacks {lost}"
        copy.close()
        file.unlink()

    def verdict(self):
        """Everything ends, and is compared."""
        self.lives.finish()
        server, record = self.lives.server, self.lives.record
        events = self.all_events(server)
        named = {event["data"]["id"] for event in events if event["event"] == "run"}
        named |= {run for start in record.starts.values() for run in start["ids"]}
        named |= {run["id"] for run in server.get(f"/applications/{kill_pipelines.APPLICATION}/pipelines?limit=1000&expand=false").json()}
        found = self.all_executions(server, sorted(named | set(record.deleted)))
        shelf = {one["name"] for one in server.get(f"/applications/{kill_pipelines.SHELF}/pipelineConfigs").json()}
        self.lives.stop()
        executions = {**record.deleted, **found}
        wrong = kill_check.check(kill_check.Facts(
            plans=self.plans, limits=kill_pipelines.LIMITS, starts=record.starts, judgments=record.judgments,
            refused=record.refused, streamed=record.streamed, executions=executions,
            events=kill_check.with_deleted(events, record.streamed, record.deleted),
            deleted=record.deleted, left_runs=set(found), left_events=events, shelf=record.shelf, left_pipelines=shelf,
            effects=self.recorder.effects, jobs=self.recorder.jobs, strange=self.recorder.strange, objects=self.objects()))
        repeated = len(self.recorder.effects) - len({(run, call) for run, call, *_ in self.recorder.effects})
        print(f"{record.kills} kills, {len(executions)} runs, {len(events)} events, {len(self.recorder.effects)} calls, "
              f"{repeated} of them repeated")
        assert not wrong, f"KILL_SEED={self.seed}: {len(wrong)} violations\n" + "\n".join(wrong[:50])
        assert executions


def scenes(tmp_path, cluster, kills):
    """Scenes for KILLS kills in all; each with a function that says whether it may be killed once more."""
    done = 0
    while done < kills:
        share = min(CHECKED_AT, kills - done)
        with Scene(tmp_path / f"scene-{done}", cluster) as scene:
            yield scene, lambda: scene.lives.record.kills < share  # noqa: B023
            scene.verdict()
        done += scene.lives.record.kills


def die_at_each_commit(lives, more):
    """Before and after the first commit of a life, and when nothing comes of that, the second: until all has ended."""
    place, moves = 1, -1
    while more():
        place, moves = place + 1 if lives.view.moves == moves else 1, lives.view.moves
        for side in ("before", "after"):
            if more() and not lives.live(f"{side}:{place}"):
                return


def test_killed_at_every_commit(tmp_path, cluster):
    """One run of each pipeline at a time; each life is as short as it can be."""
    for scene, more in scenes(tmp_path, cluster, KILLS * 2 // 5):
        while more():
            scene.want(*scene.names)
            scene.lives.live(f"after:{len(scene.names)}")
            die_at_each_commit(scene.lives, more)


def test_killed_at_the_nth_commit(tmp_path, cluster):
    """Each life goes on with what the last one left and begins something; it ends before or after its first, second, third … commit."""
    for scene, more in scenes(tmp_path, cluster, KILLS * 3 // 10):
        while more():
            scene.want(*scene.some(2))
            life = scene.lives.record.kills
            scene.lives.live(f"{'after' if life % 2 else 'before'}:{1 + life // 2 % LONGEST_LIFE}")


def test_killed_at_any_time(tmp_path, cluster):
    """
    Also while it starts, and while it goes through what the last life left. Now and then it is stopped in order instead, or its database
    is copied meanwhile.
    """
    for scene, more in scenes(tmp_path, cluster, KILLS * 3 // 10):
        while more():
            scene.want(*scene.some(2))
            copy = scene.begin_copy() if scene.chance.random() < 0.2 else None
            scene.lives.live(seconds=scene.chance.uniform(0, LONGEST_TIME), in_order=scene.chance.random() < 0.1)
            if copy:
                scene.end_copy(*copy)


def test_killed_while_it_makes_its_database(tmp_path):
    """Whatever is left of a first start, the next one begins with."""
    _, moments = chance()
    for place in range(KILLS // 30):
        server = Mortal(tmp_path / f"data-{place}")
        for _ in range(moments.randrange(1, 4)):
            server.launch()
            try:
                server.process.wait(moments.uniform(0, 0.15))
            except subprocess.TimeoutExpired:
                server.process.kill()
            server.reap(-signal.SIGKILL)
        with server:
            server.save("a", "p", [])
            assert server.wait_for(server.run("a", "p"))["status"] == "TERMINAL"  # it has no stages
