from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeprune.quantize.host import Kernels, int8_outputs
from tests.firmware.one_op import ModelBuilder


def test_a_file_that_fast_kernels_refuse_runs_on_plain_ones() -> None:
    """XNNPACK prepares no convolution whose scales differ this much."""
    b = ModelBuilder()
    data = b.input((1, 2, 2, 3), scale=0.01)
    weights = b.tensor((4, 1, 1, 3), scale=[0.002] * 4, zero=[0] * 4, data=np.ones((4, 1, 1, 3)))
    bias = b.tensor((4,), "int32", [2e-5] * 4, [0] * 4, data=np.zeros(4))
    output = b.tensor((1, 2, 2, 4), scale=4e-12, zero=-128)
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    b.op("CONV_2D", [data, weights, bias], [output], options)
    b.output(output)
    model = b.build()
    with pytest.raises(RuntimeError, match="XNNPACK"):
        Interpreter(model_content=model).allocate_tensors()
    inputs = np.zeros((2, 2, 2, 3), np.int8)
    fast, reference = (int8_outputs(model, inputs, kernels) for kernels in Kernels)
    np.testing.assert_array_equal(fast, reference)
