"""`profile --all-runtimes` of a run folder, on a device behind a real SSH server, which is this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.cli.main import main
from edgeprune.hardware.hosted import Architecture
from edgeprune.tasks.runtimes.side_by_side import PTE, TFLITE, C
from edgeprune.toolchain.linux import this_machine
from tests.hosted.sshd import HOST, Server
from tests.hosted.test_commands import command, model  # noqa: F401
from tests.hosted.test_litert import environment
from tests.hosted.test_pte import needs_executorch
from tests.unit.cli.test_export import PROJECT, SOURCE

pytestmark = pytest.mark.skipif(
    this_machine() is not Architecture.X86_64, reason="the device is this machine, and the tests' target x86-64"
)


@pytest.fixture
def run(model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:  # noqa: F811
    """The folder of a finished run for this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    (tmp_path / "net.py").write_text(SOURCE.replace("LAYER", "torch.relu"))
    with pytest.raises(SystemExit) as ended:
        main(["fit", *model[1:], "--epochs", "0", "--no-report"])
    assert not ended.value.code, capsys.readouterr().err
    capsys.readouterr()
    return "runs/latest"


@pytest.mark.slow
@needs_executorch
def test_three_runtimes_are_measured_there_and_one_is_chosen(server: Server, run: str) -> None:
    environment(server)
    words = [run, "--device", f"ssh://{HOST}", "--all-runtimes", "--repeats", "9"]
    code, found = command("profile", *words)
    assert (code, found["samples"], found["metric"]) == (0, 8, "accuracy")
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == [C, TFLITE, PTE]
    for row in rows.values():
        assert row["latency_us"] > 0 and row["resident_bytes"] > 0 and row["score"] is not None and not row["note"]
    assert rows[C]["runtime_bytes"] == 0 and min(rows[PTE]["runtime_bytes"], rows[TFLITE]["runtime_bytes"]) > 1 << 20
    assert rows[TFLITE]["file_bytes"] == Path(run, "model.tflite").stat().st_size
    best = max(row["score"] for row in rows.values())
    assert rows[found["choice"]]["score"] >= best - 0.5


@pytest.mark.slow
@needs_executorch
def test_what_the_device_lacks_is_computed_here_and_not_timed(server: Server, run: str) -> None:
    environment(server, "-I", "-S")
    code, found = command("profile", run, "--device", f"ssh://{HOST}", "--all-runtimes", "--repeats", "3")
    (row,) = (row for row in found["rows"] if row["name"] == TFLITE)
    assert code == 0 and row["latency_us"] is None and row["runtime_bytes"] is None
    assert "has no LiteRT" in row["note"] and "this machine" in row["computed"] and row["score"] is not None


def test_only_a_run_for_linux_is_compared(run: str, tmp_path: Path) -> None:
    code, told = command("profile", "model.tflite", "--all-runtimes")
    assert code == 2 and "is no run folder" in told["error"]


def test_verify_shows_the_runs_own_metric(run: str) -> None:
    code, verified = command("verify", run, "--samples", "8")
    assert (code, verified["metric"]) == (0, "accuracy") and verified["accuracy"] in (100 * k / 8 for k in range(9))
