"""benchmarks/runner_client.py, written from MLCommons' documents alone, against images built for its model ids.

Every result it gets is LiteRT's on the same samples, to the three decimals that the console prints.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.client_form import client_form
from edgeprune.deploy.firmware.images import Images, link_images, running_board
from edgeprune.deploy.firmware.verified import verify_build
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.ir import DType
from edgeprune.toolchain.client_form import InputForm, Score
from tests.emulator.clients import data_sets
from tests.firmware.one_op import ModelBuilder

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data" / "mlperf-tiny"
BOARD = "mps2-an386"
FILES = {"vww01": "vww96_int8", "ad01": "ad01_int8", "sww01": "str_ww_int8"}


def dense(count: int, outputs: int) -> bytes:
    """A small network of one layer that stands in for one of the benchmark's."""
    rng, model = np.random.default_rng(3), ModelBuilder()
    x = model.input((1, count), scale=0.39, zero=89)
    w = model.tensor((outputs, count), scale=[0.01] * outputs, data=rng.integers(-127, 128, (outputs, count)))
    y = model.tensor((1, outputs), scale=0.36, zero=12)
    model.op("FULLY_CONNECTED", [x, w, -1], [y], schema.FullyConnectedOptionsT())
    model.output(y)
    return model.build()


def linked(tflite: bytes, model_id: str, folder: Path) -> tuple[CompiledModel, Images]:
    target = load_target(BOARD)
    model = compile_model(tflite, target, CompileOptions(Optimize.BALANCED, model_id, "test"))
    return model, link_images(model, target, folder, client=client_form(model.graph, model_id))


def driven(images: Images, folder: Path, *words: str) -> list[str]:
    assert images.own is not None
    with emulated_port(BOARD, images.own.elf) as (port, _):
        client = [sys.executable, "-I", str(ROOT / "benchmarks" / "runner_client.py"), port, str(folder), *words]
        done = subprocess.run(client, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def results_of(lines: list[str]) -> np.ndarray:
    """(windows, values) of `--show`."""
    return np.array([[float(word) for word in line.split()[1].split(",")] for line in lines if ".bin " in line])


def expected_of(tflite: bytes, model_id: str, windows: list[np.ndarray]) -> np.ndarray:
    """(windows, values) by LiteRT, from the bytes that were sent."""
    end = (graph := read_tflite(tflite)).tensors[graph.inputs[0]]
    if model_id == "ad01":
        answers = data_sets.outputs(tflite, data_sets.of_floats(windows, end))
        return ((answers - np.stack(windows)) ** 2).mean(axis=1, keepdims=True)
    return data_sets.outputs(
        tflite, data_sets.of_pixels(windows) if model_id in ("ic01", "vww01") else np.stack(windows)
    )


def stored_random(model_id: str, folder: Path, shape: tuple[int, ...], classes: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    if model_id == "ad01":
        length = shape[0] + data_sets.STRIDE_VALUES  # two windows a file
        series = [rng.normal(-20, 9 + number, length).astype(np.float32) for number in range(count)]
        return data_sets.stored_series(folder, series, shape[0], [number % 2 for number in range(count)])
    low, high, dtype = (0, 256, np.uint8) if model_id in ("ic01", "vww01") else (-128, 128, np.int8)
    samples = rng.integers(low, high, (count, *shape)).astype(dtype)
    return data_sets.stored(folder, samples, rng.integers(0, classes, count), classes)


def check_accuracy(tflite: bytes, model_id: str, folder: Path, windows: list[np.ndarray]) -> list[str]:
    """The client's lines, after each of its results was LiteRT's and so is what it makes of them."""
    _, images = linked(tflite, model_id, folder / "image")
    lines = driven(images, folder / "sets", "--show")
    expected = expected_of(tflite, model_id, windows)
    np.testing.assert_allclose(results_of(lines), expected, atol=0.00051, rtol=3e-6)
    labels = [int(row.split(",")[2]) for row in (folder / "sets" / model_id / "y_labels.csv").read_text().splitlines()]
    if expected.shape[1] > 1:
        right = 100 * np.mean(expected.argmax(1) == labels)
        assert f"{len(labels)} files, accuracy {right:.1f} %" in lines
    assert lines[0] == f"device EdgePrune, profile ULPMark for tinyML Firmware V0.0.1, model {model_id}"
    return lines


@pytest.mark.parametrize(("model_id", "count", "classes"), [("ic01", 108, 10), ("ad01", 64, 64)])
def test_a_stand_in_of_each_form_is_driven_by_the_runner(tmp_path, model_id, count, classes) -> None:
    windows = stored_random(model_id, tmp_path / "sets" / model_id, (count,), classes, 2)
    check_accuracy(dense(count, classes), model_id, tmp_path, windows)


@pytest.mark.slow
@pytest.mark.parametrize(("model_id", "count"), [("vww01", 1), ("ad01", 2), ("sww01", 2)])
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")
def test_each_of_the_benchmarks_networks_is_driven_by_the_runner(tmp_path, model_id, count) -> None:
    tflite = (SHARED / f"{FILES[model_id]}.tflite").read_bytes()
    graph = read_tflite(tflite)
    shape, classes = graph.tensors[graph.inputs[0]].shape[1:], graph.tensors[graph.outputs[0]].shape[-1]
    windows = stored_random(model_id, tmp_path / "sets" / model_id, shape, classes, count)
    check_accuracy(tflite, model_id, tmp_path, windows)


@pytest.mark.slow
def test_performance_is_the_median_of_five_windows_of_ten_seconds(tmp_path) -> None:
    stored_random("ad01", tmp_path / "sets" / "ad01", (64,), 64, 1)
    lines = driven(linked(dense(64, 64), "ad01", tmp_path)[1], tmp_path / "sets", "--mode", "p")
    assert re.match(r"5 windows of [\d,]+ inferences, median [\d.]+ inferences/s$", lines[1])


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")
def test_the_labelled_keywords_get_the_accuracy_that_litert_has(tmp_path) -> None:
    with np.load(SHARED / "kws01_samples.npz") as kept:
        windows = data_sets.stored(tmp_path / "sets" / "kws01", kept["x"][:4], kept["y"][:4], 12)
    check_accuracy((SHARED / "kws01_int8.tflite").read_bytes(), "kws01", tmp_path, windows)


@pytest.mark.parametrize("model_id", [pytest.param("ic01", marks=pytest.mark.slow), "ad01"])
def test_the_models_own_bytes_reach_an_image_whose_clients_send_others(tmp_path, model_id) -> None:
    tflite = dense(12, 12)
    model, images = linked(tflite, model_id, tmp_path)
    assert verify_build(model, tflite, images, load_target(BOARD)).samples == 3
    with running_board(images, load_target(BOARD)) as board:
        board.infer(bytes(12))
        assert board.identity().input_bytes == 12


def test_a_form_that_a_model_cannot_take_is_refused() -> None:
    graph, unequal = read_tflite(dense(8, 8)), read_tflite(dense(8, 4))
    assert client_form(graph, "mine").input_form is InputForm.SAME
    assert client_form(graph, "ic01", DType.INT8).input_form is InputForm.SAME
    assert client_form(graph, "ad01").score is Score.MSE
    with pytest.raises(UsageError, match=r"a client that sends int16 cannot fill inputs of int8"):
        client_form(graph, "mine", DType.INT16)
    with pytest.raises(UsageError, match=r"no mean squared error between input int8 \[1, 8\] and output int8 \[1, 4\]"):
        client_form(unequal, "mine", score=Score.MSE)
