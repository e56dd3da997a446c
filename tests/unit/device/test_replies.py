"""Whatever a device sends is understood or is a DeviceError: no other exception, no hang, no growth."""

from __future__ import annotations

import re
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.device.console.console import Console
from edgeprune.device.console.fault import describe_fault
from edgeprune.device.console.replies import (
    DeviceMemory,
    identity_from,
    layers_from,
    memory_from,
    output_from,
    results_from,
    with_crc,
    without_errors,
)
from edgeprune.device.links import line_reader as lines
from edgeprune.device.links.fake_link import FakeLink
from edgeprune.device.links.line_reader import Damaged, LineReader, NoAnswer, Refused
from edgeprune.errors import DeviceError

IDENTITY = [
    "m-ep-protocol-1", "m-ep-target-[nucleo]", "m-ep-model-[0123456789abcdef]", "m-ep-build-[fedcba9876543210]",
    "m-ep-input-[20000010 16]", "m-ep-clock-[cycles 84000000]",
]  # fmt: skip


def reply(*body: str) -> bytes:
    """A reply of an `ep` verb, CRC and m-ready added."""
    text = "".join(f"{line}\r\n" for line in body).encode()
    return text + f"m-ep-crc-{zlib.crc32(text):08x}\r\nm-ready\r\n".encode()


def opened(*answers: list[bytes], boot: bytes = b"") -> tuple[Console, FakeLink]:
    link = FakeLink(boot, answers)
    link.open()
    return Console(link), link


def test_identity_is_read_and_asked_for_after_enough_percent_signs_to_end_any_frame():
    console, link = opened([reply(*IDENTITY)])
    identity = console.identity()
    assert (identity.target, identity.build_id, identity.clock_source) == ("nucleo", "fedcba9876543210", "cycles")
    assert (identity.input_address, identity.input_bytes, identity.clock_hz) == (0x20000010, 16, 84_000_000)
    assert re.fullmatch(rb"%{516}ep id%", link.written[0])


def test_what_comes_before_the_identity_is_skipped():
    noise = b"\xff\xfe\r\ne-[Frame damaged]\r\nm-ready\r\nm-buffer-00\n"
    console, _ = opened([noise, reply(*IDENTITY)[:7], reply(*IDENTITY)[7:]])
    assert console.identity().target == "nucleo"


def test_a_damaged_identity_is_asked_for_again():
    damaged = reply(*IDENTITY).replace(b"nucleo", b"nucle0")
    console, link = opened([damaged], [reply(*IDENTITY)])
    assert console.identity().target == "nucleo"
    assert len(link.written) == 2


def test_a_foreign_firmware_is_named():
    console, _ = opened([b"e-[Unknown command: ep]\r\nm-ready\r\n"])
    with pytest.raises(DeviceError, match="not with EdgePrune's firmware"):
        console.identity()


def test_a_firmware_that_only_talks_is_quoted():
    console, _ = opened([b"Hello from Arduino\r\ncounter 17\r\n"])
    with pytest.raises(DeviceError, match=r"not with EdgePrune's firmware; it sends 'counter 17'") as caught:
        console.identity()
    assert "flash" in caught.value.hint


def test_a_bootloader_that_waits_is_named():
    console, _ = opened([b"\x1f"])
    with pytest.raises(DeviceError, match="a bootloader answers on fake, no firmware runs"):
        console.identity()


def test_another_protocol_version_is_reported():
    with pytest.raises(DeviceError, match="protocol 2"):
        identity_from(["m-ep-protocol-2", *IDENTITY[1:]], "board")


def test_no_answer_is_an_error_with_a_hint():
    console, _ = opened()
    with pytest.raises(NoAnswer) as caught:
        console.identity()
    assert "baud" in caught.value.hint


