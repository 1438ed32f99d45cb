"""What people see of a deploy: the newest warning while it waits, a cluster that cannot be reached, and never the values of a Secret."""

import datetime
import json
import sqlite3

import pytest
from fake_cluster import FakeCluster
from server import Server, wait_until

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
STABLE = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
PLANTED = "pl4nted-value"
SECRET_TEXT = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  a: {PLANTED}\n  b: {PLANTED}-${{ missing }}\n"


@pytest.fixture
def cluster():
    with FakeCluster("token-1") as running:
        yield running


@pytest.fixture
def server(tmp_path, cluster):
    kube = tmp_path / "kube.config"
    kube.write_text(cluster.kubeconfig("token-1"))
    config = tmp_path / "gennaker.yml"
    config.write_text(json.dumps({"kubernetes": {"accounts": [{"name": "one", "kubeconfigFile": str(kube)}]}}))
    with Server(tmp_path / "data", "--config", str(config)) as running:
        yield running


def start(server, app, manifests, **more):
    stage = {"type": "deployManifest", "refId": "1", "account": "one", "source": "text", "manifests": manifests, **more}
    assert server.post("/pipelines", {"application": app, "name": "deploy", "stages": [stage]}).status == 200
    return server.post(f"/pipelines/{app}/deploy", {}).json()["ref"].rsplit("/", 1)[1]


def stage(server, run):
    return server.get(f"/pipelines/{run}").json()["stages"][0]


def ended(server, run):
    return wait_until(lambda: stage(server, run)["status"] not in ("NOT_STARTED", "RUNNING") and stage(server, run), "the end")


def event(kind, name, message):
    return {"type": "Warning", "reason": "Failed", "message": message, "involvedObject": {"kind": kind, "name": name},
            "lastTimestamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_the_newest_warning_shows_while_it_waits(server, cluster, app):
    run = start(server, app, [DEPLOYMENT], includeEvents=True)
    wait_until(lambda: WEB in cluster.objects, "the deployment")
    with cluster.lock:
        cluster.objects["/api/v1/namespaces/shop/events/a"] = event("Pod", "web-7c5d-xk2lp", "Back-off pulling image ${x}")
        cluster.objects["/api/v1/namespaces/shop/events/b"] = event("Pod", "web-api-7c5d-xk2lp", "of somebody else")
    warning = wait_until(lambda: stage(server, run)["context"].get("newestWarning"), "the warning")
    assert warning["object"] == "Pod web-7c5d-xk2lp" and warning["message"] == "Back-off pulling image $ {x}"
    assert (warning["manifestName"], warning["location"]) == ("deployment web", "shop")
    text = server.get(f"/admin/state?id={run}").json()[run][0]["text"]
    assert "Pod web-7c5d-xk2lp: Failed: Back-off pulling image" in text
    with cluster.lock:
        cluster.objects[WEB]["metadata"]["generation"] = 1
        cluster.objects[WEB]["status"] = STABLE
    context = ended(server, run)["context"]
    assert "newestWarning" not in context
    assert [len(entry["events"]) for entry in context["events"]] == [1]
    assert context["kato.tasks"][0]["id"] == context["kato.last.task.id"]["id"]


def test_no_output_means_none(server, cluster, app):
    run = start(server, app, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}], noOutput=True)
    done = ended(server, run)
    assert done["status"] == "SUCCEEDED" and done["outputs"] == {} and done["context"]["artifacts"]


def test_a_secret_in_a_text_shows_nowhere(server, cluster, app, tmp_path):
    run = start(server, app, [SECRET_TEXT])
    assert ended(server, run)["status"] == "SUCCEEDED"
    sent = next(value for path, value in cluster.objects.items() if "/secrets/" in path)
    assert sent["stringData"]["a"] == PLANTED
    broken = start(server, app + "2", [SECRET_TEXT + "\tx: 1\n"])
    assert "a tab where YAML wants spaces" in json.dumps(ended(server, broken)["context"]["exception"])
    numbers = start(server, app + "3", [SECRET_TEXT.replace(f"  a: {PLANTED}", f"  a: {PLANTED}\n  number: 7")])
    assert "stringData.number: expected a string, got int" in json.dumps(ended(server, numbers)["context"]["exception"])
    for each in (run, broken, numbers):
        for path in (f"/pipelines/{each}", f"/applications/{app}/pipelines", f"/pipelines/{each}/logs", f"/admin/state?id={each}"):
            assert PLANTED not in server.get(path).body.decode(), path
        with sqlite3.connect(f"file:{tmp_path}/data/gennaker.db?mode=ro", uri=True) as store:
            events = store.execute("SELECT * FROM events").fetchall()
        assert events and not [row for row in events if PLANTED in str(row)]
    assert PLANTED not in server.errors.read_text()


def test_an_unreachable_cluster_is_told_plainly(server, cluster, app, tmp_path):
    (tmp_path / "gone").mkdir()
    kube = tmp_path / "gone" / "kube.config"
    kube.write_text(cluster.kubeconfig("token-1").replace(cluster.url, "http://127.0.0.1:1"))
    (tmp_path / "gennaker.yml").write_text(json.dumps({"kubernetes": {"accounts": [{"name": "one", "kubeconfigFile": str(kube)}]}}))
    wait_until(lambda: server.get("/credentials").json() and "read anew" in server.errors.read_text(), "the account")
    run = start(server, app, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}], stageTimeoutMs=4000)
    error = ended(server, run)["context"]["exception"]["details"]["error"]
    assert "http://127.0.0.1:1" in error and 'account "one"' in error and "timed out after" in error
    assert "chooseManifestVersions" not in error
