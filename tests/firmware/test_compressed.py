"""Compressed weights give LiteRT's bytes, and are chosen only where flash gets smaller."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeprune.codegen.emit import emit
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.kernels.compressed import CODE_BYTES, coded_bytes, sparse_bytes
from edgeprune.resources import shipped
from edgeprune.target.profile import Isa
from edgeprune.tflite.read import read_tflite
from tests.firmware import random_layers
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.overlapped import place_overlapped


def _usual(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(np.round(rng.normal(0, 40, shape)), -127, 127)


def _sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(rng.random(shape) < 0.9, 0, _usual(rng, shape))


def _clustered(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice(np.unique(rng.integers(-127, 128, 16)), shape)


@pytest.mark.parametrize("kind", ["conv2d", "dense"])
@pytest.mark.parametrize(("weights", "storage"), [(_sparse, "sparse"), (_clustered, "coded"), (_usual, None)])
def test_bytes(
    kind: str, weights: Callable[..., np.ndarray], storage: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_layers, "_weights", weights)
    model = random_layers.random_model(kind, 20, seed=3)
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.REF, Optimize.SIZE)
    compressed = [call for call in calls if call.function in CODE_BYTES]
    if storage is None:
        large = [call for call in compressed if call.work.macs > 200]
        assert not large
    else:
        assert sum(call.function == f"ep_{kind}_{storage}_ref" for call in compressed) >= 5
    plan = place_overlapped(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        for op, a, b in zip(graph.ops, ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=op.name)


def test_what_saves_less_than_the_code_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small layer's zeros take less than the code that leaves them out. Other trades stay plain too."""
    monkeypatch.setattr(random_layers, "_weights", _sparse)
    graph = read_tflite(random_layers.random_model("conv2d", 1, seed=0))
    assert graph.tensors[graph.ops[0].inputs[1]].element_count < min(CODE_BYTES.values())
    assert lower(graph, Isa.REF, Optimize.SIZE)[0].function == "ep_conv2d_ref"
    many = read_tflite(random_layers.random_model("conv2d", 20, seed=3))
    assert not any(call.function in CODE_BYTES for call in lower(many, Isa.REF, Optimize.SPEED))


def test_storages_read_back() -> None:
    """Decoded here the way the headers say, apart from the C."""
    rng = np.random.default_rng(0)
    rows = _sparse(rng, (7, 13)).astype(np.int8)
    packed, at = sparse_bytes(rows), 0
    for row in rows:
        bits, at = np.unpackbits(packed[at : at + 2], bitorder="little")[:13], at + 2
        np.testing.assert_array_equal(bits, row != 0)
        count = int(bits.sum())
        np.testing.assert_array_equal(packed[at : at + count].view(np.int8), row[row != 0])
        at += count
    assert at == packed.size
    rows = _clustered(rng, (3, 5)).astype(np.int8)
    coded = coded_bytes(rows)
    numbers = np.stack([coded[16:] & 15, coded[16:] >> 4], axis=1).reshape(3, 6)[:, :5]
    np.testing.assert_array_equal(coded[:16].view(np.int8)[numbers], rows)


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55"])
def test_code_is_no_larger_than_counted(core: str, tmp_path: Path) -> None:
    """Each function with the local ones it calls; 64-bit multiplication on ARMv6-M comes from libgcc, 80 bytes."""
    firmware = shipped("firmware")
    library = 80 if core == "cortex-m0" else 0
    flags = ["-Os", f"-mcpu={core}", "-mthumb", "-std=c11", "-ffreestanding", "-fomit-frame-pointer"]
    folders = [f"-I{firmware / 'include'}", f"-I{firmware / 'libc' / 'include'}"]
    path = firmware / "kernels" / "ref" / "compressed.c"
    subprocess.run(["arm-none-eabi-gcc", *flags, *folders, "-c", str(path), "-o", "a.o"], cwd=tmp_path, check=True)
    listed = subprocess.check_output(["arm-none-eabi-nm", "-S", "a.o"], cwd=tmp_path, text=True)
    lines = [line.split() for line in listed.splitlines()]
    sizes = {words[3].split(".")[0]: int(words[1], 16) for words in lines if len(words) == 4}
    for name, counted in CODE_BYTES.items():
        decoder = sizes["add_sparse" if "sparse" in name else "add_coded"]
        rounding = sizes.get("ep_requant", 0) if "conv2d" in name else 0
        assert sizes[name] + decoder + rounding + library <= counted, (name, sizes)
