"""An int8 `.tflite` file run on this machine.

Two sets of kernels: `REFERENCE` is what every device must answer byte for byte (LiteRT's BUILTIN_REF); `FAST` is for
figures over thousands of samples and may differ in the last bit here and there. State which one a figure comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch

from edgeprune.errors import DataError, ModelError
from edgeprune.graph.early_exit import answers, leaves
from edgeprune.train.objective import Metric
from edgeprune.train.splits import Split


class Kernels(StrEnum):
    REFERENCE = "reference"
    FAST = "fast"


def quantized_inputs(tflite: bytes, samples: np.ndarray) -> np.ndarray:
    """Samples with the file's own input scale.

    Args:
        samples: float32 (N, H, W, C) or (N, F), the file's layout.

    Returns:
        int8 of the same shape, `real = (q - zero_point) * scale`, rounded to nearest, clipped.
    """
    scale, zero_point = _interpreter(tflite, Kernels.FAST).get_input_details()[0]["quantization"]
    quantized: np.ndarray = np.clip(np.round(samples / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
    return quantized


def int8_outputs(tflite: bytes, inputs: np.ndarray, kernels: Kernels = Kernels.REFERENCE) -> np.ndarray:
    """int8 (N, ...) answers of the network itself for int8 (N, ...) inputs, one inference a sample.

    Raises:
        ModelError, DataError: as `all_int8_outputs`.
    """
    return all_int8_outputs(tflite, inputs, kernels)[0]


@dataclass(frozen=True, eq=False)
class Deployed:
    """What a device answers, int8 (N, ...), and bool (N,): the inputs that leave at the early exit."""

    outputs: np.ndarray
    left: np.ndarray


def deployed_outputs(tflite: bytes, inputs: np.ndarray, exit_margin: int | None, kernels: Kernels) -> Deployed:
    """As `int8_outputs`, with the rule of the file's early exit.

    Args:
        exit_margin: at which an input leaves (`graph/early_exit.py`); None: the device knows of no exit.
    """
    own, *early = all_int8_outputs(tflite, inputs, kernels)
    if exit_margin is None:
        return Deployed(own, np.zeros(len(own), bool))
    return Deployed(answers(own, early[0], exit_margin), leaves(early[0], exit_margin))


def all_int8_outputs(tflite: bytes, inputs: np.ndarray, kernels: Kernels = Kernels.REFERENCE) -> list[np.ndarray]:
    """Every output of the file, int8 (N, ...) each: the network's own and, where it has one, its early exit's.

    Raises:
        ModelError: no int8 file, or one this machine's runtime refuses.
        DataError: inputs of another shape or type.
    """
    interpreter = _interpreter(tflite, kernels)
    wanted, ends = interpreter.get_input_details()[0], interpreter.get_output_details()
    shape = tuple(map(int, wanted["shape"][1:]))
    if inputs.dtype != np.int8 or inputs.shape[1:] != shape:
        raise DataError(
            f"inputs are {inputs.dtype} {inputs.shape[1:]}, the model takes int8 {shape}",
            hint="quantize them with the model's own scale first",
        )
    outputs = [np.empty((len(inputs), *end["shape"][1:]), np.int8) for end in ends]
    for index, sample in enumerate(inputs):
        interpreter.set_tensor(wanted["index"], sample[None])
        interpreter.invoke()
        for end, output in zip(ends, outputs, strict=True):
            output[index] = interpreter.get_tensor(end["index"])[0]
    return outputs


def dequantized_outputs(tflite: bytes, samples: np.ndarray, kernels: Kernels = Kernels.FAST) -> list[np.ndarray]:
    """Every output as float32, as the network gives it, for float32 (N, H, W, C) or (N, F) samples."""
    found = all_int8_outputs(tflite, quantized_inputs(tflite, samples), kernels)
    return [real_outputs(tflite, output) for output in found]


def real_outputs(tflite: bytes, outputs: np.ndarray) -> np.ndarray:
    """`(q - zero_point) * scale` as float32, channels first again: (N, C, ...) of the file's (N, ..., C).

    An early exit answers on the same scale as the network.
    """
    scale, zero_point = _interpreter(tflite, Kernels.FAST).get_output_details()[0]["quantization"]
    real: np.ndarray = (outputs.astype(np.float32) - zero_point) * np.float32(scale)
    return np.moveaxis(real, -1, 1)


def channels_last(split: Split) -> np.ndarray:
    """A split's samples in the file's layout: float32 (N, H, W, C) or (N, F)."""
    samples = split.tensor().numpy()
    return np.ascontiguousarray(np.moveaxis(samples, 1, -1))


def evaluate_int8(
    tflite: bytes, split: Split, metric: Metric, kernels: Kernels = Kernels.FAST, exit_margin: int | None = None
) -> float:
    """The metric of the int8 model over a split; `exit_margin` as in `deployed_outputs`."""
    inputs = quantized_inputs(tflite, channels_last(split))
    return score_of(tflite, deployed_outputs(tflite, inputs, exit_margin, kernels).outputs, split, metric)


def score_of(tflite: bytes, outputs: np.ndarray, split: Split, metric: Metric) -> float:
    """The metric of int8 answers to a split's samples."""
    return float(metric.score(torch.from_numpy(real_outputs(tflite, outputs)), split.targets))


def _interpreter(tflite: bytes, kernels: Kernels) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolvers = [OpResolverType.BUILTIN_REF]
    if kernels is Kernels.FAST:  # the first is XNNPACK, which prepares nothing where scales are far apart
        resolvers = [OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES]
    for last, resolver in enumerate(resolvers, 1 - len(resolvers)):
        try:
            interpreter = Interpreter(model_content=tflite, experimental_op_resolver_type=resolver, num_threads=1)
            interpreter.allocate_tensors()
            break
        except (ValueError, RuntimeError) as problem:
            if last == 0:
                raise ModelError(
                    f"LiteRT refuses the file: {str(problem)[:300]}", hint="is it a whole .tflite file?"
                ) from problem
    for port in (interpreter.get_input_details()[0], *interpreter.get_output_details()):
        if port["dtype"] is not np.int8:
            raise ModelError(f"{port['name']} is {port['dtype'].__name__}, not int8", hint="export it with full int8")
    return interpreter
