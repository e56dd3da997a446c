"""Predicted against planned and linked: arena and flash of several networks at several widths.

    python benchmarks/footprint.py [--target cortex-m4] [--json FILE] [--write] [net ...]

Prediction: the trace at candidate widths, before any surgery, and one baseline link at full width. Fact: the thinned
network exported to a `.tflite`, read back, planned, compiled and linked. The arena must be the same to the byte, flash
within 1 % or 256 B; exit 1 where it is not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch
from kept import commit, parser, publish
from nets import NETS, make_net, make_shared_net, shared_nets

from edgeprune.budget import Optimize
from edgeprune.deploy.predicted import synthetic_graph
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.compile import CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.footprint import footprint
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.plan import MemoryPlan
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
from edgeprune.prune.widths.predicted_graph import predicted_graph
from edgeprune.toolchain.firmware import FirmwareSources, build_firmware
from edgeprune.toolchain.space import unbounded_space

IDENTITY = Identity("bench", "0" * 16, "footprint", "benchmarks/footprint.py", "0")
WIDTHS = (1.0, 0.75, 0.4)
Planned = tuple[Graph, tuple[KernelCall, ...], MemoryPlan]


def planned(graph: Graph, target: Target, optimize: Optimize) -> Planned:
    compiled = compile_graph(clean(graph), target, CompileOptions(optimize), IDENTITY)
    return compiled.graph, compiled.calls, compiled.plan


def link(model: Planned, target: Target, optimize: Optimize, folder: Path) -> dict[str, int]:
    """Flash by part of the linked image."""
    graph, calls, plan = model
    kernels = tuple(source for call in calls for source in call.sources)
    input_bytes = sum(graph.tensors[i].size_bytes for i in graph.inputs)
    sources = FirmwareSources(emit(graph, calls, plan, IDENTITY), kernels, input_bytes, optimize)
    firmware = build_firmware(sources, target, folder, unbounded_space(target))
    return dict(firmware.size.flash_parts)


def chosen_widths(groups: ChannelGroups, share: float) -> dict[str, int]:
    return {name: max(1, round(size * share)) for name, size in groups.full_widths.items()}


def measure(name: str, target: Target, optimize: Optimize, folder: Path) -> list[dict[str, object]]:
    module, shape = make_net(name) if name in NETS else (make_shared_net(name), shared_nets()[name])
    inputs = torch.randn(64, *shape[1:])
    traced = trace(module, shape)
    groups = find_groups(traced)
    full = planned(synthetic_graph(Network(module, traced, groups), {}), target, optimize)
    baseline = EngineBaseline.of(link(full, target, optimize, folder), full[1], 0, 0)
    rows: list[dict[str, object]] = []
    for share in WIDTHS:
        widths = chosen_widths(groups, share)
        guess = planned(predicted_graph(traced, groups, widths), target, optimize)
        predicted = footprint(*guess, baseline)
        exported = export_tflite(apply_widths(module, groups, widths).eval(), inputs)
        fact = planned(read_tflite(exported.stripped), target, optimize)
        linked = link(fact, target, optimize, folder)
        rows.append({
            "net": name, "share": share, "tflite_bytes": len(exported.stripped),
            "arena_predicted": predicted.ram_parts["arena"], "arena_planned": fact[2].arena_bytes,
            "flash_predicted": predicted.flash_bytes, "flash_linked": sum(linked.values()),
            "parts_predicted": dict(predicted.flash_parts), "parts_linked": linked,
        })  # fmt: skip
    return rows


def is_right(row: dict[str, object]) -> bool:
    linked, off = int(row["flash_linked"]), abs(int(row["flash_predicted"]) - int(row["flash_linked"]))  # type: ignore[call-overload]
    return row["arena_predicted"] == row["arena_planned"] and off <= max(256, linked // 100)


HEADER = f"{'net':<18} {'width':>5} {'arena pred.':>11} {'planned':>8} {'flash pred.':>11} {'linked':>8} {'off':>6}"


def line_of(row: dict[str, object]) -> str:
    off = int(row["flash_predicted"]) - int(row["flash_linked"])  # type: ignore[call-overload]
    return (
        f"{row['net']:<18} {row['share']:>5} {row['arena_predicted']:>11,} {row['arena_planned']:>8,} "
        f"{row['flash_predicted']:>11,} {row['flash_linked']:>8,} {off:>+6}" + ("" if is_right(row) else " OFF")
    )


def main() -> int:
    options = parser("Predicted against planned and linked.", __file__)
    options.add_argument("nets", nargs="*", default=[*NETS, *shared_nets()])
    options.add_argument("--target", default="cortex-m4")
    options.add_argument("--optimize", default="balanced", choices=[str(o) for o in Optimize])
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    target, optimize = load_target(given.target), Optimize(given.optimize)
    rows, refused = list[dict[str, object]](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.nets:
            try:
                measured = measure(name, target, optimize, Path(folder))
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
