"""A whole fit for a device with an operating system, on this machine alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Budget, Limits, Optimize
from edgeprune.deploy.hosted import place
from edgeprune.deploy.hosted.built import built_model
from edgeprune.deploy.hosted.cost import ProgramCost, measure_baseline
from edgeprune.deploy.hosted.deployment import HostedDeployment
from edgeprune.deploy.hosted.limits import budget_for
from edgeprune.deploy.predicted import compile_synthetic
from edgeprune.deploy.protocol import Setup
from edgeprune.engine.compile import CompileOptions
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.job import Job
from edgeprune.fitting.loop import run_fit
from edgeprune.hardware.profile import Target
from edgeprune.prune.network import Network
from tests.unit.deploy.hosted.small_model import SHAPE, computer, pi, small_net
from tests.unit.fitting.small_job import job_in

OPTIONS = CompileOptions(Optimize.BALANCED)


def job_for(folder: Path, target: Target, limits: Budget) -> Job:
    job = job_in(folder, epochs=1, board_samples=20)
    setup = Setup(target, limits, job.splits.calibration, None, job.workspace, job.progress)
    return replace(job, target=target, deployment=HostedDeployment(setup, OPTIONS))


def network() -> Network:
    return Network.of(small_net(), SHAPE)


def test_predicted_sizes_are_those_built_or_a_little_more() -> None:
    target = pi()
    cost = ProgramCost(
        network(), target, OPTIONS, measure_baseline(network(), target, OPTIONS, None, network().widths), None
    )
    widths = {name: max(1, 2 * width // 3) for name, width in network().widths.items()}
    predicted = cost.footprint(widths)
    built = built_model(b"", compile_synthetic(network(), target, OPTIONS, widths), target, None).footprint
    assert built.flash_bytes <= predicted.flash_bytes <= built.flash_bytes + 320
    assert built.ram_bytes <= predicted.ram_bytes <= built.ram_bytes + 3 * 4096
    assert predicted.ram_parts["arena"] == built.ram_parts["arena"]


@pytest.mark.parametrize("make_target", [pi, computer])
def test_a_fit_ends_in_a_program_whose_bytes_are_proved(tmp_path: Path, make_target) -> None:
    target = make_target()
    whole = measure_baseline(network(), target, OPTIONS, None, network().widths)
    cost = ProgramCost(network(), target, OPTIONS, whole, None).footprint(network().widths)
    limit = cost.flash_bytes - 120
    record = run_fit(
        job_for(tmp_path, target, Budget(limit, cost.ram_bytes)), GRANULARITIES.find("channels"), small_net()
    )
    assert record.fits and record.flash_bytes <= limit and record.verified_samples == 20
    assert record.product == "program" and record.source in ("emulator", "host")
    assert record.total_ticks is None and record.after.latency_us is None  # nobody measured time
    assert all(layer.measured_ticks is None and layer.predicted_ticks for layer in record.layers)
    program = Path(record.run) / record.artifacts["program"]
    assert program.stat().st_size == record.flash_bytes and program.stat().st_mode & 0o100


def test_without_an_emulator_the_same_c_is_run_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "emulator_of", lambda architecture, features: None)
    job = job_for(tmp_path, pi(), Budget(1 << 20, 1 << 24))
    record = run_fit(job, GRANULARITIES.find("channels"), small_net())
    assert record.source == "host" and record.verified_samples == 20
    assert any("was not run" in note for note in job.progress.notes)  # type: ignore[attr-defined]


def test_a_latency_nobody_measured_is_not_said_to_hold(tmp_path: Path) -> None:
    job = job_for(tmp_path, pi(), Budget(1 << 20, 1 << 24, latency_us=1e6))
    record = run_fit(job, GRANULARITIES.find("channels"), small_net())
    assert not record.fits and record.predicted.latency_us is not None
    assert any("nobody measured" in note for note in job.progress.notes)  # type: ignore[attr-defined]


def test_a_limit_below_any_program_is_named(tmp_path: Path) -> None:
    job = job_for(tmp_path, pi(), Budget(2_000, 1 << 24))
    with pytest.raises(DoesNotFit, match="smallest reachable"):
        run_fit(job, GRANULARITIES.find("channels"), small_net())


def test_limits_of_a_program() -> None:
    target, memory_bytes = pi(), pi().region("ram").size_bytes
    whole = budget_for(target, Limits())
    assert whole.ram_bytes == whole.flash_bytes == memory_bytes - target.reserve.ram_bytes
    chosen = budget_for(target, Limits(flash_bytes=100_000, ram_bytes=300_000, reserve_flash_bytes=1_000))
    assert (chosen.flash_bytes, chosen.ram_bytes) == (99_000, 300_000)
    with pytest.raises(UsageError, match="asks for"):
        budget_for(target, Limits(ram_bytes=memory_bytes + 1))
    with pytest.raises(UsageError, match="leave nothing"):
        budget_for(target, Limits(ram_bytes=1_000, reserve_ram_bytes=1_000))


def test_the_roofline_knows_the_profile() -> None:
    slow, fast = pi(), pi()
    assert fast.hosted is not None
    twice = fast.hosted.model_copy(update={"int8_macs_per_cycle": 2 * fast.hosted.int8_macs_per_cycle})
    fast = fast.model_copy(update={"hosted": twice})
    baseline = measure_baseline(network(), slow, OPTIONS, None, network().widths)
    times = [
        ProgramCost(network(), target, OPTIONS, baseline, None).footprint(network().widths).latency_us
        for target in (slow, fast)
    ]
    assert times[0] is not None and times[1] is not None
    assert np.isclose(times[0], 2 * times[1])
