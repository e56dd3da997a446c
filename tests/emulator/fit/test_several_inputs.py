"""A network of two inputs and two outputs, by name from the data to the board."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import edgeprune
from edgeprune.budget import Optimize
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.tasks.samples import samples_for
from edgeprune.tasks.subject import Subject, open_subject

pytestmark = pytest.mark.slow


class Fusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.moves = nn.Sequential(nn.Conv1d(3, 16, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.around, self.kind, self.power = nn.Linear(4, 160), nn.Linear(176, 3), nn.Linear(176, 1)

    def forward(self, accel: Tensor, room: Tensor) -> dict[str, Tensor]:
        features = torch.cat([self.moves(accel), self.around(room).relu()], 1)
        return {"kind": self.kind(features), "power": self.power(features)}


def data(count: int = 200) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, count)
    room = (rng.normal(size=(count, 4)) + kind[:, None]).astype(np.float32)
    inputs = {"accel": rng.normal(size=(count, 3, 32)).astype(np.float32), "room": room}
    return inputs, {"kind": kind, "power": room.sum(1, keepdims=True)}


def loss(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    own = functional.cross_entropy(outputs["kind"], targets["kind"])
    return own + functional.mse_loss(outputs["power"], targets["power"])


def right(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    return 100 * (outputs["kind"].argmax(1) == targets["kind"]).float().mean()


def network() -> nn.Module:
    torch.manual_seed(0)
    return Fusion()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> edgeprune.Run:
    folder: Any = tmp_path_factory.mktemp("runs")
    return edgeprune.fit(
        network(), data(), target="cortex-m4", loss=loss, metric=right, max_drop=100, flash="14KiB", epochs=1, batch=16,
        runs=folder,
    )  # fmt: skip


def test_both_ends_keep_their_names_and_the_board_gives_the_same_bytes(run: edgeprune.Run) -> None:
    assert run.record.fits and run.record.verified_samples == 40
    assert run.record.widths["around"] < 160
    graph = read_tflite(run.tflite)
    assert [graph.tensors[index].shape for index in graph.inputs] == [(1, 32, 3), (1, 4)]
    assert [graph.tensors[index].shape for index in graph.outputs] == [(1, 3), (1, 1)]


def test_the_thinned_module_takes_its_inputs_as_before_and_is_loaded_again(run: edgeprune.Run) -> None:
    parts = {name: torch.from_numpy(part) for name, part in data(8)[0].items()}
    again = edgeprune.load(run.folder, network()).module
    for module in (run.module, again):
        with torch.no_grad():
            assert torch.equal(module(**parts)["kind"], run.module(parts["accel"], parts["room"])["kind"])


def test_the_runs_own_samples_are_replayed_input_by_input(run: edgeprune.Run, tmp_path: Any) -> None:
    subject = open_subject(run.folder, None, Optimize.BALANCED, tmp_path, "edgeprune verify")
    assert isinstance(subject, Subject)
    samples = samples_for(subject, 5, None)
    assert [one.shape for one in samples.inputs] == [(5, 32, 3), (5, 4)]
    with subject.replaying(None) as board:
        rows = list(board.outputs(samples.input_rows))
    assert all(np.array_equal(row, wanted) for row, wanted in zip(rows, samples.expected_rows, strict=True))
