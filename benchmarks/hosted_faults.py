"""Sessions with a Linux and an Android device over a link that fails, counted by how they ended.

    python benchmarks/hosted_faults.py --write                  # 500 of them, keeps the output
    python benchmarks/hosted_faults.py --sessions 20 --first-seed 7
    python benchmarks/hosted_faults.py --pieces FILE --write    # goes on where it was cut short

A session installs a program that is not there yet, runs 20 samples and reads the stack it takes. A proxy cuts the link,
stalls it or garbles eight bytes, once, at a random byte to the device or from it. Real OpenSSH client and server on
loopback; the real adb against a test double of the device's side (tests/hosted/adb_double.py). Exit 1 when a session
ends in anything but LiteRT's outputs and the true stack, or an error with a remedy.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import Pieces, commit, parser, publish

import edgeprune.deploy.hosted.session as session_module
import edgeprune.device.machines.behind_shell as shell_module
from edgeprune.deploy.hosted.session import installed
from edgeprune.device.machines.named import machine_at
from edgeprune.errors import EdgePruneError
from edgeprune.toolchain.linux import this_machine
from edgeprune.toolchain.program import Program, build_program
from tests.hosted.adb_double import AdbDouble
from tests.hosted.faulty_proxy import Fault, FaultyProxy, Plan
from tests.hosted.sshd import HOST, Server, free_port
from tests.unit.deploy.hosted.small_model import small

SAMPLES, WORKERS, AT_ONCE, PATIENCE_S = 20, 6, 50, 10.0
GOOD = ("true", "error with a remedy")


@dataclass(frozen=True)
class Ended:
    """ending: one of GOOD, or what was wrong; told: the error."""

    kind: str
    fault: Fault
    struck: bool
    ending: str
    told: str
    duration_s: float


@dataclass(frozen=True, eq=False)
class Kind:
    """address: of a device behind a proxy's port, once it is connected; port: of the device itself."""

    name: str
    port: int
    address: Callable[[int], str]
    leave: Callable[[str], None]


def talk(address: str, program: Program) -> tuple[bytes, int]:
    """Outputs, and bytes of stack."""
    samples = small().samples(SAMPLES)
    with closing(machine_at(address)) as machine:
        session = installed(machine, program)
        rows = session.outputs(samples.reshape(SAMPLES, -1).view("uint8"), lambda done: None)
        return rows.tobytes(), session.stack_bytes(samples[0].tobytes())


def hold(kind: Kind, seed: int, program: Program, truth: tuple[bytes, int], passing: dict[bool, int]) -> Ended:
    """One session with one fault."""
    chance = random.Random(seed)
    fault, to_device = chance.choice(list(Fault)), chance.random() < 0.5
    plan = Plan(fault, to_device, chance.randrange(passing[to_device]), seed)
    own = replace(program, content=program.content + seed.to_bytes(8, "little"))  # not installed yet
    proxy = FaultyProxy(kind.port, plan)
    began_s = time.monotonic()
    told, address = "", ""
    try:
        address = kind.address(proxy.port)
        ending = "true" if talk(address, own) == truth else "something untrue"
    except EdgePruneError as error:
        told = error.message
        ending = "error with a remedy" if error.hint else "error without a remedy"
    except Exception as problem:
        ending, told = "another exception", f"{type(problem).__name__}: {problem}"
    finally:
        proxy.close()
        kind.leave(address)
    return Ended(kind.name, fault, proxy.struck, ending, told, time.monotonic() - began_s)


def ssh(server: Server) -> Kind:
    return Kind("ssh", server.port, lambda port: f"ssh://{HOST}:{port}", lambda address: None)


def adb(double: AdbDouble) -> Kind:
    def words(*verbs: str) -> None:
        command = [*shlex.split(os.environ["EDGEPRUNE_ADB"]), *verbs]
        subprocess.run(command, capture_output=True, check=False, timeout=2 * PATIENCE_S)

    def address(port: int) -> str:
        words("connect", f"127.0.0.1:{port}")
        return f"adb:127.0.0.1:{port}"

    return Kind("adb", int(double.serial.rpartition(":")[2]), address, lambda at: words("disconnect", at[4:]))


