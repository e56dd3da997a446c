"""Instructions a MAC of every kind of layer with weights, on each emulated core, beside what the M4 is held to.

    python benchmarks/layer_speed.py            # every core at speed
    python benchmarks/layer_speed.py --write    # and keep the output in benchmarks/results/layer_speed.txt
    python benchmarks/layer_speed.py --only M4

Each kind is one layer of a usual size with random weights; all stand side by side in one image a core. A star marks a
layer on a plain kernel. Outputs are compared with LiteRT's reference interpreter byte by byte.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from kept import commit, parser, publish

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.registry import load_target
from tests.firmware.host_engine import random_samples, run_litert
from tests.firmware.one_op import ModelBuilder

BOARDS = {
    "M0": "mps2-an385-armv6m", "M3": "mps2-an385", "M4": "mps2-an386", "M7": "mps2-an500", "M33": "mps2-an505",
    "M55": "mps3-an547",
}  # fmt: skip

Add = Callable[[ModelBuilder, np.random.Generator], None]


@dataclass(frozen=True)
class Kind:
    """One layer; `most`: instructions a MAC the M4 is held to, where something is promised."""

    name: str
    add: Add
    most: float | None = None


@dataclass(frozen=True)
class Window:
    """A window's settings."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    same: bool = True
    relu: bool = True

    def out(self, size: tuple[int, int]) -> list[int]:
        settings = zip(size, self.kernel, self.stride, self.dilation, strict=True)
        return [-(-n // s) if self.same else (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in settings]

    def set(self, options: schema.Conv2DOptionsT) -> schema.Conv2DOptionsT:
        options.padding = schema.Padding.SAME if self.same else schema.Padding.VALID
        options.strideH, options.strideW = self.stride
        options.dilationHFactor, options.dilationWFactor = self.dilation
        activations = schema.ActivationFunctionType
        options.fusedActivationFunction = activations.RELU if self.relu else activations.NONE
        return options


def _layer(model: ModelBuilder, rng: np.random.Generator, image: int, shape: tuple[int, ...], axis: int) -> list[int]:
    """[image, weights, bias] of a layer whose weights have this shape."""
    scales = rng.uniform(0.003, 0.01, shape[axis]).tolist()
    weights = np.clip(np.round(rng.normal(0, 40, shape)), -127, 127)
    w = model.tensor(shape, scale=scales, axis=axis, data=weights)
    b = model.tensor(
        (shape[axis],), "int32", scale=[0.05 * s for s in scales], data=rng.integers(-3000, 3000, shape[axis])
    )
    return [image, w, b]


def _output(model: ModelBuilder, shape: tuple[int, ...], taps: int, relu: bool) -> int:
    y = model.tensor(shape, scale=float(0.05 * 0.007 * 60 * 40 * np.sqrt(taps) / 60), zero=-128 if relu else 3)
    model.output(y)
    return y


def depthwise(size: tuple[int, int], channels: int, window: Window, multiplier: int = 1) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        x = model.input((1, *size, channels), scale=0.05, zero=-3)
        inputs = _layer(model, rng, x, (1, *window.kernel, channels * multiplier), 3)
        taps = window.kernel[0] * window.kernel[1]
        y = _output(model, (1, *window.out(size), channels * multiplier), taps, window.relu)
        options = window.set(schema.DepthwiseConv2DOptionsT())
        options.depthMultiplier = multiplier
        model.op("DEPTHWISE_CONV_2D", inputs, [y], options)

    return add


def conv(size: tuple[int, int], in_c: int, out_c: int, window: Window, groups: int = 1) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        x = model.input((1, *size, in_c), scale=0.05, zero=-3)
        inputs = _layer(model, rng, x, (out_c, *window.kernel, in_c // groups), 0)
        taps = window.kernel[0] * window.kernel[1] * in_c // groups
        y = _output(model, (1, *window.out(size), out_c), taps, window.relu)
        model.op("CONV_2D", inputs, [y], window.set(schema.Conv2DOptionsT()))

    return add


def transposed(size: tuple[int, int], in_c: int, out_c: int, kernel: int, stride: int) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        x = model.input((1, *size, in_c), scale=0.05, zero=-3)
        image, weights, bias = _layer(model, rng, x, (out_c, kernel, kernel, in_c), 0)
        shape = (1, size[0] * stride, size[1] * stride, out_c)
        y = _output(model, shape, in_c * kernel * kernel // stride**2, relu=False)
        options = schema.TransposeConvOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = stride
        model.op("TRANSPOSE_CONV", [model.ints(shape), weights, image, bias], [y], options)

    return add


def dense(in_len: int, out_len: int) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        x = model.input((1, in_len), scale=0.05, zero=-3)
        inputs = _layer(model, rng, x, (out_len, in_len), 0)
        y = _output(model, (1, out_len), in_len, relu=True)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        model.op("FULLY_CONNECTED", inputs, [y], options)

    return add


def lstm(steps: int, in_len: int, cells: int) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        def matrices(length: int) -> list[int]:
            return [
                model.tensor((cells, length), scale=0.01, data=rng.integers(-127, 128, (cells, length))) for _ in "ifco"
            ]

        x = model.input((1, steps, in_len), scale=0.05, zero=-3)
        biases = [model.tensor((cells,), "int32", 1e-4, data=rng.integers(-5000, 5000, cells)) for _ in "ifco"]
        state = model.tensor((1, cells), scale=0.01, zero=2, is_variable=True)
        cell = model.tensor((1, cells), "int16", 2.0**-11, is_variable=True)
        y = model.tensor((1, steps, cells), scale=0.01, zero=2)
        options = schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.TANH
        none = [-1]
        inputs = [x, *matrices(in_len), *matrices(cells), *none * 3, *biases, *none * 2, state, cell, *none * 4]
        model.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options)
        carried = [model.tensor((0,), "int16", 1.0) for _ in range(4)]
        model.graph.operators[-1].intermediates = [*carried, model.tensor((0,), "int8", 0.01, 2)]
        model.output(y)

    return add


def svdf(in_len: int, units: int, rank: int, memory_len: int) -> Add:
    def add(model: ModelBuilder, rng: np.random.Generator) -> None:
        filters = units * rank
        x = model.input((1, in_len), scale=0.05, zero=-3)
        features = model.tensor((filters, in_len), scale=0.01, data=rng.integers(-127, 128, (filters, in_len)))
        times = model.tensor(
            (filters, memory_len), "int16", 2.0**-15, data=rng.integers(-4000, 4000, (filters, memory_len))
        )
        bias = model.tensor((units,), "int32", 1e-3 * 2.0**-15, data=rng.integers(-(2**20), 2**20, units))
        memory = model.tensor((1, filters * memory_len), "int16", 1e-3, is_variable=True)
        y = model.tensor((1, units), scale=0.05, zero=2)
        options = schema.SVDFOptionsT()
        options.rank, options.fusedActivationFunction = rank, schema.ActivationFunctionType.RELU
        model.op("SVDF", [x, features, times, bias, memory], [y], options)
        model.output(y)

    return add


KINDS = (
    Kind("depthwise 3x3, 32 ch, 16x16", depthwise((16, 16), 32, Window((3, 3))), 2.2),
    Kind("depthwise 5x5, 32 ch, 16x16", depthwise((16, 16), 32, Window((5, 5))), 2.2),
    Kind("depthwise 5x5, stride 2", depthwise((24, 24), 32, Window((5, 5), (2, 2))), 2.2),
    Kind("depthwise 7x7, 48 ch, 12x12", depthwise((12, 12), 48, Window((7, 7))), 2.2),
    Kind("depthwise 7x7, stride 2", depthwise((24, 24), 32, Window((7, 7), (2, 2))), 2.2),
    Kind("depthwise 7x7, no ReLU", depthwise((12, 12), 48, Window((7, 7), relu=False)), 2.2),
    Kind("depthwise 10x1, 32 ch, 16x16", depthwise((16, 16), 32, Window((10, 1))), 3.0),
    Kind("depthwise 1x10, 32 ch, 16x16", depthwise((16, 16), 32, Window((1, 10))), 3.0),
    Kind("depthwise 10x1, audio, 24x1", depthwise((24, 1), 128, Window((10, 1), same=False)), 3.0),
    Kind("depthwise 9x1, dilated 4, 64x1", depthwise((64, 1), 32, Window((9, 1), dilation=(4, 1))), 3.0),
    Kind("depthwise 15x1, one row a step", depthwise((15, 1), 128, Window((15, 1), same=False))),
    Kind("depthwise 3x3, dilated 2", depthwise((16, 16), 32, Window((3, 3), dilation=(2, 2)))),
    Kind("depthwise 3x3, multiplier 4", depthwise((16, 16), 8, Window((3, 3)), 4)),
    Kind("conv 3x3, 16 to 16", conv((16, 16), 16, 16, Window((3, 3), (2, 2))), 1.2),
    Kind("conv 3x3, 3 to 16, stride 2", conv((48, 48), 3, 16, Window((3, 3), (2, 2)))),
    Kind("conv 3x3, 3 to 8, no ReLU", conv((32, 32), 3, 8, Window((3, 3), relu=False))),
    Kind("conv 3x3, 16 to 2", conv((16, 16), 16, 2, Window((3, 3)))),
    Kind("conv 3x3, 16 to 1", conv((16, 16), 16, 1, Window((3, 3)))),
    Kind("conv 1x1, 64 to 1", conv((16, 16), 64, 1, Window((1, 1)))),
    Kind("conv 3x3, dilated 2, 16 to 16", conv((16, 16), 16, 16, Window((3, 3), dilation=(2, 2))), 1.5),
    Kind("conv 3x3, 4 groups, 32 to 32", conv((12, 12), 32, 32, Window((3, 3)), 4), 1.5),
    Kind("conv 1x1, 4 groups, 64 to 64", conv((12, 12), 64, 64, Window((1, 1)), 4), 1.5),
    Kind("conv 1x1, 128 to 32, one pixel", conv((1, 1), 128, 32, Window((1, 1)))),
    Kind("conv 3x3, 32 to 32, one row", conv((3, 20), 32, 32, Window((3, 3), same=False)), 1.2),
    Kind("transposed 3x3, stride 2", transposed((8, 8), 16, 16, 3, 2), 1.5),
    Kind("transposed 2x2, stride 2", transposed((8, 8), 32, 16, 2, 2), 1.5),
    Kind("dense, 128 to 64", dense(128, 64), 1.2),
    Kind("dense, 128 to 1", dense(128, 1)),
    Kind("LSTM, 40 to 64, 10 steps", lstm(10, 40, 64), 1.5),
    Kind("LSTM, 64 to 128, 10 steps", lstm(10, 64, 128), 1.5),
    Kind("SVDF, 40 to 128, 8 steps kept", svdf(40, 128, 1, 8), 1.5),
    Kind("SVDF, 128 to 64, rank 2, 16 kept", svdf(128, 64, 2, 16), 1.5),
)


def model() -> bytes:
    """One layer of each kind, side by side."""
    builder, rng = ModelBuilder(), np.random.default_rng(1)
    for kind in KINDS:
        kind.add(builder, rng)
    return builder.build()


def measure(core: str) -> list[str]:
    """Instructions a MAC of each kind, a star behind those on a plain kernel.

    Raises:
        RuntimeError: other bytes than LiteRT's.
    """
    layers, target = model(), load_target(BOARDS[core])
    compiled = compile_model(layers, target, CompileOptions(Optimize.SPEED, "benchmark", "benchmarks/layer_speed.py"))
    (sample,) = random_samples(layers, 1, seed=1)
    order = {tensor.name: at for at, tensor in enumerate(_inputs(layers))}
    given = b"".join(sample[order[compiled.graph.tensors[at].name]].tobytes() for at in compiled.graph.inputs)
    with tempfile.TemporaryDirectory() as folder:
        images = link_images(compiled, target, Path(folder))
        with running_board(images, target) as console:
            outputs, ticks = console.infer(given), console.layers(1).layer_ticks
    if outputs != b"".join(output.tobytes() for output in run_litert(layers, [sample])[0]):
        raise RuntimeError(f"{target.name} computes other bytes than LiteRT")
    cells = {}
    for index, instructions in zip(compiled.running, ticks, strict=True):
        call, output = compiled.calls[index], compiled.graph.ops[index].outputs[-1]
        if call.work.macs:
            star = "*" if call.function.endswith("_ref") else " "
            cells[compiled.graph.tensors[output].name] = f"{instructions / call.work.macs:.2f}{star}"
    names = [tensor.name for tensor in _outputs(layers)]
    return [cells[name] for name in names]


def _inputs(model: bytes) -> list[object]:
    graph = read_tflite(model)
    return [graph.tensors[at] for at in graph.inputs]


def _outputs(model: bytes) -> list[object]:
    graph = read_tflite(model)
    return [graph.tensors[at] for at in graph.outputs]


def main() -> None:
    options = parser("Instructions a MAC by kind of layer.", __file__)
    options.add_argument("--only", choices=tuple(BOARDS), help="one core")
    given = options.parse_args()
    cores = (given.only,) if given.only else tuple(BOARDS)
    measured = {core: measure(core) for core in cores}
    lines = [
        f"commit {commit()}; instructions a MAC (emulated), `speed`; * on a plain kernel",
        "the same output bytes as LiteRT BUILTIN_REF",
        "",
        f"{'':33}" + "".join(f"{core:>9}" for core in cores) + f"{'M4 at most':>12}",
    ]
    for row, kind in enumerate(KINDS):
        held = "" if kind.most is None else f"{kind.most:.1f}"
        if kind.most is not None and "M4" in measured:
            held += "  holds" if float(measured["M4"][row].rstrip("* ")) <= kind.most else "  MISSES"
        lines.append(
            (f"{kind.name:33}" + "".join(f"{measured[core][row]:>9}" for core in cores) + f"  {held:>10}").rstrip()
        )
    publish(lines, given.write)


if __name__ == "__main__":
    main()
