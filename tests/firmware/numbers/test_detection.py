"""TFLite_Detection_PostProcess on random networks: equal scores, crowded boxes, both ways to suppress."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from tests.firmware.cases import FEW, MANY, SEEDS
from tests.firmware.host_engine import run_engine, run_litert
from tests.firmware.one_op import ModelBuilder

SETTINGS = {
    "max_detections": 10, "max_classes_per_detection": 1, "nms_score_threshold": 0.3, "nms_iou_threshold": 0.5,
    "num_classes": 3, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
}  # fmt: skip


@dataclass(frozen=True)
class Network:
    boxes: int
    settings: dict[str, float]
    background: int
    dtype: str
    seed: int
    length: int = 4

    def build(self) -> bytes:
        model = ModelBuilder()
        self.add(model)
        return model.build()

    def add(self, b: ModelBuilder) -> None:
        """Two inputs, boxes and scores of `dtype`, and the operator."""
        boxes, settings, dtype, length = self.boxes, self.settings, self.dtype, self.length
        rng = np.random.default_rng(self.seed)
        row = int(settings["num_classes"]) + self.background
        quantized = {"uint8": {"scale": 1 / 16, "zero": 128}, "float32": {}, "int8": {"scale": 1 / 16, "zero": 0}}[
            dtype
        ]
        ends = [b.input((1, boxes, length), dtype=dtype, **quantized)]
        ends.append(b.input((1, boxes, row), dtype=dtype, **(quantized and {"scale": 1 / 256, "zero": 0})))
        if dtype == "int8":
            reals = [b.tensor((1, boxes, length), "float32"), b.tensor((1, boxes, row), "float32")]
            for end, real in zip(ends, reals, strict=True):
                b.op("DEQUANTIZE", [end], [real], schema.DequantizeOptionsT())
            ends = reals
        corners = np.concatenate([rng.uniform(0, 1, (boxes, 2)), rng.uniform(0.1, 0.6, (boxes, 2))], axis=1)
        if dtype == "uint8":
            ends.append(b.tensor((boxes, 4), "uint8", scale=1 / 255, data=np.round(corners * 255)))
        else:
            ends.append(b.tensor((boxes, 4), "float32", data=corners))
        results = [b.tensor((), "float32") for _ in range(4)]  # converters state no shapes
        b.custom("TFLite_Detection_PostProcess", ends, results, bytes(flexbuffers.Dumps(settings)))
        b.output(*results)


def samples(model: bytes, seed: int) -> list[list[np.ndarray]]:
    """Scores in [0, 1] of few different values, so that equals are frequent."""
    rng, graph = np.random.default_rng(seed), read_tflite(model)
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    kind = str(graph.tensors[graph.inputs[0]].dtype)
    boxes, scores = rng.normal(0, 3, shapes[0]), rng.integers(0, 20, shapes[1]) / 20
    if kind == "float32":
        return [[boxes.astype(np.float32), scores.astype(np.float32)]]
    zero = 128 if kind == "uint8" else 0
    near = np.clip(np.round(boxes * 16) + zero, *((0, 255) if zero else (-128, 127)))
    return [[near.astype(kind), np.round(scores * (255 if zero else 127)).astype(kind)]]


def assert_detections(model: bytes, given: list[list[np.ndarray]]) -> int:
    """The same as LiteRT's, whose outputs hold whatever they held behind the last detection; returns how many."""
    count = 0
    for ours, theirs in zip(run_engine(model, given), run_litert(model, given), strict=True):
        np.testing.assert_array_equal(ours[3], theirs[3])
        count = int(ours[3][0]) * (ours[1].shape[1] // _most(model))
        for one, other in zip(ours[:3], theirs[:3], strict=True):
            np.testing.assert_array_equal(one[:, :count], other[:, :count])
            assert not one[:, count:].any()
    return count


def without_leftovers(model: bytes, outputs: list[np.ndarray]) -> list[np.ndarray]:
    """LiteRT's outputs with zeros behind the last detection, where it leaves whatever was there."""
    count = int(outputs[3][0]) * (outputs[1].shape[1] // _most(model))
    kept = [one.copy() for one in outputs]
    for one in kept[:3]:
        one[:, count:] = 0
    return kept


def _most(model: bytes) -> int:
    (attrs,) = [op.attrs for op in read_tflite(model).ops if op.kind == "DETECTION_POSTPROCESS"]
    return attrs.most_detections


@st.composite
def networks(draw: st.DrawFn) -> Network:
    settings = SETTINGS | {
        "num_classes": draw(st.integers(1, 20)), "max_detections": draw(st.integers(1, 12)),
        "nms_score_threshold": draw(st.sampled_from([1e-8, 0.3, 0.7])),
        "nms_iou_threshold": draw(st.sampled_from([0.2, 0.5, 1.0])),
    }  # fmt: skip
    if draw(st.booleans()):
        settings |= {"use_regular_nms": True, "detections_per_class": draw(st.integers(1, 8))}
    else:
        most = draw(st.sampled_from([1, 1, 2, 3]))
        settings |= {"max_classes_per_detection": min(most, settings["num_classes"])}
    dtype, seed = draw(st.sampled_from(["float32", "uint8", "int8"])), draw(SEEDS)
    boxes, length = draw(st.integers(1, 40)), draw(st.sampled_from([4, 4, 6]))
    return Network(boxes, settings, draw(st.integers(0, 1)), dtype, seed, length)


@FEW
@given(st.lists(networks(), min_size=6, max_size=6))
def test_detections(models: list[Network]) -> None:
    for each in models:
        model = each.build()
        assert_detections(model, samples(model, each.seed))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(st.lists(networks(), min_size=6, max_size=6))
def test_hundreds_of_detections(models: list[Network]) -> None:
    for each in models:
        model = each.build()
        assert_detections(model, samples(model, each.seed))


def test_a_usual_network_detects_something() -> None:
    model = Network(60, SETTINGS, 1, "int8", 3).build()
    assert assert_detections(model, samples(model, 3)) > 3


@pytest.mark.parametrize("broken", [{"num_classes": 0}, {"nms_iou_threshold": 2.0}, {"y_scale": float("nan")}])
def test_damaged_settings_are_named(broken: dict[str, float]) -> None:
    with pytest.raises(ModelError, match="TFLite_Detection_PostProcess"):
        read_tflite(Network(4, SETTINGS | broken, 1, "float32", 0).build())
