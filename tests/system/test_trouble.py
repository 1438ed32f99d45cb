"""Clusters as they are: other people's objects, rules and rights, and servers that go away. On a real control plane."""

import base64
import json
import socket
import subprocess
import threading

import pytest

import control_plane
from control_plane import wait_for
from test_deploy import (PATIENCE, Run, Runner, apps, core, delete, deploy, deployment, get, named, names_of)
from test_manifests import bad, good, stage

UNVERSIONED = {"strategy.spinnaker.io/versioned": "false"}


@pytest.fixture
def run(cluster, tmp_path):
    return Runner(cluster, tmp_path)


def settings(name="settings", annotations=None, **data):
    return named("ConfigMap", name, annotations={**UNVERSIONED, **(annotations or {})}, data=data)


def data_of(cluster, namespace, name="settings"):
    return get(cluster, core(namespace, "configmaps", name))["data"]


def apply_by_kubectl(cluster, namespace, *objects, arguments=()):
    cluster.kubectl("-n", namespace, "apply", *arguments, "-f", "-",
                    input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


class Watched:
    """A `gennaker run` that is looked at while it runs."""

    def __init__(self, runner, *stages, arguments=(), kubeconfig=None):
        self.process = subprocess.Popen(runner.command(stages, *arguments, kubeconfig=kubeconfig), text=True,
                                        env=runner.environment, cwd=runner.directory, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.deadline = threading.Timer(PATIENCE, self.process.kill)
        self.deadline.start()
        self.lines = []

    def until(self, text):
        for line in self.process.stderr:
            self.lines.append(line)
            if text in line:
                return self
        pytest.fail(f"{text!r} was not said: {self.lines}")

    def end(self):
        output, errors = self.process.communicate()
        self.deadline.cancel()
        return Run(subprocess.CompletedProcess([], self.process.returncode, output, "".join(self.lines) + errors))


# What kubectl has applied


@pytest.mark.parametrize("count", [1, 3, 12])  # read one by one, by one list, and sent several at a time
def test_taking_over_from_client_side_apply(run, cluster, namespace, count):
    names = [f"settings-{i}" for i in range(count)]
    apply_by_kubectl(cluster, namespace, *[settings(name, kept="1", dropped="1") for name in names])
    good(run(deploy(*[settings(name, kept="2") for name in names], namespaceOverride=namespace)))
    for name in names:
        live = get(cluster, core(namespace, "configmaps", name))
        assert live["data"] == {"kept": "2"}
        managers = {(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]}
        assert ("kubectl-client-side-apply", "Update") not in managers


def test_taking_over_a_workload_from_client_side_apply(run, cluster, namespace):
    old = deployment(replicas=1)
    old["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "example.test/side:1"})
    old["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "OLD", "value": "1"}]
    apply_by_kubectl(cluster, namespace, old)
    good(run(deploy(deployment(replicas=1), namespaceOverride=namespace)))
    containers = get(cluster, apps(namespace, "deployments", "web"))["spec"]["template"]["spec"]["containers"]
    assert [(container["name"], container.get("env")) for container in containers] == [("main", None)]


def test_kubectl_goes_on_after_us(run, cluster, namespace):
    good(run(deploy(settings(a="1", b="1"), namespaceOverride=namespace)))
    cluster.kubectl("-n", namespace, "apply", "--server-side", "--force-conflicts", "-f", "-",
                    input=json.dumps(settings(a="2", c="2")))
    assert data_of(cluster, namespace) == {"a": "2", "b": "1", "c": "2"}
    good(run(deploy(settings(a="3"), namespaceOverride=namespace)))
    assert data_of(cluster, namespace) == {"a": "3", "c": "2"}


def test_what_others_own_stays(run, cluster, namespace):
    good(run(deploy(settings(a="1"), namespaceOverride=namespace)))
    cluster.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"other":"1"}}')
    good(run(deploy(settings(a="2"), namespaceOverride=namespace)))
    assert data_of(cluster, namespace) == {"a": "2", "other": "1"}


def test_a_conflict_with_another_manager_names_both(run, cluster, namespace):
    apply_by_kubectl(cluster, namespace, deployment(replicas=1), arguments=["--server-side", "--field-manager", "autoscaler"])
    web = deployment(replicas=3)
    web["metadata"]["annotations"] = {"strategy.spinnaker.io/server-side-apply": "true"}
    text = bad(run(deploy(web, namespaceOverride=namespace)), "Deploy")
    assert "autoscaler" in text and ".spec.replicas" in text and "deployment web" in text
    assert get(cluster, apps(namespace, "deployments", "web"))["spec"]["replicas"] == 1


# Finalizers


def test_a_finalizer_that_never_ends(run, cluster, namespace):
    held = settings(a="1")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    apply_by_kubectl(cluster, namespace, held)
    text = bad(run(delete("configMap settings", namespace, stageTimeoutMs=2500)), "Delete")
    assert "configMap settings" in text and "example.com/hold" in text, text
    cluster.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


def test_recreating_waits_for_finalizers(run, cluster, namespace):
    held = settings(a="1")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    apply_by_kubectl(cluster, namespace, held)
    watched = Watched(run, deploy(settings(annotations={"strategy.spinnaker.io/recreate": "true"}, a="2"),
                                  namespaceOverride=namespace)).until("waiting until")
    assert data_of(cluster, namespace) == {"a": "1"}
    cluster.kubectl("-n", namespace, "patch", "configmap", "settings", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    good(watched.end())
    assert data_of(cluster, namespace) == {"a": "2"}


# What the cluster refuses


def test_a_quota(run, cluster, namespace):
    apply_by_kubectl(cluster, namespace, named("ResourceQuota", "few", spec={"hard": {"count/configmaps": "3"}}))
    wait_for("the quota's count", lambda: "used" in get(cluster, core(namespace, "resourcequotas", "few")).get("status", {}), 20)
    text = bad(run(deploy(*[settings(f"settings-{i}", a="1") for i in range(5)], namespaceOverride=namespace)), "Deploy")
    assert "exceeded quota: few" in text and "configMap settings-" in text, text


def test_a_quota_that_only_the_pods_meet(run, cluster, namespace):
    apply_by_kubectl(cluster, namespace, named("ResourceQuota", "few", spec={"hard": {"pods": "1"}}))
    done = run(deploy(deployment(replicas=2, deadline=3), namespaceOverride=namespace))
    assert "Deployment exceeded its progress deadline" in bad(done, "Deploy")


def test_pod_security(run, cluster, namespace):
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    pod = named("Pod", "one", annotations=UNVERSIONED, spec={"containers": [{"name": "main", "image": "example.test/a:1"}]})
    text = bad(run(deploy(pod, namespaceOverride=namespace)), "Deploy")
    assert "violates PodSecurity" in text and "pod one" in text


def test_an_admission_policy(run, cluster, namespace):
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
              "spec": {"failurePolicy": "Fail",
                       "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
                                                               "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]},
                       "validations": [{"expression": "object.spec.replicas <= 2", "message": "too many replicas for us"}]}}
    binding = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
               "metadata": {"name": namespace},
               "spec": {"policyName": namespace, "validationActions": ["Deny"], "matchResources": {
                   "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}}}
    apply_by_kubectl(cluster, namespace, policy, binding)

    def refused():
        text = cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All", deployment("probe", 3))
        return text.status == 422
    wait_for("the policy to count", refused, 30)
    text = bad(run(deploy(deployment(replicas=3), namespaceOverride=namespace)), "Deploy")
    assert "too many replicas for us" in text and "deployment web" in text
    good(run(deploy(deployment(replicas=1), namespaceOverride=namespace)))
    cluster.kubectl("delete", "validatingadmissionpolicybinding/" + namespace, "validatingadmissionpolicy/" + namespace)


def test_a_namespace_that_is_not_there(run, cluster):
    text = bad(run(deploy(settings(a="1"), namespaceOverride="nowhere-to-be-found")), "Deploy")
    assert 'namespaces "nowhere-to-be-found" not found' in text


# Rights


def service_account(cluster, namespace, name, *rules):
    """Its token."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name},
            "rules": [{"apiGroups": groups, "resources": resources, "verbs": verbs} for groups, resources, verbs in rules]}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
               "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}
    apply_by_kubectl(cluster, namespace, named("ServiceAccount", name), role, binding)
    return token_of(cluster, namespace, name)


def token_of(cluster, namespace, name, **spec):
    answer = cluster.request("POST", core(namespace, "serviceaccounts", name) + "/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
    assert answer.status == 201, answer
    return answer.body["status"]["token"]


WRITE = ["get", "create", "patch", "delete"]


def test_rights_without_listing_and_watching(run, cluster, namespace):
    token = service_account(cluster, namespace, "deployer", (["", "apps"], ["configmaps", "deployments"], WRITE))
    kubeconfig = cluster.kubeconfig_token(token)
    objects = [settings("a", x="1"), settings("b", x="1"), deployment(replicas=1, ready_after="1s")]
    good(run(deploy(*objects, namespaceOverride=namespace), kubeconfig=kubeconfig))
    assert get(cluster, apps(namespace, "deployments", "web"))["status"]["availableReplicas"] == 1
    good(run(delete("deployment web", namespace), kubeconfig=kubeconfig))


def test_versions_without_the_right_to_list(run, cluster, namespace):
    token = service_account(cluster, namespace, "deployer", ([""], ["configmaps"], WRITE))
    done = run(deploy(named("ConfigMap", "settings", data={"a": "1"}), namespaceOverride=namespace),
               kubeconfig=cluster.kubeconfig_token(token))
    text = bad(done, "Deploy")
    assert "cannot list resource" in text and "configMap settings" in text
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt"]


def test_rights_to_read_only(run, cluster, namespace):
    token = service_account(cluster, namespace, "reader", ([""], ["configmaps"], ["get", "list", "watch"]))
    text = bad(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=cluster.kubeconfig_token(token)), "Deploy")
    assert "cannot patch resource" in text and "configMap settings" in text


# Credentials


def test_a_token_that_is_no_more(run, cluster, namespace):
    token = service_account(cluster, namespace, "gone", ([""], ["configmaps"], WRITE))
    kubeconfig = cluster.kubeconfig_token(token)
    good(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=kubeconfig))
    cluster.kubectl("-n", namespace, "delete", "serviceaccount", "gone")
    wait_for("the server to forget the token", lambda: cluster.request("GET", "/api", token=token).status == 401, 30)
    text = bad(run(deploy(settings(a="2"), namespaceOverride=namespace), kubeconfig=kubeconfig), "Deploy")
    assert "refuses the credential" in text and "account" in text and token not in text
    assert data_of(cluster, namespace) == {"a": "1"}


def test_a_plugin_gives_a_new_token_when_the_old_one_has_expired(run, cluster, namespace, tmp_path):
    plugin = tmp_path / "plugin"
    good_token = token_of(cluster, namespace, "default")
    service_account(cluster, namespace, "default", ([""], ["configmaps"], WRITE))
    plugin.write_text(f"""#!/bin/sh
echo called >> {tmp_path}/calls
token=expired
[ $(wc -l < {tmp_path}/calls) -gt 1 ] && token={good_token}
echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"'$token'"}}}}'
""")
    plugin.chmod(0o700)
    kubeconfig = tmp_path / "config"
    ca = base64.b64encode(cluster.ca_file.read_bytes()).decode()
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": cluster.server, "certificate-authority-data": ca}}],
        "users": [{"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin),
                                                  "interactiveMode": "Never"}}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
    done = good(run(deploy(settings(a="1"), namespaceOverride=namespace), kubeconfig=kubeconfig))
    assert (tmp_path / "calls").read_text() == "called\ncalled\n"
    assert good_token not in "".join(done.lines) + json.dumps(done.execution)


# Servers that go away


def test_the_api_server_restarts_during_a_rollout(run, cluster, namespace):
    watched = Watched(run, deploy(deployment(ready_after="6s"), namespaceOverride=namespace)).until("replicas available")
    cluster.restart_apiserver()  # connections and watches break, and resource versions are too old (410)
    done = good(watched.end())
    assert done.stage("Deploy")["context"]["stableManifests"] == [{"manifestName": "deployment web", "location": namespace}]
    assert get(cluster, apps(namespace, "deployments", "web"))["status"]["availableReplicas"] == 2


def test_the_api_server_is_away_while_a_stage_sends(run, cluster, namespace):
    good(run(deploy(settings(a="1"), namespaceOverride=namespace)))
    cluster.stop_apiserver()
    try:
        watched = Watched(run, deploy(settings(a="2"), namespaceOverride=namespace))
        watched.until("deploy")
    finally:
        cluster.start_apiserver()
    good(watched.end())
    assert data_of(cluster, namespace) == {"a": "2"}


class Wire:
    """A port in front of the API server whose connections can be cut."""

    def __init__(self, port):
        self.port, self.pairs, self.lock = port, [], threading.Lock()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        self.thread.join()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            with self.lock:
                self.pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    def copy(self, one, other):
        try:
            for data in iter(lambda: one.recv(65536), b""):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        with self.lock:
            for end in self.pairs:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.pairs.clear()


def test_a_watch_whose_version_is_gone_lists_again(_control_plane_binary, tmp_path):
    """Storage that was compacted, and no cache in front of it: the version that the watch has seen gets 410 when it asks anew."""
    with control_plane.ControlPlane(audit=True, flags=["--watch-cache-sizes", "deployments.apps#0"]) as cluster, \
            Wire(int(cluster.server.rsplit(":", 1)[1])) as wire:
        namespace = cluster.new_namespace()
        kubeconfig = tmp_path / "kube.config"
        kubeconfig.write_text(cluster.kubeconfig.read_text().replace(cluster.server, "https://" + wire.address))
        watched = Watched(Runner(cluster, tmp_path), deploy(deployment(ready_after="10s"), namespaceOverride=namespace),
                          kubeconfig=kubeconfig).until("replicas available")
        old = get(cluster, apps(namespace, "deployments", "web"))["metadata"]["resourceVersion"]
        assert cluster.request("POST", core(namespace, "configmaps"), named("ConfigMap", "newer")).status == 201
        cluster.compact()
        watch = f"/apis/apps/v1/namespaces/{namespace}/deployments?watch=1&timeoutSeconds=2&resourceVersion={old}"
        answer = cluster.request("GET", watch)
        assert answer.status == 410 or '"code":410' in json.dumps(answer.body, separators=(",", ":")), answer
        wire.cut()
        done = good(watched.end())
        assert done.stage("Deploy")["context"]["stableManifests"] == [{"manifestName": "deployment web", "location": namespace}]
        asked = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
        ours = [entry["verb"] for entry in asked if "gennaker" in entry.get("userAgent", "") and
                entry.get("objectRef", {}).get("resource") == "deployments" and entry["verb"] in ("list", "watch")]
        assert ours.count("list") == 2 and ours.count("watch") >= 3, ours  # the one that was cut, the refused one, the new one


# Two accounts


def test_two_accounts_on_one_cluster(run, cluster, namespace):
    accounts = ["--account", "east=control-plane", "--account", "west=control-plane"]
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    done = good(run(
        deploy(named("ConfigMap", "settings", data={"a": "1"}), name="East", account="east", namespaceOverride=namespace),
        deploy(deployment("web-east", replicas=0, volumes=[volume]), name="Same", account="east", after=["East"],
               namespaceOverride=namespace),
        deploy(deployment("web-west", replicas=0, volumes=[volume]), name="West", account="west", after=["East"],
               namespaceOverride=namespace), arguments=accounts))

    def volume_of(name):
        return get(cluster, apps(namespace, "deployments", name))["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]

    # An object of one account is not bound in another, though it is the same cluster.
    assert (volume_of("web-east"), volume_of("web-west")) == ("settings-v000", "settings")
    assert done.stage("West")["context"]["deploy.account.name"] == "west"


def test_accounts_keep_to_their_namespaces(run, cluster, namespace):
    other = cluster.new_namespace()
    (run.directory / "gennaker.yml").write_text(json.dumps({"kubernetes": {"accounts": [
        {"name": "only", "kubeconfigFile": str(cluster.kubeconfig), "namespaces": [namespace]},
        {"name": "not", "kubeconfigFile": str(cluster.kubeconfig), "omitNamespaces": [namespace]}]}}))
    config = ["--config", str(run.directory / "gennaker.yml")]
    for account, here, there in (("only", namespace, other), ("not", other, namespace)):
        good(run(deploy(settings(a="1"), account=account, namespaceOverride=here), arguments=config))
        text = bad(run(deploy(settings(a="1"), account=account, namespaceOverride=there), arguments=config), "Deploy")
        assert there in text and account in text, text
        text = bad(run(delete("configMap settings", there, account=account), arguments=config), "Delete")
        assert there in text, text


# Custom resources


def crd(group, kind="Crontab", scope="Namespaced", **version):
    plural = kind.lower() + "s"
    return named("CustomResourceDefinition", f"{plural}.{group}", "apiextensions.k8s.io/v1", spec={
        "group": group, "scope": scope, "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
            "type": "object", "properties": {"spec": {"type": "object", "properties": {
                "schedule": {"type": "string"}, "replicas": {"type": "integer"},
                "hosts": {"type": "array", "items": {"type": "string"}}}}}}}, **version}]})


def custom(cluster, group, namespace, name, plural="crontabs"):
    where = f"/namespaces/{namespace}" if namespace else ""
    return get(cluster, f"/apis/{group}/v1{where}/{plural}/{name}")


def test_custom_resources(run, cluster, namespace):
    group = namespace + ".example.com"
    tab = named("Crontab", "tab", group + "/v1", spec={"schedule": "@daily", "hosts": ["a", "b"]})
    good(run(deploy(tab, crd(group), namespaceOverride=namespace)))
    assert custom(cluster, group, namespace, "tab")["spec"] == {"schedule": "@daily", "hosts": ["a", "b"]}

    done = good(run(deploy(named("Crontab", "tab", group + "/v1", spec={"hosts": ["c"]}), namespaceOverride=namespace)))
    assert custom(cluster, group, namespace, "tab")["spec"] == {"hosts": ["c"]}
    assert done.stage("Deploy")["outputs"]["artifacts"][0]["type"] == f"kubernetes/Crontab.{group}"

    wrong = named("Crontab", "tab", group + "/v1", spec={"schedule": 5})
    text = bad(run(deploy(wrong, namespaceOverride=namespace)), "Deploy")
    assert "spec.schedule" in text, text

    good(run(stage("patchManifest", f"Crontab.{group} tab", namespace, patchBody={"spec": {"schedule": "@weekly"}},
                   options={"mergeStrategy": "merge"})))
    assert custom(cluster, group, namespace, "tab")["spec"] == {"hosts": ["c"], "schedule": "@weekly"}
    # Strategic merge patches are for built-in kinds: the server says so.
    done = run(stage("patchManifest", f"Crontab.{group} tab", namespace, patchBody={"spec": {"schedule": "@never"}}))
    assert "strategic" in bad(done, "patchManifest") or "media type" in bad(done, "patchManifest")

    good(run(delete(f"Crontab.{group} tab", namespace)))
    assert not custom(cluster, group, namespace, "tab")


def test_custom_resources_without_a_namespace(run, cluster, namespace):
    group = namespace + ".example.com"
    good(run(deploy(crd(group, "Region", "Cluster"), named("Region", "north", group + "/v1"), namespaceOverride=namespace)))
    assert custom(cluster, group, None, "north", "regions")
    good(run(delete(f"Region.{group} north", "")))
    assert not custom(cluster, group, None, "north", "regions")


def test_a_custom_kind_with_the_name_of_a_built_in_one(run, cluster, namespace):
    group = namespace + ".example.com"
    good(run(deploy(crd(group, "Service"), name="Define")))
    done = good(run(deploy(named("Service", "web", group + "/v1", spec={"replicas": 1}),
                           named("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
                           namespaceOverride=namespace)))
    names = done.stage("Deploy")["outputs"]["outputs.manifestNamesByNamespace"][namespace]
    assert names == ["service web", f"Service.{group} web"]
    good(run(delete("service web", namespace)))
    assert custom(cluster, group, namespace, "web", "services") and not get(cluster, core(namespace, "services", "web"))
