"""Hosts the user's OpenSSH configuration names: Raspberry Pis and other boards with Linux."""

from __future__ import annotations

from pathlib import Path

from edgeprune.device.found import Ability, FoundDevice, Kind

_MAX_CONFIG_BYTES = 1 << 20


def ssh_hosts(config: Path | None = None) -> list[FoundDevice]:
    """Aliases of `Host` lines in ~/.ssh/config, patterns left out. Nothing is connected to."""
    path = config or Path.home() / ".ssh" / "config"
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_CONFIG_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return []
    return [
        FoundDevice(Kind.SSH, f"ssh://{alias}", title, abilities=(Ability.PROFILE,)) for alias, title in _hosts(text)
    ]


def _hosts(text: str) -> list[tuple[str, str]]:
    """(alias, host name) in the order of the file."""
    hosts: dict[str, str] = {}
    current: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].replace("=", " ").split()
        if len(words) < 2:
            continue
        if words[0].lower() == "host":
            current = [word for word in words[1:] if not set(word) & set("*?!")]
            hosts |= {alias: alias for alias in current if alias not in hosts}
        elif words[0].lower() == "match":
            current = []
        elif words[0].lower() == "hostname":
            hosts |= dict.fromkeys(current, words[1])
    return list(hosts.items())
