"""Weights rounded so that a layer's output changes least on what it reads, not each to its nearest step.

The error of an output channel, with e the error of its weights in steps and x a row of inputs, is e x. Its mean goes
into the bias (bias correction: Nagel et al., ICCV 2019, arXiv:1906.04721); what is left has the power e C e' with C the
inputs' covariance. Adaptive rounding (the aim: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training
Quantization", ICML 2020, arXiv:2004.10568) makes that small, here column by column, each rounded after the error of
those before it was added to it as C says (Chee et al., "QuIP", NeurIPS 2023, arXiv:2307.13304, equation 2; what GPTQ,
arXiv:2210.17323, computes too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgeprune.ir import Graph
from edgeprune.quantize.input_moments import InputMoments, group_count, rows_of_weights, weights_of_rows
from edgeprune.quantize.weights import FloatLayer, RoundedLayer, Rounding, to_nearest

_RIDGE = 1e-4  # of the inputs' mean variance: they are a sample
_BLOCK = 64  # columns between two products of matrices
_Rows = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def nearest_with_bias(graph: Graph, inputs: Mapping[int, InputMoments]) -> Rounding:
    """Nearest steps, biases corrected for the mean of what that changes.

    Args:
        graph: float.
        inputs: position of a layer -> moments of what it reads; layers that are not named are rounded plainly.
    """
    return _rounding(graph, inputs, lambda rows, _covariance, limit: np.clip(np.round(rows), -limit, limit))


def adaptive(graph: Graph, inputs: Mapping[int, InputMoments]) -> Rounding:
    """Steps chosen by the inputs' covariance, biases corrected; arguments as `nearest_with_bias`."""
    return _rounding(graph, inputs, rounded_in_turn)


def _rounding(graph: Graph, inputs: Mapping[int, InputMoments], rounded_rows: _Rows) -> Rounding:
    by_name = {graph.ops[position].name: (graph.ops[position], moments) for position, moments in inputs.items()}

    def rounded(layer: FloatLayer) -> RoundedLayer:
        if layer.op.name not in by_name:
            return to_nearest(layer)
        op, moments = by_name[layer.op.name]
        groups = group_count(graph, op)
        wanted, chosen = rows_of_weights(layer.steps, layer.op, groups), layer.nearest
        if moments.covariance is not None:
            rows = rounded_rows(wanted, with_noise(moments.covariance, layer.in_scale), layer.limit)
            chosen = weights_of_rows(rows, layer.op, layer.steps.shape)
        error = rows_of_weights(chosen, layer.op, groups) - wanted
        mean_error = np.einsum("goi,gi->go", error, moments.mean).reshape(-1)
        return RoundedLayer(chosen, -mean_error * layer.scales)

    return rounded


def with_noise(covariance: np.ndarray, in_scale: float) -> np.ndarray:
    """Of inputs that are quantized themselves: uniform noise of their scale, no two alike."""
    count = covariance.shape[1]
    variance = np.einsum("gii->g", covariance) / count
    noise = in_scale**2 / 12 + _RIDGE * variance
    noisy: np.ndarray = covariance + noise[:, None, None] * np.eye(count)
    return noisy


def rounded_in_turn(rows: np.ndarray, covariance: np.ndarray, limit: int) -> np.ndarray:
    """rows: (groups, outputs, inputs) in steps; covariance: (groups, inputs, inputs).

    With C = (F + 1) D (F + 1)' and F strictly upper triangular, the error's power is the sum over columns k of
    D_k (e_k + sum over j < k of e_j F_jk)**2: column k is rounded with that sum added, off by half a step at most.
    """
    flipped = np.linalg.cholesky(covariance[:, ::-1, ::-1])
    upper = flipped[:, ::-1, ::-1]
    feedback = upper / np.einsum("gii->gi", upper)[:, None, :]
    steps, error = np.empty_like(rows), np.zeros_like(rows)
    count = rows.shape[2]
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        carried = np.matmul(error[:, :, :start], feedback[:, :start, start:end])
        for column in range(start, end):
            own = np.matmul(error[:, :, start:column], feedback[:, start:column, column, None])[:, :, 0]
            wanted = rows[:, :, column] - carried[:, :, column - start] - own
            steps[:, :, column] = np.clip(np.round(wanted), -limit, limit)
            error[:, :, column] = steps[:, :, column] - rows[:, :, column]
    return steps
