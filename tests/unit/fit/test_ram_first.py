"""`fit --ram-first`: widths are judged by the arena that the layers need row by row, and a run remembers the wish."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.cost.flash import EngineBaseline
from edgeprune.fitting.cost import WidthCost
from edgeprune.fitting.limits import Limits
from edgeprune.fitting.network import Network
from edgeprune.kernels.base import Optimize
from edgeprune.model.load import load_module
from edgeprune.pipeline import FitRequest, default_project, options_of
from edgeprune.target.registry import load_target


def test_predicted_arena_is_smaller() -> None:
    project = default_project()
    module = load_module(project.model.entry, project.model.weights, project.root)
    network, target = Network.of(module, project.model.input), load_target("cortex-m4")
    baseline = EngineBaseline({"runtime": 0, "kernels": 0, "model": 0, "structs": 0}, 0, 0)
    plain, staged = (
        WidthCost(network, target, Optimize.BALANCED, baseline, ram_first).footprint(network.widths)
        for ram_first in (False, True)
    )
    assert staged.ram_parts["arena"] < 0.7 * plain.ram_parts["arena"]
    assert staged.macs == plain.macs


def test_a_run_remembers_it() -> None:
    options = options_of(default_project(), ram_first=True)
    request = FitRequest(None, "cortex-m4", Limits(), options)
    noted = request.as_json()
    assert FitRequest.from_json(noted) == request
    del noted["options"]["ram_first"]  # as runs from before wrote it
    assert FitRequest.from_json(noted) == replace(request, options=replace(options, ram_first=False))