def test_frames_carry_offset_count_and_crc():
    inputs = bytes(range(256)) * 3
    big = [line.replace("16]", "768]") for line in IDENTITY]
    console, link = opened(
        [reply(*big)],
        [b"m-ep-send-512\r\n"], [reply("m-ep-send-512", "m-ep-loaded-512").removeprefix(b"m-ep-send-512\r\n")],
        [b"m-ep-send-256\r\n"], [reply("m-ep-send-256", "m-ep-loaded-768").removeprefix(b"m-ep-send-256\r\n")],
    )  # fmt: skip
    console.load(inputs)
    assert link.written[1:] == [
        b"ep load 0 512%",
        inputs[:512] + zlib.crc32(inputs[:512]).to_bytes(4, "little"),
        b"ep load 512 256%",
        inputs[512:] + zlib.crc32(inputs[512:]).to_bytes(4, "little"),
    ]


def test_an_input_of_another_size_is_not_sent():
    console, link = opened([reply(*IDENTITY)])
    for size_bytes in (17, 15):
        with pytest.raises(DeviceError, match=f"{size_bytes} B of input, but the model on fake takes 16"):
            console.load(bytes(size_bytes))
    assert len(link.written) == 1


def test_an_output_of_other_inputs_is_not_believed():
    loaded = reply("m-ep-send-16", "m-ep-loaded-16").removeprefix(b"m-ep-send-16\r\n")
    console, _ = opened(
        [reply(*IDENTITY)],
        [b"m-ep-send-16\r\n"], [loaded],
        [b"m-infer-done\r\nm-results-[0.000]\r\nm-ready\r\n"],
        [reply("m-ep-input-crc-00000000", "m-ep-output-01")],
    )  # fmt: skip
    with pytest.raises(DeviceError, match="ran on other inputs"):
        console.infer(bytes(range(16)))


def test_a_fault_in_the_middle_is_explained_not_retried():
    fault = b"e-[fault r0=00000001 pc=00000124 sp=1ffffff0 limit=20000000 cfsr=00000000]\r\n"
    console, link = opened([fault + b"m-timestamp-mode-performance\r\nm-init-done\r\nm-ready\r\n"])
    with pytest.raises(DeviceError, match="the stack overflowed"):
        console.memory()
    assert len(link.written) == 1


def test_memory_and_layers():
    assert memory_from(["m-ep-arena-1", "m-ep-stack-2", "m-ep-stack-all-3", "m-ep-data-4"], "board") == DeviceMemory(
        arena_bytes=1, stack_bytes=2, stack_all_bytes=3, data_bytes=4
    )
    identity = identity_from(IDENTITY, "board")
    timings = layers_from(
        ["m-ep-layer-0-10", "m-ep-layer-1-20", "m-ep-total-31", "m-ep-layer-0-11", "m-ep-layer-1-20", "m-ep-total-32"],
        2, identity, "board",
    )  # fmt: skip
    assert (timings.layer_ticks, timings.total_ticks, timings.runs) == ((11, 20), 32, 2)
    assert timings.microseconds(84) == 1.0
    with pytest.raises(DeviceError, match="tick counter"):
        layers_from(["m-ep-layer-0-5000000000", "m-ep-total-705032704"], 1, identity, "board")
    left_early = layers_from(["m-ep-layer-0-9", "m-ep-layer-1-50000000", "m-ep-total-11"], 1, identity, "board")
    assert left_early.total_ticks == 11
    with pytest.raises(DeviceError, match="unexpected line"):
        layers_from(["m-ep-layer-1-10", "m-ep-total-10"], 1, identity, "board")


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1e3", "0x10", "12345678901", "1_0"])
def test_memory_that_is_no_count_of_bytes_is_damage(text: str) -> None:
    with pytest.raises(Damaged, match="unexpected line"):
        memory_from([f"m-ep-arena-{text}", "m-ep-stack-2", "m-ep-stack-all-3", "m-ep-data-4"], "board")


def test_results():
    assert results_from(["m-results-[0.000,-1.500,inf]"], "board") == (0.0, -1.5, float("inf"))
    for text in ("m-results-[]", "m-results-[1e3]", "m-results-[1.000,]", "m-results-[1_0.000]"):
        with pytest.raises(Damaged):
            results_from([text], "board")


