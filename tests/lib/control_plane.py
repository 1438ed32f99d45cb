"""A real Kubernetes control plane for tests.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler run as in any
cluster; kwok plays the one node, so Pods have states but no containers. What
Pods do is told by annotations: see tests/system/control-plane/stages.yaml.

Everything listens on loopback, lives in a temporary directory, and ends with
the process that started it, however that ends. The KUBECONFIG and the HOME of
the user are neither read nor written.

Of two versions: VERSIONS[0], and an older one where it has been built. GENNAKER_KUBERNETES=1.30
makes that the one for all tests.

By hand, until Ctrl-C:   python3 tests/lib/control_plane.py
"""

import atexit
import base64
import collections
import ctypes
import fcntl
import http.client
import itertools
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MODULE = HERE.parent / "system" / "control-plane"
BUILD_UNAVAILABLE = 69  # exit status of build.sh: this machine cannot build it
VERSIONS = ("1.36", "1.30")  # that build.sh knows, the usual one first
DIRECTORY_PREFIX = "gennaker-control-plane-"
PR_SET_PDEATHSIG = 1  # linux/prctl.h

OPENSSL_CONFIG = """
[req]
prompt = no
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,\
DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: control-plane
contexts:
- name: control-plane
  context:
    cluster: control-plane
    user: {user}
clusters:
- name: control-plane
  cluster:
    server: {server}
    certificate-authority-data: {ca}
users:
- name: {user}
  user:
{credentials}
"""

Answer = collections.namedtuple("Answer", "status body")


class Unavailable(Exception):
    """The control plane cannot be had on this machine; the text says why."""


class StartFailure(Exception):
    """A part of the control plane did not come up; the text ends with its log."""


class KubectlError(Exception):
    """kubectl failed; has .returncode, .stdout and .stderr."""

    def __init__(self, arguments, result):
        super().__init__("kubectl %s: exit %d: %s" % (
            " ".join(arguments), result.returncode, result.stderr.strip()))
        self.returncode = result.returncode
        self.stdout = result.stdout
        self.stderr = result.stderr


def chosen_version():
    """The version for all tests."""
    return os.environ.get("GENNAKER_KUBERNETES") or VERSIONS[0]


def binary(version=None):
    """The path of the one binary, built now if it never was (about 6 minutes)."""
    result = subprocess.run([MODULE / "build.sh", version or chosen_version()], stdout=subprocess.PIPE, text=True)
    if result.returncode == BUILD_UNAVAILABLE:
        raise Unavailable("the Kubernetes control plane cannot be built on this machine")
    result.check_returncode()
    return result.stdout.strip()


def is_built(version):
    """Whether binary(version) is there already."""
    return subprocess.run([MODULE / "build.sh", "--cached", version], stdout=subprocess.DEVNULL,
                          check=False).returncode == 0


