"""Programs over a real SSH server: installed whole or not at all, run, and every fault of the way said in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edgeprune.device.machines.named import machine_at
from edgeprune.device.machines.ssh import ssh_address
from edgeprune.errors import DeviceError, UsageError
from tests.hosted.faulty_proxy import Fault, FaultyProxy, Plan
from tests.hosted.sshd import HOST, Server

ADDRESS = f"ssh://{HOST}"
FILES = {"hello": b'#!/bin/sh\nread word; echo "hello $word"\n', "data": bytes(range(256)) * 2000}


def installed_folders(server: Server) -> list[Path]:
    return [path for path in (server.cache / "edgeprune").glob("*") if not path.name.startswith(".")]


def test_files_are_installed_once_and_run(server: Server) -> None:
    with closing(machine_at(ADDRESS)) as machine:
        folder = machine.install(FILES)
        assert machine.run(folder, ["./hello"], b"pi\n", 20) == b"hello pi\n"
        stamp = Path(folder).stat().st_ctime_ns
        assert machine.install(FILES) == folder and Path(folder).stat().st_ctime_ns == stamp
        assert machine.install(FILES | {"more": b""}) != folder
    assert (Path(folder) / "data").read_bytes() == FILES["data"]
    assert server.left_over() == []


def test_a_damaged_file_is_brought_again(server: Server) -> None:
    with closing(machine_at(ADDRESS)) as machine:
        folder = machine.install(FILES)
        (Path(folder) / "data").write_bytes(b"short")
        assert machine.install(FILES) == folder
    assert (Path(folder) / "data").read_bytes() == FILES["data"]


@contextmanager
def _behind(server: Server, plan: Plan | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy stands before the server."""
    with closing(FaultyProxy(server.port, plan)) as proxy:
        server.client_port = proxy.port
        monkeypatch.setenv("EDGEPRUNE_SSH", server.client_words())
        yield


def test_a_link_cut_while_pushing_leaves_nothing_in_use(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for after_bytes in (100_000, 300_000):
        with _behind(server, Plan(Fault.CUT, to_device=True, after_bytes=after_bytes, seed=0), monkeypatch):
            with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError) as caught:
                machine.install(FILES)
            assert caught.value.hint is not None
            assert installed_folders(server) == []
    with _behind(server, None, monkeypatch), closing(machine_at(ADDRESS)) as machine:
        folder = machine.install(FILES)
        assert machine.run(folder, ["./hello"], b"again\n", 20) == b"hello again\n"
    assert len(installed_folders(server)) == 1


def test_a_changed_host_key_is_refused(server: Server) -> None:
    server.stop()
    server.make_key("host_key")
    server.start()
    with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError, match="its host key changed") as caught:
        machine.install(FILES)
    assert "ssh-keygen -R" in (caught.value.hint or "")
    server.know_host()
    with closing(machine_at(ADDRESS)) as machine:
        machine.install(FILES)


def test_an_unknown_host_key_is_refused_even_where_the_users_configuration_would_not(server: Server) -> None:
    (server.folder / "known_hosts").write_text("")
    with (server.folder / "client_config").open("a") as config:
        config.write(" StrictHostKeyChecking no\n")
    with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError, match="host key is not known"):
        machine.install(FILES)


def test_a_key_that_is_not_accepted_and_a_server_that_is_not_there(server: Server) -> None:
    server.make_key("user_key")
    with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError, match="refuses every key"):
        machine.install(FILES)
    server.stop()
    with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError, match="no SSH server listens"):
        machine.install(FILES)


def test_a_program_that_hangs_is_stopped_there_and_one_that_is_killed_is_told(server: Server) -> None:
    with closing(machine_at(ADDRESS)) as machine:
        folder = machine.install(FILES)
        with pytest.raises(DeviceError, match="did not end within 1 s"):
            machine.run(folder, ["sleep", "4711"], b"", 1)
        assert "sleep 4711" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
        with pytest.raises(DeviceError, match="SIGKILL"):
            machine.run(folder, ["sh", "-c", "kill -9 $$"], b"", 20)
        with pytest.raises(DeviceError, match="does not execute"):
            machine.run(folder, ["./absent"], b"", 20)
        assert machine.run(folder, ["./hello"], b"still\n", 20) == b"hello still\n"


def test_two_sessions_at_once_install_the_same(server: Server) -> None:
    def install(number: int) -> str:
        with closing(machine_at(ADDRESS)) as machine:
            folder = machine.install(FILES)
            assert machine.run(folder, ["./hello"], b"%d\n" % number, 30) == b"hello %d\n" % number
            return folder

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(install, range(4)))) == 1
    assert len(installed_folders(server)) == 1 and server.left_over() == []
    assert sorted(path.name for path in installed_folders(server)[0].iterdir()) == sorted(FILES)


def test_a_full_disk_leaves_nothing_and_is_told(server: Server) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root alone")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(server.cache)]).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        with closing(machine_at(ADDRESS)) as machine, pytest.raises(DeviceError, match="No space") as caught:
            machine.install(FILES)
        assert "free some space" in (caught.value.hint or "")
        assert server.left_over() == [] and installed_folders(server) == []
        with closing(machine_at(ADDRESS)) as machine:  # a smaller one has room
            assert machine.run(machine.install({"hello": FILES["hello"]}), ["./hello"], b"\n", 20) == b"hello \n"
    finally:
        subprocess.run(["umount", str(server.cache)], check=True)


@pytest.mark.parametrize("text", ["ssh://", "ssh://-oProxyCommand=x", "ssh://a@b/c", "ssh://u:secret@h", "ssh://h:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        ssh_address(text)


def test_addresses() -> None:
    assert ssh_address("ssh://pi@Bench.local:2222").words == ["-l", "pi", "-p", "2222", "--", "Bench.local"]
    with pytest.raises(UsageError, match="names no machine"):
        machine_at("/dev/ttyUSB0")