PRINTABLE = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=60)
EP_LINES = st.one_of(
    PRINTABLE,
    st.builds("m-ep-{}-{}".format, st.sampled_from(["layer", "total", "arena", "stack", "data", "output"]), PRINTABLE),
    st.builds("m-ep-layer-{}-{}".format, st.integers(), st.integers()),
    st.builds("m-ep-output-{}".format, st.binary(max_size=40).map(bytes.hex)),
    st.builds("e-[{}]".format, PRINTABLE),
    st.sampled_from(IDENTITY),
)


@given(st.lists(EP_LINES, max_size=12), st.integers(1, 4))
def test_no_reply_breaks_a_parser(body, runs):
    identity = identity_from(IDENTITY, "board")
    parsers = [
        lambda: identity_from(body, "board"),
        lambda: memory_from(body, "board"),
        lambda: layers_from(body, runs, identity, "board"),
        lambda: output_from(body, "board"),
        lambda: results_from(body, "board"),
        lambda: with_crc(body, "board"),
        lambda: without_errors(body, "board"),
        lambda: describe_fault("".join(body), "board"),
    ]
    for parse in parsers:
        try:
            parse()
        except DeviceError as error:
            assert len(error.message) < 600


@given(st.lists(st.lists(st.binary(max_size=200), max_size=4), max_size=6))
def test_no_bytes_break_a_conversation(answers):
    console, _ = opened(*answers)
    for ask in (console.memory, lambda: console.infer(bytes(16)), console.layers, console.results):
        with pytest.raises(DeviceError):
            ask()


@given(st.binary(min_size=1, max_size=60), st.data())
def test_damage_never_passes_the_crc(payload, data):
    body = [f"m-ep-output-{payload[i : i + 32].hex()}" for i in range(0, len(payload), 32)]
    whole = reply("m-ep-input-crc-00000000", *body).decode().splitlines()[:-1]
    line = data.draw(st.integers(0, len(whole) - 1))
    column = data.draw(st.integers(0, len(whole[line]) - 1))
    flipped = chr(ord(whole[line][column]) ^ (1 << data.draw(st.integers(0, 6))))
    whole[line] = whole[line][:column] + flipped + whole[line][column + 1 :]
    with pytest.raises(Damaged):
        with_crc(whole, "board")


class Endless:
    """A device that never stops."""

    name = "endless"

    def __init__(self, piece: bytes):
        self.piece = piece
        self.sent_bytes = 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        self.sent_bytes += len(self.piece)
        return self.piece


def test_a_line_without_end_is_cut_off():
    link = Endless(b"x" * 65536)
    with pytest.raises(Damaged, match="a line of more than"):
        LineReader(link).reply(60.0)
    assert link.sent_bytes <= lines.MAX_LINE_BYTES + 2 * 65536


def test_a_reply_without_end_is_cut_off():
    link = Endless((b"m-buffer-" + b"0" * 1000 + b"\r\n") * 60)
    with pytest.raises(Damaged, match="a reply of more than"):
        LineReader(link).reply(60.0)
    assert link.sent_bytes <= lines.MAX_REPLY_BYTES + 2 * 65000


def test_a_device_that_dribbles_runs_into_the_deadline():
    with pytest.raises(NoAnswer):
        LineReader(Endless(b"m")).reply(0.05)


@pytest.mark.parametrize("quiet_after", [3, 10**6])
def test_what_is_left_is_dropped_until_it_is_quiet_or_five_seconds_long(
    quiet_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(lines, "time", SimpleNamespace(monotonic=lambda: float(next(now))))

    class Talks(Endless):
        def read(self, timeout_s: float) -> bytes:
            return super().read(timeout_s) if self.sent_bytes < quiet_after else b""

    link = Talks(b"m")
    reader = LineReader(link)
    reader._pending += b"half a line"
    reader.discard(0.1)
    assert reader.rest() == b"" and link.sent_bytes == min(quiet_after, 4)  # by a clock of a second a look


def test_an_error_line_is_a_refusal():
    with pytest.raises(Refused, match="Unknown command: nmae"):
        without_errors(["e-[Unknown command: nmae]"], "board")
