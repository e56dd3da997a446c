"""Our int8 files beside ai-edge-quantizer's with plain min/max, and beside our own with plain min/max.

    python benchmarks/quantization.py --write [--pieces FILE]    # keeps the output in results/
    python benchmarks/quantization.py unet resnet8        # some of them
    python benchmarks/quantization.py --random            # nothing trained: the first line of each alone
    python benchmarks/quantization.py --large             # seconds for MobileNetV2 at 224x224, nothing compared

Two lines a network. random: seeded weights, calibrated on 128 random normal inputs; data: trained for a little
(`../shared/networks/make.py`; ResNet-8 on CIFAR-10), calibrated on 128 samples of the calibration split. SQNR against
PyTorch over 128 inputs held out from the calibration, by LiteRT's fast kernels, which are a step off the reference ones
now and then. cpu s: all of our export, on one core.
Exit code 1 where a float file is below 60 dB, ours is below the other converter's, or larger where that is promised.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import ROOT, Pieces, commit, parser, publish
from models import cifar10_images, mobilenet_v1, trained_resnet8
from nets import (
    NETS,
    SHARED,
    imagenet_mobilenet_v2,
    make_net,
    make_shared_net,
    shared_inputs,
    shared_nets,
    train_shared_net,
)

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.errors import ModelError
from edgeprune.export.other_converter import OtherConverter
from edgeprune.export.tflite import channels_last, checked_float_form, export_tflite, torch_outputs
from edgeprune.model.trace import trace
from edgeprune.quantize.host import Kernels, dequantized_outputs
from edgeprune.quantize.observe import observe
from edgeprune.quantize.quantized import quantized
from edgeprune.quantize.ranges import min_max
from edgeprune.quantize.runners import FloatRunner

COUNT = 128  # of random inputs to calibrate on, and of inputs held out
LEAST_FLOAT_DB = 60.0
PROMISED_SIZES = ("resnet8", "ds-cnn", "mobilenet-v1", "autoencoder of 640")
MEAN_GAIN_DB = 2.0
HEADER = (
    f"{'network':<18} {'inputs':<6} {'float dB':>8} {'min/max':>8} {'theirs':>7} {'ours':>7} {'gain':>6} "
    f"{'ops':>7} {'bytes, theirs':>13} {'ours':>9} {'cpu s':>7}"
)


@dataclass(frozen=True, eq=False)
class Case:
    """A network, inputs to calibrate on, and others."""

    name: str
    inputs: str
    module: nn.Module
    calibration: Tensor
    held_out: Tensor


@dataclass(frozen=True)
class Row:
    """SQNR in dB; theirs is None with its words in `refusal` where the other converter takes the network not.

    left_in_float: operators that its file computes in float32.
    """

    case: str
    inputs: str
    float_db: float
    plain_db: float
    ours_db: float
    theirs_db: float | None
    operators: tuple[int, int]
    sizes_bytes: tuple[int, int]
    seconds: float
    refusal: str = ""
    left_in_float: int = 0

    @property
    def gain_db(self) -> float | None:
        return None if self.theirs_db is None else self.ours_db - self.theirs_db

    def faults(self) -> list[str]:
        found = []
        if self.float_db < LEAST_FLOAT_DB:
            found.append(f"{self.case}, {self.inputs}: float {self.float_db:.1f} dB")
        if self.gain_db is not None and self.gain_db < 0:
            found.append(f"{self.case}, {self.inputs}: {-self.gain_db:.2f} dB below the other converter's")
        if self.case in PROMISED_SIZES and self.theirs_db is not None:
            for what, (theirs, ours) in {"operators": self.operators, "bytes": self.sizes_bytes}.items():
                if ours > theirs:
                    found.append(f"{self.case}: {ours:,} {what}, the other converter's {theirs:,}")
        return found

    def __str__(self) -> str:
        compared = f"{self.theirs_db:>7.1f}" if self.theirs_db is not None else f"{'':>7}"
        gain = f"{self.gain_db:>+6.1f}" if self.gain_db is not None else f"{'':>6}"
        ops = f"{self.operators[0] or '-'}/{self.operators[1]}"
        theirs = f"{self.sizes_bytes[0]:>13,}" if self.theirs_db is not None else f"{'':>13}"
        return (
            f"{self.case:<18} {self.inputs:<6} {self.float_db:>8.1f} {self.plain_db:>8.1f} {compared} "
            f"{self.ours_db:>7.1f} {gain} {ops:>7} {theirs} {self.sizes_bytes[1]:>9,} {self.seconds:>7.1f}"
            + (f"  other converter: {self.refusal}" if self.refusal else "")
            + (f"  theirs leaves {self.left_in_float} in float" if self.left_in_float else "")
        )


def cases(name: str, random_alone: bool) -> Iterator[Case]:
    module, shape = network(name)
    drawn = shared_inputs(module, shape, 2 * COUNT)
    yield Case(name, "random", module, drawn[:COUNT], drawn[COUNT:])
    if random_alone:
        return
    if name == "resnet8" and SHARED.is_dir():
        calibration, held_out = cifar10_images(COUNT, "train"), cifar10_images(COUNT, "test")
        yield Case(name, "data", trained_resnet8().eval(), calibration, held_out)
    elif name in shared_nets():
        trained, splits = train_shared_net(name, ROOT / ".cache" / "shared-networks")
        yield Case(name, "data", trained, splits.calibration.tensor()[:COUNT], splits.test.tensor()[:COUNT])


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    if name in shared_nets():
        return make_shared_net(name), shared_nets()[name]
    if name == "mobilenet-v1":
        module, samples = mobilenet_v1()
        return module.eval(), (1, *samples.shape[1:])
    return make_net("autoencoder" if name == "autoencoder of 640" else name)


def measured(case: Case, other: OtherConverter) -> Row:
    module, samples = case.module, case.held_out
    wanted, inputs = torch_outputs(module, samples), channels_last(samples)
    floats = checked_float_form(module, case.calibration).graph
    with timed() as seconds:
        exported = export_tflite(module, case.calibration)
    observed = observe(FloatRunner(floats), channels_last(case.calibration)).observation.activations
    plain = write_tflite(expressible(clean(quantized(floats, min_max(observed)))))
    theirs, theirs_db, refusal = b"", None, ""
    try:
        theirs = other.int8_file(module, case.calibration)
        theirs_db = int8_db(wanted, theirs, inputs)
    except ModelError as told:  # the converter refuses the network, or LiteRT its file
        refusal = str(told)[:60]
    return Row(
        case.name, case.inputs, _float_db(wanted, floats, inputs), int8_db(wanted, plain, inputs),
        int8_db(wanted, exported.data, inputs), theirs_db,
        (len(_operators(theirs)), len(_operators(exported.data))), (len(theirs), len(exported.data)), seconds[0],
        refusal, _in_float(theirs),
    )  # fmt: skip


@contextmanager
def timed() -> Iterator[list[float]]:
    started, found = time.process_time(), [0.0]
    yield found
    found[0] = time.process_time() - started


def _float_db(wanted: Sequence[np.ndarray], floats: object, inputs: np.ndarray) -> float:
    runner = FloatRunner(floats)
    outputs: list[list[np.ndarray]] = [[] for _ in wanted]
    for sample in inputs:
        read = runner.run((sample[None],))
        for number, index in enumerate(runner.graph.outputs):
            outputs[number].append(read(index).copy())
    real = [np.moveaxis(np.concatenate(one), -1, 1) for one in outputs]
    return worst_db(wanted, real)


def int8_db(wanted: Sequence[np.ndarray], tflite: bytes, inputs: np.ndarray) -> float:
    return worst_db(wanted, dequantized_outputs(tflite, inputs, Kernels.FAST))


def worst_db(wanted: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> float:
    """Of the output that is farthest off."""
    found = []
    for one, other in zip(wanted, got, strict=True):
        noise = np.square(one.astype(np.float64) - other.reshape(one.shape)).sum()
        found.append(float(10 * np.log10(np.square(one.astype(np.float64)).sum() / max(noise, 1e-30))))
    return min(found)


def _operators(tflite: bytes) -> list[Any]:
    """Of the file as it is: the other converter's may hold what our reader refuses."""
    return list(schema.ModelT.InitFromPackedBuf(tflite, 0).subgraphs[0].operators) if tflite else []


