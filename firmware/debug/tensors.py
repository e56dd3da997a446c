"""For gdb: the arena's tensors of a model that EdgePrune built, by name.

    gdb-multiarch -x tensors.py firmware.elf
    (gdb) tensors               every tensor, where it lies; * holds its values while the current layer runs
    (gdb) tensor NAME           its stored values
    (gdb) tensor NAME real      what they stand for
    (gdb) watch-tensor NAME [I] stops where its first element, or element I, changes

NAME is the function of the layer that writes it (`layer_03_conv`) or its own name, or any part of them that no
other has. `tensors.json` beside the image says where they lie.
"""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path

import gdb

_FORMATS = {
    "int8": "b", "uint8": "B", "bool": "?", "int16": "h", "int32": "i", "int64": "q", "float32": "f",
}  # fmt: skip
_C_TYPES = {1: "char", 2: "short", 4: "int", 8: "long long"}


def image_folder() -> Path:
    name = gdb.current_progspace().filename
    if name is None:
        raise gdb.GdbError("no image is loaded: name firmware.elf when you start gdb, or `file firmware.elf`")
    return Path(name).resolve().parent


def word(path: Path) -> str:
    """A path as one argument of a command of gdb's."""
    return re.sub(r"([\s'\"\\])", r"\\\1", str(path))


def table() -> dict:
    path = image_folder() / "tensors.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise gdb.GdbError(f"{path}: {error.strerror}; `edgeprune build` writes it beside the image") from error


def arena_address() -> int:
    return int(gdb.parse_and_eval("(unsigned long)&'model.c'::arena"))


def running_layer(layers: list) -> int:
    """Index of the layer that the program is in; -1 where it is in none."""
    try:
        frame = gdb.newest_frame()
    except gdb.error:
        return -1
    while frame is not None and frame.is_valid():
        if frame.name() in layers:
            return layers.index(frame.name())
        frame = frame.older()
    return -1


def writer(row: dict, layers: list) -> str:
    return layers[row["written"]] if row["written"] >= 0 else "(the caller)"


def found(name: str) -> dict:
    facts = table()
    rows, layers = facts["tensors"], facts["layers"]
    exact = [row for row in rows if name in (row["name"], writer(row, layers))]
    some = exact[:1] or [row for row in rows if name in row["name"] or name in writer(row, layers)]
    if len(some) != 1:
        names = ", ".join(f"{writer(row, layers)} writes {row['name'][:40]}" for row in some[:5])
        raise gdb.GdbError(f"{len(some)} tensors are called '{name}': {names or 'see `tensors`'}")
    return some[0]


def element_bytes(row: dict) -> int:
    return struct.calcsize(_FORMATS[row["dtype"]])


def element_count(row: dict) -> int:
    return math.prod(row["shape"])


def channel_count(row: dict) -> int:
    return row["shape"][-1] if row["shape"] else 1


def element_offset_bytes(row: dict, index: int) -> int:
    """From the tensor's first byte to an element: pixels may lie further apart than their channels take."""
    pixel, channel = divmod(index, channel_count(row))
    step = row["pixel_step_bytes"] or channel_count(row) * element_bytes(row)
    return pixel * step + channel * element_bytes(row)


def values(row: dict) -> list:
    """Every element in order."""
    channels, count = channel_count(row), element_count(row)
    start = arena_address() + row["offset_bytes"]
    pieces = [(start, count * element_bytes(row))]
    pixel_bytes = channels * element_bytes(row)
    if row["pixel_step_bytes"] not in (None, pixel_bytes):
        pieces = [(start + element_offset_bytes(row, first), pixel_bytes) for first in range(0, count, channels)]
    memory = gdb.selected_inferior().read_memory
    raw = b"".join(bytes(memory(address, size)) for address, size in pieces)
    return list(struct.unpack(f"<{count}{_FORMATS[row['dtype']]}", raw))


class Tensors(gdb.Command):
    """Tensors in the arena, those that hold their values now marked *."""

    def __init__(self) -> None:
        super().__init__("tensors", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        facts = table()
        layers, base = facts["layers"], arena_address()
        now = running_layer(layers)
        if now >= 0:
            gdb.write(f"in {layers[now]}\n")
        for row in facts["tensors"]:
            mark = "*" if now >= 0 and row["written"] <= now <= row["read"] else " "
            shape = "x".join(map(str, row["shape"]))
            address = base + row["offset_bytes"]
            gdb.write(
                f"{mark} {address:#010x} {row['dtype']:7} {shape:12} {writer(row, layers):32} {row['name'][:80]}\n"
            )


class Tensor(gdb.Command):
    """tensor NAME [real]: the values of one tensor as stored, or what they stand for."""

    def __init__(self) -> None:
        super().__init__("tensor", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        words = argument.rsplit(" ", 1)
        is_real = len(words) == 2 and words[1] == "real"
        row = found(words[0] if is_real else argument.strip())
        numbers = values(row)
        if is_real and row["scale"] is not None:
            numbers = [(value - row["zero_point"]) * row["scale"] for value in numbers]
        channels = channel_count(row)
        gdb.write(f"{row['name']}: {row['dtype']} {row['shape']}\n")
        for start in range(0, len(numbers), channels):
            text = " ".join(f"{value:.6g}" for value in numbers[start : start + channels])
            gdb.write(f"[{start // channels}] {text}\n")


class WatchTensor(gdb.Command):
    """watch-tensor NAME [I]: stop where an element of a tensor changes, the first by default."""

    def __init__(self) -> None:
        super().__init__("watch-tensor", gdb.COMMAND_BREAKPOINTS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        name, _, last = argument.strip().rpartition(" ")
        index = int(last) if name and last.isdigit() else 0
        row = found(name if name and last.isdigit() else argument.strip())
        size = element_bytes(row)
        if index >= element_count(row):
            raise gdb.GdbError(f"{row['name']} has elements 0 to {element_count(row) - 1}, none {index}")
        address = arena_address() + row["offset_bytes"] + element_offset_bytes(row, index)
        gdb.execute(f"watch *({_C_TYPES[size]} *){address:#x}")


Tensors()
Tensor()
WatchTensor()
gdb.execute("set pagination off")
gdb.execute("set backtrace limit 64")
gdb.execute(f"set substitute-path firmware {word(Path(__file__).resolve().parents[1])}")
if gdb.current_progspace().filename is not None:
    gdb.execute(f"directory {word(image_folder())}")
