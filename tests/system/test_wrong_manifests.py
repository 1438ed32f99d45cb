"""Manifests that are wrong: one clear message with document, object and field, and nothing is sent before it. On a real control plane."""

import json

import pytest

from test_deploy import Runner, deploy, deployment, named, names_of
from test_manifests import bad, good

FINE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fine", "annotations": {"strategy.spinnaker.io/versioned": "false"}}}
FINE_TEXT = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fine\n  annotations: {strategy.spinnaker.io/versioned: 'false'}\n"


@pytest.fixture(scope="module")
def place(cluster):
    return cluster.new_namespace()


@pytest.fixture
def run(cluster, tmp_path):
    return Runner(cluster, tmp_path)


def service(**port):
    return named("Service", "web", spec={"selector": {"app": "web"}, "ports": [port]})


def with_container(**fields):
    made = deployment()
    made["spec"]["template"]["spec"]["containers"][0].update(fields)
    return made


def text(second):
    return FINE_TEXT + "---\n" + second


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")) + "kind: ConfigMap\n"

WRONG = {
    "a bomb": (text(BOMB), ["manifests[0]"]),
    "a key twice": (text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: '1', a: '2'}\n"),
                    ["manifests[0]", '"a"', "line 10"]),
    "a tab": (text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: b\n"), ["manifests[0]", "tab", "line 10"]),
    "a scalar among documents": (text("just words\n"), ["manifests[0]: document 2: expected an object, got string"]),
    "a number": (7, ["manifests[1]: expected an object, got int"]),
    "no kind": ({"apiVersion": "v1", "metadata": {"name": "b"}}, ["manifests[1].kind: is required"]),
    "no apiVersion": ({"kind": "ConfigMap", "metadata": {"name": "b"}}, ["manifests[1].apiVersion: is required"]),
    "no metadata": ({"apiVersion": "v1", "kind": "ConfigMap"}, ["manifests[1].metadata: expected a map, got nothing"]),
    "no name": ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, ["manifests[1].metadata.name: is required"]),
    "a number as name": (text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 7}\n"),
                         ["manifests[0]: document 2.metadata.name: expected a string, got int"]),
    "a name that is none": (named("ConfigMap", "Web_1"), ['manifests[1].metadata.name: "Web_1" is no name']),
    "a long name": (named("ConfigMap", "x" * 254), ["manifests[1].metadata.name", "253"]),
    "port as text": (service(port="80"), ["manifests[1].spec.ports[0].port: expected a whole number, got string"]),
    "replicas as text": ({**deployment(), "spec": {**deployment()["spec"], "replicas": "two"}},
                         ["manifests[1].spec.replicas: expected a whole number, got string"]),
    "a label that is a flag": ({**FINE, "metadata": {"name": "b", "labels": {"on": True}}},
                               ["manifests[1].metadata.labels.on: expected a string, got bool"]),
    "an environment that is a number": (with_container(env=[{"name": "PORT", "value": 80}]),
                                        ["manifests[1].spec.template.spec.containers[0].env[0].value: expected a string, got int"]),
    "containers that are a map": ({**deployment(), "spec": {"template": {"spec": {"containers": {"name": "a"}}}}},
                                  ["manifests[1].spec.template.spec.containers: expected a list, got map"]),
    "a selector that finds other Pods": ({**deployment(), "spec": {**deployment()["spec"], "selector": {"matchLabels": {"app": "b"}}}}, [
        "manifests[1].spec.selector.matchLabels.app: is not a label of spec.template.metadata.labels with the same value"]),
    "a Secret with a field it has not": (named("Secret", "b", stringdata={"token": "planted"}), [
        "manifests[1].stringdata: a Secret has no such field; it is written stringData"]),
    "a Secret that is not base64": (named("Secret", "b", data={"token": "planted!"}), [
        "manifests[1].data.token: is not base64; plain text belongs into stringData"]),
    "an unknown kind": (named("Whatever", "b", "example.test/v1"), ["manifests[1] (Whatever.example.test b)",
                                                                   'the server does not know kind "Whatever" (apiVersion example.test/v1)']),
    "a version that is no more": (named("Deployment", "b", "apps/v1beta1"), [
        "manifests[1] (deployment b)", '(apiVersion apps/v1beta1); it serves Deployment as apps/v1']),
    "a kind that is none": (named("Event", "b", involvedObject={}), ["manifests[1].kind: an object of the kind event cannot be deployed"]),
    "an expression that is left": (named("ConfigMap", "${ missing }"), ["manifests[1].metadata.name: an expression was not resolved"]),
}


@pytest.mark.parametrize("manifest, texts", WRONG.values(), ids=WRONG)
def test_nothing_is_sent_before_a_mistake_is_told(run, cluster, place, manifest, texts):
    done = run(deploy(*([manifest] if isinstance(manifest, str) else [FINE, manifest]), namespaceOverride=place))
    assert done.status == 1, done.lines
    said = "".join(done.lines) + json.dumps(done.execution, ensure_ascii=False).replace('\\"', '"')
    for part in texts:
        assert part in said, said[-3000:]
    assert "planted" not in said
    assert names_of(cluster, place, "configmaps") == ["kube-root-ca.crt"]


def test_what_only_the_server_knows_is_told_with_its_place(run, cluster, place):
    wrong = deployment()
    del wrong["spec"]["selector"]
    said = bad(run(deploy(wrong, namespaceOverride=place)), "Deploy")
    assert "manifests[0] (deployment web)" in said and "spec.selector: Required value" in said
    said = bad(run(deploy(with_container(resources={"limits": {"cpu": "much"}}), namespaceOverride=place)), "Deploy")
    assert "manifests[0] (deployment web)" in said and "quantities must match" in said


def test_manifests_as_text_are_deployed(run, cluster, namespace):
    good(run(deploy(text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"), namespaceOverride=namespace)))
    assert names_of(cluster, namespace, "configmaps") == ["fine", "kube-root-ca.crt", "other-v000"]
