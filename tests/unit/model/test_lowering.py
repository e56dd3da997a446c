"""Layers on their way to bytes: the float file is PyTorch's function, int8 stays near, the engine's C gives LiteRT's
bytes, and the graph predicted before is the one exported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError, UnsupportedOp
from edgeprune.export.tflite import export_tflite
from edgeprune.ir import OpKind
from edgeprune.model.trace import trace
from tests.checked_module import check_module
from tests.nets import as_trained

LEAST_DB = 25.0
Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """A convolution, then a function of its six channels."""

    def __init__(self, function: Function):
        super().__init__()
        self.conv, self.function = nn.Conv2d(4, 6, 3, padding=1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


FUNCTIONS: dict[str, Function] = {
    "leaky relu": lambda x: functional.leaky_relu(x, 0.1),
    "elu": functional.elu,
    "elu of another slope": lambda x: functional.elu(x, 0.5),
    "selu": functional.selu,
    "celu": lambda x: functional.celu(x, 2.0),
    "abs": torch.abs,
    "limits": lambda x: x.clamp(-0.5, 0.7),
    "limits far away": lambda x: x.clamp(-1000, 1e6),
    "no limits": lambda x: x.clamp(-torch.inf, torch.inf) + x,
    "an upper limit": lambda x: x.clamp(max=0.3),
    "amax": lambda x: x.amax((2, 3)),
    "values of a maximum": lambda x: x.max(2).values,
    "squares": lambda x: x**2 + x.square(),
    "softmax over channels": lambda x: torch.softmax(x, 1),
    "softmax over columns": lambda x: torch.softmax(x, -1),
    "a scalar minus": lambda x: torch.relu(1 - x),
    "one part joined": lambda x: torch.cat([x], 1),
    "nearest by 1.5": lambda x: functional.interpolate(x, scale_factor=1.5),
    "nearest by 1.7": lambda x: functional.interpolate(x, scale_factor=1.7),
    "nearest by about 2": lambda x: functional.interpolate(x, scale_factor=2.05),
    "nearest to a size": lambda x: functional.interpolate(x, size=(14, 9)),
    "nearest, smaller": lambda x: functional.interpolate(x, size=(5, 3)),
    "nearest, exact": lambda x: functional.interpolate(x, size=(14, 9), mode="nearest-exact"),
    "bilinear": lambda x: functional.interpolate(x, size=(14, 9), mode="bilinear"),
    "bilinear from corner to corner": lambda x: functional.interpolate(
        x, size=(14, 9), mode="bilinear", align_corners=True
    ),
    "average with padding": lambda x: functional.avg_pool2d(x, 3, 2, 1),
    "average without its padding": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "maximum beyond the edge": lambda x: functional.max_pool2d(x, 2, 2, ceil_mode=True),
    "even adaptive average": lambda x: functional.adaptive_avg_pool2d(x, (3, 7)),
    "uneven adaptive average": lambda x: functional.adaptive_avg_pool2d(x, (6, 7)),
    "adaptive maximum": lambda x: functional.adaptive_max_pool2d(x, 1),
    "reflected border": lambda x: functional.pad(x, (1, 2, 2, 0), mode="reflect"),
    "repeated border": lambda x: functional.pad(x, (1, 1, 1, 0), mode="replicate"),
    "repeated wide border": lambda x: functional.pad(x, (1, 2, 3, 0), mode="replicate"),
    "circular border": lambda x: functional.pad(x, (1, 1, 2, 1), mode="circular"),
    "negative border": lambda x: functional.pad(x, (-1, 2, 0, -3)),
    "border of a value": lambda x: functional.pad(x, (1, 2, 0, 3), value=0.5),
    "channels of zeros": lambda x: functional.pad(x, (0, 0, 0, 0, 1, 2)),
    "pixel shuffle": lambda x: functional.pixel_shuffle(torch.cat([x, x], 1), 2),
    "pixel unshuffle": lambda x: functional.pixel_unshuffle(x[:, :, :8, :6], 2),
    "channel shuffle": lambda x: functional.channel_shuffle(x, 3),
    "read twice": lambda x: torch.relu(x.permute(0, 2, 3, 1)) + x.permute(0, 2, 3, 1),
    "flattened": lambda x: x.flatten(1),
    "rows of pixels": lambda x: x.flatten(2).transpose(1, 2),
    "mean of channels": lambda x: x.mean(1, keepdim=True) * x,
    "stacked": lambda x: torch.stack([x, x * 2], 1).sum(1),
    "taken apart": lambda x: x.unbind(1)[0] + x[:, 1],
    "halves multiplied": lambda x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    torch.manual_seed(0)
    assert check_module(Between(FUNCTIONS[name]).eval(), (1, 4, 9, 7)).sqnr_db > LEAST_DB


IMAGES: dict[str, Callable[[], nn.Module]] = {
    "prelu": lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.PReLU(6), nn.Conv2d(6, 5, 3), nn.PReLU()),
    "transposed with strides": lambda: nn.Sequential(
        nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), nn.BatchNorm2d(6), nn.ReLU(),
        nn.ConvTranspose2d(6, 5, 3, stride=(3, 2), padding=(0, 1)),
    ),
    "transposed without a stride": lambda: nn.Sequential(
        nn.ConvTranspose2d(4, 6, 2, 1, 2), nn.ConvTranspose2d(6, 5, 3, 1, 1)
    ),
    "transposed beyond its kernel": lambda: nn.ConvTranspose2d(4, 6, 1, 3, output_padding=2),
    "batch norms alone": lambda: nn.Sequential(
        nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)
    ),
    "in groups": lambda: nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1, groups=8), nn.ReLU6()
    ),
    "dilated": lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1, dilation=2),
}  # fmt: skip
SEQUENCES: dict[str, Callable[[], nn.Module]] = {
    "convolutions of the same length": lambda: nn.Sequential(
        nn.Conv1d(4, 8, 3, padding="same"), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 6, 4, padding="same"),
        nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 6, 3, groups=6, dilation=2), nn.LeakyReLU(0.1), nn.AvgPool1d(2),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
    ),
    "a sequence at both ends": lambda: nn.Sequential(nn.Conv1d(4, 8, 3, stride=2), nn.PReLU(8)),
    "longer": lambda: nn.Sequential(nn.ConvTranspose1d(4, 8, 4, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2)),
    "nearest by 1.06 and 2.05": lambda: nn.Sequential(
        nn.Conv1d(4, 5, 1), nn.Upsample(scale_factor=1.06), nn.Conv1d(5, 5, 1), nn.Upsample(scale_factor=2.05)
    ),
    "borders": lambda: nn.Sequential(nn.ReflectionPad1d(2), nn.Conv1d(4, 5, 3), nn.ConstantPad1d((0, 3), 0.0)),
    "dense over time": lambda: nn.Sequential(nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_layers_over_images(name: str) -> None:
    torch.manual_seed(0)
    assert check_module(as_trained(IMAGES[name]()), (1, 4, 9, 7)).sqnr_db > LEAST_DB


@pytest.mark.parametrize("name", SEQUENCES)
def test_layers_over_sequences(name: str) -> None:
    torch.manual_seed(0)
    assert check_module(as_trained(SEQUENCES[name]()), (1, 4, 16)).sqnr_db > LEAST_DB


def compiled_kinds(module: nn.Module, *shape: int) -> list[OpKind]:
    torch.manual_seed(0)
    return [op.kind for op in clean(read_tflite(export_tflite(module.eval(), torch.randn(8, *shape)).data)).ops]


def test_nothing_is_copied_behind_a_transposed_convolution() -> None:
    assert compiled_kinds(nn.ConvTranspose2d(3, 4, 3, 2, 1, 1), 3, 5, 6) == [OpKind.TRANSPOSE_CONV]


def test_a_norm_behind_a_1d_convolution_is_folded_and_views_are_free() -> None:
    layers = nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 2, 3)
    kinds = compiled_kinds(nn.Sequential(*layers), 3, 12)
    assert [kind for kind in kinds if kind is not OpKind.RESHAPE] == [
        OpKind.CONV_2D, OpKind.MAX_POOL_2D, OpKind.CONV_2D,
    ]  # fmt: skip


def test_a_channel_shuffle_is_one_transpose() -> None:
    kinds = compiled_kinds(Between(lambda x: functional.channel_shuffle(x, 3)), 4, 5, 5)
    assert kinds == [OpKind.CONV_2D, OpKind.RESHAPE, OpKind.TRANSPOSE, OpKind.RESHAPE]


def test_an_activation_is_fused_through_a_view_but_not_under_another_reader() -> None:
    kinds = compiled_kinds(Between(lambda x: torch.relu(x.flatten(2))), 4, 5, 5)
    assert OpKind.RELU not in kinds
    kinds = compiled_kinds(Between(lambda x: torch.relu(x.flatten(2)) + x.flatten(2)), 4, 5, 5)
    assert OpKind.RELU in kinds


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.one, self.other = nn.Conv2d(3, 4, 3), nn.Linear(64, 3), nn.Linear(64, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = self.conv(x).flatten(1)
        return self.one(flat), self.other(flat)


def test_what_is_flattened_for_two_heads_is_not_rearranged() -> None:
    torch.manual_seed(0)
    module = TwoHeads().eval()
    check_module(module, (1, 3, 6, 6))
    assert OpKind.TRANSPOSE not in compiled_kinds(module, 3, 6, 6)


@pytest.mark.parametrize("shape", [(1, 4, 9, 7), (1, 4, 16)])
def test_both_ends_are_channels_last(shape: tuple[int, ...]) -> None:
    graph = trace(nn.BatchNorm2d(4) if len(shape) == 4 else nn.BatchNorm1d(4), shape).graph
    wanted = (shape[0], *shape[2:], shape[1])
    assert [graph.tensors[index].shape for index in (*graph.inputs, *graph.outputs)] == [wanted, wanted]


class Unused(nn.Module):
    """Half of what it computes is for nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        torch.logsumexp(y, 1)
        values, _places = functional.max_pool2d(torch.relu(y), 2, return_indices=True)
        return values


