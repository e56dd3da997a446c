"""PyTorch's layers and functions that are traced, by family, each as a small network of its own.

`docs/layers.md` is made from these, and `tests/unit/model/test_layers.py` holds each against PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGE, SEQUENCE, VECTOR, STEPS = (1, 4, 6, 8), (1, 4, 12), (1, 12), (1, 10, 6)


class Do(nn.Module):
    """A function of the input, and of layers."""

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


@dataclass(frozen=True)
class Layer:
    """make: builds it; shape: of its input; positive: whether inputs must be above zero; tokens: rows of a table."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = IMAGE
    positive: bool = False
    tokens: int = 0

    def inputs(self, count: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        if self.tokens:
            return torch.randint(0, self.tokens, (count, *self.shape[1:]), generator=generator).float()
        x = torch.randn(count, *self.shape[1:], generator=generator)
        return x.abs() + 0.3 if self.positive else x


def _layers(*makers: Callable[[], nn.Module]) -> dict[str, Layer]:
    return {type(make()).__name__: Layer(make) for make in makers}


def _functions(**functions: Callable[[Tensor], Tensor]) -> dict[str, Layer]:
    return {name.replace("__", "."): Layer(_doing(function)) for name, function in functions.items()}


def _doing(function: Callable[..., Tensor], *layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Do(function, *(layer() for layer in layers))


def _positive(**functions: Callable[[Tensor], Tensor]) -> dict[str, Layer]:
    return {name: Layer(_doing(function), positive=True) for name, function in functions.items()}


def _recurrent(kind: type[nn.RNNBase], **settings: object) -> Layer:
    return Layer(_doing(lambda x, layer: layer(x)[0], lambda: kind(6, 5, batch_first=True, **settings)), STEPS)  # type: ignore[arg-type]


class _Attention(nn.Module):
    """Queries, keys and values by one layer, as vision transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = 2, nn.Linear(6, 24), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        result = functional.scaled_dot_product_attention(q, k, v)
        return self.out(result.transpose(1, 2).reshape(batch, tokens, -1))


class _ClassToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 6)), nn.Parameter(torch.randn(1, 11, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places


def _coordinates(x: Tensor) -> Tensor:
    column = torch.linspace(-1, 1, x.shape[3]).view(1, 1, 1, -1).expand(x.shape[0], 1, x.shape[2], x.shape[3])
    return torch.cat([x, column], 1)


def _causal(x: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(x, x, x, is_causal=True)


FAMILIES: Mapping[str, Mapping[str, Layer]] = {
    "Normalization": {
        **_layers(
            lambda: nn.LayerNorm(8), lambda: nn.RMSNorm(8), lambda: nn.GroupNorm(2, 4),
            lambda: nn.InstanceNorm2d(4, affine=True), lambda: nn.LocalResponseNorm(3), lambda: nn.BatchNorm2d(4),
        ),
        **_functions(**{"normalize, pixel by pixel": lambda x: functional.normalize(x, dim=1)}),
    },
    "Activations": _layers(
        nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, lambda: nn.CELU(0.7), nn.GELU, nn.SiLU, nn.Mish,
        nn.Softplus, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Tanhshrink, nn.Softsign,
        nn.Softshrink, nn.Hardshrink, nn.LogSigmoid, lambda: nn.Threshold(0.2, -0.5), lambda: nn.GLU(1), nn.RReLU,
        lambda: nn.Softmax(1), lambda: nn.LogSoftmax(1), lambda: nn.Softmin(1),
    ),
    "Attention": {
        "MultiheadAttention": Layer(
            _doing(lambda x, layer: layer(x, x, x)[0], lambda: nn.MultiheadAttention(6, 2, batch_first=True)), STEPS
        ),
        "TransformerEncoderLayer": Layer(lambda: nn.TransformerEncoderLayer(6, 2, 12, batch_first=True), STEPS),
        "scaled_dot_product_attention": Layer(_Attention, STEPS),
        "is_causal=True": Layer(_doing(_causal), STEPS),
        "class tokens, position embeddings": Layer(_ClassToken, STEPS),
        "matmul, einsum": Layer(_doing(lambda x: torch.einsum("btc,bsc->bts", x, x) @ x), STEPS),
    },
    "Recurrence": {
        "LSTM": _recurrent(nn.LSTM),
        "GRU": _recurrent(nn.GRU),
        "RNN": _recurrent(nn.RNN),
        "bidirectional=True": _recurrent(nn.GRU, bidirectional=True),
        "num_layers=2": _recurrent(nn.LSTM, num_layers=2),
        "LSTMCell": Layer(_doing(lambda x, cell: cell(x[:, 0])[0], lambda: nn.LSTMCell(6, 5)), STEPS),
        "GRUCell": Layer(_doing(lambda x, cell: cell(x[:, 1], cell(x[:, 0])), lambda: nn.GRUCell(6, 5)), STEPS),
        "RNNCell": Layer(_doing(lambda x, cell: cell(x[:, 0]), lambda: nn.RNNCell(6, 5)), STEPS),
    },
    "Layers": {
        **_layers(
            lambda: nn.Conv2d(4, 6, 3, padding=1), lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, 1),
            lambda: nn.Linear(8, 3), lambda: nn.PixelShuffle(2),
        ),
        "ConvTranspose2d(groups=2, dilation=2)": Layer(lambda: nn.ConvTranspose2d(4, 6, 3, 2, groups=2, dilation=2)),
        'Conv1d(padding="same")': Layer(lambda: nn.Conv1d(4, 5, 4, padding="same"), SEQUENCE),
        "Embedding": Layer(_doing(lambda x, table: table(x.long()), lambda: nn.Embedding(40, 5)), VECTOR, tokens=40),
        "Embedding(1000)": Layer(
            _doing(lambda x, table: table(x.long()), lambda: nn.Embedding(1000, 5)), VECTOR, tokens=1000
        ),
        "Embedding(1000), padding masked": Layer(
            _doing(lambda x, table: table(x.long()) * (x != 3).unsqueeze(-1), lambda: nn.Embedding(1000, 5)),
            VECTOR, tokens=1000,
        ),
        "EmbeddingBag(padding_idx=0)": Layer(
            _doing(lambda x, bag: bag(x.long()), lambda: nn.EmbeddingBag(4, 5, padding_idx=0)), VECTOR, tokens=4
        ),
        "Bilinear": Layer(_doing(lambda x, layer: layer(x, x), lambda: nn.Bilinear(12, 12, 3)), VECTOR),
        "Unfold": Layer(lambda: nn.Unfold(2)),
        "Fold": Layer(
            lambda: nn.Sequential(nn.Unfold(3, padding=1, stride=2), nn.Fold((6, 8), 3, padding=1, stride=2))
        ),
    },
    "Pools and sizes": {
        **_layers(
            lambda: nn.MaxPool2d(2), lambda: nn.AvgPool2d(2, ceil_mode=True), lambda: nn.AdaptiveAvgPool2d((4, 3)),
            lambda: nn.AdaptiveMaxPool2d((4, 3)), lambda: nn.LPPool2d(2, 2), lambda: nn.ReflectionPad2d(1),
            lambda: nn.ReplicationPad2d(2), lambda: nn.CircularPad2d(1), lambda: nn.ZeroPad2d(1),
            lambda: nn.Upsample(scale_factor=2),
        ),
        "MaxPool2d(dilation=2)": Layer(lambda: nn.MaxPool2d(2, 1, dilation=2)),
        'Upsample(mode="bilinear")': Layer(lambda: nn.Upsample(scale_factor=1.7, mode="bilinear")),
        'Upsample(mode="bicubic")': Layer(lambda: nn.Upsample(scale_factor=2, mode="bicubic")),
    },
    "Arithmetic": {
        **_functions(
            exp=lambda x: x.exp(), abs=lambda x: x.abs(), sin=lambda x: x.sin(), cos=lambda x: x.cos(),
            erf=lambda x: x.erf(), pow=lambda x: x**3, expm1=lambda x: x.expm1(), floor=lambda x: (x * 4).floor() / 4,
            var=lambda x: x.var((2, 3)), std=lambda x: x.std(1), norm=lambda x: x.norm(dim=1, keepdim=True),
            amax=lambda x: x.amax(1), amin=lambda x: x.amin(1), mean=lambda x: x.mean((2, 3)), sum=lambda x: x.sum(1),
            prod=lambda x: x[:, :3].prod(1), cumsum=lambda x: x.cumsum(2), logsumexp=lambda x: x.logsumexp(1, True),
            maximum=lambda x: torch.maximum(x, -x), clamp=lambda x: x.clamp(-0.4, 0.9),
            where=lambda x: torch.where(x > 0.1, x, 0.3 * x), masked_fill=lambda x: x.masked_fill(x < 0, 0.5),
            division=lambda x: x / (1.5 + x.mean(1, keepdim=True).abs()),
        ),
        **_positive(
            log=lambda x: x.log(), sqrt=lambda x: x.sqrt(), rsqrt=lambda x: x.rsqrt(), reciprocal=lambda x: 1 / x,
            log1p=lambda x: x.log1p(),
        ),
    },
    "Elements moved": {
        **_functions(
            cat=lambda x: torch.cat([x, x * 0.5], 1), stack=lambda x: torch.stack([x, -x], 1).flatten(1, 2),
            chunk=lambda x: x.chunk(2, 1)[1], unbind=lambda x: x.unbind(2)[1], flip=lambda x: x.flip(2),
            roll=lambda x: x.roll(2, 3), repeat=lambda x: x.repeat(1, 2, 1, 1), index=lambda x: x[:, [2, 0]],
            index_select=lambda x: x.index_select(1, torch.tensor([3, 1])), permute=lambda x: x.permute(0, 2, 3, 1),
            repeat_interleave=lambda x: x.repeat_interleave(2, 3),
        ),
        "a grid of coordinates": Layer(_doing(_coordinates)),
    },
}  # fmt: skip
"""Family -> name -> layer."""
