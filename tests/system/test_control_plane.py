"""The control plane itself: does what the other system tests rely on happen here?"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import control_plane
from control_plane import KubectlError, wait_for

ANNOTATION = "gennaker.test/"


def pod_template(**annotations):
    return {
        "metadata": {
            "labels": {"app": "web"},
            "annotations": {ANNOTATION + name.replace("_", "-"): value
                            for name, value in annotations.items()}},
        "spec": {"containers": [{"name": "y", "image": "example.test/web:1"}]}}


def deployment(name, replicas=2, deadline=60, **annotations):
    return json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "progressDeadlineSeconds": deadline,
                 "selector": {"matchLabels": {"app": "web"}},
                 "template": pod_template(**annotations)}})


def job(name, **annotations):
    template = pod_template(**annotations)
    template["spec"]["restartPolicy"] = "Never"
    return json.dumps({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": template}})


def pod(name, **annotations):
    template = pod_template(**annotations)
    template["metadata"]["name"] = name
    return json.dumps({"apiVersion": "v1", "kind": "Pod", **template})


def read(cluster, namespace, kind, name):
    return json.loads(cluster.kubectl("-n", namespace, "get", kind, name, "-o", "json"))


def condition(resource, kind):
    for found in resource.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return {"status": "absent"}


def test_version(cluster):
    version = cluster.request("GET", "/version").body
    minor = cluster.version.split(".")[1]
    assert version["gitVersion"].startswith(f"v1.{minor}.")
    assert (version["major"], version["minor"]) == ("1", minor)
    client = json.loads(cluster.kubectl("version", "--client", "-o", "json"))
    assert client["clientVersion"]["gitVersion"] == version["gitVersion"]


def test_node_is_ready(cluster):
    cluster.kubectl("wait", "--for=condition=Ready", "node/" + cluster.node, "--timeout=10s")


def test_namespace_is_ready_for_pods(cluster):
    first, second = cluster.new_namespace(), cluster.new_namespace("other")
    assert first != second and second.startswith("other-")
    cluster.kubectl("-n", second, "get", "serviceaccount", "default")
    cluster.kubectl("-n", second, "get", "configmap", "kube-root-ca.crt")


def test_deployment_rolls_out(cluster, namespace):
    cluster.kubectl("-n", namespace, "apply", "-f", "-", input=deployment("web", replicas=3))
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=30s")
    status = read(cluster, namespace, "deployment", "web")["status"]
    assert status["readyReplicas"] == status["availableReplicas"] == 3

    cluster.kubectl("-n", namespace, "expose", "deployment/web", "--port=80")
    wait_for("addresses of the Service", lambda: cluster.kubectl(
        "-n", namespace, "get", "endpointslices", "-l", "kubernetes.io/service-name=web",
        "-o", "jsonpath={.items[*].endpoints[*].addresses[0]}").count(".") == 9, 10)


def test_rollout_that_is_never_ready_passes_its_deadline(cluster, namespace):
    cluster.kubectl("-n", namespace, "apply", "-f", "-",
                    input=deployment("web", deadline=2, ready="never"))
    cluster.kubectl("-n", namespace, "wait", "deployment/web", "--timeout=30s",
                    "--for=jsonpath={.status.conditions[?(@.type=='Progressing')].reason}"
                    "=ProgressDeadlineExceeded")
    assert not read(cluster, namespace, "deployment", "web")["status"].get("readyReplicas")
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    assert {item["status"]["phase"] for item in pods} == {"Running"}


def test_pod_that_is_ready_late(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=pod("late", ready_after="1s"))
    cluster.kubectl("-n", namespace, "wait", "--for=jsonpath={.status.phase}=Running", "pod/late")
    assert condition(read(cluster, namespace, "pod", "late"), "Ready")["status"] == "False"
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/late", "--timeout=30s")


def test_pod_whose_image_cannot_be_pulled(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "-f", "-",
                    input=pod("stuck", waiting="ImagePullBackOff"))
    cluster.kubectl("-n", namespace, "wait", "pod/stuck", "--timeout=30s",
                    "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}"
                    "=ImagePullBackOff")
    assert read(cluster, namespace, "pod", "stuck")["status"]["phase"] == "Pending"
    assert "ImagePullBackOff" in cluster.kubectl("-n", namespace, "get", "pod", "stuck")


def test_pod_that_lingers_when_deleted(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=pod("quick"))
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=pod("lingers", linger="2s"))
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all")

    def deleting_takes(name):
        begun = time.monotonic()
        cluster.kubectl("-n", namespace, "delete", "pod", name, "--timeout=30s")
        return time.monotonic() - begun

    assert deleting_takes("quick") < 2 <= deleting_takes("lingers")


def test_job_completes(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=job("good", run_for="1s"))
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", "job/good", "--timeout=30s")
    assert read(cluster, namespace, "job", "good")["status"]["succeeded"] == 1


def test_job_fails(cluster, namespace):
    cluster.kubectl("-n", namespace, "create", "-f", "-", input=job("bad", exit_code="3"))
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Failed", "job/bad", "--timeout=30s")
    pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    ended = pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")


def test_stateful_and_daemon_set_roll_out(cluster, namespace):
    for kind, extra in (("StatefulSet", {"serviceName": "web", "replicas": 2}), ("DaemonSet", {})):
        cluster.kubectl("-n", namespace, "create", "-f", "-", input=json.dumps({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web-" + kind.lower()},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": pod_template(),
                     **extra}}))
        cluster.kubectl("-n", namespace, "rollout", "status", "--timeout=30s",
                        "%s/web-%s" % (kind.lower(), kind.lower()))


def test_custom_resource(cluster, namespace):
    group = namespace + ".gennaker.test"  # definitions have no namespace; the group is unique
    cluster.kubectl("create", "-f", "-", input=json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "sails." + group},
        "spec": {"group": group, "scope": "Namespaced", "names": {
                     "plural": "sails", "singular": "sail", "kind": "Sail", "listKind": "SailList"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                     "openAPIV3Schema": {"type": "object", "properties": {"spec": {
                         "type": "object", "properties": {"area": {"type": "integer"}}}}}}}]}}))
    cluster.kubectl("wait", "--for=condition=Established", "crd/sails." + group, "--timeout=30s")

    def sail(area):
        return json.dumps({"apiVersion": group + "/v1", "kind": "Sail",
                           "metadata": {"name": "jib"}, "spec": {"area": area}})

    cluster.kubectl("-n", namespace, "apply", "--server-side", "-f", "-", input=sail(40))
    assert read(cluster, namespace, "sails." + group, "jib")["spec"] == {"area": 40}
    with pytest.raises(KubectlError, match="expected numeric"):
        cluster.kubectl("-n", namespace, "apply", "--server-side", "-f", "-", input=sail("much"))


def test_server_side_apply_created_unchanged_and_conflict(cluster, namespace):
    url = "/api/v1/namespaces/%s/configmaps/sails?fieldManager=%s"
    apply = "application/apply-patch+yaml"

    def send(manager, value):
        return cluster.request("PATCH", url % (namespace, manager), content_type=apply, body={
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sails"},
            "data": {"jib": value}})

    assert [send("one", "40").status, send("one", "40").status] == [201, 200]
    answer = send("two", "50")
    assert answer.status == 409
    assert answer.body["details"]["causes"][0]["field"] == ".data.jib"


def test_credentials(cluster, namespace):
    path = "/api/v1/namespaces/%s/configmaps" % namespace
    assert cluster.request("GET", path).status == 200
    assert cluster.request("GET", path, token=cluster.admin_token).status == 200
    assert cluster.request("GET", path, token=cluster.powerless_token).status == 403
    assert cluster.request("GET", path, token="unknown").status == 401
    assert cluster.request("GET", path, token="").status == 403


def test_kubeconfig_with_a_token(cluster, namespace):
    arguments = ("-n", namespace, "get", "configmaps", "-o", "name")
    admin = cluster.kubeconfig_token(cluster.admin_token)
    powerless = cluster.kubeconfig_token(cluster.powerless_token)
    assert "configmap/kube-root-ca.crt" in cluster.kubectl(*arguments, kubeconfig=admin)
    with pytest.raises(KubectlError, match="forbidden") as failure:
        cluster.kubectl(*arguments, kubeconfig=powerless)
    assert failure.value.returncode == 1


def test_service_account_token(cluster, namespace):
    token = cluster.kubectl("-n", namespace, "create", "token", "default").strip()
    path = "/api/v1/namespaces/%s/configmaps" % namespace
    assert cluster.request("GET", path, token=token).status == 403
    cluster.kubectl("-n", namespace, "create", "rolebinding", "reader", "--clusterrole=view",
                    "--serviceaccount=%s:default" % namespace)
    wait_for("the right to list", lambda: cluster.request("GET", path, token=token).status == 200, 10)


def test_apiserver_restarts(cluster, namespace):
    url = cluster.server
    cluster.kubectl("-n", namespace, "create", "configmap", "kept")
    before = read(cluster, namespace, "configmap", "kept")["metadata"]["resourceVersion"]
    cluster.kubectl("-n", namespace, "create", "configmap", "more")
    cluster.stop_apiserver()
    with pytest.raises(ConnectionRefusedError):
        cluster.request("GET", "/readyz")
    cluster.start_apiserver()
    assert cluster.server == url
    cluster.kubectl("-n", namespace, "get", "configmap", "kept")
    watched = cluster.kubectl("get", "--raw", (
        "/api/v1/namespaces/%s/configmaps?watch=1&timeoutSeconds=5&resourceVersion=%s"
        % (namespace, before)))
    assert json.loads(watched.splitlines()[0])["object"]["code"] == 410
    # The controllers have come back too.
    cluster.kubectl("-n", namespace, "apply", "-f", "-", input=deployment("after"))
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/after", "--timeout=60s")


def test_private_home(cluster):
    assert cluster.environment["HOME"].startswith(str(cluster.directory))
    assert cluster.environment["KUBECONFIG"] == str(cluster.kubeconfig)
    assert cluster.directory.stat().st_mode & 0o077 == 0


def members(group):
    """Ids of the processes in a process group, without those that have ended."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(entry.name))
        except (OSError, IndexError):
            pass
    return found


def test_everything_ends_with_the_process_that_started_it(cluster):
    """Started by hand and then killed: no process stays behind."""
    program = subprocess.Popen([sys.executable, control_plane.__file__],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = program.stdout.readline()
        assert line.startswith("export KUBECONFIG=")
        children = pathlib.Path("/proc/%d/task/%d/children" % (program.pid, program.pid))
        group = os.getpgid(int(children.read_text().split()[0]))
        assert len(members(group)) == 5
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
    wait_for("no process in the group", lambda: not members(group), 10)
