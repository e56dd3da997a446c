"""`fit --ram-first`: widths are judged by the arena that the layers need row by row, and a run remembers the wish."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Limits, Optimize
from edgeprune.deploy.firmware.cost import WidthCost
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.hardware.registry import load_target
from edgeprune.model.load import project_module
from edgeprune.prune.network import Network
from edgeprune.tasks.fit import FitRequest, default_project, options_of


def test_predicted_arena_is_smaller() -> None:
    project = default_project()
    module = project_module(project)
    network, target = Network.of(module, project.model.input), load_target("cortex-m4")
    baseline = EngineBaseline({"runtime": 0, "kernels": 0, "model": 0, "structs": 0}, 0, 0)
    plain, staged = (
        WidthCost(network, target, options, baseline).footprint(network.widths)
        for options in (CompileOptions(Optimize.BALANCED), CompileOptions(Optimize.BALANCED, ram_first=True))
    )
    assert staged.ram_parts["arena"] < 0.7 * plain.ram_parts["arena"]
    assert staged.macs == plain.macs


def test_a_run_remembers_it() -> None:
    options = options_of(default_project(), ram_first=True)
    request = FitRequest(None, "cortex-m4", Limits(), GRANULARITIES.find("blocks"), options)
    noted = request.as_json()
    assert FitRequest.from_json(noted) == request
    del noted["options"]["ram_first"]  # as runs from before wrote it
    assert FitRequest.from_json(noted) == replace(request, options=replace(options, ram_first=False))
