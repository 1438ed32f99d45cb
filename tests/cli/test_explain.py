"""`gennaker explain`: the rules of the Kubernetes stages, offline."""

import json

import pytest

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, generation: 1}
spec: {replicas: 2, template: {metadata: {labels: {app: web}}}}
status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
"""
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"lb/web": "yes"}}}
OLD = {"apiVersion": "apps/v1", "kind": "ReplicaSet",
       "metadata": {"name": "web-v000", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
                    "annotations": {"moniker.spinnaker.io/application": "shop",
                                    "moniker.spinnaker.io/cluster": "replicaSet web"}},
       "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web"}}}}}


@pytest.fixture
def explain(gennaker):
    def run(*arguments, input=None):
        done = gennaker("explain", *arguments, "--output", "json", input=input)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def test_status(explain):
    rows = explain("status", "-", input=DEPLOYMENT)
    assert rows[0] == {
        "kind": "deployment", "name": "web",
        "stable": {"state": False, "message": "Waiting for all replicas to be available"},
        "available": {"state": True, "message": None}, "paused": {"state": False, "message": None},
        "failed": {"state": False, "message": None}}
    assert [row["name"] for row in rows] == ["web", "settings", "shop"]


def test_status_of_what_nobody_serves(gennaker):
    old = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "metadata": {"name": "web"}}
    done = gennaker("explain", "status", "-", "--output", "json", input=json.dumps(old))
    assert done.returncode == 1 and "document 1" in done.stderr and "apps/v1" in done.stderr


def test_order(explain):
    assert explain("order", "-", input=DEPLOYMENT) == [
        {"kind": "namespace", "name": "shop", "priority": 0},
        {"kind": "configMap", "name": "settings", "priority": 50},
        {"kind": "deployment", "name": "web", "priority": 100}]


CRONTAB = {"apiVersion": "stable.example.com/v1", "kind": "CronTab", "metadata": {"name": "tab"}}


@pytest.fixture
def settings(tmp_path):
    """Accounts whose clusters are nowhere: what is explained is offline."""
    path = tmp_path / "settings.yml"
    path.write_text(json.dumps({"kubernetes": {"accounts": [
        {"name": "plain", "kubeconfigFile": "/nowhere"},
        {"name": "shop", "kubeconfigFile": "/nowhere", "customResources": [
            {"kubernetesKind": "CronTab.stable.example.com", "versioned": True, "deployPriority": "5"}]},
        {"name": "wrong", "customResources": [{"kubernetesKind": "A.x.io", "deployPriority": "soon"}]}]}}))
    return str(path)


def test_kinds_are_as_an_account_has_them(explain, settings):
    given = DEPLOYMENT + "---\n" + json.dumps(CRONTAB)
    for arguments, priority, name in ((["--account", "shop", "--config", settings], 5, "tab-v000"),
                                      (["--account", "plain", "--config", settings], 1000, "tab"), ([], 1000, "tab")):
        rows = explain("order", "-", *arguments, input=given)
        assert {row["name"]: row["priority"] for row in rows}["tab"] == priority
        assert [row["name"] for row in rows].index("tab") == (1 if priority == 5 else 3)
        assert explain("names", "-", *arguments, input=given)[-1]["name"] == name


@pytest.mark.parametrize("arguments, text", [
    (["--account", "nobody", "--config", "SETTINGS"], 'the settings have no Kubernetes account "nobody"; known: plain, shop, wrong'),
    (["--account", "wrong", "--config", "SETTINGS"], "kubernetes.accounts[2]: customResources[0]: deployPriority: expected a number"),
    (["--config", "SETTINGS"], "--config needs --account"),
    (["--account", "shop", "--config", "/nowhere"], "/nowhere"),
])
def test_an_account_that_is_not_understood(gennaker, settings, arguments, text):
    for command in ("order", "names"):
        done = gennaker("explain", command, "-", *[settings if each == "SETTINGS" else each for each in arguments], input=DEPLOYMENT)
        assert done.returncode == 2 and text in done.stderr, done.stderr


def test_names(explain, tmp_path):
    rows = explain("names", "-", input=DEPLOYMENT)
    assert rows[1] == {
        "app": "settings", "cluster": "settings", "stack": None, "detail": None, "sequence": 0,
        "version": "v000", "name": "settings-v000", "reused": False,
        "strategy": {"deploy": "apply", "serverSideApply": "disabled", "versioned": "default",
                     "maxVersionHistory": None, "useSourceCapacity": False}}
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "settings-v006", "annotations": {
            "artifact.spinnaker.io/type": "kubernetes/configMap", "artifact.spinnaker.io/name": "settings",
            "artifact.spinnaker.io/version": "v006",
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings-v006"}})}}}
    (tmp_path / "live.json").write_text(json.dumps([live]))
    row = explain("names", "-", "--existing", tmp_path / "live.json", input=DEPLOYMENT)[1]
    assert (row["name"], row["reused"]) == ("settings-v006", True)
    row = explain("names", "-", "--versioned", "false", input=DEPLOYMENT)[1]
    assert (row["name"], row["version"]) == ("settings", None)


def test_traffic(explain, tmp_path):
    (tmp_path / "service.json").write_text(json.dumps(SERVICE))

    def traffic(action, target):
        return explain("traffic", action, "--service", tmp_path / "service.json", "--target", "-",
                       input=json.dumps(target))

    assert traffic("enable", OLD) == [
        {"op": "add", "path": "/spec/template/metadata/labels/lb~1web", "value": "yes"}]
    attached = traffic("attach", OLD)
    assert attached["spec"]["template"]["metadata"]["labels"] == {"app": "web", "lb/web": "yes"}
    assert traffic("disable", attached) == [
        {"op": "remove", "path": "/spec/template/metadata/labels/lb~1web"}]
    assert traffic("attach", attached) == {
        "error": "Service selector must have no label keys in common with target workload"}


def test_target(explain):
    newer = json.loads(json.dumps(OLD).replace("2026-01-01", "2026-01-02").replace("v000", "v001"))
    both = json.dumps([newer, OLD, SERVICE])
    options = ["--kind", "replicaSet", "--app", "shop", "--cluster", "replicaSet web", "--location", "shop"]
    answer = explain("target", "newest", "-", *options, input=both)
    assert (answer["kind"], answer["name"], answer["namespace"]) == ("replicaSet", "web-v001", "shop")
    assert [row["chosen"] for row in answer["candidates"]] == [False, True]
    answer = explain("target", "second_newest", "-", *options, input=json.dumps(OLD))
    assert answer["name"] is None and "there is 1 object" in answer["reason"]


@pytest.mark.parametrize("arguments, input, status, text", [
    (["status", "-"], "a: [", 1, "-: line"),
    (["status", "-"], "just text", 1, "expected an object"),
    (["status", "-"], "{metadata: {}}", 1, "documents[0].kind: is required"),
    (["status", "none.yaml"], None, 1, "none.yaml"),
    (["order", "-"], "{kind: Pod, apiVersion: v1}", 1, "metadata: "),
    (["order", "-"], "{kind: Event, apiVersion: v1, metadata: {name: a}}", 1, "cannot be deployed"),
    (["order", "-"], "{kind: Pod, kind: Pod, apiVersion: v1}", 1, "-: "),
    (["names", "-", "--versioned", "maybe"], "", 2, "--versioned is true or false"),
    (["traffic", "explode"], "", 2, "expected enable, disable or attach"),
    (["traffic", "enable"], "", 1, "--service FILE is required"),
    (["traffic", "enable", "--service", "-"], "[]", 1, "expected one object, got 0"),
    (["names", "-", "--existing", "-"], "", 2, "only one file can be -"),
    (["traffic", "attach", "--service", "-", "--target", "-"], "", 2, "only one file can be -"),
    (["target", "best", "-"], "", 2, "criteria: expected newest"),
    (["target", "newest"], "", 2, ""),
    (["everything"], "", 2, "no command"),
    (["status", "-", "--output", "xml"], "", 2, "--output"),
])
def test_mistakes(gennaker, arguments, input, status, text):
    done = gennaker("explain", *arguments, input=input or "")
    assert done.returncode == status, done.stderr
    assert text in done.stderr


def test_tables_are_for_people(gennaker):
    done = gennaker("explain", "status", "-", input=DEPLOYMENT)
    assert done.stdout.splitlines()[0].split() == ["KIND", "NAME", "STABLE", "FAILED", "MESSAGE"]
    done = gennaker("explain", "traffic", "--help")
    assert done.returncode == 0 and "--target" in done.stdout
