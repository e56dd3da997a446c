"""`run` and `verify` of files whose one inference is not one sample: batches, outputs without a batch axis."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import run_edgeprune
from tests.firmware.random_nets import NetBuilder

needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)


def dense(batch: int, output: tuple[int, ...]) -> bytes:
    net = NetBuilder(1)
    y = net.dense(net.input(batch, 16), 4)
    net.model.graph.tensors[y.index].shape = [batch, 4]
    return net.build(net.reshape(y, *output))


def edgeprune(*arguments: str | Path) -> dict[str, object]:
    ran = run_edgeprune(*arguments, "--target", "mps2-an386", "--samples", "3", "--json", cwd=Path())
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


@needs_compiler
@pytest.mark.parametrize(("batch", "output"), [(2, (2, 4)), (1, (4, 1)), (1, (4,))])
def test_what_one_inference_takes_and_gives_is_replayed_whole(
    tmp_path: Path, batch: int, output: tuple[int, ...]
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(dense(batch, output))
    assert edgeprune("verify", model)["verified_samples"] == 3
    outputs = edgeprune("run", model)["outputs"]
    assert np.array(outputs).shape == (3, batch * 4)

    one = (16,) if batch == 1 else (batch, 16)
    samples = tmp_path / "data.npz"
    np.savez(samples, x=np.random.default_rng(0).integers(-128, 128, (3, *one), np.int8))
    assert edgeprune("verify", model, "--data", samples)["verified_samples"] == 3
