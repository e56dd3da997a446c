"""EdgePrune: a trained PyTorch model, thinned and quantized until it fits a microcontroller, proved on the board.

In a notebook: `edgeprune.fit(model, {"train": (inputs, targets)}, target="cortex-m4")`; see `pipeline.fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.release import __version__ as __version__

if TYPE_CHECKING:
    from edgeprune.pipeline import fit as fit


def __getattr__(name: str) -> Any:
    """`fit` on first use, so that importing the package imports nothing heavy."""
    if name == "fit":
        from edgeprune.pipeline import fit

        return fit
    raise AttributeError(f"module 'edgeprune' has no attribute '{name}'")
