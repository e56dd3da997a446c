"""Files for runtimes with floats, run by LiteRT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.export.tflite import channels_last, float_graph, sqnr_db, torch_outputs
from edgeprune.export.weights_only import dynamic_range, float16_weights
from edgeprune.ir import DType, Graph
from edgeprune.model.trace import trace


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.Conv2d(48, 48, 5, groups=48, padding=2),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(192, 10),
    ).eval()  # fmt: skip


@pytest.mark.parametrize(
    ("smaller", "share", "least_db"), [(float16_weights, 0.6, 55), (dynamic_range, 0.45, 30)], ids=["float16", "int8"]
)
def test_weights_shrink_and_outputs_stay(smaller: Callable[[Graph], Graph], share: float, least_db: float) -> None:
    module, samples = net(), torch.randn(8, 3, 12, 12)
    graph = float_graph(trace(module, (1, 3, 12, 12)), module)
    plain, small = write_tflite(expressible(graph)), write_tflite(expressible(smaller(graph)))
    assert len(small) < share * len(plain)
    assert all(graph.tensors[index].dtype is DType.FLOAT32 for index in read_tflite(small).outputs)
    runner = Interpreter(model_content=small)
    runner.allocate_tensors()
    got = []
    for sample in channels_last(samples):
        runner.set_tensor(runner.get_input_details()[0]["index"], sample[None])
        runner.invoke()
        got.append(runner.get_tensor(runner.get_output_details()[0]["index"]))
    assert sqnr_db(torch_outputs(module, samples)[0], np.concatenate(got)) > least_db
