"""Indices in the data, held against the tables of the embeddings that look them up, before any work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from edgeprune.errors import DataError
from edgeprune.model.answers import run_batch
from edgeprune.model.inputs import takes_whole_numbers
from edgeprune.train.splits import Split, Splits

_BATCH = 512


def check_indices(module: nn.Module, splits: Splits) -> None:
    """Every sample of every split goes through the network once, in evaluation mode; the mode is left as it was.

    Raises:
        DataError: an index that is no whole number, or outside its table.
    """
    tables = {
        name: child for name, child in module.named_modules() if isinstance(child, nn.Embedding | nn.EmbeddingBag)
    }
    if not tables:
        return
    for name, split in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        if takes_whole_numbers(module):
            _refuse_parts(name, split)
        for table, seen in _looked_up(module, tables, split).items():
            _refuse_outside(name, table, tables[table].num_embeddings, seen)


def _refuse_parts(name: str, split: Split) -> None:
    """Of a network that takes whole numbers alone."""
    if split.inputs.dtype == torch.uint8:
        raise DataError(
            f"inputs of '{name}' are uint8, which are pixels and scaled to 0..1; the network takes whole numbers",
            hint="store indices as int16 or int32: x.astype(numpy.int32)",
        )
    values = split.tensor()
    parts = values != values.round()
    if bool(parts.any()):
        raise DataError(
            f"inputs of '{name}' hold {int(parts.sum()):,} values that are no whole numbers, "
            f"{float(values[parts][0]):g} for one; the network looks them up in an embedding",
            hint="give whole numbers; what is no index is an input of its own ([model] inputs = {...})",
        )


@dataclass
class _Seen:
    """Indices one embedding was given: how many lie outside, and the first of these."""

    outside: int = 0
    first: int | None = None


@dataclass
class _Watch:
    """Pre-hooks of the embeddings: they note what is outside, and let the nearest index through."""

    seen: dict[str, _Seen] = field(default_factory=dict)

    def hook(self, name: str, rows: int) -> Any:
        seen = self.seen.setdefault(name, _Seen())

        def look(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = args[0] if args else kwargs["input"]
            outside = (given < 0) | (given >= rows)
            if bool(outside.any()):
                seen.outside += int(outside.sum())
                seen.first = int(given[outside][0]) if seen.first is None else seen.first
            within = given.clamp(0, rows - 1)
            return ((within, *args[1:]), kwargs) if args else (args, {**kwargs, "input": within})

        return look


def _looked_up(module: nn.Module, tables: dict[str, Any], split: Split) -> dict[str, _Seen]:
    watch = _Watch()
    handles = [
        table.register_forward_pre_hook(watch.hook(name, table.num_embeddings), with_kwargs=True)
        for name, table in tables.items()
    ]
    was_training = module.training
    try:
        for begin in range(0, len(split), _BATCH):
            run_batch(module.eval(), split.real(split.inputs[begin : begin + _BATCH]))
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    return watch.seen


def _refuse_outside(name: str, table: str, rows: int, seen: _Seen) -> None:
    if seen.first is not None:
        raise DataError(
            f"{seen.outside:,} indices of '{name}' are outside the {rows:,} rows of '{table}': {seen.first} for one",
            hint=f"indices go from 0 to {rows - 1}: give the embedding more rows, or unknown words one index of theirs",
        )
