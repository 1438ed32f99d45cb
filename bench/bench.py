#!/usr/bin/python3
"""Benchmarks of the release binary: `bench/bench.py NAME…` after `make build`, or `all`. README.md says what each means.

Everything runs on this machine, against build/gennaker (or $GENNAKER_BIN) with SQLite and synchronous=FULL, in a temporary
directory (or below $GENNAKER_BENCH_DIR). Each line gives the goal, what was measured, and the ratio of the two: below 1 is
better than the goal. Beside it stands the processor time of the server, which a busy machine changes least.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BINARY = os.environ.get("GENNAKER_BIN", str(HERE.parent / "build" / "gennaker"))
NOOP = {"type": "wait", "waitTime": 0}
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """One `gennaker serve` on a free port, with a data directory that may outlive it."""

    def __init__(self, data_dir):
        self.started = time.monotonic()
        self.data_dir = data_dir
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if not found:
            sys.exit(f"the server did not start: {line}")
        self.port = int(found[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def text(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return text

    def call(self, method, path, body=None):
        text = self.text(method, path, body)
        return json.loads(text) if text else None

    def metrics(self):
        lines = self.text("GET", "/metrics").decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def save(self, document):
        self.call("POST", "/pipelines", document)
        return self.call("GET", f"/applications/bench/pipelineConfigs/{document['name']}")["id"]

    def start(self, document):
        return self.call("POST", "/pipelines/start", document)["ref"].split("/")[-1]

    def wait_complete(self, run_id, every=0.002):
        while True:
            execution = self.call("GET", f"/pipelines/{run_id}?expand=false")
            if execution["status"] not in ("NOT_STARTED", "RUNNING"):
                assert execution["status"] == "SUCCEEDED", execution["status"]
                return execution
            time.sleep(every)

    def wait_metric(self, name, value, every=0.005):
        while (found := self.metrics()).get(name, 0) != value:
            time.sleep(every)
        return found

    def cpu(self):
        """Seconds of processor time so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


# ---- tools -------------------------------------------------------------------------------------------------------------


def fdatasync_ms(directory, seconds=0.5):
    """How long an fdatasync after 4 kB takes here and now: the median."""
    path, times = os.path.join(directory, "sync-test"), []
    with open(path, "wb", 0) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - begun) * 1000)
    os.unlink(path)
    return statistics.median(times)


def compiled(directory, name, *libraries):
    """The C program NAME.c beside this file, compiled."""
    program = os.path.join(directory, name)
    if not os.path.exists(program):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, HERE / f"{name}.c", *libraries], check=True)
    return program


def load(directory, server, connections, how_many, method, path, body=None):
    """Runs load.c against the server; HOW_MANY is a number of requests, or seconds as "60s"."""
    command = [compiled(directory, "load"), server.port, connections, how_many, method, path]
    if body is not None:
        file = os.path.join(directory, "body.json")
        pathlib.Path(file).write_text(json.dumps(body))
        command.append(file)
    result = json.loads(subprocess.run(map(str, command), check=True, capture_output=True).stdout)
    assert result["failed"] == 0, result
    return result


def report(what, goal, measured, unit, more="", bigger=False):
    """One line: ratio 1 is the goal, smaller is better."""
    ratio = goal / measured if bigger else measured / goal
    print(f"  {what:46} goal {goal:>9,.5g} {unit:9} measured {measured:>9,.5g}  ratio {ratio:6.2f}  {more}", flush=True)


def graph(name, stages, **more):
    return {"application": "bench", "name": name, "stages": stages, **more}


def chain(name, length, stage, **more):
    return graph(name, [dict(stage, refId=str(i), requisiteStageRefIds=[str(i - 1)] if i else [])
                        for i in range(length)], **more)


def counting(length):
    """Stages that count: each reads what the one before it has set."""
    document = chain("counting", length, {"type": "evaluateVariables"})
    for i, stage in enumerate(document["stages"]):
        stage["variables"] = [{"key": "count", "value": "${count + 1}" if i else 1}]
    return document


def of_size(document, size):
    """The document with a description that makes it SIZE bytes long."""
    document["description"] = "x" * (size - len(json.dumps(document)))
    return document


def p99_of(metrics, name):
    """The 99th percentile of a histogram, in ms, between the bounds of its bucket."""
    buckets = [(float(found[1]), count) for key, count in metrics.items()
               if (found := re.match(name + r'_bucket\{le="(.+)"\}', key))]
    wanted, below, seen = 0.99 * metrics[name + "_count"], 0.0, 0.0
    for bound, count in sorted(buckets):
        if count >= wanted:
            return 1000 * (below + (bound - below) * (wanted - seen) / (count - seen)) if bound < 1e9 else 1000.0
        below, seen = bound, count
    return 0.0


# ---- the measures ------------------------------------------------------------------------------------------------------


def bench_start(directory):
    """Start of the process to the first answer; median of 20."""
    times = []
    for i in range(20):
        with Server(f"{directory}/start-{i % 2}") as server:
            server.call("GET", "/version")
            times.append((time.monotonic() - server.started) * 1000)
    report("start to first answer", 20, statistics.median(times), "ms", f"worst {max(times):.1f}")


