"""The command itself: where it listens, where its data is, how it ends and goes on."""

import os
import signal
import socket
import subprocess

import pytest

import server as lib
from server import Server

LONG_WAIT = {"type": "wait", "refId": "1", "name": "Wait", "waitTime": 3600}
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: secret-token}}]
"""
ANY_URL = {
    "GENNAKER_USERCONFIGUREDURLRESTRICTIONS_REJECTLOCALHOST": "false",
    "GENNAKER_USER_CONFIGURED_URL_RESTRICTIONS_REJECT_VERBATIM_IPS": "false",
    "GENNAKER_USERCONFIGUREDURLRESTRICTIONS_ALLOWEDHOSTNAMESREGEX": ".*",
}


def serve(*arguments, directory, **variables):
    """Runs the command, which ends by itself: (status, what it said)."""
    done = subprocess.run([lib.program(), "serve", "--data-dir", str(directory), *arguments], text=True,
                          env=lib.environment(**variables), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=lib.PATIENCE)
    return done.returncode, done.stderr


def test_a_port_in_use_is_one_clear_line(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = serve("--listen", f"127.0.0.1:{port}", directory=data_dir)
    assert status == 1
    assert said.count("\n") == 1
    assert f"127.0.0.1:{port}" in said and "in use" in said


def test_a_data_directory_in_use_says_who_has_it(data_dir):
    with Server(data_dir) as running:
        status, said = serve("--listen", "127.0.0.1:0", directory=data_dir)
        assert status == 1
        assert str(running.process.pid) in said
        assert said.count("\n") == 1


def test_a_data_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    status, said = serve("--listen", "127.0.0.1:0", directory=tmp_path / "file/data")
    assert status == 1
    assert str(tmp_path / "file") in said


@pytest.mark.parametrize("where", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"])
def test_it_listens_on_loopback_only(data_dir, where):
    status, said = serve("--listen", where, directory=data_dir)
    assert status == 2
    assert "authentication" in said
    assert not data_dir.exists()


@pytest.mark.parametrize("arguments, word", [
    (["--listen", "nonsense"], "HOST:PORT"), (["--listen", "127.0.0.1:99999"], "HOST:PORT"), (["--lisen", "x"], "--listen"),
    (["extra"], "extra"), (["--config", "/nothing.yml"], "/nothing.yml")])
def test_wrong_usage(data_dir, arguments, word):
    status, said = serve(*arguments, directory=data_dir)
    assert status == 2
    assert word in said


@pytest.mark.parametrize("text, word", [
    ("server: {port: many}", "server.port"), ("server: {port: 70000}", "server.port"), ("- a", "expected"),
    ("server: [", "line "), ("log: {level: loud}", "log.level"),
    ("user-configured-url-restrictions: {allowedHostnamesRegex: '('}", "allowedHostnamesRegex"),
    ("kubernetes: {accounts: [{context: x}]}", "kubernetes.accounts[0]")])
def test_wrong_settings(data_dir, tmp_path, text, word):
    (tmp_path / "g.yml").write_text(text)
    status, said = serve("--config", str(tmp_path / "g.yml"), directory=data_dir)
    assert status == 2
    assert word in said


def test_help():
    done = subprocess.run([lib.program(), "serve", "--help"], capture_output=True, text=True, timeout=lib.PATIENCE)
    assert done.returncode == 0
    assert "--data-dir DIR" in done.stdout


def test_settings_come_from_the_file_and_the_environment_over_it(tmp_path):
    (tmp_path / "gennaker.yml").write_text(
        f"server: {{port: 1, host: localhost}}\ndata: {{dir: {tmp_path}/from-file}}\nlog: {{levle: debug, format: json}}\n")
    process = subprocess.Popen([lib.program(), "serve"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=lib.environment(GENNAKER_SERVER_PORT="0"))
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=lib.PATIENCE)[1]
    assert process.returncode == 0
    assert line.startswith("listening on http://127.0.0.1:") and f"(data in {tmp_path}/from-file)" in line
    assert '"log.levle"' in said and 'did you mean \\"level\\"' in said


def test_accounts_come_from_the_environment_too(data_dir, tmp_path):
    (tmp_path / "config").write_text(KUBECONFIG)
    with Server(data_dir, GENNAKER_KUBERNETES_ACCOUNTS_0_NAME="prod",
                GENNAKER_KUBERNETES_ACCOUNTS_0_KUBECONFIGFILE=str(tmp_path / "config")) as running:
        account = running.get("/credentials/prod").json()
        assert (account["name"], account["cloudProvider"], account["authorized"]) == ("prod", "kubernetes", True)
        everything = running.get("/credentials?expand=true").body
        assert b"https://127.0.0.1:1" in everything and b"secret-token" not in everything


def test_accounts_come_from_a_kubeconfig_when_the_settings_have_none(data_dir, tmp_path):
    (tmp_path / "config").write_text(KUBECONFIG)
    with Server(data_dir, "--kubeconfig", str(tmp_path / "config")) as running:
        assert {row["name"] for row in running.get("/credentials").json()} == {"default", "c"}
    status, said = serve("--kubeconfig", str(tmp_path / "config"), directory=data_dir,
                         GENNAKER_KUBERNETES_ACCOUNTS_0_NAME="prod")
    assert status == 2
    assert "kubernetes.accounts" in said


def test_the_data_is_under_the_home_directory_by_default(tmp_path):
    process = subprocess.Popen([lib.program(), "serve", "--listen", ":0"], text=True, stdout=subprocess.PIPE, cwd=tmp_path,
                               stderr=subprocess.DEVNULL, env=lib.environment(XDG_DATA_HOME=str(tmp_path / "x")))
    line = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=lib.PATIENCE)
    assert f"(data in {tmp_path}/x/gennaker)" in line
    assert (tmp_path / "x/gennaker/gennaker.db").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_goes_on_after_a_restart(data_dir, number):
    first = Server(data_dir).start()
    first.save("demo", "p", [LONG_WAIT])
    run = first.run("demo", "p")
    stage = first.wait_for(run, "RUNNING")["stages"][0]["id"]
    stream = first.stream("/events")
    assert first.stop(number) == (-number if number == signal.SIGKILL else 0)
    stream.close()
    with Server(data_dir) as second:
        assert second.get(f"/pipelines/{run}").json()["status"] == "RUNNING"
        assert second.patch(f"/pipelines/{run}/stages/{stage}", {"skipRemainingWait": True}).status == 200
        assert second.wait_for(run)["status"] == "SUCCEEDED"
        assert second.get("/applications/demo/pipelineConfigs/p").status == 200


def test_while_it_stops_writes_are_refused_and_a_second_signal_ends_it_at_once(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = Server(data_dir, **ANY_URL).start()
        url = "http://127.0.0.1:%d/" % silent.getsockname()[1]
        running.save("demo", "p", [{"type": "webhook", "refId": "1", "name": "Call", "url": url, "method": "GET"}])
        run = running.run("demo", "p")
        connection, _ = silent.accept()  # the call is on its way and will not be answered
        with connection:
            running.process.send_signal(signal.SIGTERM)
            # Deleting what is not there changes nothing and answers 200.
            refused = lib.wait_until(lambda: (answer := running.delete("/pipelines/demo/none")).status != 200 and answer)
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "1"
            assert running.get(f"/pipelines/{run}").json()["status"] == "RUNNING"
            assert running.stop() == 128 + signal.SIGTERM


def test_no_pipeline_may_call_the_server_itself(data_dir):
    with Server(data_dir, **ANY_URL) as running:
        stage = {"type": "webhook", "refId": "1", "name": "Call", "method": "GET",
                 "url": f"http://127.0.0.1:{running.port}/health"}
        running.save("demo", "p", [stage])
        run = running.wait_for(running.run("demo", "p"))
        assert run["status"] == "TERMINAL"


def test_acknowledged_writes_survive_a_kill(data_dir):
    first = Server(data_dir).start()
    first.save("demo", "p", [LONG_WAIT])
    runs = [first.run("demo", "p") for _ in range(10)]
    first.kill()
    with Server(data_dir) as second:
        assert {run for run in runs if second.get(f"/pipelines/{run}").status == 200} == set(runs)


def test_the_database_is_private(data_dir):
    with Server(data_dir):
        assert os.stat(data_dir).st_mode & 0o777 == 0o700
        assert os.stat(data_dir / "gennaker.db").st_mode & 0o777 == 0o600
