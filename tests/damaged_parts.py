"""Damage inside a file's wrapping: archives whose entries are damaged before they are packed, texts and flatbuffers
whose values are replaced. A checksum or a parser stops most damaged bytes at the door; these come past it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Damage = Callable[[bytes, np.random.Generator], bytes]

_VALUES = (
    "", "0", "-1", "1", "1e400", "-1e400", "nan", "inf", "1e-320", "18446744073709551616", "-9223372036854775809",
    "0x10", "true", "false", "null", "[]", "{}", "[[]]", "[-1]", "[1, 2, 3, 4, 5, 6, 7, 8]", '""', '"\\u0000"',
    '"../../x"', "'a'", "1979-05-27", '"' + "a" * 3000 + '"', "[1e400]", '{"a" = 1}', '{"a": 1}',
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 3, 7, 127, -128, 255, 65535, 2**31 - 1, -(2**31), 2**24)
_REALS = (0.0, -1.0, 1e-30, 1e-10, 1e10, 3e38, float("inf"), float("nan"), 1e-45, 0.5)


def in_an_entry(data: bytes, rng: np.random.Generator, damaged: Damage) -> bytes:
    """A zip archive packed anew with one entry damaged, and sometimes one left out, doubled or called otherwise."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(entry.filename, archive.read(entry), entry.compress_type) for entry in archive.infolist()]
    at = int(rng.integers(len(entries)))
    name, content, packing = entries[at]
    kind = int(rng.integers(10))
    if kind == 0:
        entries.pop(at)
    elif kind == 1:
        entries[at] = (str(rng.choice(["../x.npy", "/etc/x", "x", name + "/", name.upper(), "a\\b"])), content, packing)
    else:
        entries[at] = (name, damaged(content, rng), packing)
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content, packing in entries:
            archive.writestr(name, content, packing)
    return stream.getvalue()


def a_value(data: bytes, rng: np.random.Generator) -> bytes:
    """A TOML or JSON text with one to three values replaced by others, or lines dropped, doubled or swapped."""
    lines = data.decode().split("\n")
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        kind = int(rng.integers(8))
        if kind == 0:
            lines.pop(at) if len(lines) > 1 else None
        elif kind == 1:
            lines.insert(int(rng.integers(len(lines))), lines[at])
        elif kind == 2:
            other = int(rng.integers(len(lines)))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            value = str(rng.choice(_VALUES)).replace("\\", "\\\\")
            lines[at] = re.sub(r"([=:] *)[^=:]*?(,?)$", rf"\g<1>{value}\g<2>", lines[at], count=1)
    return "\n".join(lines).encode()


def a_field(data: bytes, rng: np.random.Generator) -> bytes:
    """A `.tflite` whose flatbuffer is whole and whose numbers are not: one to three fields take other values."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    for _ in range(int(rng.integers(1, 4))):
        graph = model.subgraphs[0]
        tables = [*graph.tensors, *graph.operators, *model.operatorCodes, *model.buffers, graph]
        _change(tables[int(rng.integers(len(tables)))], rng)
    builder = flatbuffers.Builder(1024)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
    except Exception:  # a value the format has no room for
        return data
    return bytes(builder.Output())


def _change(table: object, rng: np.random.Generator) -> None:
    names = [name for name, value in vars(table).items() if value is not None]
    if not names:
        return
    name = names[int(rng.integers(len(names)))]
    value = getattr(table, name)
    if isinstance(value, (list, np.ndarray)):
        _change_list(table, name, value, rng)
    elif isinstance(value, bool):
        setattr(table, name, not value)
    elif isinstance(value, int):
        setattr(table, name, int(rng.choice(_NUMBERS)) if rng.random() < 0.5 else value + int(rng.integers(-2, 3)))
    elif isinstance(value, float):
        setattr(table, name, float(rng.choice(_REALS)))
    elif hasattr(value, "__dict__"):
        _change(value, rng)


def _change_list(table: object, name: str, value: object, rng: np.random.Generator) -> None:
    values = list(value)  # type: ignore[call-overload]
    kind, at = int(rng.integers(4)), int(rng.integers(len(values))) if values else 0
    if not values or (kind == 0 and not hasattr(values[0], "__dict__")):
        values.append(values[at] if values else 1)
    elif kind == 1 and not hasattr(values[0], "__dict__"):
        values.pop(at)
    elif isinstance(values[at], (int, np.integer)):
        values[at] = int(rng.choice(_NUMBERS)) if name != "data" else int(rng.integers(256))
    elif isinstance(values[at], (float, np.floating)):
        values[at] = float(rng.choice(_REALS))
    elif hasattr(values[at], "__dict__"):
        _change(values[at], rng)
        return
    setattr(table, name, np.array(values, np.uint8) if name == "data" else values)
