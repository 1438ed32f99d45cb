"""What the tests of the API share: a server of their own for each module, and one for each test that asks."""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from server import Server  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of a file; they use applications of their own."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def app(request):
    """The name of an application of this test alone."""
    return re.sub(r"[^a-zA-Z0-9_-]", "", request.node.name.removeprefix("test_"))[:60]
