"""The least time a layer can take on a device, from its profile alone: a prediction nobody measured.

    ns = max(work / (int8_macs_per_cycle * clock), bytes / bandwidth)

Work is multiply-accumulates, or outputs where there are none; bytes are the weights, where those of the whole network
are more than the cache holds. (Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.engine.cost.latency import work_units
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.hardware.profile import Target

Rates = Mapping[str, float]
"""Function -> nanoseconds for a unit of its work, as the device itself took them."""


def predicted_ns(call: KernelCall, target: Target, streamed: bool) -> float:
    """At best, by the roofline.

    Args:
        streamed: weights come from memory at every inference.
    """
    hosted = target.hosted
    assert hosted is not None  # by the schema, of every target with an operating system
    if call.is_view:
        return 0.0
    computing = work_units(call) * 1e9 / (hosted.int8_macs_per_cycle * target.cpu.clock_hz)
    moving = sum(constant_bytes([call]).values()) * 1e9 / hosted.bandwidth_bytes_per_s if streamed else 0.0
    return max(computing, moving)


def layer_ns(calls: Sequence[KernelCall], target: Target, rates: Rates) -> list[float]:
    """Of each call: by the device's own rates where its function was measured there, by the roofline elsewhere."""
    hosted = target.hosted
    assert hosted is not None
    weights_bytes = sum(constant_bytes(calls).values())
    streamed = hosted.cache_bytes is not None and weights_bytes > hosted.cache_bytes
    return [
        rates[call.function] * work_units(call)
        if call.function in rates and not call.is_view
        else predicted_ns(call, target, streamed)
        for call in calls
    ]


def rates_of(calls: Sequence[KernelCall], measured_ns: Sequence[float]) -> dict[str, float]:
    """Rates of the functions that ran.

    Args:
        calls: views left out.
        measured_ns: of each.
    """
    taken: dict[str, float] = {}
    units: dict[str, float] = {}
    for call, nanoseconds in zip(calls, measured_ns, strict=True):
        taken[call.function] = taken.get(call.function, 0.0) + nanoseconds
        units[call.function] = units.get(call.function, 0.0) + work_units(call)
    return {function: taken[function] / units[function] for function in taken}
