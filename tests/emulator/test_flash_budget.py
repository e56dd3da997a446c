"""`build --flash`: as fast as the budget allows."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeprune.cli.main import main
from tests.emulator.clients.test_runner import dense
from tests.firmware.random_nets import NetBuilder

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def winograd_net() -> bytes:
    """Two 3x3 convolutions that speed makes four times as large."""
    b = NetBuilder(1)
    x = b.conv(b.input(1, 16, 16, 16), 16)
    return b.build(b.conv(x, 16))


def built(capsys: pytest.CaptureFixture[str], model: Path, *more: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        main(["build", str(model), "--target", "mps2-an386", "--out", str(model.parent / "out"), "--json", *more])
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


def test_between_speed_and_balanced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(winograd_net())
    _, speed = built(capsys, model, "--optimize", "speed", "--no-verify")
    _, balanced = built(capsys, model, "--optimize", "balanced", "--no-verify")
    between = (3 * speed["flash_bytes"] + balanced["flash_bytes"]) // 4
    assert balanced["flash_bytes"] < between < speed["flash_bytes"]
    code, found = built(capsys, model, "--optimize", "speed", "--flash", str(between))
    assert code == 0 and found["flash_bytes"] <= between and found["verified_samples"] > 0
    assert found["optimize"] == "balanced" and len(found["faster_layers"]) == 1
    _, roomy = built(capsys, model, "--optimize", "speed", "--flash", str(speed["flash_bytes"]), "--no-verify")
    assert roomy["optimize"] == "speed" and roomy["flash_bytes"] == speed["flash_bytes"]
    code, refused = built(capsys, model, "--flash", "4KiB", "--no-verify")
    assert code == 3 and "smallest image" in refused["error"]


def test_the_console_that_is_linked_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(dense(24, 24))
    _, plain = built(capsys, model, "--optimize", "size", "--no-verify")
    client = ("--optimize", "size", "--no-verify", "--model-id", "ad01", "--flash")
    code, refused = built(capsys, model, *client, str(plain["flash_bytes"]))
    needed = int(re.findall(r"([0-9,]+) B", refused["error"])[0].replace(",", ""))
    assert code == 3 and "smallest image" in refused["error"] and needed > plain["flash_bytes"]
    code, found = built(capsys, model, *client, str(needed))
    assert code == 0 and found["flash_bytes"] == needed
