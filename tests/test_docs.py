"""The documents agree with the code and with each other."""

import re
import runpy
from pathlib import Path

import pytest

from yuanli import syllabus
from yuanli.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LANGUAGES = [".md", ".zh.md"]


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def rows(page):
    """The cells of the table rows of a page, without head and rule."""
    lines = [line for line in read(page).splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[2:]]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_resolve(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", ["README", "docs/errata", "docs/results", "docs/topics"])
def test_the_two_languages_have_the_same_parts(page):
    english, chinese = (read(page + language) for language in LANGUAGES)
    assert [len(h) for h in re.findall(r"^#+", english, re.M)] == [
        len(h) for h in re.findall(r"^#+", chinese, re.M)
    ]
    assert english.count("```") == chinese.count("```")
    assert not re.search("[\u4e00-\u9fff]{20}", english), "Chinese left in the English page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_topic_is_documented(language):
    text = read(f"docs/topics{language}")
    described = re.findall(r"^## `(.+?)`", text, re.M)
    assert described == [topic.id for topic in syllabus.TOPICS if topic.state == "works"]
    planned = re.findall(r"`([\w.]+)`", text.rpartition("\n## ")[2])
    assert planned == [topic.id for topic in syllabus.TOPICS if topic.state == "planned"]


def test_errata_agree():
    english, chinese = (rows(f"docs/errata{language}") for language in LANGUAGES)
    assert [row[0] for row in english] == [row[0] for row in chinese]
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in english + chinese)
    named = {id for row in english for id in re.findall(r"`(.+?)`", row[0])}
    assert named == {topic.id for topic in syllabus.TOPICS if topic.differs}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_commands_in_the_readme_exist(language):
    from typer.main import get_command

    commands = get_command(app).commands
    shell = "".join(re.findall(r"```sh\n(.*?)```", read(f"README{language}"), re.S))
    used = re.findall(r"^(?:\.venv/bin/)?yuanli (\w+)([^#\n]*)", shell, re.M)
    used += re.findall(r"#.*yuanli (\w+)(.*)$", shell, re.M)
    assert {name for name, _ in used} <= set(commands)
    for name, rest in used:
        options = {o for p in commands[name].params for o in p.opts} | {"--stride"}
        assert set(re.findall(r"--[\w-]+", rest)) <= options
    targets = re.findall(r"^(\w+):", read("Makefile"), re.M)
    assert set(re.findall(r"^make (\w+)", shell, re.M)) <= set(targets)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_in_the_readme_runs(language, capsys, tmp_path):
    code = re.findall(r"```python\n(.*?)```", read(f"README{language}"), re.S)
    (tmp_path / "readme.py").write_text("\n".join(code), encoding="utf-8")
    runpy.run_path(str(tmp_path / "readme.py"))
    assert "gradients agree" in capsys.readouterr().out
