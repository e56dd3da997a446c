"""Which processor trains, in which numbers. No GPU is needed: doubles stand in for torch's own answers."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from edgeprune.errors import UsageError
from edgeprune.train import finetune as finetuning
from edgeprune.train.finetune import finetune
from edgeprune.train.machine import full_precision, reduced_precision, training_device
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import make_splits
from edgeprune.train.training_state import TrainSettings

GPU = torch.device("cuda")


@pytest.mark.parametrize(
    ("name", "has_gpu", "found"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_auto_is_a_gpu_where_there_is_one(
    name: str, has_gpu: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)  # a double
    assert training_device(name).type == found


def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # a double
    with pytest.raises(UsageError, match="torch finds none"):
        training_device("cuda")
    with pytest.raises(UsageError, match="no device is called 'tpu'"):
        training_device("tpu")


@pytest.mark.parametrize(("bf16", "amx", "expected"), [(True, False, True), (False, True, True), (False, False, False)])
def test_bfloat16_where_the_cpu_multiplies_it(
    bf16: bool, amx: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)  # doubles
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    cpu, ones = torch.device("cpu"), torch.ones(2, 2)
    with reduced_precision(cpu):
        assert ((ones @ ones).dtype == torch.bfloat16) == expected
        with full_precision(cpu):
            assert (ones @ ones).dtype == torch.float32


class Moves(TorchFunctionMode):
    """The double of a GPU: what is moved there stays where it is, with a mark."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.to and args[1] == GPU:
            marked = args[0].view_as(args[0])
            marked.moved = True
            return marked
        return function(*args, **(kwargs or {}))


def test_everything_moves_to_the_gpu_and_the_networks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "training_device", lambda name: GPU)  # doubles
    monkeypatch.setattr(finetuning, "device_of", lambda module: GPU)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: nullcontext())
    images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    splits = make_splits({"train": (images, torch.arange(64) % 3)}, (1, 8, 8))
    moved = dict[str, list[Any]]()

    class Watched(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training:
                moved.setdefault("samples", []).append(getattr(x, "moved", False))
            return super().forward(x)

        def to(self, *args: Any, **kwargs: Any) -> "Watched":
            moved.setdefault("network", []).extend(args)
            return self

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        moved.setdefault("targets", []).append(getattr(targets, "moved", False))
        return nn.functional.cross_entropy(outputs, targets)

    module = Watched(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    with Moves():
        finetune(module, splits, Objective("own", loss, METRICS["accuracy"]), TrainSettings(epochs=1, batch=16))
    assert moved["network"] == [GPU, "cpu"]
    assert moved["samples"] and all(moved["samples"]) and moved["targets"] and all(moved["targets"])
