"""One PyTorch network from its trace to bytes: everything that must be equal on the way is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.movement.concatenation import place_channels
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.export.tflite import (
    ExportedTflite,
    channels_first,
    channels_last,
    export_tflite,
    float_graph,
    sqnr_db,
    torch_outputs,
)
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import apply_widths
from edgeprune.prune.widths.predicted_graph import predicted_graph
from edgeprune.quantize.host import Kernels, all_int8_outputs, dequantized_outputs, quantized_inputs
from tests.firmware.host_engine import IDENTITY, run_c, run_litert
from tests.same_graph import assert_same_graph

ISAS = (Isa.REF, Isa.SCALAR, Isa.DSP)  # plain C stands for the instructions of these on this machine
FLAGS = ("-O1",)
NO_REFERENCE = frozenset({OpKind.ELU})  # operators that LiteRT's reference kernels lack


@dataclass(frozen=True)
class Checked:
    """One network that passed.

    Attributes:
        operators: of the int8 file.
        float_error: largest difference of the float file from PyTorch, of the largest output.
        sqnr_db: of the int8 file, by LiteRT's reference kernels; nan where all outputs are zero.
    """

    operators: Counter[OpKind]
    float_error: float
    sqnr_db: float


def check_module(module: nn.Module, shape: tuple[int, ...], seed: int = 0, samples: int = 16) -> Checked:
    """Raises AssertionError where two ways differ.

    The float file is within 1e-4 of PyTorch under LiteRT's fast and reference kernels, and is read back as the graph it
    was written from. The int8 file is read back, too, is the one predicted from the traced network, also when thinned
    at random, and our engine's C gives LiteRT's bytes.
    """
    inputs = torch.randn(samples, *shape[1:], generator=torch.Generator().manual_seed(seed))
    error = check_float(module, shape, inputs)
    exported = export_tflite(module, inputs)
    graph = read_tflite(exported.data)
    assert_same_graph(graph, read_tflite(write_tflite(graph)))
    check_predicted(module, shape, inputs, exported, np.random.default_rng(seed))
    check_engine(exported.stripped, inputs, ISAS[seed % len(ISAS)])
    on_device = _reference_db(module, exported, inputs)
    assert not on_device < min(exported.sqnr_db - 3, 30), f"{on_device:.1f} dB by LiteRT's reference kernels"
    return Checked(Counter(op.kind for op in exported.graph().ops), error, on_device)


def _reference_db(module: nn.Module, exported: ExportedTflite, inputs: torch.Tensor) -> float:
    """nan where PyTorch's output is zero for every sample."""
    found = dequantized_outputs(exported.data, channels_last(inputs), Kernels.REFERENCE)
    pairs = zip(torch_outputs(module, inputs), found, strict=True)
    return min(sqnr_db(*pair) if np.any(pair[0]) else np.nan for pair in pairs)


def check_float(module: nn.Module, shape: tuple[int, ...], inputs: torch.Tensor) -> float:
    graph = expressible(float_graph(trace(module, shape), module))
    data = write_tflite(graph)
    assert_same_graph(graph, read_tflite(data))
    wanted = torch_outputs(module, inputs)
    samples = [[sample[None]] for sample in channels_last(inputs)]
    lacking = any(op.kind in NO_REFERENCE for op in graph.ops)
    largest_error = 0.0
    for resolver in ("AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if lacking else "BUILTIN_REF"):
        found = run_litert(data, samples, resolver)
        for number, own in enumerate(wanted):
            got = channels_first(np.concatenate([one[number] for one in found]))
            assert got.shape == own.shape
            error = float(np.abs(got - own).max() / max(float(np.abs(own).max()), 1e-30))
            assert error < 1e-4, f"float outputs are {error:.2g} of their largest off under {resolver}"
            largest_error = max(largest_error, error)
    return largest_error


def check_predicted(
    module: nn.Module, shape: tuple[int, ...], inputs: torch.Tensor, exported: ExportedTflite, rng: np.random.Generator
) -> None:
    traced = trace(module, shape)
    groups = find_groups(traced)
    assert_same_forms(clean(read_tflite(exported.stripped)), clean(predicted_graph(traced, groups, {})))
    if groups.groups:
        widths = {name: int(rng.integers(1, size + 1)) for name, size in groups.full_widths.items()}
        thinned = export_tflite(apply_widths(module, groups, widths).eval(), inputs)
        assert_same_forms(clean(read_tflite(thinned.stripped)), clean(predicted_graph(traced, groups, widths)))


def assert_same_forms(exported: Graph, predicted: Graph) -> None:
    """Operators, attributes, sizes and types, in order.

    Axes of length 1 come and go with widths, and views with them.
    """
    ours, theirs = ([op for op in graph.ops if op.kind is not OpKind.RESHAPE] for graph in (exported, predicted))
    for one, other in zip(ours, theirs, strict=False):
        forms = _form(exported, one), _form(predicted, other)
        assert forms[0] == forms[1], f"exported {forms[0]} was predicted as {forms[1]}"
        if _shapes(exported, one) == _shapes(predicted, other):
            assert one.attrs == other.attrs, f"exported {one} was predicted as {other}"
    assert len(ours) == len(theirs)


def _form(graph: Graph, op: Op) -> tuple[object, ...]:
    tensors = [graph.tensors[index] for index in (*op.inputs, *op.outputs)]
    sizes = [[size for size in shape if size != 1] for shape in _shapes(graph, op)]
    return op.kind, op.activation, sizes, [(tensor.dtype, tensor.is_constant) for tensor in tensors]


def _shapes(graph: Graph, op: Op) -> list[tuple[int, ...]]:
    return [graph.tensors[index].shape for index in (*op.inputs, *op.outputs)]


def check_engine(tflite: bytes, inputs: torch.Tensor, isa: Isa) -> None:
    graph = without_constant_channels(clean(read_tflite(tflite)))
    calls = place_channels(graph, lower(graph, isa, Optimize.BALANCED))
    files = emit(graph, calls, make_plan(graph, calls), IDENTITY)
    rng = np.random.default_rng(0)
    real = quantized_inputs(tflite, channels_last(inputs[:2]))
    samples = np.concatenate([real, rng.integers(-128, 128, real.shape).astype(np.int8)])
    ours = run_c(graph, files, [[sample[None]] for sample in samples], FLAGS)
    theirs = all_int8_outputs(tflite, samples, Kernels.REFERENCE)
    for number, output in enumerate(theirs):
        np.testing.assert_array_equal(np.concatenate([one[number] for one in ours]), output)
