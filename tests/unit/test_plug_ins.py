"""Packages of others bring entries by their entry points; a broken one is named, with its remedy."""

from __future__ import annotations

import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgeprune.project.template import BOARD, CRITERION, LINK, template
from tests.firmware.random_nets import NetBuilder

SHOW = "import sys; from edgeprune.cli.main import main; main(['criteria', 'show', 'my-criterion'])"


ROOT = Path(__file__).resolve().parents[2]
CRITERIA = {"edgeprune.criteria": {"my-criterion": "my_criterion"}}


def installed(folder: Path, name: str, files: dict[str, bytes], brings: dict[str, dict[str, str]]) -> None:
    """As an installer leaves a package: its modules, and what it declares beside them."""
    for file, content in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content)
    described = folder / f"{name}-0.1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) for group, points in
             brings.items()]  # fmt: skip
    (described / "entry_points.txt").write_text("\n".join(lines))


def declared(kind: str) -> dict[str, dict[str, str]]:
    """The entry points of a template's own pyproject.toml."""
    found = tomllib.loads(template(kind)["pyproject.toml"].decode())["project"]["entry-points"]
    assert isinstance(found, dict)
    return found


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """With the packages in `folder` installed."""
    environment = {"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "/usr/bin:/bin", "COLUMNS": "200", "HOME": str(folder)}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=folder)


def shown(folder: Path) -> subprocess.CompletedProcess[str]:
    return python(folder, "-c", SHOW)


def test_an_installed_package_brings_its_criterion(tmp_path: Path) -> None:
    installed(tmp_path, "mine", template(CRITERION), declared(CRITERION))
    done = shown(tmp_path)
    assert done.returncode == 0 and "Largest weight of each channel" in done.stdout, done.stderr


@pytest.mark.parametrize("code", ["1 / 0\n", "from edgeprune.prune.scoring.criterion import criterion\n"
                                  "@criterion('l1')\ndef mine(rows): ...\n"])  # fmt: skip
def test_a_broken_one_is_named(tmp_path: Path, code: str) -> None:
    installed(tmp_path, "mine", {"my_criterion.py": code.encode()}, CRITERIA)
    done = shown(tmp_path)
    assert done.returncode == 2 and "pip uninstall mine" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", [LINK, pytest.param(BOARD, marks=pytest.mark.slow)])
def test_a_template_passes_its_own_test(tmp_path: Path, kind: str) -> None:
    installed(tmp_path, f"my-{kind}", template(kind), declared(kind))
    done = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_my_{kind}.py")
    assert done.returncode == 0 and "skipped" not in done.stdout, done.stdout + done.stderr


def test_a_board_of_another_package_is_a_target_and_is_linked(tmp_path: Path) -> None:
    installed(tmp_path, "my-board", template(BOARD), declared(BOARD))
    assert "A board of my own" in python(tmp_path, "-m", "edgeprune", "targets", "show", "my-board").stdout
    (tmp_path / "my_board" / "board.c").unlink()
    code = (
        "from edgeprune.toolchain.units import board_folders\n"
        "print('my-board' in board_folders(), 'mps2' in board_folders())"
    )
    assert python(tmp_path, "-c", code).stdout == "False True\n"


LOADER = """
from edgeprune.device.found import Kind
from edgeprune.device.loaders.kind import LoaderKind

def opened(target, profile, request, port):
    raise SystemExit(f"{target.name} would be written through {port}")

LOADER = LoaderKind("my-loader", (Kind.SERIAL,), lambda port: port.startswith("/dev/"), opened)
"""


def test_a_loader_of_another_package_writes_a_board(tmp_path: Path) -> None:
    installed(tmp_path, "mine", {"my_loader.py": LOADER.encode()}, {"edgeprune.loaders": {"my-loader": "my_loader"}})
    (like,) = (ROOT / "targets").rglob("nucleo-f446re.toml")
    text = like.read_text().replace('kind = "swd"', 'kind = "my-loader"', 1).replace("nucleo-f446re", "my-board", 1)
    (tmp_path / "board.toml").write_text(text)
    (tmp_path / "image.bin").write_bytes(struct.pack("<II", 0x2000_2000, 0x0800_0009) + bytes(56))
    flash = ("-m", "edgeprune", "flash", "image.bin", "--target", "board.toml", "--port", "/dev/ttyX")
    done = python(tmp_path, *flash, "--loader", "my-loader")
    assert "my-board would be written through /dev/ttyX" in done.stderr, done.stderr
    (tmp_path / "mine-0.1.0.dist-info" / "entry_points.txt").unlink()
    refused = python(tmp_path, "-m", "edgeprune", "targets", "check", "board.toml")
    assert refused.returncode == 2 and "no loader is called 'my-loader'; there are stm32-rom" in refused.stdout


KERNEL = """
from edgeprune.hardware.profile import Isa
from edgeprune.ir import OpKind

def reshaped(graph, op, isa, optimize):
    print("asked for", op.name)
    return None

FAST = {Isa.DSP: {OpKind.CONV_2D: (reshaped,)}}
"""


def test_a_kernel_of_another_package_is_asked_first(tmp_path: Path) -> None:
    installed(tmp_path, "mine", {"my_kernel.py": KERNEL.encode()}, {"edgeprune.kernels": {"my-kernel": "my_kernel"}})
    b = NetBuilder(1)
    (tmp_path / "net.tflite").write_bytes(b.build(b.conv(b.input(1, 8, 8, 4), 8)))
    check = ("-m", "edgeprune", "check", "net.tflite", "--target")
    assert "asked for" in python(tmp_path, *check, "cortex-m4").stdout
    assert "asked for" not in python(tmp_path, *check, "cortex-m0").stdout


@pytest.mark.parametrize(
    ("group", "value", "files", "command", "words"),
    [
        ("kernels", "mine", {"mine.py": b""}, ("check", "net.tflite"), "declares no FAST"),
        ("loaders", "mine", {"mine.py": LOADER.encode()}, ("flash", "--help"), None),
        ("targets", "outer.inner", {"outer/__init__.py": b"print('ran')"}, ("targets", "list"), "would be run"),
    ],
)
def test_what_is_no_plug_in_is_named(
    tmp_path: Path, group: str, value: str, files: dict[str, bytes], command: tuple[str, ...], words: str | None
) -> None:
    installed(tmp_path, "mine", files, {f"edgeprune.{group}": {"mine": value}})
    b = NetBuilder(1)
    (tmp_path / "net.tflite").write_bytes(b.build(b.conv(b.input(1, 8, 8, 4), 8)))
    done = python(tmp_path, "-m", "edgeprune", *command)
    assert "Traceback" not in done.stderr and "ran\n" not in done.stdout
    assert done.returncode == (0 if words is None else 2) and (words or "mine") in done.stderr + done.stdout


def test_a_name_brought_twice_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        installed(tmp_path, name, {f"{name}/__init__.py": b""}, {"edgeprune.targets": {"same": name}})
    done = python(tmp_path, "-m", "edgeprune", "targets", "list")
    assert done.returncode == 2 and "brought twice: one, other" in done.stderr
