"""The stages that change objects which are there, on a real control plane, with `gennaker run`."""

import json
import os
import signal
import subprocess
import threading

import pytest

from control_plane import wait_for
from test_deploy import (PATIENCE, Run, Runner, apps, core, delete, deploy, deployment, get, named,
                         names_of)


@pytest.fixture
def run(cluster, tmp_path):
    return Runner(cluster, tmp_path)


def stage(stage_type, manifest_name, namespace, name=None, after=(), **fields):
    name = name or stage_type
    target = {"manifestName": manifest_name} if manifest_name else {}
    return {"refId": name, "requisiteStageRefIds": list(after), "type": stage_type, "name": name,
            "cloudProvider": "kubernetes", "account": "default", "location": namespace, **target, **fields}


def replica_set(name="web", replicas=1, value="1", **fields):
    return {**deployment(name, replicas), "kind": "ReplicaSet",
            "spec": {**without(deployment(name, replicas)["spec"], "progressDeadlineSeconds"),
                     "template": template(name, value)}, **fields}


def without(values, *keys):
    return {key: value for key, value in values.items() if key not in keys}


def template(name, value, labels=None):
    return {"metadata": {"labels": {"app": name, **(labels or {})}, "annotations": {"example.com/value": value}},
            "spec": {"containers": [{"name": "main", "image": "example.test/web:" + value}]}}


def good(done):
    assert (done.status, done.execution["status"]) == (0, "SUCCEEDED"), done.lines
    return done


def bad(done, name):
    assert done.execution and (done.status, done.stage(name)["status"]) == (1, "TERMINAL"), done.lines
    return done.errors(name)[0]


def replica_sets(cluster, namespace):
    items = get(cluster, f"/apis/apps/v1/namespaces/{namespace}/replicasets")["items"]
    return {item["metadata"]["name"]: item for item in items}


def pod_labels(cluster, namespace):
    return [item["metadata"]["labels"] for item in get(cluster, core(namespace, "pods"))["items"]]


# Which object


@pytest.mark.parametrize("criteria, wanted", [
    ("newest", 2), ("second_newest", 1), ("oldest", 0), ("largest", 1), ("smallest", 2)])
def test_the_object_of_a_cluster_that_criteria_choose(run, cluster, namespace, criteria, wanted):
    for value, replicas in (("1", 2), ("2", 3), ("3", 0)):
        good(run(deploy(replica_set(replicas=replicas, value=value), namespaceOverride=namespace)))
    done = good(run(stage("deleteManifest", None, namespace, mode="dynamic", kind="replicaSet", app="shop",
                          cluster="replicaSet web", criteria=criteria)))
    name = f"web-v00{wanted}"
    assert done.stage("deleteManifest")["outputs"]["manifestName"] == "replicaSet " + name
    assert set(replica_sets(cluster, namespace)) == {"web-v000", "web-v001", "web-v002"} - {name}


def test_no_object_of_a_cluster(run, cluster, namespace):
    good(run(deploy(replica_set(), namespaceOverride=namespace)))
    text = bad(run(stage("deleteManifest", None, namespace, kind="replicaSet", app="shop",
                         cluster="replicaSet web", criteria="second_newest")), "deleteManifest")
    assert text.startswith("No manifest could be found matching ") and "replicaSet web" in text
    assert set(replica_sets(cluster, namespace)) == {"web-v000"}


@pytest.mark.parametrize("fields, text", [
    ({"mode": "dynamic"}, "criteria: is required"),
    ({"criteria": "best", "cluster": "deployment web"}, "criteria: "),
    ({"criteria": "newest"}, "cluster: is required"),
    ({"mode": "label"}, "kinds: is required"),
    ({"mode": "label", "kinds": ["configMap"], "location": ""}, "location: is required"),
    ({"mode": "label", "kinds": ["namespace"]}, "labelSelectors: a rule is required"),
    ({"mode": "label", "kinds": ["configMap", "nothing"]}, "nothing"),
    ({"mode": "static"}, "manifestName: is required"),
    ({"mode": "static", "manifestName": "web"}, "manifestName: "),
])
def test_what_is_not_said_deletes_nothing(run, cluster, namespace, fields, text):
    good(run(deploy(named("ConfigMap", "a", data={}), namespaceOverride=namespace)))
    done = run({**stage("deleteManifest", None, namespace), **fields})
    assert done.status == 1
    assert text in "".join(done.lines) + json.dumps(done.execution)
    assert names_of(cluster, namespace, "configmaps") == ["a-v000", "kube-root-ca.crt"]


