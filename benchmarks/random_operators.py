"""Random operators of every kind, extreme scales among them: LiteRT's bytes under sanitizers, and on emulated boards.

    python benchmarks/random_operators.py [--count 10000] [--board-count 2000] [--seed 1] [--wide-share 0.3]

Every operator is a `.tflite` of its own (`tests/firmware/random_operators.py`): refused by the engine with a reason, or
run. Those LiteRT's reference interpreter runs, too, are put side by side, many in one C file: by ref, scalar and dsp
kernels on this machine under ASan and UBSan, outputs over inputs as far as the kernels promise, and on emulated M0, M4
and M55 boards. Where an instruction set adds no kernel of its own to an operator, ref's is what runs on it and the
operator is not run again on this machine. Exits with 1 where bytes are wrong, a sanitizer reports, the engine fails
with anything but an error of its own, or a refusal has no hint. Faulty files are kept in the temporary folder. --write
keeps a part for each command: a long run is several, of `--only` one half and of other seeds.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kept import ROOT, commit, parser

sys.path.insert(0, str(ROOT))

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, OpKind
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c, run_litert
from tests.firmware.numbers.test_detection import without_leftovers
from tests.firmware.one_op import TYPES, ModelBuilder
from tests.firmware.overlapped import place_overlapped
from tests.firmware.random_layers import ADD
from tests.firmware.random_operators import DETECTION, FAMILIES, RESOLVERS, WIDE_SHARE, RandomOperator, random_operators

HOST = (Isa.REF, Isa.SCALAR, Isa.DSP)
BOARDS = {"mps2-an385-armv6m": Isa.SCALAR, "mps2-an386": Isa.DSP, "mps3-an547": Isa.MVE}
TOGETHER = 150
_UNDEFINED_BEYOND = frozenset((OpKind.CAST, OpKind.QUANTIZE))  # of reals that the other type cannot hold
FLOAT_POWERS = (-100, -44, -20, -7, 0, 0, 7, 20, 44, 100)
SAMPLES = 2
FLAGS = ("-g1", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


@dataclass(frozen=True, eq=False)
class Runnable:
    """An operator the engine and LiteRT both run; expected: LiteRT's outputs of each sample."""

    operator: RandomOperator
    optimize: Optimize
    samples: list[list[np.ndarray]]
    expected: list[list[np.ndarray]]
    overlaps: bool
    own_kernels: frozenset[Isa]


@dataclass
class Tally:
    """How the files ended."""

    refused: Counter[str] = field(default_factory=Counter)
    without_oracle: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, operator: RandomOperator, what: str) -> None:
        kept = Path(tempfile.gettempdir()) / f"operator-fault-{len(self.faults) + 1}.tflite"
        kept.write_bytes(operator.alone())
        self.faults.append(f"{what}: {operator.text} ({kept})")
        print(f"fault: {self.faults[-1]}", file=sys.stderr, flush=True)


