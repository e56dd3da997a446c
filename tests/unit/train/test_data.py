from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from edgeprune.errors import DataError, ModelError
from edgeprune.project.file import Project, project_from
from edgeprune.train.agreement import check_together
from edgeprune.train.data import load_data
from edgeprune.train.forms import images
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import make_splits

CLASSIFY = Objective("cross_entropy", LOSSES["cross_entropy"], METRICS["accuracy"])
REGRESS = Objective("mse", LOSSES["mse"], METRICS["r2"])


def project(root: Path, shape: tuple[int, ...] = (3, 4, 6), **data: object) -> Project:
    return project_from({"model": {"entry": "m.py:b", "input": list(shape)}, "data": data}, root)


def png(value: int, width: int = 6, height: int = 4) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (value, 10, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def folder(root: Path, count: int = 4) -> Path:
    for split, label, first in (("train", "cat", 0), ("train", "ant", 100), ("test", "cat", 200)):
        for index in range(count):
            path = root / "pictures" / split / label / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(first + index))
    return root / "pictures"


def zipped(root: Path) -> Path:
    source = folder(root)
    with zipfile.ZipFile(root / "pictures.zip", "w") as archive:
        for path in source.rglob("*.png"):
            archive.write(path, Path("outer") / path.relative_to(source))
    return root / "pictures.zip"


@pytest.mark.parametrize("make", [folder, zipped])
def test_class_folders(make: object, tmp_path: Path) -> None:
    splits = load_data(project(tmp_path, path=str(make(tmp_path).name)))  # type: ignore[operator]
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (8, 4)
    assert splits.train.inputs.shape[1:] == (3, 4, 6) and splits.train.inputs.dtype == torch.uint8
    for split in (splits.train, splits.validation, splits.test):
        red = split.inputs[:, 0, 0, 0].long()
        assert torch.equal(split.targets, torch.where((red >= 100) & (red < 200), 0, 1))  # ant, cat


def test_helper_processes_give_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path)
    alone = images.load_images(path, (3, 4, 6), resize=False)
    monkeypatch.setattr(images, "_WORTH_A_PROCESS", 2)
    helped = images.load_images(path, (3, 4, 6), resize=False)
    assert alone.keys() == helped.keys()
    for split, (pixels, labels) in alone.items():
        assert np.array_equal(pixels, helped[split][0]) and np.array_equal(labels, helped[split][1])


@pytest.mark.parametrize("workers_from", [2, 1000])
def test_unreadable_image_is_named(workers_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path)
    (path / "train" / "cat" / "3.png").write_bytes(png(3)[:40])
    monkeypatch.setattr(images, "_WORTH_A_PROCESS", workers_from)
    with pytest.raises(DataError, match=r"train/cat/3.png is no readable image"):
        load_data(project(tmp_path, path="pictures"))


def test_other_sizes_are_refused_or_resized(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "train" / "ant" / "0.png").write_bytes(png(100, width=12, height=8))
    with pytest.raises(DataError, match="12x8, the model takes 6x4"):
        load_data(project(tmp_path, path="pictures"))
    splits = load_data(project(tmp_path, path="pictures", resize=True))
    assert len(splits.train) + len(splits.validation) == 8


def test_grey_images(tmp_path: Path) -> None:
    folder(tmp_path)
    assert load_data(project(tmp_path, shape=(1, 4, 6), path="pictures")).train.inputs.shape[1:] == (1, 4, 6)


def test_class_only_in_test(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "train" / "ant").rename(path / "test" / "ant")
    with pytest.raises(DataError, match="'ant' has no training images"):
        load_data(project(tmp_path, path="pictures"))


@pytest.mark.parametrize("name", ["empty", "broken.zip", "broken.npz", "absent.npz"])
def test_no_data_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError) as caught:
        load_data(project(tmp_path, path=name))
    assert caught.value.hint


def test_npz(tmp_path: Path) -> None:
    inputs, labels = np.random.default_rng(0).random((20, 5)), np.arange(20) % 3
    np.savez(
        tmp_path / "d.npz",
        x_train=inputs,
        y_train=labels,
        x_val=inputs[:4] + 1,
        y_val=labels[:4],
        x_test=inputs + 2,
        y_test=labels,
    )
    splits = load_data(project(tmp_path, (5,), path="d.npz"))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 4, 20)
    np.savez(tmp_path / "e.npz", images=inputs)
    with pytest.raises(DataError, match="holds images"):
        load_data(project(tmp_path, (5,), path="e.npz"))


def test_entry(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        "import numpy as np\n"
        "def load():\n    return {'train': (np.zeros((30, 5)), np.zeros(30, int))}\n"
        "def wrong():\n    return 3\n"
        "def raises():\n    return {}['nothing']\n"
    )
    assert len(load_data(project(tmp_path, (5,), entry="data.py:load")).train) > 0
    with pytest.raises(DataError, match="returned a int"):
        load_data(project(tmp_path, (5,), entry="data.py:wrong"))
    with pytest.raises(DataError, match=r"raised KeyError.*line 7"):
        load_data(project(tmp_path, (5,), entry="data.py:raises"))


def test_model_and_data_are_checked_together() -> None:
    inputs = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    labels = np.arange(40) % 4
    splits = make_splits({"train": (inputs, labels)}, (5,))
    check_together(nn.Linear(5, 4), splits, CLASSIFY)
    with pytest.raises(DataError, match="out of range: the highest is 3, the model has 3 classes"):
        check_together(nn.Linear(5, 3), splits, CLASSIFY)
    with pytest.raises(ModelError, match="does not take an input"):
        check_together(nn.Linear(6, 3), splits, CLASSIFY)
    numbers = make_splits({"train": (inputs, np.zeros((40, 2), np.float32))}, (5,))
    with pytest.raises(DataError, match="class labels"):
        check_together(nn.Linear(5, 2), numbers, CLASSIFY)
    with pytest.raises(DataError, match=r"\(2,\) each, the model gives \(3,\)"):
        check_together(nn.Linear(5, 3), numbers, REGRESS)