def test_objects_that_labels_choose_are_deleted(run, cluster, namespace):
    def labeled(kind, name, tier):
        made = named(kind, name, **({"data": {}} if kind == "ConfigMap" else {"stringData": {}}))
        made["metadata"]["labels"] = {"tier": tier}
        return made

    good(run(deploy(labeled("ConfigMap", "a", "web"), labeled("ConfigMap", "b", "db"),
                    labeled("Secret", "c", "web"), namespaceOverride=namespace)))
    rules = {"selectors": [{"key": "tier", "kind": "EQUALS", "values": ["web"]}]}
    done = good(run(stage("deleteManifest", None, namespace, mode="label", kinds=["configMap", "secret"],
                          labelSelectors=rules)))
    assert done.stage("deleteManifest")["outputs"]["outputs.manifestNamesByNamespace"] == {
        namespace: ["configMap a-v000", "secret c-v000"]}
    assert names_of(cluster, namespace, "configmaps") == ["b-v000", "kube-root-ca.crt"]
    assert names_of(cluster, namespace, "secrets") == []


def test_without_a_rule_all_of_the_kind_are_deleted(run, cluster, namespace):
    good(run(deploy(named("Secret", "a", stringData={}), named("Secret", "b", stringData={}),
                    namespaceOverride=namespace)))
    good(run(stage("deleteManifest", None, namespace, mode="label", kinds=["secret"])))
    assert names_of(cluster, namespace, "secrets") == []
    good(run(stage("deleteManifest", None, namespace, mode="label", kinds=["secret"])))


# Scale


def test_scaling(run, cluster, namespace):
    good(run(deploy(deployment(replicas=1), namespaceOverride=namespace)))
    done = good(run(stage("scaleManifest", "deployment web", namespace, replicas="3")))
    web = get(cluster, apps(namespace, "deployments", "web"))
    assert web["status"]["availableReplicas"] == 3
    context = done.stage("scaleManifest")["context"]
    assert (context["manifest.name"], context["manifest.location"]) == ("deployment web", namespace)
    assert context["stableManifests"] == [{"manifestName": "deployment web", "location": namespace}]
    assert any("scaling deployment web to 3" in line and cluster.server in line for line in done.lines)
    good(run(stage("scaleManifest", "deploy web", namespace, replicas=0)))
    assert get(cluster, apps(namespace, "deployments", "web"))["spec"]["replicas"] == 0


def test_what_cannot_be_scaled(run, namespace):
    good(run(deploy(named("ConfigMap", "a", data={}), namespaceOverride=namespace)))
    done = run(stage("scaleManifest", "configMap a-v000", namespace, replicas=1))
    assert "does not support scale" in bad(done, "scaleManifest")
    done = run(stage("scaleManifest", "deployment none", namespace, replicas=1))
    assert "Could not find kubernetes manifest: deployment none" in bad(done, "scaleManifest")
    for replicas in (None, -1, "many"):
        done = run(stage("scaleManifest", "deployment web", namespace, replicas=replicas))
        assert done.status == 1 and "replicas: " in "".join(done.lines)


# Rollouts


def image(cluster, namespace, kind="deployments"):
    web = get(cluster, apps(namespace, kind, "web"))
    return web["spec"]["template"]["spec"]["containers"][0]["image"].split(":")[1]


