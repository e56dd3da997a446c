"""Images of the hand-written model for every port, built once, and boards that have started from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import build_firmware
from tests.emulator.conftest import tiny_sources
from tests.ports.chips import BOARDS

if TYPE_CHECKING:
    from tests.ports.machine import Machine


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> Callable[[str], Path]:
    """Target -> the linked image."""

    @cache
    def build(name: str) -> Path:
        return build_firmware(tiny_sources(name), load_target(name), tmp_path_factory.mktemp(name)).elf

    return build


@pytest.fixture
def machine(image) -> Callable[[str], Machine]:
    """Target -> its board just after reset."""
    from tests.ports.machine import Machine

    def make(name: str) -> Machine:
        board = BOARDS[name]
        return Machine(load_target(name), image(name), board.chip(), board.family)

    return make


@pytest.fixture
def started(machine) -> Callable[[str], Machine]:
    """Target -> its board, waiting for commands."""
    from tests.ports.bursts import READY

    def start(name: str) -> Machine:
        board = machine(name)
        board.run_to(READY)
        return board

    return start
