from __future__ import annotations

import numpy as np
import pytest
import torch

from edgeprune.errors import DataError
from edgeprune.train.splits import make_splits


def arrays(count: int = 50, shape: tuple[int, ...] = (3, 4, 4), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.random((count, *shape), dtype=np.float32), np.arange(count) % 5


def test_what_is_not_given_is_held_out_of_train_and_stays_apart() -> None:
    inputs = np.arange(100, dtype=np.float32).reshape(100, 1)
    splits = make_splits({"train": (inputs, np.zeros(100, int))}, (1,))
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [72, 8, 20]
    seen = [set(split.tensor().flatten().tolist()) for split in (splits.train, splits.validation, splits.test)]
    assert set.union(*seen) == set(range(100)) and sum(map(len, seen)) == 100
    assert set(splits.calibration.tensor().flatten().tolist()) <= seen[0]


def test_labels_follow_their_samples() -> None:
    inputs = np.arange(60, dtype=np.float32).reshape(60, 1)
    splits = make_splits({"train": (inputs, np.arange(60))}, (1,))
    for split in (splits.train, splits.validation, splits.test, splits.calibration):
        assert torch.equal(split.tensor().flatten().long(), split.targets)


def test_given_splits_are_used_as_they_are() -> None:
    splits = make_splits({"train": arrays(), "test": arrays(7, seed=1), "validation": arrays(9, seed=2)}, (3, 4, 4))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (50, 9, 7)


def test_bytes_are_scaled_and_normalised_as_they_are_taken() -> None:
    images = np.full((10, 3, 2, 2), 255, np.uint8)
    splits = make_splits({"train": (images, np.zeros(10, int))}, (3, 2, 2), mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    assert splits.train.inputs.dtype == torch.uint8
    pixel = splits.train.tensor()[0, :, 0, 0]
    assert torch.allclose(pixel, torch.tensor([1.0, 3.0, 0.5]))


def test_an_autoencoder_needs_no_targets() -> None:
    splits = make_splits({"train": arrays(shape=(6,))[0]}, (6,))
    assert torch.equal(splits.train.targets, splits.train.tensor())


def with_nan() -> tuple[np.ndarray, np.ndarray]:
    inputs, labels = arrays()
    inputs[3, 0, 1, 1] = np.nan
    inputs[9, 0, 0] = np.inf
    return inputs, labels


@pytest.mark.parametrize(
    ("data", "expected_message"),
    [
        ({"train": with_nan()}, "5 NaN or infinite values, in 2 of 50 samples (first: sample 3)"),
        ({"train": (arrays()[0], arrays()[1][:-1])}, "50 inputs and 49 targets"),
        ({"train": arrays(0)}, "'train' is empty"),
        ({"train": arrays(), "test": arrays(0)}, "'test' is empty"),
        ({"train": arrays(1)}, "too few"),
        ({"train": arrays(shape=(3, 5, 4))}, "the model takes (3, 4, 4) each"),
        ({"train": (np.array(["a"] * 50), arrays()[1])}, "of type <U1"),
        ({"training": arrays()}, "'training'"),
        ({}, "no name"),
        ({"train": (arrays()[0], np.full(50, np.nan, np.float32))}, "targets of 'train' hold 50 NaN"),
    ],
)
def test_what_cannot_be_used_is_reported(data: dict[str, object], expected_message: str) -> None:
    with pytest.raises(DataError) as caught:
        make_splits(data, (3, 4, 4))
    assert expected_message in caught.value.message and caught.value.hint


def test_channels_last_gets_its_own_hint() -> None:
    with pytest.raises(DataError) as caught:
        make_splits({"train": arrays(shape=(6, 6, 3))}, (3, 6, 6))
    assert "transpose(0, 3, 1, 2)" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("one", "other"), [("test", "train"), ("validation", "train"), ("test", "validation"), ("test", "calibration")]
)
def test_samples_in_two_splits_are_refused(one: str, other: str) -> None:
    generator = np.random.default_rng(0)
    inputs = {
        name: generator.random((100, 3, 4, 4), np.float32) for name in ("train", "calibration", "validation", "test")
    }
    labels = np.arange(100) % 3
    inputs[one][:4] = inputs[other][50:54]  # a few may happen
    make_splits({name: (part, labels) for name, part in inputs.items()}, (3, 4, 4))
    inputs[one][:20] = inputs[other][50:70]
    with pytest.raises(DataError, match=f"20 of the 100 samples of '{one}' are in '{other}' too"):
        make_splits({name: (part, labels) for name, part in inputs.items()}, (3, 4, 4))


def test_data_of_few_different_samples_is_let_through() -> None:
    inputs = np.random.default_rng(0).integers(0, 2, (200, 4)).astype(np.float32)
    splits = make_splits({"train": (inputs[:100], inputs[:100, 0]), "test": (inputs[100:], inputs[100:, 0])}, (4,))
    assert len(splits.test) == 100
