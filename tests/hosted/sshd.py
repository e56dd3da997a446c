"""A real OpenSSH server on loopback for the user who runs the tests, and the client's configuration for it."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

SSHD = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")
MISSING = "OpenSSH's server and client are not both installed: apt install openssh-server openssh-client"
HOST = "bench"


def is_missing() -> bool:
    return SSHD is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`Host bench` of `client_words`.

    Attributes:
        cache: what its sessions have as XDG_CACHE_HOME.
        client_port: what the client connects to; another than `port` where something stands between.
    """

    def __init__(self, folder: Path, force_command: str | None = None):
        self.folder = folder
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.port = self.client_port = free_port()
        self._force_command = force_command
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("host_key", "user_key"):
            self.make_key(name)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        self.know_host()

    def make_key(self, name: str) -> None:
        for path in (self.folder / name, self.folder / f"{name}.pub"):
            path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True)

    def know_host(self) -> None:
        """Puts the host key where the client looks for it."""
        key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"{HOST} {key}\n")

    def start(self) -> None:
        forced = [] if self._force_command is None else [f"ForceCommand {self._force_command}"]
        settings = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.folder}/host_key", "UsePAM no",
            f"AuthorizedKeysFile {self.folder}/authorized_keys", "StrictModes no", "PasswordAuthentication no",
            f"PidFile {self.folder}/sshd.pid", f"SetEnv XDG_CACHE_HOME={self.cache}", "PermitRootLogin yes", *forced,
        ]  # fmt: skip
        (self.folder / "sshd_config").write_text("\n".join(settings) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        assert SSHD is not None
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
            stderr=(self.folder / "sshd.log").open("wb"),
            start_new_session=True,
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "sshd.log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def client_words(self) -> str:
        """For EDGEPRUNE_SSH."""
        config = self.folder / "client_config"
        config.write_text(
            f"Host {HOST}\n HostName 127.0.0.1\n HostKeyAlias {HOST}\n Port {self.client_port}\n"
            f" User {getpass.getuser()}\n IdentityFile {self.folder}/user_key\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {self.folder}/known_hosts\n GlobalKnownHostsFile /dev/null\n"
        )
        return f"ssh -F {config}"

    def left_over(self) -> list[str]:
        """Names of half-made installations."""
        return [path.name for path in (self.cache / "edgeprune").glob(".part.*")]
