"""The README says what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune import errors
from edgeprune.cli.main import COMMANDS
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target, target_names
from edgeprune.units import memory_text

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def what_has_run(target: Target) -> str:
    if target.firmware is None or target.emulator is None:
        return "profile"
    return "emulator" if target.emulator.target is None else "compiled"


@pytest.mark.parametrize("name", target_names())
def test_the_matrix_has_the_target_as_it_is(name: str) -> None:
    target = load_target(name)
    sizes = {region.kind: memory_text(region.size_bytes) for region in reversed(target.memory)}
    row = f"| `{name}` | {target.cpu.core} | {sizes.get('flash', '-')} | {sizes['ram']} | {what_has_run(target)} |"
    assert row in README.splitlines()


def test_the_matrix_has_no_other_target() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert len(rows) == len(target_names())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_its_table(command: str) -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `edgeprune ")]
    assert any(f"`edgeprune {command}" in row or f"`{command}`" in row for row in rows)


def test_every_exit_code_is_explained() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EdgePruneError)
    ]
    for code in {kind.exit_code for kind in kinds} | {0, 130}:
        assert any(line.startswith(f"| {code} | ") for line in README.splitlines())
