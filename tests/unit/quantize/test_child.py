"""LiteRT in a process of its own: results and refusals come back, a crash ends in words."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeprune.errors import ModelError
from edgeprune.quantize.child import in_child
from edgeprune.quantize.host import reference_sequence
from tests.firmware.random_nets import random_net


def test_results_and_refusals_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the folder the user stands in holds a module of the name of one of ours."""
    (tmp_path / "edgeprune.py").write_text("raise SystemExit('another edgeprune')")
    (tmp_path / "pickle.py").write_text("raise SystemExit('another pickle')")
    monkeypatch.chdir(tmp_path)
    model = random_net(1, 3)
    from ai_edge_litert.interpreter import Interpreter

    shape = Interpreter(model_content=model).get_input_details()[0]["shape"]
    samples = [[np.full(shape, value, np.int8)] for value in (0, 5)]
    here, there = reference_sequence(model, samples), in_child(reference_sequence, model, samples)
    assert [[end.tobytes() for end in ends] for ends in here] == [[end.tobytes() for end in ends] for ends in there]
    with pytest.raises(ModelError, match="LiteRT refuses the file") as refused:
        in_child(reference_sequence, b"no model" * 20, samples)
    assert refused.value.hint == "is it a whole .tflite file?"


def test_a_crash_is_told_in_words() -> None:
    with pytest.raises(ModelError, match="LiteRT crashed on the file: SIGABRT") as crashed:
        in_child(os.abort)
    assert crashed.value.hint
    with pytest.raises(ModelError, match="LiteRT crashed on the file: gone"):
        in_child(sys.exit, "gone")