def workload(kind, value):
    made = {**deployment(replicas=1), "kind": kind}
    made["spec"]["template"] = template("web", value)
    if kind != "Deployment":
        made["spec"] = without(made["spec"], "progressDeadlineSeconds")
    if kind == "StatefulSet":
        made["spec"]["serviceName"] = "web"
    if kind == "DaemonSet":
        made["spec"] = without(made["spec"], "replicas")
    return made


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rollout_is_undone(run, cluster, namespace, kind):
    plural, name = kind.lower() + "s", kind[0].lower() + kind[1:] + " web"
    for value in "123":
        good(run(deploy(workload(kind, value), namespaceOverride=namespace)))
    good(run(stage("undoRolloutManifest", name, namespace, numRevisionsBack=1)))
    assert image(cluster, namespace, plural) == "2"
    good(run(stage("undoRolloutManifest", name, namespace, revision="1")))
    assert image(cluster, namespace, plural) == "1"
    generation = get(cluster, apps(namespace, plural, "web"))["metadata"]["generation"]
    good(run(stage("undoRolloutManifest", name, namespace, numRevisionsBack=0)))
    assert get(cluster, apps(namespace, plural, "web"))["metadata"]["generation"] == generation
    done = run(stage("undoRolloutManifest", name, namespace, numRevisionsBack=3))
    assert "There are 3 revision(s) in total, cannot rollback 3" in bad(done, "undoRolloutManifest")
    done = run(stage("undoRolloutManifest", name, namespace, revision=77))
    assert "no revision 77" in bad(done, "undoRolloutManifest")


def test_a_rollout_is_paused_and_resumed(run, cluster, namespace):
    good(run(deploy(workload("Deployment", "1"), namespaceOverride=namespace)))
    for _ in range(2):
        good(run(stage("pauseRolloutManifest", "deployment web", namespace)))
    assert get(cluster, apps(namespace, "deployments", "web"))["spec"]["paused"] is True
    for kind in ("undoRolloutManifest", "rollingRestartManifest"):
        done = run(stage(kind, "deployment web", namespace, numRevisionsBack=0))
        assert "paused" in bad(done, kind)
    done = good(run(stage("resumeRolloutManifest", "deployment web", namespace)))
    assert not get(cluster, apps(namespace, "deployments", "web"))["spec"].get("paused")
    assert done.stage("resumeRolloutManifest")["context"]["stableManifests"]


@pytest.mark.parametrize("kind, manifest", [
    ("pauseRolloutManifest", "statefulSet web"), ("resumeRolloutManifest", "daemonSet web"),
    ("rollingRestartManifest", "replicaSet web"), ("undoRolloutManifest", "job web")])
def test_kinds_without_such_a_rollout(run, namespace, kind, manifest):
    done = run(stage(kind, manifest, namespace, numRevisionsBack=1))
    assert f"Resource with {manifest} in {namespace} does not support" in bad(done, kind)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rolling_restart(run, cluster, namespace, kind):
    plural, name = kind.lower() + "s", kind[0].lower() + kind[1:] + " web"
    good(run(deploy(workload(kind, "1"), namespaceOverride=namespace)))
    old = names_and_uids(cluster, namespace)
    done = good(run(stage("rollingRestartManifest", name, namespace)))
    assert [task["name"] for task in done.stage("rollingRestartManifest")["tasks"]] == [
        "rollingRestartManifest"]
    note = get(cluster, apps(namespace, plural, "web"))["spec"]["template"]["metadata"]["annotations"]
    assert note["kubectl.kubernetes.io/restartedAt"].endswith("Z")
    wait_for("new Pods", lambda: names_and_uids(cluster, namespace).isdisjoint(old), 30)


def names_and_uids(cluster, namespace):
    return {item["metadata"]["uid"] for item in get(cluster, core(namespace, "pods"))["items"]}


# Traffic


SERVICE = named("Service", "web", spec={"selector": {"lb": "web"}, "ports": [{"port": 80}]})


def attached(value, strategy=None, services=("service web",), traffic=True, replicas=2, notes=None):
    options = {"services": list(services), "enableTraffic": traffic,
               **({"strategy": strategy} if strategy else {})}
    made = replica_set(replicas=replicas, value=value)
    made["metadata"]["annotations"] = notes or {}
    return {"manifests": [made], "trafficManagement": {"enabled": True, "options": options}}


def get_traffic(cluster, namespace, name):
    found = replica_sets(cluster, namespace)[name]
    pods = [item["metadata"]["labels"].get("lb") for item in get(cluster, core(namespace, "pods"))["items"]
            if item["metadata"]["ownerReferences"][0]["name"] == name]
    return found["spec"]["template"]["metadata"]["labels"].get("lb"), pods


