"""Every command's help has an example that its own parser knows; completion in the shells there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edgeprune.cli.main import COMMANDS, edgeprune
from edgeprune.cli.options.lazy import LazyCommand

ROOT = Path(__file__).resolve().parents[3]


def command_of(words: list[str]) -> Iterator[click.Command]:
    """The command and its subcommand, taken off the words."""
    command: click.Command = edgeprune
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
        command = command.load() if isinstance(command, LazyCommand) else command
        yield command


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_is_right(name: str) -> None:
    *_, command = command_of([name])
    lines = re.findall(r"^\s+(edgeprune .*)$", command.help or "", re.MULTILINE)
    assert lines and all(line.split()[1] == name for line in lines)
    for line in lines:
        words = shlex.split(line)[1:]
        *_, called = command_of(words)
        known = {option for parameter in called.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def completed(shell: str, script: str, folder: Path) -> list[str]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell}: its completion is not tried")
    (folder / "edgeprune").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m edgeprune "$@"\n')
    (folder / "edgeprune").chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run([program, "-c", script], capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bash_completes_options_and_targets(tmp_path: Path) -> None:
    source = 'eval "$(_EDGEPRUNE_COMPLETE=bash_source edgeprune)"\n'
    words = (
        source + "COMP_WORDS=(edgeprune fit --fl); COMP_CWORD=2; _edgeprune_completion edgeprune; echo ${COMPREPLY[@]}"
    )
    assert completed("bash", words, tmp_path) == ["--flash"]
    words = words.replace("fit --fl", "fit --target nucleo-f44").replace("CWORD=2", "CWORD=3")
    assert completed("bash", words, tmp_path) == ["nucleo-f446re"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_what_they_are_given(shell: str, tmp_path: Path) -> None:
    source = {
        "zsh": "autoload -U compinit; compinit -u; "
        'eval "$(_EDGEPRUNE_COMPLETE=zsh_source edgeprune)"; echo $_comps[edgeprune]',
        "fish": "_EDGEPRUNE_COMPLETE=fish_source edgeprune | source; complete -C 'edgeprune fit --fl'",
    }[shell]
    assert "_edgeprune_completion" in (found := completed(shell, source, tmp_path)) or "--flash" in found


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen_of_80_columns_and_50_lines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(edgeprune, [name, "--help"]).output.splitlines()
    assert "Usage" in "".join(lines[:2])
    assert len(lines) <= 50 and max(map(len, lines)) <= 80
