"""Arrays in files of their own, saved datasets, and samples whose columns have names."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from edgeprune.errors import DataError
from edgeprune.project.file import Project, project_from
from edgeprune.train.data import load_data
from edgeprune.train.splits import make_splits

RNG = np.random.default_rng(0)


def project(root: Path, shape: tuple[int, ...] = (3, 4)) -> Project:
    return project_from({"model": {"entry": "m.py:b", "input": list(shape)}, "data": {"path": "arrays"}}, root)


def array_folder(root: Path) -> Path:
    (root / "arrays").mkdir()
    for split, count in (("train", 60), ("test", 20)):
        np.save(root / "arrays" / f"x_{split}.npy", RNG.normal(size=(count, 3, 4)).astype(np.float32))
        np.save(root / "arrays" / f"y_{split}.npy", np.arange(count) % 5)
    return root / "arrays"


def test_a_folder_of_arrays(tmp_path: Path) -> None:
    folder = array_folder(tmp_path)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    splits = load_data(project(tmp_path))
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (60, 20)
    np.testing.assert_array_equal(splits.test.inputs.numpy(), np.load(folder / "x_test.npy"))
    splits.test.inputs.zero_()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before  # the files are left as they are


@pytest.mark.parametrize("damage", ["cut", "objects"])
def test_a_damaged_array_is_named(damage: str, tmp_path: Path) -> None:
    file = array_folder(tmp_path) / "x_train.npy"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-10])
    else:
        np.save(file, np.array([{}, {}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"arrays/x_train\.npy cannot be read") as refusal:
        load_data(project(tmp_path))
    assert "numpy.save" in (refusal.value.hint or "")


def test_a_saved_dataset_asks_for_the_package_that_reads_it(tmp_path: Path) -> None:
    if importlib.util.find_spec("datasets") is not None:
        pytest.skip("the package is there")
    (tmp_path / "arrays").mkdir()
    (tmp_path / "arrays" / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    with pytest.raises(DataError, match="a dataset of Hugging Face") as refusal:
        load_data(project(tmp_path))
    assert "pip install datasets" in (refusal.value.hint or "")


def test_a_saved_dataset(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    values = RNG.normal(size=(60, 3, 4)).astype(np.float32)
    made = {}
    for name, part in (("train", slice(0, 40)), ("test", slice(40, 60))):
        columns = {"signal": values[part].tolist(), "label": [1] * len(values[part])}
        made[name] = datasets.Dataset(datasets.table.InMemoryTable.from_pydict(columns), fingerprint=name)
    datasets.DatasetDict(made).save_to_disk(tmp_path / "arrays")
    splits = load_data(project(tmp_path))
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (40, 20)
    np.testing.assert_array_equal(splits.test.inputs.numpy(), values[40:])


class Rows:
    """What gives samples as mappings, as a dataset of Hugging Face does."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def _picture(red: int) -> Image.Image:
    return Image.new("RGB", (6, 4), (red, 10, 20))


@pytest.mark.parametrize("column", ["label", "labels", "target", "targets", "y"])
def test_columns_with_names(column: str) -> None:
    rows = [{"image": _picture(index), column: index % 3} for index in range(40)]
    splits = make_splits({"train": Rows(rows)}, (3, 4, 6))
    every = torch.cat([splits.train.inputs, splits.validation.inputs, splits.test.inputs])
    labels = torch.cat([splits.train.targets, splits.validation.targets, splits.test.targets])
    assert every.dtype == torch.uint8 and sorted(every[:, 0, 0, 0].tolist()) == list(range(40))
    assert torch.equal(labels, every[:, 0, 0, 0].long() % 3)


def test_gray_pictures_have_one_channel() -> None:
    rows = [{"image": _picture(index).convert("L"), "label": index % 3} for index in range(40)]
    assert make_splits({"train": Rows(rows)}, (1, 4, 6)).train.inputs.shape[1:] == (1, 4, 6)


def test_columns_of_no_known_name_are_listed() -> None:
    with pytest.raises(DataError, match="gives a dict of image, class") as refusal:
        make_splits({"train": Rows([{"image": _picture(0), "class": 1}])}, (3, 4, 6))
    assert "label or labels" in (refusal.value.hint or "")
