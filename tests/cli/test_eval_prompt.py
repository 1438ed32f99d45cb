"""gennaker eval -i, on a terminal of its own."""

import json
import os
import pty
import re
import select
import signal
import stat
import termios
import time

import pytest

from server import PATIENCE, environment, program

RUN = {"id": "01E", "application": "app", "name": "p", "status": "RUNNING", "trigger": {"parameters": {"environment": "prod"}},
       "stages": [{"id": "s1", "refId": "1", "name": "Bake it", "type": "bake", "status": "SUCCEEDED",
                   "context": {"packageName": "nginx", "odd key": 1}}]}


class Prompt:
    def __init__(self, directory, *arguments, **variables):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(directory)
            os.execve(program(), ["gennaker", "eval", "-i", *map(str, arguments)],
                      environment(HOME=str(directory), TERM="vt100", LC_ALL="C.UTF-8", **variables))
        self.screen = ""

    def until(self, text):
        """Everything up to TEXT, which is taken off the screen."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.screen:
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.screen!r}"
            self.screen += os.read(self.terminal, 4096).decode(errors="replace")
        before, _, self.screen = self.screen.partition(text)
        return before

    def until_prompt(self):
        """Everything up to the next prompt, whose editor has the terminal: before it does, the terminal itself takes the control characters."""
        before = self.until("> ")
        deadline = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.terminal)[3] & termios.ICANON:
            assert time.monotonic() < deadline, "the editor does not take the terminal"
            time.sleep(0.001)
        return before

    def type(self, text):
        os.write(self.terminal, text.encode())

    def ask(self, text):
        """What is printed for TEXT."""
        self.type(text + "\n")
        self.until("\r\n")
        return self.until_prompt().replace("\r\n", "\n").rstrip("\n")

    def end(self):
        self.type("\x04")
        deadline = time.monotonic() + PATIENCE
        try:
            while select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                self.screen += os.read(self.terminal, 4096).decode(errors="replace")
            raise AssertionError(f"it did not end: {self.screen!r}")
        except OSError:
            pass  # the other side of the terminal is closed
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


@pytest.fixture
def prompt(tmp_path):
    started = []

    def start(*arguments, **variables):
        one = Prompt(tmp_path, *arguments, **variables)
        started.append(one)
        one.until_prompt()
        return one
    yield start
    for one in started:
        try:
            os.kill(one.child, signal.SIGKILL)
            os.waitpid(one.child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


@pytest.fixture
def run_file(write):
    return write("run.json", json.dumps(RUN))


def test_values_and_failures_one_after_the_other(prompt):
    asked = prompt()
    assert asked.ask("1 + 1") == "2"
    assert asked.ask("${'版本'}!") == '"版本!"'
    failure = asked.ask("'x'.nope()")
    assert failure.splitlines()[-2] == "    ^" and "nope() cannot be found" in failure
    assert asked.ask("{1, 2}.size()") == "2"
    assert asked.end() == 0


def test_help_explains_an_empty_line_asks_again(prompt):
    asked = prompt()
    assert "Tab completes" in asked.ask("help") and "Ctrl-D" in asked.ask("?")
    assert asked.ask("") == "" and asked.ask("   ") == ""
    assert asked.ask("1 + 1") == "2"
    assert asked.end() == 0


@pytest.mark.parametrize("word", ["quit", "exit"])
def test_quit_and_exit_end(prompt, tmp_path, word):
    asked = prompt()
    assert asked.ask("'it'") == '"it"'
    asked.type(word + "\n")
    assert os.waitstatus_to_exitcode(os.waitpid(asked.child, 0)[1]) == 0
    assert remembered(tmp_path / ".local/state")[-2:] == ["'it'", word]


def remembered(state):
    """The lines of the history; libedit writes blanks as \\040."""
    lines = (state / "gennaker" / "eval-history").read_text().splitlines()
    return [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line) for line in lines]


@pytest.mark.parametrize("typed, completed", [
    ("#alphanum", "#alphanumerical("), ("#currentSt", "#currentStage()"), ("param", "parameters"), ("parameters.env", "parameters.environment"),
    ("'abc'.toUpperC", "'abc'.toUpperCase()"), ("{1, 2}.isEm", "{1, 2}.isEmpty()"), ("#stage('", "#stage('Bake it')"),
    ("#stage('Bake it').hasS", "#stage('Bake it').hasSucceeded"), ("execution.stages[0].context['odd", "execution.stages[0].context['odd key']"),
    ("T(java.time.LocalDate)", "T(java.time.LocalDate)"), ("T(java.net.", "T(java.net.URLEncoder)"), ("new java.text.", "new java.text.SimpleDateFormat("),
    ("T(Math).ab", "T(Math).abs("), ("x ${execution.appl", "x ${execution.application"),
])
def test_tab_completes(prompt, run_file, tmp_path, typed, completed):
    asked = prompt("--execution", run_file)
    asked.type(typed + "\t\n")
    asked.until("\n")
    asked.until_prompt()
    assert asked.end() == 0
    assert remembered(tmp_path / ".local/state")[-1] == completed


def test_tab_lists_what_there_is_to_choose_from(prompt, tmp_path):
    asked = prompt()
    asked.type("'a'.re\t\t")
    asked.until("repeat(")
    asked.until("replaceAll(")
    asked.until("replaceFirst(")
    asked.type("laceA\t'a', 'b')\n")
    asked.until('"b"')
    asked.until_prompt()
    assert asked.end() == 0
    assert remembered(tmp_path / ".local/state")[-1] == "'a'.replaceAll('a', 'b')"


def test_control_c_begins_the_line_anew(prompt):
    asked = prompt()
    asked.type("half a li")
    asked.until("half a li")
    asked.type("\x03")
    asked.until_prompt()
    assert asked.ask("1 + 2") == "3"
    assert asked.end() == 0


def test_lines_are_remembered_by_their_owner_only(prompt, tmp_path):
    state = tmp_path / "state"
    first = prompt(XDG_STATE_HOME=str(state))
    assert first.ask("40 + 2") == "42"
    assert first.end() == 0
    file = state / "gennaker" / "eval-history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    second = prompt(XDG_STATE_HOME=str(state))
    second.type("\x1b[A\n")
    second.until("40 + 2")
    assert "42" in second.until_prompt()
    assert second.end() == 0


def test_without_a_terminal_lines_are_read_as_they_are(gennaker):
    done = gennaker("eval", "-i", input="1 + 1\n\n'a'\n")
    assert done.returncode == 0
    assert [line.removeprefix("> ") for line in done.stdout.splitlines() if line.removeprefix("> ")] == ["2", '"a"']