def test_a_workload_is_disabled_and_enabled_with_its_pods(run, cluster, namespace):
    good(run(deploy(SERVICE, name="Service", namespaceOverride=namespace),
             {**deploy(namespaceOverride=namespace, after=["Service"]), **attached("1")}))
    assert get_traffic(cluster, namespace, "web-v000") == ("web", ["web", "web"])
    notes = replica_sets(cluster, namespace)["web-v000"]["metadata"]["annotations"]
    assert notes["traffic.spinnaker.io/load-balancers"] == '["service web"]'
    uids = names_and_uids(cluster, namespace)
    for _ in range(2):
        good(run(stage("disableManifest", "replicaSet web-v000", namespace)))
        assert get_traffic(cluster, namespace, "web-v000") == (None, [None, None])
    for _ in range(2):
        good(run(stage("enableManifest", None, namespace, kind="replicaSet", cluster="replicaSet web",
                       criteria="newest", mode="dynamic", app="shop")))
        assert get_traffic(cluster, namespace, "web-v000") == ("web", ["web", "web"])
    good(run(stage("disableManifest", "replicaSet web-v000", namespace, loadBalancers=["service web"])))
    assert get_traffic(cluster, namespace, "web-v000") == (None, [None, None])
    assert names_and_uids(cluster, namespace) == uids
    done = run(stage("enableManifest", "replicaSet web-v000", namespace, loadBalancers=["service other"]))
    assert "Could not find load balancer: service other" in bad(done, "enableManifest")
    done = run(stage("enableManifest", "replicaSet none", namespace))
    assert "Could not find kubernetes manifest: replicaSet none" in bad(done, "enableManifest")


def test_a_workload_is_deployed_disabled(run, cluster, namespace):
    done = {**attached("1", traffic=False)}
    done["manifests"].append(SERVICE)
    good(run({**deploy(namespaceOverride=namespace), **done}))
    assert get_traffic(cluster, namespace, "web-v000") == (None, [None, None])
    notes = replica_sets(cluster, namespace)["web-v000"]["metadata"]["annotations"]
    assert notes["traffic.spinnaker.io/load-balancers"] == '["service web"]'


def test_an_annotation_attaches_without_a_strategy(run, cluster, namespace):
    web = replica_set()
    web["metadata"]["annotations"] = {"traffic.spinnaker.io/load-balancers": '["service web"]'}
    good(run(deploy(web, SERVICE, namespaceOverride=namespace)))
    assert get_traffic(cluster, namespace, "web-v000") == ("web", ["web"])


@pytest.mark.parametrize("fields, text", [
    (attached("1", services=["service none"]), "Load balancer service none does not exist"),
    (attached("1", services=["web"]), "Failed to attach load balancer 'web'."),
    (attached("1", services=["ingress web"]), "No support for load balancing via ingress exists"),
    (attached("1", notes={"traffic.spinnaker.io/load-balancers": '["service a"]'}),
     "Manifest already has traffic.spinnaker.io/load-balancers annotation set to"),
    (attached("1", strategy="bluegreen", notes={"strategy.spinnaker.io/max-version-history": "1"}),
     "strategy.spinnaker.io/max-version-history is 1, and must be at least 2"),
])
def test_what_cannot_be_attached_is_not_deployed(run, cluster, namespace, fields, text):
    assert text in bad(run({**deploy(namespaceOverride=namespace), **fields}), "Deploy")
    assert replica_sets(cluster, namespace) == {}


@pytest.mark.parametrize("strategy", ["bluegreen", "redblack", "highlander"])
def test_a_strategy_takes_the_others_away(run, cluster, namespace, strategy):
    good(run(deploy(SERVICE, namespaceOverride=namespace)))
    stages = []
    for value in "12":
        done = good(run({**deploy(namespaceOverride=namespace), **attached(value, strategy)}))
        stages.append([(stage["type"], stage["context"].get("manifestName"))
                       for stage in done.execution["stages"][1:]])
    follow_ups = [("disableManifest", "replicaSet web-v000")]
    if strategy == "highlander":
        follow_ups.append(("deleteManifest", "replicaSet web-v000"))
    assert stages == [[], follow_ups]
    assert get_traffic(cluster, namespace, "web-v001") == ("web", ["web", "web"])
    if strategy == "highlander":
        assert set(replica_sets(cluster, namespace)) == {"web-v001"}
    else:
        assert get_traffic(cluster, namespace, "web-v000") == (None, [None, None])


