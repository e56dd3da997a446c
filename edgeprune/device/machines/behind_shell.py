"""A machine behind a shell: files go in as one archive, checked and renamed into place; commands have a time limit."""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from typing import Protocol

from edgeprune.device.machines.machine import Reply, Source, check_reply
from edgeprune.errors import DeviceError
from edgeprune.hardware.hosted import MACHINES, Architecture

_INSTALL_TIMEOUT_S = 300.0
_SLACK_S = 15.0
"""What the link may take beside the command itself."""
_INSTALLED = b"installed "


class Transport(Protocol):
    """How a shell is reached."""

    @property
    def name(self) -> str:
        """As the user named the machine."""

    @property
    def cache(self) -> str:
        """Where files may be kept and executed there, as the shell reads it in double quotes."""

    def send(self, script: str, given: bytes, timeout_s: float) -> Reply:
        """Runs a script of `/bin/sh` there.

        Raises:
            DeviceError: the link itself failed.
        """

    def close(self) -> None: ...


class MachineBehindShell:
    """`Machine` of `machine.py`."""

    def __init__(self, transport: Transport):
        self._transport = transport

    @property
    def name(self) -> str:
        return self._transport.name

    @property
    def source(self) -> Source:
        return "device"

    def architecture(self) -> Architecture:
        # A 64-bit kernel under 32-bit programs: static programs of either kind run.
        words = ["uname", "-m"]
        reply = self._transport.send("uname -m", b"", _SLACK_S)
        machine = check_reply(reply, self.name, words, _SLACK_S).decode("utf-8", "replace").strip()
        found = MACHINES.get(machine.lower())
        if found is None:
            known = ", ".join(sorted(MACHINES))
            raise DeviceError(f"{self.name} is '{machine[:40]}'", hint=f"programs are made for {known}")
        return found

    def install(self, files: Mapping[str, bytes]) -> str:
        archive = _archive(files)
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        digest = hashlib.sha256(archive).hexdigest()
        whole = " && ".join(
            f'[ "$(sha256sum <"$d"/{shlex.quote(name)} | cut -c1-64)" = {value} ]' for name, value in sums.items()
        )
        asked = self._answer(_ASK.format(cache=self._transport.cache, digest=digest, whole=whole), b"")
        if asked.startswith(_INSTALLED):
            return _folder(asked)
        return _folder(self._answer(_INSTALL.format(cache=self._transport.cache, digest=digest), archive))

    def run(self, folder: str, words: Sequence[str], given: bytes, timeout_s: float) -> bytes:
        command = shlex.join(words)
        # Behind a shell that stays, a signal becomes a status: ssh tells of a signal as it tells of a broken link.
        script = f"cd {shlex.quote(folder)} && timeout -k 2 {timeout_s:.0f} {command}; exit $?"
        return check_reply(self._transport.send(script, given, timeout_s + _SLACK_S), self.name, words, timeout_s)

    def close(self) -> None:
        self._transport.close()

    def _answer(self, script: str, given: bytes) -> bytes:
        reply = self._transport.send(script, given, _INSTALL_TIMEOUT_S)
        if reply.status != 0:
            told = reply.errors.strip().splitlines()
            last = told[-1][:300] if told else f"status {reply.status}"
            hint = "free some space there, then run it again" if "space" in last.lower() else "then run it again"
            raise DeviceError(f"{self.name}: the program cannot be installed: {last}", hint=hint)
        return reply.output


# Says which folder holds the files whole; removes one that does not, and what cut-off installations left an hour ago.
_ASK = """
d="{cache}/{digest}"
find "{cache}" -maxdepth 1 -name '.part.*' -mmin +60 -exec rm -rf {{}} + 2>/dev/null
if [ -d "$d" ]; then
    if {whole}; then echo "installed $d"; exit 0; fi
    rm -rf "$d"
fi
echo absent
"""

# A folder of its own until its content is proved; renamed last. Two sessions may do this at once: one of them wins.
_INSTALL = """
set -e
umask 077
mkdir -p "{cache}"
t=$(mktemp -d "{cache}/.part.XXXXXX")
trap 'rm -rf "$t"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$t/all.tar"
if [ "$(sha256sum <"$t/all.tar" | cut -c1-64)" != {digest} ]; then
    echo "the link was cut, or changed what was sent" >&2
    exit 1
fi
tar -xf "$t/all.tar" -C "$t"
rm "$t/all.tar"
d="{cache}/{digest}"
mv "$t" "$d"
rm -rf "$d/${{t##*/}}"
echo "installed $d"
"""


def _folder(answer: bytes) -> str:
    line = answer.strip().splitlines()[-1] if answer.strip() else b""
    if not line.startswith(_INSTALLED):
        raise DeviceError(
            f"the shell answered {answer[:80]!r} where a folder was asked for",
            hint="the link broke off, or a login script there prints: run it again",
        )
    return line.removeprefix(_INSTALLED).decode("utf-8", "replace")


def _archive(files: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same files: their digest names the folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()
