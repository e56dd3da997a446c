"""What a device cannot do is refused before any work: where, the user's own code, and a way out, which works."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.errors import EdgePruneError, ModelError
from edgeprune.export.tflite import checked_float_form, export_tflite
from edgeprune.model.trace import trace
from edgeprune.prune.network import Network

FILE = Path(__file__).name
IMAGE, SEQUENCE, VECTOR = (3, 8, 8), (10, 8), (6,)
Forward = Callable[[Any, Tensor], Any]


class Layers(nn.Module):
    """One of each layer that the rows use."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.conv, self.head, self.deep = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 4), nn.Conv3d(1, 8, 3, padding=1)
        self.flat, self.rnn, self.table = nn.Linear(6, 4), nn.GRU(8, 8, batch_first=True), nn.Embedding(40_000, 8)
        self.own, self.tracked = nn.BatchNorm2d(8, track_running_stats=False), nn.BatchNorm2d(8)
        self.few, self.wide = nn.Embedding(256, 8), nn.Linear(10, 4)
        self._forward = forward

    def features(self, x: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


ROWS: list[tuple[str, tuple[int, ...], Forward, str, str, Forward]] = [
    # what, input, the code, words of the refusal, words of the way out, the way out
    ("if", IMAGE,
     lambda m, x: m.features(x) * (2 if x.mean() > 0 else 1),
     "reads the value of a tensor", "torch.where",
     lambda m, x: torch.where(x.mean((1, 2, 3)) > 0, 2.0, 1.0)[:, None] * m.features(x)),
    ("item", IMAGE,
     lambda m, x: m.features(x) * x.max().item(),
     "reads the value of a tensor", "take it out",
     lambda m, x: m.features(x) * x.amax((1, 2, 3))[:, None]),
    ("loop", IMAGE,
     lambda m, x: sum(m.features(x) for _ in range(int(x.sum()))),
     "reads the value of a tensor", "fixed code",
     lambda m, x: sum(m.features(x) for _ in range(3))),
    ("mask", IMAGE,
     lambda m, x: x[x > 0].sum(),
     "reads the value of a tensor", r"mask\.float\(\)",
     lambda m, x: (x * (x > 0).float()).sum((1, 2, 3))[:, None]),
    ("nonzero", IMAGE,
     lambda m, x: m.features(x).nonzero(),
     "reads the value of a tensor", "take it out",
     lambda m, x: m.features(x)),
    ("unique", IMAGE,
     lambda m, x: torch.unique(m.features(x)),
     "the size of the result depends on values", "on the host",
     lambda m, x: m.features(x)),
    ("noise", IMAGE,
     lambda m, x: m.features(x) + torch.randn(1, 8),
     "draws random numbers", r"if self\.training:",
     lambda m, x: m.features(x) + (torch.randn(1, 8) if m.training else 0)),
    ("dropout", IMAGE,
     lambda m, x: functional.dropout(m.features(x)),
     "draws random numbers", r"training=self\.training",
     lambda m, x: functional.dropout(m.features(x), training=m.training)),
    ("argmax", IMAGE,
     lambda m, x: m.head(m.features(x)).argmax(1),
     "has no argmax", "return the values",
     lambda m, x: m.head(m.features(x))),
    ("topk", IMAGE,
     lambda m, x: torch.topk(m.features(x), 2)[0],
     "has no topk", "return the values",
     lambda m, x: m.features(x)),
    ("sort", IMAGE,
     lambda m, x: m.features(x).sort(1)[0],
     "has no sort", "return the values",
     lambda m, x: m.features(x)),
    ("median", IMAGE,
     lambda m, x: m.features(x).median(1, keepdim=True)[0],
     "has no median", "return the values",
     lambda m, x: m.features(x)),
    ("unpool", IMAGE,
     lambda m, x: functional.max_unpool2d(*functional.max_pool2d(m.conv(x), 2, return_indices=True), 2),
     "places of maxima are read", r"nn\.Upsample",
     lambda m, x: nn.Upsample(scale_factor=2)(functional.max_pool2d(m.conv(x), 2))),
    ("place of the maximum", IMAGE,
     lambda m, x: m.conv(x).flatten(2).max(2)[1].float(),
     "places of maxima are read", r"x\.amax\(dim\)",
     lambda m, x: m.conv(x).flatten(2).amax(2)),
    ("three dimensions", IMAGE,
     lambda m, x: m.deep(x.unsqueeze(1)).mean((2, 3, 4)),
     "over 3 dimensions", "use Conv2d",
     lambda m, x: m.conv(x).mean((2, 3))),
    ("statistics", IMAGE,
     lambda m, x: m.own(m.conv(x)),
     "without running statistics", "track_running_stats=True",
     lambda m, x: m.tracked(m.conv(x))),
    ("large table", VECTOR,
     lambda m, x: m.table(x.long()).mean(1),
     "an embedding of 40,000 rows", "32,768 commonest tokens",
     lambda m, x: m.few(x.long().clamp(0, 255)).mean(1)),
    ("packed", SEQUENCE,
     lambda m, x: m.rnn(nn.utils.rnn.pack_padded_sequence(x, torch.tensor([10]), batch_first=True))[1][-1],
     "packed by lengths", "the padded batch",
     lambda m, x: m.rnn(x)[1][-1]),
    ("spectrum", VECTOR,
     lambda m, x: torch.fft.rfft(x).abs(),
     "has no _fft_r2c", "cosines and sines as fixed filters",
     lambda m, x: functional.conv1d(x[:, None], torch.cos(torch.arange(4.0))[None, None])[:, 0]),
    ("complex", VECTOR,
     lambda m, x: torch.complex(x, x).abs(),
     "has no complex", "fixed filters",
     lambda m, x: (x * x + x * x).sqrt()),
    ("grid", IMAGE,
     lambda m, x: functional.grid_sample(m.conv(x), functional.affine_grid(torch.eye(2, 3)[None], [1, 8, 4, 4])),
     "has no (grid_sampler_2d|affine_grid)", r"F\.interpolate",
     lambda m, x: functional.interpolate(m.conv(x), (4, 4), mode="bilinear")),
    ("inverse", IMAGE,
     lambda m, x: torch.linalg.inv(x[:, 0]),
     "has no linalg_inv", "on the host",
     lambda m, x: m.features(x)),
    ("cumprod", VECTOR,
     lambda m, x: x.sigmoid().cumprod(1),
     "has no cumprod", r"torch\.exp\(torch\.cumsum\(torch\.log\(x\), dim\)\)",
     lambda m, x: torch.exp(torch.cumsum(torch.log(x.sigmoid()), 1))),
    ("cdist", SEQUENCE,
     lambda m, x: torch.cdist(x, x),
     "has no _cdist_forward", r"\(a\.unsqueeze\(2\) - b\.unsqueeze\(1\)\)",
     lambda m, x: ((x.unsqueeze(2) - x.unsqueeze(1)) ** 2).sum(-1).sqrt()),
    ("buckets", VECTOR,
     lambda m, x: torch.bucketize(x, torch.tensor([0.0, 1.0])).float(),
     "has no bucketize", r"> edges\)\.float\(\)\.sum\(-1\)",
     lambda m, x: (x.unsqueeze(-1) > torch.tensor([0.0, 1.0])).float().sum(-1)),
    ("angle", VECTOR,
     lambda m, x: torch.atan2(x, x + 1),
     "has no atan2", "return both values",
     lambda m, x: (m.flat(x), m.flat(x + 1))),
    ("power", VECTOR,
     lambda m, x: (x.sigmoid() + 0.1) ** x,
     "of two tensors", r"torch\.exp\(exponent \* torch\.log\(base\)\)",
     lambda m, x: torch.exp(x * torch.log(x.sigmoid() + 0.1))),
    ("remainder", VECTOR,
     lambda m, x: torch.fmod(m.flat(x), 2.0),
     "has no fmod", "x % n",
     lambda m, x: m.flat(x) % 2.0),
    ("mixed weights", IMAGE,
     lambda m, x: functional.conv2d(x, m.conv.weight * m.conv(x).mean((1, 2, 3)).sigmoid()[:, None, None, None]),
     "takes its weight from another layer's output", "mix their outputs",
     lambda m, x: m.conv(x).mean((1, 2, 3)).sigmoid()[:, None, None, None] * functional.conv2d(x, m.conv.weight)),
    ("no whole numbers", VECTOR,
     lambda m, x: m.few(x).mean(1),
     "no whole numbers", r"x\.long\(\)",
     lambda m, x: m.few(x.long().clamp(0, 255)).mean(1)),
    ("numpy", IMAGE,
     lambda m, x: torch.from_numpy(m.features(x).numpy()),
     "taken out of torch", "torch's functions",
     lambda m, x: m.features(x)),
    ("batch size", IMAGE,
     lambda m, x: m.conv(x).reshape(64, 8, -1).mean(-1),
     r"returns \(64, 8\) for a batch of one", r"x\.shape\[0\] follows it",
     lambda m, x: m.conv(x).reshape(x.shape[0], 8, -1).mean(-1)),
    ("hard-coded size", IMAGE,
     lambda m, x: m.wide(x.flatten(1)),
     r"\(1, 192\) times one of \(10, 4\)", "a hard-coded size",
     lambda m, x: m.head(m.features(x))),
    ("string", IMAGE,
     lambda m, x: {"logits": m.features(x), "name": "net"},
     "returns a str", "return tensors",
     lambda m, x: {"logits": m.features(x)}),
    ("nothing", IMAGE,
     lambda m, x: None,
     "returns no tensor", "return what the device shall give",
     lambda m, x: m.features(x)),
    ("written diagonal", IMAGE,
     lambda m, x: _written(m.conv(x)),
     "a view is read", r"torch\.where",
     lambda m, x: torch.where(torch.eye(8) > 0, m.conv(x) * 2, m.conv(x)).mean((2, 3))),
]  # fmt: skip


def _written(x: Tensor) -> Tensor:
    x.diagonal(dim1=2, dim2=3).mul_(2)
    return x.mean((2, 3))


@pytest.mark.parametrize(("what", "shape", "bad", "words", "way_out", "good"), ROWS, ids=[row[0] for row in ROWS])
def test_it_is_refused_with_the_line_and_a_way_out_that_works(
    what: str, shape: tuple[int, ...], bad: Forward, words: str, way_out: str, good: Forward
) -> None:
    torch.manual_seed(0)
    with pytest.raises(ModelError) as refusal:
        trace(Layers(bad), (1, *shape))
    message, hint = refusal.value.message, refusal.value.hint or ""
    assert re.search(words, message), message
    assert re.search(way_out, hint), hint
    line = re.search(rf"\n    {re.escape(FILE)}:(\d+): (.+)$", message)
    if what not in ("batch size", "string", "nothing"):  # of no single line
        assert line is not None, message
        assert line[2] in Path(__file__).read_text().splitlines()[int(line[1]) - 1]
    samples = torch.randn(8, *shape)
    checked_float_form(Layers(good).eval(), samples)


def test_there_are_thirty_of_them() -> None:
    assert len(ROWS) >= 30


def test_several_refusals_come_together() -> None:
    def forward(m: Layers, x: Tensor) -> tuple[Tensor, Tensor]:
        return m.features(x).sort(1)[0], torch.bucketize(x, torch.tensor([0.0])).float()

    with pytest.raises(ModelError, match="2 operators have no counterpart") as refusal:
        trace(Layers(forward), (1, *IMAGE))
    assert "has no sort" in refusal.value.message and "has no bucketize" in refusal.value.message
    assert "return the values" in (refusal.value.hint or "") and "edges" in (refusal.value.hint or "")


def test_a_compiled_part_is_refused_by_its_name() -> None:
    network = nn.Sequential(nn.Linear(6, 5), torch.jit.script(nn.Sequential(nn.Linear(5, 4), nn.ReLU())))
    with pytest.raises(ModelError, match="1 is a TorchScript program") as refusal:
        trace(network, (1, 6))
    assert "load its state_dict()" in (refusal.value.hint or "")


def test_an_input_that_nobody_states_is_asked_for() -> None:
    class Two(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            return image * mask

    with pytest.raises(ModelError, match="missing 1 required positional argument: 'mask'") as refusal:
        trace(Two(), (1, *IMAGE))
    assert "[model.inputs]" in (refusal.value.hint or "")


def test_16_bits_in_forward_are_named_where_they_show() -> None:
    def forward(m: Layers, x: Tensor) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return m.flat(x)

    with pytest.raises(ModelError, match="computes in 16 bits") as refusal:
        export_tflite(Layers(forward).eval(), torch.randn(8, 6))
    assert "training loop" in (refusal.value.hint or "") and "return m.flat(x)" in refusal.value.message


def test_what_parameters_and_buffers_decide_is_followed() -> None:
    class Decided(Layers):
        def __init__(self) -> None:
            super().__init__(lambda m, x: None)
            self.scale = nn.Parameter(torch.tensor(2.5))
            self.register_buffer("times", torch.tensor(2))
            self.register_buffer("kept", torch.arange(8) % 3 == 0)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x) * self.scale.item()
            for _ in range(int(self.times)):
                x = x.relu()
            if self.scale > 2:
                x = x + 1
            x[x > 4] = 4.0
            return self.head(functional.pad(x[:, self.kept].mean((2, 3)), (0, 5))).squeeze()

    torch.manual_seed(0)
    assert export_tflite(Decided().eval(), torch.randn(16, *IMAGE)).sqnr_db > 30


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv3d(4, 2, 1), (4, 3, 6, 6), "0 at layer 0: a convolution over 3 dimensions"),
        (nn.FractionalMaxPool2d(2, output_size=4), (4, 12, 12), "draws random numbers at layer 0, even in eval mode"),
        (nn.PairwiseDistance(), (4, 12), "fails on input 1x4x12 at layer 0: PairwiseDistance.forward() missing 1"),
    ],
)
def test_where_no_line_is_the_users_the_layer_is_named(layer: nn.Module, shape: tuple[int, ...], message: str) -> None:
    """forward() of a Sequential is torch's; what called it is none of the user's network."""
    with pytest.raises(EdgePruneError, match=re.escape(message)) as refused:
        trace(nn.Sequential(layer), (1, *shape))
    assert ".py" not in refused.value.message


