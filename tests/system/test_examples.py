"""Every example is run as its own comment says, and comes to the end that it promises."""

import http.server
import json
import re
import threading

import pytest

from json_handler import JsonHandler
from reader import Reader
from server import ROOT, wait_until
from terminal import Terminal

EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix in (".json", ".yaml"))
ALLOWED = "user-configured-url-restrictions: {rejectLocalhost: false, rejectVerbatimIps: false}\n"


class Elsewhere(JsonHandler):
    """The servers that examples call: a CI, a shop's health, something that says yes to a POST."""

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = self.server.asked
        asked.append(self.path)
        if self.path == "/builds":
            self.server.version = sent["version"]
            self.answer(201, {}, Location=f"http://{self.headers['Host']}/builds/7")
        else:
            self.answer(200, {"id": 7, "links": {"self": f"http://{self.headers['Host']}/jobs/7"}})

    def do_GET(self):
        asked = self.server.asked
        asked.append(self.path)
        again = asked.count(self.path) > 1
        if self.path == "/builds/7":
            self.answer(200, {"state": "done", "image": f"nginx:{self.server.version}"} if again else {"state": "running"})
        elif self.path == "/jobs/7":
            self.answer(200, {"state": "DONE", "step": "packed"} if again else {"state": "RUNNING", "step": "tests"})
        else:
            self.answer(200 if self.server.healthy else 503, {})


@pytest.fixture
def elsewhere():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.asked, server.healthy = [], True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def read(tmp_path, elsewhere, request):
    """A reader whose ci, shop and httpbin are our server; with a cluster when it is asked for."""
    opened = []

    def open_reader(cluster=False):
        address = f"http://127.0.0.1:{elsewhere.server_address[1]}"
        found = {"cluster": request.getfixturevalue("cluster"), "namespace": request.getfixturevalue("namespace")} if cluster else {}
        opened.append(Reader(tmp_path, hosts={host: address for host in (
            "https://ci.example.com", "https://shop.example.com", "https://httpbin.org")}, **found))
        (tmp_path / "gennaker.yml").write_text(ALLOWED)
        return opened[-1]
    yield open_reader
    for reader in opened:
        reader.close()


def commands(name):
    """What the comment at the head of an example says how it is run."""
    lines = (ROOT / "examples" / name).read_text().splitlines()
    head = [line.strip().lstrip("#/ ") for line in lines if re.match(r"\s*(#|//)", line)]
    return [re.sub(r"\s{2,}(#|after ).*", "", line).replace("      # ", "") for line in head if line.startswith("gennaker ")]


def run(shell, command, *more, status=0):
    """The execution that COMMAND ran."""
    command = command.replace("namespace=default", "namespace=demo")
    got, output = shell.run(" ".join([command, *more, "--output", "json", "2>errors"]))
    assert got == status, output + (shell.reader.directory / "errors").read_text()
    return json.loads(output)


def outputs(execution):
    return {key: value for stage in execution["stages"] for key, value in stage["outputs"].items()}


def statuses(execution):
    return {stage["name"]: stage["status"] for stage in execution["stages"] if not stage.get("syntheticStageOwner")}


# ---- all of them


def test_there_is_one_for_each_stage_type_and_the_list_names_all():
    page = (ROOT / "docs/reference/stages/README.md").read_text()
    types = set(re.findall(r"^\| \[`(\w+)`\]", page, re.M))
    assert "webhook" in types and len(types) > 15, types
    text = "".join(path.read_text() for path in EXAMPLES)
    missing = {name for name in types if not re.search(rf'type"?: "?{name}\b', text)} - {"restrictExecutionDuringTimeWindow"}
    assert not missing and "restrictExecutionDuringTimeWindow: true" in text
    listed = (ROOT / "examples/README.md").read_text()
    assert [path.name for path in EXAMPLES if f"]({path.name})" not in listed] == []
    assert set(re.findall(r"`(\w+)`:", listed)) == types


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_is_named_as_its_file_and_says_how_it_is_run(path):
    assert any(f"examples/{path.name}" in command for command in commands(path.name))
    assert re.search(rf'^\s*"?name"?: "?{path.stem}\b', path.read_text(), re.M)


def test_none_is_forgotten_here():
    text = (ROOT / "tests/system/test_examples.py").read_text()
    assert [path.name for path in EXAMPLES if text.count(f'"{path.name}"') == 0] == []


