"""`edgeprune fit --granularity` for real: zeros in the file, bytes saved in the image, LiteRT's bytes on the board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.tasks.subject import open_subject
from tests.command_line import run_edgeprune
from tests.emulator.fit.test_fit import project

__all__ = ["project"]  # a fixture

_LIMITS = ("--flash", "22KiB", "--samples", "3", "--epochs", "1", "--json")


def fit(folder: Path, granularity: str, *more: str) -> dict[str, Any]:
    done = run_edgeprune("fit", *_LIMITS, "--granularity", granularity, *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def check(record: dict[str, Any], folder: Path) -> None:
    masks = record["masks"]
    assert record["fits"] and record["verified_samples"] == 3
    assert masks["saved_bytes"] == masks["unmasked_flash_bytes"] - masks["flash_bytes"] > 2000
    assert record["predicted"]["flash_bytes"] == pytest.approx(masks["flash_bytes"], rel=0.01)
    assert record["widths"] == record["widths_before"]  # no limit but flash: masks alone meet it
    graph = read_tflite((folder / record["run"] / record["artifacts"]["tflite"]).read_bytes())
    layers = [graph.tensors[op.inputs[1]].data for op in graph.ops if op.traits.is_gemm]
    stays = sum(int((values != 0).sum()) for values in layers if values is not None)
    weights = sum(values.size for values in layers if values is not None)
    assert stays / weights <= masks["density"] + 1e-9  # int8 may round more to zero
    assert stays / weights > 0.9 * masks["density"]


def test_masked_weights_are_saved_in_the_linked_image(project: Path) -> None:
    record = fit(project, "weights")
    check(record, project)
    again = run_edgeprune("fit", "--resume", record["run"], "--json", cwd=project)
    assert again.returncode == 0 and json.loads(again.stdout) == record
    run = project / record["run"]
    rebuilt = open_subject(run, None, Optimize.BALANCED, run, "test").model
    assert rebuilt is not None and rebuilt.sources()["model.c"] == (run / "c" / "model.c").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["kernels", "patterns", "randomized", "clusters"])
def test_every_granularity(project: Path, granularity: str) -> None:
    check(fit(project, granularity), project)


@pytest.mark.slow
def test_the_bundled_digits_in_patterns(tmp_path: Path) -> None:
    limits = ("--target", "cortex-m4", "--flash", "200KiB", "--epochs", "1", "--samples", "3", "--json")
    done = run_edgeprune("fit", *limits, "--granularity", "patterns", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["fits"] and record["masks"]["saved_bytes"] > 100_000 and record["accuracy"]["int8"] > 95
