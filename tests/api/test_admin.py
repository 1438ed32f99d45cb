"""What those who run a server need: copies of the database, old runs, a disk that gets full, the state of a stuck run."""

import os
import sqlite3
import subprocess
import threading

import pytest

import server as lib
from server import Server, wait_until

TOKEN = "t" * 20
LONG = {"type": "wait", "refId": "1", "waitTime": 3600}
SHORT = {"type": "wait", "refId": "1", "waitTime": 0}


def gennaker(*arguments, **variables):
    return subprocess.run([lib.program(), *map(str, arguments)], text=True, capture_output=True, timeout=lib.PATIENCE,
                          env=lib.environment(**variables))


# ---- state


def test_the_state_says_what_waits(server, app):
    server.save(app, "p", [LONG])
    run = server.run(app, "p")
    stage = wait_until(lambda: [row for row in server.get(f"/admin/state?id={run}").json()[run] if row.get("nextLook")])[0]
    assert (stage["refId"], stage["type"], stage["inFlight"], stage["waitsFor"]) == ("1", "wait", False, [])
    assert run in server.get("/admin/state").json()
    assert server.get("/admin/state?id=unknown").status == 404


# ---- backup


def test_a_copy_is_taken_while_the_server_works(tmp_path):
    with Server(tmp_path / "data") as one:
        one.save("demo", "p", [SHORT])
        first = one.run("demo", "p")
        one.wait_for(first)
        stop, failed = threading.Event(), []

        def work():
            while not stop.is_set():
                answer = one.post("/pipelines/demo/p", {})
                if answer.status != 202:
                    failed.append(answer.body)
        worker = threading.Thread(target=work)
        worker.start()
        try:
            copies = [tmp_path / f"copy{i}.db" for i in range(3)]
            for copy in copies:
                done = gennaker("backup", copy, "--data-dir", tmp_path / "data")
                assert done.returncode == 0, done.stderr
                assert "1 pipelines" in done.stdout
        finally:
            stop.set()
            worker.join()
        assert failed == []
    assert os.stat(copies[0]).st_mode & 0o777 == 0o600
    # A copy is a data directory of its own.
    (tmp_path / "restored").mkdir(mode=0o700)
    os.rename(copies[0], tmp_path / "restored/gennaker.db")
    with Server(tmp_path / "restored") as two:
        assert two.get(f"/pipelines/{first}").json()["status"] == "SUCCEEDED"
        assert two.get("/applications/demo/pipelineConfigs/p").status == 200


