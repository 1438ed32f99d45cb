"""What the tests of the command line share: running the program as a user would."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from server import PATIENCE, ROOT, Server, environment, program  # noqa: E402


@pytest.fixture
def gennaker(tmp_path):
    """Runs `gennaker ARGUMENTS` in an empty directory, without anybody's kubeconfig; the finished process."""
    def run(*arguments, input=None, **variables):
        return subprocess.run([program(), *map(str, arguments)], cwd=tmp_path, input=input, text=True, capture_output=True,
                              timeout=PATIENCE, check=False,
                              env=environment(HOME=str(tmp_path), KUBECONFIG=os.devnull, **variables))
    return run


@pytest.fixture
def start_gennaker(tmp_path):
    """Starts one and gives the process back; it does not outlive the test."""
    started = []

    def start(*arguments, **variables):
        process = subprocess.Popen([program(), *map(str, arguments)], cwd=tmp_path, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(HOME=str(tmp_path), KUBECONFIG=os.devnull, **variables))
        started.append(process)
        return process
    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def write(tmp_path):
    """Writes a file of the test's directory and gives its path."""
    def write_file(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write_file


@pytest.fixture
def examples():
    return ROOT / "examples"


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data") as running:
        yield running
