"""One place where inputs, outputs, targets, loss and metric are held against one another, before any work.

Shapes that do not belong together broadcast, and a figure comes out that is not the metric; so nothing is broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgeprune.errors import DataError, ModelError
from edgeprune.model.answers import Answer, mapped, parts_of, run_batch
from edgeprune.train.detections import boxes_and_scores, check_objects
from edgeprune.train.indices import check_indices
from edgeprune.train.metrics import IGNORED, METRICS, Compares, Metric, is_binary
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import Split, Splits

_SAMPLES = 4
# Losses that broadcast what they are given, and return a mean of it.
_BROADCASTING = frozenset(
    (
        functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss,
        functional.hinge_embedding_loss, functional.poisson_nll_loss, functional.soft_margin_loss,
    )
)  # fmt: skip


def check_together(module: nn.Module, splits: Splits, objective: Objective) -> None:
    """One forward pass, and the loss and the metric once on what it gives.

    Raises:
        ModelError: the network refuses the input, returns something else than tensors, or NaN.
        DataError: indices outside the tables they are looked up in; targets of another shape or type than loss and
            metric take, labels beyond the network's classes; a
            loss or metric of the user's own that is not one finite value, or a loss that no output changes.
    """
    check_indices(module, splits)
    outputs = _outputs(module, splits.train.take(_SAMPLES).tensor())
    if objective.metric.compares is Compares.OBJECTS:
        _, scores = boxes_and_scores(outputs)
        for name, split in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
            check_objects(name, split.targets, scores.shape[2])
    if isinstance(outputs, Tensor):
        for name, split in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
            _check_targets(name, split, outputs, objective)
    else:
        _refuse_built_in(outputs, objective)
    targets = splits.train.take(_SAMPLES).targets
    _check_loss(objective, outputs, targets)
    if objective.metric.name not in METRICS:
        what = f"the metric {objective.metric.name}"
        with _Broadcasts(parts_of(outputs), targets) as seen:
            score = objective.metric.score(outputs, targets)
        _refuse_broadcast(what, seen)
        _one_value(what, score, (outputs, targets))


def _outputs(module: nn.Module, samples: Tensor) -> Answer:
    outputs = run_batch(module.eval(), samples)
    for part in parts_of(outputs):
        if part.ndim < 1 or len(part) != len(samples):
            raise ModelError(
                f"the model gives {tuple(part.shape)} for {len(samples)} samples", hint="return (N, outputs)"
            )
        if not bool(torch.isfinite(part).all()):
            raise ModelError(
                "the model gives NaN or infinite values for the first samples", hint="check weights and scaling"
            )
    _refuse_mixed_samples(module, samples, outputs)
    return outputs


def _refuse_mixed_samples(module: nn.Module, samples: Tensor, outputs: Answer) -> None:
    """Raises ModelError where half the samples give something else than they do among the others."""
    half = len(samples) // 2
    if half < 1:
        return
    with torch.no_grad():
        alone = parts_of(module(samples[:half]))
    for own, part in zip(alone, parts_of(outputs), strict=True):
        if own.shape != part[:half].shape or not torch.allclose(own, part[:half], rtol=1e-3, atol=1e-4):
            raise ModelError(
                "what the model gives for a sample depends on the other samples of its batch",
                hint="forward() mixes samples: look for a mean, a norm or a softmax over axis 0",
            )


def _refuse_built_in(outputs: Answer, objective: Objective) -> None:
    """Losses and metrics of ours take one tensor."""
    takes_several = objective.metric.compares is Compares.OBJECTS
    for what, name, own in (("loss", objective.loss_name, LOSSES), ("metric", objective.metric.name, METRICS)):
        if name in own and not (what == "metric" and takes_several):
            shapes = ", ".join(str(tuple(part.shape[1:])) for part in parts_of(outputs))
            raise DataError(
                f"the model returns a {type(outputs).__name__} of {shapes}, the {what} '{name}' takes one tensor",
                hint=f'{what} = "file.py:function" in [task], a function of (outputs, targets)',
            )


def _check_targets(name: str, split: Split, outputs: Tensor, objective: Objective) -> None:
    targets = split.targets
    if objective.loss_name == "cross_entropy":
        _check_labels(name, targets, outputs)
    elif objective.loss_name in LOSSES:
        _check_one_each(name, targets, outputs, objective.loss_name)
    if objective.loss_name == "bce" and not bool(((targets >= 0) & (targets <= 1)).all()):
        raise DataError(
            f"targets of '{name}' run from {float(targets.min()):g} to {float(targets.max()):g}, bce needs 0 to 1",
            hint='0 for no and 1 for yes; classes by number want loss = "cross_entropy"',
        )
    if objective.metric.compares is Compares.VALUES:
        _check_one_each(name, targets, outputs, objective.metric.name)
    elif objective.metric.compares is Compares.CLASSES:
        _check_classes(name, targets, outputs, objective)


def check_metric_targets(metric: Metric, targets: Tensor, outputs: Tensor) -> None:
    """Whether a metric of ours can hold these targets against outputs of a network that was trained for it.

    Raises:
        DataError: targets of another shape or type, labels beyond the outputs.
    """
    if metric.compares is Compares.CLASSES and not is_binary(outputs[:1], targets[:1]):
        _check_labels("y", targets, outputs)
    else:
        _check_one_each("y", targets, outputs, metric.name)


def _check_classes(name: str, targets: Tensor, outputs: Tensor, objective: Objective) -> None:
    metric = objective.metric.name
    if not is_binary(outputs[:1], targets[:1]):
        _check_labels(name, targets, outputs)
        return
    if objective.loss_name != "bce":
        raise DataError(
            f"{metric} of outputs {tuple(outputs.shape[1:])} against targets of '{name}' {tuple(targets.shape[1:])}, "
            f"trained by {objective.loss_name}: the threshold between yes and no is unknown",
            hint='loss = "bce" for logits (yes above zero), or a metric of your own (file.py:function)',
        )
    if metric.startswith("top"):
        raise DataError(f"{metric} is of several classes, the model gives a yes or no each", hint="accuracy, f1 or auc")
    _check_one_each(name, targets, outputs, metric)


def _as_labels(targets: Tensor, classes: int) -> str | None:
    """What makes labels of these, where they are labels in another form."""
    zeros_and_ones = bool(((targets == 0) | (targets == 1)).all())
    if targets.ndim == 2 and targets.shape[1] == classes and zeros_and_ones and bool((targets.sum(dim=1) == 1).all()):
        return "they are one-hot: targets.argmax(1)"
    if targets.ndim == 2 and targets.shape[1] == 1:
        return "their last axis is one too many: targets[:, 0]"
    if targets.is_floating_point() and bool((targets == targets.round()).all()):
        return "they are whole numbers of a real type: targets.astype(numpy.int64)"
    return None


def _check_labels(name: str, targets: Tensor, outputs: Tensor) -> None:
    classes, places = outputs.shape[1] if outputs.ndim > 1 else 1, tuple(outputs.shape[2:])
    if classes < 2:
        raise DataError(
            "the model has one output, and one class is always right",
            hint='loss = "bce" for one yes or no, "mse" for a value, or an output for each class',
        )
    if targets.is_floating_point():
        raise DataError(
            f"targets of '{name}' are real values, cross_entropy and accuracy want class labels",
            hint=_as_labels(targets, classes) or 'integers from 0, or loss = "mse" in [task]',
        )
    if tuple(targets.shape[1:]) != places:
        raise DataError(
            f"targets of '{name}' are {tuple(targets.shape[1:])} each, {classes} classes over {places} want one label "
            f"a place",
            hint=_as_labels(targets, classes)
            or "one label for each place of the model's output, (N, ...) without the class axis",
        )
    wrong = (targets >= classes) | ((targets < 0) & (targets != IGNORED))
    if bool(wrong.any()):
        end, worst = ("highest", targets.max()) if int(targets.max()) >= classes else ("lowest", targets.min())
        raise DataError(
            f"{int(wrong.sum()):,} labels of '{name}' are out of range: the {end} is {int(worst)}, "
            f"the model has {classes} classes (0..{classes - 1})",
            hint="count labels from 0, or give the model as many outputs as there are classes",
        )


def _check_one_each(name: str, targets: Tensor, outputs: Tensor, what: str) -> None:
    """A target for each output; (N,) and (N, 1) count as one."""
    own, wanted = tuple(targets.shape[1:]), tuple(outputs.shape[1:])
    if own != wanted and wanted != (*own, 1) and own != (*wanted, 1):
        raise DataError(
            f"targets of '{name}' are {own} each, the model gives {wanted}: {what} compares them one by one",
            hint="one target for each output of the model",
        )


def _check_loss(objective: Objective, outputs: Answer, targets: Tensor) -> None:
    if objective.loss_name in LOSSES:
        objective.loss(outputs, targets)  # its class weights may be too many
        return
    given = mapped(lambda part: part.clone().requires_grad_(), outputs)
    what = f"the loss {objective.loss_name}"
    with torch.enable_grad(), _Broadcasts(parts_of(given), targets) as seen:
        loss = objective.loss(given, targets)
    _refuse_broadcast(what, seen)
    _one_value(what, loss, (outputs, targets))
    if not loss.requires_grad:
        raise DataError(f"{what} does not depend on the outputs", hint="compute it from `outputs` with torch alone")


def _refuse_broadcast(what: str, seen: _Broadcasts) -> None:
    if seen.met is not None:
        outputs, targets = seen.met
        raise DataError(
            f"{what} compares outputs {outputs} with targets {targets}: each with every other one",
            hint="give both one shape first: targets.view_as(outputs), or outputs[:, 0]",
        )


def _one_value(what: str, value: Tensor, given: tuple[Answer, Tensor]) -> None:
    outputs, targets = given
    if value.numel() != 1 or not bool(torch.isfinite(value).all()):
        shown = f"shape {tuple(value.shape)}" if value.numel() != 1 else f"{float(value.detach()):g}"
        raise DataError(
            f"{what} of outputs {', '.join(str(tuple(part.shape)) for part in parts_of(outputs))} and targets "
            f"{tuple(targets.shape)} is {shown}",
            hint="return one finite value, the mean over the batch",
        )


class _Broadcasts(TorchFunctionMode):
    """Inside the block: `met` holds the shapes of the first outputs and targets that made more values of one another
    than either has, None where there are none.

    What is computed value by value, in the same shape, still counts as the outputs or the targets; what was indexed or
    given another shape does not, since then its shape is meant. (N, 1) against (N,) is (N, N): every output against
    every target, and a figure that is not what it is called.
    """

    def __init__(self, outputs: Iterable[Tensor], targets: Tensor):
        super().__init__()
        self.met: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        # Kept, so that nothing else gets their number.
        self._own: dict[int, tuple[Tensor, bool]] = {id(one): (one, True) for one in outputs}
        self._own[id(targets)] = (targets, False)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        read = [one for one in (*args, *(kwargs or {}).values()) if isinstance(one, Tensor)]
        owned = [(one.shape, self._own[id(one)][1]) for one in read if id(one) in self._own]
        if isinstance(result, Tensor) and owned:
            self._note(func, result, read, owned)
        return result

    def _note(
        self, func: Callable[..., Any], result: Tensor, read: Sequence[Tensor], owned: Sequence[tuple[torch.Size, bool]]
    ) -> None:
        sides = {is_output: shape for shape, is_output in owned}
        if len(sides) == 2 and self.met is None:
            try:
                made = torch.broadcast_shapes(*sides.values())  # type: ignore[no-untyped-call]
            except RuntimeError:
                return
            is_made = result.shape == made or func in _BROADCASTING
            if is_made and made.numel() > max(shape.numel() for shape in sides.values()):
                self.met = tuple(sides[True]), tuple(sides[False])
        if len(sides) == 1 and all(one.shape == result.shape or one.ndim == 0 for one in read):
            self._own[id(result)] = (result, owned[0][1])
