"""What an account's settings and its rights allow, on a real control plane."""

import json
import subprocess

import pytest

import server
from server import Server, wait_until
from test_deploy import Runner, apps, core, definition, delete, deploy, deployment, get, named, names_of
from test_manifests import bad, good, stage
from test_trouble import WRITE, apply_by_kubectl, crd, custom, service_account, settings, token_of


class Accounts:
    """Runs with `kubernetes.accounts[]` of the settings; each has the administrator's kubeconfig unless it says otherwise."""

    def __init__(self, runner):
        self.runner = runner
        self.path = runner.directory / "gennaker.yml"

    def write(self, **accounts):
        rows = [{"name": name, "kubeconfigFile": str(self.runner.cluster.kubeconfig), **fields} for name, fields in accounts.items()]
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"kubernetes": {"accounts": rows}}))
        new.rename(self.path)

    def run(self, *stages):
        return self.runner(*stages, arguments=["--config", str(self.path)])

    def check(self, *arguments):
        done = subprocess.run([server.program(), "config", "check", "--config", str(self.path), "-o", "json", *arguments],
                              env=self.runner.environment, cwd=self.runner.directory, text=True, capture_output=True, timeout=60)
        return done.returncode, {row["name"]: row for row in json.loads(done.stdout)} if done.stdout else done.stderr


@pytest.fixture
def accounts(cluster, tmp_path):
    return Accounts(Runner(cluster, tmp_path))


# Kinds


@pytest.mark.parametrize("fields", [{"kinds": ["Deployment.apps", "service"]}, {"omitKinds": ["cm"]}])
def test_a_kind_that_an_account_is_not_for_is_deployed_with_a_warning(accounts, cluster, namespace, fields):
    accounts.write(shop=fields)
    done = good(accounts.run(deploy(settings(a="1"), deployment(replicas=1), account="shop", namespaceOverride=namespace)))
    warning = 'account "shop" is not for kind configMap (kinds, omitKinds): it is deployed, but not watched'
    assert done.stage("Deploy")["context"]["warnings"] == [warning]
    assert warning in next(line for line in done.lines if "deploying 2 objects" in line)  # before anything is sent
    assert get(cluster, core(namespace, "configmaps", "settings"))


def test_no_rule_chooses_from_a_kind_that_an_account_is_not_for(accounts, cluster, namespace):
    accounts.write(shop={"kinds": ["deployment"]})
    good(accounts.run(deploy(settings(a="1"), account="shop", namespaceOverride=namespace)))
    by_label = stage("deleteManifest", None, namespace, account="shop", mode="label", kinds=["deployment", "configMap"])
    assert 'kinds[1]: account "shop" is not for kind configMap' in bad(accounts.run(by_label), "deleteManifest")
    by_rule = stage("deleteManifest", None, namespace, account="shop", mode="dynamic", kind="configMap", app="shop",
                    cluster="configMap settings", criteria="newest")
    assert 'account "shop" is not for kind configMap' in bad(accounts.run(by_rule), "deleteManifest")
    assert get(cluster, core(namespace, "configmaps", "settings"))
    good(accounts.run(delete("configMap settings", namespace, account="shop")))  # by its name it is everybody's


def test_only_managed_objects_are_chosen(accounts, cluster, namespace):
    apply_by_kubectl(cluster, namespace, named("ConfigMap", "theirs", data={"a": "1"}))
    accounts.write(shop={"onlySpinnakerManaged": True}, all={})
    good(accounts.run(deploy(settings(a="1"), account="shop", namespaceOverride=namespace)))
    everything = stage("deleteManifest", None, namespace, account="shop", mode="label", kinds=["configMap"])
    done = good(accounts.run(everything))
    assert done.stage("deleteManifest")["outputs"]["outputs.manifestNamesByNamespace"] == {namespace: ["configMap settings"]}
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt", "theirs"]
    good(accounts.run({**everything, "account": "all"}))
    assert get(cluster, core(namespace, "configmaps", "theirs")) is None


