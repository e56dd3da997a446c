"""Runners of the user's own behind a real SSH server and the real `adb`.

No `benchmark_model` and no `executor_runner` is to be had as a package: executables that take their flags and print
what their documentation shows stand in for them.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import this_machine
from tests.hosted.adb_double import AdbDouble
from tests.hosted.sshd import HOST, Server
from tests.hosted.test_adb import phone  # noqa: F401
from tests.hosted.test_arm64 import pi  # noqa: F401
from tests.hosted.test_commands import command, model  # noqa: F401
from tests.hosted.test_pte import PROGRAM
from tests.unit.deploy.hosted.printed_by_runners import BENCHMARK_MODEL, EXECUTOR_RUNNER, OPERATORS

pytestmark = pytest.mark.skipif(this_machine() is not Architecture.X86_64, reason="the tests' target is x86-64")


def stand_in(folder: Path, file_flag: str, text: str, operators: str = "", unknown: str = "none") -> str:
    """An executable that wants the file, refuses one flag as gflags does, and prints; its path."""
    path = folder / "stand_in"
    path.write_text(f"""#!/bin/sh
for word in "$@"; do
    case $word in
    --{unknown}=*) echo "ERROR: unknown command line flag '{unknown}'" >&2; exit 1 ;;
    --{file_flag}=*) [ -s "${{word#*=}}" ] || {{ echo "no such model: $word" >&2; exit 1; }}; found=1 ;;
    --enable_op_profiling=true) operators={shlex.quote(operators)} ;;
    esac
done
[ "$found" ] || exit 1
printf '%s\\n' {shlex.quote(text)} >&2
printf '%s\\n' "$operators"
""")
    return str(path)


def test_benchmark_model_over_ssh(
    server: Server,
    model: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    runner = stand_in(tmp_path, "graph", BENCHMARK_MODEL, OPERATORS)
    code, told = command("profile", *model, "--device", f"ssh://{HOST}", "--runner", runner, "--core", "0")
    assert code == 0, told
    assert (told["runs"], told["latency"]["mean_us"], told["latency"]["p95_us"]) == (80, 12475.2, 12900.0)
    assert [(one["operator"], one["mean_us"]) for one in told["operators"]][:2] == [("QUANTIZE", 203.0), ("MEAN", 80.0)]
    assert not server.left_over()


def test_executor_runner_over_adb_without_a_flag_it_does_not_know(
    phone: AdbDouble,  # noqa: F811
    model: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    runner = stand_in(tmp_path, "model_path", EXECUTOR_RUNNER, unknown="cpu_threads")
    words = [PROGRAM, *model[1:], "--device", f"adb:{phone.serial}", "--runner", runner, "--warm-up", "1"]
    code, told = command("profile", *words, "--repeats", "2")
    assert code == 0, told
    assert (told["runs"], told["latency"]["mean_us"], told["operators"]) == (2, 500.0, [])


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [("graph", "hello", "printed no statistics"), ("other", "", "ended with status 1")],
)
def test_what_is_no_runner_is_an_error_with_a_remedy(
    server: Server,
    model: list[str],  # noqa: F811
    tmp_path: Path,
    flag: str,
    text: str,
    message: str,
) -> None:
    runner = stand_in(tmp_path, flag, text)
    code, told = command("profile", *model, "--device", f"ssh://{HOST}", "--runner", runner)
    assert code == 4 and message in told["error"] and told["hint"]


def test_what_is_refused_before_anything_is_sent(
    model: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    runner = stand_in(tmp_path, "graph", "")
    absent = str(tmp_path / "absent")
    code, told = command("profile", *model, "--device", "ssh://nowhere", "--runner", absent)
    assert code == 2 and "cannot be read" in told["error"]
    for words, message in (
        ([model[0], "--target", "cortex-m4"], "no operating system"),
        (model, "none is named"),
        ([*model, "--runtime", "litert"], "would choose nothing"),
    ):
        code, told = command("profile", *words, "--runner", runner)
        assert code == 2 and message in told["error"] and told["hint"]


def test_a_runner_for_another_processor_is_refused(
    server: Server,
    model: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    header = bytearray(Path("/bin/sh").read_bytes())
    header[18:20] = (183).to_bytes(2, "little")  # EM_AARCH64
    (tmp_path / "runner").write_bytes(header)
    words = [*model, "--device", f"ssh://{HOST}", "--runner", str(tmp_path / "runner")]
    code, told = command("profile", *words)
    assert code == 2 and "is a program for aarch64" in told["error"]


@pytest.mark.slow
def test_time_of_an_emulated_pi_is_not_believed(
    pi: Server,  # noqa: F811
    model: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    runner = stand_in(tmp_path, "graph", BENCHMARK_MODEL)
    words = [model[0], "--target", "pi4", "--device", f"ssh://{HOST}", "--runner", runner]
    code, told = command("profile", *words)
    assert code == 0 and told["latency"] is None and told["operators"] == []
