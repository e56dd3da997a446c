"""Pages lead to pages, name commands and options there are, and say of the code what it is."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgeprune import errors
from edgeprune.cli.main import edgeprune
from edgeprune.cli.options.lazy import LazyCommand
from tests.unit.documentation.pages import EXAMPLES, PAGES, ROOT, commands, headings

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_headings(page: Path) -> None:
    for name, anchor in re.findall(r"\]\(([\w.-]*\.md)?(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
        target = DOCS / name if name else page
        assert target.is_file(), name
        assert not anchor or anchor in headings(target), f"{name}#{anchor}"


@pytest.mark.parametrize(
    "page", [page for page in (*PAGES, *EXAMPLES) if commands(page)], ids=lambda page: f"{page.parent.name}-{page.stem}"
)
def test_commands_and_options_are_there(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line)[1:]
        command: click.Command = edgeprune
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
            command = command.load() if isinstance(command, LazyCommand) else command
        assert not isinstance(command, click.Group), line
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line


def test_ten_questions_have_an_answer_each() -> None:
    rows = [line for line in (DOCS / "questions.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 10 and all(re.search(r"\]\([\w-]+\.md", row) for row in rows)


def test_every_error_and_exit_code_is_explained() -> None:
    page = (DOCS / "errors.md").read_text()
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EdgePruneError)
    ]
    for kind in kinds:
        section = page.partition(f"## Exit {kind.exit_code}: ")[2].partition("\n## ")[0]
        assert f"`{kind.__name__}`" in section, kind.__name__


def test_the_page_of_python_is_made_of_todays_docstrings() -> None:
    specification = importlib.util.spec_from_file_location("python_page", ROOT / "scripts" / "python_page.py")
    assert specification is not None and specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    assert (DOCS / "python.md").read_text() == script.page(), "run `python scripts/python_page.py`"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    if importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: the site is not built (the extra docs)")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # strict: any warning ends it
    assert (tmp_path / "site" / "start.html").is_file()
