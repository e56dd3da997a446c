"""Recordings in class folders: windows, splits by recording, and what is refused."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from edgeprune.errors import DataError
from edgeprune.project.file import Project, project_from
from edgeprune.train.data import load_data
from edgeprune.train.splits import make_splits


def project(root: Path, shape: tuple[int, ...], **data: object) -> Project:
    return project_from({"model": {"entry": "m.py:b", "input": list(shape)}, "data": {"path": "all"} | data}, root)


def csv(folder: Path, name: str, first: int, moments: int = 25, head: str = "") -> None:
    """Each recording's values begin at a number of its own, so that windows tell where they are from."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{first + moment},{-first - moment}" for moment in range(moments)]
    (folder / name).write_text("\n".join([head] * bool(head) + rows) + "\n")


@pytest.mark.parametrize("head", ["", "ax,ay"])
def test_windows_of_one_recording_are_in_one_split(tmp_path: Path, head: str) -> None:
    for label in ("walk", "run"):
        for number in range(10):
            csv(tmp_path / "all" / label, f"{number}.csv", 1000 * number + 100_000 * (label == "walk"), head=head)
    splits = load_data(project(tmp_path, (2, 10), window_step=5))
    recordings = {
        name: {(int(window[0, 0]) // 1000) for window in getattr(splits, name).inputs}
        for name in ("train", "validation", "test")
    }
    assert [len(recordings[name]) for name in recordings] == [14, 2, 4]
    assert not recordings["train"] & recordings["test"] and not recordings["train"] & recordings["validation"]
    assert len(splits.test) == 4 * 4 and splits.test.inputs.shape[1:] == (2, 10)
    window = splits.test.inputs[0]
    assert torch.equal(window[0], window[0, 0] + torch.arange(10)) and torch.equal(window[1], -window[0])
    assert torch.equal(splits.test.targets, (splits.test.inputs[:, 0, 0] >= 100_000).long())  # run, walk


def test_folders_of_splits_are_kept(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            csv(
                tmp_path / "all" / split / "walk",
                f"{number}.csv",
                1000 * number + 50_000 * (split == "test"),
                moments=40,
            )
    assert len(load_data(project(tmp_path, (2, 10))).test) == 8


def wav(values: np.ndarray, rate: int = 8000, width: int = 2) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(values.astype({1: "u1", 2: "<i2", 4: "<i4"}[width]).tobytes())
    return stream.getvalue()


@pytest.mark.parametrize(("width", "low"), [(1, 0), (2, -(2**15)), (4, -(2**31))])
def test_sound_becomes_minus_one_to_one(tmp_path: Path, width: int, low: int) -> None:
    top = low + 2 ** (8 * width) - 2 ** (8 * width - 7)
    for number in range(6):
        path = tmp_path / "all" / "tone" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(np.where(np.arange(16) == number, top, low), width=width))
    windows = load_data(project(tmp_path, (1, 16))).train.inputs
    assert float(windows.min()) == -1 and float(windows.max()) == pytest.approx(1 - 1 / 64, abs=1e-6)


REFUSED = {
    "shorter than a window": ({"0.csv": "1,2\n3,4\n"}, r"0.csv is 2 moments of 2 channels"),
    "words": ({"0.csv": "ax,ay\n1,2\nend,of\n"}, "0.csv is no readable recording"),
    "no sound": ({"0.wav": "RIFF but not"}, "0.wav is no readable recording"),
    "nothing": ({"notes.txt": "x"}, "no recordings in"),
    "too few": ({f"{k}.csv": "1,2\n" * 10 for k in range(3)}, "class 'walk' has 3 recordings, too few"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_told(tmp_path: Path, name: str) -> None:
    files, words = REFUSED[name]
    filled = {f"{k}.csv": "1,2\n" * 10 for k in range(10, 16 if name != "too few" and name != "nothing" else 10)}
    for file, text in (filled | files).items():
        (tmp_path / "all" / "walk").mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / "walk" / file).write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        load_data(project(tmp_path, (2, 10)))
    assert caught.value.hint


def test_sounds_of_two_rates_are_refused(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "all" / "tone" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(np.zeros(16), rate=16000 if number == 3 else 8000))
    with pytest.raises(DataError, match="different rates"):
        load_data(project(tmp_path, (1, 16)))


INPUTS, TARGETS = torch.arange(60.0).reshape(20, 3), torch.arange(20) % 2


class Counted(Dataset[tuple[torch.Tensor, int]]):
    def __len__(self) -> int:
        return len(INPUTS)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return INPUTS[index], int(TARGETS[index])


class Streamed(IterableDataset[tuple[np.ndarray, int]]):
    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([(row.numpy(), int(target)) for row, target in zip(INPUTS, TARGETS, strict=True)])


@pytest.mark.parametrize(
    "given", [Counted(), Streamed(), TensorDataset(INPUTS, TARGETS), DataLoader(TensorDataset(INPUTS, TARGETS), 7)]
)
def test_datasets_and_loaders(given: object) -> None:
    splits = make_splits({"train": given, "test": (INPUTS + 100, TARGETS)}, (3,))
    everything = torch.cat([splits.train.inputs, splits.validation.inputs])
    assert torch.equal(everything.sort(dim=0).values, INPUTS)
    assert torch.equal(splits.train.targets, splits.train.inputs[:, 0].long() // 3 % 2)


class Rows(Counted):
    def __getitem__(self, index: int) -> dict[str, object]:  # type: ignore[override]
        return {"audio": INPUTS[index], "kind": 0}


class Ragged(Counted):
    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.zeros(1 + index), 0


@pytest.mark.parametrize(
    ("given", "words"), [(Rows(), "gives a dict of audio, kind, not"), (Ragged(), "do not make one array")]
)
def test_datasets_of_something_else_are_told(given: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_splits({"train": given}, (3,))
