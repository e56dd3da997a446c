"""A port that is read, left alone, and pulled out, on a pseudo-terminal."""

from __future__ import annotations

import os
import time
import tty
from collections.abc import Iterator

import pytest

from edgeprune.device.links.serial_link import SerialLink
from edgeprune.errors import DeviceError


@pytest.fixture
def port() -> Iterator[tuple[int, SerialLink]]:
    """The device's end, and an open link to it."""
    device, terminal = os.openpty()
    tty.setraw(terminal)
    link = SerialLink(os.ttyname(terminal))
    link.open()
    os.close(terminal)
    yield device, link
    link.close()


def test_what_has_come_is_read_at_once_or_waited_for(port: tuple[int, SerialLink]) -> None:
    device, link = port
    assert link.read(0.0) == b""
    assert link.read(0.01) == b""
    os.write(device, b"m-ready\r\n")
    assert link.read(5.0) == b"m-ready\r\n"
    os.write(device, b"\x79\x1f")
    deadline_s, read = time.monotonic() + 5.0, b""
    while len(read) < 2 and time.monotonic() < deadline_s:
        read += link.read(0.0)
    assert read == b"\x79\x1f"
    link.write(b"name%")
    assert os.read(device, 80) == b"name%"
    os.close(device)


@pytest.mark.parametrize("timeout_s", [0.0, 0.2])
def test_a_port_pulled_out_is_an_error_with_a_remedy(port: tuple[int, SerialLink], timeout_s: float) -> None:
    device, link = port
    os.close(device)
    with pytest.raises(DeviceError, match="is gone") as caught:
        link.read(timeout_s)
    assert "plug the board in again" in (caught.value.hint or "")


def test_nothing_is_read_from_a_closed_port() -> None:
    with pytest.raises(DeviceError, match="not open"):
        SerialLink("/dev/pts/0").read(0.0)


def test_a_port_is_one_links_until_it_is_closed(port: tuple[int, SerialLink]) -> None:
    _, link = port
    other = SerialLink(link.name)
    with pytest.raises(DeviceError):
        other.open()
    link.close()
    link.close()
    with pytest.raises(DeviceError, match="not open"):
        link.read(0.0)
    other.open()
    other.close()
