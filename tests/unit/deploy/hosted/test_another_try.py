"""What the user is told to remove on a device is what was installed there, never what lies beside it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from edgeprune.deploy.hosted.runtime_session import check_input_bytes
from edgeprune.deploy.hosted.session import installed
from edgeprune.errors import DeviceError

FOLDER = "/home/a pi/.cache/edgeprune/0123abcd"


def machine(source: str) -> Any:
    lines = b"build another\ninput_bytes 4\nlayers 1\n"
    told = lines + b"end 3 %d\n" % zlib.crc32(lines)
    return SimpleNamespace(
        name="a pi", source=source, install=lambda files: FOLDER, run=lambda folder, words, given, timeout_s: told
    )


def of_a_program(source: str) -> None:
    installed(machine(source), SimpleNamespace(content=b"", build_id="mine"))  # type: ignore[arg-type]


def of_a_runner(source: str) -> None:
    check_input_bytes(machine(source), FOLDER, {"input_bytes": "4"}, 8)


@pytest.mark.parametrize("asked", [of_a_program, of_a_runner])
def test_the_one_folder_is_named(asked: Callable[[str], None]) -> None:
    with pytest.raises(DeviceError) as refused:
        asked("device")
    assert refused.value.hint is not None and f"`rm -r '{FOLDER}'` there" in refused.value.hint
    with pytest.raises(DeviceError) as refused:
        asked("emulator")  # its folder is gone already
    assert refused.value.hint is not None and "rm" not in refused.value.hint.split()
