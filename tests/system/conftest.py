"""What the system tests share: one Kubernetes control plane for the whole session."""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import control_plane  # noqa: E402

MISSING = pytest.StashKey()


@pytest.fixture(scope="session")
def _control_plane_binary(request):
    """Builds the binary if it never was, with the builder's messages on the terminal."""
    if request.config.stash.get(MISSING, None) is None:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            try:
                return control_plane.binary()
            except control_plane.Unavailable as error:
                request.config.stash[MISSING] = str(error)
    pytest.skip(request.config.stash[MISSING])


@pytest.fixture(scope="session")
def cluster(_control_plane_binary):
    """A running control_plane.ControlPlane with a Ready node."""
    with control_plane.ControlPlane(audit=True) as running:
        yield running


@pytest.fixture
def namespace(cluster):
    """The name of a namespace of this test alone."""
    return cluster.new_namespace()


def pytest_terminal_summary(terminalreporter, config):
    missing = config.stash.get(MISSING, None)
    if missing:
        terminalreporter.write_line("SYSTEM TESTS SKIPPED: " + missing, red=True, bold=True)
