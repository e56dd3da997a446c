"""Networks the benchmarks measure: MLPerf Tiny's four by shape, and some with other ways through. Random weights."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeprune.model.load import load_module
from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.project.file import load_project
from edgeprune.train.data import load_data
from edgeprune.train.splits import Splits


def _conv(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, stride: int = 1, groups: int = 1) -> nn.Module:
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2, width // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (height, width), stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(_conv(inputs, inputs, 3, stride, inputs), _conv(inputs, outputs, 1))


def _head(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, 3, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.short = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.short(x))


class _Inverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int = 4):
        super().__init__()
        hidden = inputs * expansion
        self.body = nn.Sequential(
            _conv(inputs, hidden, 1), _conv(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.is_residual else self.body(x)


class _Inception(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        part = outputs // 4
        self.one = _conv(inputs, part, 1)
        self.three = nn.Sequential(_conv(inputs, part, 1), _conv(part, part, 3))
        self.five = nn.Sequential(_conv(inputs, part, 1), _conv(part, part, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, part, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def ds_cnn() -> nn.Module:
    return nn.Sequential(
        _conv(1, 64, (11, 5), 2), *(_separable(64, 64) for _ in range(4)), _head(64, 12)
    )  # fmt: skip


def resnet8() -> nn.Module:
    return nn.Sequential(
        _conv(3, 16), _Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2), _head(64, 10)
    )  # fmt: skip


def mobilenet_v1() -> nn.Module:
    plan = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2)]
    return nn.Sequential(_conv(3, 8, 3, 2), *(_separable(*layer) for layer in plan), _head(256, 2))


def mobilenet_v2() -> nn.Module:
    plan = [(8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 32, 1)]
    return nn.Sequential(_conv(3, 8, 3, 2), *(_Inverted(*layer) for layer in plan), _conv(32, 64, 1), _head(64, 10))


def imagenet_mobilenet_v2() -> nn.Module:
    """Sandler et al., "MobileNetV2", CVPR 2018, arXiv:1801.04381, table 2: for 224x224."""
    plan = [(16, 24, 2, 2), (24, 32, 3, 2), (32, 64, 4, 2), (64, 96, 3, 1), (96, 160, 3, 2), (160, 320, 1, 1)]
    layers = [_conv(3, 32, 3, 2), _Inverted(32, 16, 1, 1)]
    for inputs, outputs, count, stride in plan:
        layers += [
            _Inverted(inputs, outputs, stride, 6),
            *(_Inverted(outputs, outputs, 1, 6) for _ in range(count - 1)),
        ]
    return _with_statistics(nn.Sequential(*layers, _conv(320, 1280, 1), _head(1280, 1000)))


def autoencoder() -> nn.Module:
    sizes = [640, 128, 128, 128, 8, 128, 128, 128]
    layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(128, 640))


def inception() -> nn.Module:
    return nn.Sequential(
        _conv(3, 16, 3, 2), _Inception(16, 32), _Inception(32, 48), nn.MaxPool2d(2), _Inception(48, 64), _head(64, 10)
    )  # fmt: skip


def lenet() -> nn.Module:
    return nn.Sequential(
        _conv(1, 16, 5), nn.MaxPool2d(2), _conv(16, 32, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 64),
        nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


class _SqueezeExcite(nn.Module):
    """Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv:1905.02244: one block, hard-swish throughout."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm, self.act = nn.BatchNorm2d(channels), nn.Hardswish()
        self.squeeze, self.excite = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)
        self.point = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm(self.depthwise(x)))
        gate = self.excite(torch.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(y, 1))))
        return x + self.point(y * nn.functional.hardsigmoid(gate))


def squeeze_excite() -> nn.Module:
    """For 3x32x32."""
    stem = [nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()]
    layers = [*stem, _SqueezeExcite(16), _conv(16, 32, 3, 2), _SqueezeExcite(32), _head(32, 10)]
    return _with_statistics(nn.Sequential(*layers))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ds-cnn": (ds_cnn, (1, 1, 49, 10)),
    "resnet8": (resnet8, (1, 3, 32, 32)),
    "mobilenet-v1": (mobilenet_v1, (1, 3, 64, 64)),
    "mobilenet-v2": (mobilenet_v2, (1, 3, 48, 48)),
    "autoencoder": (autoencoder, (1, 640)),
    "inception": (inception, (1, 3, 32, 32)),
    "lenet": (lenet, (1, 1, 28, 28)),
}


SHARED = Path(__file__).resolve().parents[2] / "shared" / "networks"


def shared_nets() -> dict[str, tuple[int, ...]]:
    """Networks as people write them, with one input, by name: its shape; none without ../shared."""
    if not SHARED.is_dir():
        return {}
    listed = tomllib.loads((SHARED / "index.toml").read_text())
    plain = {name: entry["input"] for name, entry in listed.items() if isinstance(entry["input"][0], int)}
    return {name: (1, *shape) for name, shape in plain.items()}


def make_shared_net(name: str) -> nn.Module:
    """One of them, seeded, batch norms as training leaves them."""
    spec = importlib.util.spec_from_file_location(f"shared_{name}", SHARED / f"{name}.py")
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = source
    spec.loader.exec_module(source)
    torch.manual_seed(0)
    return with_plain_weights(_with_statistics(source.build()))


def shared_inputs(module: nn.Module, shape: tuple[int, ...], count: int) -> Tensor:
    """Random inputs (count, ...) float32: normal, or tokens for a network that begins with an embedding."""
    generator = torch.Generator().manual_seed(0)
    rows = next((layer.num_embeddings for layer in module.modules() if isinstance(layer, nn.Embedding)), None)
    if rows is not None and len(shape) == 2:
        return torch.randint(0, rows, (count, *shape[1:]), generator=generator).float()
    return torch.randn(count, *shape[1:], generator=generator)


def train_shared_net(name: str, cache: Path) -> tuple[nn.Module, Splits]:
    """One of them trained for a little on its task (`../shared/networks/make.py`), kept in `cache`, and its data."""
    folder = cache / name
    if not (folder / "done").is_file():
        sys.path.insert(0, str(SHARED))
        make = importlib.import_module("make")
        print(f"training {name}: {make.train(name, folder, make.write(name, folder)):.3f}", file=sys.stderr)
        (folder / "done").touch()
    project = load_project(folder / "edgeprune.toml")
    return load_module(project.model.entry, project.model.weights, project.root).eval(), load_data(project)


def make_net(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A seeded network in evaluation mode and the shape of one input, batch first."""
    build, shape = NETS[name]
    torch.manual_seed(0)
    return _with_statistics(build()), shape


def _with_statistics(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.affine and layer.running_var is not None:
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.uniform_(0.0, 0.3)
                layer.running_var.uniform_(0.5, 1.5)
    return module.eval()
