"""Deploying to a real control plane and deleting from it, with `gennaker run`."""

import json
import os
import signal
import subprocess
import threading

import pytest

import server
from control_plane import wait_for

PATIENCE = 90


class Run:
    """A finished `gennaker run`: exit status, the execution, and the lines for people."""

    def __init__(self, process):
        self.status = process.returncode
        self.lines = process.stderr.splitlines()
        try:
            self.execution = json.loads(process.stdout) if process.stdout.strip() else None
        except ValueError:
            pytest.fail(f"no JSON, status {process.returncode}: {process.stderr}")

    def stage(self, name):
        return next(stage for stage in self.execution["stages"] if stage["name"] == name)

    def errors(self, name):
        return self.stage(name)["context"]["exception"]["details"]["errors"]


class Runner:
    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.environment = server.environment(HOME=str(directory), KUBECONFIG="/nonexistent")

    def command(self, stages, *arguments, kubeconfig=None):
        path = self.directory / "pipeline.json"
        path.write_text(json.dumps({"application": "shop", "name": "test", "stages": stages}))
        return [server.program(), "run", str(path), "--output", "json", "--plain", "--kubeconfig",
                str(kubeconfig or self.cluster.kubeconfig), *arguments]

    def __call__(self, *stages, arguments=(), kubeconfig=None):
        return Run(subprocess.run(self.command(stages, *arguments, kubeconfig=kubeconfig), text=True,
                                  env=self.environment, cwd=self.directory, timeout=PATIENCE,
                                  stdin=subprocess.DEVNULL, capture_output=True))


@pytest.fixture
def run(cluster, tmp_path):
    return Runner(cluster, tmp_path)


def deploy(*manifests, name="Deploy", after=(), **fields):
    return {"refId": name, "requisiteStageRefIds": list(after), "type": "deployManifest", "name": name,
            "cloudProvider": "kubernetes", "account": "default", "source": "text",
            "manifests": list(manifests), **fields}


def delete(manifest_name, namespace, name="Delete", after=(), **fields):
    return {"refId": name, "requisiteStageRefIds": list(after), "type": "deleteManifest", "name": name,
            "cloudProvider": "kubernetes", "account": "default", "mode": "static", "location": namespace,
            "manifestName": manifest_name, **fields}


def named(kind, name, api_version="v1", annotations=None, **fields):
    metadata = {"name": name, **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def deployment(name="web", replicas=2, volumes=(), deadline=60, **pod_annotations):
    notes = {"gennaker.test/" + key.replace("_", "-"): value for key, value in pod_annotations.items()}
    return named("Deployment", name, "apps/v1", spec={
        "replicas": replicas, "progressDeadlineSeconds": deadline,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}, "annotations": notes},
                     "spec": {"containers": [{"name": "main", "image": "example.test/web:1"}],
                              "volumes": list(volumes)}}})


