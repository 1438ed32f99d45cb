"""A small API server over plain HTTP, for tests of accounts: it knows a few kinds, keeps what is applied, and is told which tokens it takes.

    with FakeCluster("token-1") as cluster:
        path.write_text(cluster.kubeconfig("token-1"))
"""

import http.server
import json
import threading
import urllib.parse

from json_handler import JsonHandler

KINDS = {  # (group version, plural): (kind, namespaced)
    ("v1", "configmaps"): ("ConfigMap", True), ("v1", "secrets"): ("Secret", True), ("v1", "services"): ("Service", True),
    ("v1", "pods"): ("Pod", True), ("v1", "namespaces"): ("Namespace", False), ("v1", "events"): ("Event", True),
    ("apps/v1", "deployments"): ("Deployment", True), ("apps/v1", "replicasets"): ("ReplicaSet", True),
    ("apps/v1", "statefulsets"): ("StatefulSet", True), ("batch/v1", "jobs"): ("Job", True),
}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Handler(JsonHandler):
    def refuse(self, status, reason, message):
        self.answer(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": status})

    def handle_one(self):
        cluster = self.server.cluster
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = urllib.parse.urlparse(self.path).path
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with cluster.lock:
            cluster.requests.append((self.command, self.path, token, body))
            if token not in cluster.tokens:
                return self.refuse(401, "Unauthorized", "Unauthorized")
            self.dispatch(cluster, path, body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one

    def dispatch(self, cluster, path, body):
        if path == "/version":
            return self.answer(200, {"major": "1", "minor": "33", "gitVersion": "v1.33.4"})
        if path == "/api":
            return self.answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            return self.answer(200, {"kind": "APIGroupList", "groups": [
                {"name": name, "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}} for name in ("apps", "batch")]})
        if path in ("/api/v1", "/apis/apps/v1", "/apis/batch/v1"):
            version = path.removeprefix("/api/").removeprefix("/apis/")
            return self.answer(200, {"kind": "APIResourceList", "resources": [
                {"name": plural, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": [v for v in VERBS if v != "watch"]}
                for (group, plural), (kind, namespaced) in KINDS.items() if group == version]})
        if path.startswith("/apis/authorization.k8s.io/v1/"):
            return self.review(cluster, path.rsplit("/", 1)[1], body)
        return self.objects(cluster, path, body)

    def review(self, cluster, kind, body):
        spec = body["spec"]
        if kind == "selfsubjectrulesreviews":
            rules = cluster.rules.get(spec["namespace"], cluster.rules.get("*", []))
            return self.answer(201, {"status": {"incomplete": cluster.incomplete, "resourceRules": rules}})
        wanted = spec["resourceAttributes"]
        rules = cluster.rules.get(wanted.get("namespace"), cluster.rules.get("*", []))
        resource = wanted["resource"] + ("/" + wanted["subresource"] if wanted.get("subresource") else "")
        allowed = any({wanted["verb"], "*"} & set(rule["verbs"]) and {resource, "*"} & set(rule["resources"])
                      and {wanted.get("group", ""), "*"} & set(rule["apiGroups"]) for rule in rules)
        return self.answer(201, {"status": {"allowed": allowed}})

    def objects(self, cluster, path, body):
        if self.command == "GET" and path in cluster.objects:
            return self.answer(200, cluster.objects[path])
        if self.command == "GET" and path.rsplit("/", 1)[1] in {plural for _, plural in KINDS}:
            items = [value for key, value in cluster.objects.items() if key.startswith(path + "/")]
            return self.answer(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})
        if self.command == "PATCH":
            body.setdefault("metadata", {})["resourceVersion"] = str(len(cluster.requests))
            body["metadata"]["uid"] = path
            if "/namespaces/" in path:
                body["metadata"]["namespace"] = path.split("/namespaces/")[1].split("/")[0]
            cluster.objects[path] = body
            return self.answer(200, body)
        name = path.rsplit("/", 1)[1]
        self.answer(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": f'"{name}" not found',
                          "details": {"name": name}})


class FakeCluster:
    def __init__(self, *tokens):
        self.tokens = set(tokens)
        self.objects = {}
        self.requests = []
        self.rules = {"*": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
        self.incomplete = False
        self.lock = threading.Lock()

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.cluster = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def kubeconfig(self, token, namespace="shop"):
        return json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "main",
            "clusters": [{"name": "main", "cluster": {"server": self.url}}],
            "contexts": [{"name": "main", "context": {"cluster": "main", "user": "main", "namespace": namespace}}],
            "users": [{"name": "main", "user": {"token": token}}]})

    def asked(self, method, part):
        """The tokens with which METHOD was sent to a path that has PART in it."""
        with self.lock:
            return [token for sent, path, token, _ in self.requests if sent == method and part in path]
