"""The real process, killed at random points: nothing acknowledged is lost, no effect is repeated but under its own key.

KILLS says how often (default 100); KILL_SEED repeats a sequence that a failure printed.
"""

import collections
import http.server
import json
import os
import random
import threading
import time

import pytest
from server import Server, wait_until

KILLS = int(os.environ.get("KILLS", "100"))
RUNS_A_LIFE = 4  # started in each life of the server, besides what is still going on
ENDS = ("SUCCEEDED", "TERMINAL", "CANCELED", "STOPPED")


class Recorder(http.server.ThreadingHTTPServer):
    """The other side of the webhooks: writes down run, call and Idempotency-Key of each effect."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.effects = collections.defaultdict(list)
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/effect"

    def record(self, body, key):
        with self.lock:
            self.effects[body["run"], body["call"]].append(key)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.record(body, self.headers["Idempotency-Key"])
        answer = json.dumps({"seen": body["call"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server was killed


def webhook(ref, after, url):
    return {"refId": ref, "requisiteStageRefIds": after, "type": "webhook", "name": ref, "url": url,
            "payload": {"run": "${execution.id}", "call": ref}}


def pipeline(url, namespace):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "run-${execution.id.toLowerCase()}",
                             "annotations": {"strategy.spinnaker.io/versioned": "false"}},
                "data": {"seen": "${seen}"}}
    return [
        webhook("first", [], url),
        webhook("beside", [], url),
        {"refId": "wait", "requisiteStageRefIds": ["first"], "type": "wait", "waitTime": "${ 0.02 }"},
        {"refId": "variables", "requisiteStageRefIds": ["wait"], "type": "evaluateVariables",
         "variables": [{"key": "seen", "value": "${#stage('first').context.webhook.body.seen}"}]},
        {"refId": "deploy", "requisiteStageRefIds": ["variables", "beside"], "type": "deployManifest", "account": "test",
         "cloudProvider": "kubernetes", "source": "text", "namespaceOverride": namespace, "manifests": [manifest]},
        webhook("last", ["deploy"], url),
    ]


@pytest.fixture
def recorder():
    server = Recorder()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path, cluster):
    path = tmp_path / "gennaker.yml"
    path.write_text(json.dumps({
        "kubernetes": {"accounts": [{"name": "test", "kubeconfigFile": str(cluster.kubeconfig)}]},
        "user-configured-url-restrictions": {"rejectLocalhost": False, "rejectVerbatimIps": False,
                                             "allowedHostnamesRegex": ".*"},
    }))
    return path


def start_runs(server, acknowledged):
    for _ in range(RUNS_A_LIFE):
        try:
            answer = server.post("/pipelines/kill/me", {"type": "manual"})
        except OSError:
            return
        assert answer.status == 202, answer.body
        acknowledged.append(answer.json()["ref"].rsplit("/", 1)[1])


def live_and_die(server, acknowledged, chance):
    """One life: a few runs are started on a thread while the clock of the death runs."""
    server.start()
    starter = threading.Thread(target=start_runs, args=(server, acknowledged))
    starter.start()
    time.sleep(chance.uniform(0, 0.25))  # not a wait for anything: the moment of the kill is what varies
    server.kill()
    starter.join()


def all_ended(server):
    found = server.get("/applications/kill/pipelines?limit=100000&expand=false").json()
    going = [run["id"] for run in found if run["status"] not in ENDS]
    return None if going else found


def test_killed_at_any_point_nothing_is_lost_and_nothing_is_done_twice(tmp_path, recorder, settings, cluster, namespace):
    seed = int(os.environ.get("KILL_SEED") or random.randrange(10**6))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    server = Server(tmp_path / "data", "--config", str(settings))
    acknowledged = []
    with server:
        server.save("kill", "me", pipeline(recorder.url, namespace))
    for _ in range(KILLS):
        live_and_die(server, acknowledged, chance)
    with server:
        found = wait_until(lambda: all_ended(server), "the end of all runs")
    assert acknowledged, "no start was ever acknowledged"
    by_id = {run["id"]: run for run in found}
    assert [run for run in acknowledged if run not in by_id] == [], "acknowledged starts were lost"
    assert {run["status"] for run in found} == {"SUCCEEDED"}, [run for run in found if run["status"] != "SUCCEEDED"]
    for run in by_id:
        for call in ("first", "beside", "last"):
            keys = recorder.effects[run, call]
            assert keys and len(set(keys)) == 1, f"{run} {call}: {keys}"
    objects = json.loads(cluster.kubectl("get", "configmaps", "-n", namespace, "-o", "json"))["items"]
    deployed = {item["metadata"]["name"]: item["data"] for item in objects if item["metadata"]["name"].startswith("run-")}
    assert deployed == {f"run-{run.lower()}": {"seen": "first"} for run in by_id}