def test_one_that_never_came_up_is_deleted(run, cluster, namespace):
    good(run(deploy(SERVICE, namespaceOverride=namespace)))
    broken = attached("1", "bluegreen")
    broken["manifests"][0]["spec"]["template"]["metadata"]["annotations"]["gennaker.test/ready"] = "never"
    done = run({**deploy(namespaceOverride=namespace), **broken, "stageTimeoutMs": 2000})
    assert done.status == 1
    done = good(run({**deploy(namespaceOverride=namespace), **attached("2", "bluegreen")}))
    assert [stage["type"] for stage in done.execution["stages"]] == ["deployManifest", "deleteManifest"]
    assert set(replica_sets(cluster, namespace)) == {"web-v001"}


# Patch


def test_patches(run, cluster, namespace):
    made = named("ConfigMap", "a", data={"a": "1", "b": "2"}, annotations={"strategy.spinnaker.io/versioned": "false"})
    good(run(deploy(made, deployment(replicas=1), namespaceOverride=namespace)))

    def patch(body, name="configMap a", **options):
        return run(stage("patchManifest", name, namespace, source="text", patchBody=body, mode="static",
                         options=options))

    def data():
        return get(cluster, core(namespace, "configmaps", "a"))["data"]

    done = good(patch({"data": {"a": None, "c": "${ 'x' + 'y' }"}}, mergeStrategy="merge"))
    assert data() == {"b": "2", "c": "xy"}
    assert done.stage("patchManifest")["outputs"]["outputs.manifests"] == [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace}}]
    for _ in range(2):
        good(patch([{"data": {"d": "4"}}], record=True))
    assert data() == {"b": "2", "c": "xy", "d": "4"}
    good(patch([{"op": "remove", "path": "/data/b"}, {"op": "add", "path": "/data/e", "value": "5"}],
               mergeStrategy="json"))
    assert data() == {"c": "xy", "d": "4", "e": "5"}

    good(patch({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "example.test/web:2"}]}}}},
               "deployment web"))
    assert image(cluster, namespace) == "2"
    history = cluster.kubectl("-n", namespace, "rollout", "history", "deployment/web")
    assert "gennaker patch deployment web (pipeline test, stage patchManifest)" in history
    good(patch([{"op": "add", "path": "/spec/paused", "value": False}], "deployment web", mergeStrategy="json", record="false"))
    good(patch({"metadata": {"annotations": {"kubernetes.io/change-cause": None}}}, "deployment web"))
    assert "kubernetes.io/change-cause" not in get(cluster, apps(namespace, "deployments", "web"))["metadata"]["annotations"]
    good(patch({"metadata": {"labels": {"a": "b"}}}, "deployment web", record=False))
    assert "kubernetes.io/change-cause" not in get(cluster, apps(namespace, "deployments", "web"))["metadata"]["annotations"]
    assert "Could not find kubernetes manifest: configMap none" in bad(
        patch({"data": {}}, "configMap none"), "patchManifest")
    assert "Could not find kubernetes manifest: configMap none" in bad(
        patch([{"op": "remove", "path": "/data"}], "configMap none", mergeStrategy="json"), "patchManifest")


def test_a_patch_of_a_secret_keeps_its_values_inside(run, namespace):
    good(run(deploy(named("Secret", "key", stringData={"a": "b"}), namespaceOverride=namespace)))
    done = run(stage("patchManifest", "secret key-v000", namespace, patchBody={"data": {"a": "planted!"}}))
    assert "planted" not in bad(done, "patchManifest")


@pytest.mark.parametrize("fields, text", [
    ({}, "requires a valid patch body"),
    ({"patchBody": [{"a": 1}, {"b": 2}]}, "Only one patch object is valid"),
    ({"patchBody": [{"op": "move"}], "options": {"mergeStrategy": "json"}}, "patchBody[0].op"),
    ({"patchBody": {"a": 1}, "options": {"mergeStrategy": "best"}}, "mergeStrategy"),
    ({"patchBody": {"a": 1}, "source": "artifact"}, "source: "),
])
def test_what_is_no_patch(run, namespace, fields, text):
    done = run({**stage("patchManifest", "configMap a", namespace), **fields})
    assert done.status != 0 and text in "".join(done.lines) + json.dumps(done.execution)


# Jobs


