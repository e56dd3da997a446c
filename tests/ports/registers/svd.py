"""A vendor's CMSIS-SVD file as a `Chip`, of the peripherals that were asked for (CMSIS-SVD 1.3, what is used of it)."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from tests.ports.registers.chip import Chip, Field, Peripheral, Register


@cache
def pyocd_svd(file_name: str) -> ElementTree.Element:
    """A file of the archive in pyOCD's wheel."""
    import pyocd

    archive = Path(pyocd.__file__).parent / "debug" / "svd" / "svd_data.zip"
    with zipfile.ZipFile(archive) as files:
        return ElementTree.fromstring(files.read(file_name))


def chip_of(root: ElementTree.Element, source: str, wanted: Collection[str]) -> Chip:
    """The peripherals whose names begin with one of `wanted`."""
    elements = {element.findtext("name", ""): element for element in root.iter("peripheral")}
    defaults = _Defaults(_number(root.findtext("resetValue", "0")), "read-write", _number(root.findtext("size", "32")))
    chip = [
        _peripheral(name, element, elements, defaults)
        for name, element in elements.items()
        if name.startswith(tuple(wanted))
    ]
    return Chip(root.findtext("name", ""), source, chip)


class _Defaults:
    """What a register takes from what it lies in: reset value, access, size in bits."""

    def __init__(self, reset: int, access: str, bits: int) -> None:
        self.reset, self.access, self.bits = reset, access, bits

    def under(self, element: ElementTree.Element) -> _Defaults:
        return _Defaults(
            _number(element.findtext("resetValue", str(self.reset))),
            element.findtext("access", self.access),
            _number(element.findtext("size", str(self.bits))),
        )


def _peripheral(
    name: str, element: ElementTree.Element, elements: dict[str, ElementTree.Element], defaults: _Defaults
) -> Peripheral:
    base = _number(element.findtext("baseAddress", "0"))
    parent = element
    while parent.find("registers") is None and "derivedFrom" in parent.attrib:
        parent = elements[parent.attrib["derivedFrom"]]
    registers = parent.find("registers")
    found: dict[str, Register] = {}
    if registers is not None:
        _collect(registers, "", 0, defaults.under(parent), found)
    return Peripheral(name, base, found)


def _collect(
    element: ElementTree.Element, prefix: str, offset: int, defaults: _Defaults, found: dict[str, Register]
) -> None:
    by_name = {one.findtext("name", ""): one for one in element.findall("register")}
    for child in element:
        if child.tag not in ("register", "cluster"):
            continue
        for name, shift in _copies(child):
            at = offset + shift + _number(child.findtext("addressOffset", "0"))
            if child.tag == "cluster":
                _collect(child, f"{prefix}{name}_", at, defaults.under(child), found)
                continue
            described = child
            if "derivedFrom" in child.attrib and child.find("fields") is None:
                described = by_name.get(child.attrib["derivedFrom"], child)
            inner = defaults.under(described).under(child)
            found[prefix + name] = Register(
                prefix + name, at, inner.reset, dict(_fields(described)), inner.access, inner.bits // 8
            )


def _copies(element: ElementTree.Element) -> list[tuple[str, int]]:
    """(name, bytes from the first) of an element that `dim` repeats, or of itself alone."""
    name = element.findtext("name", "")
    if element.find("dim") is None:
        return [(name, 0)]
    count, step = _number(element.findtext("dim", "1")), _number(element.findtext("dimIncrement", "4"))
    index = element.findtext("dimIndex")
    names = index.split(",") if index and "," in index else [str(i) for i in range(count)]
    return [(name.replace("[%s]", names[i]).replace("%s", names[i]), i * step) for i in range(count)]


def _fields(element: ElementTree.Element) -> list[tuple[str, Field]]:
    found = []
    for one in element.findall("fields/field"):
        for name, _ in _copies(one):
            bits = one.findtext("bitRange")
            if bits:
                high, low = (int(text) for text in bits.strip("[]").split(":"))
            elif one.find("lsb") is not None:
                low, high = _number(one.findtext("lsb", "0")), _number(one.findtext("msb", "0"))
            else:
                low = _number(one.findtext("bitOffset", "0"))
                high = low + _number(one.findtext("bitWidth", "1")) - 1
            found.append((name, Field(low, high - low + 1)))
    return found


def _number(text: str) -> int:
    text = text.strip().lower()
    return int(text[1:], 2) if text.startswith("#") else int(text, 0)
