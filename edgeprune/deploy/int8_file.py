"""A thinned network as an int8 `.tflite`: what every device that runs generated C starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.deploy.protocol import Setup
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import check_supported
from edgeprune.export.tflite import export_tflite
from edgeprune.files.atomic import write_bytes
from edgeprune.prune.network import Network
from edgeprune.quantize.host import Kernels, all_int8_outputs, quantized_inputs, real_outputs
from edgeprune.quantize.layer_sqnr import LayerSqnr
from edgeprune.train.evaluate_int8 import channels_last
from edgeprune.train.splits import Split

_TRIAL_SAMPLES = 8


@dataclass(frozen=True, eq=False)
class Int8File:
    """An int8 file, stripped: all of `Artifact` of `deploy/protocol.py` but what is built of it."""

    setup: Setup
    data: bytes
    layers: tuple[str, ...]
    sqnr_db: float | None
    layer_sqnr: tuple[LayerSqnr, ...]

    def outputs(self, split: Split) -> list[np.ndarray]:
        """int8 (N, ...) each, by LiteRT's fast kernels."""
        return all_int8_outputs(self.data, quantized_inputs(self.data, channels_last(split)), Kernels.FAST)

    def real(self, outputs: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(real_outputs(self.data, output, number)) for number, output in enumerate(outputs))


def check_exportable(setup: Setup, network: Network) -> None:
    """Exports the network as it is on a few samples; does the engine take what comes out?

    Raises:
        ModelError: it cannot be traced, or its float form is not what PyTorch computes.
        UnsupportedOp: an operator of the file is outside the engine's set.
    """

    def check() -> bool:
        samples = setup.calibration.take(_TRIAL_SAMPLES).tensor()
        check_supported(clean(export_tflite(network.module, samples).graph()))
        return True

    setup.workspace.once("exportable", check)


def exported(setup: Setup, module: nn.Module, stage: str) -> Int8File:
    """The module as a file, kept in the run's folder under the stage's name.

    Raises:
        ModelError: it cannot be exported.
    """
    path = setup.workspace.folder / "candidates" / stage.replace(" ", "-") / "model.tflite"

    def export() -> dict[str, Any]:
        samples = setup.calibration.tensor()
        made = export_tflite(module, samples)
        write_bytes(path, made.data)
        setup.progress.note(f"exported {len(made.data):,} B, {made.sqnr_db:.1f} dB above quantization noise")
        rounded = [asdict(layer) for layer in made.layer_sqnr(samples)]
        return {"layers": list(made.layers), "sqnr_db": made.sqnr_db, "layer_sqnr": rounded}

    noted = setup.workspace.once(f"{stage}: export", export, path)
    rounded = tuple(LayerSqnr(**layer) for layer in noted["layer_sqnr"])
    return Int8File(setup, path.read_bytes(), tuple(noted["layers"]), noted["sqnr_db"], rounded)
