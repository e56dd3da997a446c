"""What forward() writes in place, into slices and other views, is what PyTorch computes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.errors import UnsupportedOp
from edgeprune.export.tflite import checked_float_form
from edgeprune.ir import OpKind
from edgeprune.model.trace import trace


class Net(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(3, 8, 3, padding=1), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


def shifted(x: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    out[:, :2, :-1] = x[:, :2, 1:]
    out[:, 2:4, 1:] = x[:, 2:4, :-1]
    out[:, 4:] = x[:, 4:]
    return out


def collected(x: Tensor) -> Tensor:
    outputs = torch.zeros(x.shape[0], x.shape[2], x.shape[1])
    for t in range(x.shape[2]):
        outputs[:, t] = torch.tanh(x[:, :, t].mean(-1))
    return outputs


def added(x: Tensor) -> Tensor:
    x[:, :4] += x[:, 4:]
    return x * 2


def scaled(x: Tensor) -> Tensor:
    x[:, :4] = x[:, :4] * 2
    return x


def every_other(x: Tensor) -> Tensor:
    out = x.new_empty(x.shape[0], 8, 6, 6)
    out[..., 0::2], out[..., 1::2] = x[..., :3], x[..., 3:]
    return out


def nested(x: Tensor) -> Tensor:
    x[:, 1][:, 2:4] = 0.5
    return x


def through_halves(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    first.relu_()
    second.mul_(3)
    return x


def through_another_order(x: Tensor) -> Tensor:
    x.permute(0, 2, 3, 1)[:, 1:3] = -1.0
    x.transpose(1, 2)[:, 4] = 2.0
    return x


def through_a_view(x: Tensor) -> Tensor:
    x.view(x.shape[0], -1)[:, :40].neg_()
    return x


def read_afterwards(x: Tensor) -> Tensor:
    row, rest = x[:, :, 0], x[:, 2:]
    x.mul_(2)
    rest[:, 0].zero_()
    return torch.cat([row, x[:, :, 1], rest[:, :, 2].tanh().repeat(1, 2, 1)[:, :8]], 1)


def copied(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    out.copy_(x)
    out[:, 3].copy_(x[:, 4])
    for part in x.unbind(1)[:2]:
        part.fill_(0.25)
    return out + x


def at_places(x: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    out[:, [0, 2, -1]] = x[:, [1, 3, 5]]
    out[:, :, torch.tensor([4, 0])] = 0.5
    out[:, [1, 2]] += x[:, [0, 1]]
    return out + x


def negative(x: Tensor) -> Tensor:
    x[:, -3:, ..., -1] = x[:, :3, ..., 0]
    return x


FUNCTIONS = (shifted, collected, added, scaled, every_other, nested, through_halves, through_another_order,
             through_a_view, read_afterwards, copied, at_places, negative)  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_it_is_exported_as_torch_computes_it(function: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    checked_float_form(Net(function).eval(), torch.randn(4, 3, 6, 6))


def test_outputs_written_one_by_one_are_joined_once() -> None:
    kinds = [op.kind for op in trace(Net(collected).eval(), (1, 3, 6, 6)).graph.ops]
    assert kinds.count(OpKind.CONCATENATION) == 1


def test_what_forward_keeps_is_not_kept_by_its_trace() -> None:
    class Masked(nn.Module):
        mask: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.mask is None:
                self.mask = torch.triu(torch.full((5, 5), float("-inf")), diagonal=1)
            is_causal = bool((self.mask[0, 1:] < 0).all())
            return functional.softmax(x @ x.transpose(1, 2) + self.mask, -1) * (1.0 if is_causal else 2.0)

    traced = trace(Masked().eval(), (1, 5, 4))
    trace(traced.skeleton, (1, 5, 4))
    checked_float_form(Masked().eval(), torch.randn(4, 5, 4))


def test_values_that_are_added_up_at_one_place_are_refused() -> None:
    def summed(x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        places, values = torch.tensor([1, 1, -1]), x[:, [0, 3, 4]].transpose(0, 1)
        return out.transpose(0, 1).index_put_((places,), values, accumulate=True).transpose(0, 1) + x

    with pytest.raises(UnsupportedOp, match="index_put"):
        trace(Net(summed).eval(), (1, 3, 6, 6))


def test_values_that_are_added_at_places_apart() -> None:
    def added_once(x: Tensor) -> Tensor:
        places, values = torch.tensor([1, -1]), x[:, [0, 3]].transpose(0, 1)
        return (x * 2).transpose(0, 1).index_put_((places,), values, accumulate=True).transpose(0, 1)

    torch.manual_seed(0)
    checked_float_form(Net(added_once).eval(), torch.randn(4, 3, 6, 6))
