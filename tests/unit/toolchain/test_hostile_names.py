"""Names chosen by somebody else: refused where they come in, harmless in every file and option they reach."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import package
from edgeprune.device.console.console import Console
from edgeprune.device.discovery.emulators import announced, running_emulators
from edgeprune.device.emulator.emulated_flash import flash_arguments, make_flash_file
from edgeprune.device.emulator.emulator import EmulatorLink
from edgeprune.engine.codegen.emit import Identity
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.errors import DeviceError, UsageError
from edgeprune.files.names import is_name, name_from
from edgeprune.files.schema import validated
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target, target_files
from edgeprune.project.file import ModelTable
from edgeprune.toolchain.bootloader import _layout_defines
from edgeprune.toolchain.firmware import Firmware, FirmwareSources, build_firmware
from edgeprune.toolchain.size import ImageSize
from edgeprune.toolchain.space import target_space
from tests.firmware.random_nets import random_net

CANARY = "PWNED"
HOSTILE = [
    f"$(shell touch {CANARY})",
    f"x\n$(shell touch {CANARY})",
    f"x\n\t@touch {CANARY}",
    f"x\r\n\ttouch {CANARY}\n",
    f"x\\\n$(shell touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY}",
    f"| touch {CANARY}",
    f"& touch {CANARY} &",
    f"$(touch {CANARY})",
    f"${{{CANARY}}}",
    "x*/ #error PWNED\n/*",
    "x\n#error PWNED",
    "/* x /*",
    "*",
    '"; int pwned; char a[] = "',
    "x\\",
    "x\\\\\n",
    "*??/",
    '??/"',
    "%s%n%n",
    "../../PWNED",
    "/tmp/PWNED",
    "..",
    ".hidden",
    "-rf",
    "--target",
    f"mps2-an386,dumpdtb={CANARY}",
    f"none,file={CANARY},x=y",
    "x\x1b[2J\x1b]0;PWNED\x07",
    "x\x00y",
    "x\x7f\x9b31m",
    "x\u202etxt.exe",
    "x\u2028#error PWNED",
    "two words",
    "ä",
    "a" * 65,
    "",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "INPUT(PWNED.o) } > FLASH",
    "set(PWNED 1)",
    "\udcff",
]
SIZE = ImageSize({"runtime": 0, "kernels": 1, "model": 1, "constants": 0}, {"arena": 0, "stack": 0, "data": 0})
IMAGE = Firmware(*([Path("none")] * 4), None, "0" * 16, "none", "gcc (12)", SIZE)
ANSI = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No test leaves the canary behind, wherever a shell would have put it."""
    monkeypatch.chdir(tmp_path)
    yield
    assert [path for path in tmp_path.rglob("*") if CANARY in path.name] == []


@pytest.fixture(scope="module")
def compiled() -> CompiledModel:
    return compile_model(random_net(7, 4), load_target("cortex-m4"), CompileOptions(Optimize.SIZE, "net", "test"))


def named(compiled: CompiledModel, name: str) -> CompiledModel:
    """The model with `name` wherever it has one."""
    graph = compiled.graph
    graph = dataclasses.replace(
        graph,
        ops=tuple(dataclasses.replace(op, name=name) for op in graph.ops),
        tensors=tuple(dataclasses.replace(tensor, name=name) for tensor in graph.tensors),
    )
    identity = Identity(model_id=name, model_hash=name, target=name, command=name, version=name)
    return dataclasses.replace(compiled, graph=graph, identity=identity)


def a_target(name: str) -> Target:
    """As no TOML file can give it."""
    return load_target("cortex-m4").model_copy(update={"name": name, "title": name})


def with_value(data: Mapping, keys: tuple[str | int, ...], value: object) -> dict:
    changed = json.loads(json.dumps(data))
    place = changed
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return changed


def test_there_are_thirty_of_them_and_none_is_a_name() -> None:
    assert len(set(HOSTILE)) >= 30
    assert not any(is_name(name) for name in HOSTILE)
    assert all(is_name(name_from(name)) for name in HOSTILE)
    assert [name_from(name) for name in ("kws01", "a.b-c_d", "my net")] == ["kws01", "a.b-c_d", "my_net"]


@pytest.mark.parametrize(
    "keys",
    [
        ("name",), ("cpu", "core"), ("firmware", "board"), ("firmware", "defines", "BOARD_USART"),
        ("emulator", "machine"), ("emulator", "target"), ("loaders", 1, "swd_target"), ("link", "usb_ids", 0),
    ],
)  # fmt: skip
def test_a_targets_names_are_refused(keys: tuple[str | int, ...]) -> None:
    data = tomllib.loads(target_files()["nucleo-f446re"].read_text())
    assert validated(data, Target, Path("x.toml")).name == "nucleo-f446re"
    for name in HOSTILE:
        with pytest.raises(UsageError) as caught:
            validated(with_value(data, keys, name), Target, Path("x.toml"))
        assert str(keys[-1]) in caught.value.message or str(keys[-2]) in caught.value.message
        assert not ANSI.search(caught.value.message)


def test_a_macro_is_an_identifier() -> None:
    data = tomllib.loads(target_files()["nucleo-f446re"].read_text())
    for name in HOSTILE:
        with pytest.raises(UsageError, match="defines"):
            validated(with_value(data, ("firmware", "defines"), {name: 1}), Target, Path("x.toml"))


