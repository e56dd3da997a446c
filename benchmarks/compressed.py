"""Flash and instructions of pruned and clustered networks, weights compressed and as they are, layer by layer.

    python benchmarks/compressed.py > benchmarks/results/compressed.txt

KWS and AD as published, then with the weights of convolutions and dense layers changed here: "pruned" keeps the largest
tenth of each layer, "clustered" moves each layer's weights to the nearest of 16 values (k-means). Neither is trained
again, so accuracy is not the subject. All at `--optimize size`; every output byte is compared with LiteRT's reference.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from models import load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.deploy.replay import byte_rows
from edgeprune.engine import kernels
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs

BOARDS = ("mps2-an385-armv6m", "mps2-an385", "mps2-an386")
_CHANGED = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)
_VALUES = 16


def pruned(weights: np.ndarray) -> np.ndarray:
    """The largest tenth by magnitude, zeros elsewhere."""
    sizes = np.abs(weights.astype(np.int32))
    kept = np.zeros(weights.size, np.bool_)
    kept[np.argsort(-sizes, kind="stable")[: -(-weights.size // 10)]] = True
    return np.where(kept, weights, 0).astype(np.int8)


def clustered(weights: np.ndarray) -> np.ndarray:
    """Each weight moved to the nearest of 16 means (Lloyd's algorithm on the values, from quantiles)."""
    values = weights.astype(np.float64)
    means = np.unique(np.quantile(values, np.linspace(0, 1, _VALUES)))
    for _ in range(30):
        nearest = np.abs(values[:, None] - means[None, :]).argmin(axis=1)
        means = np.array([values[nearest == i].mean() if (nearest == i).any() else m for i, m in enumerate(means)])
    return np.round(means)[np.abs(values[:, None] - means[None, :]).argmin(axis=1)].astype(np.int8)


def changed(model: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The same network with other weights in its convolutions and dense layers."""
    import flatbuffers

    network = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = network.subgraphs[0]
    for op in graph.operators:
        code = network.operatorCodes[op.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) in _CHANGED:
            buffer = network.buffers[graph.tensors[op.inputs[1]].buffer]
            buffer.data = change(np.asarray(buffer.data, np.uint8).view(np.int8)).view(np.uint8)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(network.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def measured(model: bytes, board: str, folder: Path) -> tuple[int, int, list[tuple[str, str, int, int]]]:
    """Flash of the image, instructions of an inference; of each layer kind, function, bytes of arrays, instructions."""
    target = load_target(board)
    compiled = compile_model(model, target, CompileOptions(Optimize.SIZE, "compressed", "compressed.py"))
    images = link_images(compiled, target, folder / "firmware")
    shape = compiled.graph.tensors[compiled.graph.inputs[0]].shape[1:]
    inputs = np.random.default_rng(0).integers(-128, 128, (2, *shape), np.int8)
    expected = int8_outputs(model, inputs, Kernels.REFERENCE)
    with running_board(images, target) as console:
        run = run_samples(console, byte_rows(inputs), byte_rows(expected), lambda: None)
        ticks = console.layers(1).layer_ticks
    layers = []
    for index, instructions in zip(compiled.running, ticks, strict=True):
        call = compiled.calls[index]
        flash = sum(constant.size_bytes for constant in call.constants)
        layers.append((str(compiled.graph.ops[index].kind), call.function, flash, instructions))
    return images.judged.size.flash_bytes, run.timings.total_ticks, layers


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip()}; emulated; --optimize size; flash of the whole image; plain -> compressed")
    cache = Path(__file__).resolve().parents[1] / ".cache" / "models"
    with tempfile.TemporaryDirectory() as name:
        for network in ("kws", "ad"):
            for change in (None, pruned, clustered):
                model = load_model(network, cache)
                model = model if change is None else changed(model, change)
                what = "as published" if change is None else change.__name__
                for board in BOARDS:
                    with mock.patch.object(kernels, "compress", lambda graph, calls, kept, isa: tuple(calls)):
                        plain = measured(model, board, Path(name))
                    ours = measured(model, board, Path(name))
                    print(
                        f"{network} {what}, {board}: flash {plain[0]:,} -> {ours[0]:,} B ({ours[0] / plain[0]:.2f}), "
                        f"instructions {plain[1]:,} -> {ours[1]:,} ({ours[1] / plain[1]:.2f})",
                        flush=True,
                    )
                    for before, after in zip(plain[2], ours[2], strict=True):
                        if before[1] != after[1]:
                            print(
                                f"    {before[0]:16} {before[1]:17} -> {after[1]:21} "
                                f"{before[2]:>7,} -> {after[2]:>7,} B {before[3]:>10,} -> {after[3]:>10,} instructions"
                            )


if __name__ == "__main__":
    main()
