"""Several inputs in one tensor of samples, and inputs of whole numbers."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export.tflite import export_tflite, torch_outputs
from edgeprune.model.inputs import Taken, inputs_of, with_inputs, with_whole_numbers
from edgeprune.prune.network import Network
from edgeprune.prune.surgery.thin import thin
from edgeprune.quantize.host import dequantized_outputs

SHAPES = {"image": (3, 8, 6), "extra": (4,)}


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dense, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(4, 6), nn.Linear(14, 5)

    def joined(self, image: Tensor, extra: Tensor) -> dict[str, Tensor]:
        features = torch.cat([self.conv(image).relu().mean((2, 3)), self.dense(extra).relu()], 1)
        return {"logits": self.head(features), "sum": extra.sum(1, keepdim=True)}

    def forward(self, image: Tensor, extra: Tensor) -> dict[str, Tensor]:
        return self.joined(image, extra)


class OfMapping(Two):
    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:  # type: ignore[override]
        return self.joined(batch["image"], batch["extra"])


class OfSequence(Two):
    def forward(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:  # type: ignore[override]
        return self.joined(*batch)


class Optional(Two):
    def forward(self, image: Tensor, extra: Tensor | None = None, *, scale: float = 1.0) -> dict[str, Tensor]:  # type: ignore[override]
        return self.joined(image * scale, image.mean((1, 2, 3))[:, None].expand(-1, 4) if extra is None else extra)


def samples(count: int = 12) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(count, *shape, generator=generator) for name, shape in SHAPES.items()}


@pytest.mark.parametrize(
    ("network", "given", "taken"),
    [
        (Two, SHAPES, Taken.ARGUMENTS),
        (Two, [*SHAPES.values()], Taken.ARGUMENTS),
        (OfMapping, SHAPES, Taken.MAPPING),
        (OfSequence, [*SHAPES.values()], Taken.SEQUENCE),
        (Optional, SHAPES, Taken.ARGUMENTS),
    ],
)
def test_a_packed_sample_gives_what_its_parts_give(network: type[Two], given: Any, taken: Taken) -> None:
    torch.manual_seed(0)
    module, parts = network().eval(), samples()
    taking = with_inputs(module, given)
    inputs = inputs_of(taking)
    assert inputs is not None and inputs.taken is taken and inputs_of(module) is None
    packed = inputs.packed([*parts.values()])
    assert packed.shape == (12, 3 * 8 * 6 + 4)
    assert all(torch.equal(one, other) for one, other in zip(inputs.parts_of(packed), parts.values(), strict=True))
    args, kwargs = inputs.call_with([*parts.values()])
    for called in (taking, copy.deepcopy(taking)):
        for key, wanted in module(*args, **kwargs).items():
            assert torch.equal(called(packed)[key], wanted)
            assert torch.equal(called(*args, **kwargs)[key], wanted)  # as its user calls it
    again = with_inputs(module, inputs.stated())
    assert inputs_of(again) == inputs


def test_several_inputs_are_thinned_and_exported_under_their_names() -> None:
    torch.manual_seed(0)
    module = with_inputs(Two().eval(), SHAPES)
    inputs = inputs_of(module)
    assert inputs is not None
    packed = inputs.packed([*samples(64).values()])
    network = Network.of(module, inputs.packed_shape)
    graph = network.traced.graph
    assert [graph.tensors[index].name for index in graph.inputs] == ["image", "extra"]
    assert [graph.tensors[index].shape for index in graph.inputs] == [(1, 8, 6, 3), (1, 4)]
    thinned = thin(module, network.groups, {"conv": [0, 2, 5], "dense": [1, 2]})
    exported = export_tflite(thinned, packed)
    assert exported.sqnr_db > 30
    wanted, got = torch_outputs(thinned, packed), dequantized_outputs(exported.stripped, packed.numpy())
    for one, other in zip(wanted, got, strict=True):
        assert 10 * np.log10(np.square(one).sum() / np.square(one - other).sum()) > 28


@pytest.mark.parametrize(
    ("network", "given", "words"),
    [
        (Two, {"image": (3, 8, 6)}, r"takes image, extra, the inputs are image"),
        (Two, {"image": (3, 8, 6), "more": (4,)}, r"inputs = \{ image"),
        (Two, [(3, 8, 6)], r"the inputs are 1 without names"),
        (Two, [(1,)] * 3, r"the inputs are 3 without names"),
    ],
)
def test_other_inputs_than_forward_takes_are_refused(network: type[Two], given: Any, words: str) -> None:
    with pytest.raises(ModelError) as refusal:
        with_inputs(network(), given)
    assert re.search(words, f"{refusal.value.message} {refusal.value.hint}")


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 8), nn.Linear(9, 3)

    def forward(self, words: Tensor, level: Tensor) -> Tensor:
        return self.head(torch.cat([self.table(words).mean(1), level], 1))


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.EmbeddingBag(20, 8), nn.Linear(8, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.table(words))


def test_indices_come_as_whole_numbers_and_other_inputs_do_not() -> None:
    torch.manual_seed(0)
    words, level = torch.randint(0, 20, (10, 6)), torch.rand(10, 1)
    module = with_inputs(Tokens().eval(), {"words": (6,), "level": (1,)})
    inputs = inputs_of(module)
    assert inputs is not None
    taking = with_whole_numbers(module, inputs.packed_shape)
    packed = inputs.packed([words, level])
    assert torch.equal(taking(packed), Tokens.forward(module, words, level))
    assert export_tflite(taking, packed).sqnr_db > 28


def test_a_network_of_indices_is_exported_without_a_cast_of_its_own() -> None:
    torch.manual_seed(0)
    words = torch.randint(0, 20, (32, 6))
    bag = Bag().eval()
    taking = with_whole_numbers(bag, (6,))
    assert torch.equal(taking(words.float()), bag(words))
    assert export_tflite(taking, words.float()).sqnr_db > 28
    plain = nn.Linear(6, 2).eval()
    assert with_whole_numbers(plain, (6,)) is plain
