"""A residual network for 32x32 grey images: 0.4 M parameters, 13 M multiply-accumulates.

Widest where the image is largest (64 channels of 32x32 inside `expand`), heaviest where it is smallest: memory is bound
at the front, flash at the back.
"""

from torch import Tensor, nn


class Expand(nn.Module):
    """Inverted residual: widen by 1x1, filter each channel by 3x3, narrow by 1x1, add (arXiv:1801.04381)."""

    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.widen = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.filter = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.widen(x)))
        y = self.relu(self.bn2(self.filter(y)))
        return x + self.bn3(self.narrow(y))


class Residual(nn.Module):
    """Two 3x3 convolutions; the shortcut is a 1x1 convolution where the shape changes (arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class DigitsNet(nn.Module):
    """Input (N, 1, 32, 32), ink 0..1; output (N, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.expand = Expand(16, 64)
        self.block1 = Residual(16, 24, 2)
        self.block2 = Residual(24, 48, 2)
        self.block3 = Residual(48, 104, 2)
        self.block4 = Residual(104, 104, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(104, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.expand(self.relu(self.bn(self.stem(x))))
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.fc(self.pool(x).flatten(1))


def build() -> nn.Module:
    return DigitsNet()
