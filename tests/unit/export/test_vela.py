"""A `.tflite` for an Ethos-U: Vela's own where it is installed, and a program that stands in where it errs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from edgeprune.cli.export import _NPUS
from edgeprune.errors import ModelError, UsageError
from edgeprune.export import vela
from edgeprune.export.vela import Npu, compiled_by_vela
from tests.unit.deploy.hosted.small_model import small

HAS_VELA = Path(sys.executable).with_name("vela").is_file() or shutil.which("vela") is not None


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "vela"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(vela, "_vela", lambda: str(path))


@pytest.mark.skipif(not HAS_VELA, reason="edgeprune[ethos-u] is not installed")
@pytest.mark.parametrize("npu", [Npu.U55_128, Npu.U85_256])
def test_all_operators_go_to_the_npu(npu: Npu) -> None:
    made = compiled_by_vela(small().tflite, npu)
    assert made.left == () and made.npu_operators >= 4 and made.npu is npu
    assert (
        made.cycles > 0 and made.sram_bytes > 0 and made.dram_bytes + made.flash_bytes > 500 and b"ethos-u" in made.data
    )


def test_operators_that_are_no_npus_are_named() -> None:
    assert vela._left(small().tflite)[:3] == ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D")


def test_the_command_offers_what_vela_has() -> None:
    assert tuple(Npu) == _NPUS


def test_without_vela_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UsageError, match="Vela is not installed") as refused:
        compiled_by_vela(small().tflite, Npu.U55_32)
    assert refused.value.hint == "pip install 'edgeprune[ethos-u]'"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'Error: no such thing' >&2; exit 1", "does not take the network: Error: no such thing"),
        ("echo nothing of use", "report is not as expected"),
    ],
)
def test_what_vela_does_wrong_is_an_error(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(ModelError, match=message):
        compiled_by_vela(small().tflite, Npu.U55_32)
