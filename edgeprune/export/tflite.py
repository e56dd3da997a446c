"""A trained network to a quantized `.tflite` file, stripped, and how near it stays to the float network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import with_provable_scales
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.engine.tflite.write import FileNames, write_tflite
from edgeprune.errors import DataError, ModelError
from edgeprune.ir import Graph, index_inputs
from edgeprune.model.answers import names_of, parts_of, run_batch
from edgeprune.model.constants import with_constants
from edgeprune.model.exits import WithExit
from edgeprune.model.noted.int16_layers import int16_layers
from edgeprune.model.passes import lowered
from edgeprune.model.trace import TracedModel, trace
from edgeprune.model.user_line import quoted
from edgeprune.quantize.layer_sqnr import LayerSqnr, layer_sqnr
from edgeprune.quantize.post_training import Quantization, post_training
from edgeprune.quantize.runners import FloatRunner, IntegerRunner, sample_of
from edgeprune.quantize.weights import INT8, Bits

_LEAST_FLOAT_DB = 60.0
_COMPARED = 16  # samples
_FURTHEST_DB = 200.0  # float32 tells about 150 dB apart


@dataclass(frozen=True, eq=False)
class ExportedTflite:
    """A file of integers.

    Attributes:
        data: the whole file, for phones and for figures; images are (1, H, W, C) at both ends, int8 or int16.
        stripped: what a microcontroller needs of it; the same outputs.
        layers: the layer each operator came from, in execution order; stripping drops names.
        sqnr_db: signal to quantization-noise ratio of its outputs against the float network's, over the samples; the
            lower one of a network with an early exit.
        argmax_agreement: share of samples (0..1) whose largest output is the same one; of vectors of two and more.
        quantization: what the file was written from.
    """

    data: bytes
    stripped: bytes
    layers: tuple[str, ...]
    sqnr_db: float
    argmax_agreement: float | None
    quantization: Quantization

    def graph(self) -> Graph:
        """The stripped file's graph, its operators named after their layers."""
        graph = read_tflite(self.stripped)
        named = [replace(op, name=layer) for op, layer in zip(graph.ops, self.layers, strict=True)]
        return graph.with_ops(tuple(named))

    def layer_sqnr(self, samples: Tensor) -> tuple[LayerSqnr, ...]:
        """How far each layer is from the float network, over a few of the samples (N, C, ...)."""
        made = self.quantization
        return layer_sqnr(made.floats, made.graph, channels_last(samples), made.int16)


@dataclass(frozen=True, eq=False)
class FloatForm:
    """A network as one float graph, and what its user calls the ends."""

    graph: Graph
    names: FileNames


def export_tflite(
    module: nn.Module, samples: Tensor, bits: Bits = INT8, names: FileNames | None = None
) -> ExportedTflite:
    """Traces, calibrates, quantizes and writes; nothing is left in float.

    Args:
        module: the network, or one with an early exit (`model/exits.py`); taken in evaluation mode, not changed.
        samples: (N, C, H, W), (N, C, T) or (N, F) float32, as the network sees them; ranges are measured on them.
        bits: of activations and weights.
        names: description and metadata of the file; its ends are called as in the user's code.

    Raises:
        ModelError: the network cannot be traced, or its float form is not the network PyTorch runs.
        UnsupportedOp: an operator has no counterpart on the device, or none of these bits.
        DataError: an input of indices holds other values, too.
    """
    floats = checked_float_form(module, samples)
    runner, inputs = FloatRunner(floats.graph), channels_last(samples)
    _check_indices(floats.graph, inputs)
    quantization = post_training(runner, inputs, isinstance(module, WithExit), bits, int16_layers(module))
    graph = expressible(with_provable_scales(clean(quantization.graph)))
    data = write_tflite(graph, with_ends_of(floats, names or FileNames()))
    wanted = torch_outputs(module, samples)
    got = _outputs_of(IntegerRunner(graph, graph.outputs), inputs)
    near = min(sqnr_db(*pair) for pair in zip(wanted, got, strict=True))
    layers = tuple(op.name for op in graph.ops)
    return ExportedTflite(data, strip(data), layers, near, agreement(wanted[0], got[0]), quantization)


def _check_indices(graph: Graph, inputs: np.ndarray) -> None:
    """Raises DataError where an input that is looked up holds other values beside indices: it has one scale, 1."""
    for index, table in index_inputs(graph).items():
        place = graph.inputs.index(index)
        for sample in inputs:
            values = sample_of(graph, sample)[place]
            parts = values[values != np.round(values)]
            if len(parts):
                raise DataError(
                    f"the input {graph.tensors[index].name!r} is looked up in {table!r} and holds {parts[0]:g}: "
                    "indices lie in an input of whole numbers",
                    hint="store indices as int32, not as uint8 pixels; what is no index is an input of its own "
                    "([model] inputs = {...})",
                )


