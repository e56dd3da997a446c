"""Padding of maximum pools: what TFLite's SAME does not mean, the converter fills with minus infinity.

Int8 has no scale for that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

_MAX_POOL = torch.ops.aten.max_pool2d.default
_PAD = torch.ops.aten.constant_pad_nd.default


def pad_before_pooling(module: GraphModule, samples: np.ndarray) -> None:
    """Pads with the least value the pool's input takes over the samples, in place.

    In the int8 file that value is the least there is, so the padding never wins, as it should be.

    Args:
        module: what `ExportedProgram.module()` gives.
        samples: float32 (N, ...), those the ranges are measured on.
    """
    pools = [node for node in module.graph.nodes if node.target == _MAX_POOL and not _is_same(node)]
    if not pools:
        return
    least = _least_values(module, {pool.args[0] for pool in pools if isinstance(pool.args[0], Node)}, samples)
    for pool in pools:
        source, (rows, columns) = pool.args[0], _padding(pool)
        with module.graph.inserting_before(pool):
            padded = module.graph.call_function(_PAD, (source, [columns, columns, rows, rows], least[source]))
        if "nn_module_stack" in pool.meta:
            padded.meta["nn_module_stack"] = pool.meta["nn_module_stack"]
        pool.args = (padded, *pool.args[1:3], [0, 0], *pool.args[4:])
    module.recompile()


def _is_same(pool: Node) -> bool:
    """Whether there is no padding, or just that of TFLite's SAME, which int8 pools know."""
    image = pool.args[0].meta.get("val") if isinstance(pool.args[0], Node) else None
    padding, window = _padding(pool), _pair(pool.args[1])
    stride = _pair(pool.args[2]) if len(pool.args) > 2 and pool.args[2] else window
    if not any(padding):
        return True
    return image is not None and all(
        2 * own == max((-(-size // step) - 1) * step + taps - size, 0)
        for size, step, taps, own in zip(image.shape[2:], stride, window, padding, strict=True)
    )


def _padding(pool: Node) -> tuple[int, int]:
    return _pair(pool.args[3] if len(pool.args) > 3 else 0)


def _pair(given: object) -> tuple[int, int]:
    rows, columns = given if isinstance(given, list | tuple) and len(given) == 2 else [given, given]
    return int(rows), int(columns)  # type: ignore[arg-type]


class _Least(Interpreter):
    def __init__(self, module: GraphModule, watched: set[Node]):
        super().__init__(module)
        self.least = dict.fromkeys(watched, float("inf"))

    def run_node(self, node: Node) -> object:
        result = super().run_node(node)
        if node in self.least and isinstance(result, Tensor):
            self.least[node] = min(self.least[node], float(result.min()))
        return result


def _least_values(module: GraphModule, watched: set[Node], samples: np.ndarray) -> Mapping[object, float]:
    reader = _Least(module, watched)
    with torch.no_grad():
        for sample in samples:
            reader.run(torch.from_numpy(sample[None]))
    return {node: least for node, least in reader.least.items()}
