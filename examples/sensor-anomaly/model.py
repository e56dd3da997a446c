"""An autoencoder of dense layers: what it cannot give back is odd."""

from torch import nn


def build() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 6), nn.ReLU(), nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 64)
    )
