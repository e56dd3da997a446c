"""Networks of the field, written out so that tests and benchmarks need no model library.

Each is built from plain torch modules and takes NCHW images (or vectors), batch first.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def as_trained(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in eval mode with batch norms as training leaves them: no scale one, no shift or mean zero."""
    generator = torch.Generator().manual_seed(seed)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            count = child.num_features
            if child.affine:
                child.weight.data = torch.rand(count, generator=generator) + 0.5
                child.bias.data = torch.randn(count, generator=generator)
            child.running_mean = torch.randn(count, generator=generator) * 0.3
            child.running_var = torch.rand(count, generator=generator) + 0.5
    return module.eval()


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Convolution with symmetric padding, batch norm, ReLU6 unless `act` is False."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU6()) if act else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1x1 expansion, 3x3 depthwise, 1x1 projection, residual where shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [conv_bn(inputs, hidden, 1)]
        layers += [conv_bn(hidden, hidden, 3, stride, groups=hidden), conv_bn(hidden, outputs, 1, act=False)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    """Sandler et al. 2018, arXiv:1801.04381."""

    BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, classes: int = 1000, width: float = 1.0):
        super().__init__()
        channels = int(32 * width)
        layers: list[nn.Module] = [conv_bn(3, channels, 3, 2)]
        for expansion, outputs, repeats, stride in self.BLOCKS:
            for index in range(repeats):
                layers.append(InvertedResidual(channels, int(outputs * width), stride if index == 0 else 1, expansion))
                channels = int(outputs * width)
        last = max(int(1280 * width), 8)
        self.features = nn.Sequential(*layers, conv_bn(channels, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean([2, 3]))


class Bottleneck(nn.Module):
    """ResNet-50's block: 1x1, 3x3, 1x1 and a shortcut."""

    def __init__(self, inputs: int, hidden: int, stride: int):
        super().__init__()
        outputs = 4 * hidden
        self.conv1 = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.shortcut(x))


class ResNet50(nn.Module):
    """He et al. 2015, arXiv:1512.03385, with the stride in the 3x3 convolution."""

    def __init__(self, classes: int = 1000, width: int = 64):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        channels = width
        layers: list[nn.Module] = []
        for stage, repeats in enumerate((3, 4, 6, 3)):
            for index in range(repeats):
                layers.append(Bottleneck(channels, width << stage, 2 if stage and index == 0 else 1))
                channels = 4 * (width << stage)
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; the shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet8(nn.Module):
    """MLPerf Tiny's image classification network, (N, 3, 32, 32) -> (N, classes)."""

    def __init__(self, classes: int = 10, width: int = 16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.block1 = BasicBlock(width, width)
        self.block2 = BasicBlock(width, 2 * width, stride=2)
        self.block3 = BasicBlock(2 * width, 4 * width, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn(self.stem(x)))
        return self.fc(self.pool(self.block3(self.block2(self.block1(x)))).flatten(1))


class DsCnn(nn.Module):
    """MLPerf Tiny's keyword spotting network, (N, 1, 49, 10) -> (N, classes)."""

    def __init__(self, classes: int = 12, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = [
            nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, width, (10, 4), 2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        ]  # fmt: skip
        for _ in range(4):
            layers += [
                nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            layers += [nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))


class MobileNetV1(nn.Module):
    """MLPerf Tiny's visual wake words network at width 0.25, (N, 3, 96, 96) -> (N, classes)."""

    STAGES = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))

    def __init__(self, classes: int = 2, width: float = 0.25):
        super().__init__()
        channels = int(32 * width)
        layers = [conv_bn(3, channels, 3, 2)]
        for outputs, stride in self.STAGES:
            layers += [conv_bn(channels, channels, 3, stride, groups=channels)]
            layers += [conv_bn(channels, int(outputs * width), 1)]
            channels = int(outputs * width)
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))


class Autoencoder(nn.Module):
    """MLPerf Tiny's anomaly detection network, (N, inputs) -> (N, inputs)."""

    def __init__(self, inputs: int = 640, hidden: int = 128, code: int = 8):
        super().__init__()
        widths = (inputs, *(hidden,) * 4, code, *(hidden,) * 4)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, inputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class DenseLayer(nn.Module):
    """DenseNet's layer: batch norm, ReLU, 3x3 convolution, output appended to the input."""

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(torch.relu(self.norm(x)))], 1)


class DenseNet(nn.Module):
    """A small DenseNet (Huang et al. 2016, arXiv:1608.06993), (N, 3, 32, 32) -> (N, classes)."""

    def __init__(self, classes: int = 10, growth: int = 6, depth: int = 3):
        super().__init__()
        channels = 2 * growth
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1, bias=False)]
        for block in range(2):
            for _ in range(depth):
                layers.append(DenseLayer(channels, growth))
                channels += growth
            if block == 0:
                layers += [
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels // 2, 1, bias=False),
                    nn.AvgPool2d(2),
                ]
                channels //= 2
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU())
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al. 2017, arXiv:1709.01507)."""

    def __init__(self, channels: int, reduced: int):
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.relu(self.reduce(nn.functional.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.expand(scale))


class UNet(nn.Module):
    """A two-level U-Net with one transposed and one nearest upsampling, (N, 1, 16, 16) -> (N, 1, 16, 16)."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.down1 = conv_bn(1, width, 3)
        self.down2 = conv_bn(width, 2 * width, 3, stride=2)
        self.down3 = conv_bn(2 * width, 4 * width, 3, stride=2)
        self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.mid = conv_bn(4 * width, 2 * width, 3)
        self.up2 = nn.Upsample(scale_factor=2, mode="nearest")
        self.out = nn.Conv2d(3 * width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down1(x)
        b = self.down2(a)
        c = self.mid(torch.cat([self.up1(self.down3(b)), b], 1))
        return self.out(torch.cat([self.up2(c), a], 1))
