"""Nothing leaves a build on trust: what was linked is run on the emulated machine, and its bytes are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.firmware.images import Images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.device.emulator.emulator import find_emulator
from edgeprune.engine.compile import CompiledModel
from edgeprune.errors import ModelError, ToolchainError
from edgeprune.hardware.profile import Target
from edgeprune.ir import DType, Graph, Tensor
from edgeprune.quantize.child import in_child
from edgeprune.quantize.host import reference_sequence

_SAMPLES = 3
_SEED = 20
_LIMITS = {DType.INT8: (-128, 127), DType.UINT8: (0, 255), DType.INT16: (-32768, 32767)}


@dataclass(frozen=True)
class Verified:
    """samples: random inputs whose every output byte was LiteRT's; reason: why none was run, where that is so."""

    samples: int
    reason: str | None = None


def verify_build(model: CompiledModel, tflite: bytes, images: Images, target: Target) -> Verified:
    """Runs random inputs on the emulated machine against LiteRT's reference interpreter, seconds at most.

    Raises:
        VerificationError: a byte differs.
        DeviceError: the machine does not answer as it should.
    """
    if images.emulated is None:
        return Verified(0, f"no emulated machine stands in for {target.name}")
    try:
        find_emulator()
    except ToolchainError as missing:
        return Verified(0, missing.message)
    inputs = random_inputs(model.graph, _SAMPLES, _SEED)
    shapes = [model.graph.tensors[index].shape for index in model.graph.inputs]
    samples = [[part[n].reshape(shape) for part, shape in zip(inputs, shapes, strict=True)] for n in range(_SAMPLES)]
    try:
        expected = in_child(reference_sequence, tflite, samples)
    except ModelError as refused:
        return Verified(0, refused.message)
    with running_board(images, target) as board:
        run_samples(board, _end_to_end(samples), _end_to_end(expected), lambda: None)
    return Verified(_SAMPLES)


def _end_to_end(arrays: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """(samples, bytes) uint8 of all tensors of each."""
    return np.stack([np.frombuffer(b"".join(part.tobytes() for part in sample), np.uint8) for sample in arrays])


def random_inputs(graph: Graph, count: int, seed: int) -> tuple[np.ndarray, ...]:
    """(count, ...) for each input, without its batch of one."""
    rng = np.random.default_rng(seed)
    ends = [graph.tensors[index] for index in graph.inputs]
    return tuple(_random(end, rng, count) for end in ends)


def _random(end: Tensor, rng: np.random.Generator, count: int) -> np.ndarray:
    """Over the whole range of small integers; other integers may be indices, of which 0 is the one that is there."""
    shape = (count, *(end.shape[1:] if end.shape[:1] == (1,) else end.shape))
    if end.dtype in _LIMITS:
        low, high = _LIMITS[end.dtype]
        return rng.integers(low, high + 1, shape).astype(str(end.dtype))
    if end.dtype is DType.FLOAT32:
        return rng.normal(0, 1, shape).astype(np.float32)
    return np.zeros(shape, str(end.dtype))
