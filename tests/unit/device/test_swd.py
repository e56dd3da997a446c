"""A debug probe's session, without pyOCD: what a loader asks of it."""

from __future__ import annotations

from types import SimpleNamespace

from edgeprune.device.loaders.swd import SwdProbe
from edgeprune.hardware.registry import load_target


def test_a_session_is_closed_once() -> None:
    target = load_target("nucleo-f446re")
    probe = SwdProbe(target, next(one for one in target.loaders if one.kind == "swd"))
    closed: list[int] = []
    probe.close()  # nothing was opened
    probe._session = SimpleNamespace(close=lambda: closed.append(1))
    probe.close()
    probe.close()
    assert closed == [1]
