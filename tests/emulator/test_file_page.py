"""`report FILE.tflite`: the page's figures are those of the image that was linked and run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from edgeprune.cli.main import main
from edgeprune.units import bytes_text
from tests.firmware.random_nets import NetBuilder
from tests.unit.tasks.report.browser import chromium, console, evaluated
from tests.unit.tasks.report.test_in_browser import DRAWN

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json"])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    b = NetBuilder(1)
    path = tmp_path / "net.tflite"
    path.write_bytes(b.build(b.conv(b.conv(b.input(1, 8, 8, 4), 8), 4)))
    return path


def test_what_it_takes_and_where_its_time_goes(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "report", str(model), "--target", "cortex-m4")
    page = Path(json.loads(out)["report"])
    assert code == 0 and page.name == "net-cortex-m4.html"
    text = page.read_text()
    built = json.loads(run(capsys, "build", str(model), "--target", "cortex-m4", "--no-verify")[1])
    profile = json.loads(run(capsys, "profile", str(model), "--target", "cortex-m4")[1])
    for size in (built["flash_bytes"], built["ram_bytes"], built["arena_bytes"]):
        assert bytes_text(size) in text
    for layer in profile["layers"]:
        assert f"{layer['instructions']:,}" in text
    assert f"{profile['total_instructions']:,} instructions" in text and "3 random inputs ran" in text
    for anchor, charts in {"memory": 1, "arena": 1, "flash": 1, "time": 1, "kernels": 0, "again": 0}.items():
        section = text.partition(f'<section id="{anchor}"')[2].partition("</section>")[0]
        assert section.count("<svg") == 2 * charts and "<table" in section, anchor
    if chromium() is not None:
        for width in (375, 1440):
            assert console(page, width) == []
            drawn = evaluated(page, DRAWN, width)
            assert len(drawn) == 4 and all(chart["marks"] > 0 and chart["right"] <= width for chart in drawn)
    assert re.search(r"predicted on cortex-m4, measured by nobody: [\d.,]+ \S+ \(", text)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("net.tflite",), "no target was named"),
        (("none.tflite", "--target", "cortex-m4"), "is not there"),
        (("net.tflite", "other.tflite", "--compare", "--target", "cortex-m4"), "is no run"),
        (("runs/latest", "--target", "cortex-m4"), "a run has its target"),
        (("net.tflite", "--target", "pi4"), "runs programs"),
    ],
)
def test_what_cannot_be_shown_is_said(
    model: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "report", *arguments)
    assert code == 2 and words in out + err
    assert sorted(path.name for path in model.parent.iterdir()) == ["net.tflite"]
