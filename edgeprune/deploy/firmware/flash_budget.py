"""The fastest image that a flash budget has room for: faster kernels in order of the time saved for a byte."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeprune.budget import Budget, Limits, Optimize
from edgeprune.deploy.firmware.images import Images, link_images, measured_sizes
from edgeprune.deploy.firmware.limits import budget_for
from edgeprune.deploy.firmware.linked import ROOMY_BYTES, LinkedModel, cycles_of
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.deploy.firmware.predicted_time import time_if_possible
from edgeprune.deploy.firmware.upgrade_kernels import with_faster_kernels
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.errors import DoesNotFit
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.client_form import ClientForm
from edgeprune.toolchain.space import target_space
from edgeprune.units import bytes_text

_TRADES = {
    Optimize.SPEED: (Optimize.SPEED, Optimize.BALANCED, Optimize.SIZE),
    Optimize.BALANCED: (Optimize.BALANCED, Optimize.SIZE),
    Optimize.SIZE: (Optimize.SIZE,),
}
"""What is tried in turn until the image fits."""


def within_flash(
    tflite: bytes, target: Target, options: CompileOptions, client: ClientForm, flash_bytes: int
) -> CompiledModel:
    """The model compiled so that its image takes `flash_bytes` at most.

    Args:
        options: `optimize` is the most that is traded for speed; where that is too large, the next smaller trade gets
            the kernels for speed that there is room for.
        client: of the image's console.

    Raises:
        DoesNotFit: not even the smallest image does.
        UsageError: the budget is larger than the target's flash.
    """
    limits = budget_for(target, Limits(flash_bytes=flash_bytes))
    smallest = None
    for trade in _TRADES[options.optimize]:
        linked = _linked(client, tflite, target, replace(options, optimize=trade))
        if linked.footprint.flash_bytes <= limits.flash_bytes:
            return _sped_up(client, linked, limits) if trade is not options.optimize else linked.model
        smallest = linked.footprint.flash_bytes
    assert smallest is not None
    raise DoesNotFit(
        f"the smallest image takes {bytes_text(smallest)} of flash, {bytes_text(limits.flash_bytes)} are allowed",
        hint="allow more, or thin the network: `edgeprune fit`",
    )


def _sped_up(client: ClientForm, linked: LinkedModel, limits: Budget) -> CompiledModel:
    if linked.model.options.ram_first:
        return linked.model  # whose kernels are lean ones everywhere
    timed = _timed(client, linked.tflite, linked.target, linked.model.options)
    return with_faster_kernels(timed, replace(limits, latency_us=None), timed.footprint)[0].model


def _linked(client: ClientForm, tflite: bytes, target: Target, options: CompileOptions) -> LinkedModel:
    """Linked without limits and not run: only its flash is asked for."""
    return _with_time(client, tflite, target, options, lambda _images, _model: None)


def _timed(client: ClientForm, tflite: bytes, target: Target, options: CompileOptions) -> LinkedModel:
    """Linked without limits, with its time where there are tools that predict it."""

    def time_of(images: Images, model: CompiledModel) -> PredictedTime | None:
        return None if images.emulated is None else time_if_possible(images.emulated.elf, model, target)

    return _with_time(client, tflite, target, options, time_of)


def _with_time(
    client: ClientForm,
    tflite: bytes,
    target: Target,
    options: CompileOptions,
    time_of: Callable[[Images, CompiledModel], PredictedTime | None],
) -> LinkedModel:
    model = compile_model(tflite, target, options)
    roomy = replace(target_space(target), flash_bytes=ROOMY_BYTES, ram_bytes=ROOMY_BYTES)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(model, target, Path(folder), roomy, client)
        time = time_of(images, model)
    size = images.judged.size
    baseline = EngineBaseline.of(
        size.flash_parts,
        model.calls,
        size.ram_parts["data"],
        0,
        measured_sizes(model, target),
        size.ram_parts["console"],
    )
    baseline = replace(baseline, cycles=cycles_of(model, target, time))
    again = partial(_timed, client)
    return LinkedModel(tflite, target, model, baseline, footprint_of(model, target, baseline), 0, time, again)
