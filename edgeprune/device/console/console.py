"""The host's end of the serial console, docs/console.md."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import TypeVar

from edgeprune.device.console.replies import (
    DeviceIdentity,
    DeviceMemory,
    LayerTimings,
    identity_from,
    layers_from,
    memory_from,
    output_from,
    results_from,
    with_crc,
    without_errors,
)
from edgeprune.device.links.line_reader import READY, Damaged, Foreign, LineReader, NoAnswer, Refused
from edgeprune.device.links.link import Link, MemoryPort
from edgeprune.errors import DeviceError

FRAME_BYTES = 512
_CRC_BYTES = 4
COMMAND_TIMEOUT_S = 10.0
INFERENCE_TIMEOUT_S = 120.0
_ATTEMPTS = 3
# A timed run is two inferences, the layers one by one and a whole one; and some for a busy host.
_PATIENCE = 6
_HANDSHAKE_TIMEOUT_S = 4.0
_QUIET_S = 0.3
_RECENT_LINES = 4
_OUR_LINES = ("m-", "e-[")
_LOADER_ANSWERS = frozenset((0x79, 0x1F))

T = TypeVar("T")


class Console:
    """One device behind an open link; every method is one or a few commands.

    All raise DeviceError when the device does not answer, refuses, faults or sends what the protocol does not allow;
    before that, damaged, refused and lost commands are given two more chances.

    Args:
        link: opened and closed by the caller.
        command_timeout_s: what any reply may take that waits for no inference.
        inference_timeout_s: what one inference may take.
    """

    def __init__(
        self,
        link: Link,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        inference_timeout_s: float = INFERENCE_TIMEOUT_S,
    ):
        self._link = link
        self._lines = LineReader(link)
        self._command_timeout_s = command_timeout_s
        self._inference_timeout_s = inference_timeout_s
        self._device: DeviceIdentity | None = None
        self._longest_inference_s: float | None = None

    def identity(self) -> DeviceIdentity:
        """The device's identity; resynchronizes first, whatever was sent before."""
        foreign: Foreign | None = None
        for attempt in range(_ATTEMPTS):
            try:
                self._device = self._find_place()
                break
            except Foreign as error:
                foreign = error
            except (Damaged, NoAnswer):
                if attempt == _ATTEMPTS - 1 and foreign is None:
                    raise
        else:
            raise foreign or NoAnswer(f"{self._link.name} does not answer")
        if attempt > 0:
            self._lines.discard(_QUIET_S)  # answers to the earlier attempts
        return self._device

    def await_boot(self) -> None:
        """Wait for the boot lines of a device that has just been started; until then it may lose what is sent."""
        lines = self._lines.reply(self._command_timeout_s)
        if lines[-1:] != ["m-init-done"]:
            raise DeviceError(
                f"{self._link.name} booted with unexpected lines: {' '.join(lines)[:200]}",
                hint="is this EdgePrune's firmware? `edgeprune flash` writes it",
            )

    def infer(self, inputs: bytes) -> bytes:
        """One inference.

        Args:
            inputs: the bytes of all model inputs, in order.

        Returns:
            The bytes of all outputs, in order, as they stand in the arena.
        """
        try:
            self._load_and_infer(inputs)
        except Refused:  # a board that restarted in between has an empty buffer
            self._load_and_infer(inputs)
        crc, outputs = self._retried(lambda: output_from(self._checked("ep output"), self._link.name))
        if crc != zlib.crc32(inputs):
            raise DeviceError(
                f"{self._link.name} ran on other inputs than the {len(inputs):,} bytes sent",
                hint="another model may be on the board: `edgeprune flash` this one",
            )
        return outputs

    def load(self, inputs: bytes) -> None:
        """Fill the device's input buffer: through a debug port where there is one, else in frames with a CRC.

        Args:
            inputs: `DeviceIdentity.input_bytes` bytes; the device runs on nothing less.
        """
        device = self._device or self.identity()
        if len(inputs) != device.input_bytes:
            raise DeviceError(
                f"{len(inputs):,} B of input, but the model on {self._link.name} takes {device.input_bytes:,}",
                hint="another model is on the board: `edgeprune flash` this one",
            )
        if isinstance(self._link, MemoryPort):
            self._link.poke(device.input_address, inputs)
            self._retried(lambda: self._declare_loaded(inputs))
            return
        for offset in range(0, len(inputs), FRAME_BYTES):
            frame = inputs[offset : offset + FRAME_BYTES]
            self._retried(lambda frame=frame, offset=offset: self._load_once(offset, frame))  # type: ignore[misc]

    def results(self) -> tuple[float, ...]:
        """The last inference's outputs, dequantized by the device to three decimals.

        The standard's reply has no CRC, so it is requested twice and has to be the same.
        """
        return self._retried(self._results_twice)

    def layers(self, runs: int = 1) -> LayerTimings:
        """Ticks per layer, means over `runs` inferences on the loaded input."""
        device = self._device or self.identity()
        if self._longest_inference_s is None:
            self._retried(self._infer_once)
        timeout_s = self._command_timeout_s + _PATIENCE * runs * (self._longest_inference_s or 0.0)
        return self._retried(
            lambda: layers_from(self._checked(f"ep layers {runs}", timeout_s), runs, device, self._link.name)
        )

    def reset(self) -> None:
        """The next inference is as the first one: a model with state forgets it."""

        def once() -> None:
            lines = self._plain("reset")
            if lines != ["m-reset-done"]:
                raise Damaged(f"{self._link.name} answered {' '.join(lines)[:80]!r} to a reset")

        self._retried(once)

    def memory(self) -> DeviceMemory:
        """RAM as measured on the device."""
        return self._retried(lambda: memory_from(self._checked("ep memory"), self._link.name))

    def command(self, text: str, timeout_s: float | None = None) -> list[str]:
        """Any command, without its `%`; its reply as it came, error lines included, `m-ready` left out."""
        self._link.write(text.encode("ascii") + b"%")
        return self._lines.reply(self._command_timeout_s if timeout_s is None else timeout_s)

    def _plain(self, text: str, timeout_s: float | None = None) -> list[str]:
        return without_errors(self.command(text, timeout_s), self._link.name)

    def _checked(self, text: str, timeout_s: float | None = None) -> list[str]:
        return with_crc(self._plain(text, timeout_s), self._link.name)

    def _load_and_infer(self, inputs: bytes) -> None:
        self.load(inputs)
        self._retried(self._infer_once)

    def _declare_loaded(self, inputs: bytes) -> None:
        """What came past the console counts once the device has compared its CRC."""
        lines = self._checked(f"ep loaded {zlib.crc32(inputs):08x}")
        if lines != [f"m-ep-loaded-{len(inputs)}"]:
            raise Damaged(f"{self._link.name} answered {' '.join(lines)[:80]!r} to an input")

    def _load_once(self, offset: int, frame: bytes) -> None:
        self._link.write(f"ep load {offset} {len(frame)}%".encode("ascii"))
        first = self._lines.line(time.monotonic() + self._command_timeout_s)
        if first == f"m-ep-send-{len(frame)}":
            self._link.write(frame + zlib.crc32(frame).to_bytes(_CRC_BYTES, "little"))
        lines = without_errors([first, *self._lines.reply(self._command_timeout_s)], self._link.name)
        if with_crc(lines, self._link.name) != [f"m-ep-send-{len(frame)}", f"m-ep-loaded-{offset + len(frame)}"]:
            raise Damaged(f"{self._link.name} took another frame than the one sent")

    def _results_twice(self) -> tuple[float, ...]:
        first, second = (results_from(self._plain("results"), self._link.name) for _ in range(2))
        if first != second:
            raise Damaged(f"{self._link.name} sent two different results of one inference")
        return first

    def _infer_once(self) -> None:
        """The device acknowledges at once: a lost command is not waited for as long as an inference."""
        began_s = time.monotonic()
        self._link.write(b"infer 1 0%")
        first = self._lines.line(began_s + self._command_timeout_s)
        rest = self._lines.reply(self._inference_timeout_s) if first != READY else []
        lines = without_errors([first, *rest], self._link.name)
        self._longest_inference_s = max(time.monotonic() - began_s, self._longest_inference_s or 0.0)
        if "m-infer-done" not in lines:
            raise Damaged(f"{self._link.name} answered {' '.join(lines)[:80]!r} to an inference")

    def _retried(self, action: Callable[[], T]) -> T:
        for _ in range(_ATTEMPTS - 1):
            try:
                return action()
            except (Damaged, NoAnswer, Refused):
                self.identity()
        return action()

    def _find_place(self) -> DeviceIdentity:
        """One `ep id`, after enough '%' to end any command or frame that was cut off."""
        self._lines.discard()
        self._link.write(b"%" * (FRAME_BYTES + _CRC_BYTES) + b"ep id%")
        deadline_s = time.monotonic() + min(self._command_timeout_s, _HANDSHAKE_TIMEOUT_S)
        recent: list[str] = []
        try:
            while not (line := self._any_line(deadline_s)).startswith("m-ep-protocol-"):
                if line.startswith("e-[Unknown command: ep"):
                    raise self._foreign(line)
                recent = [*recent[-_RECENT_LINES:], line]
        except NoAnswer:
            if self._lines.rest() and set(self._lines.rest()) <= _LOADER_ANSWERS:
                raise self._only_a_loader() from None
            if any(not line.startswith(_OUR_LINES) for line in recent):
                raise self._foreign(recent[-1]) from None
            raise
        lines = with_crc([line, *self._lines.reply(self._command_timeout_s)], self._link.name)
        return identity_from(lines, self._link.name)

    def _foreign(self, line: str) -> Foreign:
        return Foreign(
            f"{self._link.name} answers, but not with EdgePrune's firmware; it sends {line[:60]!r}",
            hint="`edgeprune flash` writes it to the board; or name another port",
        )

    def _only_a_loader(self) -> Foreign:
        return Foreign(
            f"a bootloader answers on {self._link.name}, no firmware runs",
            hint="`edgeprune flash` writes one; if one is there, take BOOT0 low and press reset",
        )

    def _any_line(self, deadline_s: float) -> str:
        while True:
            try:
                return self._lines.line(deadline_s)
            except Damaged:
                continue
