"""EdgePrune: a trained PyTorch model, thinned and quantized until it fits a microcontroller, proved on the board.

In a notebook: `edgeprune.fit(model, (inputs, labels), target="cortex-m4")`, `edgeprune.thin`, `edgeprune.load`: see
`tasks/python.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.release import __version__ as __version__

if TYPE_CHECKING:
    from edgeprune.tasks.python import Run as Run
    from edgeprune.tasks.python import fit as fit
    from edgeprune.tasks.python import load as load
    from edgeprune.tasks.python import thin as thin

_OF_PYTHON = ("Run", "fit", "load", "thin")


def __getattr__(name: str) -> Any:
    """On first use, so that importing the package imports nothing heavy."""
    if name in _OF_PYTHON:
        from edgeprune.tasks import python

        return getattr(python, name)
    raise AttributeError(f"module 'edgeprune' has no attribute '{name}'")
