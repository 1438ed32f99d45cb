"""The stages on an older Kubernetes, where it has been built (control-plane/build.sh 1.30): discovery, apply, watches, Jobs."""

import pytest

import control_plane
from test_deploy import Runner, apps, core, definition, delete, deploy, deployment, get, named, names_of
from test_manifests import good, job, replica_set, run_job, stage
from test_trouble import apply_by_kubectl, custom, settings

OLDER = [version for version in control_plane.VERSIONS if version != control_plane.chosen_version()]


@pytest.fixture(scope="module", params=OLDER)
def cluster(request, _control_plane_binary):
    if not control_plane.is_built(request.param):
        pytest.skip(f"Kubernetes {request.param} has not been built here (control-plane/build.sh {request.param})")
    with control_plane.ControlPlane(request.param) as running:
        assert running.request("GET", "/version").body["minor"] == request.param.split(".")[1]
        yield running


@pytest.fixture
def namespace(cluster):
    return cluster.new_namespace()


@pytest.fixture
def run(cluster, tmp_path):
    return Runner(cluster, tmp_path)


def test_a_workload_and_a_custom_resource(run, cluster, namespace):
    group = namespace + ".example.com"
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    good(run(deploy(named("Crontab", "tab", group + "/v1", spec={"schedule": "@daily"}), deployment(volumes=[volume]),
                    named("ConfigMap", "settings", data={"a": "1"}), definition(group), namespaceOverride=namespace)))
    web = get(cluster, apps(namespace, "deployments", "web"))
    assert web["status"]["availableReplicas"] == 2
    assert web["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == "settings-v000"
    assert custom(cluster, group, namespace, "tab")
    good(run(delete("deployment web", namespace)))
    assert not get(cluster, apps(namespace, "deployments", "web"))


def test_versions(run, cluster, namespace):
    for value in "121":
        good(run(deploy(named("ConfigMap", "settings", data={"a": value}), namespaceOverride=namespace)))
    assert names_of(cluster, namespace, "configmaps") == ["kube-root-ca.crt", "settings-v000", "settings-v001"]


@pytest.mark.parametrize("count", [1, 12])
def test_taking_over_from_client_side_apply(run, cluster, namespace, count):
    names = [f"settings-{i}" for i in range(count)]
    apply_by_kubectl(cluster, namespace, *[settings(name, kept="1", dropped="1") for name in names])
    good(run(deploy(*[settings(name, kept="2") for name in names], namespaceOverride=namespace)))
    assert [get(cluster, core(namespace, "configmaps", name))["data"] for name in names] == [{"kept": "2"}] * count


def test_scaling_restarting_undoing(run, cluster, namespace):
    for replicas in (1, 2):
        web = deployment(replicas=replicas)
        web["spec"]["template"]["spec"]["containers"][0]["image"] = f"example.test/web:{replicas}"
        good(run(deploy(web, namespaceOverride=namespace)))
    good(run(stage("scaleManifest", "deployment web", namespace, replicas=3),
             stage("rollingRestartManifest", "deployment web", namespace, after=["scaleManifest"])))
    good(run(stage("undoRolloutManifest", "deployment web", namespace, numRevisionsBack=2)))
    web = get(cluster, apps(namespace, "deployments", "web"))
    assert (web["spec"]["replicas"], web["spec"]["template"]["spec"]["containers"][0]["image"]) == (3, "example.test/web:1")


def test_a_strategy(run, cluster, namespace):
    service = named("Service", "web", spec={"selector": {"lb": "web"}, "ports": [{"port": 80}]})
    traffic = {"enabled": True, "options": {"services": ["service web"], "enableTraffic": True, "strategy": "highlander"}}
    good(run(deploy(service, namespaceOverride=namespace)))
    for value in "12":
        good(run(deploy(replica_set(value=value), namespaceOverride=namespace, trafficManagement=traffic)))
    items = get(cluster, f"/apis/apps/v1/namespaces/{namespace}/replicasets")["items"]
    assert [item["metadata"]["name"] for item in items] == ["web-v001"]


def test_jobs(run, cluster, namespace):
    done = good(run(run_job(job(run_for="1s"), namespace)))
    assert done.stage("Job")["context"]["jobStatus"]["jobState"] == "Succeeded"
    assert run(run_job(job("bad", exit_code="3"), namespace)).status == 1