# ---- without a cluster


@pytest.mark.parametrize("name, wanted", [
    ("hello.json", {"greeting": "Hello, World!", "summary": "HELLO, WORLD!"}),
    ("wait.yaml", {"waited": "3 s"}),
    ("evaluate-variables.yaml", {"image": "registry.example.com/shop:1.4.0", "isPatch": False,
                                 "message": "release registry.example.com/shop:1.4.0 by hello"}),
    ("check-preconditions.yaml", {}),
    ("execution-window.yaml", {}),
    ("webhook.yaml", {"code": 200}),
    ("webhook-monitor.yaml", {"result": "DONE"}),
    ("fan-out-child.yaml", {"address": "https://north.example.com/1.27"}),
])
def test_an_example_runs(read, name, wanted):
    command, = commands(name)
    execution = run(read().shell(), command)
    assert execution["status"] == "SUCCEEDED" and set(statuses(execution).values()) == {"SUCCEEDED"}
    found = outputs(execution)
    assert wanted == {key: found[key] for key in wanted}


def test_a_branch_that_does_not_apply_ends(read):
    shell = read().shell()
    execution = run(shell, "gennaker run examples/check-preconditions.yaml")
    assert statuses(execution) == {"Deploy": "SUCCEEDED", "Is it ready?": "SUCCEEDED", "With a canary?": "STOPPED",
                                   "Watch the canary": "NOT_STARTED"}
    execution = run(shell, "gennaker run examples/check-preconditions.yaml -p environment=prod", status=1)
    assert execution["status"] == "TERMINAL"


def test_a_judgment_is_asked_for_or_answered(read):
    reader = read()
    asked, answered = commands("manual-judgment.yaml")
    execution = run(reader.shell(), answered)
    assert statuses(execution) == {"Which colour?": "SUCCEEDED", "Blue goes live": "SUCCEEDED", "Green goes live": "SKIPPED"}
    screen = Terminal(asked.split(), cwd=reader.directory, env=reader.environment)
    try:
        screen.until("one of: blue, green")
        screen.type("c green")
        assert screen.end() == 0
    finally:
        screen.close()


@pytest.fixture
def serve(read):
    """A reader's shell, and another one in which a server runs."""
    def start(cluster=False):
        reader = read(cluster)
        reader.shell().begin("gennaker serve" + (" --kubeconfig ~/.kube/config" if cluster else ""), "listening on [^\n]*\n")
        return reader.shell()
    return start


@pytest.mark.parametrize("name, wanted", [
    ("pipeline.yaml", {"said": "HELLO, PARENT!"}),
    ("fan-out.yaml", {"addresses": [f"https://{region}.example.com/1.28" for region in ("north", "south", "west")]}),
])
def test_a_parent_runs_its_children(serve, name, wanted):
    shell = serve()
    save, start = commands(name)
    assert shell.run(save)[0] == 0
    execution = run(shell, start)
    assert execution["status"] == "SUCCEEDED"
    found = outputs(execution)
    assert wanted == {key: found[key] for key in wanted}


# ---- with one


def get(cluster, namespace, resource, name=""):
    group = "api/v1" if resource in ("services", "pods", "configmaps") else \
        "apis/batch/v1" if resource == "jobs" else "apis/apps/v1"
    answer = cluster.request("GET", f"/{group}/namespaces/{namespace}/{resource}/{name}")
    return answer.body if answer.status == 200 else None


