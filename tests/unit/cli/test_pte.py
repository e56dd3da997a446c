"""`export` to ExecuTorch and `inspect FILE.pte` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_export import PROJECT, SOURCE

PTE = Path(__file__).resolve().parents[1] / "export" / "pte" / "cortex-m.pte"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    (tmp_path / "net.py").write_text(SOURCE.replace("LAYER", "torch.relu"))
    return tmp_path


@pytest.mark.slow
def test_a_program_is_written_inspected_and_compared_with_our_own_image(cli: Cli, project: Path) -> None:
    pytest.importorskip("executorch", reason="edgeprune[executorch] is not installed")
    done = cli("export", "--format", "cortex-m", "--target", "cortex-m4", "--json")
    assert done.exit_code == 0, done.stderr
    path = project / "small-cortex-m.pte"
    assert done.data["pte"] == path.name and done.data["size_bytes"] == path.stat().st_size
    assert done.data["samples"] == 8 and done.data["sqnr_db"] > 20 and done.data["ran"] == "emulation"
    assert cli("export", "--out", "same.tflite").exit_code == 0
    shown = cli("inspect", str(path), "--beside", "same.tflite", "--target", "cortex-m4", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert shown.data["operators"] == done.data["operators"]
    assert shown.data["own"]["arena_bytes"] > 0 and shown.data["own"]["model_bytes"] > 48 * 27


def test_inspect(cli: Cli) -> None:
    done = cli("inspect", str(PTE), "--json")
    assert done.exit_code == 0, done.stderr
    assert done.data["planned_bytes"] == 816 and done.data["delegates"] == {} and done.data["own"] is None
    assert done.data["size_bytes"] == PTE.stat().st_size
    text = cli("inspect", str(PTE))
    assert "cortex_m::quantized_conv2d" in text.stdout and "planned memory 816 B" in text.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect", "absent.pte"], "absent.pte is not there"),
        (["inspect", str(PTE), "--beside", "own.tflite"], "--beside names no target"),
        (["inspect", "--beside", "own.tflite"], "--beside compares with a .pte"),
        (["export", "--format", "xnnpack", "--stripped"], "are about .tflite files"),
        (["export", "--format", "int8", "--allow-float"], "--allow-float is about .pte files"),
        (["export", "--format", "cortex-m"], "names no target"),
        (["export", "--format", "cortex-m", "--target", "pi4"], "for Cortex-M"),
    ],
)
def test_what_is_refused(cli: Cli, project: Path, words: list[str], message: str) -> None:
    done = cli(*words)
    assert done.exit_code == 2 and message in done.stderr and "hint:" in done.stderr
    assert not list(project.glob("*.pte"))
