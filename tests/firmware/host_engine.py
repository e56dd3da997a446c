"""Runs a `.tflite` model through the engine on the host, and through LiteRT's reference interpreter."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph

HERE = Path(__file__).resolve().parent
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion")
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
FAST = ("-O2",)
GAP_BYTES = 64
IDENTITY = Identity("test", "0123456789abcdef", "host", "pytest", "0")

Values = Sequence[np.ndarray]


@dataclass(frozen=True)
class Disjoint:
    """A plan that gives every tensor its own place, with gaps between: what a kernel may touch is exactly its own."""

    offset_bytes: dict[int, int]
    scratch_offset_bytes: dict[int, int]
    arena_bytes: int
    gaps: list[tuple[int, int]]
    peak_op: int = 0


def place_disjoint(graph: Graph, calls: Sequence[KernelCall]) -> Disjoint:
    """Views share their input's place; everything else lies alone."""
    offsets: dict[int, int] = {}
    scratch: dict[int, int] = {}
    gaps: list[tuple[int, int]] = []
    end = 0

    def take(size_bytes: int) -> int:
        nonlocal end
        start = end + GAP_BYTES
        end = start + size_bytes
        end += -end % 16
        gaps.append((start - GAP_BYTES, GAP_BYTES))
        return start

    def need(tensor: int) -> None:
        if tensor >= 0 and tensor not in offsets and not graph.tensors[tensor].is_constant:
            offsets[tensor] = take(graph.tensors[tensor].size_bytes)

    def view(op_inputs: Sequence[int], op_outputs: Sequence[int]) -> None:
        start = take(sum(graph.tensors[tensor].size_bytes for tensor in op_inputs))
        for side in (op_inputs, op_outputs):
            offset = start
            for tensor in side:
                offsets[tensor] = offset
                offset += graph.tensors[tensor].size_bytes

    for op, call in reversed(list(zip(graph.ops, calls, strict=True))):
        if call.placed:
            need(op.outputs[0])
            for part in call.placed:
                offsets[op.inputs[part.input_index]] = offsets[op.outputs[0]] + part.offset_bytes
        elif call.is_view and len(op.inputs) > 1:
            view(op.inputs, op.outputs)
    for tensor in graph.inputs:
        need(tensor)
    for index, (op, call) in enumerate(zip(graph.ops, calls, strict=True)):
        for tensor in op.inputs:
            need(tensor)
        if call.is_view and not call.placed:
            offset = offsets[op.inputs[0]]
            for tensor in op.outputs:
                offsets[tensor] = offset
                offset += graph.tensors[tensor].size_bytes
        for tensor in op.outputs:
            need(tensor)
        if call.scratch_bytes:
            scratch[index] = take(call.scratch_bytes)
    gaps.append((end, GAP_BYTES))
    return Disjoint(offsets, scratch, end + GAP_BYTES, gaps)


def run_engine(
    model: bytes, samples: Sequence[Values], flags: Sequence[str] = SANITIZED, isa: Isa = Isa.REF
) -> list[list[np.ndarray]]:
    """Outputs of the engine's C for each sample of inputs, every tensor in a place of its own.

    Kernels of other instruction sets run as the plain C that stands for their instructions.
    """
    graph = read_tflite(model)
    calls = lower(graph, isa, Optimize.BALANCED)
    plan = place_disjoint(graph, calls)
    return run_c(graph, emit(graph, calls, plan, IDENTITY), samples, flags, plan.gaps)