def wait_for(what, probe, seconds):
    """Calls probe until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise StartFailure("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


def free_ports(count):
    """Ports nobody listens on, below those the kernel hands out to clients."""
    found = []
    for port in random.sample(range(20000, 32000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise StartFailure("no free ports on loopback")


def remove_stale_directories(parent):
    """Removes what processes that were killed have left: directories with no lock on them."""
    for path in pathlib.Path(parent).glob(DIRECTORY_PREFIX + "*"):
        try:
            if time.time() - path.stat().st_mtime < 60:
                continue  # perhaps made just now, and locked in a moment
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)


class ControlPlane:
    """One control plane; start() brings it up to a Ready node, stop() leaves nothing.

    .server      URL of the API server
    .ca_file     certificate that signed the API server's
    .kubeconfig  of an administrator, by client certificate
    .admin_token, .powerless_token   bearer tokens: may do all, is known but may do nothing
    .environment for other programs: a private HOME, and KUBECONFIG as above
    .audit_log   of the API server, a line of JSON each request; with audit=True

    FLAGS are more arguments for the API server.
    """

    node = "node-1"

    def __init__(self, version=None, audit=False, flags=()):
        self.version = version or chosen_version()
        self._audit = audit
        self._flags = flags
        self.directory = None
        self._lock = None
        self._children = {}
        self._commands = {}
        self._group = 0
        self._owner = 0
        self._names = itertools.count(1)
        self._libc = ctypes.CDLL(None, use_errno=True)

    def start(self):
        self._binary = binary(self.version)
        self._kwok = binary(VERSIONS[0])  # the older one has none
        for attempt in (1, 2, 3):
            try:
                self._start()
                return self
            except StartFailure:
                # Another process may have taken one of the ports in between.
                ended = any(child.poll() is not None for child in self._children.values())
                self.stop()
                if not ended or attempt == 3:
                    raise
            except BaseException:
                self.stop()
                raise

    def stop(self):
        """Kills every process and removes the directory; does nothing the second time."""
        if self._children:
            try:
                os.killpg(self._group, signal.SIGKILL)
            except ProcessLookupError:
                pass
            for child in self._children.values():
                child.wait()
        self._children = {}
        self._group = 0
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self._lock)
            self.directory = None
        atexit.unregister(self._stop_at_exit)

    def _stop_at_exit(self):
        if os.getpid() == self._owner:  # a forked child inherits the handler, not the cluster
            self.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # Use

    def request(self, method, path, body=None, token=None, content_type="application/json"):
        """One request to the API server: an Answer of status and decoded body.

        Sent with the administrator's certificate, or with a token and no certificate;
        an empty token sends neither."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
            if not isinstance(body, (str, bytes)):
                body = json.dumps(body)
        if token:
            headers["Authorization"] = "Bearer " + token
        context = self._tls_admin if token is None else self._tls_anyone
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=context)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return Answer(response.status, json.loads(data) if is_json else data.decode())

    def kubectl(self, *arguments, input=None, kubeconfig=None):
        """Runs kubectl as the administrator, or with another kubeconfig; gives its output."""
        environment = dict(self.environment)
        if kubeconfig:
            environment["KUBECONFIG"] = str(kubeconfig)
        result = subprocess.run([self._binary, "kubectl", *arguments], env=environment, text=True,
                                input=input, stdin=subprocess.DEVNULL if input is None else None,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode:
            raise KubectlError(arguments, result)
        return result.stdout

    def requests(self, namespace):
        """How many requests in a namespace each program has made, by program and "VERB RESOURCE"; with audit=True.

        The program is the first word of the user agent; "" for those that give none."""
        found = collections.defaultdict(collections.Counter)
        for line in self.audit_log.read_text().splitlines():
            if f"/namespaces/{namespace}/" not in line:
                continue
            event = json.loads(line)
            # A watch is told of when it begins and when it ends.
            if event["verb"] != "watch" or event["stage"] == "ResponseStarted":
                what = f"{event['verb']} {event['objectRef']['resource']}"
                found[event.get("userAgent", "").split("/")[0]][what] += 1
        return found

    def new_namespace(self, prefix="test"):
        """A namespace nobody has used, ready for Pods; gives its name. Delete none, that is slow."""
        name = "%s-%d-%s" % (prefix, next(self._names), secrets.token_hex(3))
        answer = self.request("POST", "/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        if answer.status != 201:
            raise RuntimeError("creating namespace %s: %s" % (name, answer))
        self._wait_namespace(name)
        return name

    def kubeconfig_token(self, token):
        """Path of a kubeconfig that shows this token and no certificate."""
        path = self.directory / ("token-%s.kubeconfig" % secrets.token_hex(4))
        self._write_kubeconfig(path, "bearer", "    token: %s" % json.dumps(token))
        return path

    def stop_apiserver(self):
        """Kills the API server; its port refuses connections until start_apiserver()."""
        child = self._children.pop("kube-apiserver")
        child.kill()
        child.wait()

    def start_apiserver(self):
        """Starts the API server again, at the same address; returns when it is ready."""
        self._spawn("kube-apiserver", *self._commands["kube-apiserver"])
        self._wait_apiserver()

    def restart_apiserver(self):
        """All connections and watches break, and older resource versions are gone (410)."""
        self.stop_apiserver()
        self.start_apiserver()

    def compact(self):
        """Makes the storage forget all but its newest state; older resource versions are gone (410) where nothing caches them."""
        revision = self._etcd("range", {"key": "MA=="})["header"]["revision"]
        self._etcd("compaction", {"revision": revision, "physical": True})

    def _etcd(self, call, body):
        connection = http.client.HTTPConnection("127.0.0.1", self._etcd_port, timeout=30)
        try:
            connection.request("POST", "/v3/kv/" + call, json.dumps(body))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError("etcd %s: %d %s" % (call, response.status, text))
        return json.loads(text)

    # Start

    def _start(self):
        remove_stale_directories(tempfile.gettempdir())
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
        self._lock = os.open(self.directory, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._owner = os.getpid()
        atexit.register(self._stop_at_exit)

        self._port, etcd_port, peer_port = free_ports(3)
        self.server = "https://127.0.0.1:%d" % self._port
        self.ca_file = self.directory / "ca.crt"
        self.kubeconfig = self.directory / "admin.kubeconfig"
        self.admin_token = secrets.token_hex(16)
        self.powerless_token = secrets.token_hex(16)
        home = self.directory / "home"
        home.mkdir()
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "TZ": "UTC",
            "HOME": str(home), "TMPDIR": str(home), "KUBECONFIG": str(self.kubeconfig)}

        etcd = "http://127.0.0.1:%d" % etcd_port
        self._etcd_port = etcd_port
        self._spawn_etcd(etcd, "http://127.0.0.1:%d" % peer_port)
        self._make_credentials()
        self._wait_etcd(etcd_port)
        self._spawn_apiserver(etcd)
        self._wait_apiserver()
        self._spawn_clients()
        self._make_node()
        self._wait_namespace("default")

    def _spawn(self, name, *arguments):
        """Starts a part in the process group of the first one."""
        parent = os.getpid()
        group = self._group
        prctl = self._libc.prctl

        def in_child():
            os.setpgid(0, group)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)  # it died before the line above

        with open(self.directory / (name + ".log"), "ab") as log:
            program = self._kwok if name == "kwok" else self._binary
            child = subprocess.Popen([program, name, *arguments], env=self.environment,
                                     cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log, preexec_fn=in_child)
        self._group = self._group or child.pid
        self._children[name] = child
        self._commands[name] = arguments

    def _spawn_etcd(self, client_url, peer_url):
        self._spawn("etcd", "--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn",
                    "--listen-client-urls", client_url, "--advertise-client-urls", client_url,
                    "--listen-peer-urls", peer_url)

    def _spawn_apiserver(self, etcd_url):
        self._spawn(
            "kube-apiserver", "--etcd-servers", etcd_url,
            "--bind-address", "127.0.0.1", "--secure-port", str(self._port),
            "--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none",
            "--tls-cert-file", "server.crt", "--tls-private-key-file", "server.key",
            "--client-ca-file", "ca.crt", "--token-auth-file", "tokens.csv",
            "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", "service-account.key",
            "--service-account-signing-key-file", "service-account.key", *self._audit_flags(), *self._flags)

    def _audit_flags(self):
        if not self._audit:
            return ()
        self.audit_log = self.directory / "audit.log"
        (self.directory / "audit.yaml").write_text(json.dumps({
            "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}]}))
        return "--audit-policy-file", "audit.yaml", "--audit-log-path", str(self.audit_log)

    def _spawn_clients(self):
        # Several test programs share the cluster: nobody should wait for its politeness.
        pace = ("--kube-api-qps", "500", "--kube-api-burst", "1000")
        kubeconfig = str(self.kubeconfig)
        self._spawn("kube-controller-manager", "--kubeconfig", kubeconfig, *pace,
                    "--leader-elect=false", "--secure-port", "0", "--root-ca-file", "ca.crt",
                    "--service-account-private-key-file", "service-account.key",
                    "--node-monitor-grace-period", "8760h")
        self._spawn("kube-scheduler", "--kubeconfig", kubeconfig, *pace,
                    "--leader-elect=false", "--secure-port", "0")
        self._spawn("kwok", "--config", str(MODULE / "stages.yaml"), "--kubeconfig", kubeconfig,
                    "--manage-all-nodes=false",
                    "--manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake",
                    "--node-lease-duration-seconds", "40", "--cidr", "10.128.0.1/16")

    def _make_credentials(self):
        (self.directory / "openssl.cnf").write_text(OPENSSL_CONFIG)
        (self.directory / "tokens.csv").write_text(
            '%s,token-admin,1,"system:masters"\n%s,powerless,2\n'
            % (self.admin_token, self.powerless_token))
        service_account = self._openssl("genrsa", "-out", "service-account.key", "2048")
        self._finish(self._certify("ca", "/CN=control-plane-ca"))
        signer = ("-CA", "ca.crt", "-CAkey", "ca.key")
        self._finish(self._certify("server", "/CN=kube-apiserver", *signer),
                     self._certify("client", "/O=system:masters/CN=admin", *signer),
                     service_account)

        def encoded(name):
            return base64.b64encode((self.directory / name).read_bytes()).decode()

        self._write_kubeconfig(self.kubeconfig, "admin", (
            "    client-certificate-data: %s\n    client-key-data: %s"
            % (encoded("client.crt"), encoded("client.key"))))
        self._tls_anyone = ssl.create_default_context(cafile=self.ca_file)
        self._tls_admin = ssl.create_default_context(cafile=self.ca_file)
        self._tls_admin.load_cert_chain(self.directory / "client.crt", self.directory / "client.key")

    def _certify(self, name, subject, *signer):
        return self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-config", "openssl.cnf", "-extensions", name, "-subj", subject, "-days", "30",
            "-keyout", name + ".key", "-out", name + ".crt", *signer)

    def _openssl(self, *arguments):
        return subprocess.Popen(["openssl", *arguments], cwd=self.directory, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    @staticmethod
    def _finish(*processes):
        for process in processes:
            output, _ = process.communicate()
            if process.returncode:
                raise RuntimeError("%s: %s" % (" ".join(process.args), output))

    def _write_kubeconfig(self, path, user, credentials):
        path.touch(0o600)
        path.write_text(KUBECONFIG.format(
            server=self.server, user=user, credentials=credentials,
            ca=base64.b64encode(self.ca_file.read_bytes()).decode()))

    def _make_node(self):
        """Registers the node, as a kubelet does, and waits until Pods may come."""
        room = {"cpu": "1000", "memory": "1Ti", "pods": "10000", "ephemeral-storage": "1Ti"}
        answer = self.request("POST", "/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": self.node,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {"kubernetes.io/hostname": self.node, "kubernetes.io/os": "linux",
                           "kubernetes.io/arch": "amd64"}},
            "status": {
                "capacity": room, "allocatable": room,
                "addresses": [{"type": "InternalIP", "address": "192.168.0.1"},
                              {"type": "Hostname", "address": self.node}],
                "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux",
                             "kubeletVersion": "fake", "osImage": "fake", "kernelVersion": "fake",
                             "containerRuntimeVersion": "fake", "kubeProxyVersion": "",
                             "machineID": "", "systemUUID": "", "bootID": ""}}})
        if answer.status != 201:
            raise StartFailure("creating the node: %s" % (answer,))
        # The API server taints a new node; once kwok has made it Ready, the
        # controller manager takes that away.
        self._wait("a node without taints", lambda: not self.request(
            "GET", "/api/v1/nodes/" + self.node).body["spec"].get("taints"))

    # Wait

    def _wait(self, what, probe, seconds=60):
        """wait_for(), that gives up early when one of the parts has ended."""
        def watched():
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise StartFailure("%s ended with status %d while waiting for %s:\n%s" % (
                        name, child.returncode, what, self._log_tail(name)))
            return probe()
        return wait_for(what, watched, seconds)

    def _log_tail(self, name):
        text = (self.directory / (name + ".log")).read_text(errors="replace")
        return "\n".join(text.splitlines()[-20:])

    def _wait_etcd(self, port):
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        self._wait("etcd", listens)

    def _wait_apiserver(self):
        def ready():
            try:
                return self.request("GET", "/readyz").status == 200
            except OSError:
                return False
        self._wait("a ready API server", ready)

    def _wait_namespace(self, name):
        """Waits for what every namespace gets: Pods need the one, and mount the other."""
        for path in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
            url = "/api/v1/namespaces/%s/%s" % (name, path)
            self._wait(url, lambda: self.request("GET", url).status == 200)


def main():
    ends = {signal.SIGINT, signal.SIGTERM}
    begun = time.monotonic()
    with ControlPlane() as cluster:
        print("export KUBECONFIG=%s" % cluster.kubeconfig, flush=True)
        print("ready in %.1f s at %s, logs in %s; Ctrl-C ends it" % (
            time.monotonic() - begun, cluster.server, cluster.directory), file=sys.stderr)
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # a second Ctrl-C does not stop the cleaning
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
