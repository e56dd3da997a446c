"""Sessions with a board over a bad cable, and whether what they ended with is true.

A session may end well, or in an error that names a remedy, in time. Anything else is a fault of ours.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edgeprune.device.links.link import Link
from edgeprune.errors import EdgePruneError
from tests.faulty_link import Fault, FaultyLink, Way, random_damages

LIMIT_S = 30.0  # with the short timeouts the subjects use
# As often as they befall a cable; the last three end the session.
FAULTS = (
    *(Fault.FLIP, Fault.DROP, Fault.REPEAT) * 6,
    *(Fault.TRUNCATE, Fault.STALL) * 3,
    Fault.UNPLUG, Fault.UNPLUG, Fault.MUTE,
)  # fmt: skip


class Ending(StrEnum):
    RIGHT = "right"
    ERROR = "error with a remedy"
    NO_REMEDY = "error without a remedy"
    CRASH = "another exception"
    WRONG = "something untrue believed"
    LATE = "too late"


GOOD = (Ending.RIGHT, Ending.ERROR)


class Untrue(Exception):
    """A session believed, or left behind, something that does not hold."""


class Subject(Protocol):
    """A board and what is done with it."""

    passing: dict[Way, int]  # bytes of a session on a good cable
    longest_stall_s: float

    def wire(self) -> Link:
        """The good cable, open."""

    def talk(self, link: Link, chance: random.Random) -> None:
        """A session, as a command holds it. Raises Untrue when it ends well with something wrong."""

    def check(self, ended_well: bool) -> None:
        """Look at the board over the good cable. Raises Untrue."""


@dataclass(frozen=True)
class Session:
    """How one ended; `struck`: the faults that befell it; `summary`: the error, or what was untrue."""

    ending: Ending
    duration_s: float
    struck: tuple[Fault, ...]
    summary: str


def count_bytes(subject: Subject) -> None:
    """Fill in `passing`."""
    wire = FaultyLink(subject.wire(), (), random.Random(0), 0.0)
    subject.talk(wire, random.Random(0))
    subject.check(True)
    subject.passing = wire.passed


def hold(subject: Subject, seed: int) -> Session:
    """One session with one to four faults."""
    chance = random.Random(seed)
    damages = random_damages(chance, chance.choice((1, 1, 1, 2, 3, 4)), subject.passing, FAULTS)
    wire = FaultyLink(subject.wire(), damages, chance, chance.uniform(0.0, subject.longest_stall_s))
    began_s = time.monotonic()
    ending, summary = Ending.RIGHT, ""
    try:
        subject.talk(wire, chance)
    except EdgePruneError as error:
        ending, summary = Ending.ERROR if error.hint else Ending.NO_REMEDY, error.message
    except Untrue as error:
        ending, summary = Ending.WRONG, str(error)
    except Exception as error:  # any other is what this looks for
        ending, summary = Ending.CRASH, repr(error)
    duration_s = time.monotonic() - began_s
    if ending in GOOD and duration_s > LIMIT_S:
        ending, summary = Ending.LATE, f"{duration_s:.1f} s: {summary}"
    try:
        subject.check(ending is Ending.RIGHT)
    except (Untrue, EdgePruneError) as error:
        ending, summary = Ending.WRONG, f"{error} (after: {summary or 'success'})"
    return Session(ending, duration_s, tuple(damage.fault for damage in wire.struck), summary)
