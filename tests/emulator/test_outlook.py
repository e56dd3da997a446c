"""`edgeprune inspect` of what does not fit: what a fit could come to, before anybody waits for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeprune.cli.main import main

MODEL = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 512), nn.ReLU(), nn.Linear(512, 2))
"""
DATA = """
import numpy as np


def load():
    inputs = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    return {"train": (inputs, (inputs.sum(axis=1) > 0).astype(np.int64) LABELS)}
"""
PROJECT = """
[model]
entry = "model.py:build"
input = [16]
[data]
entry = "data.py:load"
[limits]
target = "cortex-m4"
"""


def inspected(
    folder: Path, capsys: pytest.CaptureFixture[str], labels: str = "", *more: str
) -> tuple[object, dict[str, object]]:
    for name, text in (("model.py", MODEL), ("data.py", DATA.replace("LABELS", labels)), ("edgeprune.toml", PROJECT)):
        (folder / name).write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["inspect", "--project", str(folder), "--json", *more])
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_fits_after_thinning_with_the_score_untrained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = inspected(tmp_path, capsys, "", "--flash", "16KiB")
    ahead = told["outlook"]
    assert code == 3 and not told["fits"] and ahead["reach"] == "fits after thinning"  # type: ignore[index]
    assert ahead["flash_bytes"] <= 16 * 1024 < told["flash_bytes"]  # type: ignore[index,operator]
    assert ahead["widths"]["1"] < 512 and 0 <= ahead["untrained"] <= 100 and ahead["samples"] == 24  # type: ignore[index]


def test_what_no_widths_reach_is_said_with_the_least_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = inspected(tmp_path, capsys, "", "--flash", "4KiB")
    assert code == 3 and told["outlook"]["reach"] == "cannot" and "flash" in told["outlook"]["told"]  # type: ignore[index]


def test_data_and_loss_are_tried_before_anything_is_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = inspected(tmp_path, capsys, "+ 7")
    assert code == 1 and "labels of 'train' are out of range" in str(told["error"])
