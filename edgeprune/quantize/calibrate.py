"""A float `.tflite` file to full int8: activation ranges measured over samples, weights per channel."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_SILENT = 2.0**-20  # of the largest activation: nobody hears it
_LEAST = 2.0**-8  # of it: the range instead


def quantized(float_tflite: bytes, samples: np.ndarray) -> bytes:
    """The same network in int8 (input and output too), int32 biases, per-channel weight scales.

    Ranges are the plain minimum and maximum over all samples. (The quantizer's own `calibrate()` keeps a moving
    average, which clips.)

    Activations that are zero for every sample get a range as well.

    A network's answer and that of its early exit get one range: on the device either stands in the same place.

    Args:
        float_tflite: one input, one signature.
        samples: float32 (N, ...) in the file's layout.
    """
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    rules = recipe.static_wi8_ai8()
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(rules)
    ranges = calibrator.Calibrator(
        float_tflite,
        num_threads=1,
        mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,  # 13 times faster, the same ranges
        qsv_update_func=qsv_utils.min_max_update,
    )
    signature, input_name = _signature(float_tflite)
    ranges.calibrate({signature: [{input_name: sample[None]} for sample in samples]}, manager)
    found = ranges.get_model_qsvs()
    ends = [found[name] for name in _outputs(float_tflite)]
    for end in ends:
        end["min"] = np.minimum.reduce([one["min"] for one in ends])
        end["max"] = np.maximum.reduce([one["max"] for one in ends])
    _widen_silent(found.values())
    result = quantizer.Quantizer(bytearray(float_tflite), rules).quantize(found, enable_progress_report=False)
    return bytes(result.quantized_model)


def _widen_silent(ranges: Iterable[dict[str, np.ndarray]]) -> None:
    """Gives activations that are zero for every sample a range, in place.

    Any scale says zero; but with one next to nothing, the bias of the layer that hears them leaves int32.
    """
    whole = [one for one in ranges if np.size(one["min"]) == 1]
    reaches = [float(max(np.abs(one["min"]).max(), np.abs(one["max"]).max())) for one in whole]
    largest = max(reaches, default=0.0)
    for one, reach in zip(whole, reaches, strict=True):
        if reach < _SILENT * largest:
            one["max"] = np.full_like(one["max"], _LEAST * largest)


def _outputs(tflite: bytes) -> list[str]:
    from ai_edge_litert.interpreter import Interpreter

    return [str(port["name"]) for port in Interpreter(model_content=tflite).get_output_details()]


def _signature(tflite: bytes) -> tuple[str, str]:
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_content=tflite).get_signature_list()
    name, ports = next(iter(signatures.items()))
    return str(name), str(ports["inputs"][0])
