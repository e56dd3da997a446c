"""What the code and one-element parameters decide alone is followed, also in the network thinned to half."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.export.tflite import checked_float_form
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups


class PowerMean(nn.Module):
    """Generalized-mean pooling: Radenovic et al., arXiv:1711.02512."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head, self.p = nn.Conv2d(3, 8, 3), nn.Linear(8, 4), nn.Parameter(torch.ones(1) * 3)

    def forward(self, x: Tensor) -> Tensor:
        powers = self.conv(x).clamp(min=1e-6).pow(self.p)
        pooled = functional.avg_pool2d(powers, powers.shape[-2:]).pow(1.0 / self.p)
        return self.head(pooled.reshape(x.shape[0], -1))  # type: ignore[no-any-return]


def test_an_exponent_of_one_element_is_the_number_it_holds() -> None:
    torch.manual_seed(0)
    module = PowerMean().eval()
    checked_float_form(module, torch.randn(8, 3, 8, 8))
    assert [group.size for group in find_groups(trace(module, (1, 3, 8, 8))).groups] == [8]


def test_a_pool_over_transposed_tokens_is_followed() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.pool = nn.Conv2d(3, 8, 4, 4), nn.AdaptiveAvgPool1d(1)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.embed(x).flatten(2).transpose(1, 2)
            return self.pool(tokens.transpose(1, 2)).flatten(1)  # type: ignore[no-any-return]

    checked_float_form(Tokens().eval(), torch.randn(8, 3, 8, 8))


STATES: dict[str, Callable[[Tensor], Tensor]] = {
    "left out": lambda x: None,  # type: ignore[dict-item,return-value]
    "detached": lambda x: torch.zeros(1, x.size(0), 6, device=x.device).requires_grad_().detach(),
    "new": lambda x: x.new_zeros(1, x.size(0), 6).to(x.device),
    "old": lambda x: x.new(1, x.size(0), 6).zero_(),
    "product": lambda x: torch.ones(1, x.size(0), 6) * 0,
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_state_of_zeros_is_known_however_it_is_made(state: Callable[[Tensor], Tensor]) -> None:
    """Its first step is like the others: as many operators as with the state left out."""

    class Spotter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(5, 6, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x, state(x))[1][-1]  # type: ignore[no-any-return]

    module = Spotter().eval()
    kinds = [op.kind for op in trace(module, (1, 4, 5)).graph.ops]
    left_out = Spotter().eval()
    left_out.forward = lambda x: left_out.rnn(x)[1][-1]  # type: ignore[method-assign]
    assert kinds == [op.kind for op in trace(left_out, (1, 4, 5)).graph.ops]


def test_a_learned_state_stays_a_parameter() -> None:
    class Spotter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.start = nn.GRU(5, 6, batch_first=True), nn.Parameter(torch.zeros(1, 1, 6))

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x, self.start.expand(-1, x.shape[0], -1).contiguous())[1][-1]  # type: ignore[no-any-return]

    module = Spotter().eval()
    with torch.no_grad():
        module.start.fill_(0)
    traced = trace(module, (1, 4, 5))
    assert any(piece.name == "start" for pieces in traced.slices.values() for piece in pieces) or traced.computed


class Buffers(nn.Module):
    def __init__(self, function: Callable[[Buffers, Tensor], Tensor]) -> None:
        super().__init__()
        self.places: Tensor
        self.register_buffer("places", torch.tensor([3, 1, 0]))
        self.conv, self.attention = nn.Conv2d(3, 8, 3, padding=1), nn.MultiheadAttention(8, 2, batch_first=True)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)

    def tokens(self, x: Tensor) -> Tensor:
        return self.conv(x).flatten(2).transpose(1, 2)[:, :6]  # type: ignore[no-any-return]


FUNCTIONS: dict[str, Callable[[Buffers, Tensor], Tensor]] = {
    "index": lambda m, x: m.conv(x)[:, m.places],
    "computed index": lambda m, x: m.conv(x)[:, m.places * 2 + 1],
    "index_select": lambda m, x: m.conv(x).index_select(2, m.places),
    "causal mask": lambda m, x: m.attention(
        m.tokens(x), m.tokens(x), m.tokens(x), attn_mask=torch.triu(torch.ones(6, 6), 1).bool()
    )[0],
    "tril": lambda m, x: m.conv(x).tril(1),
    "triu": lambda m, x: m.conv(x).triu(-1),
    "rot90": lambda m, x: torch.rot90(m.conv(x), 1, (2, 3)),
    "rot90 thrice": lambda m, x: torch.rot90(m.conv(x), 3, (2, 3)),
    "rot90 twice": lambda m, x: torch.rot90(m.conv(x), -2, (3, 2)),
    "hypot": lambda m, x: torch.hypot(m.conv(x), x[:, :1]),
    "nan_to_num": lambda m, x: torch.nan_to_num(m.conv(x)),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_it_is_exported_as_torch_computes_it(function: Callable[[Buffers, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    checked_float_form(Buffers(function).eval(), torch.randn(4, 3, 6, 7))