def test_those_that_deploy_run_one_after_the_other(read):
    reader = read(cluster=True)
    cluster, namespace, shell = reader.cluster, reader.namespace, reader.shell()

    def nginx():
        return get(cluster, namespace, "deployments", "nginx")

    def image():
        return nginx()["spec"]["template"]["spec"]["containers"][0]["image"]

    def step(name):
        command, = commands(name)
        assert run(shell, command)["status"] == "SUCCEEDED"

    step("deploy-nginx.json")
    assert image() == "nginx:1.27" and nginx()["status"]["readyReplicas"] == 2 and get(cluster, namespace, "services", "nginx")
    step("scale-manifest.yaml")
    assert nginx()["spec"]["replicas"] == nginx()["status"]["readyReplicas"] == 3
    step("patch-manifest.yaml")
    assert image() == "nginx:1.28"
    step("undo-rollout-manifest.yaml")
    assert image() == "nginx:1.27"
    step("pause-rollout-manifest.yaml")
    assert nginx()["spec"]["paused"]
    step("resume-rollout-manifest.yaml")
    assert not nginx()["spec"].get("paused")
    step("rolling-restart-manifest.yaml")
    assert "kubectl.kubernetes.io/restartedAt" in nginx()["spec"]["template"]["metadata"]["annotations"]
    step("find-artifacts.yaml")
    assert get(cluster, namespace, "configmaps", "nginx-copy")["data"] == {"image": "nginx:1.27"}
    step("run-job-manifest.yaml")
    job, = get(cluster, namespace, "jobs")["items"]
    assert job["status"]["succeeded"] == 1
    step("delete-manifest.yaml")
    assert nginx() is None and get(cluster, namespace, "services", "nginx") is None
    for number in range(3):
        versioned = {"type": "kubernetes/configMap", "name": "settings", "location": namespace, "version": f"v00{number}"}
        assert cluster.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": f"settings-v00{number}",
                "annotations": {"artifact.spinnaker.io/" + key: value for key, value in versioned.items()}}}).status == 201
    step("cleanup-artifacts.yaml")
    assert [get(cluster, namespace, "configmaps", f"settings-v00{number}") is None for number in range(3)] == [True, False, False]


def in_service(cluster, namespace):
    """The ReplicaSets whose Pods get requests."""
    pods = get(cluster, namespace, "pods")["items"]
    return {pod["metadata"]["ownerReferences"][0]["name"] for pod in pods
            if pod["metadata"]["labels"].get("in-service") == "shop" and "deletionTimestamp" not in pod["metadata"]}


def test_blue_green_goes_forward_and_back(read, elsewhere):
    reader = read(cluster=True)
    cluster, namespace, shell = reader.cluster, reader.namespace, reader.shell()
    command, = commands("blue-green.yaml")
    for image, version in (("nginx:1.27", "shop-v000"), ("nginx:1.28", "shop-v001")):
        assert run(shell, command.replace("nginx:1.28", image))["status"] == "SUCCEEDED"
        assert in_service(cluster, namespace) == {version}
    elsewhere.healthy = False
    execution = run(shell, command.replace("nginx:1.28", "nginx:1.29"), status=1)
    assert execution["status"] == "TERMINAL"
    assert [statuses(execution)[name] for name in ("Check", "Enable the old version", "Disable the new version", "Verdict")] == \
        ["FAILED_CONTINUE", "SUCCEEDED", "SUCCEEDED", "TERMINAL"]
    assert in_service(cluster, namespace) == {"shop-v001"}
    enable, disable = commands("enable-manifest.yaml"), commands("disable-manifest.yaml")
    run(shell, *enable)
    assert in_service(cluster, namespace) == {"shop-v001", "shop-v002"}
    run(shell, *disable)
    assert in_service(cluster, namespace) == {"shop-v001"}


def test_a_release_goes_from_build_to_smoke_test(serve, elsewhere):
    shell = serve(cluster=True)
    reader = shell.reader
    command, = commands("release.yaml")
    command = command.replace("namespace=default", "namespace=demo")
    status, output = shell.run(f"{command} --server http://127.0.0.1:8084 --judge continue >shown 2>errors &")
    assert status == 0, output
    listed = wait_until(lambda: json.loads(shell.run("gennaker executions list hello --output json")[1]), "a run")

    def ended():
        """The run, once it has; from a window that waits it is let go, as its comment says."""
        execution = json.loads(shell.run(f"gennaker executions get {listed[0]['id']} --output json")[1])
        for stage in execution["stages"]:
            if stage["type"] == "restrictExecutionDuringTimeWindow" and stage["status"] == "RUNNING":
                shell.run(f"curl -fsS -X PATCH http://127.0.0.1:8084/pipelines/{execution['id']}/stages/{stage['id']}"
                          """ -H 'Content-Type: application/json' -d '{"skipRemainingWait": true}'""")
        return execution if execution["status"] not in ("NOT_STARTED", "RUNNING") else None

    execution = wait_until(ended, "the end of the release")
    assert execution["status"] == "SUCCEEDED", (reader.directory / "shown").read_text()
    assert set(statuses(execution).values()) == {"SUCCEEDED"} and elsewhere.asked.count("/builds/7") == 2
    deployed = get(reader.cluster, reader.namespace, "deployments", "release")
    assert deployed["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1.28"
