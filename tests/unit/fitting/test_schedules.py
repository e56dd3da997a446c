"""Schedules of `compare`: which weights a thinned network gets, and what is trained when."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.fitting.schedule import SCHEDULES, Thinning
from edgeprune.fitting.schedules import masked as masked_schedule
from edgeprune.fitting.schedules import window as window_schedule
from edgeprune.fitting.schedules.masked import Choice
from edgeprune.fitting.schedules.scratch import reinitialize
from edgeprune.fitting.training import settings_of
from edgeprune.fitting.windows import ends_of, train_window, windows
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.layers import plain_layers
from edgeprune.prune.surgery.thin import widths_of
from edgeprune.train.finetune import TrainResult
from edgeprune.train.splits import make_splits
from tests import nets
from tests.unit.fitting.small_job import SHAPE, job_in

MODEL = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 4)
    )
"""
WIDTHS = {"0": 4, "3": 3}


def net() -> nn.Module:
    names: dict[str, object] = {}
    exec(MODEL, names)
    return names["build"]().eval()  # type: ignore[operator]


def thinning_in(folder: Path, epochs: int, early: Path | None = None) -> Thinning:
    (folder / "model.py").write_text(MODEL)
    job = job_in(folder, "model.py:build", epochs=epochs)
    return Thinning(job, Network.of(net(), SHAPE), WIDTHS, "stage", early)


@pytest.mark.parametrize("name", [name for name in SCHEDULES.all() if name != "rewind"])
def test_every_schedule_ends_at_the_widths_and_leaves_the_original(name: str, tmp_path: Path) -> None:
    thinning = thinning_in(tmp_path, epochs=3)
    module = SCHEDULES.find(name).run(thinning)
    assert widths_of(module.state_dict(), thinning.original.groups) == WIDTHS
    assert all(
        torch.equal(value, net().state_dict()[key]) for key, value in thinning.original.module.state_dict().items()
    )
    assert module(torch.rand(2, *SHAPE)).shape == (2, 4)


def test_an_unknown_schedule_is_reported_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no schedule is called 'maskd'") as problem:
        SCHEDULES.find("maskd")
    assert "masked" in str(problem.value.hint)


def test_rewinding_keeps_the_trained_networks_channels_with_the_early_weights(tmp_path: Path) -> None:
    early = net()
    with torch.no_grad():
        early.get_parameter("0.weight").copy_(torch.arange(72.0).reshape(8, 1, 3, 3))
    torch.save(early.state_dict(), tmp_path / "early.pt")
    thinning = thinning_in(tmp_path, epochs=0, early=tmp_path / "early.pt")
    largest = thinning.original.module.get_parameter("0.weight").flatten(1).norm(dim=1).argsort()[-4:].sort().values
    module = SCHEDULES.find("rewind").run(thinning)
    assert torch.equal(module.get_parameter("0.weight"), early.get_parameter("0.weight")[largest])


def test_what_cannot_be_drawn_anew_is_refused() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.scale = nn.Parameter(torch.ones(2, 1, 1))

    module = net()
    before = copy.deepcopy(module.state_dict())
    reinitialize(module)
    assert not any(torch.equal(value, before[name]) for name, value in module.named_parameters() if value.dim() > 1)
    with pytest.raises(ModelError, match=r"'scale' cannot be reinitialized: Own has no reset_parameters\(\)"):
        reinitialize(Own())


