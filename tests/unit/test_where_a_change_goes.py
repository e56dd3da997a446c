"""CONTRIBUTING's table "Where a change goes" is true: each change is made in a copy of the repository, in the files
its row names and no other, and works through its real door.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.change_templates import (
    COMMAND,
    CRITERION,
    FASTER_C,
    FASTER_HEADER,
    FASTER_KERNEL,
    FASTER_RUN,
    GRANULARITY,
    HEADER,
    KERNEL,
    LINK,
    LOADER,
    ONE_OPERATOR,
    OPERATOR,
    SCHEDULE,
    SCORES,
    TARGET,
)

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("edgeprune", "firmware", "targets")


@dataclass(frozen=True)
class Copy:
    """A copy of what EdgePrune ships, to change and to run."""

    root: Path

    def add(self, path: str, text: str) -> None:
        assert not (self.root / path).exists()
        (self.root / path).write_text(text.lstrip("\n"))

    def insert(self, path: str, before: str, text: str) -> None:
        """`text` in front of the only place where `before` stands."""
        whole = (self.root / path).read_text()
        assert whole.count(before) == 1, before
        (self.root / path).write_text(whole.replace(before, text + before))

    def python(self, *arguments: str, stdin: str = "") -> str:
        """What Python prints with the copy's package before this checkout's (whose `tests` it may use)."""
        environment = {**os.environ, "PYTHONPATH": f"{self.root}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=environment, input=stdin, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def edgeprune(self, *arguments: str) -> str:
        return self.python("-m", "edgeprune", *arguments)

    def touched(self) -> set[str]:
        """Files that differ from the checkout's."""
        ours = {str(path.relative_to(self.root)) for folder in SHIPPED for path in (self.root / folder).rglob("*.*")}
        return {
            path
            for path in ours
            if not (ROOT / path).exists()
            or ((ROOT / path).is_file() and not filecmp.cmp(ROOT / path, self.root / path, shallow=False))
        }

    def touches_what_is_said_of(self, change: str) -> None:
        """Nothing but files of the change's row is new or different."""
        patterns = [re.sub(r"<[^/]+>", r"[\\w-]+", re.escape(path)) for path in rows()[change]]
        strangers = {path for path in self.touched() if not any(re.fullmatch(one, path) for one in patterns)}
        assert self.touched() and not strangers


def rows() -> dict[str, list[str]]:
    """Change -> the paths its row in CONTRIBUTING names."""
    lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    cells = [line.strip("|").split("|") for line in lines if line.startswith("| ") and line.count("|") == 3]
    return {change.strip(): re.findall(r"`([\w<>./-]+/[\w<>.-]+)`", touch) for change, touch in cells}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(tmp_path / "copy")


def test_a_criterion(copy: Copy) -> None:
    copy.add("edgeprune/prune/criteria/weights/largest_weight.py", CRITERION)
    copy.touches_what_is_said_of("a pruning criterion")
    assert "largest-weight" in copy.edgeprune("criteria", "list")
    assert copy.python("-c", SCORES) == "[3.0, 5.0]\n"


def test_a_granularity(copy: Copy) -> None:
    copy.add("edgeprune/fitting/granularities/as_it_is.py", GRANULARITY)
    copy.touches_what_is_said_of("a granularity")
    assert "Nothing beside channels." in copy.edgeprune("granularities", "show", "as-it-is")


def test_a_schedule(copy: Copy) -> None:
    copy.add("edgeprune/fitting/schedules/untrained.py", SCHEDULE)
    copy.touches_what_is_said_of("a schedule")
    program = "from edgeprune.fitting.schedule import SCHEDULES; print(SCHEDULES.find('untrained').summary)"
    assert copy.python("-c", program) == "All channels at once, and no training.\n"


