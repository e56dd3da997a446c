"""A network as an ExecuTorch program: lowered by ExecuTorch's own passes and quantizers, then judged.

Each backend needs the quantizer that is made for it: a graph quantized for one computes in floats on another, and
nothing reports it. So what comes out is read back from the file and run on real samples before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.export.converter_process import ConverterProcess, first_line
from edgeprune.export.pte.program import Program, read_pte
from edgeprune.export.tflite import agreement, sqnr_db, torch_outputs

_NEEDED = ("executorch", "torchao")
_INSTALL = "pip install 'edgeprune[executorch]', on Linux or macOS"
_LEAST_INT8_DB, _LEAST_FLOAT_DB = 10.0, 60.0
_SHOWN = 6
_MOST_SAMPLES_OF_RANGES = 100


class PteFormat(StrEnum):
    """For which backend, computing with what."""

    XNNPACK = "xnnpack"  # int8
    XNNPACK_DYNAMIC = "xnnpack-dynamic"  # int8 weights; activations quantized as they come, where XNNPACK can
    XNNPACK_FLOAT = "xnnpack-float"
    CORTEX_M = "cortex-m"  # int8, CMSIS-NN
    PORTABLE = "portable"  # float, plain C++ kernels that run everywhere

    @property
    def is_int8(self) -> bool:
        """Throughout, as promised."""
        return self in (PteFormat.XNNPACK, PteFormat.CORTEX_M)

    @property
    def is_float(self) -> bool:
        return self in (PteFormat.XNNPACK_FLOAT, PteFormat.PORTABLE)


@dataclass(frozen=True, eq=False)
class PteRequest:
    """What to lower.

    Attributes:
        samples: (N, C, ...) float32 that ranges are measured on.
        checked: (N, C, ...) float32 that the program is compared with the float network on.
        core: of the target, for CORTEX_M.
        may_stay_float: an int8 program may hold operators that compute in floats.
    """

    format: PteFormat
    samples: Tensor
    checked: Tensor
    core: str | None = None
    may_stay_float: bool = False


@dataclass(frozen=True, eq=False)
class ExportedPte:
    """A program and what it showed.

    Attributes:
        data: the `.pte` file; program: read from it.
        sqnr_db: of its outputs against the float network's on the checked samples; the least one of several.
        argmax_agreement: share (0..1) of them with the same largest output; None for no vectors of two and more.
        floats: operators that compute in floats in a program of int8, each with its layer.
        ran: `executorch` here, or `emulation` where it has no kernels here: torch computes what they do.
    """

    data: bytes
    program: Program
    sqnr_db: float
    argmax_agreement: float | None
    floats: tuple[str, ...]
    ran: str
    outputs: tuple[np.ndarray, ...]


class Lowering:
    """ExecuTorch's process, kept until the block ends.

    with Lowering() as lowering:
        exported = lowering.program(module, PteRequest(PteFormat.XNNPACK, samples, checked))

    Raises:
        UsageError: ExecuTorch is not installed.
    """

    def __init__(self) -> None:
        self._process = ConverterProcess("edgeprune.export.pte.lowering_process", _NEEDED, _INSTALL)

    def program(self, module: nn.Module, request: PteRequest) -> ExportedPte:
        """The program, which has passed its gates.

        Args:
            module: a network in evaluation mode.

        Raises:
            ModelError: torch.export or ExecuTorch does not take it, or what comes out is not the network.
            UnsupportedOp: an operator stays in float where int8 was promised.
        """
        data, layers, outputs = self._lowered(module, request)
        program = read_pte(data, "the program")
        floats = _named_floats(program, layers) if request.format.is_int8 else ()
        if floats and not request.may_stay_float:
            raise UnsupportedOp(
                f"--format {request.format} leaves {_count(floats)} in float: {_some(floats)}",
                hint="--allow-float writes it all the same; xnnpack-dynamic and xnnpack-float promise no int8",
            )
        wanted = torch_outputs(module, request.checked)
        near = min(sqnr_db(own, got.reshape(own.shape)) for own, got in zip(wanted, outputs, strict=True))
        least = _LEAST_FLOAT_DB if request.format.is_float else _LEAST_INT8_DB
        if near < least:
            raise ModelError(
                f"--format {request.format}: its outputs are {near:.1f} dB from the float network's on "
                f"{len(request.checked)} samples; {least:.0f} dB are the least",
                hint="`edgeprune export --format int8` writes a .tflite, calibrated by EdgePrune itself",
            )
        ran = "emulation" if request.format is PteFormat.CORTEX_M else "executorch"
        return ExportedPte(data, program, near, agreement(wanted[0], outputs[0]), floats, ran, outputs)

    def _lowered(
        self, module: nn.Module, request: PteRequest
    ) -> tuple[bytes, list[tuple[str, str, bool]], tuple[np.ndarray, ...]]:
        folder, samples = self._process.folder, request.samples[:_MOST_SAMPLES_OF_RANGES]
        try:
            with torch.no_grad():
                program = torch.export.export(module.eval(), (samples[:1].contiguous(),))
        except Exception as problem:  # torch.export raises what it likes, and the user's code runs in it
            raise ModelError(f"torch.export does not take the network: {first_line(str(problem))}") from problem
        files = {"module": "module.pt2", "samples": "samples.npy", "checked": "checked.npy", "result": "result.pte",
                 "outputs": "outputs.npz"}  # fmt: skip
        paths = {name: folder / file for name, file in files.items()}
        torch.export.save(program, paths["module"])
        for name, values in (("samples", samples), ("checked", request.checked)):
            np.save(paths[name], values.contiguous().numpy())
        words = {name: str(path) for name, path in paths.items()}
        reply = self._process.reply({**words, "format": request.format.value, "core": request.core})
        if "error" in reply:
            raise ModelError(
                f"ExecuTorch does not lower the network for {request.format}: {first_line(reply['error'])}",
                hint="other formats may take it; `edgeprune export --format int8` writes a .tflite",
            )
        with np.load(paths["outputs"]) as arrays:
            found = tuple(arrays[str(number)] for number in range(len(arrays.files)))
        layers = [(str(name), str(layer), bool(is_int8)) for name, layer, is_int8 in reply["layers"]]
        return paths["result"].read_bytes(), layers, found

    def __enter__(self) -> Lowering:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, problem, trace)


# Of XNNPACK's names those that torch's do not contain.
_ALSO_CALLED = {
    "fully_connected": ("linear", "addmm", "mm"), "conv2d": ("convolution", "conv"), "square_root": ("sqrt",),
    "depthwise_conv2d": ("convolution", "conv"), "conv_transpose2d": ("convolution",), "multiply": ("mul",),
    "batch_matrix_multiply": ("bmm", "matmul"), "subtract": ("sub",), "clamp": ("hardtanh", "relu"),
    "global_avg_pooling2d": ("mean", "avg_pool"), "avg_pooling2d": ("avg_pool",), "max_pooling2d": ("max_pool",),
    "reciprocal_square_root": ("rsqrt",), "static_constant_pad": ("pad",), "static_slice": ("slice", "select"),
    "negate": ("neg",), "concatenate2": ("cat",), "concatenate3": ("cat",), "concatenate4": ("cat",),
    "concatenate5": ("cat",), "square": ("pow", "mul"),
}  # fmt: skip


def _named_floats(program: Program, layers: Sequence[tuple[str, str, bool]]) -> tuple[str, ...]:
    """`sigmoid of layer 'gate'`: the file's operators in float, as far as the graph tells with their layers."""
    unused = [(name, layer) for name, layer, is_int8 in sorted(layers, key=lambda one: one[2])]  # doubtful ones first
    found = []
    for operator in program.float_operators:
        plain = operator.name.rpartition("::")[2]
        called = (plain, *_ALSO_CALLED.get(plain, ()))
        match = next((entry for entry in unused if any(word in entry[0] for word in called)), None)
        if match is not None:
            unused.remove(match)
        layer = match[1] if match is not None else ""
        found.append(f"{plain} of layer '{layer}'" if layer else f"{plain} of the network's own forward")
    return tuple(found)


def _count(texts: Sequence[str]) -> str:
    return "1 operator" if len(texts) == 1 else f"{len(texts)} operators"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
