"""A whole fit on a device that is no firmware: the loop asks of it what `deploy/protocol.py` names, nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgeprune.budget import Budget, Footprint, Optimize
from edgeprune.cli.main import main
from edgeprune.errors import DataError, DoesNotFit, ModelError
from edgeprune.fitting import rounds
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.loop import run_fit
from edgeprune.fitting.record import load_record, save_record
from edgeprune.fitting.schedule import SCHEDULES, Thinning
from edgeprune.prune.network import Network
from edgeprune.train.metrics import METRICS
from tests.unit.fitting.memory_deployment import HEADER_BYTES, MemoryCost, MemoryDeployment
from tests.unit.fitting.small_job import SHAPE, job_in

CHANNELS = GRANULARITIES.find("channels")


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip


def limits(share: float) -> Budget:
    """This share of the file that the whole network takes, and all of its memory."""
    network = Network.of(net(), SHAPE)
    whole = MemoryCost(network).footprint(network.widths)
    return Budget(int(share * whole.flash_bytes), whole.ram_bytes)


def test_a_network_is_thinned_and_proved(tmp_path: Path) -> None:
    device = MemoryDeployment(limits(0.6))
    record = run_fit(job_in(tmp_path, deployment=device, epochs=1, board_samples=20), CHANNELS, net())
    assert record.fits and record.flash_bytes <= device.limits.flash_bytes < record.before.flash_bytes
    assert record.after.flash_parts["header"] == HEADER_BYTES
    assert record.verified_samples == 20 and (record.source, record.board) == ("device", "this process")
    assert (record.ticks, record.total_ticks) == ("MACs", record.macs)
    assert record.arena_bytes is None and record.stack_bytes is None
    assert (Path(record.run) / record.artifacts["pickle"]).is_file()
    assert load_record(Path(record.run)) == record


@pytest.mark.parametrize("name", [name for name in SCHEDULES.all() if name != "rewind"])
def test_a_fit_goes_the_way_of_a_schedule(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    schedule = SCHEDULES.find(name)

    def run(thinning: Thinning) -> nn.Module:
        asked.append((name, thinning.job.options.epochs))
        return schedule.run(thinning)

    monkeypatch.setitem(SCHEDULES._entries, name, replace(schedule, run=run))
    device = MemoryDeployment(limits(0.6))
    record = run_fit(job_in(tmp_path, deployment=device, epochs=2, schedule=name), CHANNELS, net())
    assert asked == [(name, 1)]  # the other epoch is for rounds that take away the header
    assert record.fits and record.steps[0].epochs == 1 and record.widths != record.widths_before
    assert Network.of(net(), SHAPE).load_thinned(Path(record.run), SHAPE).widths == record.widths


def test_what_a_candidate_shows_tightens_the_next_round(tmp_path: Path) -> None:
    """No prediction knows the header: the first round's file is over the limit by it."""
    device = MemoryDeployment(limits(0.6))
    run_fit(job_in(tmp_path, deployment=device, epochs=1), CHANNELS, net())
    assert device.stages == ["round 1", "round 2"]


def test_the_first_round_trains_all_but_one_epoch_and_the_second_that_one(tmp_path: Path) -> None:
    record = run_fit(job_in(tmp_path, deployment=MemoryDeployment(limits(0.6)), epochs=3), CHANNELS, net())
    assert [step.epochs for step in record.steps] == [2, 1]
    assert [len(step.training) for step in record.steps] == [2, 1]
    assert record.answers is not None and record.seed == 0 and "torch" in record.versions
    first, second = record.steps
    assert all(second.widths[name] <= width for name, width in first.widths.items()) and first.widths != second.widths


def test_masks_are_left_away_where_zeros_save_nothing(tmp_path: Path) -> None:
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(0.6)), epochs=1)
    record = run_fit(job, GRANULARITIES.find("weights"), net())
    assert record.fits and record.masks is None and record.widths != record.widths_before


