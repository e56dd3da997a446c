"""Which tensors of a checkpoint are the network's: whatever was wrapped around the state dict, or put before its names.

Trainers save `{"state_dict": ...}`, `{"model": ..., "ema": ...}` and more; DataParallel, Lightning, torch.compile and
others lengthen every name. The mapping and the prefix are taken that give the most of the network's own tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

_WRAPPERS = ("", "state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_INSERTED = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"})
_DEEPEST = 4  # mappings within mappings


@dataclass(frozen=True, eq=False)
class NamedWeights:
    """Tensors under the network's own names.

    Attributes:
        tensors: by name; those that are not the network's among them.
        where: the keys that lead to them in the file; "" where they lie at its top.
        prefix: what was taken off every name.
        aside: names without that prefix: a loss's weights, counters.
        others: keys of other mappings that would fit as well.
    """

    tensors: Mapping[str, Tensor]
    where: str
    prefix: str
    aside: tuple[str, ...]
    others: tuple[str, ...]


def network_weights(content: Mapping[str, Any], expected: Mapping[str, Tensor]) -> NamedWeights | None:
    """The best reading of a checkpoint; None where it holds no tensor at all.

    Args:
        content: of the file.
        expected: the network's state dict.
    """
    own = {part for name in expected for part in name.split(".")}
    cuts = [_INSERTED - own, (_INSERTED | {"module"}) - own]  # DataParallel around a part of the network
    readings = [_reading(where, tensors, expected, cut) for where, tensors in _mappings(content) for cut in cuts]
    if not readings:
        return None
    scores = [_found(reading, expected) for reading in readings]
    order = sorted(range(len(readings)), key=lambda k: (-scores[k], _rank(readings[k].where), k))
    best = readings[order[0]]
    as_good = [readings[k].where for k in order if scores[k] == scores[order[0]] > 0]
    others = tuple(where for where in dict.fromkeys(as_good) if where != best.where)
    return NamedWeights(best.tensors, best.where, best.prefix, best.aside, others)


def _mappings(content: Mapping[str, Any], where: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if tensors:
        yield where, tensors
    if depth < _DEEPEST:
        for key, value in content.items():
            if isinstance(value, Mapping):
                yield from _mappings(value, f"{where}.{key}" if where else str(key), depth + 1)


def _rank(where: str) -> int:
    return _WRAPPERS.index(where) if where in _WRAPPERS else len(_WRAPPERS)


def _found(reading: NamedWeights, expected: Mapping[str, Tensor]) -> int:
    return sum(name in expected and expected[name].shape == value.shape for name, value in reading.tensors.items())


def _reading(
    where: str, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], inserted: frozenset[str]
) -> NamedWeights:
    cut = {_without(name, inserted): value for name, value in tensors.items()}
    votes = Counter(prefix for name in cut for prefix in _prefixes(name, expected))
    prefix = max(votes, key=lambda prefix: (votes[prefix], -len(prefix)), default="")
    aside = tuple(name for name in cut if not name.startswith(prefix))
    named = {name.removeprefix(prefix): value for name, value in cut.items() if name.startswith(prefix)}
    if not votes:  # the network's names may be the longer ones
        missing = Counter(prefix for name in expected for prefix in _prefixes(name, cut))
        longer = max(missing, key=lambda prefix: (missing[prefix], -len(prefix)), default="")
        named = {longer + name: value for name, value in named.items()}
    return NamedWeights(named, where, prefix, aside, ())


def _without(name: str, parts: frozenset[str]) -> str:
    return ".".join(part for part in name.split(".") if part not in parts)


def _prefixes(name: str, known: Mapping[str, Tensor]) -> Iterator[str]:
    """What stands before each ending of the name that is known."""
    parts = name.split(".")
    for first in range(len(parts)):
        if ".".join(parts[first:]) in known:
            yield ".".join(parts[:first]) + ("." if first else "")