def test_a_target(copy: Copy) -> None:
    copy.add("targets/cortex-m/attic-m4.toml", TARGET.replace('[[loaders]]\nkind = "dropbox"\n', ""))
    copy.touches_what_is_said_of("a target")
    assert "A Cortex-M4 found in the attic" in copy.edgeprune("targets", "show", "attic-m4")


def test_a_command(copy: Copy) -> None:
    copy.add("edgeprune/cli/greet.py", COMMAND)
    copy.insert("edgeprune/cli/main.py", '    "init": ', '    "greet": "Greet whoever asks.",\n')
    copy.touches_what_is_said_of("a command")
    assert "Greet whoever asks." in copy.edgeprune("--help")
    assert json.loads(copy.edgeprune("greet", "--json")) == {"greeting": "hello"}


def test_a_way_to_reach_a_device(copy: Copy) -> None:
    copy.add("edgeprune/device/links/scripted_link.py", LINK)
    copy.touches_what_is_said_of("a way to reach a device")
    program = ("-m", "edgeprune", "monitor", "--port", "scripted://shelf", "--seconds", "1")
    assert copy.python(*program, stdin="help\n").splitlines() == ["boot of shelf", "m-answer"]


def test_a_way_to_write_flash(copy: Copy, tmp_path: Path) -> None:
    copy.add("edgeprune/device/loaders/drop_box.py", LOADER)
    copy.insert("edgeprune/hardware/profile.py", '"swd")\n', '"dropbox", ')
    copy.touches_what_is_said_of("a way to write flash")
    (tmp_path / "board.toml").write_text(TARGET)
    image = struct.pack("<2I", 0x2000_1000, 0x0800_0009) + bytes(range(64))
    (tmp_path / "firmware.bin").write_bytes(image)
    (tmp_path / "box").mkdir()
    places = (str(tmp_path / "firmware.bin"), "--target", str(tmp_path / "board.toml"), "--port", str(tmp_path / "box"))
    assert "drop box" in copy.edgeprune("flash", *places)
    assert (tmp_path / "box" / "image.bin").read_bytes() == image


def test_an_operator(copy: Copy) -> None:
    copy.insert("edgeprune/ir/kinds.py", "    RESHAPE = ", '    REVERSE_V2 = "REVERSE_V2"\n')
    copy.insert(
        "edgeprune/ir/traits.py",
        "    OpKind.RESHAPE: ",
        "    OpKind.REVERSE_V2: Traits(attrs=AxisAttrs, keeps_scale=True),\n",
    )
    copy.insert(
        "edgeprune/engine/tflite/attributes.py",
        "    OpKind.RESHAPE: ",
        '    OpKind.REVERSE_V2: Rule("", lambda s: AxisAttrs(axis=s.axis(s.ints(1)[0], s.rank())), _FIRST),\n',
    )
    copy.add("edgeprune/engine/kernels/movement/reverse.py", OPERATOR)
    copy.add("firmware/include/ep_reverse.h", HEADER)
    copy.add("firmware/kernels/ref/reverse.c", KERNEL)
    copy.touches_what_is_said_of("an operator")
    copy.python("-c", ONE_OPERATOR)


def test_a_faster_kernel(copy: Copy) -> None:
    folder = "edgeprune/engine/kernels/dsp"
    copy.add(f"{folder}/maximum.py", FASTER_KERNEL)
    copy.insert(f"{folder}/__init__.py", "KERNELS = {\n", f"from {folder.replace('/', '.')} import maximum\n\n")
    copy.insert(f"{folder}/__init__.py", "    OpKind.MEAN: ", "    OpKind.MAXIMUM: (maximum.candidate,),\n")
    copy.add("firmware/include/dsp/maximum.h", FASTER_HEADER)
    copy.add("firmware/kernels/dsp/maximum.c", FASTER_C)
    copy.touches_what_is_said_of("a faster kernel")
    assert copy.python("-c", FASTER_RUN) == "ep_maximum_dsp ep_maximum_ref\n"
