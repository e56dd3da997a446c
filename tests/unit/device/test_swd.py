"""A debug probe's session, without pyOCD: what a loader asks of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from edgeprune.device.loaders.swd import SwdProbe
from edgeprune.errors import DeviceError
from edgeprune.hardware.registry import load_target, target_names


def test_a_session_is_closed_once() -> None:
    target = load_target("nucleo-f446re")
    probe = SwdProbe(target, next(one for one in target.loaders if one.kind == "swd"))
    closed: list[int] = []
    probe.close()  # nothing was opened
    probe._session = SimpleNamespace(close=lambda: closed.append(1))
    probe.close()
    probe.close()
    assert closed == [1]


SWD = [(name, loader) for name in target_names() for loader in load_target(name).loaders if loader.kind == "swd"]


@pytest.mark.parametrize(("name", "loader"), SWD, ids=[name for name, _ in SWD])
def test_pyocd_knows_the_chip_or_the_target_names_its_pack(name, loader) -> None:
    from pyocd.target.builtin import BUILTIN_TARGETS

    assert (loader.swd_target in BUILTIN_TARGETS) == (loader.pack is None)


def test_a_chip_without_its_pack_is_named_with_the_command(monkeypatch) -> None:
    from pyocd.core.exceptions import TargetSupportError
    from pyocd.core.helpers import ConnectHelper
    from pyocd.probe.aggregator import DebugProbeAggregator

    def refuses(**_options: object) -> None:
        raise TargetSupportError("Target type stm32f446retx not recognized")

    probes = [SimpleNamespace(unique_id="0001")]
    monkeypatch.setattr(DebugProbeAggregator, "get_all_connected_probes", lambda unique_id=None: probes)
    monkeypatch.setattr(ConnectHelper, "session_with_chosen_probe", refuses)
    target = load_target("nucleo-f446re")
    probe = SwdProbe(target, next(one for one in target.loaders if one.kind == "swd"))
    with pytest.raises(DeviceError, match=r"stm32f446retx, which the CMSIS pack Keil\.STM32F4xx_DFP brings") as caught:
        probe.connect()
    assert "pyocd pack install stm32f446retx" in str(caught.value.hint)
