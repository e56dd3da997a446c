"""What a network returns: one tensor, or several in tuples, lists, mappings and dataclasses, as its user wrote them.

`parts_of` takes it apart in a fixed order, that of the traced graph's outputs; `rebuilt` puts other tensors in the same
places, so that a loss or metric of the user's own sees what `forward()` returns wherever the values come from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.user_line import failed_at, layer_of, quoted

Answer = Any
"""A tensor, or tuples, lists, mappings and dataclasses of answers; None where a network leaves something out."""


def parts_of(answer: Answer) -> tuple[Tensor, ...]:
    """All its tensors.

    Raises:
        ModelError: it holds something else.
    """
    return tuple(_tensors(answer))


def check_batch_of_one(outputs: Sequence[Tensor]) -> None:
    """Raises ModelError where the answer to one sample is no batch of one."""
    if not outputs:
        raise ModelError("forward() returns no tensor", hint="return what the device shall give")
    for tensor in outputs:
        if tensor.dim() == 0 or tensor.shape[0] != 1:
            raise ModelError(
                f"forward() returns {tuple(tensor.shape)} for a batch of one sample",
                hint="the first axis of every output is the batch: a batch size in a view() or reshape() is the usual "
                "cause; x.shape[0] follows it",
            )


def run_batch(module: nn.Module, samples: Tensor) -> Answer:
    """What the module returns for (N, ...) samples, without gradients.

    Raises:
        ModelError: forward() fails, or takes one sample at a time only.
    """
    try:
        with torch.no_grad():
            return module(samples)
    except ModelError:
        raise
    except Exception as problem:  # whatever the user's forward() raises
        where = failed_at(problem) or layer_of(problem, module) or "an unknown line"
        reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
        if len(samples) > 1 and _runs(module, samples[:1]):
            raise ModelError(
                f"forward() takes one sample, and fails on a batch of {len(samples)} at {where}: {reason}"
                f"{quoted(where)}",
                hint="a batch size is written in the code, as in torch.zeros(1, 20): x.shape[0] follows the batch",
            ) from problem
        raise ModelError(
            f"the model does not take an input of {tuple(samples.shape[1:])}, at {where}: {reason}{quoted(where)}",
            hint="[model] input is one sample without the batch: (C, H, W) or (features)",
        ) from problem


def _runs(module: nn.Module, samples: Tensor) -> bool:
    try:
        with torch.no_grad():
            module(samples)
    except Exception:  # the same
        return False
    return True


def rebuilt(like: Answer, parts: Iterable[Tensor]) -> Answer:
    """`like` with these tensors in place of its own.

    Args:
        parts: as many as `parts_of(like)`.
    """
    return _filled(like, iter(parts))


def mapped(function: Callable[[Tensor], Tensor], answer: Answer) -> Answer:
    """The answer with every tensor replaced by what the function gives for it."""
    return rebuilt(answer, map(function, parts_of(answer)))


def joined(answers: Sequence[Answer]) -> Answer:
    """The answers to several batches as the one to all samples, (N, ...) each tensor."""
    parts = zip(*map(parts_of, answers), strict=True)
    return rebuilt(answers[0], (torch.cat(batches) for batches in parts))


def names_of(answer: Answer, name: str = "") -> list[str]:
    """For each of its tensors its key in a mapping, or its field in a named tuple or dataclass, joined with dots; ""
    where it has none."""
    if isinstance(answer, Tensor):
        return [name]
    items: list[tuple[str, Answer]] = []
    if isinstance(answer, Mapping):
        items = [(str(key), item) for key, item in answer.items()]
    elif isinstance(answer, list | tuple):
        items = list(zip(getattr(answer, "_fields", ("",) * len(answer)), answer, strict=True))
    elif _is_record(answer):
        items = list(_fields_of(answer).items())
    return [own for key, item in items for own in names_of(item, f"{name}.{key}".strip("."))]


def _tensors(answer: Answer) -> Iterator[Tensor]:
    if isinstance(answer, Tensor):
        yield answer
    elif isinstance(answer, Mapping):
        for item in answer.values():
            yield from _tensors(item)
    elif isinstance(answer, list | tuple):
        for item in answer:
            yield from _tensors(item)
    elif _is_record(answer):
        yield from _tensors(_fields_of(answer))
    elif answer is not None:
        raise ModelError(
            f"forward() returns a {type(answer).__name__}",
            hint="return tensors, or tuples, dicts or dataclasses of them",
        )


def _is_record(answer: Answer) -> bool:
    return is_dataclass(answer) and not isinstance(answer, type)


def _fields_of(answer: Answer) -> dict[str, Answer]:
    return {field.name: getattr(answer, field.name) for field in fields(answer)}


def _filled(like: Answer, parts: Iterator[Tensor]) -> Answer:
    if isinstance(like, Tensor):
        return next(parts)
    if isinstance(like, dict):
        filled = copy.copy(like)  # classes of their own keep their attributes
        for key, item in like.items():
            filled[key] = _filled(item, parts)
        return filled
    if isinstance(like, Mapping):
        return {key: _filled(item, parts) for key, item in like.items()}
    if isinstance(like, list | tuple):
        items = [_filled(item, parts) for item in like]
        return type(like)(*items) if hasattr(like, "_fields") else type(like)(items)
    if _is_record(like):
        copied = copy.copy(like)
        for key, item in _fields_of(like).items():
            object.__setattr__(copied, key, _filled(item, parts))  # it may be frozen
        return copied
    return None
