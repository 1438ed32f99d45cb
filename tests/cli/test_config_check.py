"""gennaker config check: does each account answer, and what may it do."""

import json

import pytest
from fake_cluster import FakeCluster

READ = {"verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["*"]}
DEPLOY = {"verbs": ["create", "patch"], "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]}
ONE_ONLY = {"verbs": ["delete"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"]}


@pytest.fixture
def cluster():
    with FakeCluster("good-token") as running:
        yield running


def settings(write, cluster, token="good-token", **account):
    kube = write("kube.config", cluster.kubeconfig(token))
    row = {"name": "prod", "kubeconfigFile": str(kube), **account}
    return write("gennaker.yml", json.dumps({"kubernetes": {"accounts": [row]}}))


def access(done):
    return {(row["namespace"], row["resource"]): row for row in json.loads(done.stdout)[0]["access"]}


def test_an_administrator_may_do_everything(gennaker, write, cluster):
    settings(write, cluster)
    done = gennaker("config", "check")
    assert done.returncode == 0, done.stderr
    assert f"✔ prod: {cluster.url}, Kubernetes v1.33.4, context main" in done.stdout
    line = next(line for line in done.stdout.splitlines() if " deployments " in line)
    assert line.split() == ["prod", "shop", "deployments", "get", "list", "watch", "create", "patch", "update", "delete", "-"]
    assert "good-token" not in done.stdout + done.stderr


@pytest.mark.parametrize("incomplete", [False, True])
def test_rights_are_told_by_verb_and_namespace(gennaker, write, cluster, incomplete):
    cluster.rules = {"shop": [READ, DEPLOY, ONE_ONLY], "test": [READ], "*": []}
    cluster.incomplete = incomplete
    config = settings(write, cluster, namespaces=["shop", "test"], omitKinds=["secret"])
    done = gennaker("config", "check", "--config", config, "-o", "json")
    assert done.returncode == 0, done.stderr
    found = access(done)
    assert found["shop", "deployments"]["mayNot"] == (["update"] if incomplete else ["update", "delete"])
    assert found["shop", "deployments/scale"]["may"] == ["patch"]
    assert found["test", "deployments"]["may"] == ["get", "list", "watch"]
    assert found["test", "deployments/scale"]["may"] == []
    assert found["", "namespaces"]["may"] == []
    assert ("shop", "secrets") not in found
    reviews = cluster.asked("POST", "selfsubjectaccessreviews")
    assert (len(reviews) > 50) == incomplete


def test_a_namespace_may_be_given(gennaker, write, cluster):
    settings(write, cluster)
    assert {key[0] for key in access(gennaker("config", "check", "-n", "a", "-n", "b", "-o", "json"))} == {"a", "b", ""}


def test_an_account_that_is_refused_or_unreachable_exits_with_1(gennaker, write, cluster):
    settings(write, cluster, token="planted-bad-token")
    done = gennaker("config", "check")
    assert done.returncode == 1
    assert "✖ prod: " in done.stdout and "refuses the credential" in done.stdout
    assert "planted-bad-token" not in done.stdout + done.stderr
    write("kube.config", cluster.kubeconfig("good-token").replace(cluster.url, "http://127.0.0.1:1"))
    done = gennaker("config", "check", "-o", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["reachable"] is False and "127.0.0.1:1" in json.loads(done.stdout)[0]["error"]


def test_wrong_settings_exit_with_2(gennaker, write, cluster):
    config = settings(write, cluster, namespaces=["a"], omitNamespaces=["b"])
    done = gennaker("config", "check", "--config", config)
    assert done.returncode == 2 and "both namespaces and omitNamespaces" in done.stderr
    assert gennaker("config", "check", "--config", "nowhere.yml").returncode == 2


def test_without_accounts_the_kubeconfig_counts(gennaker, write, cluster):
    kube = write("kube.config", cluster.kubeconfig("good-token"))
    done = gennaker("config", "check", "--kubeconfig", kube, "-o", "json")
    assert done.returncode == 0 and {row["name"] for row in json.loads(done.stdout)} == {"default", "main"}
    assert "no Kubernetes accounts" in gennaker("config", "check").stdout


@pytest.mark.parametrize("zone,says", [("Mars/X", 'there is no zone "Mars/X"'), ("8", "expected a text")])
def test_an_unknown_time_zone_ends_every_start(gennaker, write, zone, says):
    config = write("zone.yml", f"tasks: {{executionWindow: {{timezone: {zone}}}}}\n")
    write("p.json", '{"name": "p", "stages": []}')
    for command in (("config", "check"), ("serve", "--listen", "127.0.0.1:0"), ("run", "p.json")):
        done = gennaker(*command, "--config", config)
        assert done.returncode == 2 and f"settings {config}: tasks.executionWindow.timezone: {says}" in done.stderr, command


def test_a_known_time_zone_is_taken(gennaker, write):
    config = write("zone.yml", "tasks: {executionWindow: {timezone: Asia/Shanghai}}\n")
    assert gennaker("config", "check", "--config", config).returncode == 0
