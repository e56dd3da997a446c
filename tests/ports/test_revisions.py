"""A chip of another revision than its board was sold with."""

from __future__ import annotations

import pytest

from edgeprune.hardware.registry import load_target
from tests.ports.bursts import READY, ask
from tests.ports.chips import BOARDS
from tests.ports.families.stm32h7 import Stm32H7, Stm32H7RevisionY
from tests.ports.machine import Machine


@pytest.mark.parametrize(
    ("name", "family"), [("nucleo-h743zi", Stm32H7), ("nucleo-h743zi2", Stm32H7RevisionY)], ids=["V", "Y"]
)
def test_an_h743_runs_as_fast_as_its_revision_allows_and_states_it(image, name, family) -> None:
    board = Machine(load_target(name), image(name), BOARDS[name].chip(), family)
    board.run_to(READY)
    board.family.finished()
    assert "m-ep-clock-[cycles 400000000]" in ask(board, b"ep id")
    assert board.bus.complaints == []
