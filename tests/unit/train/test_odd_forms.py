"""Data in forms that are odd and common: what is read right, and what is refused with a remedy that works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from edgeprune.errors import DataError
from edgeprune.project.file import project_from
from edgeprune.train.agreement import check_together
from edgeprune.train.data import load_data
from edgeprune.train.objective import make_objective
from edgeprune.train.splits import Splits, make_splits


def loaded(root: Path, shape: tuple[int, ...], path: str, **task: object) -> Splits:
    model = {"entry": "m.py:b", "input": list(shape)}
    return load_data(project_from({"model": model, "data": {"path": path}, "task": task}, root))


def pictures(root: Path, suffix: str = ".png", classes: tuple[str, ...] = ("a", "b")) -> None:
    """Twelve a class, of 16 bits: pixels 256 apart."""
    for label in classes:
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            rng = np.random.default_rng([len(label), ord(label[-1]), number])
            pixels = (rng.integers(0, 256, (4, 6)) << 8).astype(np.uint16)
            Image.fromarray(pixels).save(root / label / f"{number}{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_of_16_bits_the_upper_eight_stay(tmp_path: Path, suffix: str) -> None:
    pictures(tmp_path / "all", suffix)
    splits = loaded(tmp_path, (1, 4, 6), "all")
    expected = np.asarray(Image.open(tmp_path / "all" / "a" / f"0{suffix}")) >> 8
    found = np.concatenate([split.inputs.numpy() for split in (splits.train, splits.validation, splits.test)])
    assert any(np.array_equal(one[0], expected) for one in found)
    assert len(np.unique(found)) > 100


def test_training_and_testing_are_splits_and_hidden_files_nothing(tmp_path: Path) -> None:
    pictures(tmp_path / "all" / "Training")
    pictures(tmp_path / "all" / "Testing", classes=("aa", "bb"))
    (tmp_path / "all" / "Testing" / "aa").rename(tmp_path / "all" / "Testing" / "a")
    (tmp_path / "all" / "Testing" / "bb").rename(tmp_path / "all" / "Testing" / "b")
    (tmp_path / "all" / "Training" / "a" / "._0.png").write_bytes(b"of a Mac")
    splits = loaded(tmp_path, (1, 4, 6), "all")
    assert (len(splits.test), splits.class_names) == (24, ("a", "b"))


def without_classes(root: Path) -> str:
    pictures(root / "all", classes=("train",))
    return "all"


def of_text(root: Path) -> str:
    (root / "all" / "a").mkdir(parents=True)
    (root / "all" / "a" / "notes.txt").write_text("x")
    return "all"


def single(name: str) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        (root / name).write_bytes(b"x")
        return name

    return write


def unread_split(root: Path) -> str:
    x, y = np.zeros((9, 1, 4, 6)), np.zeros(9, int)
    np.savez(root / "d.npz", x_train=x, y_train=y, x_tset=x, y_tset=y)
    return "d.npz"


@pytest.mark.parametrize(
    ("write", "words", "way_out"),
    [
        (without_classes, "train/0.png of all lies in no folder of its class", "<class>/<file>"),
        (of_text, "no images in .*all, but 1 .txt", ".png"),
        (single("d.npy"), "d.npy is no .npz, .zip or folder", "x_train.npy"),
        (single("d.pkl"), "d.pkl is no .npz, .zip or folder", "data.py:load"),
        (single("d.csv"), "d.csv is no .npz, .zip or folder", "<class>/*.csv"),
        (unread_split, "nothing reads x_tset, y_tset", "x_test"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, write: Callable[[Path], str], words: str, way_out: str) -> None:
    with pytest.raises(DataError, match=words) as refusal:
        loaded(tmp_path, (1, 4, 6), write(tmp_path))
    assert way_out in str(refusal.value.hint)


INPUTS = np.random.default_rng(0).random((30, 4)).astype(np.float32)
LABELS = np.arange(30) % 3
WORDS = np.array(["cat", "dog", "owl"])


NAMED = WORDS[LABELS]


@pytest.mark.parametrize("words", [NAMED, NAMED.astype(object), NAMED.astype("S"), [*NAMED]])
def test_labels_may_be_words(words: object) -> None:
    splits = make_splits({"train": (INPUTS, words)}, (4,))
    numbers = make_splits({"train": (INPUTS, LABELS)}, (4,))
    assert splits.class_names == ("cat", "dog", "owl")
    assert splits.train.targets.equal(numbers.train.targets)


def test_words_are_numbered_as_the_task_names_its_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=INPUTS, Y=WORDS[LABELS])
    splits = loaded(tmp_path, (4,), "d.npz", class_names=["owl", "dog", "cat"])
    plain = make_splits({"train": (INPUTS, 2 - LABELS)}, (4,))
    assert splits.train.targets.equal(plain.train.targets)
    with pytest.raises(DataError, match="'train' has the label 'owl', which is not among class_names"):
        loaded(tmp_path, (4,), "d.npz", class_names=["dog", "cat"])
    with pytest.raises(DataError, match="'test' has the label 'owl', which is not among the labels of 'train'"):
        make_splits({"train": (INPUTS, ["cat"] * 30), "test": (INPUTS + 1, ["owl"] * 30)}, (4,))


@pytest.mark.parametrize(
    ("targets", "remedy"),
    [
        (np.eye(3)[LABELS], lambda targets: targets.argmax(1)),
        (np.eye(3, dtype=np.int64)[LABELS], lambda targets: targets.argmax(1)),
        (LABELS[:, None], lambda targets: targets[:, 0]),
        (LABELS.astype(np.float64), lambda targets: targets.astype(np.int64)),
    ],
)
def test_labels_in_another_form_are_refused_with_what_makes_labels(
    tmp_path: Path, targets: np.ndarray, remedy: Callable[[np.ndarray], np.ndarray]
) -> None:
    project = project_from({"model": {"entry": "m.py:b", "input": [4]}, "data": {"path": "d.npz"}}, tmp_path)
    objective, module = make_objective(project), nn.Linear(4, 3).eval()
    with pytest.raises(DataError) as refusal:
        check_together(module, make_splits({"train": (INPUTS, targets)}, (4,)), objective)
    assert "targets" in str(refusal.value.hint)
    check_together(module, make_splits({"train": (INPUTS, remedy(targets))}, (4,)), objective)


def csv_folder(root: Path, change: Callable[[str], bytes]) -> np.ndarray:
    values = np.arange(24, dtype=np.float32).reshape(12, 2)
    for label in ("a", "b"):
        (root / "all" / label).mkdir(parents=True)
        for number in range(5):
            own = values + 100 * number + 1000 * (label == "b")
            text = "\n".join(f"{x:g},{y:g}" for x, y in own) + "\n"
            (root / "all" / label / f"{number}.csv").write_bytes(change(text))
    return values


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: b"\xef\xbb\xbfax,ay\r\n" + text.replace("\n", "\r\n").encode() + b"\r\n",
        lambda text: text.replace(",", ";").encode(),
        lambda text: b"ax\tay\n" + text.replace(",", "\t").encode(),
        lambda text: text.replace(",", "  ").encode(),
        lambda text: b'"ax","ay"\n' + text.replace(",", '","').replace("\n", '"\n"')[:-1].join('""').encode()[:-1],
    ],
)
def test_recordings_with_other_separators_and_line_ends(tmp_path: Path, change: Callable[[str], bytes]) -> None:
    values = csv_folder(tmp_path, change)
    splits = loaded(tmp_path, (2, 12), "all")
    found = np.concatenate([split.inputs.numpy() for split in (splits.train, splits.validation, splits.test)])
    assert sorted(found[:, 0, 0]) == [100.0 * n + 1000 * b for b in range(2) for n in range(5)]
    assert np.array_equal(found[np.argmin(found[:, 0, 0])], values.T)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("\n4,", "\nnan,").encode(), "line 3 holds 'nan', no finite number"),
        (lambda text: text.replace("\n4,", "\nx,").replace("104,", "x,").encode(), "no finite number"),
        (lambda text: text.encode() + b"1\n", "line 1 holds|line 13 has 1 cells, the first 2"),
        (lambda text: b"", "it is empty"),
        (lambda text: b"ax;ay\n" + text.replace(",", ",5;").encode(), "decimals take a point"),
    ],
)
def test_rows_that_are_no_numbers_are_named(tmp_path: Path, change: Callable[[str], bytes], words: str) -> None:
    csv_folder(tmp_path, change)
    with pytest.raises(DataError, match=words):
        loaded(tmp_path, (2, 12), "all")


class Samples(Dataset[Any]):
    def __init__(self, sample: Callable[[int], Any]) -> None:
        self._sample = sample

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> Any:
        return self._sample(index)


def picture(index: int, mode: str) -> Image.Image:
    pixels = np.random.default_rng(index).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("RGBA", 3), ("CMYK", 3), ("LA", 1), ("1", 1), ("L", 1)])
def test_pictures_of_a_dataset_are_grey_or_rgb(mode: str, channels: int) -> None:
    source = "L" if mode == "LA" else "RGB"
    splits = make_splits({"train": Samples(lambda k: (picture(k, source).convert(mode), k % 3))}, (channels, 4, 6))
    expected = picture(0, source).convert(mode).convert("RGB" if channels == 3 else "L")
    wanted = np.asarray(expected).reshape(4, 6, channels).transpose(2, 0, 1)
    found = np.concatenate([split.inputs.numpy() for split in (splits.train, splits.validation, splits.test)])
    assert any(np.array_equal(one, wanted) for one in found)


def test_label_maps_keep_their_places_in_a_palette() -> None:
    def sample(index: int) -> tuple[Image.Image, Image.Image]:
        labels = Image.new("P", (6, 4), index % 5)
        labels.putpalette([255, 0, 0] * 256)
        return picture(index, "RGB"), labels

    targets = make_splits({"train": Samples(sample)}, (3, 4, 6)).train.targets
    assert set(targets.unique().tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("batched", [False, True])
def test_datasets_with_words_as_labels(batched: bool) -> None:
    dataset = Samples(lambda k: (INPUTS[k], str(NAMED[k])))
    data = DataLoader(dataset, 7) if batched else dataset
    splits = make_splits({"train": data}, (4,))
    assert splits.class_names == ("cat", "dog", "owl")
    assert splits.train.targets.equal(make_splits({"train": (INPUTS, LABELS)}, (4,)).train.targets)


def test_a_list_of_samples_is_a_dataset() -> None:
    splits = make_splits({"train": [(INPUTS[k], int(LABELS[k])) for k in range(30)]}, (4,))
    assert splits.train.targets.equal(make_splits({"train": (INPUTS, LABELS)}, (4,)).train.targets)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (lambda k: (INPUTS[k], 1 // (k - 5)), "raises ZeroDivisionError at 5"),
        (lambda k: (INPUTS[k], None), "is no array of numbers"),
        (lambda k: (INPUTS[k], k, 0), "has 2 inputs a sample, the model takes one"),
        (lambda k: ("a sentence", 0), "inputs of 'train' are of type <U"),
    ],
)
def test_datasets_that_give_something_else_are_refused(sample: Callable[[int], Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_splits({"train": Samples(sample)}, (4,))
