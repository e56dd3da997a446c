"""Compressed weights give LiteRT's bytes, and are chosen only where flash gets smaller."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.linear.compressed import CODE_BYTES
from edgeprune.engine.kernels.packed import Packed, pack
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Isa
from tests.firmware import random_layers
from tests.firmware.host_engine import random_samples
from tests.firmware.layer_bytes import assert_host_bytes


def _usual(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(np.round(rng.normal(0, 40, shape)), -127, 127)


def _sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(rng.random(shape) < 0.9, 0, _usual(rng, shape))


def _clustered(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice(np.unique(rng.integers(-127, 128, 16)), shape)


def _kernels(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Whole kernels of a convolution are zero; single weights of a dense layer."""
    gone = rng.random((shape[0], *[1] * (len(shape) - 2), shape[-1])) < 0.8
    return np.where(gone, 0, _usual(rng, shape))


def _patterns(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One of four patterns inside each kernel, or none of it."""
    taps = int(np.prod(shape[1:-1]))
    known = np.concatenate([rng.random((4, taps)) < 0.4, np.zeros((2, taps), np.bool_)])
    picked = known[rng.integers(0, len(known), (shape[0], shape[-1]))]
    return np.where(picked.transpose(0, 2, 1).reshape(shape), _usual(rng, shape), 0)


def _sparse_and_clustered(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(rng.random(shape) < 0.7, 0, _clustered(rng, shape))


@pytest.mark.parametrize(("kind", "isa"), [("conv2d", Isa.REF), ("conv2d", Isa.DSP), ("dense", Isa.REF)])
@pytest.mark.parametrize("weights", [_sparse, _clustered, _kernels, _patterns, _sparse_and_clustered, _usual])
def test_bytes(kind: str, isa: Isa, weights: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_layers, "_weights", weights)
    monkeypatch.setattr(random_layers, "_some_light", lambda rng, values: values)
    model = random_layers.random_model(kind, 20, seed=3)
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, isa, Optimize.SIZE)
    compressed = [call for call in calls if call.function in CODE_BYTES]
    if weights is _usual:
        assert not [call for call in compressed if call.work.macs > 200]
    else:
        assert len(compressed) >= 5
    assert_host_bytes(model, graph, calls, samples)


def test_what_saves_less_than_the_code_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small layer's zeros take less than the code that leaves them out. Other trades stay plain too."""
    monkeypatch.setattr(random_layers, "_weights", _sparse)
    graph = read_tflite(random_layers.random_model("conv2d", 1, seed=0))
    assert graph.tensors[graph.ops[0].inputs[1]].element_count < min(CODE_BYTES.values())
    assert lower(graph, Isa.REF, Optimize.SIZE)[0].function == "ep_conv2d_ref"
    many = read_tflite(random_layers.random_model("conv2d", 20, seed=3))
    assert not any(call.function in CODE_BYTES for call in lower(many, Isa.REF, Optimize.SPEED))


def _unpacked(packed: Packed, inputs: int, taps: int, filters: int) -> np.ndarray:
    """Decoded as the header defines, independently of the C; a bit at a time."""
    found, at = np.zeros((filters, inputs, taps), np.int8), 0
    for kernels in found:
        masks = [(1 << taps) - 1] * inputs
        if packed.bits:
            size = -(-inputs * packed.bits // 8)
            number = int.from_bytes(packed.stream[at : at + size].tobytes(), "little")
            masks = [number >> i * packed.bits & ((1 << packed.bits) - 1) for i in range(inputs)]
            masks = masks if packed.masks is None else [int(packed.masks[mask]) for mask in masks]
            at += size
        places = [(i, tap) for i, mask in enumerate(masks) for tap in range(taps) if mask >> tap & 1]
        for number, (i, tap) in enumerate(places):
            if packed.book is None:
                kernels[i, tap] = packed.stream[at + number].view(np.int8)
            else:
                kernels[i, tap] = packed.book[packed.stream[at + number // 2] >> 4 * (number % 2) & 15]
        at += len(places) if packed.book is None else -(-len(places) // 2)
    assert at == packed.stream.size
    return found


@pytest.mark.parametrize(
    ("weights", "taps", "bits", "has_book"),
    [
        (_sparse, 9, 9, False),  # any mask: it is the number
        (_sparse, 1, 1, False),
        (_kernels, 9, 1, False),  # all or nothing
        (_patterns, 9, 3, False),
        (_clustered, 9, 0, True),
        (_sparse_and_clustered, 25, 25, True),
        (_usual, 9, 0, False),
    ],
)
def test_storages_read_back(weights: Callable[..., np.ndarray], taps: int, bits: int, has_book: bool) -> None:
    drawn = weights(np.random.default_rng(5), (12, taps, 1, 37)).astype(np.int8)
    kernels = drawn.reshape(12, taps, 37).transpose(0, 2, 1)
    if weights is _usual:
        kernels = np.where(kernels == 0, 1, kernels)
    packed = pack(kernels)
    assert (packed.bits, packed.book is not None) == (bits, has_book)
    np.testing.assert_array_equal(_unpacked(packed, 37, taps, 12), kernels)
    each = (kernels != 0).sum(axis=(1, 2))
    assert packed.most_weights >= each.max() and packed.weights >= each.sum()
    if bits == taps:
        assert (packed.most_weights, packed.weights) == (each.max(), each.sum())


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55"])
def test_code_is_no_larger_than_counted(core: str, tmp_path: Path) -> None:
    """Each function with the local ones it calls, where they are not inlined.

    64-bit multiplication on ARMv6-M comes from libgcc, 80 bytes.
    """
    firmware = shipped("firmware")
    library = 80 if core == "cortex-m0" else 0
    flags = ["-Os", f"-mcpu={core}", "-mthumb", "-std=c11", "-ffreestanding", "-fomit-frame-pointer"]
    folders = [f"-I{firmware / 'include'}", f"-I{firmware / 'libc' / 'include'}"]
    sizes: dict[str, int] = {}
    for folder in ("ref", "dsp"):
        path = firmware / "kernels" / folder / "packed.c"
        subprocess.run(["arm-none-eabi-gcc", *flags, *folders, "-c", str(path), "-o", "a.o"], cwd=tmp_path, check=True)
        listed = subprocess.check_output(["arm-none-eabi-nm", "-S", "a.o"], cwd=tmp_path, text=True)
        lines = [line.split() for line in listed.splitlines()]
        sizes |= {f"{folder}/{words[3].split('.')[0]}": int(words[1], 16) for words in lines if len(words) == 4}
    rows = ("ref/ep_conv2d_packed", "ref/ep_packed_finish", "ref/unpack", "ref/move_window", "ref/ep_requant")
    parts = {
        "ep_conv2d_packed_ref": ("ref/ep_conv2d_packed_ref", "ref/filter", "ref/filter_row", "ref/add_products", *rows),
        "ep_conv2d_packed_dsp": ("dsp/ep_conv2d_packed_dsp", "dsp/filter", "dsp/widen", "dsp/add_products", *rows),
        "ep_dense_packed_ref": ("ref/ep_dense_packed_ref", "ref/add_output"),
    }
    for name, counted in CODE_BYTES.items():
        if core in ("cortex-m4", "cortex-m55") or "dsp" not in name:
            local = sum(sizes.get(part, 0) for part in parts[name])
            assert 0.6 * counted <= local + library <= counted, (name, sizes)
