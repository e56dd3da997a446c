"""What a fit hands to training: the teacher that deserves it, the rates, the bar; and what is not trained at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.budget import Budget, Footprint
from edgeprune.fitting import aware, loop, rounds, schedule, training, windows
from edgeprune.fitting.granularity import MaskSaving
from edgeprune.fitting.kept_weights import OwnValues, SharedValues
from edgeprune.fitting.rounds import _towards
from edgeprune.fitting.schedule import SCHEDULES
from edgeprune.fitting.training import settings_of, train
from edgeprune.prune.masks.clusters import LEVELS
from edgeprune.prune.masks.masking import Kernels
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.layers import plain_layers
from edgeprune.prune.widths.allocate import GroupChoice
from edgeprune.train.finetune import TrainStep
from tests.unit.fitting.small_job import SHAPE, Notes, job_in


class Bars(Notes):
    """How far each bar went, and the texts beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.total, self.texts = 0, list[str]()

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Any]:
        self.size = total
        yield self

    def advance(self, count: int = 1, text: str = "", loss: float | None = None) -> None:
        self.total += count
        self.texts.append(text)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4)).eval()


def right() -> nn.Module:
    """The labels of `job_in` are the largest of four projections: these."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4, bias=False))
    with torch.no_grad():
        module[1].weight.copy_(4 * torch.randn(64, 4, generator=torch.Generator().manual_seed(2)).T)
    return module.eval()


@pytest.mark.parametrize(("teacher", "is_used"), [(right(), True), (net(), False)])
def test_a_teacher_no_better_than_a_constant_teaches_nothing(
    teacher: nn.Module, is_used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Any] = []
    monkeypatch.setattr(training, "finetune", lambda *given: taught.append(given[4]))
    job = job_in(tmp_path)
    train(job, net(), settings_of(job, 1), teacher, "title", tmp_path)
    assert taught == [teacher if is_used else None]
    notes = " ".join(job.progress.notes)  # type: ignore[attr-defined]
    assert ("no better than a constant output" in notes) != is_used


def test_the_bar_ends_where_training_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps(*given: Any) -> None:
        show = given[5].on_step
        for step in range(1, 8):
            show(TrainStep(1, step, 7, 0.5, 1.0, 91.25 if step > 4 else None))

    monkeypatch.setattr(training, "finetune", steps)
    bars = Bars()
    train(
        replace(job_in(tmp_path), progress=bars), net(), settings_of(job_in(tmp_path / "b"), 1), right(), "t", tmp_path
    )
    assert bars.total == bars.size == 1000
    assert bars.texts[0] == "loss 0.500" and bars.texts[-1] == "loss 0.500, accuracy 91.25"


def test_training_on_the_grid_is_slow_and_plain(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    settings = aware._settings(job, 3)
    assert (settings.optimizer, settings.similarity, settings.epochs) == ("sgd", 0.0, 3)
    assert job.project.training.lr is None and settings.lr == pytest.approx(0.005)
    faster = job.project.model_copy(update={"training": job.project.training.model_copy(update={"lr": 0.2})})
    assert aware._settings(replace(job, project=faster), 3).lr == pytest.approx(0.02)


def test_a_window_is_trained_from_the_first_rate_to_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    gradients: list[bool] = []
    adam = torch.optim.Adam

    class Adam(adam):  # type: ignore[misc, valid-type]
        def step(self, closure: Any = None) -> Any:
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

        def zero_grad(self, set_to_none: bool = True) -> None:
            super().zero_grad(set_to_none)
            gradients.append(any(value.grad is not None for value in self.param_groups[0]["params"]))

    monkeypatch.setattr(torch.optim, "Adam", Adam)
    original, module = Network.of(net(), SHAPE), net()
    with torch.no_grad():
        module[1].weight += 0.1
    held: list[int] = []
    keep = {group.name: range(group.size) for group in original.groups.groups}
    split = job_in(tmp_path).splits.train
    losses = windows.train_window(["1", "3"], module, original, keep, split, 20, lambda: held.append(1))
    assert rates[0] == pytest.approx(1e-3) and rates[10] == pytest.approx(5e-4) and 0 < rates[-1] < 1e-5
    assert len(losses) == len(held) == 20 and losses[-1] < losses[0] and gradients == [False] * 20


def test_a_step_may_go_to_one_unit_and_not_below(tmp_path: Path) -> None:
    network = Network.of(net(), SHAPE)
    ((name, size),) = network.widths.items()
    assert [_towards(network, {name: 1}, part)[name] for part in (0.0, 0.5, 1.0)] == [size, 3, 1]


def test_no_schedule_but_rewinding_needs_weights_of_early_training() -> None:
    assert [name for name in SCHEDULES.all() if SCHEDULES.find(name).needs_early] == ["rewind"]


def test_made_up_weights_are_as_many_as_levels_and_in_the_middle_of_each() -> None:
    values = np.arange(-128, 128).astype(np.int8)
    shared = SharedValues().synthetic(values)
    assert len(set(shared.tolist())) == LEVELS and np.abs(shared - values.astype(int)).max() <= 128 // LEVELS
    assert OwnValues().synthetic(values) is values and not OwnValues().compress_unmasked(())


def test_what_leaves_a_window_counts_where_it_stays(tmp_path: Path) -> None:
    """Of a layer whose channels no group has, the network's outputs, all of it."""
    original = Network.of(net(), SHAPE)
    layers = {layer.op.name: layer for layer in plain_layers(original.module, original.traced)}
    (group,) = original.groups.groups
    for name, kept, wanted in (("1", [1, 6], [1, 6]), ("3", [1, 6], [0, 1, 2, 3])):
        _, chosen = windows._staying(layers[name], original, {group.name: kept})
        assert chosen.tolist() == wanted  # type: ignore[union-attr]


