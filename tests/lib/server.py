"""`gennaker serve` as a child process, and an HTTP client for it.

    with Server(directory) as server:
        server.post("/pipelines", {"application": "demo", "name": "hello", "stages": []})

GENNAKER names the program (scripts/test sets it). Each server listens on a free port of its own. It is never waited for without a
deadline, and it does not outlive the test.
"""

import http.client
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ENDS = ("SUCCEEDED", "TERMINAL", "CANCELED", "STOPPED", "FAILED_CONTINUE", "SKIPPED")
PATIENCE = 30  # seconds that anything may take; a sanitizer build on a busy machine is slow


def program():
    return os.environ.get("GENNAKER") or os.environ.get("GENNAKER_BIN") or str(ROOT / "build/gennaker")


def environment(**variables):
    """The environment without anything that the server would read as a setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GENNAKER")}
    return {**kept, **variables}


def wait_until(condition, what="the condition"):
    """What CONDITION returns as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come about"
        select.select([], [], [], 0.02)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        assert self.headers["Content-Type"].startswith("application/json"), self.headers.items()
        return json.loads(self.body)

    def message(self):
        """The message of an error, whose form is checked."""
        body = self.json()
        assert body["status"] == self.status and body["error"] and body["timestamp"], body
        return body["message"]


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, server, path, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"

    def next(self):
        """(id or None, event, data); None at the end. Comments are passed over."""
        fields = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if not line and "data" in fields:
                return int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"])
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value

    def until(self, event, **wanted):
        """All events up to the first EVENT whose data has WANTED."""
        seen = []
        while True:
            found = self.next()
            assert found, f"the stream ended before {event} {wanted}: {seen}"
            seen.append(found)
            if found[1] == event and all(found[2].get(key) == value for key, value in wanted.items()):
                return seen

    def close(self):
        self.connection.close()
        self.response.close()


class Server:
    def __init__(self, directory, *arguments, **variables):
        self.command = [program(), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(directory), *arguments]
        self.environment = environment(**variables)
        self.errors = pathlib.Path(str(directory) + ".log")
        self.streams = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        for stream in self.streams:
            stream.close()
        if self.process.poll() is None:
            assert self.stop() == 0, self.errors.read_text()

    def start(self):
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=errors)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        self.line = self.process.stdout.readline().decode() if ready else ""
        if not self.line.startswith("listening on http://127.0.0.1:"):
            self.process.kill()
            raise AssertionError(f"the server did not start: {self.line}{self.errors.read_text()}")
        self.port = int(self.line.split()[2].rsplit(":", 1)[1])
        return self

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **headers}
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, body=None, **headers):
        return self.request("POST", path, body, **headers)

    def put(self, path, body=None):
        return self.request("PUT", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body)

    def delete(self, path):
        return self.request("DELETE", path)

    def raw(self, text):
        """Sends bytes as they are; the status of the answer and all that came."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            came = b""
            try:
                for piece in iter(lambda: connection.recv(65536), b""):
                    came += piece
            except ConnectionResetError:
                pass
        return int(came.split(b" ", 2)[1]) if came.startswith(b"HTTP/1.1 ") else None, came

    def stream(self, path, **headers):
        stream = Stream(self, path, {name.replace("_", "-"): str(text) for name, text in headers.items()})
        self.streams.append(stream)
        return stream

    # What most tests do.

    def save(self, application, name, stages, **more):
        """Saves a pipeline and gives it back as it was stored."""
        answer = self.post("/pipelines", {"application": application, "name": name, "stages": stages, **more})
        assert answer.status == 200, answer.body
        return self.get(f"/applications/{application}/pipelineConfigs/{urllib.parse.quote(name, safe='')}").json()

    def run(self, application, name, **trigger):
        """Starts a pipeline; the id of the run."""
        answer = self.post(f"/pipelines/{application}/{name}", trigger)
        assert answer.status == 202, answer.body
        return answer.json()["ref"].rsplit("/", 1)[1]

    def wait_for(self, execution, *statuses):
        """The run as soon as it has one of STATUSES, by default an end."""
        ends = statuses or ENDS

        def look():
            found = self.get(f"/pipelines/{execution}").json()
            return found if found["status"] in ends else None

        return wait_until(look, f"a status of {ends}")
