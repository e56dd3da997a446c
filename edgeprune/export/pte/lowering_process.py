"""The process that lowers: `python -m edgeprune.export.pte.lowering_process` replies to one request a line.

{"module": "m.pt2", "samples": "s.npy", "checked": "c.npy", "result": "m.pte", "outputs": "o.npz", "format": "xnnpack",
 "core": null}
{"layers": [["sigmoid", "block.gate", false], ...]}   or   {"error": "..."}

`outputs` gets what the program computes for the checked samples, float32; `layers`: each operator of the lowered graph,
the layer it came from, whether integers go in and out of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.export.pte.calibrate import calibrate
from edgeprune.export.pte.means import with_convolved_means, with_pooled_means
from edgeprune.export.pte.observers import OwnRanges
from edgeprune.export.requests import reply_to_requests

_QUANTIZE, _DEQUANTIZE = "quantize_per", "dequantize_per"


@dataclass(frozen=True)
class _Job:
    """x: one sample, as the program takes it; samples: ranges are measured on; core: of a Cortex-M."""

    program: Any
    x: Tensor
    samples: Sequence[Tensor]
    core: str | None


@dataclass(frozen=True)
class _Lowered:
    """run: what the program computes, on this machine: by ExecuTorch itself, or where it has no kernels by torch."""

    content: bytes
    graphs: Sequence[Any]
    run: Callable[[Tensor], Sequence[Tensor]]


def _lower(request: dict[str, Any]) -> dict[str, Any]:
    program = torch.export.load(request["module"])
    samples, checked = (torch.from_numpy(np.load(request[name])) for name in ("samples", "checked"))
    ways: dict[str, Callable[[_Job], _Lowered]] = {
        "xnnpack": lambda job: _xnnpack(job, _xnnpack_quantized(job, is_dynamic=False)),
        "xnnpack-dynamic": lambda job: _xnnpack(job, _xnnpack_quantized(job, is_dynamic=True)),
        "xnnpack-float": lambda job: _xnnpack(job, job.program),
        "portable": _portable,
        "cortex-m": _cortex_m,
    }
    job = _Job(program, samples[:1], list(torch.split(samples, 1)), request["core"])
    lowered = ways[request["format"]](job)
    with torch.no_grad():
        rows = [[part.detach().numpy() for part in lowered.run(one)] for one in torch.split(checked, 1)]
    outputs = {str(number): np.concatenate(parts) for number, parts in enumerate(zip(*rows, strict=True))}
    Path(request["result"]).write_bytes(lowered.content)
    np.savez(request["outputs"], allow_pickle=False, **outputs)
    return {"layers": [layer for graph in lowered.graphs for layer in _layers(graph)]}


def _xnnpack_quantized(job: _Job, is_dynamic: bool) -> Any:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=is_dynamic)
    module = with_pooled_means(job.program.module(check_guards=False))
    quantizer = XNNPACKQuantizer().set_global(config)
    if is_dynamic:
        return _converted(_observed(prepare_pt2e(module, quantizer), job.samples), job.x)
    return _quantized(module, OwnRanges(quantizer, means_have_scales=True), job.x, job.samples)


def _quantized(module: Any, quantizer: Any, x: Tensor, samples: Sequence[Tensor]) -> Any:
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    prepared = prepare_pt2e(module, quantizer)
    calibrate(prepared, samples)
    return _converted(prepared, x)


def _observed(prepared: Any, samples: Sequence[Tensor]) -> Any:
    with torch.no_grad():
        for sample in samples:
            prepared(sample)
    return prepared


def _converted(prepared: Any, x: Tensor) -> Any:
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    return torch.export.export(convert_pt2e(prepared), (x,), strict=True)


def _xnnpack(job: _Job, program: Any) -> _Lowered:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    return _ran(lowered, job)


def _portable(job: _Job) -> _Lowered:
    from executorch.exir import to_edge

    return _ran(to_edge(job.program), job)


def _ran(edge: Any, job: _Job) -> _Lowered:
    """Run by ExecuTorch."""
    from executorch.exir import ExecutorchBackendConfig
    from executorch.extension.pybindings import portable_lib

    graphs = _graphs(edge)
    content = bytes(edge.to_executorch(ExecutorchBackendConfig(extract_delegate_segments=False)).buffer)
    loaded = portable_lib._load_for_executorch_from_buffer(content)
    return _Lowered(content, graphs, lambda sample: loaded.forward([sample.contiguous()]))


def _cortex_m(job: _Job) -> _Lowered:
    _without_tosa()
    from executorch.backends.cortex_m.edge_compile_config import cortex_m_edge_compile_config
    from executorch.backends.cortex_m.passes.cortex_m_pass_manager import CortexMPassManager
    from executorch.backends.cortex_m.quantizer.quantizer import CortexMQuantizer
    from executorch.backends.cortex_m.target_config import CortexMTargetConfig
    from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes.quantize_io_pass import QuantizeInputs, QuantizeOutputs

    module = with_convolved_means(job.program.module(check_guards=False))
    if job.x.ndim == 4:
        module = module.to(memory_format=torch.channels_last)
    x, samples = _channels_last(job.x), [_channels_last(sample) for sample in job.samples]
    program = _quantized(module, OwnRanges(CortexMQuantizer(), means_have_scales=False), x, samples)
    edge = to_edge_transform_and_lower(program, compile_config=cortex_m_edge_compile_config())
    outputs = len(edge.exported_program().graph_signature.user_outputs)
    edge = edge.transform([QuantizeInputs(edge, [0]), QuantizeOutputs(edge, list(range(outputs)))])
    target = CortexMTargetConfig.from_target_string(job.core)
    edge._edge_programs["forward"] = CortexMPassManager(edge.exported_program(), target_config=target).transform()
    emulated = edge.exported_program().module(check_guards=False)  # to_executorch changes it
    ends = edge._config_methods

    def run(sample: Tensor) -> list[Tensor]:
        steps = torch.round(sample / ends["input0_scale"]) + ends["input0_zp"]
        answers = emulated(_channels_last(steps.clamp(-128, 127).to(torch.int8)))
        each = answers if isinstance(answers, tuple | list) else (answers,)
        return [
            (part.to(torch.float32) - ends[f"output{number}_zp"]) * ends[f"output{number}_scale"]
            for number, part in enumerate(each)
        ]

    graphs = _graphs(edge)
    content = bytes(edge.to_executorch(ExecutorchBackendConfig(extract_delegate_segments=False)).buffer)
    return _Lowered(content, graphs, run)


def _channels_last(sample: Tensor) -> Tensor:
    return sample.contiguous(memory_format=torch.channels_last) if sample.ndim == 4 else sample.contiguous()


def _graphs(edge: Any) -> list[Any]:
    """The program's graph and those of its delegates."""
    program = edge.exported_program()
    inside = [
        part.original_module.graph
        for name, part in program.graph_module.named_children()
        if hasattr(part, "original_module")
    ]
    return [program.graph, *inside]


