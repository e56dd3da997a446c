"""Straight code looped until it stays in the cache that code is fetched through.

Code that runs round and round through a least-recently-used cache smaller than itself misses on every line, each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeprune.engine.kernels.base import KernelCall

_SHARE = 0.8
"""Of the cache for one function: what calls it between its runs comes through the cache as well."""


def within_code_cache(calls: Sequence[KernelCall], cache_bytes: int) -> tuple[KernelCall, ...]:
    """The calls, their functions by as much straight code as the cache keeps; 0 for no such cache."""
    most = int(_SHARE * cache_bytes)
    if most == 0:
        return tuple(calls)
    return tuple(
        replace(
            call,
            shared=tuple(
                one.within(most) if one.within is not None and one.code_bytes > most else one for one in call.shared
            ),
        )
        for call in calls
    )
