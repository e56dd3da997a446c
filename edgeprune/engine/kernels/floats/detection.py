"""DETECTION_POSTPROCESS: boxes decoded, and of those that overlap the best alone."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, literal, operand, output_tensor, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DetectionAttrs, DType, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    boxes, scores, anchors = (input_tensor(graph, op, index, DType.FLOAT32) for index in range(3))
    outputs = [output_tensor(graph, op, DType.FLOAT32, index=index) for index in range(4)]
    attrs = attrs_of(op, DetectionAttrs)
    shapes = f"{boxes.shape}, {scores.shape}, {anchors.shape}"
    require(graph, op, len(boxes.shape) == len(scores.shape) == 3 and len(anchors.shape) == 2, shapes)
    (batches, count, length), row = boxes.shape, scores.shape[2]
    fits = scores.shape[:2] == (1, count) and anchors.shape == (count, 4) and batches == 1 and length >= 4
    require(graph, op, fits and attrs.classes <= row <= attrs.classes + 1, f"{shapes} of {attrs.classes} classes")
    most = attrs.most_detections * attrs.most_classes
    made = [tensor.element_count for tensor in outputs]
    require(graph, op, made == [4 * most, most, most, 1], f"{made} values of {most} detections")
    function = "ep_detection_each_class_ref" if attrs.each_class else "ep_detection_ref"
    sorts = attrs.classes if attrs.each_class else 1
    given = [operand(graph, op, index) for index in range(3)]
    words = 9 * count + 5 * attrs.most_detections if attrs.each_class else 6 * count + attrs.classes

    def definitions(s: Symbols) -> str:
        names = ("y_scale", "x_scale", "h_scale", "w_scale")
        fields = {
            "boxes": count, "box_len": length, "classes": attrs.classes, "row": row,
            "most_detections": attrs.most_detections, "most_classes": attrs.most_classes,
            "most_of_a_class": attrs.most_of_a_class, "least_score": literal(attrs.least_score),
            "most_overlap": literal(attrs.most_overlap), **dict(zip(names, map(literal, attrs.scales), strict=True)),
        }  # fmt: skip
        return params(s, "ep_detection_t", fields)

    def emit(s: Symbols) -> str:
        made = ", ".join(s.output(index) for index in range(4))
        read = ", ".join(each.expression(s) for each in given)
        return f"const ep_detections_t out = {{ {made} }};\n{function}(&{s.layer}_params, {read}, out, {s.scratch()});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/detection.c", "ref/float_exponential.c"),
        headers=("ep_detection.h",),
        constants=tuple(constant for each in given for constant in each.constants),
        scratch_bytes=4 * words,
        work=Work(
            outputs=scores.element_count, features={"boxes": count, "sorted": sorts * count * count.bit_length()}
        ),
        definitions=definitions,
    )


KERNELS = {OpKind.DETECTION_POSTPROCESS: _ref}
