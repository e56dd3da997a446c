"""The README and the pages it leads to match the code and the figures that were kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeprune import errors
from edgeprune.cli.main import COMMANDS
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target, target_names
from edgeprune.units import memory_text
from tests.ports.chips import BOARDS

ROOT = Path(__file__).resolve().parents[2]
README, TARGETS, COMMAND_PAGE, FIGURES = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/targets.md", "docs/commands.md", "docs/benchmarks.md")
)


def what_has_run(target: Target) -> str:
    if target.firmware is None or target.emulator is None:
        return "profile"
    ran = ["emulator"] * (target.emulator.target is None) + ["strict bus"] * (target.name in BOARDS)
    return ", ".join(ran) or "compiled"


@pytest.mark.parametrize("name", target_names())
def test_the_matrix_has_the_target_as_it_is(name: str) -> None:
    target = load_target(name)
    sizes = {region.kind: memory_text(region.size_bytes) for region in reversed(target.memory)}
    row = f"| `{name}` | {target.cpu.core} | {sizes.get('flash', '-')} | {sizes['ram']} | {what_has_run(target)} |"
    assert row in TARGETS.splitlines()


def test_the_matrix_has_no_other_target() -> None:
    rows = [line for line in TARGETS.splitlines() if line.startswith("| `") and line.count("|") == 6]
    assert len(rows) == len(target_names())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_its_table(command: str) -> None:
    rows = [line for line in COMMAND_PAGE.splitlines() if line.startswith("| `edgeprune ")]
    assert any(f"`edgeprune {command}" in row or f"`{command}`" in row for row in rows)


def test_every_exit_code_is_explained() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EdgePruneError)
    ]
    for code in {kind.exit_code for kind in kinds} | {0, 130}:
        assert any(line.startswith(f"| {code} | ") for line in COMMAND_PAGE.splitlines())


_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
_FILE = re.compile(r"`((?:benchmarks/results|tests)/[\w/.-]+\.txt)`")


def numbers_in(text: str) -> list[str]:
    """As written, thousands separated or not."""
    return [number.rstrip(",") for number in _NUMBER.findall(text)]


def bullets(page: str) -> list[str]:
    return [part for part in re.split(r"^- ", page, flags=re.MULTILINE)[1:] if _FILE.search(part)]


def is_kept(number: str, kept: set[float]) -> bool:
    """Whether a kept figure is this one, rounded as it is written here, in its unit or a thousand of it."""
    value, digits = float(number.replace(",", "")), len(number.partition(".")[2])
    return any(abs(one / unit - value) <= 0.5000001 * 10**-digits for one in kept for unit in (1, 1e3, 1e6, 0.01))


@pytest.mark.parametrize("bullet", bullets(FIGURES), ids=lambda text: _FILE.search(text)[1].rpartition("/")[2])
def test_every_figure_is_in_the_file_it_names(bullet: str) -> None:
    """Figures of three digits and more; smaller ones are counts of words."""
    kept = {
        float(number.replace(",", ""))
        for name in _FILE.findall(bullet)
        for number in numbers_in((ROOT / name).read_text(encoding="utf-8"))
    }
    stated = [
        number for number in numbers_in(_FILE.sub("", bullet)) if len(number.replace(",", "").replace(".", "")) > 2
    ]
    assert [number for number in stated if not is_kept(number, kept)] == []


def test_headlines_are_among_the_figures() -> None:
    headlines = README[README.index("## Four figures") : README.index("**Status**")]
    known = set(numbers_in(FIGURES))
    assert {number for number in numbers_in(headlines) if len(number) > 3} <= known


def test_the_readme_fits_one_page() -> None:
    assert len(README.split()) < 750


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link
