"""A module run on a batch of real samples; what its forward() raises is told apart and said with the user's line."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.answers import Answer
from edgeprune.model.user_line import failed_at, layer_of, quoted


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
