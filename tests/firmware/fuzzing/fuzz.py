"""Damaged `.tflite` files by the thousand: a clear error or a correct engine, never a crash, a hang or a stray access.

    python -m tests.firmware.fuzzing.fuzz mutations --count 100000 --runs 400
    python -m tests.firmware.fuzzing.fuzz guided --seconds 300   # coverage-guided; needs `pip install atheris` (Linux)

Every file goes through reader, clean-up, kernels, planner and generator, for any instruction set and trade, row by row
too. Some of those the engine takes are run: the C under AddressSanitizer and UBSan with poisoned bytes around every
tensor, or (`--board-runs`) the instructions on an emulated board with guard words around every tensor; and beside it
LiteRT's reference interpreter, in a process of its own because damaged files crash it. `--append` keeps the output in
tests/firmware/fuzzing/fuzz.txt.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.concatenation import place_channels
from edgeprune.engine.plan import MemoryPlan, make_plan
from edgeprune.engine.plan.stage import plan_ram_first
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, OpKind
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c, run_litert
from tests.firmware.one_op import ModelBuilder
from tests.firmware.watched import watched

EXAMPLES = 60
HANG_S = 20
MEMORY_BYTES = 6 << 30
RUN_BYTES_MAX = 1 << 16
WORDS = (0, 1, -1, 2**31 - 1, -(2**31), 4, 128, 65536)
BOARDS = {Isa.SCALAR: "mps2-an385", Isa.DSP: "mps2-an386", Isa.MVE: "mps3-an547"}
LOG = Path(__file__).with_name("fuzz.txt")


@dataclass(frozen=True)
class Way:
    """How a file is compiled."""

    isa: Isa
    optimize: Optimize
    ram_first: bool

    @property
    def runs_on_host(self) -> bool:
        """Plain C stands for the instructions; the vector kernels have none."""
        return self.isa is not Isa.MVE

    @property
    def runs_on_board(self) -> bool:
        return self.isa in BOARDS


WAYS = tuple(Way(isa, optimize, ram_first) for ram_first in (False, True) for isa in Isa for optimize in Optimize)


def whole_models(examples: int) -> list[bytes]:
    """Files of all kinds of operators: `examples` times about thirty, five a file; as many networks of two kinds."""
    from hypothesis import given, settings

    from tests.firmware.cases import FEW, Case, many
    from tests.firmware.random_nets import random_net
    from tests.firmware.test_planned import ALL
    from tests.firmware.test_stage import rows_net

    models = [net(seed) for seed in range(examples) for net in (random_net, rows_net)]

    @settings(parent=FEW, max_examples=examples, derandomize=True, database=None)
    @given(many(ALL))
    def collect(cases: list[Case]) -> None:
        for start in range(0, len(cases), 5):
            builder = ModelBuilder()
            for case in cases[start : start + 5]:
                case.add(builder)
            models.append(builder.build())

    collect()
    return models


def damaged(model: bytes, rng: random.Random) -> bytes:
    """Bytes, bits and words overwritten, copied or cut out in one to eight places."""
    data = bytearray(model)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        place, kind = rng.randrange(len(data)), rng.randrange(5)
        word = place & ~3
        if kind == 0:
            data[place] = rng.randrange(256)
        elif kind == 1:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            value = rng.choice([*WORDS, rng.randrange(-2000, 2000)])
            data[word : word + 4] = value.to_bytes(4, "little", signed=True)
        elif kind == 3:
            other = rng.randrange(len(data)) & ~3
            data[word : word + 8] = data[other : other + 8]
        else:
            del data[place : place + rng.choice([1, 4, 100])]
        if len(data) < 32:
            return bytes(data)
    return bytes(data)


def compiled(data: bytes, way: Way) -> tuple[Graph, tuple[KernelCall, ...], MemoryPlan]:
    graph = without_constant_channels(clean(read_tflite(data)))
    if way.ram_first:
        staged = plan_ram_first(graph, way.isa, way.optimize)
        return staged.graph, staged.calls, staged.plan
    calls = place_channels(graph, lower(graph, way.isa, way.optimize))
    return graph, calls, make_plan(graph, calls)


def compiled_arena_bytes(data: bytes, way: Way) -> int:
    """The whole road from file to C. Raises EdgePruneError for a file that cannot be used, and nothing else."""
    signal.setitimer(signal.ITIMER_PROF, HANG_S)  # of processor time, so that a busy machine is no hang
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    try:
        graph, calls, plan = compiled(data, way)
        emit(graph, calls, plan, IDENTITY)
        return plan.arena_bytes
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def run_beside_litert(data: bytes, way: Way, seed: int, board: bool) -> str:
    """What came of it, in words. Raises AssertionError where the C leaves its tensors or computes other bytes."""
    samples = random_samples(data, 1, seed) * 2
    graph, calls, _ = compiled(data, way)
    plan = place_disjoint(graph, calls)
    files = emit(graph, calls, plan, IDENTITY)
    if board:
        ours = run_on_board(BOARDS[way.isa], watched(files, plan.gaps), calls, samples)
    else:
        ours = [_joined(outputs) for outputs in run_c(graph, files, samples, gaps=plan.gaps)]
    theirs = _litert_apart(data, samples)
    where = f"{way.isa} on a board" if board else "host"
    if any(op.kind is OpKind.STAGE for op in graph.ops):
        where += ", row by row"
    if isinstance(theirs, str):
        return f"{where}: {theirs}"
    for run, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a != b:
            raise AssertionError(f"{way}: run {run} gives other bytes than LiteRT: {a[:9].hex()} {b[:9].hex()}")
    return f"{where}: LiteRT's bytes"


def _joined(outputs: Sequence[np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(output).tobytes() for output in outputs)


def _litert_apart(data: bytes, samples: Sequence[Sequence[np.ndarray]]) -> list[bytes] | str:
    """LiteRT's outputs, a sample's end to end, from a process that may die of them."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def child() -> None:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends it inside LiteRT too, where no Python handler runs
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        try:
            there.send([_joined(outputs) for outputs in run_litert(data, samples)])
        except Exception:
            there.send("LiteRT refuses")

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    there.close()
    try:
        answer: list[bytes] | str = here.recv()
    except EOFError:
        answer = "LiteRT crashes or hangs"
    process.join()
    return answer


