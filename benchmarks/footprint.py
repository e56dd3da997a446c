"""Predicted against planned and linked: arena and flash of several networks at several widths.

    python benchmarks/footprint.py [--target cortex-m4] [--json FILE] [--pieces FILE] [--write] [net ...]

Prediction: the trace at candidate widths, before any surgery, one baseline link at full width, and compiled objects
where other calls are met. Fact: the thinned network exported to a `.tflite`, read back, planned, compiled and linked.
The arena must be the same to the byte, flash within 1 % or 256 B; exit 1 where it is not. silent: channels that are
constant for every input, which compilation drops: networks that were never trained have some, and nothing is known of
them before their weights are quantized.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import torch
from kept import Pieces, commit, parser, publish
from nets import NETS, make_net, make_shared_net, shared_nets

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.cost import WidthCost
from edgeprune.deploy.firmware.images import linked_size, measured_sizes
from edgeprune.deploy.predicted import compile_synthetic
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.ir import Graph
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.network import Network
from edgeprune.prune.surgery.thin import apply_widths

WIDTHS = (1.0, 0.75, 0.4)


def chosen_widths(groups: ChannelGroups, share: float) -> dict[str, int]:
    return {name: max(1, round(size * share)) for name, size in groups.full_widths.items()}


def measure(name: str, target: Target, optimize: Optimize) -> list[dict[str, object]]:
    module, shape = make_net(name) if name in NETS else (make_shared_net(name), shared_nets()[name])
    inputs, options = torch.randn(64, *shape[1:]), CompileOptions(optimize)
    traced = trace(module, shape)
    groups = find_groups(traced)
    network = Network(module, traced, groups)
    full = compile_synthetic(network, target, options, {})
    sizes = measured_sizes(full, target)
    cost = WidthCost(
        network, target, options, EngineBaseline.of(linked_size(full, target).flash_parts, full.calls, 0, 0, sizes)
    )
    rows: list[dict[str, object]] = []
    for share in WIDTHS:
        widths = chosen_widths(groups, share)
        predicted = cost.footprint(widths)
        exported = export_tflite(apply_widths(module, groups, widths).eval(), inputs)
        fact = compile_model(exported.stripped, target, options)
        linked = dict(linked_size(fact, target).flash_parts)
        rows.append({
            "net": name, "share": share, "tflite_bytes": len(exported.stripped),
            "arena_predicted": predicted.ram_parts["arena"], "arena_planned": fact.plan.arena_bytes,
            "flash_predicted": predicted.flash_bytes, "flash_linked": sum(linked.values()),
            "parts_predicted": dict(predicted.flash_parts), "parts_linked": linked,
            "silent": _channels(read_tflite(exported.stripped)) - _channels(fact.graph),
        })  # fmt: skip
    return rows


def _channels(graph: Graph) -> int:
    return sum(graph.output_of(op).shape[-1] for op in graph.ops if op.traits.has_weights)


def is_right(row: dict[str, object]) -> bool:
    linked, off = int(row["flash_linked"]), abs(int(row["flash_predicted"]) - int(row["flash_linked"]))  # type: ignore[call-overload]
    return row["arena_predicted"] == row["arena_planned"] and off <= max(256, linked // 100)


HEADER = (
    f"{'net':<18} {'width':>5} {'arena pred.':>11} {'planned':>8} {'flash pred.':>11} {'linked':>8} {'off':>6} "
    f"{'silent':>6}"
)


def line_of(row: dict[str, object]) -> str:
    off = int(row["flash_predicted"]) - int(row["flash_linked"])  # type: ignore[call-overload]
    return (
        f"{row['net']:<18} {row['share']:>5} {row['arena_predicted']:>11,} {row['arena_planned']:>8,} "
        f"{row['flash_predicted']:>11,} {row['flash_linked']:>8,} {off:>+6} {row['silent']:>6}"
        + ("" if is_right(row) else " OFF")
    )


def main() -> int:
    options = parser("Predicted against planned and linked.", __file__)
    options.add_argument("nets", nargs="*", default=[*dict.fromkeys([*NETS, *shared_nets()])])
    options.add_argument("--target", default="cortex-m4")
    options.add_argument("--optimize", default="balanced", choices=[str(o) for o in Optimize])
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    target, optimize = load_target(given.target), Optimize(given.optimize)
    rows, refused, pieces = list[dict[str, object]](), list[str](), Pieces(given.pieces)
    for name in given.nets:
        try:
            measured = pieces.measured(f"{name} {target.name} {optimize}", partial(measure, name, target, optimize))
        except ModelError as refusal:
            refused.append(f"{name:<18} refused: {refusal.message[:100]}")
            continue
        rows += measured
        print("\n".join(map(line_of, measured)), file=sys.stderr, flush=True)
    wrong = [row for row in rows if not is_right(row)]
    head = f"commit {commit()}, {target.name}, kernels {optimize}: {len({row['net'] for row in rows})} networks"
    publish([f"{head}, {len(rows)} rows, {len(wrong)} of them off", HEADER, *map(line_of, rows), *refused], given.write)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
