"""Flash that is left over is traded for faster kernels, within the limits, unless the user limits that."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgeprune
from edgeprune.errors import UsageError
from edgeprune.fitting.record import RunRecord


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    """A network of convolutions that Winograd's algorithm suits, with room to spare, with little, and as asked for."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(4, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(16),
        nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip
    numbers = np.random.default_rng(0)
    data = {"train": (numbers.normal(size=(120, 4, 16, 16)).astype(np.float32), numbers.integers(0, 2, 120))}
    folder = tmp_path_factory.mktemp("runs")

    def fit(**limits: object) -> RunRecord:
        return edgeprune.fit(model, data, target="cortex-m4", epochs=0, runs=folder, **limits).record  # type: ignore[arg-type]

    roomy, asked = fit(), fit(optimize="balanced")
    return {"roomy": roomy, "asked": asked, "tight": fit(flash=asked.flash_bytes + 1500)}


def test_room_makes_layers_faster(fitted: dict[str, RunRecord]) -> None:
    roomy, asked = fitted["roomy"], fitted["asked"]
    assert asked.faster == ()
    assert roomy.faster
    assert roomy.total_ticks < 0.8 * asked.total_ticks
    assert roomy.fits and roomy.verified_samples == asked.verified_samples == 24
    assert abs(roomy.predicted.flash_bytes / roomy.flash_bytes - 1) < 0.01
    assert roomy.predicted.ram_parts["arena"] == roomy.arena_bytes


def test_a_limit_holds(fitted: dict[str, RunRecord]) -> None:
    tight = fitted["tight"]
    assert tight.flash_bytes <= tight.flash_limit_bytes
    assert tight.faster == ()  # one layer would take several thousand bytes


def test_the_run_is_built_the_same_again(fitted: dict[str, RunRecord]) -> None:
    from edgeprune.budget import Optimize
    from edgeprune.tasks.subject import open_subject

    run = Path(fitted["roomy"].run)
    again = open_subject(run, None, Optimize.BALANCED, run, "test").model
    assert again is not None and again.options.faster == frozenset(fitted["roomy"].faster)


def test_a_run_whose_files_are_damaged_is_refused(fitted: dict[str, RunRecord], tmp_path: Path) -> None:
    from edgeprune.budget import Optimize
    from edgeprune.tasks.subject import open_subject

    run = shutil.copytree(fitted["asked"].run, tmp_path / "run")
    for name, contents in (("state.json", (b"[]", b"{}", None)), ("model.tflite", (None,)), ("run.json", (b"{}",))):
        whole = (run / name).read_bytes()
        for content in contents:
            (run / name).unlink() if content is None else (run / name).write_bytes(content)
            with pytest.raises(UsageError) as refused:
                open_subject(run, None, Optimize.BALANCED, tmp_path, "test")
            assert refused.value.hint
        (run / name).write_bytes(whole)
    assert open_subject(run, None, Optimize.BALANCED, tmp_path, "test").model is not None


def test_where_time_is_limited_ram_that_is_left_holds_constants(tmp_path: Path) -> None:
    """On a board whose flash makes the core wait; judged by the image's own time, which is what was planned."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(4, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(16),
        nn.Flatten(), nn.Linear(16, 2),
    )  # fmt: skip
    numbers = np.random.default_rng(0)
    data = {"train": (numbers.normal(size=(120, 4, 16, 16)).astype(np.float32), numbers.integers(0, 2, 120))}
    run = edgeprune.fit(
        model, data, target="nucleo-l4r5zi", latency="3ms", max_drop=100, epochs=0, runs=tmp_path, optimize="balanced"
    )
    record = run.record
    assert record.fits and record.in_ram
    before, planned, image = record.before, record.predicted, record.after
    assert before.latency_us is not None and planned.latency_us is not None and image.latency_us is not None
    assert image.latency_range_us is not None and record.board_time is not None
    assert before.latency_us > 3000 >= image.latency_range_us[1] == record.board_time.most_us
    assert image.latency_us == record.board_time.us
    assert abs(image.latency_us / planned.latency_us - 1) < 0.1
    assert (planned.latency_basis, image.latency_basis) == ("kernels", "blocks")
    assert image.ram_parts["constants"] > 0 and image.ram_bytes <= record.ram_limit_bytes
    assert image.ram_parts["constants"] == planned.ram_parts["constants"]
