"""`fit --latency`: what the fast form planned with beside what the slow form says of the image that came out.

    python benchmarks/latency_limits.py --work FOLDER --write       # five networks, four boards
    python benchmarks/latency_limits.py --work FOLDER --net separable --board nucleo-l4r5zi

Small networks, untrained, fitted with `epochs=0` to SHARE of the time that they are predicted to take as they are.
planned: the fast form of the widths that were chosen; image: the slow form of the
linked image, and the most that it may be, which is judged; off: image against planned. RAM: constants that were copied
to what was left over of it. Nobody measured any of it: docs/time.md. Exit code 1 where an image is over its limit, or
more than a tenth off.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from kept import commit, parser, publish
from torch import Tensor, nn

import edgeprune
from edgeprune.budget import SPARE_RAM, Budget, Optimize
from edgeprune.engine.compile import CompileOptions
from edgeprune.fitting.record import RunRecord
from edgeprune.hardware.registry import load_target
from edgeprune.prune.network import Network
from edgeprune.tasks.deployment import width_cost

SHARE, MOST_OFF = 0.6, 0.10
BOARDS = ("nucleo-l4r5zi", "nucleo-f446re", "nucleo-u575zi-q", "raspberry-pi-pico")
SAMPLES = 64


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Module:
    made = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(outputs), nn.ReLU())


def _head(channels: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels), _conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class _Branches(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.one, self.three = _conv(inputs, outputs // 2, 1), _conv(inputs, outputs // 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x)], dim=1)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (
        lambda: nn.Sequential(_conv(3, 16), nn.MaxPool2d(2), _conv(16, 32), nn.MaxPool2d(2), _conv(32, 48), _head(48)),
        (3, 24, 24),
    ),
    "separable": (
        lambda: nn.Sequential(
            _conv(1, 32, 3, 2), _conv(32, 32, 3, 1, 32), _conv(32, 48, 1), _conv(48, 48, 3, 1, 48), _conv(48, 64, 1),
            _head(64),
        ),
        (1, 32, 20),
    ),
    "residual": (lambda: nn.Sequential(_conv(3, 16), _Residual(16), _conv(16, 32, 3, 2), _Residual(32), _head(32)),
                 (3, 16, 16)),
    "branches": (lambda: nn.Sequential(_conv(3, 16, 3, 2), _Branches(16, 32), _Branches(32, 48), _head(48)),
                 (3, 24, 24)),
    "dense": (lambda: nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU(), nn.Linear(96, 10)),
              (256,)),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    text: str
    passed: bool


def fitted(name: str, board: str, work: Path) -> Row:
    """One fit; its record is kept in `work`, and read from there the next time."""
    kept = work / f"{name}-{board}.json"
    if not kept.is_file():
        kept.write_text(_fit(name, board).model_dump_json())
    record = RunRecord.model_validate(json.loads(kept.read_text()))
    limit_us, planned, image = record.latency_limit_us, record.predicted, record.after
    assert limit_us is not None and planned.latency_us is not None
    assert image.latency_us is not None and image.judged_us is not None
    off = image.latency_us / planned.latency_us - 1
    bases = f"{planned.latency_basis}, {image.latency_basis}"
    passed = image.judged_us <= limit_us and not record.unjudged and abs(off) <= MOST_OFF and bases == "kernels, blocks"
    before_us = record.before.latency_us or 0.0
    return Row(
        f"{name:12} {board:18} {before_us / 1e3:10.2f} {limit_us / 1e3:10.2f} {planned.latency_us / 1e3:10.2f} "
        f"{image.latency_us / 1e3:10.2f} {image.judged_us / 1e3:10.2f} {100 * off:7.1f} % "
        f"{record.after.ram_parts.get(SPARE_RAM, 0):9,} {len(record.faster):7} {bases:16} {'yes' if passed else 'no'}",
        passed,
    )


def _fit(name: str, board: str) -> RunRecord:
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    module, target = build().eval(), load_target(board)
    network = Network.of(module, shape)
    largest = Budget(target.region("flash").size_bytes, target.region("ram").size_bytes, latency_us=1.0)
    before = width_cost(network, target, CompileOptions(Optimize.BALANCED), largest).footprint(network.widths)
    assert before.latency_us is not None
    random = np.random.default_rng(0)
    data = (random.standard_normal((SAMPLES, *shape)).astype(np.float32), random.integers(0, 10, SAMPLES))
    with tempfile.TemporaryDirectory() as runs:
        limit_us = SHARE * before.latency_us
        return edgeprune.fit(module, data, target=board, latency=limit_us, epochs=0, runs=runs, device="cpu").record


def main() -> int:
    arguments = parser("Limits of time, planned and judged.", __file__)
    arguments.add_argument("--work", type=Path, required=True, help="folder that keeps what was fitted")
    arguments.add_argument("--net", choices=NETWORKS, action="append")
    arguments.add_argument("--board", choices=BOARDS, action="append")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in given.net or NETWORKS:
        for board in given.board or BOARDS:
            rows.append(fitted(name, board, given.work))
            print(rows[-1].text, file=sys.stderr, flush=True)
    lines = [
        f"commit {commit()}, limits of {SHARE:g} of the network as it is; predicted, nothing ran on hardware",
        f"{'network':12} {'board':18} {'before ms':>10} {'limit ms':>10} {'planned':>10} {'image ms':>10} "
        f"{'at most':>10} {'off':>9} {'RAM B':>9} {'faster':>7} {'forms':16} held",
        *(row.text for row in rows),
        f"{sum(row.passed for row in rows)} of {len(rows)} images are within their limit and a tenth of the plan",
    ]
    publish(lines, given.write)
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