def mutate(count: int, runs: int, seed: int, examples: int, board_runs: int = 0) -> list[str]:
    """Lines of the report. The first fault is raised as it is, the file kept in the working folder."""
    rng, models, message, started = random.Random(seed), whole_models(examples), Counter[str](), time.monotonic()
    left, slowest_s = {False: runs, True: board_runs}, 0.0
    signal.signal(signal.SIGPROF, _hangs)
    for _ in range(count):
        data, way = damaged(rng.choice(models), rng), rng.choice(WAYS)
        begun = time.monotonic()
        try:
            arena_bytes = compiled_arena_bytes(data, way)
            message["taken"] += 1
        except EdgePruneError as refused:
            message[f"refused: {type(refused).__name__}"] += 1
            continue
        except BaseException:
            _keep(data)
            raise
        finally:
            slowest_s = max(slowest_s, time.monotonic() - begun)
        for board, suits in ((False, way.runs_on_host), (True, way.runs_on_board)):
            if suits and arena_bytes < RUN_BYTES_MAX and left[board]:
                left[board] -= 1
                try:
                    message[f"of these run, {run_beside_litert(data, way, seed, board)}"] += 1
                except BaseException:
                    _keep(data)
                    raise
    lines = [f"{count:,} damaged files of {len(models)} models, seed {seed}: {time.monotonic() - started:.0f} s"]
    lines += [f"  {number:>7,} {what}" for what, number in message.most_common()]
    return [*lines, f"  slowest {slowest_s:.2f} s; no crash, no hang, no access outside a tensor, no other byte"]


def _hangs(*_: object) -> None:
    raise TimeoutError(f"more than {HANG_S} s for one file")


def _keep(data: bytes) -> None:
    path = Path("fuzz-fault.tflite")
    path.write_bytes(data)
    sys.stderr.write(f"the file at fault is {path}\n")


def guide(seconds: int, seed: int) -> list[str]:
    """libFuzzer over our own branches; lines of the report. Raises RuntimeError with its words at a fault."""
    settings = (f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={HANG_S}", "-print_final_stats=1")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.firmware.fuzzing.guided", *settings],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-6000:])
    numbers = dict(re.findall(r"stat::(\w+): +(\d+)", ran.stderr))
    reached = re.findall(r"(\w+)\s+cov: (\d+) ft: \d+ corp: (\d+)", ran.stderr)
    first_branches = next(branches for event, branches, _ in reached if event == "INITED")
    _, branches, files = reached[-1]
    return [
        f"coverage-guided, {seconds} s, seed {seed}: {int(numbers['number_of_executed_units']):,} files",
        f"  {first_branches} branches of edgeprune reached by the seeds, {branches} in the end, by {files} files kept",
        f"  slowest {numbers['slowest_unit_time_sec']} s; no crash, no hang",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Damaged .tflite files through the engine.")
    parser.add_argument("way", choices=["mutations", "guided"])
    parser.add_argument("--count", type=int, default=100_000, help="damaged files")
    parser.add_argument("--runs", type=int, default=400, help="how many of those taken are run beside LiteRT")
    parser.add_argument("--board-runs", type=int, default=0, help="how many are run on emulated boards")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", action="store_true", help=f"add the report to {LOG.name}")
    arguments = parser.parse_args()
    if arguments.way == "guided":
        lines = guide(arguments.seconds, arguments.seed)
    else:
        lines = mutate(arguments.count, arguments.runs, arguments.seed, EXAMPLES, arguments.board_runs)
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if arguments.append:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True
        )
        with LOG.open("a") as log:
            log.write(f"commit {commit.stdout.strip()}\n{text}\n")


if __name__ == "__main__":
    main()
