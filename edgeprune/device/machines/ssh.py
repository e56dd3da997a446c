"""A shell through the system's OpenSSH client: the user's keys, agent, jump hosts and known hosts, one connection."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edgeprune.device.machines.machine import KILLED_BY_TIMEOUT, Reply
from edgeprune.errors import DeviceError, ToolchainError, UsageError

SCHEME = "ssh://"
_CONNECT_TIMEOUT_S = 10
_SSH_FAILED = 255

# What OpenSSH prints -> what to do about it; the first that occurs counts.
_REMEDIES = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key changed",
        "another machine may answer in its place: find out why, then `ssh-keygen -R HOST` and connect once by hand",
    ),
    (
        "Host key verification failed",
        "its host key is not known",
        "connect once by hand, compare the fingerprint, and accept it: `ssh HOST`",
    ),
    (
        "Permission denied",
        "it refuses every key",
        "`ssh-copy-id HOST` installs yours; keys with a password need an agent",
    ),
    ("Could not resolve", "no such host", "check the name, or add it to ~/.ssh/config"),
    ("Connection refused", "no SSH server listens there", "on a Raspberry Pi: `sudo raspi-config`, Interface, SSH"),
    ("timed out", "it does not answer", "is it switched on, and on this network?"),
    ("No route to host", "it cannot be reached", "is it switched on, and on this network?"),
)


@dataclass(frozen=True)
class Address:
    """user, port: None leaves them to the user's configuration."""

    host: str
    user: str | None
    port: int | None

    @property
    def words(self) -> list[str]:
        user = [] if self.user is None else ["-l", self.user]
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*user, *port, "--", self.host]


def ssh_address(text: str) -> Address:
    """`ssh://[USER@]HOST[:PORT]`.

    Raises:
        UsageError: something else.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, None
    if parts is None or not host or parts.path not in ("", "/") or parts.query or parts.password is not None:
        raise UsageError(f"'{text}' is no SSH address", hint="ssh://USER@HOST or ssh://HOST:PORT; keys, not passwords")
    named = host if text.lower() == text else (parts.netloc.rpartition("@")[2].partition(":")[0] or host)
    if any(part.startswith("-") for part in (named, parts.username or "")):
        raise UsageError(f"'{text}' names a host or user that starts with '-'")
    return Address(named, parts.username, port)


class SshShell:
    """`Transport` of `behind_shell.py`. EDGEPRUNE_SSH holds other words to start the client with."""

    def __init__(self, address: Address, name: str):
        self._words = shlex.split(os.environ.get("EDGEPRUNE_SSH") or "ssh")
        if shutil.which(self._words[0]) is None:
            raise ToolchainError(f"{self._words[0]} is not installed", hint="`apt install openssh-client`")
        self._address = address
        self._name = name
        self._sockets = tempfile.TemporaryDirectory(prefix="ep-ssh-")  # short: a socket's path has about 100 bytes

    @property
    def name(self) -> str:
        return self._name

    @property
    def cache(self) -> str:
        return "${XDG_CACHE_HOME:-$HOME/.cache}/edgeprune"

    def send(self, script: str, given: bytes, timeout_s: float) -> Reply:
        command = [*self._words, *self._options(), *self._address.words, f"exec /bin/sh -c {shlex.quote(script)}"]
        try:
            done = subprocess.run(command, input=given, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            return Reply(KILLED_BY_TIMEOUT, b"", "")
        errors = done.stderr.decode("utf-8", "replace")
        if done.returncode == _SSH_FAILED:
            raise self._failure(errors)
        return Reply(done.returncode, done.stdout, errors)

    def close(self) -> None:
        """Ends the connection that all commands shared."""
        subprocess.run(
            [*self._words, *self._options(), "-O", "exit", *self._address.words],
            capture_output=True,
            timeout=_CONNECT_TIMEOUT_S,
            check=False,
        )
        self._sockets.cleanup()

    def _options(self) -> list[str]:
        settings = {
            "BatchMode": "yes",  # never asks: an error says what is missing
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(_CONNECT_TIMEOUT_S),
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            "ControlMaster": "auto",
            "ControlPath": str(Path(self._sockets.name) / "%C"),
            "ControlPersist": "60",
            "LogLevel": "ERROR",
        }
        return ["-T", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]

    def _failure(self, errors: str) -> DeviceError:
        host = self._address.host
        for text, what, remedy in _REMEDIES:
            if text in errors:
                return DeviceError(f"{self._name}: {what}", hint=remedy.replace("HOST", host))
        told = errors.strip().splitlines()
        return DeviceError(
            f"{self._name}: the connection failed or was cut: {told[-1][:300] if told else 'no reason given'}",
            hint=f"`ssh {host} true` shows whether it can be reached; then run it again: nothing is half-installed",
        )
