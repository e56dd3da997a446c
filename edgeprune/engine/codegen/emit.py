"""Writes the C of one model: constants, an arena, one function a layer, and the straight line that calls them.

model.h    sizes of the model's inputs, outputs and arena as macros
weights.h  the constants, as arrays
model.c    everything of `firmware/include/ep_model.h`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.codegen.arrays import array_text, float_text
from edgeprune.engine.codegen.names import layer_names
from edgeprune.engine.graph.early_exit import early_exit_of, skipped
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.operands import CTYPES
from edgeprune.engine.plan import MemoryPlan
from edgeprune.errors import UnsupportedOp
from edgeprune.files.quoting import c_comment, c_string
from edgeprune.ir import DType, Graph, Op, Tensor

_FORMATS = {DType.FLOAT32: "EP_FLOAT", DType.UINT8: "EP_UNSIGNED", DType.BOOL: "EP_UNSIGNED"}
_RULE = "/* " + "-" * 100 + " */"


@dataclass(frozen=True)
class Identity:
    """Where generated code came from.

    Attributes:
        model_id: the console's reply.
        model_hash: first 16 hex digits of the SHA-256 of the .tflite.
        target: the target profile's name.
        command: the command line that made it.
        version: EdgePrune's.
    """

    model_id: str
    model_hash: str
    target: str
    command: str
    version: str


@dataclass(frozen=True)
class _Names:
    """`kernels.base.Symbols` of one call. function: its own name; layer: of those whose constants it uses."""

    function: str
    layer: str
    graph: Graph
    op: Op
    offset_bytes: Mapping[int, int]
    scratch_bytes: int | None

    def input(self, index: int) -> str:
        return self._address(self.op.inputs[index], "const ")

    def output(self, index: int) -> str:
        return self._address(self.op.outputs[index], "")

    def state(self, index: int) -> str:
        return self._address(self.op.inputs[index], "")

    def input_offset_bytes(self, index: int) -> int:
        return self.offset_bytes[self.op.inputs[index]]

    def output_offset_bytes(self, index: int) -> int:
        return self.offset_bytes[self.op.outputs[index]]

    def scratch(self) -> str:
        if self.scratch_bytes is None:
            raise KeyError(f"{self.layer} has no scratch")
        return f"AT({self.scratch_bytes})"

    def constant(self, role: str) -> str:
        return f"{self.layer}_{role}"

    def _address(self, tensor: int, const: str) -> str:
        ctype = CTYPES[self.graph.tensors[tensor].dtype]
        if tensor not in self.offset_bytes:
            raise UnsupportedOp(
                f"{self.op.kind} {self.op.name!r}: its input {self.graph.tensors[tensor].name!r} is a constant",
                "convert the model again with constant folding",
            )
        return f"({const}{ctype} *)AT({self.offset_bytes[tensor]})"


def emit(graph: Graph, calls: Sequence[KernelCall], plan: MemoryPlan, identity: Identity) -> dict[str, str]:
    """The generated files by name, as text.

    Args:
        graph: with constant data.
        calls: one per op, from `kernels.lower`.
        plan: where activations and scratch lie.
        identity: stated at the top of each file.

    Raises:
        ModelError: constants or scales a kernel cannot take.
        UnsupportedOp: a constant where the kernel reads an activation.
    """
    layers = layer_names(graph)
    named = {op.name: layer for layer, op in zip(layers, graph.ops, strict=True)}
    names = [
        _Names(
            layer,
            layer if call.like is None else named[call.like],
            graph,
            op,
            plan.offset_bytes,
            plan.scratch_offset_bytes.get(index),
        )
        for index, (layer, op, call) in enumerate(zip(layers, graph.ops, calls, strict=True))
    ]
    steps = {
        op.inputs[part.input_index]: part.step_bytes
        for op, call in zip(graph.ops, calls, strict=True)
        for part in call.placed
    }
    body = [_layer(name, call, plan, steps) for name, call in zip(names, calls, strict=True) if not call.is_view]
    running = [name.function for name, call in zip(names, calls, strict=True) if not call.is_view]
    headers = sorted({header for call in calls for header in call.headers})
    model_c = [
        _banner(identity, "the layers, in execution order"),
        '#include "ep_model.h"\n\n#include <stddef.h>\n#include <string.h>\n',
        "".join(f'#include "{header}"\n' for header in headers) + '#include "model.h"\n#include "weights.h"\n',
        _identity(identity, plan),
        f'static uint8_t arena[{max(plan.arena_bytes, 1)}] __attribute__((aligned(16), section(".bss.ep_arena")));\n'
        "#define AT(offset_bytes) ((void *)(arena + (offset_bytes)))\n",
        *dict.fromkeys(shared.text for call in calls for shared in call.shared),
        *body,
        _table("ep_layer_t", "ep_model_layers", "ep_model_layer_count", [f"    {name}," for name in running]),
        _ends(graph, graph.inputs, plan, "input"),
        _ends(graph, graph.outputs, plan, "output"),
        _reset(graph, plan),
        _invoke(graph, names, calls),
    ]
    return {
        "model.c": "\n".join(model_c),
        "model.h": _model_header(graph, plan, identity),
        "weights.h": _weights(names, calls, identity),
    }


def _banner(identity: Identity, what: str) -> str:
    return (
        f"/*\n * {c_comment(identity.model_id)}: {what}.\n *\n"
        f" * Generated by EdgePrune {c_comment(identity.version)}; edits are lost when it is made again.\n"
        f" *   command  {c_comment(identity.command)}\n"
        f" *   model    {c_comment(identity.model_hash)}\n"
        f" *   target   {c_comment(identity.target)}\n */\n"
    )


def _identity(identity: Identity, plan: MemoryPlan) -> str:
    return (
        f"const char ep_model_id[] = {c_string(identity.model_id)};\n"
        f"const char ep_model_hash[] = {c_string(identity.model_hash)};\n"
        f"const char ep_model_target[] = {c_string(identity.target)};\n"
        f"const uint32_t ep_model_arena_bytes = {plan.arena_bytes};\n"
    )


def _layer(name: _Names, call: KernelCall, plan: MemoryPlan, steps: Mapping[int, int]) -> str:
    op, tensors = name.op, name.graph.tensors
    lines = [f"{op.kind} {c_comment(op.name)}", ""]
    for label, indices in (("in", op.inputs), ("out", op.outputs)):
        for index in indices:
            if index >= 0:
                lines.append(f"{label:3}  {_describe(tensors[index], plan.offset_bytes.get(index), steps.get(index))}")
    if name.scratch_bytes is not None:
        lines.append(f"tmp  {call.scratch_bytes} B at arena + {name.scratch_bytes}")
    comment = "".join(f" * {line}".rstrip() + "\n" for line in lines)
    definitions = call.definitions(name) if call.definitions and call.like is None else ""
    statements = "".join(f"    {line}\n" if line else "\n" for line in call.emit(name).splitlines())
    gap = "\n" if definitions else ""
    return f"{_RULE}\n/*\n{comment} */\n{definitions}{gap}static void {name.function}(void)\n{{\n{statements}}}\n"


def _not_zero_at_first(graph: Graph) -> list[int]:
    """States that begin as other bytes than zeros."""
    initial = [(tensor, graph.tensors[tensor].initial) for tensor in graph.states]
    return [tensor for tensor, values in initial if values is not None and values.any()]


def _reset(graph: Graph, plan: MemoryPlan) -> str:
    """States as they are at first; the first inference begins so by itself."""
    written = _not_zero_at_first(graph)
    arrays, lines = [], []
    for tensor in graph.states:
        size, offset, initial = (
            graph.tensors[tensor].size_bytes,
            plan.offset_bytes[tensor],
            graph.tensors[tensor].initial,
        )
        raw = np.zeros(size, np.uint8) if initial is None else np.frombuffer(initial.tobytes(), np.uint8)
        if (raw == raw[0]).all():
            lines.append(f"(void)memset(AT({offset}), {raw[0]}, {size}U);")
        else:
            arrays.append(_bytes_text(f"state_{tensor}", raw))
            lines.append(f"(void)memcpy(AT({offset}), state_{tensor}, {size}U);")
    started = "static uint8_t started;\n" if written else ""
    lines += ["started = 1U;"] if written else []
    body = "".join(f"    {line}\n" for line in lines)
    return f"{started}{''.join(arrays)}void ep_model_reset(void)\n{{\n{body}}}\n"


def _bytes_text(name: str, raw: NDArray[np.uint8]) -> str:
    rows = [", ".join(map(str, raw[start : start + 16])) for start in range(0, len(raw), 16)]
    return f"static const uint8_t {name}[{len(raw)}] = {{\n" + "".join(f"    {row},\n" for row in rows) + "};\n"


def _invoke(graph: Graph, names: Sequence[_Names], calls: Sequence[KernelCall]) -> str:
    """A straight line; with an early exit, one way out of it before the first layer that may be skipped.

    A loop over the layers where some are repeated: these are many, and would be inlined beside the copies that
    `ep_model_layers` points to.
    """
    choice, late = early_exit_of(graph), skipped(graph)
    repeats = any(call.like is not None for call in calls)
    if repeats and choice is None and not _not_zero_at_first(graph):
        loop = "for (uint16_t i = 0; i < ep_model_layer_count; i++) {\n        ep_model_layers[i]();\n    }"
        return f"void ep_model_invoke(void)\n{{\n    {loop}\n}}\n"
    lines = []
    for index, (name, call) in enumerate(zip(names, calls, strict=True)):
        if choice is not None and index == min(late):
            way_out = names[choice].layer
            lines += [f"if ({way_out}_leaves()) {{", f"    {way_out}();", "    return;", "}"]
        if not call.is_view:
            lines.append(f"{name.function}();")
    if _not_zero_at_first(graph):
        lines.insert(0, "if (started == 0U) {\n        ep_model_reset();\n    }")
    return "void ep_model_invoke(void)\n{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def _describe(tensor: Tensor, offset_bytes: int | None, step_bytes: int | None) -> str:
    where = f"at arena + {offset_bytes}" if offset_bytes is not None else "constant"
    where += f", pixels {step_bytes} B apart" if step_bytes is not None else ""
    text = f"{CTYPES[tensor.dtype]} {list(tensor.shape)} {where}"
    if tensor.qparams is not None and len(tensor.qparams.scale) == 1 and not tensor.is_constant:
        text += f", real = (q {-tensor.qparams.zero_point[0]:+d}) * {tensor.qparams.scale[0]:.6g}"
    return text


def _table(ctype: str, name: str, count_name: str, rows: Sequence[str]) -> str:
    body = "\n".join(rows) or "    0,"
    return f"const uint16_t {count_name} = {len(rows)};\nconst {ctype} {name}[] = {{\n{body}\n}};\n"


def _ends(graph: Graph, indices: Sequence[int], plan: MemoryPlan, side: str) -> str:
    rows = []
    for index in indices:
        tensor = graph.tensors[index]
        scale, zero = 0.0, 0
        if tensor.qparams is not None and len(tensor.qparams.scale) == 1:
            scale, zero = tensor.qparams.scale[0], tensor.qparams.zero_point[0]
        rows.append(
            f"    {{ .data = arena + {plan.offset_bytes[index]}, .size_bytes = {tensor.size_bytes}, "
            f".zero_point = {zero}, .scale = {float_text(scale)}, "
            f".element_bytes = {tensor.dtype.size_bytes(1)}, .format = {_FORMATS.get(tensor.dtype, 'EP_SIGNED')} }}, "
            f"/* {c_comment(tensor.name)} */"
        )
    return _table("ep_tensor_t", f"ep_model_{side}s", f"ep_model_{side}_count", rows)


def _model_header(graph: Graph, plan: MemoryPlan, identity: Identity) -> str:
    def total(indices: Sequence[int]) -> int:
        return sum(graph.tensors[index].size_bytes for index in indices)

    return (
        f"{_banner(identity, 'sizes')}#ifndef EP_GENERATED_MODEL_H\n#define EP_GENERATED_MODEL_H\n\n"
        '#include "ep_model.h"\n\n'
        f"#define EP_MODEL_INPUT_BYTES {total(graph.inputs)}U\n"
        f"#define EP_MODEL_OUTPUT_BYTES {total(graph.outputs)}U\n"
        f"#define EP_MODEL_ARENA_BYTES {plan.arena_bytes}U\n\n#endif\n"
    )


def _weights(names: Sequence[_Names], calls: Sequence[KernelCall], identity: Identity) -> str:
    parts = [_banner(identity, "weights, biases and tables, in the order the kernels read them")]
    parts.append("#ifndef EP_GENERATED_WEIGHTS_H\n#define EP_GENERATED_WEIGHTS_H\n\n#include <stdint.h>\n")
    if any(constant.ctype == "ep_axis_t" for call in calls for constant in call.constants):
        parts.append('#include "ep_axes.h"\n')
    if any(constant.in_ram for call in calls for constant in call.constants):
        parts.append('#include "ep_model.h"\n')
    for name, call in zip(names, calls, strict=True):
        parts += [array_text(name.constant(constant.role), constant) for constant in call.constants if constant.count]
    return "\n".join((*parts, "#endif\n"))
