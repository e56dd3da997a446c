"""An int8 `.tflite` file run on this machine.

Two sets of kernels: `REFERENCE` is what every device must output byte for byte (LiteRT's BUILTIN_REF); `FAST` is for
metrics over thousands of samples and may differ in the last bit here and there. State which one a result comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any

import numpy as np

from edgeprune.errors import DataError, ModelError
from edgeprune.quantize.exit_rule import combined_outputs, leaves
from edgeprune.quantize.reference import reference_interpreter


class Kernels(StrEnum):
    REFERENCE = "reference"
    FAST = "fast"


def quantized_inputs(tflite: bytes, samples: np.ndarray) -> np.ndarray:
    """Samples with the file's own input scale.

    Args:
        samples: float32 (N, H, W, C) or (N, F), the file's layout; several inputs end to end.

    Returns:
        int8 of the same shape, `real = (q - zero_point) * scale`, rounded to nearest, clipped; int16 where an input is.
    """
    ends = _interpreter(tflite, Kernels.FAST).get_input_details()
    steps = []
    for part, end in zip(_by_input(samples, ends), ends, strict=True):
        limits = np.iinfo(end["dtype"])
        own = np.round(part / np.float32(end["quantization"][0])) + end["quantization"][1]
        steps.append(np.clip(own, limits.min, limits.max))
    quantized: np.ndarray = np.concatenate(steps, axis=1).astype(_widest(ends))
    return quantized.reshape(samples.shape)


def input_rows(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    """(N, ...) of `quantized_inputs` -> (N, bytes) uint8 as a device takes them, each input in its own type."""
    ends = _interpreter(tflite, Kernels.FAST).get_input_details()
    parts = zip(_by_input(inputs, ends), ends, strict=True)
    return np.concatenate([np.ascontiguousarray(part.astype(end["dtype"])).view(np.uint8) for part, end in parts], 1)


def _widest(ends: Sequence[Mapping[str, Any]]) -> np.dtype[Any]:
    return np.result_type(*(end["dtype"] for end in ends))


def _by_input(samples: np.ndarray, ends: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
    """(N, ...) -> (N, values) for each input of the file.

    Raises:
        DataError: a sample has more or fewer values than the inputs together.
    """
    rows, sizes = samples.reshape(len(samples), -1), [int(np.prod(end["shape"][1:])) for end in ends]
    if rows.shape[1] != sum(sizes):
        raise DataError(
            f"a sample has {rows.shape[1]:,} values, the model's inputs {sum(sizes):,}",
            hint="the samples are another model's",
        )
    return np.split(rows, np.cumsum(sizes)[:-1], axis=1)


def int8_outputs(tflite: bytes, inputs: np.ndarray, kernels: Kernels = Kernels.REFERENCE) -> np.ndarray:
    """int8 (N, ...) outputs of the network itself for (N, ...) of `quantized_inputs`, one inference a sample.

    Raises:
        ModelError, DataError: as `all_int8_outputs`.
    """
    return all_int8_outputs(tflite, inputs, kernels)[0]


@dataclass(frozen=True, eq=False)
class Deployed:
    """A device's outputs, int8 (N, ...) each, and bool (N,): the inputs that leave at the early exit."""

    outputs: tuple[np.ndarray, ...]
    left: np.ndarray


def deployed_outputs(tflite: bytes, inputs: np.ndarray, exit_margin: int | None, kernels: Kernels) -> Deployed:
    """As `int8_outputs`, with the rule of the file's early exit.

    Args:
        exit_margin: at which an input leaves (`exit_rule.py`); None: the device has no exit.
    """
    outputs = all_int8_outputs(tflite, inputs, kernels)
    if exit_margin is None:
        return Deployed(tuple(outputs), np.zeros(len(inputs), bool))
    own, early = outputs
    return Deployed((combined_outputs(own, early, exit_margin),), leaves(early, exit_margin))