def test_what_nobody_reads_is_neither_refused_nor_in_the_way() -> None:
    assert compiled_kinds(Unused(), 3, 6, 6) == [OpKind.CONV_2D, OpKind.MAX_POOL_2D]


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(1, 3)


class Largest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Tokens(nn.Module):
    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x[:, 0, 0].long())


REFUSED: dict[str, Callable[[], nn.Module]] = {
    "argmax": Largest,
    "does not depend": Constant,
    "dilation and padding": lambda: nn.MaxPool2d(2, dilation=2, padding=1),
    "without running statistics": lambda: nn.BatchNorm2d(4, track_running_stats=False),
    "rounded on the device": lambda: Tokens(300),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_device_cannot_do_is_refused_when_traced(words: str) -> None:
    with pytest.raises(EdgePruneError, match=words) as caught:
        trace(nn.Sequential(nn.Conv2d(4, 4, 1), REFUSED[words]()), (1, 4, 9, 9))
    assert words == "does not depend" or (isinstance(caught.value, UnsupportedOp) and " at " in str(caught.value))


class Causal(nn.Module):
    """Padded at both ends, cut at the end, as temporal convolutional networks are."""

    def __init__(self, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3, stride, padding=4, dilation=2)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x))[:, :, :-2])


@pytest.mark.parametrize("stride", [1, 2])
def test_a_causal_convolution_copies_nothing(stride: int) -> None:
    module = as_trained(Causal(stride))
    check_module(module, (1, 3, 12))
    kinds = [kind for kind in compiled_kinds(module, 3, 12) if kind is not OpKind.RESHAPE]
    assert kinds == [OpKind.CONV_2D]


def test_what_is_cut_off_the_image_itself_is_copied() -> None:
    kinds = compiled_kinds(Between(lambda x: torch.relu(x[:, :, 2:])), 4, 5, 5)
    assert kinds == [OpKind.CONV_2D, OpKind.SLICE]
