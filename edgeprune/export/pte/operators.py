"""One operator of a program, as its file states it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """Something a program computes.

    Attributes:
        name: `cortex_m::quantized_conv2d`, or the delegate's own name of it.
        runs_on: the delegate, or the library of kernels.
        precision: `int8`, `dynamic int8`, `float`, `integers` (of more than 8 bits), `moves` (computes nothing).
    """

    name: str
    runs_on: str
    precision: str
