"""Eight networks as int8 `.tflite`, XNNPACK `.pte` and Cortex-M `.pte`: sizes, planned memory, how near to floats.

    python benchmarks/runtimes.py --write           # keeps the output
    python benchmarks/runtimes.py resnet8 lstm      # some of them

Needs edgeprune[executorch] and ../shared. ResNet-8 is trained, on CIFAR-10 images; the others have random weights,
batch norms as training leaves them, and random normal inputs. float: argmax agreement with the float network; int8:
with the int8 `.tflite` in LiteRT's reference kernels. LiteRT's and XNNPACK's results are computed by these runtimes
here; Cortex-M programs are emulated by torch. floats: operators that compute in floats in a program of int8.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import commit, parser, publish
from models import cifar10_images, mobilenet_v1, trained_resnet8
from nets import imagenet_mobilenet_v2, make_net, make_shared_net, shared_inputs, shared_nets, squeeze_excite

from edgeprune.errors import EdgePruneError
from edgeprune.export.pte.lowering import Lowering, PteFormat, PteRequest
from edgeprune.export.tflite import agreement, channels_last, export_tflite, sqnr_db, torch_outputs
from edgeprune.quantize.host import Kernels, dequantized_outputs

NAMES = ("resnet8", "ds-cnn", "mobilenet-v1", "autoencoder", "squeeze-excite", "lstm", "vit_sdpa", "mobilenet-v2-224")
CORE = "cortex-m4"
HEADER = (
    f"{'network':<17} {'file':<8} {'file B':>10} {'planned B':>10} {'SQNR':>8} {'float':>7} {'int8':>7} {'floats':>6}"
    "  in float"
)


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
        (module, shape), calibration, count = make_net(name), 64, 500
    inputs = torch.randn(calibration + count, *shape[1:], generator=torch.Generator().manual_seed(0))
    return module, inputs[:calibration], inputs[calibration:]


def rows(name: str, lowering: Lowering) -> list[str]:
    """Its lines of the table."""
    module, samples, judged = network(name)
    wanted = torch_outputs(module, judged)[0]
    exported = export_tflite(module, samples)
    int8 = dequantized_outputs(exported.data, channels_last(judged), Kernels.REFERENCE)[0]
    lines = [_line(name, "tflite", (len(exported.data), None), wanted, int8, int8, ())]
    for format_ in (PteFormat.XNNPACK, PteFormat.CORTEX_M):
        request = PteRequest(format_, samples, judged, CORE, may_stay_float=True)
        try:
            made = lowering.program(module, request)
        except EdgePruneError as refused:
            lines.append(f"{name:<17} {format_:<8} {refused}")
            continue
        sizes = (len(made.data), sum(made.program.planned_bytes))
        lines.append(_line(name, format_, sizes, wanted, int8, made.outputs[0], made.floats))
    return lines


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
    each = " ".join("" * 7 if share is None else f"{share:>7.1%}" for share in shares)
    kinds = sorted({layer.split(" of ")[0] for layer in floats})
    near = sqnr_db(wanted, got.reshape(wanted.shape))
    start = f"{name:<17} {file:<8} {sizes[0]:>10,} {planned:>10} {near:>5.1f} dB {each}"
    return f"{start} {len(floats):>6}  {', '.join(kinds)}".rstrip()


def main() -> None:
    options = parser("Eight networks as files of three runtimes.", __file__)
    options.add_argument("names", nargs="*", default=list(NAMES), help="networks")
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    lines = []
    with Lowering() as lowering:
        for name in given.names:
            try:
                found = rows(name, lowering)
            except EdgePruneError as refused:
                found = [f"{name:<17} refused: {refused}"]
            lines += found
            print("\n".join(found), file=sys.stderr, flush=True)
    publish([f"commit {commit()}, torch {torch.__version__}, {CORE}", HEADER, *lines], given.write)


if __name__ == "__main__":
    main()
