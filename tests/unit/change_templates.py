"""What `test_where_a_change_goes.py` adds: small parts of each kind, and the programs that use them."""

CRITERION = '''
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("largest-weight")
def largest_weight(rows: ChannelRows) -> Tensor:
    """The largest weight of each filter."""
    return rows.weights.abs().amax(dim=1)
'''

SCORES = """
import torch
from torch import nn
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.scoring.score import score

module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1)).eval()
module[0].weight.data = torch.tensor([3.0, -5.0]).reshape(2, 1, 1, 1)
(scores,) = score(module, find_groups(trace(module, (1, 1, 4, 4))), "largest-weight").values()
print(scores.tolist())
"""

TARGET = """
name = "attic-m4"
title = "A Cortex-M4 found in the attic"
family = "cortex-m"
runtimes = ["edgeprune"]

[cpu]
core = "cortex-m4"
isa = "dsp"
fpu = true
clock_hz = 48_000_000

[[memory]]
name = "flash"
kind = "flash"
origin = 0x0800_0000
size_bytes = 262_144

[[memory]]
name = "ram"
kind = "ram"
origin = 0x2000_0000
size_bytes = 65_536

[[loaders]]
kind = "dropbox"

[sources]
cpu = "the label on its lid"
memory = "the label on its lid"
"""

COMMAND = '''
import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer


@click.command("greet")
@json_option
def command(printer: Printer) -> None:
    """Greet whoever asks."""
    printer.result({"greeting": "hello"}, "hello")
'''

LINK = '''
"""A scripted device: boots, then answers one line."""

from edgeprune.device.links.fake_link import FakeLink
from edgeprune.device.links.kind import LinkKind

LINK = LinkKind("scripted", lambda address, baud: FakeLink(f"boot of {address}\\r\\n".encode(), [[b"m-answer\\r\\n"]]))
'''

LOADER = '''
"""A folder that boards in its reach are written from."""

from pathlib import Path

from edgeprune.device.loaders.kind import LoaderKind
from edgeprune.device.image.segments import Image
from edgeprune.progress import Progress


class DropBox:
    def __init__(self, folder: Path):
        self.name = f"drop box {folder}"
        self._file = folder / "image.bin"

    def connect(self) -> str:
        return "an empty box"

    def prepare(self, image: Image) -> Image:
        return image

    def erase(self, image: Image, progress: Progress) -> None:
        self._file.write_bytes(b"")

    def erase_all(self, progress: Progress) -> None:
        self._file.write_bytes(b"")

    def write(self, image: Image, progress: Progress) -> None:
        self._file.write_bytes(image.flat().content)

    def verify(self, image: Image, progress: Progress) -> None:
        assert self._file.read_bytes() == image.flat().content

    def start(self, image: Image) -> None: ...

    def close(self) -> None: ...


LOADER = LoaderKind(
    "dropbox",
    devices=(),
    takes=lambda port: Path(port).is_dir(),
    open=lambda target, profile, request, port: DropBox(Path(port)),
)
'''

OPERATOR = '''
"""REVERSE_V2: the elements of one axis the other way round."""

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor
from edgeprune.hardware.profile import Isa
from edgeprune.ir import AxisAttrs, DType, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    axis = attrs_of(op, AxisAttrs).axis
    outer, count, inner = prod(data.shape[:axis]), data.shape[axis], prod(data.shape[axis + 1 :])
    return KernelCall(
        function="ep_reverse_ref",
        emit=lambda s: f"ep_reverse_ref({s.input(0)}, {s.output(0)}, {outer}U, {count}U, {inner}U);",
        sources=("ref/reverse.c",),
        headers=("ep_reverse.h",),
        work=Work(outputs=output.element_count),
    )


KERNELS = {OpKind.REVERSE_V2: _ref}
'''

HEADER = """
/* out[o][k][i] = in[o][count - 1 - k][i] */
#ifndef EP_REVERSE_H
#define EP_REVERSE_H

#include <stdint.h>

void ep_reverse_ref(const int8_t *in, int8_t *out, uint32_t outer, uint32_t count, uint32_t inner);

#endif
"""

KERNEL = """
#include "ep_reverse.h"

#include <string.h>

void ep_reverse_ref(const int8_t *in, int8_t *out, uint32_t outer, uint32_t count, uint32_t inner)
{
    for (uint32_t o = 0; o < outer; o++, in += count * inner) {
        for (uint32_t k = count; k > 0U; k--, out += inner) {
            memcpy(out, in + (k - 1U) * inner, inner);
        }
    }
}
"""

ONE_OPERATOR = """
from tests.firmware.host_engine import FAST, assert_same_bytes, random_samples
from tests.firmware.one_op import ModelBuilder

model = ModelBuilder()
data = model.input((1, 3, 5, 2), scale=0.1, zero=3)
output = model.tensor((1, 3, 5, 2), scale=0.1, zero=3)
model.op("REVERSE_V2", [data, model.ints([2])], [output])
model.output(output)
assert_same_bytes(model.build(), random_samples(model.build(), 3, seed=0), FAST)
"""

FASTER_KERNEL = '''
"""MAXIMUM of two activations of equal shapes."""

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    a, b, output = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]], graph.output_of(op)
    if a.is_constant or b.is_constant or not a.shape == b.shape == output.shape:
        return None
    return KernelCall(
        function="ep_maximum_dsp",
        emit=lambda s: f"ep_maximum_dsp({s.input(0)}, {s.input(1)}, {s.output(0)}, {output.element_count}U);",
        sources=("dsp/maximum.c",),
        headers=("dsp/maximum.h",),
        work=Work(outputs=output.element_count),
    )
'''

FASTER_HEADER = """
/* out[i] = max(a[i], b[i]) */
#ifndef EP_DSP_MAXIMUM_H
#define EP_DSP_MAXIMUM_H

#include <stdint.h>

void ep_maximum_dsp(const int8_t *a, const int8_t *b, int8_t *out, uint32_t count);

#endif
"""

FASTER_C = """
#include "dsp/maximum.h"

void ep_maximum_dsp(const int8_t *a, const int8_t *b, int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = a[i] > b[i] ? a[i] : b[i];
    }
}
"""

FASTER_RUN = """
from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.host_engine import FAST, assert_same_bytes, random_samples
from tests.firmware.one_op import ModelBuilder

model = ModelBuilder()
a, b, output = (make((1, 4, 3), scale=0.1, zero=3) for make in (model.input, model.input, model.tensor))
model.op("MAXIMUM", [a, b], [output])
model.output(output)
file = model.build()
assert_same_bytes(file, random_samples(file, 3, seed=0), FAST, Isa.DSP)
print(*(lower(read_tflite(file), isa, Optimize.SPEED)[0].function for isa in (Isa.DSP, Isa.SCALAR)))
"""

GRANULARITY = '''
from edgeprune.budget import Budget
from edgeprune.deploy.protocol import Cost
from edgeprune.fitting.granularity import before_channels
from edgeprune.fitting.job import Job
from edgeprune.prune.network import Network


@before_channels("as-it-is")
def as_it_is(job: Job, network: Network, cost: Cost, budget: Budget, stage: str) -> Network:
    """Nothing beside channels."""
    return network
'''

SCHEDULE = '''
from torch import nn

from edgeprune.fitting.rounds import thin_to
from edgeprune.fitting.schedule import Thinning, schedule


@schedule("untrained")
def untrained(thinning: Thinning) -> nn.Module:
    """All channels at once, and no training."""
    job, original = thinning.job, thinning.original
    return thin_to(job, original, thinning.widths, original.module, 0, thinning.stage)[0].module
'''
