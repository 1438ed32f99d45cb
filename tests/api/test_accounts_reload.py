"""Kubernetes accounts follow their files while the server runs."""

import json

import pytest
from fake_cluster import FakeCluster
from server import Server, wait_until

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
STABLE = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


def settings(*accounts):
    return json.dumps({"kubernetes": {"accounts": [{"name": name, "kubeconfigFile": str(path)} for name, path in accounts]}})


def write(path, text):
    """As careful people do: a file takes the place of another."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def names(server):
    return [account["name"] for account in server.get("/credentials").json()]


def start(server, app, account, manifests):
    pipeline = {"application": app, "name": "deploy", "stages": [
        {"type": "deployManifest", "refId": "1", "account": account, "source": "text", "manifests": manifests}]}
    assert server.post("/pipelines", pipeline).status == 200
    return server.post(f"/pipelines/{app}/deploy", {}).json()["ref"].rsplit("/", 1)[1]


def status(server, run):
    return server.get(f"/pipelines/{run}").json()["status"]


def ended(server, run):
    return wait_until(lambda: status(server, run) not in ("NOT_STARTED", "RUNNING") and server.get(f"/pipelines/{run}").json(), "the end")


@pytest.fixture
def files(tmp_path):
    return tmp_path / "gennaker.yml", tmp_path / "kube.config"


def test_accounts_come_and_go_with_the_settings(files, tmp_path):
    config, kube = files
    with FakeCluster("token-1") as cluster:
        kube.write_text(cluster.kubeconfig("token-1"))
        config.write_text(settings(("one", kube)))
        with Server(tmp_path / "data", "--config", str(config)) as server:
            assert names(server) == ["one"]
            write(config, settings(("one", kube), ("two", kube)))
            wait_until(lambda: names(server) == ["one", "two"], "the second account")
            write(config, settings(("two", kube)))
            wait_until(lambda: names(server) == ["two"], "the first account's end")


def test_a_broken_file_changes_nothing_and_says_so(files, tmp_path):
    config, kube = files
    with FakeCluster("token-1") as cluster:
        kube.write_text(cluster.kubeconfig("token-1"))
        config.write_text(settings(("one", kube)))
        with Server(tmp_path / "data", "--config", str(config)) as server:
            write(config, "kubernetes:\n\taccounts: []\n")
            wait_until(lambda: "a tab where YAML wants spaces" in server.errors.read_text(), "the error")
            write(config, settings(("one", tmp_path / "nowhere")))
            wait_until(lambda: "kubernetes.accounts[0]" in server.errors.read_text(), "the second error")
            assert names(server) == ["one"]
            write(kube, "{}")
            write(config, settings(("one", kube)))
            wait_until(lambda: "contexts: none" in server.errors.read_text() or "current-context" in server.errors.read_text(), "the third")
            run = start(server, "broken", "one", [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}])
            assert ended(server, run)["status"] == "SUCCEEDED"


def test_a_running_stage_picks_up_a_renewed_token(files, tmp_path):
    config, kube = files
    with FakeCluster("token-1") as cluster:
        kube.write_text(cluster.kubeconfig("token-1"))
        config.write_text(settings(("one", kube)))
        with Server(tmp_path / "data", "--config", str(config)) as server:
            run = start(server, "renew", "one", [DEPLOYMENT])
            wait_until(lambda: WEB in cluster.objects and len(cluster.asked("GET", WEB)) > 1, "the wait for stability")
            with cluster.lock:
                cluster.tokens = {"token-2"}
            write(kube, cluster.kubeconfig("token-2"))
            wait_until(lambda: "token-2" in cluster.asked("GET", WEB), "the new token")
            with cluster.lock:
                cluster.objects[WEB]["metadata"]["generation"] = 1
                cluster.objects[WEB]["status"] = STABLE
            assert ended(server, run)["status"] == "SUCCEEDED"
            assert "token-" not in server.errors.read_text()


def test_a_running_stage_stays_with_its_cluster(files, tmp_path):
    config, kube = files
    with FakeCluster("token-1") as old, FakeCluster("token-1") as new:
        kube.write_text(old.kubeconfig("token-1"))
        config.write_text(settings(("one", kube)))
        with Server(tmp_path / "data", "--config", str(config)) as server:
            run = start(server, "move", "one", [DEPLOYMENT])
            wait_until(lambda: WEB in old.objects, "the deployment")
            write(kube, new.kubeconfig("token-1"))
            wait_until(lambda: server.get("/credentials/one").json().get("server") == new.url or "read anew" in server.errors.read_text(),
                       "the new cluster")
            second = start(server, "move2", "one", [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}])
            assert ended(server, second)["status"] == "SUCCEEDED"
            assert "/api/v1/namespaces/shop/configmaps/a-v000" in new.objects
            with old.lock:
                old.objects[WEB]["metadata"]["generation"] = 1
                old.objects[WEB]["status"] = STABLE
            assert ended(server, run)["status"] == "SUCCEEDED"
            assert not new.asked("GET", "deployments/web")


def test_a_section_that_changed_or_is_gone_is_told(files, tmp_path):
    config, _ = files
    config.write_text(json.dumps({"retention": {"days": 9}, "log": {"level": "info"}}))
    with Server(tmp_path / "data", "--config", str(config)) as server:
        write(config, json.dumps({"log": {"level": "warn"}}))
        wait_until(lambda: "this section is gone" in server.errors.read_text() and "this section has changed" in server.errors.read_text(),
                   "both")
