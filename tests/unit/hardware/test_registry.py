"""Names and paths to targets, and the errors when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.hardware.registry import load_target, target_names

GOOD = """
name = "mine"
title = "My board"
family = "cortex-m"
runtimes = ["edgeprune"]
[cpu]
core = "cortex-m4"
isa = "dsp"
clock_hz = 64_000_000
[[memory]]
name = "flash"
kind = "flash"
origin = 0x0
size_bytes = 65536
[[memory]]
name = "ram"
kind = "ram"
origin = 0x2000_0000
size_bytes = 32768
[sources]
cpu = "data sheet"
memory = "data sheet"
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def fault_of(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_target(write(folder, text))
    assert "mine.toml" in caught.value.message
    assert "pydantic" not in caught.value.message
    return caught.value.message


def test_anyones_file_works_by_path(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, GOOD))
    assert target.region("ram").size_bytes == 32768


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("cortexm4", "cortex-m4"),
        ("cortex_m4", "cortex-m4"),
        ("f446", "nucleo-f446re"),
        ("nucleo-f466re", "nucleo-f446re"),
        ("mps2-an368", "mps2-an386"),
        ("Microbit-V2", "microbit-v2"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_target(name)
    assert caught.value.hint is not None
    assert near in caught.value.hint


def test_a_name_like_none_points_at_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        load_target("zzzzzzzz")
    assert caught.value.hint is not None
    assert "targets list" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none\.toml: No such file"):
        load_target(str(tmp_path / "none.toml"))


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        load_target(str(tmp_path))


def test_broken_toml_gives_the_line(tmp_path: Path) -> None:
    assert "line 2" in fault_of(tmp_path, 'name = "x"\nfamily = = 3\n')


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(UsageError, match="not UTF-8"):
        load_target(str(path))


def test_an_unknown_key_suggests_the_right_one(tmp_path: Path) -> None:
    assert "cpu.clock: no such key; did you mean clock_hz?" in fault_of(
        tmp_path, GOOD.replace("clock_hz =", "clock = 1\nclock_hz =")
    )
    assert "memory[0].size: no such key; did you mean size_bytes?" in fault_of(
        tmp_path, GOOD.replace("size_bytes = 65536", "size = 1\nsize_bytes = 65536")
    )
    assert "[0].zzz: no such key; known: name, kind, origin, size_bytes" in fault_of(
        tmp_path, GOOD.replace("size_bytes = 65536", "zzz = 1\nsize_bytes = 65536")
    )


def test_every_fault_is_one_line(tmp_path: Path) -> None:
    text = GOOD.replace('isa = "dsp"', 'isa = "avx"').replace("size_bytes = 65536", "size_bytes = -1")
    message = fault_of(tmp_path, text.replace('title = "My board"', ""))
    assert message.splitlines()[0].endswith("3 faults")
    assert message.splitlines()[1:] == [
        "  title: missing",
        "  cpu.isa: expected 'ref', 'scalar', 'dsp', 'mve' or 'vector', got 'avx'",
        "  memory[0].size_bytes: expected greater than 0, got -1",
    ]


@pytest.mark.parametrize(
    ("old", "new", "output"),
    [
        ('memory = "data sheet"', "", "names no source for memory"),
        ('kind = "ram"', 'kind = "flash"', "no [[memory]] of kind 'ram'"),
        ('kind = "flash"', 'kind = "ram"', "no [[memory]] of kind 'flash'"),
        ("origin = 0x2000_0000", "origin = 0x1000", "'flash' and 'ram' overlap at 0x00001000"),
        ('name = "ram"', 'name = "flash"', "two [[memory]] tables are named 'flash'"),
        ("size_bytes = 32768", "size_bytes = 0x1_0000_0000", "ends past 32 bits"),
    ],
)
def test_a_target_that_cannot_be(tmp_path: Path, old: str, new: str, output: str) -> None:
    assert output in fault_of(tmp_path, GOOD.replace(old, new))


def test_a_profile_without_flash_is_reported() -> None:
    with pytest.raises(UsageError, match="raspberry-pi-5 has no flash region"):
        load_target("raspberry-pi-5").region("flash")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("pi4", "raspberry-pi-4b"),
        ("Raspberry_Pi_4", "raspberry-pi-4b"),
        ("raspberry pi 3b+", "raspberry-pi-3b-plus"),
        ("android", "android-4gb-8core"),
    ],
)
def test_names_people_type_find_their_target(typed: str, name: str) -> None:
    assert load_target(typed).name == name


def test_no_alias_is_two_targets() -> None:
    owners: dict[str, set[str]] = {}
    for target in map(load_target, target_names()):
        for alias in (target.name, *target.aliases):
            owners.setdefault(alias.replace("-", ""), set()).add(target.name)
    assert {alias: names for alias, names in owners.items() if len(names) > 1} == {}
