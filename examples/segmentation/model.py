"""A U-Net of three levels."""

import torch
from torch import Tensor, nn


def double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    def __init__(self, classes: int = 3):
        super().__init__()
        self.down1, self.down2, self.middle = double(1, 16), double(16, 32), double(32, 48)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.up1 = nn.ConvTranspose2d(48, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)
        self.join2, self.join1 = double(64, 32), double(32, 16)
        self.head = nn.Conv2d(16, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, classes, H, W) logits."""
        first = self.down1(x)
        second = self.down2(self.pool(first))
        low = self.middle(self.pool(second))
        second = self.join2(torch.cat([self.up2(low), second], 1))
        return self.head(self.join1(torch.cat([self.up1(second), first], 1)))


def build() -> nn.Module:
    return UNet()
