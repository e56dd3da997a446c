"""CPU seconds to trace networks at 224x224, find their channel groups, halve them and allocate, beside torch-pruning.

    python benchmarks/graph_cost.py > benchmarks/results/graph_cost.txt

One thread, CPU time of the process, the best of three after one warm-up. Memory is how far the resident set rises above
where it stood (the model loaded) while tracing and thinning, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch_pruning as tp
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edgeprune.budget import Budget, Footprint
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.allocate import GroupChoice, allocate
from edgeprune.prune.widths.predicted_graph import predicted_graph
from edgeprune.prune.widths.size_model import SizeModel
from tests import nets

SHAPE = (1, 3, 224, 224)
NETWORKS: Mapping[str, Callable[[], nn.Module]] = {"MobileNetV2": nets.MobileNetV2, "ResNet-50": nets.ResNet50}


def best_s(action: Callable[[], object], runs: int = 3) -> float:
    action()
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        action()
        seconds.append(time.process_time() - started)
    return min(seconds)


def halved(groups: ChannelGroups) -> dict[str, range]:
    return {group.name: range((group.size + 1) // 2) for group in groups.groups}


def allocation_s(groups: ChannelGroups) -> float:
    """Half of the weights and of the peak RAM, with damage curves made up: shares of channels lost, squared."""
    names = [group.name for group in groups.groups]
    model = SizeModel(groups.traced.graph, groups.extents, names)
    numbers = np.random.default_rng(0)
    choices = []
    for group in groups.groups:
        widths = tuple(dict.fromkeys([*range(4, group.size, max(4, group.size // 64)), group.size]))
        worth = numbers.uniform(0.5, 2.0)
        choices.append(GroupChoice(group.name, widths, tuple(worth * (1 - w / group.size) ** 2 for w in widths)))

    def footprint(widths: Mapping[str, int]) -> Footprint:
        predicted_graph(groups.traced, groups, widths)
        sizes = model.sizes(np.array([[widths[name] for name in names]]))
        flash_bytes, arena_bytes = int(sizes.flash_bytes[0]), int(sizes.live_bytes.max())
        return Footprint({"weights": flash_bytes}, {"arena": arena_bytes}, "", 0)

    full = footprint(groups.full_widths)
    started = time.process_time()
    allocate(choices, model, footprint, Budget(full.flash_bytes // 2, full.ram_bytes // 2))
    return time.process_time() - started


def measure(name: str) -> None:
    module = NETWORKS[name]().eval()
    example = torch.randn(SHAPE)
    trace_s = best_s(lambda: find_groups(trace(module, SHAPE)))
    groups = find_groups(trace(module, SHAPE))
    thin_s = best_s(lambda: thin(module, groups, halved(groups)))
    graph_s = best_s(lambda: tp.DependencyGraph().build_dependency(module, example))

    def built() -> tp.pruner.MagnitudePruner:
        copied = NETWORKS[name]().eval()
        last = list(copied.modules())[-1]
        importance = tp.importance.GroupMagnitudeImportance(p=2)
        return tp.pruner.MagnitudePruner(copied, example, importance, pruning_ratio=0.5, ignored_layers=[last])

    steps = []
    for _ in range(3):
        pruner = built()
        started = time.process_time()
        pruner.step()
        steps.append(time.process_time() - started)
    print(f"{name:<12} trace and groups {trace_s:5.2f} s  (torch-pruning {graph_s:5.2f})", end="  ")
    print(f"halve {thin_s:5.2f} s  (torch-pruning {min(steps):5.2f})  allocate {allocation_s(groups):5.2f} s", end="  ")
    grown = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True).stdout
    print(f"memory {grown.strip()}", flush=True)


def memory(name: str) -> None:
    module = NETWORKS[name]().eval()
    small = nets.ResNet8(width=4).eval()
    groups = find_groups(trace(small, (1, 3, 32, 32)))
    thin(small, groups, halved(groups))  # what the libraries load once
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = status_bytes("VmRSS")
    groups = find_groups(trace(module, SHAPE))
    thin(module, groups, halved(groups))
    grown_bytes = status_bytes("VmHWM") - before
    parameter_bytes = sum(4 * parameter.numel() for parameter in module.parameters())
    print(f"{grown_bytes / parameter_bytes:.1f} x the parameters' {parameter_bytes:,} B")


def status_bytes(key: str) -> int:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(key))
    return 1024 * int(line.split()[1])


def main() -> int:
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        memory(sys.argv[1])
        return 0
    print(f"torch {torch.__version__}, torch-pruning {version('torch-pruning')}, one thread of a shared machine")
    for name in NETWORKS:
        measure(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
