"""Facts of a device with an operating system: what programs it runs, and what no program there can be faster than."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from edgeprune.files.schema import Line, Name, Strict

PositiveInt = Annotated[int, Field(gt=0)]


class Architecture(StrEnum):
    """Of a program; `uname -m` of the machines that run it is in `MACHINES`."""

    AARCH64 = "aarch64"
    ARMV7 = "armv7"
    X86_64 = "x86_64"


MACHINES = {
    "aarch64": Architecture.AARCH64,
    "arm64": Architecture.AARCH64,
    "armv7l": Architecture.ARMV7,
    "armv8l": Architecture.ARMV7,
    "x86_64": Architecture.X86_64,
    "amd64": Architecture.X86_64,
}
"""`uname -m`, in small letters -> the programs that run there."""


class Cluster(Strict):
    """Equal cores."""

    core: Name
    count: PositiveInt
    clock_hz: PositiveInt


class Hosted(Strict):
    """What programs for the device may use, and its roofline.

    Attributes:
        architecture: of its programs.
        features: beyond the architecture's own that every core has, as `/proc/cpuinfo` lists them.
        int8_macs_per_cycle: multiply-accumulates of int8 of one core (the fastest) at best.
        bandwidth_bytes_per_s: of its memory, at best.
        cache_bytes: of the last level that all cores share, or that one core has.
        clusters: its cores, the fastest first.
    """

    architecture: Architecture
    features: tuple[Name, ...] = ()
    int8_macs_per_cycle: PositiveInt
    bandwidth_bytes_per_s: PositiveInt
    cache_bytes: PositiveInt | None = None
    clusters: tuple[Cluster, ...]
    note: Line | None = None