def test_the_one_output_of_a_network_counts_at_the_end_of_a_window() -> None:
    one = Network.of(nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 1)), SHAPE)
    layers = {layer.op.name: layer for layer in plain_layers(one.module, one.traced)}
    (group,) = one.groups.groups
    _, chosen = windows._staying(layers["3"], one, {group.name: [1, 6]})
    assert chosen.tolist() == [0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("flash_bytes", "unmasked_bytes", "words"),
    [(900, 1_000, "100 B saved"), (999, 1_000, "1 B saved"), (1_000, 1_000, "nothing is saved")],
)
def test_what_masks_saved_is_of_the_image_itself(
    flash_bytes: int, unmasked_bytes: int, words: str, tmp_path: Path
) -> None:
    job = job_in(tmp_path)
    footprint = Footprint({"weights": flash_bytes}, {"arena": 10}, "", 1)
    saving = MaskSaving(0.5, footprint, unmasked_bytes)
    candidate: Any = SimpleNamespace(footprint=footprint)
    record = loop._saved(job, "weights", candidate, saving)
    assert (record.saved_bytes, record.unmasked_flash_bytes) == (unmasked_bytes - flash_bytes, unmasked_bytes)
    notes = job.progress.notes  # type: ignore[attr-defined]
    assert notes[-1].endswith(words) and notes[-1].startswith("weights: 50.0% of the weights stay")


def test_unmasked_layers_are_compressed_where_all_of_them_lie_on_levels() -> None:
    few, many = torch.randn(4, 2, 2, 2).sign(), torch.randn(4, 64)
    layers = [Kernels(str(index), "", one, 0) for index, one in enumerate((few, many))]
    assert SharedValues().compress_unmasked(layers[:1]) and not SharedValues().compress_unmasked(layers)


def test_a_schedule_trains_where_there_are_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(schedule, "train", lambda job, module, settings, *rest: asked.append(settings.epochs))
    thinning = schedule.Thinning(job_in(tmp_path), Network.of(net(), SHAPE), {}, "a, b c")
    module = net()
    assert thinning.trained(module, 0) is module and asked == []
    assert thinning.trained(module, 3) is module and asked == [3]
    assert thinning.folder.name == "a-b-c"


def test_widths_are_sized_by_links_until_they_stay_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each link corrects the costs; five at most, and of what they gave the one within the limits."""
    network, curves = Network.of(net(), SHAPE), list[int]()
    (group,) = network.groups.groups

    def measured(module: Any, groups: Any, ranking: Any, multiple: int, probe: Any, *_: Any, **_more: Any) -> Any:
        curves.append(len(probe.samples))
        return [GroupChoice(group.name, tuple(range(1, 9)), (0.0,) * 8)]

    class Cost:
        def __init__(self, links: int) -> None:
            self.links = links

        def corrected(self, widths: Any) -> Cost:
            return Cost(self.links + 1)

        def footprint(self, widths: Any) -> Footprint:
            return Footprint({"all": 50 if self.links == 3 else 500}, {"arena": 1}, "", 1)

    tries = iter(range(8, 0, -1))
    allocated = lambda *given: SimpleNamespace(widths={group.name: next(tries)}, damage=1.0)  # noqa: E731
    monkeypatch.setattr(rounds, "measure_damage_curves", measured)
    monkeypatch.setattr(rounds, "allocate", allocated)
    cost: Any = Cost(0)
    widths, corrected = rounds.allocate_widths(job_in(tmp_path), network, cost, Budget(100, 100), "round 1")
    assert next(tries) == 3 and widths == {group.name: 6} and corrected.links == 3  # type: ignore[attr-defined]
    assert curves == [256]
