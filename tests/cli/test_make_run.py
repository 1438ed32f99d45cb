"""What `make run` does once it has built: a server, a first run, and lines that say what to try next."""

import os
import re
import select
import signal
import subprocess

import pytest

from reader import Reader
from server import PATIENCE, ROOT, program


@pytest.fixture
def reader(tmp_path):
    with Reader(tmp_path) as one:
        yield one


@pytest.fixture
def make_run(reader):
    """scripts/run until its closing lines, and what it has shown by then."""
    process = subprocess.Popen([ROOT / "scripts/run"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env={**reader.environment, "GENNAKER": str(program())})
    shown = ""
    while "The guide:" not in shown:
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        assert ready, shown
        piece = os.read(process.stdout.fileno(), 65536)
        assert piece, shown
        shown += piece.decode()
    yield process, shown
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_it_serves_and_runs_the_first_example(make_run):
    process, shown = make_run
    assert "listening on http://127.0.0.1:" in shown and "✔ hello SUCCEEDED" in shown
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE) == 0


def test_every_line_that_it_says_to_try_works(make_run, reader):
    _, shown = make_run
    lines = [re.sub(r"\s{2,}#.*", "", line.strip()) for line in shown.splitlines() if line.startswith("    ")]
    assert len(lines) == 6
    shell = reader.shell()
    for line in lines:
        # Nobody can be asked here, so the option answers.
        line += " --judge continue=blue" if "--watch" in line else ""
        status, output = shell.run(line)
        assert status == 0, f"{line}\n{output}"
    for path in re.findall(r"docs/\S+\.md", shown):
        assert (ROOT / path).exists()


def test_a_port_that_is_taken_is_told(make_run, reader):
    done = subprocess.run([ROOT / "scripts/run"], text=True, capture_output=True, timeout=PATIENCE, check=False,
                          env={**reader.environment, "GENNAKER": str(program())})
    assert done.returncode == 1 and "something listens on" in done.stderr
