"""Layers and blocks weighed against channels, and a run that goes on with what was chosen."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint, Optimize
from edgeprune.deploy.firmware.cost import WidthCost
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.files.workspace import Workspace
from edgeprune.fitting import depth
from edgeprune.fitting.granularities import blocks as blocks_of_a_fit
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.prune.network import Network
from tests.unit.fitting.small_job import SHAPE, TARGET, Notes, job_in

BLOCKS = GRANULARITIES.find("blocks")


class Idle(nn.Module):
    """A residual block; `worth` scales its output."""

    def __init__(self, channels: int, worth: float):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv.weight.data *= worth
        self.conv.bias.data *= worth

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.conv(x))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), Idle(12, 4.0), Idle(12, 1e-3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 4),
    )  # fmt: skip


def cost_of(network: Network) -> WidthCost:
    baseline = EngineBaseline({"model": 0, "structs": 0}, 0, 0)
    return WidthCost(network, TARGET, CompileOptions(Optimize.BALANCED), baseline)


def a_share(footprint: Footprint, latency: float) -> Budget:
    assert footprint.latency_us is not None
    return Budget(footprint.flash_bytes, footprint.ram_bytes, footprint.latency_us * latency)


def test_the_block_that_adds_nothing_goes_and_the_other_stays(tmp_path: Path) -> None:
    network, job = Network.of(net(), SHAPE), job_in(tmp_path)
    cost = cost_of(network)
    budget = a_share(cost.footprint(network.widths), 0.6)
    choice = depth.choose_blocks(job, network, cost, budget)
    assert {layer for block in choice.removed for layer in block.layers} == {"3.conv"}
    assert choice.damage < 0.01 * choice.by_channels


def test_blocks_go_where_no_channels_suffice_and_none_where_nothing_does(tmp_path: Path) -> None:
    network, job = Network.of(net(), SHAPE), job_in(tmp_path)
    cost = cost_of(network)
    least = cost.footprint(dict.fromkeys(network.widths, TARGET.channel_multiple))
    smaller = depth.choose_blocks(job, network, cost, a_share(least, 0.8))
    assert smaller.by_channels == inf and smaller.removed and smaller.damage < inf
    nothing = depth.choose_blocks(job, network, cost, a_share(least, 0.01))
    assert nothing.removed == () and nothing.damage == inf


@pytest.mark.parametrize(("asked", "ranked_by"), [("fpgm", "fpgm"), ("learned-gates", "l2")])
def test_channels_are_ranked_as_asked_or_by_what_trains_nothing(asked: str, ranked_by: str, tmp_path: Path) -> None:
    network, job = Network.of(net(), SHAPE), job_in(tmp_path, criterion=asked)
    cost = cost_of(network)
    judge = depth._Judge(job, network, cost, a_share(cost.footprint(network.widths), 1.0))
    assert judge._criterion == ranked_by


@pytest.mark.parametrize(("passes", "samples"), [(10.0, 64), (100.0, 100), (1e6, 432)])
def test_a_network_is_judged_on_as_many_samples_as_time_and_data_allow(
    passes: float, samples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, job = Network.of(net(), SHAPE), job_in(tmp_path)
    cost = cost_of(network)
    whole = cost.footprint(network.widths)
    monkeypatch.setattr(depth, "_MACS", passes * whole.macs)
    judge = depth._Judge(job, network, cost, a_share(whole, 1.0))
    assert len(judge._judged) == len(judge._solved_from) == samples


def test_a_saving_is_a_share_of_what_is_over_the_limits() -> None:
    before = Footprint({"a": 200}, {"a": 90}, "", 0, 50.0)
    after = Footprint({"a": 180}, {"a": 40}, "", 0, 10.0)
    assert depth.saved_share(before, after, Budget(100, 100, None)) == pytest.approx(20 / 100)  # RAM is no limit here
    assert depth.saved_share(before, after, Budget(100, 50, 30.0)) == pytest.approx((0.2 + 1 + 1) / 3)
    assert depth.saved_share(before, after, Budget(300, 100, 60.0)) == 0


def test_a_resumed_run_has_the_same_network_without_choosing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, job = Network.of(net(), SHAPE), job_in(tmp_path)
    cost = cost_of(network)
    budget = a_share(cost.footprint(network.widths), 0.6)
    first = BLOCKS.shrink(job, network, cost, budget, "round 1")
    assert [block.layers for block in first.removed] == [
        ("3.conv",)
    ] and "3.conv.weight" not in first.module.state_dict()

    def never(*_arguments: Any) -> None:
        raise AssertionError("chosen again")

    monkeypatch.setattr(blocks_of_a_fit, "choose_blocks", never)
    job.workspace.close()
    resumed = replace(job, workspace=Workspace.resume(job.workspace.folder))
    again = BLOCKS.shrink(resumed, Network.of(net(), SHAPE), cost, budget, "round 1")
    assert again.removed == first.removed and again.widths == first.widths
    assert all(torch.equal(value, again.module.state_dict()[name]) for name, value in first.module.state_dict().items())
    first.save(tmp_path / "kept")
    rebuilt = Network.of(net(), SHAPE).load_thinned(tmp_path / "kept", SHAPE)
    x = torch.rand(3, *SHAPE)
    assert torch.equal(rebuilt.module(x), first.module(x)) and rebuilt.removed == first.removed


def test_a_network_without_blocks_is_reported_and_stays(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 4))
    network, job = Network.of(module, SHAPE), job_in(tmp_path)
    cost = cost_of(network)
    budget = a_share(cost.footprint(network.widths), 0.6)
    assert BLOCKS.shrink(job, network, cost, budget, "round 1") is network
    assert isinstance(job.progress, Notes) and "changes the shape it gets" in job.progress.notes[-1]