def test_a_copy_is_taken_of_a_server_that_is_down(tmp_path):
    one = Server(tmp_path / "data").start()
    one.save("demo", "p", [LONG])
    one.kill()
    done = gennaker("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "data")
    assert done.returncode == 0 and "1 pipelines" in done.stdout, done.stderr


def test_the_server_sends_a_copy_to_whom_it_knows(tmp_path):
    with Server(tmp_path / "data", GENNAKER_SERVER_AUTH_TOKEN=TOKEN) as one:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert one.post("/pipelines", {"application": "demo", "name": "p", "stages": [], "x": "y" * 3000000}, **headers).status == 200
        url = f"http://127.0.0.1:{one.port}"
        done = gennaker("backup", tmp_path / "copy.db", "--server", url, GENNAKER_TOKEN=TOKEN)
        assert done.returncode == 0 and "1 pipelines" in done.stdout, done.stderr
        assert os.stat(tmp_path / "copy.db").st_mode & 0o777 == 0o600
        assert os.stat(tmp_path / "copy.db").st_size > 3000000
        refused = gennaker("backup", tmp_path / "other.db", "--server", url)
        assert refused.returncode == 2 and not list(tmp_path.glob("other*"))
        assert not (tmp_path / "data/copy.tmp").exists()


def test_without_credentials_nobody_gets_a_copy(server):
    answer = server.post("/admin/backup")
    assert answer.status == 403 and "--data-dir" in answer.message()


def test_a_copy_replaces_nothing(tmp_path):
    with Server(tmp_path / "data"):
        (tmp_path / "copy.db").write_text("precious")
        done = gennaker("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "data")
        assert done.returncode == 2 and (tmp_path / "copy.db").read_text() == "precious"
        done = gennaker("backup", tmp_path / "no/such/copy.db", "--data-dir", tmp_path / "data")
        assert done.returncode != 0 and "no/such" in done.stderr


def test_what_is_no_data_directory_is_named(tmp_path):
    done = gennaker("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "nothing")
    assert done.returncode == 2 and "nothing" in done.stderr
    assert not (tmp_path / "nothing").exists() and not list(tmp_path.glob("copy*"))
    (tmp_path / "other").mkdir()
    sqlite3.connect(tmp_path / "other/gennaker.db").execute("CREATE TABLE t (x)")
    done = gennaker("backup", tmp_path / "copy.db", "--data-dir", tmp_path / "other")
    assert done.returncode == 2 and "no database of this program" in done.stderr and not list(tmp_path.glob("copy*"))


# ---- old runs


def ids(server, application="demo"):
    return [row["id"] for row in server.get(f"/applications/{application}/executions/search?size=1000").json()]


def test_of_each_pipeline_only_the_newest_runs_stay(tmp_path):
    with Server(tmp_path / "data", GENNAKER_RETENTION_MAXRUNS="3", GENNAKER_RETENTION_INTERVAL="1") as one:
        one.save("demo", "p", [SHORT])
        one.save("demo", "q", [SHORT])
        one.save("demo", "long", [LONG])
        running = [one.run("demo", "long") for _ in range(5)]
        runs = [one.run("demo", "p") for _ in range(8)]
        others = [one.run("demo", "q") for _ in range(2)]
        loose = [one.post("/pipelines/start", {"application": "demo", "name": "x", "stages": [SHORT]}).json()["ref"].rsplit("/", 1)[1]
                 for _ in range(5)]
        expected = set(runs[-3:] + others + loose[-3:] + running)
        wait_until(lambda: set(ids(one)) == expected, "the retention")
        assert one.get(f"/pipelines/{runs[0]}").status == 404
        assert one.get(f"/executions/{runs[0]}/events").status == 404
    assert "old runs were deleted" in one.errors.read_text()


def test_old_runs_go_but_not_the_newest_of_a_pipeline(tmp_path):
    one = Server(tmp_path / "data").start()
    one.save("demo", "p", [SHORT])
    one.save("demo", "long", [LONG])
    going = one.run("demo", "long")
    runs = [one.run("demo", "p") for _ in range(6)]
    for run in runs:
        one.wait_for(run)
    one.stop()
    database = sqlite3.connect(tmp_path / "data/gennaker.db")
    database.execute("UPDATE executions SET build_ms = build_ms - 40 * 86400000")
    database.commit()
    database.close()
    with Server(tmp_path / "data", GENNAKER_RETENTION_DAYS="30", GENNAKER_RETENTION_MINRUNS="2", GENNAKER_RETENTION_INTERVAL="1") as two:
        young = two.run("demo", "p")
        wait_until(lambda: set(ids(two)) == {young, runs[-1], going}, "the retention")


def test_without_settings_nothing_is_deleted(tmp_path):
    with Server(tmp_path / "data", GENNAKER_RETENTION_INTERVAL="1") as one:
        one.save("demo", "p", [SHORT])
        runs = [one.run("demo", "p") for _ in range(8)]
        for run in runs:
            one.wait_for(run)
        one.wait_for(one.post("/pipelines/start", {"application": "demo", "name": "pause", "stages": [
            {"type": "wait", "refId": "1", "waitTime": 2}]}).json()["ref"].rsplit("/", 1)[1])
        assert set(runs) <= set(ids(one))


@pytest.mark.parametrize("name, value", [
    ("DAYS", "-1"), ("DAYS", "soon"), ("MAXRUNS", "-3"), ("INTERVAL", "0")])
def test_a_retention_that_cannot_be_is_refused(tmp_path, name, value):
    done = gennaker("serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data", **{f"GENNAKER_RETENTION_{name}": value})
    assert done.returncode == 2 and "retention." in done.stderr


# ---- a disk that gets full


def test_before_the_disk_is_full_new_runs_are_refused_and_the_rest_goes_on(tmp_path):
    one = Server(tmp_path / "data").start()
    one.save("demo", "p", [LONG])
    run = one.run("demo", "p")
    one.stop()
    with Server(tmp_path / "data", GENNAKER_DATA_MINFREEMB="1000000000") as two:
        for path, body in (("/pipelines/demo/p", {}), ("/pipelines/v2/demo/p", {}),
                           ("/pipelines/start", {"application": "demo", "name": "x", "stages": []})):
            answer = two.post(path, body)
            assert answer.status == 503 and "nearly full" in answer.message()
        stage = two.get(f"/pipelines/{run}").json()["stages"][0]["id"]
        assert two.patch(f"/pipelines/{run}/stages/{stage}", {"skipRemainingWait": True}).status == 200
        assert two.wait_for(run)["status"] == "SUCCEEDED"
        assert two.delete(f"/pipelines/{run}").status == 200  # it makes space
        assert b"gennaker_starts_refused 1" in two.get("/metrics").body
    assert "new runs are refused" in two.errors.read_text()


def test_a_disk_that_gets_full_is_told(tmp_path):
    with Server(tmp_path / "data", GENNAKER_DATA_WARNFREEMB="1000000000") as one:
        one.save("demo", "p", [SHORT])
        assert one.wait_for(one.run("demo", "p"))["status"] == "SUCCEEDED"
    assert "getting full" in one.errors.read_text()
