"""Eight networks as int8 `.tflite`, XNNPACK `.pte` and Cortex-M `.pte`: sizes, planned memory, how near to floats.

    python benchmarks/runtimes.py --write               # keeps the output
    python benchmarks/runtimes.py --write resnet8 lstm  # of some of them, beside what is kept of the others
    python benchmarks/runtimes.py --no-counts           # no instructions

Needs edgeprune[executorch] and ../shared. ResNet-8 is trained, on CIFAR-10 images; the others have random weights,
batch norms as training leaves them, and random normal inputs. float: argmax agreement with the float network; int8:
with the int8 `.tflite` in LiteRT's reference kernels; tied: the same, where of equal largest outputs each counts (int8
outputs have few values, and argmax takes the first). LiteRT's and XNNPACK's results are computed by these runtimes
here; Cortex-M programs are emulated by torch. floats: operators that compute in floats in a program of int8.

The second table: instructions of one inference of the 64-bit Arm programs under QEMU (`counted.py`), of our generated
C, of XNNPACK's `.pte` in ExecuTorch and of the `.tflite` in LiteRT, and the bytes of all that must be stored for it,
Python itself left out. Instructions are no time: what a core takes for one differs from kernel to kernel.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from counted import CORE as COUNTED_ON
from counted import Counter
from kept import commit, parser, publish
from models import cifar10_images, mobilenet_v1, trained_resnet8
from nets import imagenet_mobilenet_v2, make_net, make_shared_net, shared_inputs, shared_nets, squeeze_excite

from edgeprune.errors import EdgePruneError
from edgeprune.export.pte.lowering import Lowering, PteFormat, PteRequest
from edgeprune.export.tflite import agreement, channels_last, export_tflite, sqnr_db, torch_outputs
from edgeprune.quantize.host import Kernels, dequantized_outputs, quantized_inputs

NAMES = (
    "resnet8",
    "ds-cnn",
    "mobilenet-v1",
    "mlp-autoencoder",
    "squeeze-excite",
    "lstm",
    "vit_sdpa",
    "mobilenet-v2-224",
)
_MLP = "mlp-autoencoder"
CORE = "cortex-m4"
HEADER = (
    f"{'network':<17} {'file':<8} {'file B':>10} {'planned B':>10} {'SQNR':>8} {'float':>7} {'int8':>7} {'tied':>7} "
    f"{'floats':>6}  in float"
)


COUNTED_HEADER = f"{'':<17} {'runtime':<12} {'instructions':>13} {'stored B':>12}"


def network(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """The network, samples that ranges are measured on, and those it is judged on."""
    if name == "resnet8":
        return trained_resnet8().eval(), cifar10_images(64, "train"), cifar10_images(500, "test")
    if name in shared_nets():
        module, shape = make_shared_net(name), shared_nets()[name]
        inputs = shared_inputs(module, shape, 564)
        return module, inputs[:64], inputs[64:]
    if name == "mobilenet-v2-224":
        torch.manual_seed(0)
        module, shape, calibration, count = imagenet_mobilenet_v2(), (1, 3, 224, 224), 16, 50
    elif name == "squeeze-excite":
        torch.manual_seed(0)
        module, shape, calibration, count = squeeze_excite(), (1, 3, 32, 32), 64, 500
    elif name == "mobilenet-v1":
        module, shape, calibration, count = mobilenet_v1()[0], (1, 3, 96, 96), 64, 500
    else:
        (module, shape), calibration, count = make_net("autoencoder" if name == _MLP else name), 64, 500
    inputs = torch.randn(calibration + count, *shape[1:], generator=torch.Generator().manual_seed(0))
    return module, inputs[:calibration], inputs[calibration:]


def rows(name: str, lowering: Lowering, counter: Counter | None) -> tuple[list[str], list[str]]:
    """Its lines of both tables."""
    module, samples, judged = network(name)
    wanted = torch_outputs(module, judged)[0]
    exported = export_tflite(module, samples)
    images = channels_last(judged)
    int8 = dequantized_outputs(exported.data, images, Kernels.REFERENCE)[0]
    lines = [_line(name, "tflite", (len(exported.data), None), wanted, int8, int8, ())]
    pte = None
    for format_ in (PteFormat.XNNPACK, PteFormat.CORTEX_M):
        request = PteRequest(format_, samples, judged, CORE, may_stay_float=True)
        try:
            made = lowering.program(module, request)
        except EdgePruneError as refused:
            lines.append(f"{name:<17} {format_:<8} {refused}")
            continue
        sizes = (len(made.data), sum(made.program.planned_bytes))
        lines.append(_line(name, format_, sizes, wanted, int8, made.outputs[0], made.floats))
        pte = made.data if format_ is PteFormat.XNNPACK else pte
    if counter is None:
        return lines, []
    first = quantized_inputs(exported.data, images[:1]).tobytes()
    counts = {"generated C": lambda: counter.generated_c(exported.data, first)}
    if pte is not None:
        counts["ExecuTorch"] = lambda: counter.executorch(pte, judged[:1].numpy().tobytes())
    counts["LiteRT"] = lambda: counter.litert(exported.data, first)
    return lines, [_counted_line(name, runtime, count) for runtime, count in counts.items()]


def _counted_line(name: str, runtime: str, count: Callable[[], tuple[int, int]]) -> str:
    try:
        instructions, stored_bytes = count()
    except (EdgePruneError, subprocess.SubprocessError) as refused:
        return f"{name:<17} {runtime:<12} refused: {refused}"
    return f"{name:<17} {runtime:<12} {instructions:>13,} {stored_bytes:>12,}"


def _line(
    name: str,
    file: str,
    sizes: tuple[int, int | None],
    wanted: np.ndarray,
    int8: np.ndarray,
    got: np.ndarray,
    floats: Sequence[str],
) -> str:
    planned = "" if sizes[1] is None else f"{sizes[1]:,}"
    shares = [agreement(other.reshape(wanted.shape), got.reshape(wanted.shape)) for other in (wanted, int8)]
    shares.append(None if shares[1] is None else share_of_common_maximum(int8, got))
    each = " ".join(" " * 7 if share is None else f"{share:>7.1%}" for share in shares)
    kinds = sorted({layer.split(" of ")[0] for layer in floats})
    near = sqnr_db(wanted, got.reshape(wanted.shape))
    start = f"{name:<17} {file:<8} {sizes[0]:>10,} {planned:>10} {near:>5.1f} dB {each}"
    return f"{start} {len(floats):>6}  {', '.join(kinds)}".rstrip()


def share_of_common_maximum(one: np.ndarray, other: np.ndarray) -> float:
    """Of (N, ...) outputs each: samples whose largest outputs have a place in common."""
    rows = [values.reshape(len(values), -1) for values in (one, other)]
    largest = [values == values.max(axis=1, keepdims=True) for values in rows]
    return float((largest[0] & largest[1]).any(axis=1).mean())


def block(name: str, lowering: Lowering, counter: Counter | None) -> str:
    """All about one network; its first word is the name."""
    start = f"{name} (commit {commit()}, torch {torch.__version__}, {CORE})"
    try:
        found, counts = rows(name, lowering, counter)
    except EdgePruneError as refused:
        return f"{start}\n{name:<17} refused: {refused}"
    emulated = [f"emulated {COUNTED_ON}, one thread, one inference:", COUNTED_HEADER, *counts] if counts else []
    return "\n".join([start, HEADER, *found, *emulated])


def main() -> None:
    options = parser("Eight networks as files of three runtimes.", __file__)
    options.add_argument("names", nargs="*", default=list(NAMES), help="networks")
    options.add_argument("--no-counts", action="store_true", help="count no instructions")
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kept = {}
    if given.write is not None and given.write.is_file():
        kept = {text.split()[0]: text for text in given.write.read_text().strip().split("\n\n")}
    with Lowering() as lowering, ExitStack() as stack:
        counter = None if given.no_counts else stack.enter_context(Counter())
        for name in given.names:
            kept[name] = block(name, lowering, counter)
            print(kept[name], file=sys.stderr, flush=True)
    order = [*NAMES, *(name for name in given.names if name not in NAMES)]
    publish("\n\n".join(kept[name] for name in order if name in kept).split("\n"), given.write)


if __name__ == "__main__":
    main()
