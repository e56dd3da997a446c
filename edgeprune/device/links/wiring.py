"""Reset and BOOT0 through a serial adapter's DTR and RTS, in the wirings people use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Protocol

_RESET_S = 0.05
_BOOT_S = 0.1


class ControlLines(Protocol):
    """A port with modem control lines. True asserts one: the adapter's pin goes low."""

    def set_lines(self, dtr: bool, rts: bool) -> None: ...


@dataclass(frozen=True)
class Wiring:
    """Which line does what, and at which level.

    Attributes:
        name: what the user calls it (`--wiring`).
        reset: the line on NRST.
        reset_asserted: the line's state that holds the board in reset.
        boot_asserted: the other line's state that puts BOOT0 high.
    """

    name: str
    reset: Literal["dtr", "rts"]
    reset_asserted: bool
    boot_asserted: bool

    def start_loader(self, lines: ControlLines) -> None:
        """Reset with BOOT0 high."""
        self._reset(lines, self.boot_asserted)

    def start_application(self, lines: ControlLines) -> None:
        """Reset with BOOT0 low."""
        self._reset(lines, not self.boot_asserted)

    def _reset(self, lines: ControlLines, boot_line: bool) -> None:
        self._set(lines, self.reset_asserted, boot_line)
        time.sleep(_RESET_S)
        self._set(lines, not self.reset_asserted, boot_line)
        time.sleep(_BOOT_S)

    def _set(self, lines: ControlLines, reset_line: bool, boot_line: bool) -> None:
        if self.reset == "dtr":
            lines.set_lines(dtr=reset_line, rts=boot_line)
        else:
            lines.set_lines(dtr=boot_line, rts=reset_line)


# NRST is low-active, so asserting (pin low) resets; BOOT0 is high-active, so a line wired straight raises it when it is
# not asserted, and one behind a transistor when it is.
WIRINGS = (
    Wiring("dtr-rts", "dtr", reset_asserted=True, boot_asserted=False),
    Wiring("dtr-rts-inverted", "dtr", reset_asserted=True, boot_asserted=True),
    Wiring("rts-dtr", "rts", reset_asserted=True, boot_asserted=False),
    Wiring("rts-dtr-inverted", "rts", reset_asserted=True, boot_asserted=True),
)


def wiring_names() -> tuple[str, ...]:
    """What `--wiring` takes, beside "auto" and "none"."""
    return tuple(wiring.name for wiring in WIRINGS)


def wirings(name: str) -> tuple[Wiring, ...]:
    """The wirings to try for a name of `wiring_names`, for "auto" (all) or "none"."""
    return WIRINGS if name == "auto" else tuple(wiring for wiring in WIRINGS if wiring.name == name)
