"""Arrays of other machines and widths are read as the numbers they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from edgeprune.project.file import project_from
from edgeprune.train.data import load_data
from edgeprune.train.native import native
from edgeprune.train.splits import make_splits

VALUES = np.arange(24).reshape(8, 3)
TYPES = [">f4", "<f4", ">f8", ">f2", "longdouble", ">i2", ">i8", ">u2", "u4", "u1", "i1", "bool"]


@pytest.mark.parametrize("dtype", TYPES)
def test_the_same_numbers(dtype: str) -> None:
    array = VALUES.astype(dtype)
    for given in (array, array[::-1], array.T, array[0, 0]):
        made = torch.from_numpy(native(given))
        assert made.shape == given.shape and np.array_equal(made.numpy().astype(float), given.astype(float))


@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype not in ("u1", "bool")])
def test_inputs_and_labels_of_any_type(dtype: str) -> None:
    inputs, labels = VALUES.astype(dtype), (np.arange(8) % 2).astype(dtype if dtype[-2] in "iu" else ">i4")
    for given in ((inputs, labels), (inputs[::-1], labels[::-1])):
        splits = make_splits({"train": given}, (3,))
        for split in (splits.train, splits.validation, splits.test):
            rows = (split.tensor()[:, 0] / 3).round().long()  # of VALUES
            assert torch.equal(rows % 2, split.targets.long())


def test_a_file_of_another_machine(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x_train=VALUES.astype(">f4"), y_train=(np.arange(8) % 2).astype(">i8"))
    tables = {"model": {"entry": "m:build", "input": [3], "name": "m"}, "data": {"path": "data.npz"}}
    assert load_data(project_from(tables, tmp_path)).train.targets.dtype == torch.int64


class OfAnotherMachine(Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return VALUES[index].astype(">f4"), np.array(index % 2, ">i4")


def test_a_dataset_of_another_machine() -> None:
    pair = OfAnotherMachine()
    splits = make_splits({"train": pair}, (3,))  # type: ignore[dict-item]
    assert set(splits.train.targets.tolist()) == {0, 1}
