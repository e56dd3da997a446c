"""`edgeprune bench` on emulated boards: the protocol's windows, LiteRT's scores, files that say what they are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgeprune.budget import Optimize
from edgeprune.cli.main import edgeprune
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.errors import DataError, UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.tasks.mlperf import measure
from edgeprune.tasks.mlperf.bench import Benched, BenchRequest, bench
from tests.emulator.clients.test_runner import dense, expected_of, stored_random

BOARD = "mps2-an386"
COUNT = 24
WORDS = ("bench", "nothing.tflite", "--model-id", "ad01")


def request_for(folder: Path, model_id: str, outputs: int, port: str | None = None) -> tuple[bytes, BenchRequest]:
    tflite, target = dense(COUNT, outputs), load_target(BOARD)
    model = compile_model(tflite, target, CompileOptions(Optimize.SPEED, model_id, "test"))
    return tflite, BenchRequest(model, target, port, folder / "sets", None, folder / "out")


def median_of(benched: Benched) -> float:
    return sorted(window.inferences * 1e6 / window.runtime_us for window in benched.windows)[2]


def test_a_data_set_of_one_class_is_refused_before_the_first_window(tmp_path: Path) -> None:
    stored_random("ad01", tmp_path / "sets" / "ad01", (COUNT,), COUNT, 2)
    request = replace(request_for(tmp_path, "ad01", COUNT)[1], most_files=1)
    with pytest.raises(DataError, match="of 1 files 1 have class 0 and 0 class 1") as refused:
        bench(request, Silent())
    assert "--files" in refused.value.hint and not request.folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("model_id", "outputs", "metric"), [("ic01", 10, "Top-1"), ("ad01", COUNT, "AUC")])
def test_scores_are_those_of_litert_and_files_say_emulated(tmp_path, monkeypatch, model_id, outputs, metric) -> None:
    monkeypatch.setattr(measure, "WINDOW_S", 0.02)
    windows = stored_random(model_id, tmp_path / "sets" / model_id, (COUNT,), outputs, 6)
    tflite, request = request_for(tmp_path, model_id, outputs)
    benched = bench(request, Silent())
    expected = expected_of(tflite, model_id, windows)
    labels = (tmp_path / "sets" / model_id / "y_labels.csv").read_text().splitlines()
    classes = np.array([int(line.split(",")[2]) for line in labels])
    assert benched.scored is not None and (benched.scored.metric, benched.scored.files) == (metric, 6)
    if metric == "Top-1":
        assert benched.scored.value == pytest.approx(100 * np.mean(expected.argmax(1) == classes))
    else:
        scores = expected.reshape(6, -1).mean(1)  # windows of a file
        pairs = [(one > zero) for one in scores[classes == 1] for zero in scores[classes == 0]]
        assert benched.scored.value == pytest.approx(np.mean(pairs))
    assert len(benched.windows) == 5 and all(window.runtime_us >= 0.02e6 for window in benched.windows)
    assert benched.is_emulated and benched.per_second == median_of(benched)
    performance, accuracy = (path.read_text() for path in benched.files)
    assert performance.splitlines()[0] == f"ulp-mlperf: {model_id} on {BOARD}, emulated: no figure of a board"
    assert re.search(rf"^ulp-mlperf: Median throughput is +{benched.per_second:.3f} inf./sec\.$", performance, re.M)
    assert performance.count("Performance results for window") == 5 and f"ulp-mlperf: {metric}: " in accuracy


@pytest.mark.slow
def test_a_board_on_a_port_is_measured_with_the_image_that_an_emulated_run_left(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(measure, "WINDOW_S", 0.02)
    stored_random("ad01", tmp_path / "sets" / "ad01", (COUNT,), COUNT, 2)
    first = bench(request_for(tmp_path, "ad01", COUNT)[1], Silent())
    with emulated_port(BOARD, first.image) as (port, _):
        on_port = bench(request_for(tmp_path, "ad01", COUNT, port)[1], Silent())
        result = CliRunner().invoke(
            edgeprune, [*WORDS, "--target", BOARD, "--port", port, "--out", str(tmp_path / "b")]
        )
    assert on_port.is_emulated and on_port.scored == first.scored
    assert on_port.per_second == pytest.approx(first.per_second, rel=1e-3)
    assert isinstance(result.exception, UsageError) and "nothing.tflite is not there" in str(result.exception)
