"""Damaged `.tflite` files by the thousand: a clear error or a correct engine, never a crash, a hang or a stray access.

    python -m tests.firmware.fuzz mutations --count 100000 --runs 400
    python -m tests.firmware.fuzz guided --seconds 300   # coverage-guided; needs `pip install atheris` (Linux)

Every file goes through reader, clean-up, kernels, planner and generator. Some of those the engine takes are run: the C
under AddressSanitizer and UBSan with poisoned bytes around every tensor, and beside it LiteRT's reference interpreter,
in a process of its own because damaged files crash it. `--append` keeps the output in tests/firmware/fuzz.txt.
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
from pathlib import Path

import numpy as np

from edgeprune.codegen.emit import emit
from edgeprune.constant_channels import without_constant_channels
from edgeprune.errors import EdgePruneError
from edgeprune.graph.clean import clean
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.plan import make_plan
from edgeprune.target.profile import Isa
from edgeprune.tflite.read import read_tflite
from tests.firmware.host_engine import IDENTITY, place_apart, random_samples, run_c, run_litert
from tests.firmware.one_op import ModelBuilder

EXAMPLES = 60
HANG_S = 20
MEMORY_BYTES = 6 << 30
RUN_BYTES_MAX = 1 << 16
WORDS = (0, 1, -1, 2**31 - 1, -(2**31), 4, 128, 65536)
ON_HOST = (Isa.REF, Isa.SCALAR, Isa.DSP)  # plain C stands for their instructions; the vector kernels have none
LOG = Path(__file__).with_name("fuzz.txt")

Outputs = list[list[np.ndarray]]


def whole_models(examples: int) -> list[bytes]:
    """Files of all kinds of operators: `examples` times about thirty, five a file; and a few whole networks."""
    from hypothesis import given, settings

    from tests.firmware.cases import FEW, Case, many
    from tests.firmware.random_nets import random_net
    from tests.firmware.test_planned import ALL

    models = [random_net(seed) for seed in range(examples)]

    @settings(parent=FEW, max_examples=examples)
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


def compiled_arena_bytes(data: bytes, isa: Isa) -> int:
    """The whole road from file to C. Raises EdgePruneError for a file that cannot be used, and nothing else."""
    signal.alarm(HANG_S)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    try:
        graph = without_constant_channels(clean(read_tflite(data)))
        calls = lower(graph, isa, Optimize.BALANCED)
        plan = make_plan(graph, calls)
        emit(graph, calls, plan, IDENTITY)
        return plan.arena_bytes
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def run_beside_litert(data: bytes, isa: Isa, seed: int) -> str:
    """What came of it, in words. Raises AssertionError where the C leaves its tensors or computes other bytes."""
    samples, graph = random_samples(data, 1, seed), without_constant_channels(clean(read_tflite(data)))
    calls = lower(graph, isa, Optimize.BALANCED)
    plan = place_apart(graph, calls)
    ours = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    theirs = _litert_apart(data, samples)
    if isinstance(theirs, str):
        return theirs
    for output, (a, b) in enumerate(zip(ours[0], theirs[0], strict=True)):
        if a.tobytes() != b.tobytes():
            raise AssertionError(f"output {output} differs from LiteRT's: {a.reshape(-1)[:9]} {b.reshape(-1)[:9]}")
    return "LiteRT's bytes"


def _litert_apart(data: bytes, samples: Sequence[Sequence[np.ndarray]]) -> Outputs | str:
    """LiteRT's outputs from a process that may die of them."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def child() -> None:
        signal.alarm(HANG_S)
        try:
            there.send(run_litert(data, samples))
        except Exception:
            there.send("LiteRT refuses")

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    there.close()
    try:
        answer: Outputs | str = here.recv()
    except EOFError:
        answer = "LiteRT crashes or hangs"
    process.join()
    return answer


def mutate(count: int, runs: int, seed: int, examples: int) -> list[str]:
    """Lines of the report. The first fault is raised as it is, the file kept in the working folder."""
    rng, models, told, started = random.Random(seed), whole_models(examples), Counter[str](), time.monotonic()
    taken, slowest_s = 0, 0.0
    signal.signal(signal.SIGALRM, _hangs)
    for _ in range(count):
        data, isa = damaged(rng.choice(models), rng), rng.choice(list(Isa))
        begun = time.monotonic()
        try:
            arena_bytes = compiled_arena_bytes(data, isa)
            told["taken"] += 1
        except EdgePruneError as refused:
            told[f"refused: {type(refused).__name__}"] += 1
            continue
        except BaseException:
            _keep(data)
            raise
        finally:
            slowest_s = max(slowest_s, time.monotonic() - begun)
        if isa in ON_HOST and arena_bytes < RUN_BYTES_MAX and taken < runs:
            taken += 1
            try:
                told[f"of these run, {run_beside_litert(data, isa, seed)}"] += 1
            except BaseException:
                _keep(data)
                raise
    lines = [f"{count:,} damaged files of {len(models)} models, seed {seed}: {time.monotonic() - started:.0f} s"]
    lines += [f"  {number:>7,} {what}" for what, number in told.most_common()]
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
        [sys.executable, "-m", "tests.firmware.guided", *settings], stderr=subprocess.PIPE, text=True, check=False
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
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--append", action="store_true", help=f"add the report to {LOG.name}")
    arguments = parser.parse_args()
    if arguments.way == "guided":
        lines = guide(arguments.seconds, arguments.seed)
    else:
        lines = mutate(arguments.count, arguments.runs, arguments.seed, EXAMPLES)
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