def test_frozen_channels_of_layers_alone_name_the_layer() -> None:
    held = Network.of(
        nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)).eval(), (6, 8)
    ).groups.frozen
    assert held and {one.where for one in held} <= {"", "layer 0", "layer 0.norm1", "layer 0.norm2"}


def test_lines_of_the_standard_library_are_nobodys() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            with contextlib.closing(Closing(x)):
                return x * 2

    class Closing:
        def __init__(self, x: Tensor) -> None:
            self.close = partial(torch.bernoulli, x)

    with pytest.raises(ModelError, match=r"draws random numbers at test_refusals\.py:"):
        trace(Net(), (1, 4))


@pytest.mark.parametrize("layer", [nn.LazyLinear(3), nn.LazyConv2d(3, 3), nn.LazyBatchNorm2d()])
def test_a_lazy_layer_that_was_never_called(layer: nn.Module) -> None:
    with pytest.raises(ModelError, match="of lazy layers have no shape yet") as refused:
        trace(nn.Sequential(layer), (1, 4, 8, 8))
    assert "call the network once" in str(refused.value.hint)


def test_a_lazy_layer_that_was_called_is_one_like_any_other() -> None:
    net = nn.Sequential(nn.LazyConv2d(3, 3), nn.ReLU())
    net(torch.zeros(1, 4, 8, 8))
    assert trace(net.eval(), (1, 4, 8, 8)).graph.ops
