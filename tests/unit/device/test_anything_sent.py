"""No bytes a device may send end in anything but an answer or an EdgePruneError, and none keep a reader for long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.device.anything_sent import IN_ORDER, READERS, TURN, read_anything

TOKENS = (
    b"m-ready\r\n", b"m-init-done\r\n", b"m-ep-", b"protocol-1\r\n", b"crc-00000000\r\n", b"e-[fault pc=00000001]\r\n",
    b"m-ep-layer-0-", b"m-ep-total-", b"m-results-[0.000]\r\n", b"m-ep-output-00\r\n", b"m-infer-done\r\n",
    b"\x79", b"\x1f", b"\x79\x79\x79\x79", b"\r\n", b"[", b"]", b"99999999999999999999", b"\xff", b"\0", TURN,
)  # fmt: skip
SENT = st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)), max_size=40).map(b"".join)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None)
@given(data=SENT)
def test_a_reader_takes_anything(name: str, data: bytes) -> None:
    read_anything(name, data)


@pytest.mark.parametrize("name", [name for name in IN_ORDER if not name.endswith("session")])
def test_what_a_device_in_order_sends_is_understood(name: str) -> None:
    READERS[name](IN_ORDER[name])


@pytest.mark.parametrize("name", IN_ORDER)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_reader_takes_anything_that_is_almost_in_order(name: str, data: st.DataObject) -> None:
    output = bytearray(IN_ORDER[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(output)))
        output[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    read_anything(name, bytes(output))
