"""The graph predicted before training is the one the exported file holds, operator by operator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.export.tflite import export_tflite
from edgeprune.ir import Graph, OpKind
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import apply_widths
from edgeprune.prune.widths.predicted_graph import predicted_graph


class Chain(nn.Module):
    """Convolutions with one function after each."""

    def __init__(self, *functions: object):
        super().__init__()
        self.functions = functions
        self.layers = nn.ModuleList(nn.Conv2d(8 if index else 3, 8, 3, padding=1) for index in range(len(functions)))
        self.last = nn.Conv2d(8, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer, function in zip(self.layers, self.functions, strict=True):
            x = function(layer(x))  # type: ignore[operator]
        return self.last(x)  # type: ignore[no-any-return]


class SqueezeExcite(nn.Module):
    """As in MobileNetV3, Howard et al. 2019, arXiv:1905.02244."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.squeeze, self.excite = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 16, 1)
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.hardswish(self.stem(x))
        gate = self.excite(functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1))))
        return self.fc((x * functional.hardsigmoid(gate)).mean((2, 3)))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """An image at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 24, 3, 2, 1)
        self.up, self.out = nn.ConvTranspose2d(24, 16, 2, 2), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        wide = functional.relu(self.down(x))
        joined = torch.cat([wide, functional.relu(self.up(functional.relu(self.deep(wide))))], 1)
        return self.out(functional.interpolate(joined, scale_factor=2.0))  # type: ignore[no-any-return]


NETS: dict[str, Callable[[], nn.Module]] = {
    "activations": lambda: Chain(
        functional.leaky_relu, functional.relu6, functional.hardswish, functional.silu, functional.gelu, torch.tanh,
        torch.sigmoid, functional.hardtanh, functional.hardsigmoid,
    ),
    "scalars": lambda: Chain(
        lambda x: -x, lambda x: 1 - x, lambda x: x * 2, lambda x: x / 3, lambda x: torch.relu(x + 0.5)
    ),
    "windows": lambda: Chain(
        lambda x: functional.max_pool2d(x, 3, 2, 1), lambda x: functional.max_pool2d(torch.relu(x), 3, 1, 1),
        lambda x: functional.pad(x, (1, 1, 0, 1)), lambda x: functional.avg_pool2d(x, 2),
    ),
    "squeeze-excite": SqueezeExcite,
    "u-net": UNet,
}  # fmt: skip


def steps(graph: Graph) -> list[tuple[OpKind, list[int]]]:
    """Operators that run, with their outputs' sizes; axes of length 1 come and go."""
    return [
        (op.kind, [size for size in graph.output_of(op).shape if size != 1])
        for op in graph.ops
        if op.kind is not OpKind.RESHAPE
    ]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_predicted_is_exported(name: str, share: float) -> None:
    torch.manual_seed(0)
    net = NETS[name]().eval()
    traced = trace(net, (1, 3, 16, 16))
    groups = find_groups(traced)
    widths = {group: max(1, round(size * share)) for group, size in groups.full_widths.items()}
    exported = export_tflite(apply_widths(net, groups, widths).eval(), torch.randn(16, 3, 16, 16))
    assert steps(clean(read_tflite(exported.stripped))) == steps(clean(predicted_graph(traced, groups, widths)))
    assert exported.sqnr_db > 20