def _layers(graph: Any) -> list[tuple[str, str, bool]]:
    found = []
    for node in graph.nodes:
        name = str(getattr(node.target, "__name__", node.target))
        if node.op != "call_function" or _QUANTIZE in name or name in ("getitem", "alloc", "executorch_call_delegate"):
            continue
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path = stack[-1][0] if stack else ""
        value = node.meta.get("val")
        is_int8 = getattr(value, "dtype", None) is torch.int8
        reads = [one for one in node.all_input_nodes if one.op == "call_function"]
        between = all(_DEQUANTIZE in str(one.target) for one in reads) and bool(reads)
        found.append((name.removeprefix("aten.").removesuffix(".default"), path, is_int8 or between))
    return found


def _without_tosa() -> None:
    """Arm's passes, which the Cortex-M ones are built on, import a serializer that only writing TOSA files calls.

    Its package wants a NumPy of its own, older than everybody else's.
    """
    if "tosa_serializer" in sys.modules:
        return
    try:
        import tosa_serializer  # noqa: F401
    except ImportError:
        sys.modules["tosa_serializer"] = _Nothing("tosa_serializer")


class _NameMeta(type):
    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name


class _Name(metaclass=_NameMeta):
    """Whatever is looked up in a module that is not there, at import."""


class _Nothing(ModuleType):
    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name


if __name__ == "__main__":
    reply_to_requests(_lower)
