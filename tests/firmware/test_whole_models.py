"""MLPerf Tiny's models on the host: the bytes LiteRT's reference interpreter gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.host_engine import FAST, assert_same_bytes, random_samples

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "mlperf-tiny"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")


@needs_models
@pytest.mark.parametrize("name", ["kws01", "ad01"])
def test_a_hundred_random_inputs(name: str) -> None:
    model = (MODELS / f"{name}_int8.tflite").read_bytes()
    assert_same_bytes(model, random_samples(model, 100, seed=1), FAST)
