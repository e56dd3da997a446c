"""The head of an early exit, against scikit-learn's logistic regression."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from edgeprune.model.exits import ExitPlace
from edgeprune.train.exit_head import _DECAY, halfway_features, trained_head, trained_layer
from edgeprune.train.splits import make_splits


def digits() -> tuple[np.ndarray, np.ndarray]:
    inputs, labels = load_digits(return_X_y=True)
    return (inputs / 16).astype(np.float32), labels


def test_it_is_multinomial_logistic_regression_with_weight_decay() -> None:
    inputs, labels = digits()
    layer = trained_layer(torch.from_numpy(inputs), torch.from_numpy(labels), 10)
    normal = (inputs - inputs.mean(0)) / np.maximum(inputs.std(0), 1e-6)
    judge = LogisticRegression(C=1 / (_DECAY * len(inputs)), max_iter=2000).fit(normal, labels)
    ours, theirs = layer(torch.from_numpy(inputs)).softmax(1).numpy(), judge.predict_proba(normal)
    assert np.abs(ours - theirs).max() < 0.03
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.998


def test_features_are_cells_of_the_named_layer_and_the_network_is_not_touched() -> None:
    torch.manual_seed(0)
    inputs, labels = digits()
    splits = make_splits({"train": (inputs.reshape(-1, 1, 8, 8), labels)}, (1, 8, 8))
    module = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(192, 10)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    place = ExitPlace("1", (3, 8, 8), (2, 2))
    own, (features,) = halfway_features(module, [place], splits.train)
    samples = splits.train.tensor()
    with torch.no_grad():
        torch.testing.assert_close(own, module(samples), rtol=1e-4, atol=1e-5)
        cells = module[:2](samples).reshape(-1, 3, 2, 4, 2, 4).mean((3, 5)).flatten(1)
    torch.testing.assert_close(features, cells, rtol=1e-4, atol=1e-5)
    head = trained_head(module, place, splits.train)
    with torch.no_grad():
        right = (head(module[:2](splits.test.tensor())).argmax(1) == splits.test.targets).float().mean()
    assert right > 0.4  # so much random filters in 2x2 cells know; chance is 0.1
    assert module.training and all(torch.equal(before[name], value) for name, value in module.state_dict().items())
