"""Reparametrized weights become plain ones; the network computes what it computed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin

WAYS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "weight norm, older": weight_norm,
    "spectral norm, older": spectral_norm,
}


@pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning")
@pytest.mark.parametrize("name", WAYS)
def test_the_function_stays_and_channels_can_go(name: str) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(WAYS[name](nn.Conv2d(3, 8, 3)), nn.ReLU(), nn.Conv2d(8, 2, 1))
    image = torch.randn(2, 3, 6, 6)
    module(image)  # as after training: the older functions leave a computed tensor behind
    wanted = module.eval()(image).detach()
    assert trace(module, (1, 3, 6, 6)).graph.ops
    plain = with_plain_weights(module)
    torch.testing.assert_close(plain(image), wanted)
    assert {key for key, _ in plain.named_parameters()} == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert "0.weight" not in dict(module.named_parameters())
    groups = find_groups(trace(plain, (1, 3, 6, 6)))
    assert groups.full_widths == {"0": 8}
    assert thin(plain, groups, {"0": [0, 3]})(image).shape == wanted.shape


def test_other_modules_are_left_as_they_are() -> None:
    module = nn.Linear(2, 3)
    assert with_plain_weights(module) is module