def job(name="migrate", **notes):
    made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": template(name, "1")}}
    made["spec"]["template"]["metadata"]["annotations"] = {
        "gennaker.test/" + key.replace("_", "-"): value for key, value in notes.items()}
    made["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    return made


def run_job(manifest, namespace, **fields):
    return {"refId": "Job", "requisiteStageRefIds": [], "type": "runJobManifest", "alias": "runJob",
            "name": "Job", "account": "", "credentials": "default", "cloudProvider": "kubernetes",
            "source": "text", "manifest": manifest, "application": "shop", "namespaceOverride": namespace,
            **fields}


def jobs(cluster, namespace):
    return {item["metadata"]["name"]: item for item in
            get(cluster, f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]}


def test_a_job_is_run_to_its_end(run, cluster, namespace):
    done = good(run(run_job(job(run_for="1s"), namespace)))
    context = done.stage("Job")["context"]
    assert context["deploy.jobs"] == {namespace: ["job migrate"]}
    assert context["jobStatus"]["jobState"] == "Succeeded"
    first = jobs(cluster, namespace)["migrate"]
    assert first["metadata"]["annotations"]["moniker.spinnaker.io/application"] == "shop"
    assert first["metadata"]["annotations"]["strategy.spinnaker.io/recreate"] == "true"
    assert any("job migrate: 1 active" in line for line in done.lines), done.lines
    good(run(without(run_job(job(), namespace), "alias")))
    assert jobs(cluster, namespace)["migrate"]["metadata"]["uid"] != first["metadata"]["uid"]


def test_jobs_with_generated_names(run, cluster, namespace):
    made = job()
    made["metadata"] = {"generateName": "migrate-"}
    for _ in range(2):
        good(run(run_job([made], namespace, waitForCompletion=False)))
    assert len(jobs(cluster, namespace)) == 2


def test_a_job_that_fails(run, namespace):
    done = run(run_job(job(exit_code="3"), namespace))
    text = bad(done, "Job")
    assert text.startswith("Job: 'migrate' failed. Reason: BackoffLimitExceeded. Details: ")
    assert "Container: 'main' exited with code: 3. Status: Error." in text
    context = done.stage("Job")["context"]
    assert context["jobStatus"]["jobState"] == "Failed"
    assert context["completionDetails"]["exitCode"] == 3


def test_a_job_that_takes_too_long_is_deleted(run, cluster, namespace):
    done = run(run_job(job(run_for="1h"), namespace, stageTimeoutMs=1500))
    assert done.status == 1
    wait_for("no Job", lambda: not jobs(cluster, namespace), 20)
    done = run(run_job(job(run_for="1h"), namespace, stageTimeoutMs=1500, deleteJobOnCancel=False))
    assert done.status == 1 and set(jobs(cluster, namespace)) == {"migrate"}


@pytest.mark.parametrize("fields, text", [
    ({"manifest": [job("a"), job("b")]}, "Run Job only supports manifests with a single Job."),
    ({"manifest": named("ConfigMap", "a")}, "Only kind of Job is accepted for the Run Job operation."),
    ({"manifest": None}, "No text manifest was specified."),
    ({"manifest": None, "containers": [{}]}, "containers: "),
    ({"source": "artifact"}, "source: "),
    ({"consumeArtifactSource": "propertyFile"}, "propertyFile: "),
    ({"consumeArtifactSource": "artifact"}, "consumeArtifactSource: "),
])
def test_what_is_no_job_is_not_run(run, cluster, namespace, fields, text):
    done = run({**run_job(job(), namespace), **fields})
    assert done.status != 0 and text in "".join(done.lines) + json.dumps(done.execution)
    assert not jobs(cluster, namespace)


def test_killed_while_a_job_runs_and_started_again(run, cluster, namespace):
    command = run.command([run_job(job(run_for="4s"), namespace)], "--data-dir", str(run.directory / "data"))
    first = subprocess.Popen(command, text=True, env=run.environment, cwd=run.directory,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = threading.Timer(PATIENCE, first.kill)
    deadline.start()
    for line in first.stderr:
        if "1 active" in line:
            break
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    first.stderr.close()
    deadline.cancel()
    uid = jobs(cluster, namespace)["migrate"]["metadata"]["uid"]
    second = Run(subprocess.run(command, text=True, env=run.environment, cwd=run.directory,
                                timeout=PATIENCE, stdin=subprocess.DEVNULL, capture_output=True))
    good(second)
    assert jobs(cluster, namespace)["migrate"]["metadata"]["uid"] == uid
