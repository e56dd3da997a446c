"""What single calls of a model take of flash, measured in its objects: for calls that a baseline's link lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from edgeprune.engine.codegen.names import layer_names
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline, form_of
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.toolchain.sections import Section, address_bytes, kept_bytes, sections_of


def call_sizes(model: CompiledModel, objects: Mapping[str, bytes]) -> dict[str, CallSize]:
    """Form of call -> what one of it takes, the mean over the model's.

    Args:
        model: with constant data.
        objects: its compiled C and the kernels it uses, object name -> bytes; `model_` begins the model's names.
    """
    sections = {name: sections_of(content) for name, content in objects.items()}
    own_name = next(name for name in objects if name.startswith("model_"))
    own, pointer_bytes = sections[own_name], address_bytes(objects[own_name])
    kernels = {name: found for name, found in sections.items() if not name.startswith("model_")}
    call_bytes = own[".text.ep_model_invoke"].size_bytes / max(1, len(model.running))
    measured: dict[str, list[CallSize]] = {}
    for layer, call in zip(layer_names(model.graph), model.calls, strict=True):
        code = own.get(f".text.{layer}")
        if code is not None:
            arrays = {f".rodata.{layer}_{constant.role}" for constant in call.constants}
            structs = _structs_bytes(own, layer, code, arrays)
            size = CallSize(code.size_bytes, call_bytes, structs + pointer_bytes, kept_bytes(kernels, code.uses))
            measured.setdefault(form_of(call), []).append(size)
    return {form: _mean(sizes) for form, sizes in measured.items()}


def _structs_bytes(own: Mapping[str, Section], layer: str, code: Section, arrays: set[str]) -> int:
    begins = f".rodata.{layer}_"
    return sum(own[use].size_bytes for use in code.uses - arrays if use in own and use.startswith(begins))


def _mean(sizes: list[CallSize]) -> CallSize:
    kernels = {name: size_bytes for size in sizes for name, size_bytes in size.kernels.items()}
    return CallSize(
        fmean(size.code_bytes for size in sizes),
        fmean(size.call_bytes for size in sizes),
        fmean(size.struct_bytes for size in sizes),
        kernels,
    )


def with_call_sizes(
    baseline: EngineBaseline,
    known: dict[str, CallSize],
    calls: Sequence[KernelCall],
    measure: Callable[[], Mapping[str, CallSize]],
) -> EngineBaseline:
    """The baseline with the sizes of all these calls.

    Args:
        known: sizes by form that were measured for earlier calls; those measured now are added.
        measure: a model with these calls, where a form is met for the first time.
    """
    lacking = baseline.lacking(calls) - known.keys()
    if lacking:
        known.update({**dict.fromkeys(lacking, CallSize()), **measure()})
    return replace(baseline, sizes={**known, **baseline.sizes})
