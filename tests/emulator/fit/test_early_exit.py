"""A fit with an early exit: the board leaves where the host does, with its bytes, and takes less time on the mean."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import nn

import edgeprune
from edgeprune.fitting.record import RunRecord
from edgeprune.hardware.registry import load_target
from tests.command_line import run_edgeprune

BOARD_SAMPLES = 100


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """Scikit-learn's digits, on a network most of whose work lies behind its first layer."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, 2, padding=1), nn.BatchNorm2d(3), nn.ReLU(),
        nn.Conv2d(3, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.Flatten(), nn.Linear(768, 10),
    )  # fmt: skip
    inputs, labels = load_digits(return_X_y=True)
    inputs = (inputs / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(torch.from_numpy(inputs[:1000])), torch.from_numpy(labels[:1000])).backward()
        optimizer.step()
    data = {
        "train": (inputs[:1000], labels[:1000]),
        "validation": (inputs[1000:1300], labels[1000:1300]),
        "test": (inputs[1300:], labels[1300:]),
    }
    runs = tmp_path_factory.mktemp("runs")
    return edgeprune.fit(net, data, target="cortex-m4", epochs=0, runs=runs, early_exit=0.5).record


def command(*words: str) -> dict[str, object]:
    done = run_edgeprune(*words, "--json", cwd=Path())
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_mean_input_is_quicker_and_the_worst_is_judged(fitted: RunRecord) -> None:
    leaving = fitted.early_exit
    assert leaving is not None and fitted.verified_samples == BOARD_SAMPLES  # each with the host's bytes
    ticks = leaving.on_board
    assert ticks.inputs == BOARD_SAMPLES and 0.1 < ticks.share < 1
    assert ticks.least < ticks.mean < 0.9 * ticks.without < ticks.without < ticks.most
    assert fitted.total_ticks == ticks.most
    counted_us = ticks.most * 1e6 / load_target("cortex-m4").cpu.clock_hz
    assert counted_us < fitted.after.latency_us < 2 * counted_us  # cycles of the longest; no core takes less than one
    assert fitted.after.latency_us == pytest.approx(fitted.predicted.latency_us, rel=0.1)
    mean = ticks.share * ticks.least + (1 - ticks.share) * ticks.most
    assert ticks.mean == pytest.approx(mean, rel=0.01)  # two kinds of inputs, nothing between


def test_what_it_loses_is_what_validation_allowed(fitted: RunRecord) -> None:
    leaving = fitted.early_exit
    assert leaving is not None and leaving.validation_drop_points <= leaving.allowed_points == 0.5
    assert leaving.int8_without - fitted.accuracy.int8 < 4  # 497 test samples judge what 300 decided
    assert leaving.test_share == pytest.approx(leaving.validation_share, abs=0.15)


def test_predicted_with_the_exit_in_it(fitted: RunRecord) -> None:
    assert {"early_exit.pool", "early_exit.fc", "early_exit"} <= {layer.name for layer in fitted.layers}
    assert fitted.predicted.ram_parts["arena"] == fitted.arena_bytes
    assert fitted.predicted.macs == fitted.macs
    assert abs(fitted.predicted.flash_bytes / fitted.flash_bytes - 1) < 0.01


def test_the_run_is_verified_and_profiled_again(fitted: RunRecord) -> None:
    assert command("verify", fitted.run)["verified_samples"] == BOARD_SAMPLES
    profile = command("profile", fitted.run)
    assert fitted.early_exit is not None
    assert profile["early_exit"] == fitted.early_exit.on_board.__dict__
    assert profile["total_instructions"] == fitted.total_ticks
    head = load_file(Path(fitted.run) / fitted.artifacts["early_exit"])
    assert set(head) == {"fc.weight", "fc.bias"}
