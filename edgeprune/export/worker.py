"""The process that holds the converter: `python -m edgeprune.export.worker`. See `exporter.py` for the other end.

Importing the converter takes seconds and hundreds of megabytes, so it lives here and is kept for the next export. One
JSON object a line on stdin asks, one on stdout answers:

    {"program": "m.pt2", "samples": "s.npy", "result": "q.tflite"}
    {"layers": ["stem", "block1.conv1", ...]}   or   {"error": "...", "float_layers": ["LEAKY_RELU act2", ...]}
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    answers = _claim_stdout()
    import litert_torch  # noqa: F401  (while the other end still trains)

    for line in sys.stdin:
        try:
            answer = _export(json.loads(line))
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": f"{type(problem).__name__}: {str(problem)[:400]}"}
        print(json.dumps(answer), file=answers, flush=True)


def _claim_stdout() -> TextIO:
    """The converter prints; what it prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _export(request: dict[str, str]) -> dict[str, Any]:
    import litert_torch
    import numpy as np
    import torch

    from edgeprune.export.fold import fold_batch_norms, last_layers, name_layers
    from edgeprune.export.layout import spare_transposes
    from edgeprune.export.pooling import pad_before_pooling
    from edgeprune.quantize.calibrate import quantized

    module = torch.export.load(request["program"]).module(check_guards=False)
    samples = np.load(request["samples"])
    fold_batch_norms(module)
    pad_before_pooling(module, samples)
    spare_transposes(module)
    name_layers(module)
    result = Path(request["result"])
    litert_torch.convert(module, (torch.from_numpy(samples[:1]),)).export(str(result))
    data = quantized(result.read_bytes(), samples)
    result.write_bytes(data)
    return _layers(data, last_layers(module))


def _layers(tflite: bytes, last: list[str]) -> dict[str, Any]:
    """Names of the operators in order, or of those that work on floats. The file's outputs have lost their layers'."""
    from ai_edge_litert import schema_py_generated as schema

    from edgeprune.export.fold import layer_of

    model = schema.ModelT.InitFromPackedBuf(tflite, 0)
    graph = model.subgraphs[0]
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    names, floats, ends = [], [], dict(zip(graph.outputs, last, strict=False))
    for operator in graph.operators:
        made = operator.outputs[0]
        name = ends[made] if made in ends else layer_of(graph.tensors[made].name.decode())
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        names.append(f"{name}.pad" if kind in ("PAD", "PADV2") and not name.endswith("pad") else name)
        touched = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
        is_float = any(tensor.type == schema.TensorType.FLOAT32 for tensor in touched)
        if is_float and kind not in ("QUANTIZE", "DEQUANTIZE"):
            floats.append(f"{kind} {name}")
    return {"error": "not all of it is int8", "float_layers": floats} if floats else {"layers": names}


if __name__ == "__main__":
    main()