def test_a_network_that_cannot_be_exported_is_refused_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    monkeypatch.setattr(rounds, "train", lambda *given: trained.append("trained"))
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(0.6), refusal="no way to export it"), epochs=1)
    with pytest.raises(ModelError, match="no way to export it"):
        run_fit(job, CHANNELS, net())
    assert trained == []


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_metric_that_is_no_number_on_a_split_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The area under a curve of samples that are all of one class."""
    trained: list[str] = []
    monkeypatch.setattr(rounds, "train", lambda *given: trained.append("trained"))
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(0.6)), epochs=1)
    split = getattr(job.splits, part)
    alike = replace(split, targets=torch.zeros_like(split.targets))
    splits = replace(job.splits, **{part: alike})
    if part == "test":  # one that differs: samples that are all the same are refused for that
        splits.test.targets[0] = 1
    objective = replace(job.objective, metric=replace(METRICS["auc"], score=_area_over_the_last))
    with pytest.raises(DataError, match="the metric 'auc' gives nan"):
        run_fit(replace(job, splits=splits, objective=objective), CHANNELS, net())
    assert trained == []


def _area_over_the_last(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return METRICS["auc"].score(outputs[1:], targets[1:])


def test_a_limit_out_of_reach_is_named(tmp_path: Path) -> None:
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(0.01)), epochs=1)
    with pytest.raises(DoesNotFit, match="smallest reachable"):
        run_fit(job, CHANNELS, net())


def test_the_next_budget_is_smaller_by_what_was_over() -> None:
    """RAM stays, for it is exact once measured; latency shrinks by the share it was over."""
    limits, budget = Budget(10_000, 4_000, latency_us=500.0), Budget(9_000, 4_000, latency_us=450.0)
    over = Footprint({"all": 10_300}, {"all": 4_500}, "", 0, latency_us=600.0)
    assert rounds.tightened(budget, over, limits) == Budget(8_700, 4_000, latency_us=375.0)
    within = Footprint({"all": 9_999}, {"all": 3_000}, "", 0, latency_us=400.0)
    assert rounds.tightened(budget, within, limits) == budget
    untimed = Budget(9_000, 4_000)
    assert rounds.tightened(untimed, over, Budget(10_000, 4_000)) == Budget(8_700, 4_000)


@pytest.mark.parametrize("left_bytes", [300, 299])
def test_a_limit_that_leaves_nothing_to_the_next_round_ends_the_fit(left_bytes: int) -> None:
    over = Footprint({"all": 10_300}, {"all": 1}, "", 0)
    with pytest.raises(DoesNotFit, match="over its limit by 300 B") as ended:
        rounds.tightened(Budget(left_bytes, 1), over, Budget(10_000, 1))
    assert "larger target" in str(ended.value.hint)
    assert rounds.tightened(Budget(301, 1), over, Budget(10_000, 1)) == Budget(1, 1)


def test_a_limit_that_was_tightened_is_not_called_the_limit(tmp_path: Path) -> None:
    network = Network.of(right_net(), SHAPE)
    limits = Budget(2 * HEADER_BYTES, MemoryCost(network).footprint(network.widths).ram_bytes)
    words = "flash at 1.* of the limit; with limits lower by what it was over"
    with pytest.raises(DoesNotFit, match=words) as refused:
        run_fit(job_in(tmp_path, deployment=MemoryDeployment(limits), epochs=0), CHANNELS, right_net())
    assert "--flash" in str(refused.value.hint)


def test_what_a_granularity_takes_out_goes_once_before_any_channel(tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, int]]] = []

    def shrink(job: object, network: Network, cost: object, budget: object, stage: str) -> Network:
        asked.append((stage, network.widths))
        return network

    device = MemoryDeployment(limits(0.6))
    run_fit(job_in(tmp_path, deployment=device, epochs=0), replace(CHANNELS, shrink=shrink), net())
    assert device.stages == ["round 1", "round 2"]
    assert asked == [("round 1", Network.of(net(), SHAPE).widths)]


@pytest.mark.parametrize(
    ("options", "faster"), [({}, (0,)), ({"optimize": Optimize.BALANCED}, ()), ({"ram_first": True}, ())]
)
def test_flash_left_over_is_spent_where_nobody_said_what_kernels(
    options: dict[str, Any], faster: tuple[int, ...], tmp_path: Path
) -> None:
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(2.0)), epochs=0, **options)
    assert run_fit(job, CHANNELS, net()).faster == faster
    job.workspace.close()


def right_net() -> nn.Module:
    """All right on the samples of `job_in`, through eight of 32 units that it cannot do without."""
    torch.manual_seed(0)
    first, last = nn.Linear(64, 32, bias=False), nn.Linear(32, 4, bias=False)
    with torch.no_grad():
        classes = torch.randn(64, 4, generator=torch.Generator().manual_seed(2)).T
        first.weight[:4], first.weight[4:8] = classes, classes
        first.weight[:4, 32:] = first.weight[4:8, :32] = 0
        last.weight.zero_()
        last.weight[:, :4] = last.weight[:, 4:8] = torch.eye(4)
    return nn.Sequential(nn.Flatten(), first, last)


@pytest.mark.parametrize(("max_drop_points", "exit_code"), [(5.0, 3), (100.0, 0)])
def test_no_more_is_lost_than_may_be(
    tmp_path: Path, max_drop_points: float, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is small enough in both cases, with half of those units gone."""
    network = Network.of(right_net(), SHAPE)
    whole = MemoryCost(network).footprint(network.widths)
    limits = Budget(3 * HEADER_BYTES, whole.ram_bytes, max_drop_points=max_drop_points)
    job = job_in(tmp_path, deployment=MemoryDeployment(limits), epochs=0, board_samples=20)
    record = run_fit(job, CHANNELS, right_net())
    job.workspace.close()
    assert record.accuracy.float_before == 100 and 5 < record.drop_points < 100
    assert record.flash_bytes <= record.flash_limit_bytes and record.fits == (exit_code == 0)
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--resume", record.run])
    assert ended.value.code == exit_code
    error = capsys.readouterr().err
    assert ("points of accuracy were lost" in error and "; the limit is 5" in error) == (exit_code == 3)
    assert "in percent of" not in error
    save_record(record.model_copy(update={"counted_error": 0.0204, "fits": False}), Path(record.run))
    with pytest.raises(SystemExit):
        main(["fit", "--resume", record.run])
    assert "as int8, in percent of 0.0204)" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("epochs", "steps"), [(0, 1), (0, 3), (1, 3), (2, 2)])
