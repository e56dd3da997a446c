"""ExecuTorch programs behind a real SSH server: this machine's own sessions, and 64-bit Arm Debian's under QEMU."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from edgeprune.deploy.hosted.pte import running_here
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.export.pte.program import read_pte
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.executorch import build_runner
from edgeprune.toolchain.linux import this_machine
from tests.hosted.adb_double import AdbDouble
from tests.hosted.sshd import HOST, Server
from tests.hosted.test_adb import phone  # noqa: F401
from tests.hosted.test_arm64 import pi  # noqa: F401
from tests.hosted.test_commands import command

PTE = Path(__file__).resolve().parents[1] / "unit" / "export" / "pte"
PROGRAM = str(PTE / "xnnpack.pte")
needs_executorch = pytest.mark.skipif(
    importlib.util.find_spec("executorch") is None or shutil.which("g++") is None,
    reason="edgeprune[executorch] or g++ is not installed",
)


@pytest.fixture
def computer(tmp_path: Path) -> str:
    """A target that this machine is."""
    target = Path(__file__).resolve().parents[2] / "targets" / "raspberry-pi" / "raspberry-pi-4b.toml"
    lines = [line for line in target.read_text().splitlines() if not line.startswith("aliases")]
    text = "\n".join(lines).replace('"raspberry-pi-4b"', '"computer"').replace('"aarch64"', '"x86_64"')
    (tmp_path / "computer.toml").write_text(text)
    return str(tmp_path / "computer.toml")


@pytest.mark.slow
@needs_executorch
@pytest.mark.skipif(this_machine() is not Architecture.X86_64, reason="the tests' target is x86-64")
def test_over_adb_with_a_c_library_of_its_own(
    phone: AdbDouble,  # noqa: F811
    computer: str,
) -> None:
    words = [PROGRAM, "--target", computer, "--device", f"adb:{phone.serial}"]
    code, verified = command("verify", *words, "--samples", "20")
    assert (code, verified["source"], verified["same_bytes"]) == (0, "device", 1.0), verified
    (installed,) = (Path(computer).parent / "device").glob("edgeprune/*/libc.so.6")
    assert (installed.parent / "ld-linux-x86-64.so.2").is_file()
    code, profiled = command("profile", *words, "--repeats", "5")
    assert code == 0 and profiled["latency"]["p50_us"] > 0 and profiled["threads"] == 1


@pytest.mark.slow
@needs_executorch
@pytest.mark.skipif(this_machine() is not Architecture.X86_64, reason="the tests' target is x86-64")
def test_verify_and_profile(server: Server, computer: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [PROGRAM, "--target", computer, "--device", f"ssh://{HOST}"]
    code, verified = command("verify", *words, "--samples", "20")
    assert (code, verified["source"], verified["verified_samples"]) == (0, "device", 20)
    assert verified["same_bytes"] == 1.0 and verified["argmax_agreement"] == 1.0
    code, profiled = command("profile", *words, "--repeats", "7")
    latency = profiled["latency"]
    assert code == 0 and 0 < latency["p50_us"] <= latency["p90_us"] <= latency["most_us"]
    operators = [one["name"] for one in profiled["operators"]]
    assert len(operators) > 3 and any(name.startswith("Convolution (NHWC, QC8)") for name in operators)
    assert profiled["threads"] == 1  # XNNPACK's own choice is one a core
    code, profiled = command("profile", *words, "--repeats", "7", "--threads", "2")
    assert code == 0 and profiled["threads"] == 2 and profiled["latency"]["p50_us"] > 0
    assert profiled["peak_rss_bytes"] > profiled["planned_bytes"] and profiled["runtime_bytes"] > 1 << 20
    assert not server.left_over()


@pytest.mark.slow
@needs_executorch
def test_a_pi_gives_this_machines_outputs_and_its_emulated_time_is_not_believed(
    pi: Server,  # noqa: F811
) -> None:
    try:
        build_runner(Architecture.AARCH64)
    except (UsageError, ToolchainError) as missing:
        pytest.skip(f"{missing}; {missing.hint}")
    words = [PROGRAM, "--target", "pi4", "--device", f"ssh://{HOST}"]
    code, verified = command("verify", *words, "--samples", "5")
    assert (code, verified["source"], verified["verified_samples"]) == (0, "device", 5), verified
    assert verified["argmax_agreement"] == 1.0 and verified["most_difference"] < 0.01
    code, profiled = command("profile", *words, "--repeats", "2")
    assert code == 0 and profiled["latency"] is None and profiled["peak_rss_bytes"] is None


@pytest.mark.slow
@needs_executorch
def test_a_program_that_executorch_refuses_is_an_error_with_its_reason() -> None:
    program = read_pte((PTE / "cortex-m.pte").read_bytes(), "cortex-m.pte")
    with (
        pytest.raises(DeviceError, match="an operator or backend it needs is not here"),
        running_here((PTE / "cortex-m.pte").read_bytes(), program),
    ):
        pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([PROGRAM, "--target", "cortex-m4"], "no operating system"),
        ([PROGRAM], "names no target"),
        ([str(PTE / "cortex-m.pte"), "--target", "pi4"], "is a kernel for Cortex-M"),
        ([PROGRAM, "--target", "pi4", "--device", "nowhere"], "names no machine"),
    ],
)
def test_what_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = command("verify", *words)
    assert code == 2 and message in told["error"] and told["hint"]


def test_an_architecture_without_its_libraries_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Architecture.AARCH64 if this_machine() is not Architecture.AARCH64 else Architecture.X86_64
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="libraries of ExecuTorch") as refused:
        build_runner(other)
    assert refused.value.hint is not None and "--no-deps" in refused.value.hint
    with pytest.raises(UsageError, match="has no libraries for armv7"):
        build_runner(Architecture.ARMV7)
