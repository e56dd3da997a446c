"""What an emulated inference executed, block by block."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExecutedBlock:
    """A run of instructions without a branch between, as one step (a layer, or the whole inference) executed it.

    Attributes:
        address: of its first instruction.
        code: its bytes.
        count: executions.
        taken: of these, how many did not go on at the next address.
        entered: how many came from elsewhere than the address before.
        code_wait_cycles, data_wait_cycles: for flash, over all executions.
        unaligned_cycles: likewise, for words and halfwords across their alignment.
    """

    step: int
    address: int
    code: bytes
    count: int
    taken: int
    entered: int
    code_wait_cycles: int
    data_wait_cycles: int
    unaligned_cycles: int
