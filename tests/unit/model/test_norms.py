"""Layer norm: one operator for the direction, gamma and beta in the layers behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import export_tflite
from edgeprune.ir import OpKind
from edgeprune.model.passes import lowered
from edgeprune.model.trace import trace
from tests.checked_module import check_float, check_module

TOKENS, IMAGE = (1, 5, 8), (1, 8, 5, 6)


def varied(module: nn.Module) -> nn.Module:
    """With norms that do something."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.LayerNorm | nn.RMSNorm | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.3)
        if isinstance(layer, nn.LayerNorm | nn.BatchNorm2d):
            nn.init.normal_(layer.bias, 0, 0.3)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return module.eval()


class Behind(nn.Module):
    """A layer, a norm over channels, and something that reads it."""

    def __init__(self, norm: nn.Module, *readers: nn.Module, is_residual: bool = False):
        super().__init__()
        features = [layer.in_features for layer in readers if isinstance(layer, nn.Linear)]
        self.first = nn.Linear(features[0], features[0]) if features else nn.SiLU()
        self.norm, self.readers, self.is_residual = norm, nn.ModuleList(readers), is_residual

    def forward(self, x: Tensor) -> Tensor:
        normalized = self.norm(self.first(x))
        first, *others = [reader(normalized) for reader in self.readers]
        return sum([*others, *[normalized] * self.is_residual], first)  # type: ignore[no-any-return]


class ChannelsLast(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def arithmetic(module: nn.Module, shape: tuple[int, ...]) -> Counter[OpKind]:
    """Operators that round, behind the first layer."""
    ops = [op for op in lowered(trace(module, shape).graph).graph.ops if not op.name.startswith("first")]
    return Counter(op.kind for op in ops if op.kind not in (OpKind.RESHAPE, OpKind.TRANSPOSE))


NORM = Counter({OpKind.MEAN: 1, OpKind.SUB: 1, OpKind.L2_NORMALIZATION: 1})


@pytest.mark.parametrize(
    ("module", "shape", "behind"),
    [
        (Behind(nn.LayerNorm(8), nn.Linear(8, 4)), TOKENS, NORM + Counter({OpKind.FULLY_CONNECTED: 1})),
        (
            Behind(nn.LayerNorm(8), nn.Linear(8, 4), nn.Linear(8, 4, bias=False)),
            TOKENS,
            NORM + Counter({OpKind.FULLY_CONNECTED: 2, OpKind.ADD: 1}),
        ),
        (
            Behind(nn.LayerNorm(8), nn.Linear(8, 8), is_residual=True),
            TOKENS,
            NORM + Counter({OpKind.DEPTHWISE_CONV_2D: 1, OpKind.FULLY_CONNECTED: 1, OpKind.ADD: 1}),
        ),
        (Behind(ChannelsLast(8), nn.Conv2d(8, 4, 2, 2)), IMAGE, NORM + Counter({OpKind.CONV_2D: 1})),
        (
            Behind(ChannelsLast(8), nn.Conv2d(8, 4, 3, 1, 1)),
            IMAGE,
            NORM + Counter({OpKind.DEPTHWISE_CONV_2D: 1, OpKind.CONV_2D: 1}),
        ),
        (Behind(nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1)), IMAGE, Counter({OpKind.CONV_2D: 1})),
        (Behind(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=4)), IMAGE, Counter({OpKind.CONV_2D: 1})),
        (Behind(nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3, groups=8)), IMAGE, Counter({OpKind.DEPTHWISE_CONV_2D: 1})),
    ],
)  # fmt: skip
def test_gamma_and_beta_are_in_what_reads_them(
    module: nn.Module, shape: tuple[int, ...], behind: Counter[OpKind]
) -> None:
    assert arithmetic(varied(module), shape) == behind
    check_module(module, shape)


def test_a_layer_that_is_called_twice_keeps_its_weights() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.layer = nn.LayerNorm(8), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.norm(self.layer(x)))  # type: ignore[no-any-return]

    module = varied(Twice())
    graph = lowered(trace(module, TOKENS).graph).graph
    layers = [op for op in graph.ops if op.kind is OpKind.FULLY_CONNECTED]
    assert len(layers) == 2 and layers[0].inputs[1:] == layers[1].inputs[1:]
    check_module(module, TOKENS)


@pytest.mark.parametrize(
    "norm", [lambda: nn.LayerNorm(8, eps=0.5), lambda: nn.LayerNorm(65), lambda: nn.LayerNorm((5, 8))]
)
def test_a_norm_stays_a_product(norm: Callable[[], nn.LayerNorm]) -> None:
    """With an epsilon that counts, over many channels, or over all of a sample."""
    layer = norm()
    shape = (1, 5, layer.normalized_shape[-1])
    module = varied(Behind(layer, nn.Linear(shape[-1], 4)))
    assert OpKind.L2_NORMALIZATION not in arithmetic(module, shape)
    check_float(module, shape, torch.randn(4, *shape[1:]))


@pytest.mark.parametrize(("size", "least_db"), [(1.0, 30), (0.02, 28), (0.01, 22)])
def test_vectors_that_are_short_beside_epsilon_keep_their_mean_length(size: float, least_db: float) -> None:
    """No integer kernel knows an epsilon: without the mean length in the layer behind, the last is 16 dB."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(16, 32), nn.LayerNorm(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5)).eval()
    with torch.no_grad():
        for parameter in module[0].parameters():
            parameter.mul_(size)
    assert export_tflite(module, torch.randn(128, 8, 16)).sqnr_db > least_db
