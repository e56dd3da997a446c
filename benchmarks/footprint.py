"""Predicted against planned and linked: arena and flash of several networks at several widths.

    python benchmarks/footprint.py [--target cortex-m4] [--json FILE] [net ...]

Prediction: the trace at candidate widths, before any surgery, and one baseline link at full width. Fact: the thinned
network exported to a `.tflite`, read back, planned, compiled and linked. The arena must be the same to the byte, flash
within 1 % or 256 B; exit 1 where it is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
from nets import NETS, make_net

from edgeprune.build.firmware import build_firmware
from edgeprune.build.space import unbounded_space
from edgeprune.codegen.emit import Identity, emit
from edgeprune.cost.flash import EngineBaseline
from edgeprune.cost.footprint import footprint
from edgeprune.cost.madeup import with_made_up_constants
from edgeprune.deploy import compile_graph
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.graph.clean import clean
from edgeprune.ir import Graph
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.model.trace import trace
from edgeprune.plan import MemoryPlan
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.groups import find_groups
from edgeprune.prune.surgery import apply_widths
from edgeprune.prune.widths import predicted_graph
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target
from edgeprune.tflite.read import read_tflite

IDENTITY = Identity("bench", "0" * 16, "footprint", "benchmarks/footprint.py", "0")
WIDTHS = (1.0, 0.75, 0.4)
Planned = tuple[Graph, tuple[KernelCall, ...], MemoryPlan]


def planned(graph: Graph, target: Target, optimize: Optimize) -> Planned:
    found = compile_graph(clean(graph), target, optimize, IDENTITY)
    return found.graph, found.calls, found.plan


def link(model: Planned, target: Target, optimize: Optimize, folder: Path) -> dict[str, int]:
    """Flash by part of the linked image."""
    graph, calls, plan = model
    sources = emit(graph, calls, plan, IDENTITY)
    firmware = build_firmware(
        sources, sorted({source for call in calls for source in call.sources}), target, folder,
        input_bytes=sum(graph.tensors[i].size_bytes for i in graph.inputs), optimize=optimize,
        space=unbounded_space(target),
    )  # fmt: skip
    return dict(firmware.size.flash_parts)


def chosen_widths(groups: ChannelGroups, share: float) -> dict[str, int]:
    return {name: max(1, round(size * share)) for name, size in groups.full_widths.items()}


def measure(name: str, target: Target, optimize: Optimize, exporter: Exporter, folder: Path) -> list[dict[str, object]]:
    module, shape = make_net(name)
    inputs = torch.randn(64, *shape[1:])
    traced = trace(module, shape)
    groups = find_groups(traced)
    full = planned(with_made_up_constants(predicted_graph(traced, groups, {})), target, optimize)
    baseline = EngineBaseline.of(link(full, target, optimize, folder), full[1], 0, 0)
    rows: list[dict[str, object]] = []
    for share in WIDTHS:
        widths = chosen_widths(groups, share)
        guess = planned(predicted_graph(traced, groups, widths), target, optimize)
        predicted = footprint(*guess, baseline)
        exported = export_tflite(apply_widths(module, groups, widths).eval(), inputs, exporter)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", default=list(NETS))
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("--optimize", default="balanced", choices=[str(o) for o in Optimize])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    target = load_target(options.target)
    rows: list[dict[str, object]] = []
    print(f"{'net':<13} {'width':>5} {'arena pred.':>11} {'planned':>8} {'flash pred.':>11} {'linked':>8} {'off':>6}")
    with Exporter() as exporter, tempfile.TemporaryDirectory() as folder:
        for name in options.nets:
            for row in measure(name, target, Optimize(options.optimize), exporter, Path(folder)):
                rows.append(row)
                off = int(row["flash_predicted"]) - int(row["flash_linked"])  # type: ignore[call-overload]
                print(
                    f"{name:<13} {row['share']:>5} {row['arena_predicted']:>11,} {row['arena_planned']:>8,} "
                    f"{row['flash_predicted']:>11,} {row['flash_linked']:>8,} {off:>+6}",
                    "" if is_right(row) else "OFF",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(map(is_right, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
