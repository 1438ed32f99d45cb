"""The other side of the webhooks of the kill test: it writes down what reached it, and keeps jobs that take a few looks.

    POST /effect   200; what was sent, with its Idempotency-Key
    POST /refuse   400; the same
    POST /job      201; a job for each Idempotency-Key, however often it is asked for; the body says how it ends
    GET  /job/N    how it goes: RUNNING at the first look, then what it ends as
"""

import http.server
import json
import threading

from json_handler import JsonHandler


class Recorder(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.effects = []  # (run, call, key, value, life), in the order in which they came
        self.life = 0  # of the server that calls; set by who starts it
        self.lives = {}  # address of a connection → the life in which it was made
        self.jobs = []  # {"key", "run", "end", "looks"}; a job's number is its place
        self.strange = []  # what nobody should have asked for
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request, client_address):
        """On the one thread that takes connections, in the order in which they were made: none of a life comes after one of the next."""
        self.lives[client_address] = self.life
        super().process_request(request, client_address)

    def effect(self, body, key, address):
        with self.lock:
            self.effects.append((body["run"], body["call"], key, body.get("value"), self.lives[address]))

    def job(self, body, key):
        """The number of the job of KEY."""
        with self.lock:
            for number, job in enumerate(self.jobs):
                if job["key"] == key:
                    return number
            self.jobs.append({"key": key, "run": body["run"], "end": body["end"], "looks": 0})
            return len(self.jobs) - 1

    def look(self, path):
        """The status of the job at PATH, None if there is none."""
        number = path.rsplit("/", 1)[-1]
        with self.lock:
            if not number.isdigit() or int(number) >= len(self.jobs):
                self.strange.append(f"GET {path}")
                return None
            job = self.jobs[int(number)]
            job["looks"] += 1
            return job["end"] if job["looks"] > 1 else "RUNNING"

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(JsonHandler):
    disable_nagle_algorithm = True

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        self.server.effect(body, key, self.client_address)
        if self.path != "/job":
            self.answer(400 if self.path == "/refuse" else 200, {"seen": body["call"]})
            return
        url = f"{self.server.url}/job/{self.server.job(body, key)}"
        self.answer(201, {"status_url": url}, Location=url)

    def do_GET(self):
        status = self.server.look(self.path)
        self.answer(200 if status else 404, {"status": status})

    def handle(self):
        try:
            super().handle()
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server was killed
