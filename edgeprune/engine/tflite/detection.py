"""TFLite_Detection_PostProcess, the custom operator at the end of detection networks: its settings and its outputs.

A file states no shapes of its outputs: they follow from its settings. Where it reads bytes they are dequantized in
front of it, as LiteRT does inside.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/kernels/detection_postprocess.cc
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import NO_ATTRS, DetectionAttrs, DType, Op, OpKind, Tensor

KIND = "CUSTOM TFLite_Detection_PostProcess"
_LEAST = {"classes": 1, "most_detections": 1, "most_classes": 1, "most_of_a_class": 1}
_MOST = 1 << 16
_MOST_SETTINGS = 64
_NAMES = (
    "num_classes", "max_detections", "max_classes_per_detection", "detections_per_class", "use_regular_nms",
    "nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale",
)  # fmt: skip


def detection_ops(source: Source, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: list[Tensor]) -> list[Op]:
    """The operator, behind DEQUANTIZEs where it reads bytes; its outputs' shapes are put into `tensors`.

    Raises:
        ModelError: settings that are missing or damaged, other numbers of inputs and outputs.
    """
    if len(inputs) != 3 or min(inputs) < 0 or len(outputs) != 4:
        raise ModelError(f"{source.where}: {len(inputs)} inputs, {len(outputs)} outputs; it has 3 and 4", BROKEN_HINT)
    attrs = _attrs(source)
    count = attrs.most_detections * attrs.most_classes
    for index, shape in zip(outputs, ((1, count, 4), (1, count), (1, count), (1,)), strict=True):
        tensors[index] = replace(tensors[index], shape=shape, dtype=DType.FLOAT32, qparams=None)
    ops, given = [], list(inputs)
    for place, index in enumerate(inputs):
        tensor = tensors[index]
        if tensor.dtype is DType.FLOAT32:
            continue
        if tensor.dtype not in (DType.UINT8, DType.INT8) or tensor.qparams is None or len(tensor.qparams.scale) != 1:
            raise UnsupportedOp(f"{source.where}: reads {tensor.dtype} {tensor.name!r}; it takes float32 and bytes")
        given[place] = len(tensors)
        real = replace(tensor, name=f"{tensor.name}/real", dtype=DType.FLOAT32, qparams=None)
        if tensor.data is None:
            ops.append(Op(OpKind.DEQUANTIZE, f"{source.name}/real_{place}", (index,), (given[place],), NO_ATTRS))
        else:
            steps = tensor.data.astype(np.float32) - np.float32(tensor.qparams.zero_point[0])
            real = real.with_data(steps * np.float32(tensor.qparams.scale[0]))
        tensors.append(real)
    return [*ops, Op(OpKind.DETECTION_POSTPROCESS, source.name, tuple(given), outputs, attrs)]


def _attrs(source: Source) -> DetectionAttrs:
    stated = _settings(source)

    def number(name: str, default: float | None = None) -> float:
        value = stated.get(name, default)
        if value is None or not isfinite(value):
            raise ModelError(f"{source.where}: its setting {name} is {value}", BROKEN_HINT)
        return value

    attrs = DetectionAttrs(
        classes=int(number("num_classes")),
        most_detections=int(number("max_detections")),
        most_classes=int(number("max_classes_per_detection")),
        most_of_a_class=int(number("detections_per_class", 100)),
        each_class=bool(number("use_regular_nms", 0)),
        least_score=number("nms_score_threshold"),
        most_overlap=number("nms_iou_threshold"),
        scales=(number("y_scale"), number("x_scale"), number("h_scale"), number("w_scale")),
    )
    for name, least in _LEAST.items():
        if not least <= getattr(attrs, name) <= _MOST:
            raise ModelError(f"{source.where}: {getattr(attrs, name):,} {name.replace('_', ' ')}", BROKEN_HINT)
    if not 0 < attrs.most_overlap <= 1 or 0 in attrs.scales:
        raise ModelError(f"{source.where}: an overlap of {attrs.most_overlap:g}, scales {attrs.scales}", BROKEN_HINT)
    return attrs


def _settings(source: Source) -> Mapping[str, float]:
    """The numbers among the settings; only names that are known are looked up, so a damaged file costs no time."""
    from flatbuffers import flexbuffers

    found = {}
    try:
        stated = flexbuffers.GetRoot(source.custom_options).AsMap
        for name in _NAMES:
            value = stated[name] if name in _stated_names(stated) else None
            if value is not None and (value.IsInt or value.IsFloat or value.IsBool):
                found[name] = value.AsFloat
    except Exception as problem:
        raise ModelError(f"{source.where}: its settings cannot be read ({problem})", BROKEN_HINT) from problem
    return found


def _stated_names(stated: Any) -> set[str]:
    if len(stated) > _MOST_SETTINGS:
        raise ValueError(f"{len(stated)} settings")
    return {stated.Keys[index].AsKey for index in range(len(stated))}
