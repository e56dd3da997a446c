"""Every criterion from samples to a smaller network, on the bundled network and digits."""

import pytest
import torch
from torch import nn

from edgeprune.model.load import project_module
from edgeprune.model.trace import trace
from edgeprune.project.bundled import data
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.prune.surgery.thin import thin
from edgeprune.tasks.fit import default_project
from edgeprune.train.evaluate import bn_reestimate, evaluate
from edgeprune.train.metrics import METRICS
from edgeprune.train.splits import make_splits

SLOW = pytest.mark.slow
TRAINING = {  # sixty training steps, or second derivatives, of a 13 M MAC network
    "adversarial-bernoulli", "beta-bernoulli", "group-lasso", "hessian-trace", "learned-gates", "obd"
}  # fmt: skip
SHARE = 0.9  # of every group's channels


@pytest.fixture(scope="module")
def digits():
    project = default_project()
    module = project_module(project).eval()
    shape = project.model.input
    splits = make_splits(data.load(), shape)
    return module, find_groups(trace(module, (1, *shape))), splits


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=SLOW if name in TRAINING else ()) for name in CRITERIA.all()]
)
def test_the_digits_survive_the_loss_of_a_tenth_of_the_channels(digits, name):
    module, groups, splits = digits
    judged = splits.calibration.take(128)
    ranking = rank_channels(module, groups, name, judged.tensor(), judged.targets, nn.functional.cross_entropy)
    widths = {group.name: round(SHARE * group.size) for group in groups.groups}
    thinned = thin(module, groups, {group: sorted(units[: widths[group]]) for group, units in ranking.items()})
    bn_reestimate(thinned, splits.calibration)
    assert sum(p.numel() for p in thinned.parameters()) < 0.86 * sum(p.numel() for p in module.parameters())
    accuracy = evaluate(thinned, splits.validation.take(128), METRICS["accuracy"])
    assert accuracy > 90.0  # all were above 95
    assert torch.isfinite(torch.cat([p.flatten() for p in thinned.parameters()])).all()
