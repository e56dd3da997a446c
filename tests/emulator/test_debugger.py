"""gdb on emulated boards: a breakpoint in a kernel, a backtrace to main, the arena's tensors by name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.device.emulator.emulator import COUNTED
from edgeprune.device.emulator.gdb import gdb_arguments, gdb_command
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target
from tests.firmware.one_op import ModelBuilder

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT.parent / "shared" / "data" / "mlperf-tiny"
INPUT = bytes(range(40))
# Every instruction of a kernel, and what is called from there, is walked from back to main.
WALK = """
import gdb, re
at = {}
def walk(steps):
    for _ in range(steps):
        gdb.execute("stepi", to_string=True)
        lines = gdb.execute("backtrace", to_string=True)
        names = re.findall(r"^#[0-9]+ +(?:0x[0-9a-f]+ in )?([A-Za-z0-9_]+)", lines, re.M)
        at[names[0]] = at.get(names[0], 0) + 1
        if "main" not in names:
            print("LOST", hex(gdb.newest_frame().pc()), names)
    print("WALKED", at)
"""

pytestmark = pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")


def two_layers() -> bytes:
    """40 to 24 to 8: of six channels at a time on a Cortex-M4."""
    rng, model = np.random.default_rng(5), ModelBuilder()
    x = model.input((1, 40), scale=0.05, zero=3)
    for outputs, name in ((24, b"hidden"), (8, b"answer")):
        inputs = model.graph.tensors[x].shape[1]
        w = model.tensor((outputs, inputs), scale=[0.01] * outputs, data=rng.integers(-127, 128, (outputs, inputs)))
        y = model.tensor((1, outputs), scale=0.1, zero=-5)
        model.graph.tensors[y].name = name
        model.op("FULLY_CONNECTED", [x, w, -1], [y], schema.FullyConnectedOptionsT())
        x = y
    model.output(x)
    return model.build()


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def debugged(tflite: bytes, board: str, folder: Path, inputs: bytes) -> Iterator[list[str]]:
    """The words that start gdb on a board that was sent an input and one inference, and has run nothing yet."""
    target = load_target(board)
    image = link_images(compile_model(tflite, target, CompileOptions(Optimize.SPEED)), target, folder).own
    assert image is not None and target.emulator is not None
    number = free_port()
    with emulated_port(target.emulator.machine, image.elf, (*COUNTED, *gdb_arguments(number, waits=True))) as (port, _):
        client = os.open(port, os.O_RDWR | os.O_NOCTTY)
        pieces = [inputs[start : start + 31].hex() for start in range(0, len(inputs), 31)]
        commands = [f"db load {len(inputs)}", *(f"db {piece}" for piece in pieces), "infer 1 0"]
        os.write(client, "".join(f"{command}%" for command in commands).encode())
        (folder / "walk.py").write_text(WALK)
        yield [
            "gdb-multiarch",
            "-batch",
            "-nx",
            "-x",
            str(folder / "walk.py"),
            *shlex.split(gdb_command(image.elf, number))[1:],
        ]
        os.close(client)


def told(words: list[str], *commands: str) -> str:
    more = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run([*words, *more], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_breakpoint_in_a_kernel_a_backtrace_to_main_and_tensors_by_name(tmp_path: Path) -> None:
    from edgeprune.quantize.host import all_int8_outputs

    tflite = two_layers()
    with debugged(tflite, "mps2-an386", tmp_path, INPUT) as gdb:
        apart = {"dtype": "int16", "shape": [1, 2, 2, 3], "pixel_step_bytes": 16}
        lines = told(
            gdb, "tbreak six_channels", "continue", "backtrace", "tensors", "python walk(60)", "tbreak con_results",
            "watch-tensor answer 3", "continue", "continue", "tensor answer", "tensor answer real", "tensor nothing",
            "info line main", "watch-tensor answer 8",
            f"python print('OFFSETS', [element_offset_bytes({apart}, index) for index in (0, 2, 3, 11)])",
        )  # fmt: skip
    backtrace = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) \(.*?\) at (\S+):\d+", lines, re.MULTILINE)
    assert backtrace[0] == ("six_channels", "firmware/kernels/dsp/dense.c")
    assert ("ep_model_invoke", "c/model.c") in backtrace and backtrace[-1] == ("main", "firmware/main.c")
    assert re.search(r"^\* 0x\w+ int8    1x40 +\(the caller\) +t0$", lines, re.MULTILINE)
    assert re.search(r"^\* 0x\w+ int8    1x24 +layer_00_hidden +hidden$", lines, re.MULTILINE)
    assert re.search(r"^  0x\w+ int8    1x8 +layer_01_answer +answer$", lines, re.MULTILINE)
    assert "LOST" not in lines and "WALKED" in lines
    assert re.search(r"Hardware watchpoint \d+: \*\(char \*\)0x", lines) and "New value = " in lines
    expected = all_int8_outputs(tflite, np.frombuffer(INPUT, np.int8).reshape(1, 40))[0][0]
    assert f"[0] {' '.join(map(str, expected))}\n" in lines
    assert f"[0] {' '.join(f'{(int(q) + 5) * np.float32(0.1):.6g}' for q in expected)}\n" in lines
    assert "0 tensors are called 'nothing': see `tensors`" in lines
    assert "answer has elements 0 to 7, none 8" in lines and "OFFSETS [0, 4, 16, 52]" in lines


@pytest.mark.slow
@pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")
@pytest.mark.parametrize("board", ["mps2-an385", "mps2-an385-armv6m", "mps2-an386", "mps3-an547"])
def test_a_debugger_walks_out_of_every_instruction_of_the_kernels(tmp_path: Path, board: str) -> None:
    tflite = (MODELS / "kws01_int8.tflite").read_bytes()
    kernels = {"mps2-an385": "scalar", "mps2-an385-armv6m": "scalar", "mps2-an386": "dsp", "mps3-an547": "mve"}[board]
    firsts = {"scalar": ["all_channels", "ep_put_one", "ep_finish"], "dsp": ["ep_columns_one", "six_channels"]}
    firsts |= {"mve": ["ep_mve_tile_positive", "ep_mve_depthwise_rows", "ep_mve_tile_once"]}
    steps = [each for name in firsts[kernels] for each in (f"tbreak {name}", "continue", "python walk(150)")]
    with debugged(tflite, board, tmp_path, bytes(490)) as gdb:
        lines = told(gdb, *steps)
    assert "LOST" not in lines and lines.count("WALKED") == len(firsts[kernels])


def test_nothing_left_out_is_described_where_other_code_lies(tmp_path: Path) -> None:
    target = load_target("mps2-an385")
    image = link_images(compile_model(two_layers(), target, CompileOptions(Optimize.BALANCED)), target, tmp_path).own
    assert image is not None
    with image.elf.open("rb") as stream:
        elf = ELFFile(stream)
        assert not [section.name for section in elf.iter_sections() if isinstance(section, RelocationSection)]
        frames = [each.header for each in elf.get_dwarf_info().CFI_entries() if isinstance(each, FDE)]
        loaded = [each.name for each in elf.iter_sections() if each.name.startswith(".debug") and each["sh_flags"] & 2]
    starts = [frame["initial_location"] for frame in frames]
    kept = [start for start in starts if start != 0xFFFF_FFFF]
    assert len(kept) == len(set(kept)) < len(starts) and min(kept) >= 0x40 and loaded == []


def test_the_command_prints_how_gdb_is_started_and_its_end_by_force_frees_the_port(tmp_path: Path) -> None:
    target, folder, port = load_target("mps2-an386"), tmp_path / "an 'image", free_port()
    elf = link_images(compile_model(two_layers(), target, CompileOptions(Optimize.BALANCED)), target, folder).judged.elf
    words = [sys.executable, "-m", "edgeprune", "emulate", str(folder)]
    with subprocess.Popen([*words, "--gdb", str(port)], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert [running.stderr.readline() for _ in range(2)][1] == gdb_command(elf, port) + "\n"
        taken = subprocess.run([*words, "--gdb", str(port)], capture_output=True, text=True, timeout=60)
        running.send_signal(signal.SIGKILL)
    assert taken.returncode == 2 and f"TCP port {port}: Address already in use" in taken.stderr
    assert "name another with --gdb" in taken.stderr
    deadline_s = time.monotonic() + 30
    while not is_free(port):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    alone = subprocess.run([*words, "--wait"], capture_output=True, text=True, timeout=60)
    assert alone.returncode == 2 and "--wait is for gdb" in alone.stderr


def test_paths_with_blanks_and_quotes_are_found(tmp_path: Path) -> None:
    source = tmp_path / 'it\'s a "b"' / "firmware" / "kernels"
    (source.parent / "debug").mkdir(parents=True)
    script = Path(shutil.copy(ROOT / "firmware" / "debug" / "tensors.py", source.parent / "debug"))
    words = ["gdb-multiarch", "-batch", "-nx", "-ex", f"file {sys.executable}", "-x", str(script)]
    lines = told(words, "show substitute-path", "python print('WORD', word(Path('a b')))", "show directories")
    assert f"`firmware' -> `{source.parent}'" in lines and "WORD a\\ b" in lines and "Incorrect usage" not in lines
