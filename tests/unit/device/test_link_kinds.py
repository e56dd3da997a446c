"""From the name of a port to its link."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgeprune.device.links import kind
from edgeprune.device.links.serial_link import SerialLink


def test_a_scheme_has_its_link_and_all_else_is_a_serial_port(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    modules = [
        SimpleNamespace(),
        SimpleNamespace(LINK=kind.LinkKind("usb", lambda address, baud: asked.append("usb"))),
        SimpleNamespace(LINK=kind.LinkKind("spi", lambda address, baud: asked.append((address, baud)))),
    ]
    monkeypatch.setattr(kind, "modules_of", lambda name: modules)
    kind.link_to("spi://2.1", 9600)
    assert asked == [("2.1", 9600)]
    for port in ("/dev/ttyACM0", "COM3", "socket://host:5", "spi:2.1"):
        assert isinstance(kind.link_to(port, 9600), SerialLink)
    assert len(asked) == 1
