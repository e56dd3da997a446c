"""Runs a model's generated code on an emulated board, the same way a user's firmware does."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.device.board import open_board
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import FirmwareSources, build_firmware


def run_on_board(
    target_name: str, files: dict[str, str], calls: Sequence[KernelCall], samples: Sequence[Sequence[np.ndarray]]
) -> list[bytes]:
    """The bytes of all outputs, end to end, for each sample of inputs.

    Args:
        target_name: a target whose image an emulated machine runs.
        files: what `emit` wrote.
        calls: for their kernel sources.
    """
    target = load_target(target_name)
    input_bytes = sum(value.nbytes for value in samples[0])
    with tempfile.TemporaryDirectory() as folder:
        kernels = tuple(source for call in calls for source in call.sources)
        firmware = build_firmware(FirmwareSources(files, kernels, input_bytes), target, Path(folder))
        with open_board(target, firmware.elf, firmware.build_id) as console:
            return [console.infer(b"".join(value.tobytes() for value in sample)) for sample in samples]
