"""A reader of the documents, who pastes their commands: a directory with the program and the examples, and a shell in it.

What depends on where the tests run is told apart from what a document says: `demo` is a namespace of the reader's own, port 8084 a free one,
and the addresses under example.com are those of a server of the test.
"""

import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

from server import ROOT, environment, program

PATIENCE = 120
LINKED = ("examples", "packaging", "docs", "README.md")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reader:
    """.directory, where the commands run; .says(text): a document's text as this reader has to type it."""

    def __init__(self, directory, cluster=None, namespace=None, hosts=None, **variables):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.cluster, self.namespace = cluster, namespace
        self.hosts = hosts or {}
        for name in LINKED:
            (self.directory / name).symlink_to(ROOT / name)
        (self.directory / "build").mkdir()
        (self.directory / "build/gennaker").symlink_to(pathlib.Path(program()).resolve())
        kubeconfig = os.devnull
        if cluster:
            kubeconfig = self.directory / ".kube/config"
            kubeconfig.parent.mkdir()
            # "dev" is what a document calls the context of its reader.
            kubeconfig.write_text(re.sub(r"(current-context:|- name:|\bcluster:) control-plane", r"\1 dev",
                                         pathlib.Path(cluster.kubeconfig).read_text()))
            kubectl = self.directory / "build/kubectl"
            kubectl.write_text(f'#!/bin/sh\nexec {cluster._binary} kubectl "$@"\n')
            kubectl.chmod(0o755)
        self.environment = environment(
            HOME=str(self.directory), KUBECONFIG=str(kubeconfig), LANG="C.UTF-8", GENNAKER_SERVER_PORT=str(self.port),
            GENNAKER_SERVER=f"http://127.0.0.1:{self.port}", PATH=f"{self.directory}/build:{os.environ['PATH']}", **variables)
        self.shells = []

    def says(self, text):
        for written, real in self.hosts.items():
            text = text.replace(written, real)
        if self.namespace:
            text = re.sub(r"\bdemo\b", self.namespace, text)
        return re.sub(r"\b8084\b", str(self.port), text)

    def shell(self):
        self.shells.append(Shell(self))
        return self.shells[-1]

    def close(self):
        for shell in reversed(self.shells):
            shell.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Shell:
    """bash: variables and background jobs stay from one command to the next, as on a terminal."""

    def __init__(self, reader):
        self.reader = reader
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=reader.directory, env=reader.environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.rest = b""

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def read_until(self, pattern):
        """All output up to PATTERN, and the match."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.rest)
            if found:
                before, self.rest = self.rest[:found.start()], self.rest[found.end():]
                return before.decode(errors="replace"), found
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            assert ready, f"no end: {self.rest.decode(errors='replace')}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"the shell ended: {self.rest.decode(errors='replace')}"
            self.rest += piece

    def run(self, command):
        """(exit status, output) of a COMMAND as a document writes it."""
        self.send("{ " + self.reader.says(command) + "\n} </dev/null\nprintf '\\n\\001%d\\001\\n' $?\n")
        output, found = self.read_until(rb"\n\x01(\d+)\x01\n")
        return int(found.group(1)), output

    def begin(self, command, until):
        """Starts a COMMAND that goes on, and waits for a line that matches UNTIL; the output up to there."""
        self.send("exec " + self.reader.says(command) + " </dev/null\n")
        output, found = self.read_until(until.encode())
        return output + found.group(0).decode()

    def close(self):
        """Ends the shell and what it left behind, politely first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.communicate(timeout=PATIENCE / 4)
            except subprocess.TimeoutExpired:
                pass
        self.process.wait()


# ---- output that is compared


def normal(text):
    """Without what differs from run to run: ids, times, durations, ports, names that were generated."""
    text = re.sub(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b", "RUN", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", "TIME", text)
    text = re.sub(r"\b\d+(\.\d+)? (ms|s)\b|\b\d+:\d\d min\b", "DURATION", text)
    text = re.sub(r"\b127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"^bash: line .* Killed .*\n?", "", text, flags=re.M)  # the shell's own remark, whenever it makes it
    text = re.sub(r" +", " ", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def matches(shown, output):
    """Whether OUTPUT is what a document SHOWS; there a line "…" stands for any lines, and "…" in a line for anything."""
    pattern = ""
    for line in normal(shown).splitlines():
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*?".join(map(re.escape, line.split("…"))) + r"\n"
    output = normal(output)
    return re.fullmatch(pattern, output + "\n" if output else "") is not None
