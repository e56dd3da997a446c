"""Each promise of docs/fits.md names tests, and these are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (?!promise|---)(.+) \| (.+) \|$", (ROOT / "docs" / "fits.md").read_text(), re.MULTILINE)


def test_the_list_is_read() -> None:
    assert len(ROWS) >= 15


@pytest.mark.parametrize(("promise", "tests"), ROWS)
def test_the_tests_of_a_promise_are_there(promise: str, tests: str) -> None:
    named = re.findall(r"`([^`]+)`", tests)
    assert named, promise
    for test in named:
        path, _, name = test.partition("::")
        functions = [
            node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions, f"{test} holds '{promise}', and is not there"
