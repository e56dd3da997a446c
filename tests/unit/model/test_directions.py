"""Vectors divided by their own lengths: one operator, whose sums of squares no int8 scale rounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.export.tflite import export_tflite
from edgeprune.ir import OpKind
from edgeprune.model.passes import lowered
from edgeprune.model.trace import trace
from tests.checked_module import check_float, check_module

SHAPE = (1, 3, 12, 12)
WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "normalize": lambda x: functional.normalize(x, dim=1),
    "over the norm": lambda x: x / (x.norm(dim=1, keepdim=True) + 1e-6),
    "root of a sum": lambda x: x / torch.sqrt((x * x).sum(1, keepdim=True) + 1e-12),
    "inverse root": lambda x: x * torch.rsqrt(x.pow(2).sum(1, keepdim=True) + 1e-12),
    "tokens": lambda x: functional.normalize(x.flatten(2).transpose(1, 2), dim=-1).transpose(1, 2).unflatten(2, (6, 6)),
    "cosine": lambda x: functional.cosine_similarity(x, x.flip(1), dim=1)[:, None] * x,
}


class Network(nn.Module):
    """Pixels of ReLUs, of which many are zero in every channel."""

    def __init__(self, way: Callable[[Tensor], Tensor]):
        super().__init__()
        torch.manual_seed(0)
        self.convolution, self.way, self.head = nn.Conv2d(3, 8, 3, 2, 1), way, nn.Linear(8, 4)
        nn.init.constant_(self.convolution.bias, -0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.way(self.convolution(x).relu()).mean((2, 3)))
        return out


def kinds(module: nn.Module) -> list[OpKind]:
    return [op.kind for op in lowered(trace(module, SHAPE).graph).graph.ops]


def samples(count: int) -> Tensor:
    return torch.randn(count, *SHAPE[1:], generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("way", WAYS)
def test_vectors_of_zeros_do_not_cost_the_others_their_steps(way: str) -> None:
    module = Network(WAYS[way]).eval()
    with torch.no_grad():
        assert (module.convolution(samples(64)).relu().amax(1) == 0).any()
    assert OpKind.L2_NORMALIZATION in kinds(module)
    assert OpKind.FUNCTION not in kinds(module)
    assert export_tflite(module, samples(64)).sqnr_db > 35
    check_module(module, SHAPE)


@pytest.mark.parametrize(
    "way",
    [
        lambda x: functional.normalize(x, dim=1, eps=0.1),  # a length that counts
        lambda x: functional.normalize(x.mean((2, 3)), dim=1)[..., None, None],  # one vector a sample
        lambda x: functional.normalize(x, dim=2),  # not over channels
        lambda x: x / x.sum(1, keepdim=True).clamp(min=1e-6),  # not a length
        lambda x: x / (x * x.flip(1)).sum(1, keepdim=True).clamp(min=1e-6).sqrt(),  # of another product
    ],
)
def test_what_is_no_direction_stays(way: Callable[[Tensor], Tensor]) -> None:
    module = Network(way).eval()
    assert OpKind.L2_NORMALIZATION not in kinds(module)
    check_float(module, SHAPE, samples(4))