@pytest.mark.parametrize("keys", [("title",), ("sources", "cpu"), ("link", "note"), ("loaders", 0, "pins")])
def test_a_targets_texts_stay_on_their_line(keys: tuple[str | int, ...]) -> None:
    data = tomllib.loads(target_files()["nucleo-f446re"].read_text())
    for name in HOSTILE:
        if name.isprintable():
            validated(with_value(data, keys, name), Target, Path("x.toml"))
        else:
            with pytest.raises(UsageError, match="control characters"):
                validated(with_value(data, keys, name), Target, Path("x.toml"))


def test_a_models_name_is_refused() -> None:
    for name in HOSTILE:
        with pytest.raises(UsageError, match="name: a name is 1 to 64 of"):
            validated({"entry": "a.py:b", "input": [1], "name": name}, ModelTable, Path("edgeprune.toml"))


@needs("gcc")
def test_generated_c_is_what_it_was(compiled: CompiledModel, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        folder = tmp_path / str(number)
        folder.mkdir()
        for file_name, text in named(compiled, name).sources().items():
            (folder / file_name).write_text(text, encoding="ascii")
            assert not ANSI.search(text)
        includes = [f"-I{shipped('firmware') / part}" for part in ("include", "kernels")]
        flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        done = subprocess.run(["gcc", *flags, *includes, "model.c"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{name!r}: {done.stderr}"


@needs("make")
@needs("cmake")
def test_a_package_builds_and_runs_nothing_else(compiled: CompiledModel, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        folder = tmp_path / str(number)
        folder.mkdir()
        for file_name, text in package(named(compiled, name), a_target(name), IMAGE).items():
            (folder / file_name).write_text(text, encoding="utf-8")
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), (name, file_name)
        makefile = (folder / "Makefile").read_text()
        assert makefile.splitlines()[1] == "CC = arm-none-eabi-gcc"
        ran = subprocess.run(["make", "-n", "CC=true"], cwd=folder, capture_output=True, text=True)
        assert ran.returncode == 0, f"{name!r}: {ran.stderr}"
        readme = (folder / "README.md").read_text()
        outside_code = re.sub(r"`[^`]*`", "", readme)
        assert not re.search(r"(?<!\\)<script|(?<!\\)\[x", outside_code)
        headings = [line for line in readme.splitlines() if line.startswith("#")]
        assert len(headings) == 3
    ran = subprocess.run(
        ["cmake", "-DCMAKE_C_COMPILER=gcc", "-B", "build", str(number)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


@needs("arm-none-eabi-gcc")
def test_macros_and_scripts_of_a_build_hold_their_text(tmp_path: Path) -> None:
    boot = load_target("mps2-an386-boot")
    plain = target_space(boot).memory_script()
    for name in HOSTILE:
        target = boot.model_copy(update={"name": name, "title": name})
        assert target_space(target).memory_script() == plain
        assert target.boot is not None
        define = f"-DBOOT_TARGET={_layout_defines(target, target.boot)['BOOT_TARGET']}"
        text = "const char t[] = BOOT_TARGET;\n"
        done = subprocess.run(
            ["arm-none-eabi-gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", define, "-xc", "-"],
            input=text, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{name!r}: {done.stderr}"


@needs("arm-none-eabi-gcc")
@needs("qemu-system-arm")
def test_a_machines_name_is_nothing_but_a_name(tmp_path: Path) -> None:
    for name in [*HOSTILE, f"virt,dumpdtb={tmp_path / CANARY}"]:
        link = EmulatorLink(name, Path(os.devnull).resolve())
        link._elf = shipped("firmware") / "main.c"  # any file: the machine is not to start
        with suppress(ValueError):  # a zero byte, which no argument holds
            link.open()
        try:
            with pytest.raises(DeviceError):
                Console(link, 5.0).await_boot()
        finally:
            link.close()


@needs("arm-none-eabi-gcc")
@needs("qemu-system-arm")
def test_a_comma_in_a_path_begins_no_option(tmp_path: Path) -> None:
    target, fixtures = load_target("mps2-an386"), Path(__file__).resolve().parents[2] / "firmware" / "fixtures"
    model = {"tiny_model.c": (fixtures / "tiny_model.c").read_text(), "tiny_model.h": '#define TINY_TARGET "x"\n'}
    firmware = build_firmware(FirmwareSources(model, (), 16), target, tmp_path / "a,b")
    flash = tmp_path / f"f,mem-path={CANARY.lower()}" / "flash,x=y"
    flash.parent.mkdir()
    make_flash_file(flash)
    link = EmulatorLink("mps2-an386", firmware.elf, flash_arguments(flash))
    link.open()
    try:
        Console(link).await_boot()
    finally:
        link.close()
    assert not (tmp_path / CANARY.lower()).exists()


def test_a_note_of_an_emulator_is_no_others_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in HOSTILE:
        with announced(name, "/dev/pts/9", can_flash=False):
            assert running_emulators() == []


@needs("arm-none-eabi-gcc")
def test_the_command_stated_in_a_file_gives_its_words_back(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from edgeprune.cli.build import command

    weird = f"a $(touch {CANARY}) `touch {CANARY}`; x's.tflite".replace(CANARY, "pwned")
    (tmp_path / weird).write_bytes(random_net(7, 4))
    asked = [weird, "--target", "mps2-an386", "--out", "out", "--package", "c", "--no-verify"]
    done = CliRunner().invoke(command, asked)
    assert done.exit_code == 0, done.output
    (line,) = re.findall(r"^ \*   command  (.*)$", (tmp_path / "out/c/model.c").read_text(), re.MULTILINE)
    assert shlex.split(line)[:3] == ["edgeprune", "build", weird]
    refused = CliRunner().invoke(command, [*asked, "--model-id", f"x\n$(shell touch {CANARY})"])
    assert isinstance(refused.exception, UsageError) and "is no name" in refused.exception.message
