"""Samples of several inputs: from a function, an .npz, a Dataset; what does not suit the model is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from edgeprune.errors import DataError, UsageError
from edgeprune.model.inputs import Inputs, Taken
from edgeprune.project.file import project_from
from edgeprune.train.data import load_data
from edgeprune.train.forms.several_inputs import joined_inputs

INPUTS = Inputs(("image", "extra"), ((1, 4, 4), (3,)), Taken.ARGUMENTS)
COUNT = 40


def arrays() -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (COUNT, 1, 4, 4)).astype(np.uint8)
    return {"image": image, "extra": rng.normal(size=(COUNT, 3)).astype(np.float32)}, np.arange(COUNT) % 2


class Pairs(Dataset[Any]):
    def __init__(self, named: bool):
        self.parts, self.labels = arrays()
        self.named = named

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        own = {name: part[index] for name, part in self.parts.items()}
        return (own, self.labels[index]) if self.named else (own["image"], own["extra"], self.labels[index])


def test_every_form_of_samples_is_the_same_tensor() -> None:
    parts, labels = arrays()
    wanted = torch.cat([torch.from_numpy(parts["image"]).flatten(1) / 255.0, torch.from_numpy(parts["extra"])], 1)
    given = [
        (parts, labels),
        (tuple(parts.values()), labels),
        ({name: torch.from_numpy(part) for name, part in parts.items()}, labels),
        Pairs(named=True),
        Pairs(named=False),
        DataLoader(Pairs(named=True), batch_size=7),
        DataLoader(Pairs(named=False), batch_size=7),
    ]
    for value in given:
        packed, targets = joined_inputs({"train": value}, INPUTS, {}, {})["train"]
        assert torch.allclose(packed, wanted), type(value)
        assert np.array_equal(np.asarray(targets), labels)


def test_each_input_has_a_scale_of_its_own() -> None:
    parts, labels = arrays()
    packed, _ = joined_inputs({"train": (parts, labels)}, INPUTS, {"extra": (1.0, 2.0, 3.0)}, {"image": (0.5,)})[
        "train"
    ]
    assert torch.allclose(packed[:, 16:], torch.from_numpy(parts["extra"]) - torch.tensor([1.0, 2.0, 3.0]))
    assert torch.allclose(packed[:, :16], torch.from_numpy(parts["image"]).flatten(1) / 255 / 0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda parts: {"image": parts["image"]}, "has no extra, but image"),
        (
            lambda parts: parts | {"extra": parts["extra"][:, :2]},
            r"is \(40, 2\), the model takes \(3,\)",
        ),
        (lambda parts: parts | {"extra": parts["extra"][:9]}, "40 of image, 9 of extra"),
        (lambda parts: (parts["image"],) * 3, "are 3 arrays, the model takes 2: image, extra"),
        (lambda parts: parts["image"], "are a ndarray, the model takes 2"),
        (lambda parts: parts | {"extra": np.array(["a"] * COUNT)}, "of type <U1"),
    ],
)
def test_what_does_not_suit_the_model_is_named(change: Any, words: str) -> None:
    parts, labels = arrays()
    with pytest.raises(DataError, match=words):
        joined_inputs({"train": (change(parts), labels)}, INPUTS, {}, {})


def test_an_npz_holds_an_array_for_each_input(tmp_path: Path) -> None:
    parts, labels = arrays()
    np.savez(tmp_path / "data.npz", x_train_image=parts["image"], x_train_extra=parts["extra"], y_train=labels)
    splits = load_data(project_from(tables() | {"data": {"path": "data.npz"}}, tmp_path))
    assert splits.train.inputs.shape == (29, 19) and splits.test.inputs.shape == (8, 19)
    with pytest.raises(DataError, match="one input a sample, the model takes image, extra"):
        load_data(project_from(tables() | {"data": {"path": "."}}, tmp_path))


def test_inputs_without_names_come_in_the_order_of_forward(tmp_path: Path) -> None:
    parts, labels = arrays()
    np.savez(tmp_path / "data.npz", x_train_0=parts["image"], x_train_1=parts["extra"], y_train=labels)
    project = project_from(
        {"model": {"entry": "m.py:b", "input": [[1, 4, 4], [3]]}, "data": {"path": "data.npz"}}, tmp_path
    )
    assert project.model.sample_shape == (19,) and load_data(project).train.inputs.shape == (29, 19)
    unnamed = Inputs(("0", "1"), INPUTS.shapes, Taken.ARGUMENTS)
    for given in (parts, tuple(parts.values())):
        assert joined_inputs({"train": (given, labels)}, unnamed, {}, {})["train"][0].shape == (COUNT, 19)


def tables() -> dict[str, Any]:
    return {
        "model": {"entry": "model.py:build", "inputs": {"image": [1, 4, 4], "extra": [3]}},
        "data": {"entry": "d.py:f"},
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": {"entry": "model.py:build"}}, "give either 'input'"),
        ({"model": {"entry": "model.py:build", "input": [3], "inputs": {"a": [3]}}}, "give either 'input'"),
        ({"data": {"entry": "d.py:f", "mean": [0.5]}}, "data.mean is a table by the names of 'inputs'"),
        ({"data": {"entry": "d.py:f", "std": {"other": [1.0]}}}, "data.std.other: the inputs are image, extra"),
        ({"data": {"entry": "d.py:f", "std": {"extra": [1.0, 2.0]}}}, "data.std.extra has 2 values, the input 3"),
        ({"data": {"entry": "d.py:f", "augment": "crop"}}, "data.augment is for images"),
        ({"model": {"entry": "m.py:b", "input": [3]}, "data": {"entry": "d.py:f", "mean": {"a": [1.0]}}}, "is a list"),
    ],
)
def test_a_project_states_inputs_once_and_scales_them_by_name(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        project_from(tables() | change, tmp_path)
