"""No bytes a device may send end in anything but an answer or an EdgePruneError, and none keep a reader for long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.device.anything_sent import READERS, read_anything

TOKENS = (
    b"m-ready\r\n", b"m-init-done\r\n", b"m-ep-", b"protocol-1\r\n", b"crc-00000000\r\n", b"e-[fault pc=00000001]\r\n",
    b"m-ep-layer-0-", b"m-ep-total-", b"m-results-[0.000]\r\n", b"m-ep-output-00\r\n", b"m-infer-done\r\n",
    b"\x79", b"\x1f", b"\x79\x79\x79\x79", b"\r\n", b"[", b"]", b"99999999999999999999", b"\xff", b"\0",
)  # fmt: skip
SENT = st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)), max_size=40).map(b"".join)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None)
@given(data=SENT)
def test_a_reader_takes_anything(name: str, data: bytes) -> None:
    read_anything(name, data)