def test_custom_resources_of_the_settings(accounts, cluster, namespace):
    group = namespace + ".example.com"
    rows = [{"kubernetesKind": "Crontab." + group, "versioned": True, "deployPriority": "1"},
            {"kubernetesKind": "Region." + group, "namespaced": False}]
    accounts.write(shop={"customResources": rows}, plain={})
    good(accounts.run(deploy(crd(group), crd(group, "Region", "Cluster"), account="shop", name="Define")))
    objects = [settings(a="1"), named("Crontab", "tab", group + "/v1", spec={"schedule": "@daily"}),
               named("Region", "north", group + "/v1")]
    # The definition is not part of this request: that Regions live in no namespace is known from the settings.
    done = good(accounts.run(deploy(*objects, account="shop", namespaceOverride=namespace)))
    assert done.stage("Deploy")["outputs"]["outputs.manifestNamesByNamespace"] == {
        namespace: [f"Crontab.{group} tab-v000", "configMap settings"], "": [f"Region.{group} north"]}
    assert custom(cluster, group, namespace, "tab-v000")["spec"] == {"schedule": "@daily"}
    done = good(accounts.run(deploy(*objects[:2], account="plain", namespaceOverride=namespace)))
    assert done.stage("Deploy")["outputs"]["outputs.manifestNamesByNamespace"] == {
        namespace: ["configMap settings", f"Crontab.{group} tab"]}


def test_settings_of_kinds_that_are_wrong(accounts):
    for fields, text in (({"customResources": [{"kubernetesKind": "A.x.io", "deployPriority": "soon"}]},
                          "kubernetes.accounts[0]: customResources[0]: deployPriority: expected a number"),
                         ({"kinds": ["pod"], "omitKinds": ["job"]}, "has both kinds and omitKinds")):
        accounts.write(shop=fields)
        status, errors = accounts.check()
        assert status == 2 and text in errors


def test_an_account_writes_to_its_namespaces_only(accounts, cluster, namespace):
    """Its context's namespace, too, and a Namespace itself."""
    accounts.write(shop={"namespaces": [namespace]})
    error = bad(accounts.run(deploy(settings(a="1"), account="shop")), "Deploy")
    assert 'manifests[0] (configMap settings): deployManifest: account "shop" is not set up for namespace "default"' in error
    assert not [name for name in names_of(cluster, "default", "configmaps") if name.startswith("settings")]
    good(accounts.run(deploy(settings(a="1"), account="shop", namespaceOverride=namespace)))

    other = cluster.new_namespace()
    gone = stage("deleteManifest", f"namespace {other}", "", account="shop", mode="static")
    assert f'account "shop" is not set up for namespace "{other}"' in bad(accounts.run(gone), "deleteManifest")
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{other}-2"}}
    assert f'is not set up for namespace "{other}-2"' in bad(accounts.run(deploy(made, account="shop")), "Deploy")


# What it may do


def test_rights_are_told_by_verb_namespace_and_kind(accounts, cluster, namespace):
    other = cluster.new_namespace()
    token = service_account(cluster, namespace, "deployer", (["", "apps"], ["configmaps", "deployments"], WRITE),
                            (["apps"], ["deployments/scale"], ["patch"]))
    accounts.write(deployer={"kubeconfigFile": str(cluster.kubeconfig_token(token)), "namespaces": [namespace, other],
                             "omitKinds": ["secret"]}, admin={"namespaces": [namespace]})
    status, found = accounts.check()
    assert status == 0
    assert found["deployer"]["reachable"] and found["deployer"]["version"].startswith("v1.")
    access = {(row["namespace"], row["resource"]): row for row in found["deployer"]["access"]}
    assert access[namespace, "deployments"]["may"] == WRITE and access[namespace, "deployments"]["mayNot"] == ["list", "watch", "update"]
    assert access[namespace, "deployments/scale"]["may"] == ["patch"]
    assert access[namespace, "services"]["may"] == [] and access[other, "deployments"]["may"] == []
    assert access["", "namespaces"]["may"] == [] and (namespace, "secrets") not in access
    assert all(not row["mayNot"] for row in found["admin"]["access"])
    # What it says is what happens.
    good(accounts.run(deploy(settings(a="1"), account="deployer", namespaceOverride=namespace)))
    text = bad(accounts.run(deploy(named("Service", "web", spec={"ports": [{"port": 80}]}), account="deployer",
                                   namespaceOverride=namespace)), "Deploy")
    assert "cannot patch resource" in text and token not in json.dumps(found)


