"""The one place that chooses, for a target, which implementation of `deploy/protocol.py` a fit speaks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.budget import Budget, Limits, Optimize
from edgeprune.deploy.firmware import limits as firmware_limits
from edgeprune.deploy.hosted import limits as hosted_limits
from edgeprune.hardware.profile import Target

if TYPE_CHECKING:
    from edgeprune.deploy.firmware.cost import WidthCost
    from edgeprune.deploy.hosted.cost import ProgramCost
    from edgeprune.deploy.protocol import Deployment, Setup
    from edgeprune.engine.compile import CompileOptions
    from edgeprune.prune.network import Network


def budget_for(target: Target, limits: Limits) -> Budget:
    """What a network may take on this target.

    Raises:
        UsageError: a limit is larger than the target's memory, or the reserves leave nothing.
    """
    if target.hosted is not None:
        return hosted_limits.budget_for(target, limits)
    return firmware_limits.budget_for(target, limits)


def deployment_on(setup: Setup, optimize: Optimize, model_id: str, command: str, ram_first: bool = False) -> Deployment:
    """A deployment for the target.

    Args:
        optimize: how much flash may buy speed.
        model_id, command: stated in what is built.
        ram_first: run the first layers row by row where that makes the arena smaller.
    """
    from edgeprune.deploy.firmware.deployment import FirmwareDeployment
    from edgeprune.deploy.hosted.deployment import HostedDeployment
    from edgeprune.engine.compile import CompileOptions

    options = CompileOptions(optimize, model_id, command, ram_first=ram_first)
    return FirmwareDeployment(setup, options) if setup.target.hosted is None else HostedDeployment(setup, options)


def width_cost(network: Network, target: Target, options: CompileOptions, limits: Budget) -> WidthCost | ProgramCost:
    """What the network takes on the target by its widths, from it built once and run on this machine.

    Raises:
        UsageError: nothing can be built, or run, for this target.
        ToolchainError: a tool is missing.
    """
    from edgeprune.deploy.firmware import cost as firmware_cost
    from edgeprune.deploy.hosted import cost as hosted_cost

    if target.hosted is None:
        baseline = firmware_cost.measure_baseline(network, target, options)
        return firmware_cost.WidthCost(network, target, options, baseline, limits)
    baseline = hosted_cost.measure_baseline(network, target, options, None, network.widths)
    return hosted_cost.ProgramCost(network, target, options, baseline, None)
