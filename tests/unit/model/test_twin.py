"""Copies of modules that hold more than weights: kept features, hooks and lambdas of their own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import checked_float_form
from edgeprune.model.twin import copied, twin


class Hooked(nn.Module):
    """A hook keeps features that forward() reads; a lambda of the module calls another layer of it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 3))
        self.head = nn.Linear(12, 5)
        self.kept: dict[str, list[Tensor]] = {}
        self.body[0].register_forward_hook(self._keeping("first"))
        self.classify = lambda features: self.head(features)

    def _keeping(self, name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self.kept[name] = [output]

        return hook

    def forward(self, x: Tensor) -> Tensor:
        last = self.body(x)
        both = torch.cat([last.mean((2, 3)), self.kept["first"][0].mean((2, 3))], 1)
        return self.classify(both)  # type: ignore[no-any-return,no-untyped-call]


def _run_before() -> nn.Module:
    torch.manual_seed(0)
    module = Hooked()
    module(torch.randn(2, 3, 8, 8)).sum().backward()  # as a hook leaves it: with features that know their gradients
    return module.eval()


@pytest.mark.parametrize("copy", [copied, lambda module: twin(module, torch.clone)], ids=["copied", "twin"])
def test_a_copy_runs_by_itself(copy: Any) -> None:
    original, x = _run_before(), torch.randn(4, 3, 8, 8)
    wanted, other = original(x), copy(original)
    with torch.no_grad():
        original.get_parameter("body.0.weight").zero_()
        original.get_parameter("head.weight").zero_()
    torch.testing.assert_close(other(x), wanted)
    assert not original(x)[:, 0].std() > 0  # the copy's own run wrote nothing into it


def test_it_is_exported_as_torch_runs_it() -> None:
    checked_float_form(_run_before(), torch.randn(8, 3, 8, 8))
