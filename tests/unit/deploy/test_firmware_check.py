"""A network that cannot become firmware is refused before a fit spends time on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Optimize
from edgeprune.deploy.firmware.deployment import FirmwareDeployment
from edgeprune.deploy.protocol import Setup
from edgeprune.engine.compile import CompileOptions
from edgeprune.errors import ModelError
from edgeprune.files.workspace import Workspace
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.prune.network import Network
from edgeprune.train.splits import make_splits


class Branching(nn.Module):
    """What it computes depends on values, which no exported file can."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.layer(x)
        return outputs if float(x.sum()) > 0 else -outputs


def test_a_network_that_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    network = Network.of(nn.Sequential(nn.Linear(8, 2)), (8,))
    calibration = make_splits({"train": (torch.rand(40, 8), torch.arange(40) % 2)}, (8,)).calibration
    workspace = Workspace.begin(tmp_path, "run", {})
    setup = Setup(load_target("cortex-m4"), Budget(1, 1), calibration, None, workspace, Silent())
    deployment = FirmwareDeployment(setup, CompileOptions(Optimize.BALANCED))
    with pytest.raises(ModelError, match="reads the value of a tensor"):
        deployment.check(network.with_module(Branching()))
    deployment.check(network)
    assert "exportable" in workspace.seconds_by_stage
