"""Indices of embeddings are held against their tables before any work."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.export.tflite import export_tflite
from edgeprune.model.inputs import with_whole_numbers
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.score import score
from edgeprune.quantize.host import Kernels, all_int8_outputs, input_rows, quantized_inputs
from edgeprune.train.indices import check_indices
from edgeprune.train.splits import Splits, make_splits

ROWS = 700


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(ROWS, 8), nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.words(tokens).mean(1))  # type: ignore[no-any-return]


class Mixed(Words):
    """An index and a value in one input."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.words(x[:, 0].long()) * x[:, 1:])  # type: ignore[no-any-return]


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(0)
    return with_whole_numbers(Words().eval(), (6,))


def splits_of(tokens: np.ndarray) -> Splits:
    return make_splits({"train": (tokens, np.zeros(len(tokens), np.int64))}, (6,))


def tokens(count: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(0, ROWS, (count, 6))


def test_good_indices_pass_and_leave_no_hook(module: nn.Module) -> None:
    check_indices(module, splits_of(tokens()))
    assert not module.words._forward_pre_hooks  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [-1, ROWS, 40_000])
def test_an_index_outside_is_named(module: nn.Module, value: int) -> None:
    bad = tokens()
    bad[7:9, 2] = value
    with pytest.raises(DataError, match=rf"[12] indices of '\w+' are outside the 700 rows of 'words': {value} for one"):
        check_indices(module, splits_of(bad))


def test_values_between_whole_numbers_and_pixels_are_no_indices(module: nn.Module) -> None:
    with pytest.raises(DataError, match="no whole numbers, "):
        check_indices(module, splits_of(tokens() + 0.5))
    with pytest.raises(DataError, match="uint8, which are pixels") as refusal:
        check_indices(module, splits_of(tokens().astype(np.uint8)))
    assert "numpy.int32" in str(refusal.value.hint)
    check_indices(module, splits_of(tokens().astype(np.uint8).astype(np.int32)))


def test_an_input_of_indices_holds_nothing_else() -> None:
    samples = torch.rand(16, 2)
    samples[:, 0] = torch.randint(0, ROWS, (16,))
    with pytest.raises(DataError, match=r"looked up in 'words' and holds 0\."):
        export_tflite(Mixed().eval(), samples)


def test_the_file_takes_int16_and_any_index_gives_an_answer(module: nn.Module) -> None:
    exported = export_tflite(module, torch.from_numpy(tokens(64)).float())
    assert exported.sqnr_db > 30
    outside = np.array([[-32768, -1, 0, ROWS - 1, ROWS, 32767]], np.float32)
    steps = quantized_inputs(exported.data, outside)
    assert steps.dtype == np.int16
    assert input_rows(exported.data, steps).tobytes() == outside.astype("<i2").tobytes()
    nearest = quantized_inputs(exported.data, outside.clip(0, ROWS - 1))
    ours, theirs = (all_int8_outputs(exported.data, one, Kernels.REFERENCE)[0] for one in (steps, nearest))
    assert np.array_equal(ours, theirs)


def test_columns_of_a_table_are_scored_as_filters_are() -> None:
    words = Words().eval()
    with torch.no_grad():
        words.words.weight *= torch.arange(1, 9)
    module = with_whole_numbers(words, (6,))
    scores = score(module, Network.of(module, (6,)).groups, "l2")
    assert torch.equal(scores["words"].argsort(), torch.arange(8))
