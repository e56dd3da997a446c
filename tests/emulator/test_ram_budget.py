"""`build --ram`: constants that wait for flash lie in what RAM is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeprune.cli.main import main
from edgeprune.deploy.firmware.predicted_time import predicted_time
from edgeprune.hardware.registry import load_target
from tests.firmware.random_nets import NetBuilder

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
TARGET = "nucleo-l4r5zi"


def built(capsys: pytest.CaptureFixture[str], model: Path, *more: str, target: str = TARGET) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        arguments = ["--target", target, "--optimize", "speed", "--out", str(model.parent / "out"), "--json"]
        main(["build", str(model), *arguments, *more])
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    b = NetBuilder(1)
    x = b.conv(b.input(1, 16, 16, 16), 16)
    path = tmp_path / "net.tflite"
    path.write_bytes(b.build(b.conv(x, 16)))
    return path


def waits(model: Path) -> float:
    time = predicted_time(model.parent / "out" / "emulated" / "firmware.elf", load_target(TARGET))
    assert time is not None
    return time.whole.flash_data / time.whole.total


def test_constants_wait_no_more_where_there_is_room(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, plain = built(capsys, model, "--no-verify")
    assert plain["layers_in_ram"] == [] and waits(model) > 0.1
    code, roomy = built(capsys, model, "--ram", "200KiB")
    assert code == 0 and roomy["verified_samples"] > 0
    assert len(roomy["layers_in_ram"]) == 2 and waits(model) < 0.02
    held = roomy["data_bytes"] - plain["data_bytes"]
    assert held >= plain["model_flash_bytes"] and roomy["ram_bytes"] - plain["ram_bytes"] == held
    # in flash they still are, where RAM is filled from
    assert abs(roomy["flash_bytes"] - plain["flash_bytes"]) <= 16
    assert abs(roomy["table_flash_bytes"] - plain["table_flash_bytes"]) <= 16


def test_only_as_many_as_there_is_room_for(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, plain = built(capsys, model, "--no-verify")
    _, roomy = built(capsys, model, "--no-verify", "--ram", "200KiB")
    between = (plain["ram_bytes"] + roomy["ram_bytes"]) // 2 + 64
    code, some = built(capsys, model, "--ram", str(between))
    assert code == 0 and len(some["layers_in_ram"]) == 1
    assert plain["ram_bytes"] < some["ram_bytes"] <= between


def test_what_cannot_be_done_is_said(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, refused = built(capsys, model, "--ram", "8KiB")
    assert code == 3 and "of RAM" in refused["error"]
    code, refused = built(capsys, model, "--ram", "64KiB", target="mps2-an386")
    assert code == 2 and "nothing says how long mps2-an386 waits" in refused["error"]