def test_a_filter_comes_back_after_an_epoch_and_not_in_the_last(tmp_path: Path) -> None:
    thinning = thinning_in(tmp_path, epochs=2)
    module = copy.deepcopy(thinning.original.module)
    choice = Choice(thinning, module, epochs=2)
    weights, first = module.get_parameter("0.weight"), choice.at_end_of(0)["0"]
    gone = [unit for unit in range(8) if unit not in first]
    assert len(gone) == 4 and weights[gone].abs().max() == 0 < weights[first].abs().min()
    for _ in range(len(thinning.job.splits.train) // 64):
        with torch.no_grad():
            weights[gone[0]] = 9.0  # as training might
        choice.after_step()
        assert weights[gone[0]].min() == 9
    second = choice.at_end_of(1)["0"]
    assert gone[0] in second and len(second) == 4 and weights[[u for u in range(8) if u not in second]].abs().max() == 0
    with torch.no_grad():
        weights[gone[1]] = 99.0
    choice.after_step()
    assert weights[gone[1]].abs().max() == 0 and choice.at_end_of(2)["0"] == second
    assert choice.at_end_of(0)["0"] == first  # where no epoch was better than none


def test_filters_are_chosen_once_an_epoch_and_held_in_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three epochs: chosen before the first, behind it and behind the second; then the same is zeroed at every step."""
    masked_at: list[tuple[int, bool]] = []
    step = 0

    def noted(module: nn.Module, groups: Any, keep: dict[str, list[int]], *rest: Any) -> None:
        masked_at.append((step, bool(rest)))

    monkeypatch.setattr(masked_schedule, "soft_mask", noted)
    thinning = thinning_in(tmp_path, epochs=3)
    choice = Choice(thinning, copy.deepcopy(thinning.original.module), epochs=3)
    each = settings_of(thinning.job, 3).steps_per_epoch(len(thinning.job.splits.train))
    for step in range(1, 3 * each + 1):  # noqa: B007 (read by `noted`)
        choice.after_step()
    chosen = [at for at, is_choice in masked_at if is_choice]
    held = [at for at, is_choice in masked_at if not is_choice]
    assert chosen == [0, each, 2 * each] and held == list(range(2 * each + 1, 3 * each + 1))


def test_removing_what_was_masked_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thinning, seen = thinning_in(tmp_path, epochs=1), []
    module = copy.deepcopy(thinning.original.module)
    keep = Choice(thinning, module, epochs=1).at_end_of(0)
    x = torch.rand(3, *SHAPE)

    def untrained(_job: object, trained: nn.Module, *rest: Any) -> TrainResult:
        rest[-1]()  # a step of the last epoch
        seen.append(trained(x))
        return TrainResult((), 1, 0.0)

    monkeypatch.setattr(masked_schedule, "train", untrained)
    assert torch.allclose(SCHEDULES.find("masked").run(thinning)(x), seen[0], atol=1e-5)
    assert not torch.allclose(thinning.original.module(x), seen[0], atol=1e-2) and len(keep["0"]) == 4


def test_units_go_where_a_window_begins_and_at_the_end_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinning, seen = thinning_in(tmp_path, epochs=3), []
    layers = [layer.op.name for layer in plain_layers(thinning.original.module, thinning.original.traced)]
    chosen = thinning.best(thinning.original.module)

    def noted(span: Any, module: nn.Module, _original: object, keep: Any, *_rest: Any) -> None:
        zeroed = [name for name in chosen if not module.get_parameter(f"{name}.weight").flatten(1).any(1).all()]
        seen.append((span, dict(keep), zeroed))

    monkeypatch.setattr(window_schedule, "windows", lambda names: [(name,) for name in names])
    monkeypatch.setattr(window_schedule, "train_window", noted)
    SCHEDULES.find("window").run(thinning)
    assert [span for span, _, _ in seen] == [(name,) for name in layers]
    for number, (_, keep, zeroed) in enumerate(seen, 1):
        met = {name: chosen[name] for name in layers[:number] if name in chosen}
        assert keep == met and set(zeroed) == set(met)


def test_windows_overlap_by_all_but_one_layer() -> None:
    assert windows(list("abcde")) == [("a", "b", "c"), ("b", "c", "d"), ("c", "d", "e")]
    assert windows(list("ab")) == [("a", "b")] and windows([]) == []


def test_a_window_over_branches_ends_in_each() -> None:
    network = Network.of(nets.BasicBlock(4, 8, 2).eval(), (4, 8, 8))
    assert ends_of(("conv1", "conv2", "shortcut"), network) == ["conv2", "shortcut"]
    assert ends_of(("conv1", "conv2"), network) == ["conv2"]
    split = make_splits({"train": (torch.rand(64, 4, 8, 8), torch.zeros(64, dtype=torch.long))}, (4, 8, 8)).train
    student = copy.deepcopy(network.module)
    with torch.no_grad():
        student.get_parameter("shortcut.bias").add_(1.0)
    losses = train_window(("conv1", "conv2", "shortcut"), student, network, {}, split, 100, lambda: None)
    assert losses[-1] < 0.9 * losses[0]


def test_a_window_learns_its_outputs_again_without_a_masked_channel() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(2, 2)]
    module = nn.Sequential(*layers).eval()  # its window's end has two numbers: two channels in front of it suffice
    original = Network.of(module, (4,))
    inputs = torch.randn(512, 4)
    split = make_splits({"train": (inputs, torch.zeros(512, dtype=torch.long))}, (4,)).train
    student, keep = copy.deepcopy(module), {"0": [1, 3]}

    def hold() -> None:
        with torch.no_grad():
            student.get_parameter("0.weight")[[0, 2]] = 0
            student.get_parameter("0.bias")[[0, 2]] = 0

    hold()
    losses = train_window(("0", "1", "2"), student, original, keep, split, 1500, hold)
    assert losses[0] > 0.05 and losses[-1] < 0.02 * losses[0]
    assert torch.equal(student.get_parameter("3.weight"), module.get_parameter("3.weight"))
    assert student.get_parameter("0.weight")[[0, 2]].abs().max() == 0