def test_no_more_epochs_are_trained_than_were_asked_for(tmp_path: Path, epochs: int, steps: int) -> None:
    job = job_in(tmp_path, deployment=MemoryDeployment(limits(0.6)), epochs=epochs, steps=steps)
    record = run_fit(job, CHANNELS, net())
    job.workspace.close()
    assert record.steps
    trained = [len(step.training) for step in record.steps]
    assert trained == [step.epochs for step in record.steps]
    assert sum(trained) <= epochs


@pytest.mark.parametrize(
    ("max_drop_points", "words"), [(5.0, "points of accuracy were lost"), (100.0, "is not judged")]
)
def test_what_cannot_be_judged_hides_no_loss(
    tmp_path: Path, max_drop_points: float, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody measures the time of this device's inferences."""
    ram_bytes = MemoryCost(network := Network.of(right_net(), SHAPE)).footprint(network.widths).ram_bytes
    limits = Budget(3 * HEADER_BYTES, ram_bytes, latency_us=5_000.0, max_drop_points=max_drop_points)
    job = job_in(tmp_path, deployment=MemoryDeployment(limits), epochs=0, board_samples=20)
    record = run_fit(job, CHANNELS, right_net())
    job.workspace.close()
    assert record.unjudged == ("latency",) and record.loses_too_much == (max_drop_points == 5.0)
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--resume", record.run])
    said = capsys.readouterr()
    assert ended.value.code == 3 and words in said.err
    assert ("cannot be judged" in said.out) == (max_drop_points == 100.0)