def _in_float(tflite: bytes) -> int:
    """Operators that read and make float32."""
    if not tflite:
        return 0
    tensors = schema.ModelT.InitFromPackedBuf(tflite, 0).subgraphs[0].tensors
    ends = [(op.inputs[0], op.outputs[0]) for op in _operators(tflite)]
    return sum(all(tensors[index].type == schema.TensorType.FLOAT32 for index in pair) for pair in ends)


def main() -> int:
    names = [*(name if name != "autoencoder" else "autoencoder of 640" for name in NETS), *shared_nets()]
    options = parser("Our int8 files beside ai-edge-quantizer's with plain min/max.", __file__)
    options.add_argument("names", nargs="*", default=names, help="networks")
    options.add_argument("--random", action="store_true", help="seeded weights and random inputs alone")
    options.add_argument("--large", action="store_true", help="MobileNetV2 at 224x224 alone, not compared")
    given = options.parse_args()
    if given.large:
        torch.set_num_threads(1)
        publish([f"commit {commit()}, torch {torch.__version__}", large()], None)
        return 0
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    pieces = Pieces(given.pieces)
    with OtherConverter() as other:
        found = {
            name: pieces.measured(f"{name} {given.random}", partial(results, name, given.random, other))
            for name in given.names
        }
    rows, lines = list[Row](), list[str]()
    for name in given.names:
        result = found[name]
        own = [] if isinstance(result, str) else [Row(**row) for row in result]
        rows.extend(own)
        lines.extend([f"{name:<18} {result}"] if isinstance(result, str) else map(str, own))
    publish([f"commit {commit()}, torch {torch.__version__}", HEADER, *lines, *_summary(rows)], given.write)
    return 1 if any(row.faults() for row in rows) else 0


