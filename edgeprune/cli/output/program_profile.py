"""What `profile` shows of a program on a machine with an operating system; times only where a device took them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.deploy.hosted.place import words_for
from edgeprune.deploy.hosted.roofline import layer_ns
from edgeprune.units import bytes_text, count_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.deploy.hosted.replies import Times
    from edgeprune.deploy.hosted.timing import Timing
    from edgeprune.tasks.program_subject import ProgramSubject

_UNDER_VOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 1, 2, 4, 8
_NOW = {_UNDER_VOLTAGE: "under-voltage", _CAPPED: "frequency capped", _THROTTLED: "throttled", _SOFT_LIMIT: "too warm"}
"""Low bits of the Raspberry Pi's `get_throttled` (Raspberry Pi documentation, vcgencmd); 16 higher: since it booted."""


def show_program_profile(subject: ProgramSubject, address: str | None, timing: Timing, printer: Printer) -> None:
    """Runs it there and prints what was measured.

    Raises:
        DeviceError, ToolchainError: as `ProgramSubject.running`.
    """
    with subject.running(address) as session:
        sample = bytes(session.input_bytes)
        stack_bytes = session.stack_bytes(sample)
        note = words_for(session.machine, subject.target)
        times = session.times(sample, timing)
        if times is None and note is None:
            note = f"{session.machine.name} emulates the program: its bytes count, its time is no device's"
        where, source = session.machine.name, session.machine.source
    layers = _layers(subject, times)
    predicted_us = sum(layer["predicted_ns"] for layer in layers) / 1e3
    data: dict[str, Any] = {
        "source": source,
        "target": subject.target.name,
        "machine": where,
        "threads": 1,
        "arena_bytes": subject.model.plan.arena_bytes,
        "stack_bytes": stack_bytes,
        "peak_rss_bytes": times.peak_rss_bytes if times else None,
        "predicted_us": predicted_us,
        "latency": latency_of(times) if times else None,
        "core": times.core if times else None,
        "state": {"before": dict(times.before), "after": dict(times.after)} if times else None,
        "warnings": warnings_of(times) if times else [],
        "layers": layers,
    }
    printer.result(data, *_text(subject, data, note))


def latency_of(times: Times) -> dict[str, float]:
    """Percentiles, extremes and spread of whole inferences, in microseconds."""
    runs_us = np.array(times.run_ns) / 1e3
    shares = {f"p{share}_us": float(np.percentile(runs_us, share)) for share in (50, 90, 99)}
    spread = float(np.percentile(runs_us, 75) - np.percentile(runs_us, 25))
    return shares | {"least_us": float(runs_us.min()), "most_us": float(runs_us.max()), "spread_us": spread}


def _layers(subject: ProgramSubject, times: Times | None) -> list[dict[str, Any]]:
    graph, model = subject.model.graph, subject.model
    predicted = layer_ns(model.calls, subject.target, {})
    medians = None if times is None else np.median(times.layer_ns, axis=0)
    return [
        {
            "index": number,
            "name": graph.ops[index].name,
            "operator": str(graph.ops[index].kind),
            "output_shape": graph.output_of(graph.ops[index]).shape,
            "macs": model.calls[index].work.macs,
            "predicted_ns": predicted[index],
            "ns": None if medians is None else float(medians[number]),
        }
        for number, index in enumerate(model.running)
    ]


def warnings_of(times: Times) -> list[str]:
    """What makes these times doubtful: a clock that changes, a device that slows down, one on its battery."""
    found = []
    bits = _hexadecimal(times.after) | _hexadecimal(times.before)
    found += [f"the device reports: {words}" for bit, words in _NOW.items() if bits & bit]
    governor = times.after.get("governor")
    if governor not in (None, "performance"):
        found.append(f"governor '{governor}' changes the clock while it runs; 'performance' keeps it")
    clocks = [state.get("frequency_khz") for state in (times.before, times.after)]
    if None not in clocks and clocks[0] != clocks[1]:
        found.append(f"the clock was {clocks[0]} kHz before and {clocks[1]} kHz after")
    if times.after.get("battery") == "Discharging":
        found.append("it runs from its battery, which may lower the clock")
    return found


def _hexadecimal(state: Mapping[str, str]) -> int:
    try:
        return int(state.get("throttled", "0"), 16)
    except ValueError:
        return 0


def _text(subject: ProgramSubject, data: Mapping[str, Any], note: str | None) -> list[Any]:
    latency, layers = data["latency"], data["layers"]
    total_ns = sum(layer["ns"] or 0.0 for layer in layers)
    rows = [
        [
            layer["name"],
            layer["operator"],
            "x".join(map(str, layer["output_shape"])),
            count_text(layer["macs"]),
            count_text(round(layer["predicted_ns"])),
            *([] if latency is None else [count_text(round(layer["ns"])), f"{100 * layer['ns'] / total_ns:.1f} %"]),
        ]
        for layer in layers
    ]
    columns = ["layer", "operator", "output", "MACs", "ns (roofline, at best)"]
    columns += [] if latency is None else ["ns (device)", "share"]
    parts = [
        table(
            columns,
            rows,
            columns[3:],
            title=f"{subject.name} on {subject.target.name} ({data['machine']})",
            spare=["output", "MACs"],
        ),
        f"memory: arena {bytes_text(data['arena_bytes'])}, stack {bytes_text(data['stack_bytes'])}"
        + ("" if data["peak_rss_bytes"] is None else f", at most {bytes_text(data['peak_rss_bytes'])} resident in all"),
        f"one inference, predicted: at least {microseconds_text(data['predicted_us'])} by the roofline of the profile",
    ]
    if latency is None:
        return [*parts, f"{note}; --device ssh://USER@HOST, of a real one, measures it"]
    shown = ", ".join(f"{name} {microseconds_text(latency[f'{name}_us'])}" for name in ("p50", "p90", "p99"))
    state = ", ".join(f"{name} {value}" for name, value in data["state"]["after"].items())
    return [
        *parts,
        f"one inference, measured: {shown}, half of them within {microseconds_text(latency['spread_us'])}; "
        f"one thread, last on core {data['core']}",
        *([f"machine: {state}"] if state else []),
        *(f"look at this: {warning}" for warning in data["warnings"]),
    ]
