"""The networks of ../shared/networks from their trace to a compiled int8 file, or the words they are refused with.

    python benchmarks/networks.py --write      # keeps the output in benchmarks/results/networks.txt
    python benchmarks/networks.py unet tcn     # some of them

Untrained, batch norms as training leaves them, random normal inputs or tokens. float: largest difference of the float
file from PyTorch, of the largest output; int8: SQNR of the int8 file beside PyTorch; arena: on a Cortex-M4;
predicted: the graph predicted from the trace is the one exported, at full width and thinned to three quarters and to
two fifths; bytes: our engine's C gives LiteRT's on this machine. Exit code 1 where something is traced and then fails.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import commit, parser, publish
from nets import make_shared_net, shared_inputs, shared_nets

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.hardware.registry import load_target
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import apply_widths
from edgeprune.prune.widths.predicted_graph import predicted_graph
from tests.checked_module import assert_same_forms, check_engine, check_float

SHARES = (1.0, 0.75, 0.4)
SAMPLES = 32
TARGET = "cortex-m4"
HEADER = (
    f"{'network':<18} {'float':>6} {'int8':>8} {'file B':>8} {'arena B':>8} {'predicted':>9} {'bytes':>5}  operators"
)


def row(name: str, shape: tuple[int, ...]) -> str:
    """A line of the table. Raises AssertionError or EdgePruneError where something fails behind the trace."""
    module = make_shared_net(name)
    try:
        trace(module, shape)
    except ModelError as refusal:  # UnsupportedOp is one
        return f"{name:<18} refused when traced: {refusal}"
    inputs = shared_inputs(module, shape, SAMPLES)
    error = check_float(module, shape, inputs)
    exported = export_tflite(module, inputs)
    compiled = compile_model(exported.stripped, load_target(TARGET), CompileOptions(Optimize.BALANCED))
    predicted = _holds(lambda: check_widths(module, shape, inputs))
    same_bytes = _holds(lambda: check_engine(exported.stripped, inputs, Isa.DSP))
    kinds = Counter(op.kind for op in compiled.graph.ops)
    return (
        f"{name:<18} {error:>6.0e} {exported.sqnr_db:>5.1f} dB {len(exported.stripped):>8,} "
        f"{compiled.plan.arena_bytes:>8,} {predicted:>9} {same_bytes:>5}  "
        + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    )


def check_widths(module: nn.Module, shape: tuple[int, ...], inputs: Tensor) -> None:
    traced = trace(module, shape)
    groups = find_groups(traced)
    for share in SHARES:
        widths = {name: max(1, round(size * share)) for name, size in groups.full_widths.items()}
        exported = export_tflite(apply_widths(module, groups, widths).eval(), inputs)
        assert_same_forms(clean(read_tflite(exported.stripped)), clean(predicted_graph(traced, groups, widths)))


def _holds(check: Callable[[], None]) -> str:
    try:
        check()
    except AssertionError as difference:
        print(difference, file=sys.stderr)
        return "NO"
    return "yes"


def main() -> int:
    options = parser("The networks of ../shared/networks from their trace to a compiled int8 file.", __file__)
    options.add_argument("names", nargs="*", default=list(shared_nets()), help="networks")
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    shapes, lines, faults = shared_nets(), list[str](), 0
    for name in given.names:
        try:
            lines.append(row(name, shapes[name]))
        except Exception as fault:
            lines.append(f"{name:<18} FAULT: {type(fault).__name__} {str(fault)[:300]}")
        faults += " NO " in lines[-1] or "FAULT" in lines[-1]
        print(lines[-1], file=sys.stderr, flush=True)
    publish([f"commit {commit()}, torch {torch.__version__}, {TARGET}", HEADER, *lines], given.write)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
