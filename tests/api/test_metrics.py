"""GET /metrics: the format of Prometheus, and numbers that follow what happens."""

import re
import socket
import subprocess
import time

import pytest

import server as lib
from server import Server

LONG = {"type": "wait", "refId": "1", "waitTime": 3600}
SHORT = {"type": "wait", "refId": "1", "waitTime": 0}
ANY_URL = {
    "GENNAKER_USERCONFIGUREDURLRESTRICTIONS_REJECTLOCALHOST": "false",
    "GENNAKER_USERCONFIGUREDURLRESTRICTIONS_REJECTVERBATIMIPS": "false",
    "GENNAKER_USERCONFIGUREDURLRESTRICTIONS_ALLOWEDHOSTNAMESREGEX": ".*",
}
SAMPLE = re.compile(r'^([a-z_]+)((?:\{[a-z]+="[^"\\]*"\})?) (-?[0-9.]+(?:[eE][-+]?[0-9]+)?)$')


@pytest.fixture
def running(tmp_path):
    with Server(tmp_path / "data") as one:
        yield one


def metrics(server, **headers):
    answer = server.get("/metrics", **headers)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found, types = {}, {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types  # a family stands in one piece
            types[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.match(line).groups()
            family = re.sub("_(bucket|sum|count)$", "", name) if name not in types else name
            assert family == list(types)[-1], line
            assert name + labels not in found
            found[name + labels] = float(value)
    assert set(types.values()) <= {"counter", "gauge", "histogram"}
    return found


def settled(server):
    """The numbers once no commit is under way: the store counts its sync, the engine hears of the commit a moment later."""
    deadline = time.monotonic() + 10
    while True:
        found = metrics(server)
        if found["gennaker_store_sync_seconds_count"] == found["gennaker_commits_total"] or time.monotonic() > deadline:
            return found


def test_every_number_is_explained(running):
    found = metrics(running)
    for name in ('gennaker_info{version="0.1.0"}', "gennaker_runs_active", "gennaker_runs_started_total", "gennaker_tasks_in_flight",
                 "gennaker_tasks_waiting_for_slot", "gennaker_tasks_waiting_for_worker", "gennaker_requests_queued", "gennaker_commits_total", "gennaker_store_bytes",
                 "gennaker_store_sync_seconds_sum", 'gennaker_store_sync_seconds_bucket{le="+Inf"}', "gennaker_store_free_bytes",
                 "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert name in found
    assert found["process_resident_memory_bytes"] > 1e6 and found["process_open_fds"] > 3
    assert found["gennaker_store_bytes"] + found["gennaker_store_log_bytes"] > 4096


def test_what_happens_is_counted(running):
    running.save("demo", "short", [SHORT])
    running.save("demo", "long", [LONG])
    before = settled(running)
    running.wait_for(running.run("demo", "short"))
    running.wait_for(running.run("demo", "long"), "RUNNING")
    after = settled(running)

    def change(name):
        return after[name] - before.get(name, 0)
    assert change("gennaker_runs_started_total") == 2 and change("gennaker_runs_active") == 1
    assert change('gennaker_runs_ended_total{status="SUCCEEDED"}') == 1
    assert change('gennaker_stages_ended_total{status="SUCCEEDED"}') == 1
    assert change("gennaker_commits_total") >= 3
    assert change("gennaker_store_sync_seconds_count") == change("gennaker_commits_total")
    assert change("gennaker_store_sync_seconds_sum") > 0


def test_buckets_add_up(running):
    running.save("demo", "short", [SHORT])
    found = metrics(running)
    counts = [value for name, value in found.items() if name.startswith("gennaker_store_commit_seconds_bucket")]
    assert len(counts) == 13 and counts == sorted(counts)
    assert counts[-1] == found["gennaker_store_commit_seconds_count"]


def test_numbers_want_credentials_where_there_are_some(tmp_path):
    token = "t" * 20
    with Server(tmp_path / "data", GENNAKER_SERVER_AUTH_TOKEN=token) as one:
        assert one.get("/metrics").status == 401
        assert metrics(one, Authorization=f"Bearer {token}")["gennaker_auth_failures_total"] == 0
        assert one.get("/metrics", Authorization="Bearer wrong").status == 401
        assert metrics(one, Authorization=f"Bearer {token}")["gennaker_auth_failures_total"] == 1


def test_tasks_beyond_the_slots_of_an_origin_wait_and_inspect_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, Server(tmp_path / "data", **ANY_URL) as one:
        url = "http://127.0.0.1:%d/" % silent.getsockname()[1]
        call = {"type": "webhook", "method": "GET", "url": url}
        one.save("demo", "p", [{**call, "refId": str(i), "name": f"Call {i}"} for i in range(20)])
        run = one.run("demo", "p")
        found = lib.wait_until(lambda: (it := metrics(one))["gennaker_tasks_waiting_for_slot"] == 4 and it)
        assert found["gennaker_tasks_in_flight"] == 20
        said = subprocess.run([lib.program(), "inspect", run, "--server", f"http://127.0.0.1:{one.port}"], text=True,
                              capture_output=True, timeout=lib.PATIENCE, env=lib.environment()).stdout
        assert said.count("waits for a slot of http://127.0.0.1:") == 4 and said.count("in flight for") == 16
        one.put(f"/pipelines/{run}/cancel")
        assert one.wait_for(run)["status"] == "CANCELED"
        lib.wait_until(lambda: metrics(one)["gennaker_tasks_waiting_for_slot"] == 0)
