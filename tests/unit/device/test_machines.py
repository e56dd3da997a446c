"""Machines with an operating system: addresses, how a command's end is read, and clients that are not there."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgeprune.device.discovery.adb_phones import adb_phones
from edgeprune.device.discovery.ssh_hosts import ssh_hosts
from edgeprune.device.machines.adb import AdbShell
from edgeprune.device.machines.behind_shell import MachineBehindShell
from edgeprune.device.machines.local import LocalMachine, emulator_of
from edgeprune.device.machines.machine import Reply, check_reply
from edgeprune.device.machines.named import machine_at
from edgeprune.device.machines.ssh import SshShell, ssh_address
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.hardware.hosted import Architecture


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh://pi", ["--", "pi"]),
        ("ssh://me@pi", ["-l", "me", "--", "pi"]),
        ("ssh://pi:2222", ["-p", "2222", "--", "pi"]),
        ("ssh://me@pi:22/", ["-l", "me", "-p", "22", "--", "pi"]),
        ("ssh://Bench", ["--", "Bench"]),
    ],
)
def test_an_address_as_words_of_the_client(text: str, words: list[str]) -> None:
    assert ssh_address(text).words == words


def test_what_names_no_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="names no machine"):
        machine_at("telnet://pi")


@pytest.mark.parametrize(
    ("status", "errors", "message", "hint"),
    [
        (1, "", "'./p x' failed with status 1", None),
        (3, "one\ntwo\n", "'./p x' failed with status 3: two", None),
        (124, "", "did not end within 7 s and was stopped", "busy"),
        (126, "denied", "does not execute './p x': denied", "noexec"),
        (127, "", "does not execute './p x'", "architecture"),
        (1, "Exec format error", "does not execute", "architecture"),
        (128 + 9, "", "was killed by SIGKILL", "memory ran out"),
        (-9, "", "was killed by SIGKILL", "memory ran out"),
        (-4, "", "was killed by SIGILL", "lacks an instruction"),
        (-11, "last words", "was killed by SIGSEGV: last words", "report it"),
        (128 + 99, "", "was killed by signal 99", "report it"),
    ],
)
def test_how_a_command_ended(status: int, errors: str, message: str, hint: str | None) -> None:
    with pytest.raises(DeviceError) as ended:
        check_reply(Reply(status, b"out", errors), "pi", ["./p", "x"], 7.0)
    assert message in ended.value.message and ended.value.message.startswith("pi")
    assert hint is None or hint in str(ended.value.hint)


def test_a_command_that_ended_well_gives_its_output() -> None:
    assert check_reply(Reply(0, b"out", "a warning"), "pi", ["x"], 1.0) == b"out"


def test_clients_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EDGEPRUNE_SSH", raising=False)
    monkeypatch.delenv("EDGEPRUNE_ADB", raising=False)
    with pytest.raises(ToolchainError, match="ssh is not installed"):
        SshShell(ssh_address("ssh://pi"), "ssh://pi")
    with pytest.raises(ToolchainError, match="adb is not installed"):
        AdbShell("X")
    assert emulator_of(Architecture.AARCH64, ()) is None
    assert adb_phones() == []


def client(folder: Path, text: str) -> str:
    """A program that shows how it was called, on a line of the standard output, and does as `text` says."""
    path = folder / "client"
    path.write_text(f'#!/bin/sh\necho "$@" >{folder}/called\ncat >{folder}/given\n{text}\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("serial", "chosen"), [("R58M", "-s R58M"), ("", "-d")])
def test_adb_is_told_which_device(serial: str, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPRUNE_ADB", client(tmp_path, "echo out; echo err >&2; exit 5"))
    reply = AdbShell(serial).send("uname -m", b"given", 10.0)
    assert reply == Reply(5, b"out\n", "err\n")
    assert (tmp_path / "called").read_text().startswith(f"{chosen} shell -T sh -c ")
    assert (tmp_path / "given").read_bytes() == b"given"


@pytest.mark.parametrize(
    ("printed", "status", "words"),
    [
        ("error: device unauthorized.", 1, "is not authorized"),
        ("error: device 'X' not found", 1, "is not connected"),
        ("adb: device offline", 1, "is offline"),
        ("error: some other thing", 1, "error: some other thing"),
        ("error: device unauthorized.", 2, None),
        ("the program's own words: not found", 1, None),
    ],
)
def test_what_adb_prints_itself_is_told_from_what_the_program_does(
    printed: str, status: int, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEPRUNE_ADB", client(tmp_path, f'echo "{printed}" >&2; exit {status}'))
    if words is None:
        assert AdbShell("X").send("true", b"", 10.0) == Reply(status, b"", printed + "\n")
        return
    with pytest.raises(DeviceError, match=words) as caught:
        AdbShell("X").send("true", b"", 10.0)
    assert caught.value.message.startswith("adb:X") and caught.value.hint


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("Permission denied (publickey).", "refuses every key"),
        ("", "no reason given"),
        ("kex: odd", "was cut: kex: odd"),
    ],
)
def test_ssh_that_fails_itself(printed: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPRUNE_SSH", client(tmp_path, f'echo "{printed}" >&2; exit 255'))
    shell = SshShell(ssh_address("ssh://pi"), "ssh://pi")
    with pytest.raises(DeviceError, match=words) as caught:
        shell.send("true", b"", 10.0)
    assert "pi" in str(caught.value.hint) and "HOST" not in str(caught.value.hint)
    assert "StrictHostKeyChecking=yes" in (tmp_path / "called").read_text()
    shell.close()


def test_a_status_of_the_program_itself_is_its_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPRUNE_SSH", client(tmp_path, "exit 254"))
    shell = SshShell(ssh_address("ssh://pi"), "ssh://pi")
    assert shell.send("true", b"", 10.0).status == 254
    shell.close()


class Shell:
    """Answers with what it is given, and keeps what it was sent."""

    name, cache = "adb:X", "/tmp/cache"

    def __init__(self, *replies: Reply):
        self.replies, self.sent = list(replies), list[tuple[str, bytes, float]]()

    def send(self, script: str, given: bytes, timeout_s: float) -> Reply:
        self.sent.append((script, given, timeout_s))
        return self.replies.pop(0)

    def close(self) -> None:
        pass


def test_a_command_has_a_limit_there_and_a_longer_one_here() -> None:
    shell = Shell(Reply(0, b"out", ""))
    assert MachineBehindShell(shell).run("/a b", ["./p", "x y"], b"in", 20.0) == b"out"
    ((script, given, timeout_s),) = shell.sent
    assert script == "cd '/a b' && timeout -k 2 20 ./p 'x y'; exit $?" and given == b"in"
    assert timeout_s == 20 + 15


def test_the_architecture_is_the_machine_s_own_word() -> None:
    assert MachineBehindShell(Shell(Reply(0, b"aarch64\n", ""))).architecture() is Architecture.AARCH64
    with pytest.raises(DeviceError, match="is 'mips'"):
        MachineBehindShell(Shell(Reply(0, b"mips\n", ""))).architecture()


def test_files_go_there_once() -> None:
    files: Mapping[str, bytes] = {"b": b"2", "a": b"1"}
    known = Shell(Reply(0, b"installed /tmp/cache/1\n", ""))
    assert MachineBehindShell(known).install(files) == "/tmp/cache/1" and len(known.sent) == 1
    new = Shell(Reply(0, b"absent\n", ""), Reply(0, b"noise\ninstalled /tmp/cache/2\n", ""))
    assert MachineBehindShell(new).install(files) == "/tmp/cache/2"
    with tarfile.open(fileobj=io.BytesIO(new.sent[1][1])) as archive:
        assert archive.getnames() == ["a", "b"]
        assert {one.mode for one in archive} == {0o755}


@pytest.mark.parametrize(
    ("reply", "message", "hint"),
    [
        (Reply(1, b"", "sh: No space left on device"), "No space left", "free some space there"),
        (Reply(7, b"", ""), "status 7", "then run it again"),
        (Reply(0, b"hello\n", ""), "where a folder was asked for", None),
    ],
)
def test_an_installation_that_fails_is_told(reply: Reply, message: str, hint: str | None) -> None:
    with pytest.raises(DeviceError, match=message) as caught:
        MachineBehindShell(Shell(Reply(0, b"absent\n", ""), reply)).install({"a": b"1"})
    assert hint is None or str(caught.value.hint).startswith(hint)


def test_this_machine_runs_what_is_installed_and_forgets_it() -> None:
    machine = LocalMachine(Architecture.X86_64)
    folder = machine.install({"p": b"#!/bin/sh\ncat\nexit ${1:-0}\n"})
    assert machine.run(folder, ["./p"], b"in", 10.0) == b"in"
    with pytest.raises(DeviceError, match="failed with status 5"):
        machine.run(folder, ["./p", "5"], b"", 10.0)
    with pytest.raises(DeviceError, match="does not execute"):
        machine.run(folder, ["./none"], b"", 10.0)
    assert (machine.name, machine.source) == ("this machine", "host")
    machine.close()
    assert not Path(folder).exists()
    emulated = LocalMachine(Architecture.ARMV7, ("/usr/bin/qemu-arm",))
    assert (emulated.name, emulated.source) == ("armv7 emulated by qemu-arm", "emulator")


@pytest.mark.parametrize(
    ("features", "core"), [(("i8mm", "asimddp"), "max"), (("asimddp",), "cortex-a76"), ((), "cortex-a72")]
)
def test_the_emulated_core_has_what_the_program_uses(
    features: tuple[str, ...], core: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "qemu-aarch64"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert emulator_of(Architecture.AARCH64, features) == (str(program), "-cpu", core)
    assert emulator_of(Architecture.ARMV7, features) is None
    program.rename(tmp_path / "qemu-arm-static")
    assert emulator_of(Architecture.ARMV7, features) == (str(tmp_path / "qemu-arm-static"),)


def test_a_long_configuration_of_ssh_is_read_up_to_a_megabyte(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host near\n" + "#" * (1 << 20) + "\nHost far\n")
    assert [host.address for host in ssh_hosts(config)] == ["ssh://near"]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([b"OKAY000e", b"R58M\t", b" device \n"], ["adb:R58M"]),
        ([b"FAIL0004nope"], []),
        ([b"OKAYzzzzR58M device\n"], ["adb:R58M"]),
        ([b""], []),
    ],
)
def test_the_list_of_phones_is_asked_of_adb_s_server(
    pieces: list[bytes], found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adb").write_text("#!/bin/sh\n")
    (tmp_path / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.getsockname()[1]))

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                asked.append(wire.recv(100))
                for piece in pieces:
                    wire.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        assert [phone.address for phone in adb_phones()] == found
        thread.join()
    assert asked == [b"000ehost:devices-l"]
