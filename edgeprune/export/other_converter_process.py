"""The process that converts: `python -m edgeprune.export.other_converter_process` replies to one request a line.

{"module": "m.pt2", "samples": "s.npy", "result": "q.tflite", "is_quantized": true}
{}   or   {"error": "..."}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgeprune.export.requests import reply_to_requests


def _convert(request: dict[str, Any]) -> dict[str, Any]:
    import litert_torch

    module = torch.export.load(request["module"]).module(check_guards=False)
    samples, result = np.load(request["samples"]), Path(request["result"])
    litert_torch.convert(module, (torch.from_numpy(samples[:1]),)).export(str(result))
    if request["is_quantized"]:
        result.write_bytes(_quantized(result.read_bytes(), samples))
    return {}


def _quantized(floats: bytes, samples: np.ndarray) -> bytes:
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    ranges = calibrator.Calibrator(
        floats,
        num_threads=1,
        mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,
        qsv_update_func=qsv_utils.min_max_update,  # its usual one is a moving average, which clips
    )
    signature, input_name = _signature(floats)
    ranges.calibrate({signature: [{input_name: sample[None]} for sample in samples]}, manager)
    made = quantizer.Quantizer(bytearray(floats), recipe.static_wi8_ai8())
    return bytes(made.quantize(ranges.get_model_qsvs(), enable_progress_report=False).quantized_model)


def _signature(tflite: bytes) -> tuple[str, str]:
    from ai_edge_litert.interpreter import Interpreter

    name, ports = next(iter(Interpreter(model_content=tflite).get_signature_list().items()))
    return str(name), str(ports["inputs"][0])


if __name__ == "__main__":
    reply_to_requests(_convert)
