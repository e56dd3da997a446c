"""A text classifier of 2,000 words: its table is thinned, and the board computes LiteRT's bytes from int16 tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import edgeprune

WORDS, LENGTH, CLASSES = 2_000, 20, 4


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 24, padding_idx=0)
        nn.init.normal_(self.words.weight, std=0.1)
        self.drop, self.conv, self.head = nn.Dropout(0.3), nn.Conv1d(24, 24, 3, padding=1), nn.Linear(24, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = (tokens != 0).unsqueeze(1).float()
        x = torch.relu(self.conv(self.drop(self.words(tokens)).transpose(1, 2))) * mask
        return self.head(x.sum(2) / mask.sum(2).clamp(min=1))  # type: ignore[no-any-return]


def sentences(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of 8 to 20 words, two of five of them typical of the class."""
    rng = np.random.default_rng(0)
    typical = rng.permutation(np.arange(1, WORDS))[: 150 * CLASSES].reshape(CLASSES, 150)
    labels = rng.integers(0, CLASSES, count)
    tokens = rng.integers(1, WORDS, (count, LENGTH))
    chosen = typical[labels[:, None], rng.integers(0, 150, (count, LENGTH))]
    tokens = np.where(rng.random((count, LENGTH)) < 0.4, chosen, tokens)
    return tokens * (np.arange(LENGTH) < rng.integers(8, LENGTH + 1, (count, 1))), labels


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_text_classifier_is_fitted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokens, labels = sentences(5_000)
    module = Classifier()
    optimizer = torch.optim.AdamW(module.parameters(), 3e-3, weight_decay=0.05)
    inputs, targets = torch.from_numpy(tokens[:4_000]), torch.from_numpy(labels[:4_000])
    for _ in range(6):
        for index in torch.randperm(4_000).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(module(inputs[index]), targets[index]).backward()
            optimizer.step()
    data = {"train": (tokens[:4_000], labels[:4_000]), "test": (tokens[4_000:], labels[4_000:])}
    run = edgeprune.fit(module.eval(), data, target="mps2-an386", flash="48KiB", epochs=2, runs=tmp_path)
    record = run.record
    assert record.fits  # with the same bytes: a fit ends in an error otherwise
    assert record.widths["words"] < 24
    assert record.accuracy.float_before > 85
    assert record.accuracy.int8 > record.accuracy.float_before - 2
