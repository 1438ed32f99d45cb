"""What deploying costs the API server: its audit log counts the requests."""

from test_deploy import deploy, deployment, named, run  # noqa: F401 (run is a fixture)


def requests(cluster, namespace):
    """Those of gennaker, without the looks for warnings about what takes longer than five seconds."""
    found = dict(cluster.requests(namespace)["gennaker"])
    found.pop("list events", None)
    return found


def test_deployments_cost_one_apply_each_a_list_of_metadata_and_one_watch(run, cluster, namespace):  # noqa: F811
    count = 40
    done = run(deploy(*[deployment(f"web-{i}", replicas=1, ready_after="1s") for i in range(count)],
                      namespaceOverride=namespace))
    assert done.status == 0, done.lines
    # The watch lists first; what is applied is looked for among those that are there by the list of metadata.
    assert requests(cluster, namespace) == {
        "patch deployments": count, "list deployments": 2, "watch deployments": 1}


def test_one_deployment_costs_its_apply_one_look_before_and_one_watch(run, cluster, namespace):  # noqa: F811
    done = run(deploy(deployment(ready_after="1s"), namespaceOverride=namespace))
    assert done.status == 0, done.lines
    assert requests(cluster, namespace) == {
        "get deployments": 1, "patch deployments": 1, "list deployments": 1, "watch deployments": 1}


def test_stages_that_wait_at_once_share_the_watch(run, cluster, namespace):  # noqa: F811
    stages = [deploy(deployment(f"web-{i}", replicas=1, ready_after="3s"), name=f"Deploy {i}", namespaceOverride=namespace)
              for i in range(6)]
    done = run(*stages)
    assert done.status == 0, done.lines
    assert requests(cluster, namespace) == {
        "get deployments": 6, "patch deployments": 6, "list deployments": 1, "watch deployments": 1}


def test_what_does_not_settle_is_not_watched(run, cluster, namespace):  # noqa: F811
    manifests = [named("ConfigMap", f"settings-{i}", data={"a": "b"}) for i in range(20)]
    for _ in range(2):
        done = run(deploy(*manifests, versioned=False, namespaceOverride=namespace))
        assert done.status == 0, done.lines
    assert requests(cluster, namespace) == {"patch configmaps": 40, "list configmaps": 2}


def test_cleaning_up_reads_a_kind_once(run, cluster, namespace):  # noqa: F811
    manifests = [named("ConfigMap", f"settings-{i}", data={"a": "b"}) for i in range(5)]
    for manifest in manifests:
        manifest["metadata"]["annotations"] = {"strategy.spinnaker.io/max-version-history": "2"}
    done = run(deploy(*manifests, namespaceOverride=namespace))
    assert done.status == 0, done.lines
    assert requests(cluster, namespace) == {"patch configmaps": 5, "list configmaps": 2}  # for the versions, and what is too many
