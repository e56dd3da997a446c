"""Flash predicted where the widths asked for need calls that the baseline's link lacks."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.cost import WidthCost
from edgeprune.deploy.firmware.images import linked_size, measured_sizes
from edgeprune.deploy.predicted import compile_synthetic
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.hardware.registry import load_target
from edgeprune.prune.network import Network

TARGET, OPTIONS = load_target("cortex-m4"), CompileOptions(Optimize.BALANCED)


class Gates(nn.Module):
    """Its gates are views of one tensor at widths that are multiples of 4, and copied out of it at others."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 16) for _ in range(6))
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            value, gate = torch.tanh(layer(x)).chunk(2, 1)
            x = value * gate
        return self.head(x)


class Steps(nn.Module):
    """Its gates are computed from inputs that begin where outputs end, but not at widths that are no multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 16) for _ in range(12))
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            value, gate = layer(x).chunk(2, 1)
            x = torch.tanh(value) * torch.sigmoid(gate)
        return self.head(x)


@pytest.fixture(scope="module")
def cost() -> WidthCost:
    return cost_of(Gates())


def cost_of(module: nn.Module) -> WidthCost:
    network = Network.of(module.eval(), (8,))
    full = compile_synthetic(network, TARGET, OPTIONS, network.widths)
    parts, sizes = linked_size(full, TARGET).flash_parts, measured_sizes(full, TARGET)
    return WidthCost(network, TARGET, OPTIONS, EngineBaseline.of(parts, full.calls, 0, 0, sizes))


def odd_widths(cost: WidthCost) -> dict[str, int]:
    return {name: max(1, width - 1) for name, width in cost.network.widths.items()}


def test_copies_that_were_views_are_predicted(cost: WidthCost) -> None:
    widths = odd_widths(cost)
    made = compile_synthetic(cost.network, TARGET, OPTIONS, widths)
    lacking = cost.baseline.lacking(made.calls)
    assert lacking, "the calls at these widths are those of the link: this test tests nothing"
    linked = linked_size(made, TARGET).flash_parts
    predicted = cost.footprint(widths).flash_parts
    assert predicted["kernels"] == linked["kernels"]
    assert abs(predicted["model"] - linked["model"]) <= 40
    assert abs(sum(predicted.values()) - sum(linked.values())) <= 40
    blind = replace(cost.baseline, forms={}).flash_with(made.calls)
    assert abs(blind["model"] - linked["model"]) > 40


def test_where_outputs_lie_beside_inputs_is_predicted() -> None:
    cost = cost_of(Steps())
    widths = odd_widths(cost)
    full, made = cost.compiled(cost.network.widths), compile_synthetic(cost.network, TARGET, OPTIONS, widths)
    lookups = [Counter(call.place for call in m.calls if call.function == "ep_lookup_ref") for m in (full, made)]
    assert lookups[0] != lookups[1], "the same places at either widths: this test tests nothing"
    linked = linked_size(made, TARGET).flash_parts["model"]
    blind = replace(cost.baseline, forms={}).flash_with(made.calls)["model"]
    assert abs(blind - linked) > 40
    assert abs(cost.footprint(widths).flash_parts["model"] - linked) <= 8


def test_nothing_is_compiled_twice_for_one_form(cost: WidthCost, monkeypatch: pytest.MonkeyPatch) -> None:
    widths = odd_widths(cost)
    first = cost.footprint(widths)
    monkeypatch.setattr("edgeprune.deploy.firmware.cost.measured_sizes", lambda *_: pytest.fail("compiled again"))
    assert cost.footprint(widths) == first
    assert cost.footprint(cost.network.widths).flash_bytes > 0


def test_a_baseline_is_the_same_after_it_was_kept(cost: WidthCost) -> None:
    assert cost.baseline.sizes and cost.baseline.forms
    assert EngineBaseline.recorded(asdict(cost.baseline)) == cost.baseline
