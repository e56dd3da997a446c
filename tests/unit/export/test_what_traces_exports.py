"""A network that the tracer takes can be exported; what it does not take is refused by the user's line, untrained.

Of random networks `tests/unit/model/test_random_modules.py` holds the same: each one is traced and exported.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.errors import ModelError
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.registry import load_target
from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.model.trace import trace

SHARED = Path(__file__).resolve().parents[4] / "shared" / "networks"
LISTED = tomllib.loads((SHARED / "index.toml").read_text()) if SHARED.is_dir() else {}
SHAPES = {name: (1, *one["input"]) for name, one in LISTED.items() if isinstance(one["input"][0], int)}

pytestmark = pytest.mark.skipif(not SHAPES, reason="needs ../shared/networks")


def network(name: str) -> nn.Module:
    spec = importlib.util.spec_from_file_location(f"shared_{name}", SHARED / f"{name}.py")
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = source
    spec.loader.exec_module(source)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of reparametrizations that torch renamed
        return with_plain_weights(source.build()).eval()


def refusal(name: str) -> ModelError | None:
    try:
        trace(network(name), SHAPES[name])
    except ModelError as refused:  # UnsupportedOp is one
        return refused
    return None


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_traced_or_refused_by_the_users_line(name: str) -> None:
    refused = refusal(name)
    if refused is not None:
        assert re.search(rf"\b{name}\.py:\d+", refused.message), refused.message
        assert refused.hint


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_what_is_traced_is_exported_and_compiled(name: str) -> None:
    if refusal(name) is not None:
        pytest.skip("is refused when traced")
    samples = torch.randn(8, *SHAPES[name][1:], generator=torch.Generator().manual_seed(0))
    if any(isinstance(child, nn.Embedding) for child in network(name).modules()):
        samples = samples.abs().round()  # rows of a table
    exported = export_tflite(network(name), samples)
    assert compile_model(exported.stripped, load_target("cortex-m4"), CompileOptions(Optimize.BALANCED)).calls
