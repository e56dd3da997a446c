"""The console's host side with a device and a clock that do as they are told: what it waits for, what it asks twice."""

from __future__ import annotations

import io

import pytest

from edgeprune.device.console import console as module
from edgeprune.device.console.console import Console
from edgeprune.device.console.fault import describe_fault
from edgeprune.device.console.monitor import monitor, shown
from edgeprune.device.console.replies import identity_from
from edgeprune.device.links import line_reader
from edgeprune.device.links.fake_link import FakeLink
from edgeprune.device.links.line_reader import Damaged
from edgeprune.errors import DeviceError
from tests.unit.device.test_replies import IDENTITY, reply

DONE = b"m-infer-done\r\nm-results-[0.000]\r\nm-ready\r\n"
LAYERS = reply("m-ep-layer-0-5", "m-ep-total-6")


class Clocked(FakeLink):
    """Sends at once, and lets the clock go on by what an inference takes; `waits`: the longest wait after each
    command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[tuple[bytes, float]]):
        super().__init__(answers=[[answer] for answer, _ in answers])
        self.now_s, self.waits = 1000.0, list[float]()
        self._takes = [takes for _, takes in answers]
        for one in (module, line_reader):
            monkeypatch.setattr(one.time, "monotonic", lambda: self.now_s)
        self.open()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.waits.append(0.0)
        self._next_s = self._takes.pop(0) if self._takes else 0.0

    def read(self, timeout_s: float) -> bytes:
        if self.waits:
            self.waits[-1] = max(self.waits[-1], timeout_s)
        data = super().read(timeout_s)
        self.now_s += self._next_s if data else timeout_s
        return data


def asked(link: FakeLink) -> list[bytes]:
    return [data.lstrip(b"%") for data in link.written]


def test_timings_are_waited_for_by_the_longest_inference_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(reply(*IDENTITY), 0.0), (DONE, 2.0), (LAYERS, 0.0)]
    link = Clocked(monkeypatch, answers)
    console = Console(link, command_timeout_s=10.0)
    assert console.layers().layer_ticks == (5,)
    assert asked(link) == [b"ep id%", b"infer 1 0%", b"ep layers 1%"]
    assert link.waits[-1] == pytest.approx(10 + 6 * 2)


def test_a_short_inference_makes_no_wait_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = reply("m-ep-send-16", "m-ep-loaded-16").removeprefix(b"m-ep-send-16\r\n")
    crc = "cecee288"  # of sixteen bytes from 0 on
    output = reply(f"m-ep-input-crc-{crc}", "m-ep-output-01")
    one = [(b"m-ep-send-16\r\n", 0.0), (loaded, 0.0)]
    answers = [(reply(*IDENTITY), 0.0), *one, (DONE, 3.0), (output, 0.0), *one, (DONE, 1.0), (output, 0.0)]
    three = [line for _ in range(3) for line in ("m-ep-layer-0-5", "m-ep-total-6")]
    link = Clocked(monkeypatch, [*answers, (reply(*three), 0.0)])
    console = Console(link, command_timeout_s=10.0)
    for _ in range(2):
        assert console.infer(bytes(range(16))) == b"\x01"
    console.layers(3)
    assert asked(link)[-1] == b"ep layers 3%"
    assert link.waits[-1] == pytest.approx(10 + 6 * 3 * 3)


def test_two_results_of_one_inference_that_differ_are_not_believed() -> None:
    first, second = (b"m-results-[%d.000]\r\nm-ready\r\n" % value for value in (1, 2))
    same = FakeLink(answers=[[first], [first]])
    same.open()
    assert Console(same).results() == (1.0,)
    link = FakeLink(
        answers=[[first], [second], [reply(*IDENTITY)], [second], [first], [reply(*IDENTITY)], [first], [second]]
    )
    link.open()
    with pytest.raises(Damaged, match="two different results"):
        Console(link).results()


def test_a_reset_is_done_when_the_device_says_so() -> None:
    link = FakeLink(answers=[[b"m-reset-done\r\nm-ready\r\n"]])
    link.open()
    Console(link).reset()
    other = FakeLink(answers=[[b"m-ready\r\n"], [reply(*IDENTITY)]] * 3)
    other.open()
    with pytest.raises(Damaged, match="to a reset"):
        Console(other).reset()


@pytest.mark.parametrize(
    "line", ["m-ep-input-[2000001 16]", "m-ep-input-[]", "m-ep-clock-[cycles 0]", "m-ep-clock-[moons 5]"]
)
def test_a_buffer_or_a_clock_that_cannot_be_is_damage(line: str) -> None:
    field = line.rpartition("-")[0]
    damaged = [line if own.startswith(field) else own for own in IDENTITY]
    assert damaged != IDENTITY
    with pytest.raises(Damaged, match="unexpected line"):
        identity_from(damaged, "board")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x1, "instruction fetched where none may be"), (0x2, "data access where none may be"),
        (0x100, "bus error fetching an instruction"), (0x200, "bus error at a known address"),
        (0x400, "bus error at an unknown address"), (0x1000, "bus error saving registers: stack overflow"),
        (0x10000, "undefined instruction"), (0x20000, "jump out of Thumb code"),
        (0x80000, "floating point instruction without an FPU"), (0x100000, "the stack overflowed"),
        (0x1000000, "unaligned access"), (0x2000000, "division by zero"), (0x0, "hard fault"), (0x4, "hard fault"),
    ],
)  # fmt: skip
def test_each_bit_of_the_fault_status_has_its_meaning(status: int, words: str) -> None:
    line = f"e-[fault r0=00000001 pc=00000124 sp=20000000 limit=20000000 cfsr={status:08x}]"
    error = describe_fault(line, "board")
    assert error.message.startswith(f"board faulted: {words} (")
    assert ("stack_bytes" in str(error.hint)) == (status == 0x100000)


def test_a_stack_pointer_below_its_limit_is_an_overflow_whatever_the_status() -> None:
    line = "e-[fault pc=00000124 sp=1ffffff8 limit=20000000 cfsr=02000000]"
    assert describe_fault(line, "board").message.startswith("board faulted: the stack overflowed (")


def test_a_terminal_shows_text_and_escapes_the_rest() -> None:
    sent = b"m-ready\r\n\x1b[2J\x7f\xff~ \t\n"
    assert shown(sent) == "m-ready\n\\x1b[2J\\x7f\\xff~ \\x09\n"
    link, sink = FakeLink(boot=sent), io.StringIO()
    link.open()
    monitor(link, io.StringIO("name\n\nid%\n"), sink, 0.2)
    assert sink.getvalue() == shown(sent)
    assert link.written == [b"name%", b"id%"]


def test_a_closed_port_is_an_error() -> None:
    link = FakeLink(boot=b"x")
    for use in (lambda: link.read(0.0), lambda: link.write(b"x")):
        with pytest.raises(DeviceError, match="not open"):
            use()
    link.open()
    assert link.read(0.0) == b"x"
    link.close()
    with pytest.raises(DeviceError, match="not open"):
        link.read(0.0)