def held_sessions(kind: Kind, program: Program, first_seed: int, count: int) -> list[Ended]:
    proxy = FaultyProxy(kind.port, None)
    address = kind.address(proxy.port)
    truth = (small().expected(small().samples(SAMPLES)).tobytes(), talk(address, program)[1])
    kind.leave(address)
    proxy.close()
    seeds = range(first_seed, first_seed + count)
    with ThreadPoolExecutor(WORKERS) as pool:
        ended = list(pool.map(lambda seed: hold(kind, seed, program, truth, proxy.passed), seeds))
    for seed, one in zip(seeds, ended, strict=True):
        if one.ending not in GOOD:
            print(f"seed {seed}, {kind.name}, {one.fault}: {one.ending}: {one.told}", file=sys.stderr, flush=True)
    whole = FaultyProxy(kind.port, None)  # after all that a session over a good link is as the first
    address = kind.address(whole.port)
    assert talk(address, program) == truth
    kind.leave(address)
    whole.close()
    return ended


def lines_of(ended: list[Ended]) -> list[str]:
    made = []
    for kind in dict.fromkeys(one.kind for one in ended):
        own = [one for one in ended if one.kind == kind]
        longest_s = max(one.duration_s for one in own)
        struck = Counter(one.fault for one in own if one.struck)
        endings = Counter(one.ending for one in own)
        made.append(
            f"{kind}: {len(own)} sessions; faults that struck: "
            + ", ".join(f"{struck[fault]} {fault}" for fault in Fault)
            + f"; longest {longest_s:.0f} s"
        )
        made.append("  " + ", ".join(f"{count} {ending}" for ending, count in endings.most_common()))
    return made


def main() -> int:
    options = parser("Faulty sessions with Linux and Android devices.", __file__)
    options.add_argument("--sessions", type=int, default=500, help="of both kinds together")
    options.add_argument("--first-seed", type=int, default=0)
    given = options.parse_args()
    session_module._ANSWER_S = session_module._RUN_S = PATIENCE_S
    shell_module._SLACK_S, shell_module._INSTALL_TIMEOUT_S = PATIENCE_S / 2, PATIENCE_S
    pieces, own = Pieces(given.pieces), this_machine()
    assert own is not None
    program = build_program(small().sources, own)
    with tempfile.TemporaryDirectory(prefix="edgeprune-faults-") as folder:
        os.environ["HOME"] = folder  # the keys of adb's server
        os.environ["EDGEPRUNE_ADB"] = f"adb -P {free_port()}"
        ended = []
        (Path(folder) / "sshd").mkdir()
        server = Server(Path(folder) / "sshd")
        server.start()
        os.environ["EDGEPRUNE_SSH"] = server.client_words()
        (Path(folder) / "device").mkdir()
        double = AdbDouble(Path(folder) / "device")
        try:
            for kind, share in (
                (ssh(server), given.sessions // 2),
                (adb(double), given.sessions - given.sessions // 2),
            ):
                for first in range(0, share, AT_ONCE):
                    seed, count = given.first_seed + first, min(AT_ONCE, share - first)
                    rows = pieces.measured(
                        f"{kind.name}, {count} from {seed}",
                        lambda kind=kind, seed=seed, count=count: [
                            asdict(one) for one in held_sessions(kind, program, seed, count)
                        ],
                    )
                    ended += [Ended(**row | {"fault": Fault(row["fault"])}) for row in rows]
        finally:
            server.stop()
            subprocess.run([*shlex.split(os.environ["EDGEPRUNE_ADB"]), "kill-server"], capture_output=True, check=False)
            double.close()
    publish([f"commit {commit()}", *lines_of(ended)], given.write)
    return 0 if all(one.ending in GOOD for one in ended) else 1


if __name__ == "__main__":
    sys.exit(main())