def definition(group, kind="Crontab"):
    plural = kind.lower() + "s"
    return named("CustomResourceDefinition", f"{plural}.{group}", "apiextensions.k8s.io/v1", spec={
        "group": group, "scope": "Namespaced",
        "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]})


def get(cluster, path):
    answer = cluster.request("GET", path)
    return answer.body if answer.status == 200 else None


def core(namespace, plural, name=""):
    return f"/api/v1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def apps(namespace, plural, name):
    return f"/apis/apps/v1/namespaces/{namespace}/{plural}/{name}"


def names_of(cluster, namespace, plural):
    return sorted(item["metadata"]["name"] for item in get(cluster, core(namespace, plural))["items"])


def test_a_workload_with_all_it_needs(run, cluster, namespace):
    group = namespace + ".example.com"
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    done = run(deploy(
        named("Crontab", "tab", group + "/v1", spec={"schedule": "@daily"}),
        deployment(volumes=[volume], ready_after="1s"),
        named("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        named("ConfigMap", "settings", data={"color": "blue"}),
        definition(group),
        namespaceOverride=namespace))
    assert (done.status, done.execution["status"]) == (0, "SUCCEEDED"), done.lines

    web = get(cluster, apps(namespace, "deployments", "web"))
    assert web["status"]["availableReplicas"] == 2
    assert web["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == "settings-v000"
    assert web["metadata"]["labels"]["app.kubernetes.io/name"] == "shop"
    assert web["metadata"]["annotations"]["moniker.spinnaker.io/cluster"] == "deployment web"
    assert get(cluster, core(namespace, "configmaps", "settings-v000"))["data"] == {"color": "blue"}
    assert get(cluster, core(namespace, "services", "web"))["spec"]["ports"][0]["port"] == 80
    assert get(cluster, f"/apis/{group}/v1/namespaces/{namespace}/crontabs/tab")

    outputs = done.stage("Deploy")["outputs"]
    assert outputs["outputs.manifestNamesByNamespace"] == {
        "": [f"customResourceDefinition crontabs.{group}"],
        namespace: ["configMap settings-v000", "service web", "deployment web", f"Crontab.{group} tab"]}
    assert [artifact["name"] for artifact in outputs["outputs.boundArtifacts"]] == ["settings"]
    assert {artifact["reference"] for artifact in outputs["artifacts"]} == {
        "crontabs." + group, "settings-v000", "web", "tab"}
    context = done.stage("Deploy")["context"]
    assert context["deploy.account.name"] == "default" and not context["failedManifests"]
    assert len(context["stableManifests"]) == 5

    where = next(i for i, line in enumerate(done.lines) if cluster.server in line and "deploying" in line)
    assert "account default (context control-plane" in done.lines[where]
    assert any("of 2 replicas available" in line for line in done.lines[where:]), done.lines


def test_nothing_changes_when_it_is_deployed_again(run, cluster, namespace):
    stage = deploy(deployment(), named("ConfigMap", "settings", data={"a": "1"}),
                   namespaceOverride=namespace)
    assert run(stage).status == 0
    before = [get(cluster, apps(namespace, "deployments", "web"))["metadata"]["generation"],
              get(cluster, core(namespace, "configmaps", "settings-v000"))["metadata"]["resourceVersion"]]
    assert run(stage).status == 0
    assert [get(cluster, apps(namespace, "deployments", "web"))["metadata"]["generation"],
            get(cluster, core(namespace, "configmaps", "settings-v000"))["metadata"]["resourceVersion"]
            ] == before
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt", "settings-v000"]


def test_versions_follow_the_content(run, cluster, namespace):
    volume = {"name": "settings", "configMap": {"name": "settings"}}

    def version(value):
        done = run(deploy(named("ConfigMap", "settings", data={"a": value}),
                          deployment(replicas=0, volumes=[volume]), namespaceOverride=namespace))
        assert done.status == 0, done.lines
        template = get(cluster, apps(namespace, "deployments", "web"))["spec"]["template"]["spec"]
        return template["volumes"][0]["configMap"]["name"]

    assert [version("1"), version("2"), version("1"), version("3")] == [
        "settings-v000", "settings-v001", "settings-v000", "settings-v002"]


def test_old_versions_are_taken_away(run, cluster, namespace):
    note = {"strategy.spinnaker.io/max-version-history": "2"}
    for value in "1234":
        done = run(deploy(named("ConfigMap", "settings", annotations=note, data={"a": value}),
                          namespaceOverride=namespace))
        assert done.status == 0, done.lines
    kept = [name for name in names_of(cluster, namespace, "configmaps") if name.startswith("settings")]
    assert len(kept) == 2 and "settings-v003" in kept


def test_a_rollout_that_passes_its_deadline(run, namespace):
    done = run(deploy(deployment(deadline=2, ready="never"), namespaceOverride=namespace))
    assert (done.status, done.stage("Deploy")["status"]) == (1, "TERMINAL")
    assert done.errors("Deploy") == [
        f"'deployment web' in '{namespace}' for account default: "
        "Deployment exceeded its progress deadline"]
    assert done.stage("Deploy")["context"]["failedManifests"] == [
        {"manifestName": "deployment web", "location": namespace}]


def test_what_fails_waits_for_the_others(run, namespace):
    done = run(deploy(deployment("bad", deadline=1, ready="never"), deployment("slow", ready_after="4s"),
                      namespaceOverride=namespace))
    assert done.status == 1
    context = done.stage("Deploy")["context"]
    assert {"manifestName": "deployment slow", "location": namespace} in context["stableManifests"]
    assert [entry["manifestName"] for entry in context["failedManifests"]] == ["deployment bad"]


def test_an_object_that_the_server_rejects(run, cluster, namespace):
    bad = deployment("bad")
    bad["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    done = run(deploy(bad, deployment("never"), named("ConfigMap", "first", data={}),
                      namespaceOverride=namespace))
    assert (done.status, done.stage("Deploy")["status"]) == (1, "TERMINAL")
    text = done.errors("Deploy")[0]
    assert "Deployment bad" in text and 'Unsupported value: "Never"' in text
    assert get(cluster, core(namespace, "configmaps", "first-v000"))
    assert not get(cluster, apps(namespace, "deployments", "never"))


def test_values_of_secrets_stay_inside(run, cluster, namespace):
    secret = named("Secret", "key", stringData={"token": "planted-secret"})
    done = run(deploy(secret, namespaceOverride=namespace))
    assert done.status == 0, done.lines
    live = get(cluster, core(namespace, "secrets", "key-v000"))
    assert live["data"] == {"token": "cGxhbnRlZC1zZWNyZXQ="}
    assert "planted" not in "".join(done.lines)
    assert not {"data", "stringData"} & set(done.stage("Deploy")["outputs"]["outputs.manifests"][0])

    # The second is for the server to see.
    for wrong, text in (({"stringData": {"number": 90125}}, "manifests[0].stringData.number: "),
                        ({"data": {"number": "planted 90125"}}, "manifests[0] (secret key): ")):
        done = run(deploy({**secret, **wrong}, namespaceOverride=namespace))
        assert done.status == 1
        assert text in done.errors("Deploy")[0]
        told = "".join(done.lines + done.errors("Deploy"))
        assert "90125" not in told and "planted" not in told


@pytest.mark.parametrize("manifests, text", [
    ([named("ConfigMap", "a", data={}), {"apiVersion": "v1", "metadata": {"name": "b"}}],
     "manifests[1].kind: is required"),
    ([named("ConfigMap", "a", data={}), named("Thing", "b", "nowhere.example.com/v1")],
     "nowhere.example.com/v1"),
    ([named("ConfigMap", "a", data={}),
      named("Deployment", "b", "apps/v1", {"traffic.spinnaker.io/load-balancers": '["service web"]'})],
     "Load balancer service web does not exist"),
])
def test_what_cannot_work_changes_nothing(run, cluster, namespace, manifests, text):
    done = run(deploy(*manifests, namespaceOverride=namespace))
    assert done.status == 1
    assert text in done.errors("Deploy")[0]
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt"]


@pytest.mark.parametrize("fields, text", [
    ({"source": "artifact", "manifestArtifactId": "x"}, "source: "),
    ({"trafficManagement": {"enabled": True, "options": {"strategy": "canary"}}}, "options.strategy: "),
    ({"requiredArtifactIds": ["x"]}, "requiredArtifactIds: "),
    ({"account": "", "credentials": ""}, "account: is required"),
])
def test_what_is_not_built_is_refused(run, cluster, namespace, fields, text):
    done = run({**deploy(named("ConfigMap", "a", data={}), namespaceOverride=namespace), **fields})
    assert done.status != 0
    told = "".join(done.lines) + json.dumps(done.execution)
    assert text in told, told
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt"]


def test_an_account_that_is_not_set_up(run):
    done = run(deploy(named("ConfigMap", "a", data={}), account="nudge"))
    assert done.status != 0
    told = "".join(done.lines)
    assert 'no Kubernetes account "nudge"' in told and "--account nudge=CONTEXT" in told


def test_an_account_bound_to_a_context(run, cluster, namespace):
    done = run(deploy(named("ConfigMap", "a", data={}), account="nudge", namespaceOverride=namespace),
               arguments=["--account", "nudge=control-plane"])
    assert done.status == 0, done.lines
    assert get(cluster, core(namespace, "configmaps", "a-v000"))


def test_an_account_without_rights(run, cluster, namespace):
    done = run(deploy(named("Service", "a", spec={"ports": [{"port": 80}]}), namespaceOverride=namespace),
               kubeconfig=cluster.kubeconfig_token(cluster.powerless_token))
    assert done.status == 1
    assert "forbidden" in done.errors("Deploy")[0]


def test_strategies_of_annotations(run, cluster, namespace):
    def uid_after(value, **note):
        notes = {"strategy.spinnaker.io/versioned": "false",
                 **{"strategy.spinnaker.io/" + key.replace("_", "-"): text for key, text in note.items()}}
        done = run(deploy(named("ConfigMap", "a", annotations=notes, data={value: value}),
                          namespaceOverride=namespace))
        assert done.status == 0, done.lines
        live = get(cluster, core(namespace, "configmaps", "a"))
        assert live["data"] == {value: value}
        return live["metadata"]["uid"]

    first = uid_after("1")
    assert uid_after("2", replace="true") == first
    second = uid_after("3", recreate="true")
    assert second != first
    assert uid_after("4") == second


def test_applying_without_force_leaves_fields_to_others(run, cluster, namespace):
    cluster.kubectl("-n", namespace, "apply", "--server-side", "--field-manager", "someone", "-f", "-",
                    input=json.dumps(named("ConfigMap", "a", data={"owner": "someone"})))
    notes = {"strategy.spinnaker.io/versioned": "false", "strategy.spinnaker.io/server-side-apply": "true"}
    stage = deploy(named("ConfigMap", "a", annotations=notes, data={"owner": "us"}),
                   namespaceOverride=namespace)
    done = run(stage)
    assert done.status == 1
    assert "someone" in done.errors("Deploy")[0] and "owner" in done.errors("Deploy")[0]
    notes["strategy.spinnaker.io/server-side-apply"] = "force-conflicts"
    assert run(stage).status == 0
    assert get(cluster, core(namespace, "configmaps", "a"))["data"] == {"owner": "us"}


def test_replicas_of_the_live_object_are_kept(run, cluster, namespace):
    stage = deploy(deployment(replicas=1), namespaceOverride=namespace)
    assert run(stage).status == 0
    cluster.kubectl("-n", namespace, "scale", "deployment/web", "--replicas=3")
    stage["manifests"][0]["metadata"]["annotations"] = {"strategy.spinnaker.io/use-source-capacity": "true"}
    assert run(stage).status == 0
    assert get(cluster, apps(namespace, "deployments", "web"))["spec"]["replicas"] == 3


def test_a_generated_name(run, cluster, namespace):
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "migrate-"},
           "spec": {"template": deployment()["spec"]["template"]}}
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    names = set()
    for _ in range(2):
        done = run(deploy(job, namespaceOverride=namespace))
        assert done.status == 0, done.lines
        names.update(done.stage("Deploy")["outputs"]["outputs.manifestNamesByNamespace"][namespace])
    assert len(names) == 2 and all(name.startswith("job migrate-") for name in names)


def test_only_what_the_labels_select(run, cluster, namespace):
    chosen, other = named("ConfigMap", "a", data={}), named("ConfigMap", "b", data={})
    chosen["metadata"]["labels"] = {"tier": "web"}

    def labels(value):
        return {"selectors": [{"key": "tier", "kind": "EQUALS", "values": [value]}]}

    assert run(deploy(chosen, other, namespaceOverride=namespace, labelSelectors=labels("web"))).status == 0
    assert names_of(cluster, namespace, "configmaps") == ["a-v000", "kube-root-ca.crt"]
    done = run(deploy(chosen, other, namespaceOverride=namespace, labelSelectors=labels("db")))
    assert "nothing deployed to account default with label selector(s) tier = db" in done.errors("Deploy")[0]
    assert run(deploy(chosen, namespaceOverride=namespace, labelSelectors=labels("db"),
                      allowNothingSelected=True)).status == 0


def test_a_definition_of_an_earlier_stage(run, cluster, namespace):
    group = namespace + ".example.com"
    done = run(deploy(definition(group), name="Define"),
               deploy(named("Crontab", "tab", group + "/v1"), name="Use", after=["Define"],
                      namespaceOverride=namespace))
    assert done.status == 0, done.lines
    assert get(cluster, f"/apis/{group}/v1/namespaces/{namespace}/crontabs/tab")


def test_killed_while_it_waits_and_started_again(run, cluster, namespace):
    command = run.command([deploy(deployment(ready_after="4s"), namespaceOverride=namespace)],
                          "--data-dir", str(run.directory / "data"))
    first = subprocess.Popen(command, text=True, env=run.environment, cwd=run.directory,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = threading.Timer(PATIENCE, first.kill)
    deadline.start()
    for line in first.stderr:
        if "replicas available" in line:
            break
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    first.stderr.close()
    deadline.cancel()
    generation = get(cluster, apps(namespace, "deployments", "web"))["metadata"]["generation"]
    second = Run(subprocess.run(command, text=True, env=run.environment, cwd=run.directory,
                                timeout=PATIENCE, stdin=subprocess.DEVNULL, capture_output=True))
    assert second.status == 0, second.lines
    web = get(cluster, apps(namespace, "deployments", "web"))
    assert web["status"]["availableReplicas"] == 2 and web["metadata"]["generation"] == generation


# Deleting


def test_an_object_is_deleted_with_what_it_manages(run, cluster, namespace):
    assert run(deploy(deployment(), namespaceOverride=namespace)).status == 0
    done = run(delete("deployment web", namespace))
    assert done.status == 0, done.lines
    assert not get(cluster, apps(namespace, "deployments", "web"))
    wait_for("no Pods", lambda: not names_of(cluster, namespace, "pods"), 20)
    stage = done.stage("Delete")
    assert stage["outputs"]["outputs.manifestNamesByNamespace"] == {namespace: ["deployment web"]}
    assert stage["context"]["manifest.name"] == "deployment web"
    assert stage["context"]["manifest.location"] == namespace
    assert any(cluster.server in line and "deleting deployment web" in line for line in done.lines)


def test_what_is_not_there_is_deleted(run, namespace):
    done = run(delete("deployment none", namespace))
    assert done.status == 0, done.lines


@pytest.mark.parametrize("options, kept", [
    ({"cascading": False}, True), ({"orphanDependents": "true", "cascading": "true"}, True),
    ({"cascading": "true"}, False), ({"cascading": "foreground"}, False),
    ({"orphanDependents": False}, False),
])
def test_dependents_go_or_stay(run, cluster, namespace, options, kept):
    assert run(deploy(deployment(), namespaceOverride=namespace)).status == 0
    assert run(delete("deployment web", namespace, options=options)).status == 0
    if kept:
        assert len(names_of(cluster, namespace, "pods")) == 2
    else:
        wait_for("no Pods", lambda: not names_of(cluster, namespace, "pods"), 20)


def test_deleting_waits_for_finalizers(run, cluster, namespace):
    held = named("ConfigMap", "held", data={})
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(held))
    process = subprocess.Popen(run.command([delete("configMap held", namespace)]), text=True,
                               env=run.environment, cwd=run.directory, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = threading.Timer(PATIENCE, process.kill)
    deadline.start()
    for line in process.stderr:
        if "waiting until it is gone (finalizers: example.com/hold)" in line:
            break
    assert process.poll() is None
    cluster.kubectl("-n", namespace, "patch", "configmap", "held", "--type=merge", "-p",
                    '{"metadata":{"finalizers":null}}')
    process.communicate(timeout=PATIENCE)
    deadline.cancel()
    assert process.returncode == 0
    assert not get(cluster, core(namespace, "configmaps", "held"))


@pytest.mark.parametrize("fields, text", [
    ({"manifestName": "web"}, "manifestName: "),
    ({"options": {"cascading": "perhaps"}}, "options.cascading: "),
])
def test_a_delete_that_is_refused(run, cluster, namespace, fields, text):
    cluster.kubectl("-n", namespace, "create", "configmap", "kept")
    done = run({**delete("configMap kept", namespace), **fields})
    assert done.status != 0
    told = "".join(done.lines) + json.dumps(done.execution)
    assert text in told, told
    assert get(cluster, core(namespace, "configmaps", "kept"))
