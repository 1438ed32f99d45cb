"""The unit of systemd: systemd reads it, finds it tight, and its command is one that there is."""

import re
import shutil
import subprocess

import pytest

from server import ROOT

UNIT = ROOT / "packaging/gennaker.service"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_service_is_tight():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(UNIT)], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_knows_every_directive():
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(UNIT)], text=True, capture_output=True)
    assert "Unknown" not in done.stderr and "Failed to parse" not in done.stderr, done.stderr


def test_its_command_exists(gennaker):
    command = re.search(r"^ExecStart=/\S+/gennaker (\w+) (.*)$", UNIT.read_text(), re.M)
    said = gennaker(command[1], "--help").stdout
    options = re.findall(r"--[a-z-]+", command[2])
    assert options and all(option in said for option in options)


def test_every_setting_of_the_guide_is_known(gennaker, write):
    guide = (ROOT / "docs/guide/en/server.md").read_text()
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", guide, re.S)):
        if "scrape_configs" in text:
            continue
        path = write(f"{number}.yml", re.sub(r"\w+File: .*", "", text))
        done = gennaker("run", "--config", path, "-", input='{"stages": [{"type": "wait", "waitTime": 0}]}')
        assert "unknown key" not in done.stderr and done.returncode == 0, done.stderr
