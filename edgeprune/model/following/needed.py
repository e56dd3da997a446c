"""Which recorded calls the outputs depend on, and what the others read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgeprune.model.recording import Call


def needed_calls(calls: Sequence[Call], outputs: Iterable[int]) -> tuple[Call, ...]:
    """The calls that the outputs depend on."""
    wanted, kept = set(outputs), list[Call]()
    for call in reversed(calls):
        if wanted.intersection(call.outputs):
            wanted.update(call.read)
            kept.append(call)
    return tuple(reversed(kept))


def idle_calls(calls: Sequence[Call], needed: Sequence[Call], parameters: Mapping[int, str]) -> tuple[Call, ...]:
    """Other calls around weights that no needed one reads, as a layer whose result training alone samples from: they
    run whenever forward() does, and must keep fitting what they read."""
    used = {value for call in needed for value in call.read}
    kept = {id(call) for call in needed}
    others = [call for call in calls if id(call) not in kept]
    reached: set[int] = set()  # what such weights have a part in
    found: set[int] = set()
    for call in others:
        is_own = any(value in parameters and value not in used for value in call.read)
        if is_own or reached.intersection(call.read):
            reached.update(call.outputs)
            found.add(id(call))
    wanted: set[int] = set()
    for call in reversed(others):
        if id(call) in found or wanted.intersection(call.outputs):
            found.add(id(call))
            wanted.update(call.read)
    return tuple(call for call in others if id(call) in found)