def run_c(
    graph: Graph,
    files: dict[str, str],
    samples: Sequence[Values],
    flags: Sequence[str] = SANITIZED,
    gaps: Sequence[tuple[int, int]] = (),
) -> list[list[np.ndarray]]:
    """Compiles generated files with the host's gcc and feeds them `samples`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        rows = ", ".join(f"{{{start}, {size}}}" for start, size in gaps) or "{0, 0}"
        (Path(folder) / "gaps.h").write_text(f"static const size_t gaps[][2] = {{ {rows} }};\n")
        program = Path(folder) / "model"
        _compile([str(HERE / "host_main.c"), _kernels(tuple(flags)), f"-I{folder}", "-o", str(program)], flags)
        stream = b"".join(np.ascontiguousarray(value).tobytes() for sample in samples for value in sample)
        ran = subprocess.run([program], input=stream, capture_output=True, timeout=120)
        if ran.returncode:
            raise AssertionError(ran.stderr.decode("utf-8", "replace")[-6000:])
    return _split(graph, ran.stdout, len(samples))


@functools.cache
def _kernels(flags: tuple[str, ...]) -> str:
    """An archive of all kernels a host can compile (all but those of Helium), compiled once.

    EDGEPRUNE_KERNELS names a folder for it that outlives the process.
    """
    given = os.environ.get("EDGEPRUNE_KERNELS")
    folder = f"{given}/{'_'.join(flags)}" if given else tempfile.mkdtemp(prefix="edgeprune-kernels-")
    archive = f"{folder}/kernels.a"
    if Path(archive).is_file():
        return archive
    Path(folder).mkdir(parents=True, exist_ok=True)
    objects = []
    root = shipped("firmware") / "kernels"
    sources = (source for isa in ("ref", "scalar", "dsp", "vector") for source in (root / isa).glob("*.c"))
    for source in sorted(sources):
        target = f"{folder}/{source.parent.name}_{source.stem}.o"
        _compile(["-c", str(source), "-o", target], flags)
        objects.append(target)
    subprocess.run(["ar", "rcs", archive, *objects], check=True, capture_output=True)
    return archive


def _compile(arguments: Sequence[str], flags: Sequence[str]) -> None:
    command = ["gcc", *WARNINGS, *flags, f"-I{shipped('firmware') / 'include'}", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise AssertionError(ran.stderr[-6000:])


def _split(graph: Graph, data: bytes, count: int) -> list[list[np.ndarray]]:
    outputs = [graph.tensors[index] for index in graph.outputs]
    assert len(data) == count * sum(tensor.size_bytes for tensor in outputs)
    found, at = [], 0
    for _ in range(count):
        sample = []
        for tensor in outputs:
            dtype = np.dtype(str(tensor.dtype))
            sample.append(np.frombuffer(data, dtype, tensor.element_count, at).reshape(tensor.shape))
            at += tensor.size_bytes
        found.append(sample)
    return found


def run_litert(model: bytes, samples: Sequence[Values], resolver: str = "BUILTIN_REF") -> list[list[np.ndarray]]:
    """Outputs of LiteRT's reference kernels, or of those another `OpResolverType` picks."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = getattr(OpResolverType, resolver)
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in samples:
        for detail, value in zip(inputs, sample, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        found.append([interpreter.get_tensor(detail["index"]) for detail in outputs])
    return found


def random_samples(model: bytes, count: int, seed: int) -> list[list[np.ndarray]]:
    """Inputs over the whole int8 range (floats: normal), extremes included."""
    graph, rng = read_tflite(model), np.random.default_rng(seed)
    samples = []
    for _ in range(count):
        sample = []
        for index in graph.inputs:
            tensor = graph.tensors[index]
            if tensor.dtype == "bool":
                sample.append(rng.integers(0, 2, tensor.shape).astype(np.bool_))
            elif tensor.dtype == "float32":
                sample.append(rng.normal(0, 3, tensor.shape).astype(np.float32))
            else:
                limits = np.iinfo(np.dtype(str(tensor.dtype)))
                drawn = rng.integers(limits.min, limits.max, tensor.shape, np.int64, endpoint=True)
                sample.append(drawn.astype(str(tensor.dtype)))
        samples.append(sample)
    return samples


def assert_same_bytes(
    model: bytes,
    samples: Sequence[Values],
    flags: Sequence[str] = SANITIZED,
    isa: Isa = Isa.REF,
    resolver: str = "BUILTIN_REF",
) -> None:
    """The engine gives the bytes LiteRT gives, for every output of every sample."""
    expected = run_litert(model, samples, resolver)
    for index, (ours, theirs) in enumerate(zip(run_engine(model, samples, flags, isa), expected, strict=True)):
        for output, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"output {output} of sample {index}")