class Oracle:
    """LiteRT in a process of its own, which files of extreme numbers may end."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1)

    def outputs(self, model: bytes, samples: list[list[np.ndarray]], resolver: str) -> list[list[np.ndarray]] | None:
        """None where LiteRT refuses the file, or ends by it."""
        try:
            return self._pool.submit(run_litert, model, samples, resolver).result()
        except BrokenProcessPool:
            self._pool = ProcessPoolExecutor(1)
            return None
        except (RuntimeError, ValueError):
            return None


def probed(operator: RandomOperator, index: int, oracle: Oracle, tally: Tally) -> Runnable | None:
    """The operator alone: refused by the engine, refused by LiteRT, or ready to run."""
    model, optimize = operator.alone(), list(Optimize)[index % 3]
    kernels: dict[Isa, list[str]] = {}
    try:
        graph = read_tflite(model)
        for isa in (*HOST, Isa.MVE):
            calls = lower(graph, isa, optimize)
            emit(graph, calls, place_disjoint(graph, calls), IDENTITY)
            kernels[isa] = [call.function for call in calls]
    except EdgePruneError as refused:
        if refused.hint:
            tally.refused[_reason(refused.message)] += 1
        else:
            tally.fault(operator, f"refused without a hint: {refused.message}")
        return None
    except Exception as fault:
        tally.fault(operator, f"{type(fault).__name__}: {fault}")
        return None
    samples = _within_reach(graph, random_samples(model, SAMPLES, seed=index))
    if operator.powers is not None and not _UNDEFINED_BEYOND.intersection(op.kind for op in graph.ops):
        samples = _moved(samples, np.random.default_rng(operator.powers))
    expected = oracle.outputs(model, samples, RESOLVERS.get(operator.family, "BUILTIN_REF"))
    if expected is None:
        tally.without_oracle += 1
        return None
    if operator.family == DETECTION:
        expected = [without_leftovers(model, outputs) for outputs in expected]
    alone = len(graph.ops) == 1 and len(graph.outputs) == 1 and not (calls[0].is_view or calls[0].placed)
    alone = alone and set(graph.inputs) <= set(graph.ops[0].inputs)  # what it reads is placed over what it writes
    types = {tensor.dtype for tensor in graph.tensors if not tensor.is_constant}
    alone &= types in ({DType.INT8}, {DType.INT16})
    own = frozenset(isa for isa in (Isa.SCALAR, Isa.DSP) if kernels[isa] != kernels[Isa.REF])
    return Runnable(operator, optimize, samples, expected, alone, own | {Isa.REF})


def _within_reach(graph: Graph, samples: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Real inputs as large as the scale they are quantized to: beyond int32 steps LiteRT's cast is undefined."""
    if not graph.inputs:
        return samples
    first = graph.tensors[graph.ops[0].outputs[0]]
    if graph.tensors[graph.inputs[0]].dtype is not DType.FLOAT32 or first.qparams is None:
        return samples
    return [[value * np.float32(40 * first.qparams.scale[0]) for value in sample] for sample in samples]


def _moved(samples: list[list[np.ndarray]], rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Real inputs times a power of two, as scales are; one power a tensor."""
    factors = [np.float32(2.0 ** float(rng.choice(FLOAT_POWERS))) for _ in samples[0]]
    return [
        [value * factor if value.dtype == np.float32 else value for value, factor in zip(sample, factors, strict=True)]
        for sample in samples
    ]


def operator_types(operator: RandomOperator) -> set[str]:
    """Element types of the operator's tensors."""
    model = ModelBuilder()
    operator.add(model)
    names = {number: name for name, number in TYPES.items()}
    return {names[tensor.type] for tensor in model.graph.tensors}


def _reason(message: str) -> str:
    """A message without names and numbers."""
    return re.sub(r"-?\d[\d.,e+-]*", "N", re.sub(r"'[^']*'", "...", message.split("\n")[0])).strip()


def together(cases: Sequence[Runnable]) -> tuple[bytes, list[list[np.ndarray]], list[list[np.ndarray]]]:
    """One file of all, the inputs of each sample, and its outputs."""
    model = ModelBuilder()
    for case in cases:
        case.operator.add(model)
    inputs = [[value for case in cases for value in case.samples[index]] for index in range(SAMPLES)]
    outputs = [[value for case in cases for value in case.expected[index]] for index in range(SAMPLES)]
    return model.build(), inputs, outputs


def wrong(cases: Sequence[Runnable], isa: Isa, board: str | None) -> list[tuple[Runnable, str]]:
    """The cases whose bytes are not LiteRT's, or that a sanitizer or the board stops at."""
    model, inputs, expected = together(cases)
    graph = read_tflite(model)
    calls = lower(graph, isa, cases[0].optimize)
    plan = (place_overlapped if cases[0].overlaps else place_disjoint)(graph, calls)
    files = emit(graph, calls, plan, IDENTITY)
    try:
        if board is None:
            found = [[value.tobytes() for value in sample] for sample in run_c(graph, files, inputs, FLAGS, plan.gaps)]
        else:
            ends = np.cumsum([value.nbytes for value in expected[0]])[:-1].tolist()
            whole = run_on_board(board, files, calls, inputs)
            found = [
                [sample[a:b] for a, b in zip([0, *ends], [*ends, None], strict=True)] for sample in whole
            ]  # fmt: skip
    except (AssertionError, EdgePruneError) as stopped:
        if len(cases) == 1:
            return [(cases[0], f"{stopped}"[-2000:])]
        half = len(cases) // 2
        return wrong(cases[:half], isa, board) + wrong(cases[half:], isa, board)
    faulty, at = [], 0
    for case in cases:
        count = len(case.expected[0])
        for ours, theirs in zip(found, case.expected, strict=True):
            pairs = zip(ours[at : at + count], theirs, strict=True)
            if any(_bits(own, value) != _bits(value.tobytes(), value) for own, value in pairs):
                faulty.append((case, "other bytes"))
                break
        at += count
    return faulty


def _bits(content: bytes, like: np.ndarray) -> bytes:
    """The bytes of a tensor; which of the many NaNs of float32 a processor makes is its own."""
    if like.dtype != np.float32:
        return content
    values = np.frombuffer(content, np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), values).tobytes()


