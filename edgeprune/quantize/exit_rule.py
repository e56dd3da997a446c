"""The rule by which an input leaves a network early.

A network with an exit has two outputs, its own and, from a layer half-way, the exit's: int8 (1, classes), one scale.
The exit's is used where its largest value leads the second largest by at least a margin. In real values the margin
times the scale is the logarithm of how much likelier the best class is than the next: the score margin of Park et al.,
"Big/Little Deep Neural Network for Ultra Low Power Inference", CODES+ISSS 2015, in place of the entropy of
Teerapittayanon et al., "BranchyNet", ICPR 2016, arXiv:1709.01686. It needs no exponential, so that every device and
this machine decide alike. `engine/graph/early_exit.py` is the operator that carries it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def margins(exit_outputs: np.ndarray) -> np.ndarray:
    """How far the largest value leads the second largest; 0 where they are equal.

    Args:
        exit_outputs: int8 (N, classes), two classes or more.

    Returns:
        int64 (N,), 0..255.
    """
    ordered = np.sort(exit_outputs.astype(np.int64), axis=1)
    difference: np.ndarray = ordered[:, -1] - ordered[:, -2]
    return difference


def leaves(exit_outputs: np.ndarray, margin: int) -> np.ndarray:
    """bool (N,): the inputs that leave at the exit."""
    early: np.ndarray = margins(exit_outputs) >= margin
    return early


def combined_outputs(own: np.ndarray, exit_outputs: np.ndarray, margin: int) -> np.ndarray:
    """The device's outputs: the exit's for inputs that leave there, else the network's own.

    Args:
        own, exit_outputs: int8 (N, classes), both of every input.
    """
    return np.where(leaves(exit_outputs, margin)[:, None], exit_outputs, own)


def choose_margin(
    own: np.ndarray, exit_outputs: np.ndarray, lost_points: Callable[[np.ndarray], float], allowed_points: float
) -> int | None:
    """The least margin that loses no more than is allowed, of those that occur.

    Args:
        own, exit_outputs: int8 (N, classes) of validation samples, not of test samples.
        lost_points: the loss of these outputs (N, classes) against `own`.

    Returns:
        None where every margin at which an input leaves costs more.
    """
    for margin in sorted(set(margins(exit_outputs).tolist())):
        if lost_points(combined_outputs(own, exit_outputs, margin)) <= allowed_points + 1e-9:
            return int(margin)
    return None
