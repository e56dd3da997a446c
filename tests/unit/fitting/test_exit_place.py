"""Where an early exit is refused, before anything is built or trained."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

import edgeprune
from edgeprune.errors import EdgePruneError, ModelError, UsageError


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(x + self.norm(self.conv(x)))


class Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


def network(classes: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Block(), Block(), nn.Flatten(), nn.Linear(256, classes))


def refused(module: nn.Module, folder: Path, targets: np.ndarray | None = None, **options: Any) -> EdgePruneError:
    inputs = np.random.default_rng(0).normal(size=(40, 1, 8, 8)).astype(np.float32)
    labels = np.arange(40) % 3 if targets is None else targets
    with pytest.raises(EdgePruneError) as error:
        edgeprune.fit(module, {"train": (inputs, labels)}, target="cortex-m4", runs=folder, early_exit=0.5, **options)
    assert error.value.hint
    return error.value


def test_numbers_are_no_classes(tmp_path: Path) -> None:
    error = refused(network(1), tmp_path, np.linspace(0, 1, 40, dtype=np.float32)[:, None], loss="mse", metric="mse")
    assert isinstance(error, UsageError) and "targets are real values" in error.message


def test_one_output_is_no_choice(tmp_path: Path) -> None:
    error = refused(network(1), tmp_path, np.arange(40) % 2, loss="bce")
    assert isinstance(error, ModelError) and "(1, 1)" in error.message


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("1.conv", "separate layers"),  # its batch norm is folded into it
        ("1.norm", "reads 2 activations"),  # the shortcut passes by
        ("7", "no layer '7'"),
    ],
)
def test_places_inside_a_block(after: str, reason: str, tmp_path: Path) -> None:
    assert reason in refused(network(), tmp_path, exit_after=after).message


def test_a_network_without_an_inside(tmp_path: Path) -> None:
    error = refused(Bare(), tmp_path)
    assert isinstance(error, ModelError) and "nowhere to leave" in error.message


def test_masked_weights_have_no_exit(tmp_path: Path) -> None:
    error = refused(network(), tmp_path, granularity="kernels")
    assert isinstance(error, UsageError) and "without an early exit" in error.message
