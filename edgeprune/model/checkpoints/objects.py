"""Files of torch.save that hold more than tensors: settings, dates, random states, whole modules.

Trainers put them beside the weights. Objects are read as stand-ins, whose classes are never imported and whose code is
never run; of a pickled module the parameters and buffers are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

_DEEPEST = 64  # modules within modules


class _StandIn:
    """What stands for an object: what it was made of is kept, nothing of it is called."""

    state: Any = None

    def __new__(cls, *_args: Any, **_named: Any) -> _StandIn:
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _empty_dict(*_args: Any) -> dict[Any, Any]:
    return {}


def _empty_list(*_args: Any) -> list[Any]:
    return []


_CONTAINERS = {"collections.defaultdict": _empty_dict, "collections.deque": _empty_list}


def read_with_objects(path: Path) -> Any:
    """The file's content: mappings, tensors and stand-ins; a pickled module as the mapping of its tensors.

    Raises:
        pickle.UnpicklingError, RuntimeError, ...: as `torch.load` of weights alone, of what cannot be read so either.
    """
    names = get_unsafe_globals_in_checkpoint(str(path))
    allowed = [(_CONTAINERS.get(name, _StandIn), name) for name in names]
    with safe_globals(allowed):  # type: ignore[arg-type]
        return _taken(torch.load(path, map_location="cpu", weights_only=True))


def _taken(value: Any) -> Any:
    if isinstance(value, _StandIn):
        return dict(_tensors(value))
    if isinstance(value, Mapping):
        return {key: _taken(part) if isinstance(part, _StandIn) else part for key, part in value.items()}
    return value


def _tensors(module: _StandIn, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a module by the names its state dict gives them; none of another object."""
    state = module.state if isinstance(module.state, Mapping) else {}
    passing = state.get("_non_persistent_buffers_set")
    for table in ("_parameters", "_buffers"):
        for name, value in _table(state, table):
            if isinstance(value, Tensor) and not (isinstance(passing, set) and name in passing):
                yield f"{prefix}{name}", value.detach()
    for name, child in _table(state, "_modules"):
        if isinstance(child, _StandIn) and depth < _DEEPEST:
            yield from _tensors(child, f"{prefix}{name}.", depth + 1)


def _table(state: Mapping[Any, Any], name: str) -> list[tuple[str, Any]]:
    table = state.get(name)
    return [(str(key), value) for key, value in table.items()] if isinstance(table, Mapping) else []
