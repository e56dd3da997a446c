"""The C of a project's spectrogram: `firmware/spectrogram/` and the tables it was made with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.files.shipped import shipped
from edgeprune.ir import Tensor
from edgeprune.project.spectrogram import SpectrogramTable, front_end

_A_LINE = 6

SPECTROGRAM_README = """
`spectrogram/` makes the network's input of a microphone's int16 samples, as it was made of recordings:
`ep_spectrogram_input(samples, ep_model_inputs[0].data)`, or column by column (`ep_spectrogram.h`). Compile it with
`-ffp-contract=off`, and its float32 values are the host's bit for bit. What the programs above take are its columns.
"""


def spectrogram_files(
    table: SpectrogramTable, network_input: Tensor, mean: Sequence[float], std: Sequence[float]
) -> dict[str, str]:
    """File name -> text.

    Args:
        network_input: int8 (1, mel_bands, frames, 1) or (1, frames, mel_bands), the file's own.
        mean, std: of each channel, or one for all; the network takes (value - mean) / std.
    """
    assert network_input.qparams is not None
    is_image = len(network_input.shape) == 4
    frames = network_input.shape[2] if is_image else network_input.shape[1]
    strides = (frames, 1) if is_image else (1, table.mel_bands)
    end, deviations = front_end(table), np.asarray(std, np.float32)
    numbers = {
        "RATE_HZ": table.sample_rate_hz, "WINDOW": table.window, "HOP": table.hop, "BINS": table.bins,
        "BANDS": table.mel_bands, "FRAMES": frames, "SAMPLES": table.samples_for(frames), "CHANNELS": len(deviations),
        "BAND_STRIDE": strides[0], "FRAME_STRIDE": strides[1],
    }  # fmt: skip
    scale, zero_point = np.float32(network_input.qparams.scale[0]), network_input.qparams.zero_point[0]
    weights = np.concatenate([band.weights for band in end.bands])
    arrays = {
        "window": end.window, "cosine": end.cosine, "sine": end.sine, "weights": weights,
        "scale": np.float32(1) / deviations, "offset": -np.asarray(mean, np.float32) / deviations,
    }  # fmt: skip
    text = "\n".join(
        [
            "/* How this network's spectrograms are made; real = (q - zero_point) * scale of its input. */",
            "#ifndef EP_SPECTROGRAM_TABLES_H\n#define EP_SPECTROGRAM_TABLES_H\n\n#include <stdint.h>\n",
            *(f"#define EP_SPECTROGRAM_{name} {value}U" for name, value in numbers.items()),
            f"#define EP_SPECTROGRAM_INPUT_SCALE {float(scale).hex()}f",
            f"#define EP_SPECTROGRAM_INPUT_ZERO_POINT ({zero_point})\n",
            *(_array("float", name, [f"{float(value).hex()}f" for value in values]) for name, values in arrays.items()),
            _array("uint16_t", "first", [str(band.first) for band in end.bands]),
            _array("uint16_t", "points", [str(len(band.weights)) for band in end.bands]),
            "#endif\n",
        ]
    )
    folder = shipped("firmware") / "spectrogram"
    own = {name: (folder / name).read_text() for name in ("ep_spectrogram.c", "ep_spectrogram.h")}
    return own | {"ep_spectrogram_tables.h": text}


def _array(ctype: str, name: str, values: Sequence[str]) -> str:
    lines = [", ".join(values[begin : begin + _A_LINE]) for begin in range(0, len(values), _A_LINE)]
    return f"static const {ctype} ep_spectrogram_{name}[{len(values)}] = {{\n    " + ",\n    ".join(lines) + ",\n};\n"
