"""README and the guide, read literally: every command of a page is run in its order, and what a page shows is what comes.

    ```console          $ COMMAND, and below it what it prints; "…" stands for anything in a line, a line "…" for any lines
    ```sh               commands, which must end well
    ```yaml             settings, which must be understood

A comment above a block says what a test must know: <!-- test: another terminal --> (it goes on, until the page ends),
<!-- test: file NAME --> (the reader saves it), <!-- test: exits with 1 -->, <!-- test: not run, REASON -->.
<!-- test: needs a cluster --> at the head of a page gives it one, whose namespace is called demo there.
"""

import re
import secrets
import subprocess

import pytest

from reader import Reader, matches, normal
from server import ROOT, environment, program
from terminal import Terminal

GUIDE = ROOT / "docs/guide"
PAGES = [ROOT / "README.md", *sorted(GUIDE.glob("*/*.md"))]
NOT_RUN_AT_MOST = 6  # blocks of README and of the guide in one language


class Block:
    def __init__(self, note, language, text):
        self.note, self.language, self.text = note, language, text
        self.skipped = note.startswith("not run,")

    def commands(self):
        """[(command, what is shown below it)]."""
        if self.language == "sh":
            return [(self.text, None)]
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif line.startswith("> "):
                found[-1][0] += "\n" + line[2:]
            else:
                found[-1][1].append(line)
        return [(command, "\n".join(shown)) for command, shown in found]


def blocks(page):
    text = page.read_text()
    found = re.findall(r"^(?:<!-- test: ([^\n]*?) -->\n)?```(\w*)\n(.*?)^```$", text, re.M | re.S)
    assert len(found) == text.count("\n```") // 2, "a fence that this cannot read"
    return [Block(*groups) for groups in found]


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_tells_its_reader_to_do_works(page, tmp_path, request):
    needs_cluster = "<!-- test: needs a cluster -->" in page.read_text()
    found = {"cluster": request.getfixturevalue("cluster"), "namespace": f"demo-{secrets.token_hex(4)}"} if needs_cluster else {}
    with Reader(tmp_path, **found) as reader:
        shell = reader.shell()
        for block in blocks(page):
            if block.note.startswith("file "):
                (tmp_path / block.note.split()[1]).write_text(reader.says(block.text))
            elif block.language in ("console", "sh") and not block.skipped:
                follow(reader, shell, block)


def follow(reader, shell, block):
    for command, shown in block.commands():
        if block.note == "another terminal":
            first = re.escape(shown.splitlines()[0]).replace("…", "[^\\n]*").replace("8084", str(reader.port))
            reader.shell().begin(command, first + "\n")
            continue
        wanted = int(block.note.split()[-1]) if block.note.startswith("exits with ") else 0
        status, output = shell.run(command)
        assert status == wanted, f"{command}\nexit status {status}\n{output}"
        if shown is not None:
            assert matches(reader.says(shown), output), f"{command}\n-- the page shows\n{normal(reader.says(shown))}\n-- and it was\n{normal(output)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_that_a_page_shows_are_understood(page, tmp_path):
    for block in blocks(page):
        if block.language != "yaml" or block.skipped:
            continue
        path = tmp_path / "gennaker.yml"
        path.write_text(block.text)
        done = subprocess.run([program(), "lint", "--config", path, ROOT / "examples/hello.json"], text=True, capture_output=True,
                              env=environment(HOME=str(tmp_path)), timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), block.text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_command_stands_where_it_is_not_run(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    assert not re.search(r"^    \S", text, re.M), "an indented block is not run: make it a fence"
    for block in blocks(page):
        assert block.language in ("console", "sh", "yaml", "json", "text"), block.text
        assert not (block.language in ("text", "json") and re.search(r"^(\$ )?(build/)?gennaker ", block.text, re.M)), block.text
        assert re.fullmatch(r"|another terminal|file \S+|exits with \d|not run, .{10,}", block.note), block.note


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_inside_a_sentence_are_there(page):
    """Command and options of each `gennaker …` in the prose."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for line in re.findall(r"`(?:build/)?gennaker ([^`]+)`", text):
        words = line.split()
        groups = ("executions", "pipelines")
        command = words[:2] if words[0] in groups and len(words) > 1 and "|" not in words[1] else words[:1]
        done = subprocess.run([program(), *command, "--help"], text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, line
        for option in re.findall(r"(?<!\S)(--[\w-]+)", line):
            assert re.search(rf"{option}\b", done.stdout), f"{line}: {option}"


@pytest.mark.parametrize("folder", ["en", "zh"])
def test_the_question_that_the_guide_shows_is_the_one_that_is_asked(folder, tmp_path):
    shown, = [block.text for block in blocks(GUIDE / folder / "judgments.md") if block.language == "text"]
    with Reader(tmp_path) as reader:
        screen = Terminal(["gennaker", "run", "examples/manual-judgment.yaml"], cwd=tmp_path, env=reader.environment)
        try:
            question, answer = shown.rstrip().rsplit(") ", 1)
            screen.until(question.splitlines()[-1])
            assert question in screen.shown.replace("\r\n", "\n")
            screen.type(answer)
            assert screen.end() == 0
        finally:
            screen.close()


def test_what_is_not_run_is_little_and_has_reasons():
    for folder in ("en", "zh"):
        skipped = [(name_of(page), block.note) for page in PAGES for block in blocks(page)
                   if block.skipped and (page.parent.name == folder or page.parent == ROOT)]
        assert len(skipped) <= NOT_RUN_AT_MOST, skipped


def test_both_languages_have_the_same_pages_and_the_same_commands():
    def commands(page):
        return [(block.note.split(",")[0], re.sub(r"[#＃].*", "", command).strip()) for block in blocks(page)
                if block.language in ("console", "sh") for command, _ in block.commands()]
    names = [sorted(path.name for path in (GUIDE / folder).iterdir()) for folder in ("en", "zh")]
    assert names[0] == names[1]
    for name in names[0]:
        assert commands(GUIDE / "en" / name) == commands(GUIDE / "zh" / name), name


@pytest.mark.parametrize("page", [*PAGES, ROOT / "examples/README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", ["en", "zh"])
def test_the_index_names_every_page(folder):
    index = (GUIDE / folder / "README.md").read_text()
    for page in (GUIDE / folder).glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


def test_what_is_shown_is_compared_strictly():
    assert matches("a…c\n…\nend  1.2 s", "abc\nx\ny\nend  3 s\n") and matches("…\nb", "b")
    assert matches("", "\n") and not matches("", "a\n") and not matches("a", "")
    assert not matches("a…c", "ab") and not matches("a", "a\nb") and not matches("…\nb\n", "c")
    assert matches("run 01M86HYA3M2C5VS0VX1E2HZ0WA at 127.0.0.1:8084", "run 01M86HZMJDQSN16DCZNMC7WSJS at 127.0.0.1:4711")