def checked_float_form(module: nn.Module, samples: Tensor) -> FloatForm:
    """The module as a float graph, compared with what PyTorch computes for the first samples.

    Raises:
        ModelError: the network cannot be traced, or its float form is not the network PyTorch runs.
        UnsupportedOp: an operator has no counterpart on the device.
    """
    traced = trace(module, (1, *samples.shape[1:]))
    graph = float_graph(traced, module)
    _check_float(module, samples[:_COMPARED], FloatRunner(graph), traced.recording.narrow)
    return FloatForm(graph, _names_of_ends(traced))


def with_ends_of(form: FloatForm, names: FileNames) -> FileNames:
    """`names` with the network's inputs and outputs."""
    return replace(names, inputs=form.names.inputs, outputs=form.names.outputs)


def float_graph(traced: TracedModel, module: nn.Module) -> Graph:
    """The network as one float graph with its constants: what is quantized, written and compiled.

    Args:
        module: what was traced, or one of the same structure with other weights.
    """
    return lowered(with_constants(traced, module)).graph


def _names_of_ends(traced: TracedModel) -> FileNames:
    """As in the user's code; an output without a name there is called after its layer."""
    recording, graph = traced.recording, traced.graph
    layers = [graph.tensors[index].name for index in graph.outputs]
    outputs = [name or layer for name, layer in zip(names_of(recording.answer), layers, strict=True)]
    return FileNames(recording.input_names, tuple(outputs))


def sqnr_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """10 log10(power of `wanted` / power of the difference), between -200 and 200; 200 where nothing differs."""
    exact = wanted.astype(np.float64)
    signal, noise = (float(np.square(part).sum()) for part in (exact, exact - got))
    if noise == 0 or signal == 0:
        return _FURTHEST_DB if noise == 0 else -_FURTHEST_DB
    return float(np.clip(10 * np.log10(signal / noise), -_FURTHEST_DB, _FURTHEST_DB))


def torch_outputs(module: nn.Module, samples: Tensor) -> list[np.ndarray]:
    """Every output of the module in evaluation mode, float32 (N, ...)."""
    was_training = module.training
    module.eval()
    try:
        answers = [parts_of(run_batch(module, part)) for part in torch.split(samples, 256)]
        return [torch.cat(parts).float().numpy() for parts in zip(*answers, strict=True)]
    finally:
        module.train(was_training)


def channels_last(samples: Tensor) -> np.ndarray:
    """(N, C, ...) -> (N, ..., C) float32, the file's layout."""
    return np.ascontiguousarray(np.moveaxis(samples.numpy(), 1, -1), dtype=np.float32)


def channels_first(values: np.ndarray) -> np.ndarray:
    """(N, ..., C) of a file -> (N, C, ...), as the network gives it; (N,) as it is."""
    return np.moveaxis(values, -1, 1) if values.ndim > 1 else values


def _check_float(module: nn.Module, samples: Tensor, runner: FloatRunner, narrow: str | None) -> None:
    """Raises ModelError where the float graph computes something else than the module on real samples, or the module
    itself something else the second time.

    Args:
        narrow: the user's line where it computes in 16 bits.
    """
    wanted, again = torch_outputs(module, samples), torch_outputs(module, samples)
    ours = _outputs_of(runner, channels_last(samples))
    for number, (own, repeated, got) in enumerate(zip(wanted, again, ours, strict=True)):
        if not np.isfinite(own).all():
            raise ModelError(
                f"output {number} is not finite for {len(own)} samples of the data",
                hint="check the data and [data] mean and std; a training that diverged leaves such weights, too",
            )
        if not sqnr_db(own, repeated) >= _LEAST_FLOAT_DB:
            raise ModelError(
                f"output {number} is another one when forward() runs again on the same samples",
                hint="what forward() keeps from call to call is not exported: make it an input and an output",
            )
        near = sqnr_db(own, got.reshape(own.shape))
        if not near >= _LEAST_FLOAT_DB and narrow is not None:
            raise ModelError(
                f"forward() computes in 16 bits at {narrow}: in float32 it is {near:.1f} dB away{quoted(narrow)}",
                hint="leave autocast and half() to the training loop",
            )
        if not near >= _LEAST_FLOAT_DB:
            raise ModelError(
                f"output {number} of the exported float network is {near:.1f} dB from PyTorch's on {len(own)} samples; "
                f"{_LEAST_FLOAT_DB:.0f} dB are the least",
                hint="this is a fault of EdgePrune: report it with the model",
            )


def _outputs_of(runner: FloatRunner | IntegerRunner, inputs: np.ndarray) -> list[np.ndarray]:
    """Every output for (N, ..., C) inputs, real values, channels first as the network gives them."""
    found: list[list[np.ndarray]] = [[] for _ in runner.graph.outputs]
    for sample in inputs:
        read = runner.run(sample_of(runner.graph, sample))
        for values, index in zip(found, runner.graph.outputs, strict=True):
            values.append(read(index).copy())
    return [channels_first(np.concatenate(values)) for values in found]


def agreement(wanted: np.ndarray, got: np.ndarray) -> float | None:
    """Share (0..1) of the rows whose largest value is at the same place; None for no vectors of two and more."""
    if wanted.ndim != 2 or wanted.shape[1] < 2:
        return None
    return float((wanted.argmax(axis=1) == got.argmax(axis=1)).mean())
