"""gennaker completion, tried in a bash; gennaker man, read by man."""

import shlex
import shutil
import subprocess

import pytest

COMMANDS = {"run", "serve", "watch", "judge", "executions", "pipelines", "inspect", "lint", "eval", "backup", "password", "completion", "man", "version"}


@pytest.fixture
def complete(gennaker, write, tmp_path):
    """What bash offers for a line whose last word is being typed."""
    path = write("completion.bash", gennaker("completion", "bash").stdout)

    def run(line):
        words = [word for word in line.replace("=", " = ").split(" ") if word or line.endswith(" ")]
        script = (f"source {shlex.quote(str(path))}\n"
                  f"COMP_WORDS=({' '.join(shlex.quote(word) for word in words)})\n"
                  "COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))\n"
                  "$(complete -p gennaker | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
                  "printf '%s\\n' \"${COMPREPLY[@]}\"\n")
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, text=True, capture_output=True, check=True)
        assert done.stderr == "", done.stderr
        return set(done.stdout.split("\n")) - {""}
    return run


def test_commands_and_subcommands_are_completed(complete):
    assert COMMANDS <= complete("gennaker ")
    assert complete("gennaker in") == {"inspect"}
    assert complete("gennaker executions ") == {"list", "get", "cancel", "delete"}
    assert complete("gennaker pipelines s") == {"save", "start"}


def test_options_are_those_of_the_command(complete):
    assert {"--parameter", "--judge", "--help"} <= complete("gennaker run --")
    assert complete("gennaker executions list --st") == {"--status"}
    assert complete("gennaker executions get --st") == set()


def test_values_that_can_only_be_a_few_are_completed(complete):
    assert complete("gennaker executions list --output ") == {"table", "json", "yaml"}
    assert complete("gennaker executions list --output=") == {"table", "json", "yaml"}
    assert complete("gennaker executions list --output=j") == {"json"}
    assert complete("gennaker run -o t") == {"text"}
    assert complete("gennaker watch --judge ") == {"continue", "stop"}
    assert complete("gennaker judge 01ABC c") == {"continue"}
    assert complete("gennaker completion ") == {"bash", "zsh"}
    assert complete("gennaker run --server ") == set()
    assert {"running", "canceled"} <= complete("gennaker executions list --status ")
    assert complete("gennaker schema ") == {"pipeline", "stages", "stage"}
    assert {"wait", "webhook", "deployManifest"} <= complete("gennaker schema stage ")
    assert complete("gennaker schema stage wai") == {"wait"}


def test_files_and_directories_are_completed_where_they_belong(complete, tmp_path):
    (tmp_path / "my pipeline.json").write_text("")
    (tmp_path / "mydir").mkdir()
    assert complete("gennaker run my") == {"my pipeline.json", "mydir"}
    assert complete("gennaker run --config my") == {"my pipeline.json", "mydir"}
    assert complete("gennaker run --data-dir my") == {"mydir"}


def test_the_script_for_zsh_is_one(gennaker, write):
    done = gennaker("completion", "zsh")
    assert done.stdout.startswith("#compdef gennaker\n") and "--judge[" in done.stdout
    assert ":(running succeeded " in done.stdout and " webhook" in done.stdout
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", str(write("_gennaker", done.stdout))], check=True)


def test_another_shell_is_refused(gennaker):
    done = gennaker("completion", "fish")
    assert done.returncode == 2 and "fish" in done.stderr


def test_every_command_has_a_page(gennaker, tmp_path):
    assert gennaker("man", "pages").returncode == 0
    pages = {path.name for path in (tmp_path / "pages").iterdir()}
    assert {"gennaker.1", "gennaker-executions.1", "gennaker-executions-list.1"} <= pages
    assert {f"gennaker-{command}.1" for command in COMMANDS} <= pages
    text = (tmp_path / "pages/gennaker-run.1").read_text()
    assert "\\-\\-parameter" in text and ".SH OPTIONS" in text
    assert ".BR gennaker-executions-get (1)" in (tmp_path / "pages/gennaker-executions.1").read_text()
    assert ".BR gennaker-executions (1)" in (tmp_path / "pages/gennaker-executions-get.1").read_text()
    assert ".BR gennaker-watch (1)" in (tmp_path / "pages/gennaker.1").read_text()
    assert "default json" in (tmp_path / "pages/gennaker-pipelines-get.1").read_text()


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_man_reads_the_pages_without_a_warning(gennaker, tmp_path):
    gennaker("man", "pages")
    for path in sorted((tmp_path / "pages").iterdir()):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(path)], text=True, capture_output=True,
                              env={"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0 and done.stderr == "", f"{path}: {done.stderr}"
        assert "NAME" in done.stdout
        if path.name == "gennaker-eval.1":  # each example on a line of its own
            lines = [line.strip() for line in done.stdout.splitlines()]
            assert "gennaker eval --jsonl lines.jsonl" in lines and "gennaker eval -i --execution run.json" in lines


def test_a_directory_that_cannot_be_written_is_named(gennaker, write):
    done = gennaker("man", write("file", ""))
    assert done.returncode == 1 and "file" in done.stderr