def groups(cases: Sequence[Runnable]) -> list[list[Runnable]]:
    """Cases of one way to choose kernels and to place tensors."""
    found = []
    for optimize in Optimize:
        for overlaps in (True, False):
            alike = [case for case in cases if case.optimize is optimize and case.overlaps is overlaps]
            found += [alike[at : at + TOGETHER] for at in range(0, len(alike), TOGETHER)]
    return found


def main() -> int:
    arguments = parser("Random operators on this machine and on emulated boards.", __file__)
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--board-count", type=int, default=2_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--wide-share", type=float, default=WIDE_SHARE, help="of the files are int16")
    arguments.add_argument("--only", choices=["host", "boards"], help="one half of it")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    started, tally, oracle = time.monotonic(), Tally(), Oracle()
    operators = list(random_operators(given.count, given.seed, given.wide_share))
    cases = [case for index, one in enumerate(operators) if (case := probed(one, index, oracle, tally)) is not None]
    print(f"{len(cases):,} of {given.count:,} run, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    rows = []
    for isa in HOST if given.only != "boards" else ():
        own = [case for case in cases if isa in case.own_kernels]
        rows.append((f"{isa} on this machine, ASan and UBSan", len(own), _run(own, isa, None, tally)))
    for board, isa in BOARDS.items() if given.only != "host" else ():
        some = cases[: given.board_count]
        rows.append((f"emulated {board}", len(some), _run(some, isa, board, tally)))
    lines = _lines(given, len(cases), tally, rows)
    print("\n".join(lines))
    if given.write:
        keep(lines, given.write)
    return 1 if tally.faults else 0


def keep(lines: Sequence[str], kept: Path) -> None:
    """In place of what the same command wrote before, beside other parts and seeds."""
    parts = [part.strip() for part in re.split(r"^(?=# random_operators)", kept.read_text(), flags=re.M)]
    others = [part for part in parts if part and part.splitlines()[0] != lines[0]]
    kept.write_text("\n\n".join([*others, "\n".join(lines)]) + "\n")


def _run(cases: Sequence[Runnable], isa: Isa, board: str | None, tally: Tally) -> int:
    faulty = [one for group in groups(cases) for one in wrong(group, isa, board)]
    for case, what in faulty:
        tally.fault(case.operator, f"{isa} {board or 'host'} {case.optimize}: {what}")
    print(f"{isa} {board or ''}: {len(cases):,} run, {len(faulty)} wrong", file=sys.stderr, flush=True)
    return len(faulty)


def _lines(given, run: int, tally: Tally, rows: Sequence[tuple[str, int, int]]) -> list[str]:
    operators = list(random_operators(given.count, given.seed, given.wide_share))
    moved = sum(operator.powers is not None for operator in operators)
    real = sum("float32" in operator_types(operator) for operator in operators)
    wide = sum("int16" in operator_types(operator) for operator in operators)
    return [
        f"# random_operators.py {' '.join(word for word in sys.argv[1:] if word != '--write')}",
        f"# commit {commit()}",
        f"{given.count:,} files of one random operator, of {len(FAMILIES)} families and {len(ADD)} kinds of layers;",
        f"{wide:,} of int16 activations, {real:,} of float32, {moved:,} with scales moved by up to 2^44, real inputs "
        "by up to 2^100:",
        f"  {run:,} run, {sum(tally.refused.values()):,} refused by the engine with a hint,"
        f" {tally.without_oracle:,} refused by LiteRT alone (nothing to compare with)",
        *(f"  {what:<48} {count:>7,} run  {faults:>3} wrong or reported" for what, count, faults in rows),
        f"faults in all: {len(tally.faults)}",
        "refused because:",
        *(f"  {count:>6,} {reason}" for reason, count in tally.refused.most_common()),
        *(f"fault: {line[:300]}" for line in tally.faults),
    ]


if __name__ == "__main__":
    sys.exit(main())