def test_an_account_that_is_refused_says_so(accounts, cluster, namespace):
    accounts.write(gone={"kubeconfigFile": str(cluster.kubeconfig_token("planted-wrong-token"))}, admin={})
    status, found = accounts.check("-n", namespace)
    assert status == 1 and not found["gone"]["reachable"] and found["admin"]["reachable"]
    assert "refuses the credential" in found["gone"]["error"] and "planted" not in json.dumps(found)


# Other files


def test_an_account_is_read_anew_while_a_stage_waits(accounts, cluster, namespace, tmp_path):
    """A token that ends in the middle of a rollout; the kubeconfig gets another one, and the stage goes on."""
    token = service_account(cluster, namespace, "first", (["", "apps"], ["*"], ["*"]))
    service_account(cluster, namespace, "second", (["", "apps"], ["*"], ["*"]))
    kubeconfig = tmp_path / "kube.config"
    kubeconfig.write_text(cluster.kubeconfig_token(token).read_text())
    accounts.write(shop={"kubeconfigFile": str(kubeconfig)})
    with Server(tmp_path / "data", "--config", str(accounts.path)) as running:
        running.save("shop", "roll", [deploy(deployment(replicas=1, ready_after="8s"), account="shop", namespaceOverride=namespace)])
        execution = running.run("shop", "roll")
        wait_until(lambda: get(cluster, apps(namespace, "deployments", "web")), "the deployment")
        cluster.kubectl("-n", namespace, "delete", "serviceaccount", "first")
        wait_until(lambda: cluster.request("GET", "/api", token=token).status == 401, "the token's end")
        renewed = tmp_path / "renewed"
        renewed.write_text(kubeconfig.read_text().replace(token, token_of(cluster, namespace, "second")))
        renewed.rename(kubeconfig)
        done = running.wait_for(execution)
        assert done["status"] == "SUCCEEDED", running.errors.read_text()
        assert token not in running.errors.read_text()
        # An account that comes with the settings can be used at once.
        accounts.write(shop={"kubeconfigFile": str(kubeconfig)}, late={"namespaces": ["nowhere"]})
        wait_until(lambda: [row["name"] for row in running.get("/credentials").json()] == ["shop", "late"], "the account")
        running.save("shop", "late", [deploy(settings(a="1"), account="late", namespaceOverride=namespace)])
        execution = running.run("shop", "late")
        done = running.wait_for(execution)
        assert done["status"] == "TERMINAL" and "wrongNamespace" in json.dumps(done)


# Kinds that change


def test_an_object_of_a_version_that_was_taken_away_is_deleted_all_the_same(accounts, cluster, namespace, tmp_path):
    """A server knows a kind by the version that it had; the object is under another one now, and is not taken for one that is gone."""
    group = namespace + ".example.com"
    tab = f"Crontab.{group} tab"
    definition = crd(group, name="v1beta1")
    accounts.write(shop={})
    with Server(tmp_path / "data", "--config", str(accounts.path)) as running:
        def succeeds(name, *stages):
            running.save("shop", name, list(stages))
            done = running.wait_for(running.run("shop", name))
            assert done["status"] == "SUCCEEDED", json.dumps(done)
            return done

        succeeds("define", deploy(definition, named("Crontab", "tab", group + "/v1beta1", spec={"schedule": "@daily"}), account="shop",
                                  namespaceOverride=namespace))
        succeeds("look", delete(f"Crontab.{group} none", namespace, account="shop"))
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"
        live = get(cluster, path)
        old = live["spec"]["versions"][0]
        live["spec"]["versions"] = [{**old, "name": "v1"}, {**old, "served": False, "storage": False}]
        assert cluster.request("PUT", path, live).status == 200
        wait_until(lambda: custom(cluster, group, namespace, "tab"), "the new version")
        where = f"/apis/{group}/v1beta1/namespaces/{namespace}/crontabs/tab"
        wait_until(lambda: cluster.request("GET", where).status == 404, "the end of the old one")
        succeeds("delete", delete(tab, namespace, account="shop"))
    assert custom(cluster, group, namespace, "tab") is None
