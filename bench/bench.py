#!/usr/bin/python3
"""Benchmarks of the release binary: each is one command, `bench/bench.py NAME`, after `make build`.

Everything runs on this machine, against build/gennaker (or $GENNAKER_BIN) with SQLite and synchronous=FULL, in a temporary
directory (or $GENNAKER_BENCH_DIR). Beside each figure stands what the disk can do: fdatasync a second. Quote ratios, the machine is noisy.
"""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("GENNAKER_BIN", str(ROOT / "build" / "gennaker"))


class Server:
    """One `gennaker serve` on a free port, with a data directory that may outlive it."""

    def __init__(self, data_dir):
        self.started = time.monotonic()
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if not found:
            sys.exit(f"the server did not start: {line}")
        self.port = int(found[1])

    def call(self, method, path, body=None, connection=None):
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port)
        own.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = own.getresponse()
        text = answer.read()
        if not connection:
            own.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def fdatasyncs(directory):
    path = os.path.join(directory, "sync-test")
    with open(path, "wb", 0) as file:
        end, count = time.monotonic() + 0.5, 0
        while time.monotonic() < end:
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    os.unlink(path)
    return count * 2


def chain(name, length, stage):
    stages = [dict(stage, refId=str(i), requisiteStageRefIds=[str(i - 1)] if i else []) for i in range(length)]
    return {"application": "bench", "name": name, "stages": stages}


NOOP = {"type": "wait", "waitTime": 0}


def wait_complete(server, run_id):
    while True:
        execution = server.call("GET", f"/pipelines/{run_id}?expand=false")
        if execution["status"] not in ("NOT_STARTED", "RUNNING"):
            return execution
        time.sleep(0.002)


def bench_start(directory):
    """Start to first answer."""
    times = []
    for i in range(20):
        server = Server(f"{directory}/start-{i % 2}")
        server.call("GET", "/version")
        times.append((time.monotonic() - server.started) * 1000)
        server.kill()
    print(f"start to first answer: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms (20 starts)")


def bench_chain(directory):
    """Chains of 1,000 and 10,000 stages, one run at a time."""
    server = Server(f"{directory}/chain")
    for length in (1000, 10000):
        begun = time.monotonic()
        ref = server.call("POST", "/pipelines/start", chain("chain", length, NOOP))["ref"]
        execution = wait_complete(server, ref.split("/")[-1])
        wall = time.monotonic() - begun
        assert execution["status"] == "SUCCEEDED", execution["status"]
        print(f"chain of {length} stages: {execution['endTime'] - execution['startTime']} ms in the run, {wall * 1000:.0f} ms with submission")
    server.stop()


def start_many(server, config_id, count, threads=2):
    def part(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for _ in range(number):
            server.call("POST", f"/pipelines/bench/{config_id}", {"type": "manual"}, connection)
        connection.close()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, [count // threads] * threads))


def save(server, document):
    server.call("POST", "/pipelines", document)
    return server.call("GET", f"/applications/bench/pipelineConfigs/{document['name']}")["id"]


def active(server, config_id):
    found = server.call("GET", f"/executions?pipelineConfigIds={config_id}&limit=100000&statuses=NOT_STARTED,RUNNING&expand=false")
    return len(found)


def bench_runs(directory):
    """1,000 runs of 10 no-op stages each, started through the API by two connections."""
    server = Server(f"{directory}/runs")
    config_id = save(server, chain("ten", 10, NOOP))
    begun = time.monotonic()
    start_many(server, config_id, 1000)
    posted = time.monotonic() - begun
    while active(server, config_id):
        time.sleep(0.01)
    wall = time.monotonic() - begun
    print(f"1,000 runs x 10 stages: all complete after {wall * 1000:.0f} ms ({1000 / wall:.0f} runs/s, {10000 / wall:.0f} stages/s); "
          f"acknowledged after {posted * 1000:.0f} ms")
    server.stop()


def bench_resume(directory):
    """1,000 runs that wait; kill -9; start to first answer, and until all have ended."""
    server = Server(f"{directory}/resume")
    config_id = save(server, chain("waiting", 3, {"type": "wait", "waitTime": 2}))
    start_many(server, config_id, 1000)
    server.kill()
    server = Server(f"{directory}/resume")
    server.call("GET", "/version")
    first = time.monotonic() - server.started
    while active(server, config_id):
        time.sleep(0.02)
    ended = time.monotonic() - server.started
    failed = server.call("GET", f"/executions?pipelineConfigIds={config_id}&limit=100000&statuses=TERMINAL,CANCELED&expand=false")
    print(f"resume of 1,000 runs after kill -9: first answer {first * 1000:.0f} ms, all ended well {ended:.2f} s after the start "
          f"(3 waits of 2 s each), {len(failed)} failed")
    server.stop()


def bench_idle(directory):
    """Memory at rest, and with 10,000 waiting runs."""
    server = Server(f"{directory}/idle")
    server.call("GET", "/version")
    print(f"idle: {server.rss_mib():.1f} MiB")
    config_id = save(server, chain("long", 1, {"type": "wait", "waitTime": 36000}))
    start_many(server, config_id, 10000)
    print(f"with 10,000 waiting runs: {server.rss_mib():.1f} MiB")
    server.kill()


BENCHES = {name[6:]: function for name, function in globals().items() if name.startswith("bench_")}


def main():
    names = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        lines = [f"  {name:8} {function.__doc__}" for name, function in BENCHES.items()]
        sys.exit("usage: bench/bench.py [NAME…]\n" + "\n".join(lines))
    base = os.environ.get("GENNAKER_BENCH_DIR")
    directory = tempfile.mkdtemp(prefix="gennaker-bench-", dir=base)
    try:
        print(f"disk: {fdatasyncs(directory)} fdatasync/s of 4 kB")
        for name in names:
            BENCHES[name](directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