def results(name: str, random_alone: bool, other: OtherConverter) -> list[dict[str, Any]] | str:
    """A row for each kind of inputs as a mapping, or the reason why there is none; `random_alone`: nothing trained."""
    try:
        trace(*network(name))
    except ModelError as refusal:  # UnsupportedOp is one
        return f"refused when traced: {refusal}"
    rows = []
    for case in cases(name, random_alone):
        row = measured(case, other)
        print(row, file=sys.stderr, flush=True)
        rows.append(asdict(row))
    return rows


def large() -> str:
    """What MobileNetV2 takes at the size people train it for."""
    module = imagenet_mobilenet_v2()
    drawn = torch.randn(2 * COUNT, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with timed() as seconds:
        exported = export_tflite(module, drawn[:COUNT])
    inputs, wanted = channels_last(drawn[COUNT:]), torch_outputs(module, drawn[COUNT:])
    return (
        f"MobileNetV2 at 224x224, {COUNT} samples to calibrate on: {seconds[0]:.0f} s on one core, "
        f"{int8_db(wanted, exported.data, inputs):.1f} dB on {COUNT} others, {len(exported.data):,} B"
    )


def _summary(rows: Sequence[Row]) -> list[str]:
    lines = []
    for inputs in ("random", "data"):
        gains = [row.gain_db for row in rows if row.inputs == inputs and row.gain_db is not None]
        own = [row.ours_db - row.plain_db for row in rows if row.inputs == inputs]
        if gains:
            lines.append(
                f"{inputs}: {len(gains)} networks, {np.mean(gains):+.2f} dB on average, least {min(gains):+.2f}; "
                f"over our own min/max {np.mean(own):+.2f} dB, least {min(own):+.2f}"
            )
    return [*lines, *(f"MISSED {fault}" for row in rows for fault in row.faults())]


if __name__ == "__main__":
    sys.exit(main())