def bench_chain(directory):
    """Chains of 50, 200, 1,000 and 10,000 evaluateVariables stages, from the POST to the end being committed."""
    with Server(f"{directory}/chain") as server:
        for length in (50, 200, 1000, 10000):
            document = counting(length)
            cpu, begun = server.cpu(), time.monotonic()
            run_id = server.start(document)
            server.wait_metric("gennaker_runs_active", 0, every=0.001)
            wall, cpu = time.monotonic() - begun, server.cpu() - cpu
            execution = server.wait_complete(run_id)
            last = server.call("GET", f"/pipelines/{run_id}")["stages"][-1]
            assert last["outputs"]["count"] == length, last["outputs"]
            report(f"chain of {length:,}", 0.5 * length, wall * 1000, "ms",
                   f"{execution['endTime'] - execution['startTime']} ms of it in the run, {cpu * 1e6 / length:.0f} us of "
                   f"processor a stage")


def bench_fan(directory):
    """1 -> 1,000 -> 1 no-op stages; median of 5."""
    middle = [dict(NOOP, refId=str(i), requisiteStageRefIds=["first"]) for i in range(1000)]
    stages = [dict(NOOP, refId="first"), *middle,
              dict(NOOP, refId="last", requisiteStageRefIds=[str(i) for i in range(1000)])]
    with Server(f"{directory}/fan") as server:
        times = []
        for _ in range(5):
            begun = time.monotonic()
            server.start(graph("fan", stages))
            server.wait_metric("gennaker_runs_active", 0, every=0.001)
            times.append((time.monotonic() - begun) * 1000)
        report("fan 1 -> 1,000 -> 1", 200, statistics.median(times), "ms", f"worst {max(times):.0f}")


def report_runs(directory, server, runs, wall, cpu, what):
    metrics = server.metrics()
    stages, commits = 10 * runs, metrics["gennaker_commits_total"]
    server.stop()
    bare = json.loads(subprocess.run(
        [compiled(directory, "bare", "-lsqlite3"), f"{server.data_dir}/gennaker.db", f"{directory}/bare.db", str(int(commits))],
        check=True, capture_output=True).stdout)
    for file in pathlib.Path(directory).glob("bare.db*"):
        file.unlink()
    report(what, 50000, stages / wall, "stages/s",
           f"{commits / wall:.0f} commits/s, p99 of one {p99_of(metrics, 'gennaker_store_commit_seconds'):.1f} ms, "
           f"{cpu * 1e6 / stages:.1f} us of processor a stage", bigger=True)
    report("  of what bare SQLite does", 0.5, bare["seconds"] / wall, "", f"{stages / bare['seconds']:,.0f} stages/s: "
           f"{bare['rows'] / stages:.1f} rows each, {bare['commits']} commits", bigger=True)


def bench_burst(directory):
    """5,000 runs of 10 no-op stages, POSTed by 64 clients as fast as they are taken; and bare SQLite with the same rows."""
    server = Server(f"{directory}/burst")
    config_id = server.save(of_size(chain("ten", 10, NOOP), 1500))
    cpu, begun = server.cpu(), time.monotonic()
    load(directory, server, 64, 5000, "POST", f"/pipelines/bench/{config_id}", {"type": "manual"})
    server.wait_metric("gennaker_runs_completed_total", 5000)
    report_runs(directory, server, 5000, time.monotonic() - begun, server.cpu() - cpu, "runs x 10 stages, burst of 5,000")


def bench_minute(directory):
    """The same for 60 s."""
    server = Server(f"{directory}/minute")
    config_id = server.save(of_size(chain("ten", 10, NOOP), 1500))
    cpu, begun = server.cpu(), time.monotonic()
    done = load(directory, server, 64, "60s", "POST", f"/pipelines/bench/{config_id}", {"type": "manual"})
    server.wait_metric("gennaker_runs_completed_total", done["requests"])
    report_runs(directory, server, done["requests"], time.monotonic() - begun, server.cpu() - cpu, "runs x 10 stages, over 60 s")
    shutil.rmtree(server.data_dir)


