"""A classifier for some of its classes."""

import pytest
import torch
from torch import nn

from edgeprune.errors import DataError, ModelError, UsageError
from edgeprune.model.load import project_module
from edgeprune.model.trace import trace
from edgeprune.project.bundled import data
from edgeprune.project.file import default_project
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.reconstruct import reconstruct
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.prune.surgery.classes import keep_classes
from edgeprune.prune.surgery.thin import thin
from edgeprune.train.evaluate import evaluate
from edgeprune.train.metrics import METRICS
from edgeprune.train.splits import make_splits


def test_the_kept_logits_are_those_it_always_gave():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6)).eval()
    x = torch.randn(5, 4)
    torch.testing.assert_close(keep_classes(module, (4,), (5, 0, 2))(x), module(x)[:, [0, 2, 5]])


def test_what_only_the_other_classes_needed_goes_first():
    """Units 0 to 3 feed classes 0 and 1 alone, units 4 to 7 classes 2 and 3."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)).eval()
    with torch.no_grad():
        module[2].weight[:2, 4:] = 0.0
        module[2].weight[2:, :4] = 0.0
    subset = keep_classes(module, (4,), (2, 3))
    groups = find_groups(trace(subset, (1, 4)))
    ranking = rank_channels(
        subset, groups, "taylor", torch.randn(64, 4), torch.randint(2, (64,)), nn.functional.cross_entropy
    )
    assert set(ranking["0"][:4]) == {4, 5, 6, 7}


def test_three_digits_of_ten_need_half_of_the_channels():
    project = default_project()
    module = project_module(project).eval()
    classes = (1, 4, 7)
    splits = make_splits(data.load(), project.model.input).of_classes(classes)
    subset = keep_classes(module, project.model.input, classes)
    assert evaluate(subset, splits.validation, METRICS["accuracy"]) > 98
    groups = find_groups(trace(subset, (1, *project.model.input)))
    judged = splits.calibration.take(96)
    ranking = rank_channels(subset, groups, "taylor", judged.tensor(), judged.targets, nn.functional.cross_entropy)
    keep = {name: sorted(units[: len(units) // 2]) for name, units in ranking.items()}
    half = thin(subset, groups, keep)
    reconstruct(half, subset, groups, keep, splits.calibration.tensor(), rows=8192)
    assert sum(p.numel() for p in half.parameters()) < 0.3 * sum(p.numel() for p in module.parameters())
    found = evaluate(half, splits.validation, METRICS["accuracy"])
    assert found > 85, found  # chance is a third


def test_samples_are_chosen_and_counted_anew():
    inputs, labels = torch.arange(40.0).reshape(20, 2), torch.arange(20) % 5
    arrays = {name: (inputs + away, labels) for name, away in (("train", 100), ("validation", 200), ("test", 0))}
    splits = make_splits(arrays, (2,)).of_classes((3, 1))
    assert set(splits.test.targets.tolist()) == {0, 1}
    assert ((splits.test.inputs[:, 0] / 2 % 5 == 3) == (splits.test.targets == 1)).all()
    with pytest.raises(DataError, match="has no sample of classes"):
        splits.of_classes((7, 8))


@pytest.mark.parametrize("classes", [(0,), (0, 0), (0, 6), (-1, 2)])
def test_no_choice_among_its_classes_is_refused(classes):
    with pytest.raises(UsageError, match="no choice among the network's 6"):
        keep_classes(nn.Sequential(nn.Linear(4, 6)), (4,), classes)


def test_outputs_that_depend_on_each_other_are_refused():
    with pytest.raises(ModelError, match="cannot be removed one by one"):
        keep_classes(nn.Sequential(nn.Linear(4, 6), nn.Softmax(1)), (4,), (0, 1))
