"""Sizes that modules keep in attributes of their own, as `self.hidden_size = 24`, and what they count.

forward() makes states and reshapes by them; where they follow the channels, what is thinned still runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

from edgeprune.model.recording import Call, Recording
from edgeprune.model.trace import TracedModel
from edgeprune.prune.coupling.channels import ChannelGroups, Extent, OwnSizes

_MOST_NAMES = 4
_ARITHMETIC = frozenset(f"aten.{name}" for name in ("add", "sub", "rsub", "mul", "div", "pow", "remainder"))


def own_sizes(traced: TracedModel, groups: ChannelGroups) -> Iterator[OwnSizes]:
    """Choices of attributes that may count channels: all, then all but those of one name."""
    found = _candidates(traced, groups)
    names = sorted({name for _, name in found})
    if not 1 <= len(names) <= _MOST_NAMES:
        return
    choices = chain(combinations(names, len(names)), combinations(names, len(names) - 1))
    for chosen in filter(None, choices):
        yield {key: size for key, size in found.items() if key[1] in chosen}


def same_numbers(recording: Recording, other: Recording) -> bool:
    """Whether both compute with the same numbers: a size may be one of them, as in `x / self.hidden_size`."""
    both = zip(map(_numbers, recording.calls), map(_numbers, other.calls), strict=False)
    return len(recording.calls) == len(other.calls) and all(one == another for one, another in both)


def _numbers(call: Call) -> list[Any]:
    given = call.args.values() if call.target in _ARITHMETIC else ()
    return [call.target, *(value for value in given if isinstance(value, int | float))]


def _candidates(traced: TracedModel, groups: ChannelGroups) -> dict[tuple[str, str], Extent]:
    """Whole numbers in the user's modules that equal an axis of a parameter within, or units of its group; what could
    be two things is neither."""
    found: dict[tuple[str, str], Extent] = {}
    for path, module in traced.skeleton.named_modules():
        if type(module).__module__.startswith("torch."):
            continue
        counted = _counted(groups, f"{path}." if path else "")
        for name, value in vars(module).items():
            if type(value) is int and len(counted.get(value, ())) == 1:
                (found[path, name],) = counted[value]
    return found


def _counted(groups: ChannelGroups, prefix: str) -> dict[int, set[Extent]]:
    """Size -> what has it, of axes that are of one group throughout."""
    counted: dict[int, set[Extent]] = {}
    for (name, _), axis in groups.axes.items():
        first = int(axis.group[0]) if len(axis.group) else -1
        if not name.startswith(prefix) or first < 0 or not (axis.group == first).all():
            continue
        group = groups.groups[first]
        counted.setdefault(group.size, set()).add(Extent(((group.name, 1),)))
        counted.setdefault(len(axis.group), set()).add(Extent(((group.name, len(axis.group) // group.size),)))
    return counted
