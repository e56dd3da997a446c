"""Executed blocks -> cycles and microseconds of each layer on a core and its flash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgeprune.engine.cost.timing.armv6m import CORTEX_M0, CORTEX_M0PLUS
from edgeprune.engine.cost.timing.armv7m import CORTEX_M3, CORTEX_M4
from edgeprune.engine.cost.timing.cortex_m7 import CORTEX_M7
from edgeprune.engine.cost.timing.cycles import CoreRules, Cycles
from edgeprune.engine.cost.timing.executed import ExecutedBlock
from edgeprune.engine.cost.timing.instruction import Branch, instructions

RULES: Mapping[str, CoreRules] = {
    "cortex-m0": CORTEX_M0,
    "cortex-m0plus": CORTEX_M0PLUS,
    "cortex-m3": CORTEX_M3,
    "cortex-m4": CORTEX_M4,
    "cortex-m7": CORTEX_M7,
    "cortex-m33": CORTEX_M4,
}
"""Core -> its rules; a core that is not here has no predicted time."""

_UNCHECKED = ("cortex-m7",)  # rules that were compared with no board, and leave out waits for RAM

# What eight published MLPerf Tiny runs on a NUCLEO-L4R5ZI took, of what these rules predict for them (docs/time.md);
# code that overflows an instruction cache was not among them.
_LEAST, _MOST = 0.965, 1.10
_MUCH_FETCHING = 0.10


@dataclass(frozen=True)
class PredictedTime:
    """Nobody measured it.

    Attributes:
        layers: each run by itself, in order.
        whole: one inference.
        counts_flash: waits for flash are in it, by its stated timing or by a profile of the board.
        is_calibrated: by a profile of the board.
        is_checked: what this is off by is known, from published times of a board.
    """

    layers: tuple[Cycles, ...]
    whole: Cycles
    clock_hz: int
    counts_flash: bool = True
    is_calibrated: bool = False
    is_checked: bool = True

    def calibrated(self, ratios: Sequence[float]) -> PredictedTime:
        """With each layer as many times as long; what ratios are off by is not known where they stand for the flash."""
        layers = tuple(layer.times(ratio) for layer, ratio in zip(self.layers, ratios, strict=True))
        before, after = (sum(layer.total for layer in some) for some in (self.layers, layers))
        whole = self.whole.times(after / before) if before else self.whole
        return replace(
            self, layers=layers, whole=whole, counts_flash=True, is_calibrated=True,
            is_checked=self.is_checked and self.counts_flash,
        )  # fmt: skip

    @property
    def us(self) -> float:
        return self.whole.total * 1e6 / self.clock_hz

    @property
    def longest_us(self) -> float:
        """Of an inference that runs every layer: an early exit is not taken."""
        return max(self.us, sum(self.layers_us))

    @property
    def layers_us(self) -> tuple[float, ...]:
        return tuple(layer.total * 1e6 / self.clock_hz for layer in self.layers)

    @property
    def range_us(self) -> tuple[float, float] | None:
        """From the least to the most it may be; twice as wide where flash fetches take more than a tenth. None where
        nobody knows what the rules are off by."""
        if not self.is_checked:
            return None
        wide = 2.0 if self.whole.flash_code > _MUCH_FETCHING * self.whole.total else 1.0
        return self.us * (1.0 - wide * (1.0 - _LEAST)), self.us * (1.0 + wide * (_MOST - 1.0))


def predict(blocks: Iterable[ExecutedBlock], core: str, clock_hz: int) -> PredictedTime | None:
    """None for a core without rules.

    Args:
        blocks: of the layers, steps 0 to n - 1, and of the whole inference, step n.
    """
    rules = RULES.get(core)
    if rules is None:
        return None
    steps: dict[int, Cycles] = {}
    for block in blocks:
        steps[block.step] = steps.get(block.step, Cycles()) + _of(block, rules)
    *layers, whole = (steps.get(step, Cycles()) for step in range(max(steps, default=-1) + 1))
    return PredictedTime(tuple(layers), whole, clock_hz, is_checked=core not in _UNCHECKED)


def _of(block: ExecutedBlock, rules: CoreRules) -> Cycles:
    code = list(instructions(block.address, block.code))
    branch = code[-1].branch if code else Branch.NONE
    is_odd = bool(code) and code[0].bytes == 4 and block.address % 4 == 2
    refills = rules.branches(branch, block.count, block.taken) + (block.entered * rules.odd_entry if is_odd else 0.0)
    waits = Cycles(0.0, block.unaligned_cycles, refills, block.code_wait_cycles, block.data_wait_cycles)
    return rules.straight(code).times(block.count) + waits