def all_int8_outputs(tflite: bytes, inputs: np.ndarray, kernels: Kernels = Kernels.REFERENCE) -> list[np.ndarray]:
    """Every output of the file, int8 (N, ...) each: the network's own and, where it has one, its early exit's.

    Raises:
        ModelError: no int8 file, or one this machine's runtime refuses.
        DataError: inputs of another shape or type.
    """
    interpreter = _interpreter(tflite, kernels)
    wanted, ends = interpreter.get_input_details(), interpreter.get_output_details()
    shapes = [tuple(map(int, end["shape"][1:])) for end in wanted]
    dtype = _widest(wanted)
    if inputs.dtype != dtype or (len(wanted) == 1 and inputs.shape[1:] not in (shapes[0], (prod(shapes[0]),))):
        raise DataError(
            f"inputs are {inputs.dtype} {inputs.shape[1:]}, the model takes {dtype} {', '.join(map(str, shapes))}",
            hint="quantize them with the model's own scale first",
        )
    parts = _by_input(inputs, wanted)
    outputs = [np.empty((len(inputs), *end["shape"][1:]), np.int8) for end in ends]
    for index in range(len(inputs)):
        for end, part in zip(wanted, parts, strict=True):
            interpreter.set_tensor(end["index"], part[index].reshape(end["shape"]).astype(end["dtype"]))
        interpreter.invoke()
        for end, output in zip(ends, outputs, strict=True):
            output[index] = interpreter.get_tensor(end["index"])[0]
    return outputs


def dequantized_outputs(tflite: bytes, samples: np.ndarray, kernels: Kernels = Kernels.FAST) -> list[np.ndarray]:
    """Every output as float32, as the network gives it, for float32 (N, H, W, C) or (N, F) samples."""
    found = all_int8_outputs(tflite, quantized_inputs(tflite, samples), kernels)
    return [real_outputs(tflite, output, number) for number, output in enumerate(found)]


def real_outputs(tflite: bytes, outputs: np.ndarray, number: int = 0) -> np.ndarray:
    """One output, `(q - zero_point) * scale` as float32, channels first again: (N, C, ...) of the file's (N, ..., C),
    (N,) of one value without an axis.

    Args:
        number: which of the file's outputs they are; an early exit's has the scale of the network's own.
    """
    scale, zero_point = _interpreter(tflite, Kernels.FAST).get_output_details()[number]["quantization"]
    real: np.ndarray = (outputs.astype(np.float32) - zero_point) * np.float32(scale)
    return np.moveaxis(real, -1, 1) if real.ndim > 1 else real


def reference_sequence(tflite: bytes, samples: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
    """LiteRT's reference outputs, whatever their types, for one inference after the other: states stay in between.

    Args:
        samples: per inference one array per input of the file, of its type and whole shape.

    Returns:
        per inference one array per output.

    Raises:
        ModelError: LiteRT refuses the file or the inputs.
    """
    interpreter = _loaded(tflite, Kernels.REFERENCE)
    ends, outputs = interpreter.get_output_details(), []
    try:
        for inputs in samples:
            for port, values in zip(interpreter.get_input_details(), inputs, strict=True):
                interpreter.set_tensor(port["index"], values)
            interpreter.invoke()
            outputs.append([np.array(interpreter.get_tensor(port["index"])) for port in ends])
    except (ValueError, RuntimeError) as problem:
        raise ModelError(f"LiteRT does not run the file: {str(problem)[:300]}", hint="is it a whole .tflite?") from None
    return outputs


def _interpreter(tflite: bytes, kernels: Kernels) -> Any:
    """As `_loaded`, of a file with int8 outputs, and inputs of int8 or, where they are indices, int16."""
    interpreter = _loaded(tflite, kernels)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for port, types in [(end, (np.int8, np.int16)) for end in inputs] + [(end, (np.int8,)) for end in outputs]:
        if port["dtype"] not in types:
            raise ModelError(f"{port['name']} is {port['dtype'].__name__}, not int8", hint="export it with full int8")
    return interpreter


def _loaded(tflite: bytes, kernels: Kernels) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def with_resolver(resolver: Any) -> Any:
        made = Interpreter(model_content=tflite, experimental_op_resolver_type=resolver, num_threads=1)
        made.allocate_tensors()
        return made

    ways: list[Callable[[], Any]] = [lambda: reference_interpreter(tflite)]
    if kernels is Kernels.FAST:  # the first is XNNPACK, which prepares nothing where scales are far apart
        ways = [
            lambda: with_resolver(OpResolverType.AUTO),
            lambda: with_resolver(OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES),
        ]
    for last, way in enumerate(ways, 1 - len(ways)):
        try:
            interpreter = way()
            break
        except (ValueError, RuntimeError) as problem:
            if last == 0:
                raise ModelError(
                    f"LiteRT refuses the file: {str(problem)[:300]}", hint="is it a whole .tflite file?"
                ) from problem
    return interpreter