def judgment_ms(server, run_id, stage_id, patch):
    """From the PATCH to the event that the next stage runs, which comes after its commit."""
    with contextlib.ExitStack() as stack:
        events, request = (stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(2))
        events.sendall(f"GET /executions/{run_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                       "Accept: text/event-stream\r\n\r\n".encode())
        while select.select([events], [], [], 0.05)[0]:  # what has been until now
            events.recv(1 << 20)
        head = f"PATCH /pipelines/{run_id}/stages/{stage_id} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        begun = time.monotonic()
        request.sendall((head + f"Content-Type: application/json\r\nContent-Length: {len(patch)}\r\n\r\n{patch}").encode())
        seen = b""
        while not re.search(rb'"ref":"next"[^\n]*"status":"(RUNNING|SUCCEEDED)"', seen):
            seen += events.recv(1 << 20)
        return (time.monotonic() - begun) * 1000


def bench_judgment(directory):
    """PATCH of a judgment to the next stage's start, seen in the event stream; median of 40."""
    stages = [{"type": "manualJudgment", "refId": "judge"}, dict(NOOP, refId="next", requisiteStageRefIds=["judge"])]
    with Server(f"{directory}/judgment") as server:
        times, syncs = [], []
        for _ in range(40):
            run_id = server.start(graph("judgment", stages))
            while (stage := server.call("GET", f"/pipelines/{run_id}")["stages"][0])["status"] != "RUNNING":
                time.sleep(0.002)
            times.append(judgment_ms(server, run_id, stage["id"], '{"judgmentStatus": "continue"}'))
            syncs.append(fdatasync_ms(directory, 0.02))
        sync = statistics.median(syncs)
        report("judgment to the next stage's start", 1 + 3 * sync, statistics.median(times), "ms",
               f"= 1 ms and {max(0, statistics.median(times) - 1) / sync:.1f} fdatasyncs of {sync:.2f} ms")


def bench_get(directory):
    """GET of a run with 200 stages over one kept-alive connection; median of 1,000."""
    with Server(f"{directory}/get") as server:
        run_id = server.start(counting(200))
        server.wait_complete(run_id)
        size, cpu = len(server.text("GET", f"/pipelines/{run_id}")), server.cpu()
        done = load(directory, server, 1, 1000, "GET", f"/pipelines/{run_id}")
        report("GET of a run with 200 stages", 1, done["p50_ms"], "ms", f"p99 {done['p99_ms']:.1f}, {size / 1024:.0f} kB, "
               f"{(server.cpu() - cpu) * 1000:.0f} us of processor each")


def bench_resume(directory):
    """1,000 runs that wait, killed; all are due when it starts again: until each task was handed out, and that committed."""
    server = Server(f"{directory}/resume")
    config_id = server.save(of_size(chain("waiting", 1, {"type": "wait", "waitTime": 4}), 1500))
    begun = time.monotonic()
    load(directory, server, 64, 1000, "POST", f"/pipelines/bench/{config_id}", {"type": "manual"})
    while server.metrics()["gennaker_runs_active"] < 1000:
        time.sleep(0.01)
    server.kill()
    assert time.monotonic() - begun < 4, "too slow a machine: the first waits have ended before the kill"
    time.sleep(4.1)
    with Server(f"{directory}/resume") as server:
        server.call("GET", "/version")
        first = time.monotonic() - server.started
        server.wait_metric("gennaker_runs_completed_total", 1000)
        wall = time.monotonic() - server.started
        report("resume of 1,000 runs after SIGKILL", 500, wall * 1000, "ms",
               f"first answer after {first * 1000:.0f} ms, {server.cpu() * 1000:.0f} ms of processor")


def bench_post(directory):
    """POST that starts a run which waits, answered when it is durable; 64 clients, 20,000 requests."""
    with Server(f"{directory}/post") as server:
        config_id = server.save(of_size(chain("waiting", 1, {"type": "wait", "waitTime": 36000}), 1500))
        cpu = server.cpu()
        done = load(directory, server, 64, 20000, "POST", f"/pipelines/bench/{config_id}", {"type": "manual"})
        cpu, commits = server.cpu() - cpu, server.metrics()["gennaker_commits_total"]
        report("POST that starts a waiting run, 64 clients", 20000, done["requests"] / done["seconds"], "/s",
               f"p50 {done['p50_ms']:.1f}, p99 {done['p99_ms']:.1f} ms, {20000 / commits:.0f} a commit; of processor: server "
               f"{cpu * 50:.0f} us, client {done['client_cpu_seconds'] * 50:.0f} us each", bigger=True)


def bench_memory(directory):
    """Resident memory at rest, and with 10,000 waiting runs."""
    with Server(f"{directory}/memory") as server:
        server.call("GET", "/version")
        report("memory at rest", 25, server.rss_mib(), "MiB")
        config_id = server.save(of_size(chain("waiting", 1, {"type": "wait", "waitTime": 36000}), 1500))
        load(directory, server, 64, 10000, "POST", f"/pipelines/bench/{config_id}", {"type": "manual"})
        time.sleep(1)
        report("memory with 10,000 waiting runs", 120, server.rss_mib(), "MiB")


BENCHES = {name[6:]: function for name, function in globals().items() if name.startswith("bench_")}


def main():
    names = sys.argv[1:]
    if not names or any(name not in BENCHES and name != "all" for name in names):
        lines = [f"  {name:9} {function.__doc__}" for name, function in BENCHES.items()]
        sys.exit("usage: bench/bench.py all|NAME…\n" + "\n".join(lines))
    directory = tempfile.mkdtemp(prefix="gennaker-bench-", dir=os.environ.get("GENNAKER_BENCH_DIR"))
    try:
        for name in BENCHES if "all" in names else names:
            sync, load_now = fdatasync_ms(directory), os.getloadavg()[0]
            print(f"{name}: this disk does {1000 / sync:,.0f} fdatasync/s of 4 kB ({sync:.2f} ms each), load {load_now:.1f}")
            BENCHES[name](directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
