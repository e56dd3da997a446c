"""The generated functions' predicted bytes are the compiler's, over random layers lowered for the DSP cores.

Those in assembler to the byte; those the compiler writes itself about.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.code_cache import within_code_cache
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
POSITIVE, SIGNED = QParams((1.0,), (-128,)), QParams((1.0,), (3,))


def layer(kind: OpKind, rng: random.Random) -> Graph:
    """One convolution over an image of random size, without values."""
    size, stride = rng.choice([3, 8, 25, 48, 70, 100]), rng.choice([1, 2])
    in_c = rng.choice([4, 8, 33, 64, 300])
    out_c = in_c if kind is OpKind.DEPTHWISE_CONV_2D else rng.choice([8, 31, 64])
    taps = 3 if kind is OpKind.DEPTHWISE_CONV_2D else rng.choice([1, 3, 5])
    pad = taps // 2
    out = (size + 2 * pad - taps) // stride + 1
    weights = (1, 3, 3, out_c) if kind is OpKind.DEPTHWISE_CONV_2D else (out_c, taps, taps, in_c)
    axis = 3 if kind is OpKind.DEPTHWISE_CONV_2D else 0
    activation = rng.choice([Activation.RELU, Activation.NONE, Activation.RELU6])
    tensors = (
        Tensor("x", (1, size, size, in_c), DType.INT8, SIGNED),
        Tensor("w", weights, DType.INT8, QParams((1.0,) * out_c, (0,) * out_c, axis), is_constant=True),
        Tensor("b", (out_c,), DType.INT32, is_constant=True),
        Tensor("y", (1, out, out, out_c), DType.INT8, POSITIVE if activation is Activation.RELU else SIGNED),
    )
    attrs = Conv2dAttrs(stride=(stride, stride), pad=(pad, pad, pad, pad), activation=activation)
    return Graph(tensors, (Op(kind, "layer", (0, 1, 2), (3,), attrs),), (0,), (3,))


def generated(kind: OpKind, optimize: Optimize, seed: int) -> list[KernelCall]:
    rng = random.Random(seed)
    calls = [lower(layer(kind, rng), Isa.DSP, optimize)[0] for _ in range(40)]
    return [call for call in calls if call.shared]


@pytest.mark.parametrize("kind", [OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D])
@pytest.mark.parametrize(
    ("optimize", "cache_bytes"), [*((optimize, 0) for optimize in Optimize), (Optimize.SPEED, 1024)]
)
def test_bytes_are_the_compilers(kind: OpKind, optimize: Optimize, cache_bytes: int, tmp_path: Path) -> None:
    calls = within_code_cache(generated(kind, optimize, seed=7), cache_bytes)
    assert len(calls) > 10
    expected: dict[str, int] = {}
    text = "".join(f'#include "{header}"\n' for header in sorted({h for call in calls for h in call.headers}))
    for shared in dict.fromkeys(shared for call in calls for shared in call.shared):
        name = re.search(r"\((\w+),", shared.text)
        assert name is not None
        expected[name[1]] = shared.code_bytes
        text += f"{shared.text}void *use_{name[1]}(void); void *use_{name[1]}(void) {{ return {name[1]}; }}\n"
    (tmp_path / "a.c").write_text(text)
    compiler = [
        "arm-none-eabi-gcc",
        "-w",
        "-Os" if optimize is Optimize.SIZE else "-O2",
        "-mcpu=cortex-m4",
        "-mthumb",
        "-std=c11",
    ]
    subprocess.run([*compiler, f"-I{shipped('firmware') / 'include'}", "-c", "a.c"], cwd=tmp_path, check=True)
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "-S", "a.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    found = {parts[3]: int(parts[1], 16) for line in symbols.stdout.splitlines() if len(parts := line.split()) == 4}
    written = {name for name in expected if name.startswith("ep_plane")}
    assert {name: found[name] for name in expected if name not in written} == {
        name: size for name, size in expected.items() if name not in written
    }
    for name in written:
        assert found[name] == pytest.approx(expected[name], rel=0.3), name
