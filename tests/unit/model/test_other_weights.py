"""Weights in files of other programs, in folders, and entries that are calls: named with the way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edgeprune.errors import ModelError
from edgeprune.model.checkpoints.read import read_checkpoint
from edgeprune.project.entry import load_entry


@pytest.mark.parametrize(
    ("name", "content", "words", "way_out"),
    [
        ("w.h5", b"\x89HDF\r\n", "an HDF5 file", "torch.save"),
        ("w.onnx", b"\x08\x07", "a graph of ONNX", "checkpoint"),
        ("w.pt", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"),
        ("w-00001-of-00003.safetensors", b"", "one of 3 shards", "w.safetensors.index.json"),
    ],
)
def test_what_other_programs_write_is_called_that(
    tmp_path: Path, name: str, content: bytes, words: str, way_out: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words) as refusal:
        read_checkpoint(tmp_path / name)
    assert way_out in str(refusal.value.hint)


def test_arrays_of_numpy_are_refused_with_what_makes_weights_of_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", weight=np.ones((2, 3), np.float32))
    with pytest.raises(ModelError, match="arrays of NumPy"):
        read_checkpoint(tmp_path / "w.npz")
    arrays = np.load(tmp_path / "w.npz")
    torch.save({name: torch.from_numpy(each) for name, each in arrays.items()}, tmp_path / "w.pt")
    assert read_checkpoint(tmp_path / "w.pt")["weight"].shape == (2, 3)


def test_a_folder_of_safetensors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a folder with 0 files"):
        read_checkpoint(tmp_path)
    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors")
    assert read_checkpoint(tmp_path)["weight"].tolist() == [1, 1]
    save_file({"bias": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="a folder with 2 files"):
        read_checkpoint(tmp_path)


def test_a_call_is_no_entry(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a call") as refusal:
        load_entry("timm:create_model('a', num_classes=10)", tmp_path, ModelError)
    assert 'entry = "timm:create_model"' in str(refusal.value.hint)
