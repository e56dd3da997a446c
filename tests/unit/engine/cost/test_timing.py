"""Cycles of assembled code, against the sums of Arm's tables."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.executed import ExecutedBlock
from edgeprune.engine.cost.timing.predict import PredictedTime, predict

ASSEMBLER = "arm-none-eabi-as"
ADDRESS = 0x1000

# (assembler text, cycles of one execution that falls through)
ON_M4 = [
    ("adds r0, r1; mul r0, r1, r2; mla r0, r1, r2, r3; smlad r0, r1, r2, r0; smlal r0, r1, r2, r3", 5),
    ("ldr r0, [r1]", 2),
    ("ldr r0, [r1]; ldr r2, [r1, #4]; ldr r3, [r1, #8]", 4),  # loads overlap
    ("ldr r0, [r1]; ldr r2, [r0]", 4),  # the second needs the first
    ("adds r1, #4; ldr r0, [r1]", 4),  # the address was made just before
    ("str r0, [r1]; ldr r2, [r1, #4]", 3),
    ("str r0, [r1, r2]", 2),
    ("ldmia r0!, {r1, r2, r3, r4}", 5),
    ("push {r4, r5, lr}", 4),
    ("ldrd r0, r1, [r2]", 3),
    ("sdiv r0, r1, r2", 6),
    ("cmp r0, r1; it ge; movge r0, r1", 2),  # IT is folded into the compare
    ("vldr s0, [r0]; vldr s1, [r0, #4]", 3),
    ("vmul.f32 s0, s1, s2; vadd.f32 s3, s0, s0", 3),  # the second waits for the first
    ("vdiv.f32 s0, s1, s2", 14),
]
ON_M3 = [("mla r0, r1, r2, r3", 2), ("smull r0, r1, r2, r3", 4), ("mul r0, r1, r2", 1)]
ON_M0 = [
    ("adds r0, r1; muls r0, r1", 2),
    ("ldr r0, [r1]; ldr r2, [r1, #4]", 4),  # nothing overlaps
    ("str r0, [r1]", 2),
    ("ldmia r0!, {r1, r2, r3}", 4),
    ("push {r4, r5}", 3),
]


def assembled(folder: Path, core: str, text: str) -> bytes:
    if shutil.which(ASSEMBLER) is None:
        pytest.skip(f"{ASSEMBLER} is not installed")
    fpu = ["-mfpu=fpv4-sp-d16"] if core == "cortex-m4" else []
    source = ".syntax unified\n.thumb\n" + text.replace(";", "\n") + "\n"
    built = folder / "code.o"
    subprocess.run([ASSEMBLER, f"-mcpu={core}", *fpu, "-o", built, "-"], input=source, text=True, check=True)
    with built.open("rb") as stream:
        return bytes(ELFFile(stream).get_section_by_name(".text").data())


def one_run(code: bytes, core: str, taken: int = 0, entered: int = 0, address: int = ADDRESS) -> Cycles:
    blocks = [ExecutedBlock(0, address, code, 1, taken, entered, 0, 0, 0)]
    time = predict(blocks, core, 1_000_000)
    assert time is not None
    return time.whole


@pytest.mark.parametrize(
    ("core", "text", "cycles"),
    [
        *(("cortex-m4", *row) for row in ON_M4),
        *(("cortex-m3", *row) for row in ON_M3),
        *(("cortex-m0", *row) for row in ON_M0),
    ],
    ids=lambda value: str(value).split(";")[0],
)
def test_cycles_are_those_of_arms_tables(tmp_path: Path, core: str, text: str, cycles: int) -> None:
    assert one_run(assembled(tmp_path, core, text), core).total == cycles


@pytest.mark.parametrize(
    ("core", "text", "not_taken", "taken"),
    [
        ("cortex-m4", "subs r0, #1; bne .-2", 2, 3),
        ("cortex-m4", "bx lr", 1, 3),
        ("cortex-m4", "pop {r4, pc}", 3, 5),
        ("cortex-m0", "subs r0, #1; bne .-2", 2, 4),
        ("cortex-m0plus", "subs r0, #1; bne .-2", 2, 3),
        ("cortex-m0", "bx lr", 1, 3),
        ("cortex-m0plus", "bx lr", 1, 2),
    ],
)
def test_a_branch_costs_its_refill_when_it_is_taken(tmp_path, core, text, not_taken, taken) -> None:
    code = assembled(tmp_path, core, text)
    assert one_run(code, core).total == not_taken
    assert one_run(code, core, taken=1).total == taken


def test_a_wide_instruction_on_an_odd_halfword_is_entered_late(tmp_path: Path) -> None:
    code = assembled(tmp_path, "cortex-m4", "smlad r0, r1, r2, r0")
    assert one_run(code, "cortex-m4", entered=1, address=ADDRESS).total == 1
    assert one_run(code, "cortex-m4", entered=1, address=ADDRESS + 2).total == 2


def test_waits_and_repetitions_add_up(tmp_path: Path) -> None:
    code = assembled(tmp_path, "cortex-m4", "ldr r0, [r1]")
    time = predict([ExecutedBlock(0, ADDRESS, code, 10, 4, 0, 50, 30, 3)], "cortex-m4", 1_000_000)
    assert time is not None
    assert time.whole == Cycles(compute=10, memory=10 + 3, branch=8, flash_code=50, flash_data=30)
    assert (time.whole.core, time.whole.total) == (31, 111)


def test_layers_stand_before_the_whole_and_the_clock_makes_time_of_them(tmp_path: Path) -> None:
    code = assembled(tmp_path, "cortex-m4", "nop")
    blocks = [ExecutedBlock(step, ADDRESS, code, count, 0, 0, 0, 0, 0) for step, count in ((0, 10), (2, 60), (2, 40))]
    time = predict(blocks, "cortex-m4", 2_000_000)
    assert time is not None
    assert time.layers_us == (5.0, 0.0)
    assert time.us == 50.0


def test_a_core_without_rules_has_no_time() -> None:
    assert predict([], "cortex-m55", 1) is None


def test_the_range_is_wider_where_code_waits_for_flash() -> None:
    few, many = (PredictedTime((), Cycles(compute=1000 - waits, flash_code=waits), 1_000_000) for waits in (100, 101))
    assert few.range_us == pytest.approx((965, 1100))
    assert many.range_us == pytest.approx((930, 1200))


ON_M7 = [
    ("add r0, r1; add r2, r3", 1),  # two a cycle
    ("add r0, r1; add r2, r0", 2),  # but for what waits for the other
    ("ldr r0, [r1]; ldr r2, [r3]", 1),
    ("ldr r0, [r1]; ldr r2, [r0]", 3),
    ("ldr r0, [r1]; add r2, r0", 2),
    ("ldrb r0, [r1]; add r2, r0", 3),
    ("str r0, [r1]; str r2, [r3]", 2),
    ("smlad r0, r1, r2, r0; smlad r3, r4, r5, r3", 2),  # one multiplier
    ("smlad r0, r1, r2, r0; smlad r0, r4, r5, r0", 2),  # sums are forwarded
    ("mul r0, r1, r2; add r3, r0", 3),
    ("smlad r0, r1, r2, r0; ldr r3, [r4]", 1),
    ("sxtb16 r0, r1; add r2, r3", 1),
    ("add r2, r3; sxtb16 r0, r1", 2),  # first of two, or alone
    ("add r0, r1, r2, lsl #2; add r3, r4, r5, lsl #2", 2),  # one shifter
    ("ldm r0, {r1, r2, r3, r4}; add r5, r6", 3),
    ("udiv r0, r1, r2", 7),
]


@pytest.mark.parametrize(("text", "cycles"), ON_M7)
def test_cycles_are_those_of_llvms_model(tmp_path: Path, text: str, cycles: int) -> None:
    assert one_run(assembled(tmp_path, "cortex-m7", text), "cortex-m7").total == cycles


def test_a_branch_costs_what_is_mispredicted(tmp_path: Path) -> None:
    code = assembled(tmp_path, "cortex-m7", "subs r0, #1; bne .-2")
    loop = predict([ExecutedBlock(0, ADDRESS, code, 100, 99, 0, 0, 0, 0)], "cortex-m7", 1_000_000)
    assert loop is not None and loop.whole.branch == 4
    assert loop.range_us is None and not loop.is_checked
