"""Functions of pins and numbers of interrupts, as modm-devices states them from the vendors' own databases."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree


@cache
def _root(file_name: str) -> ElementTree.Element:
    import modm_devices

    folder = Path(modm_devices.__file__).parent / "resources" / "devices"
    (path,) = folder.rglob(file_name)
    return ElementTree.parse(path).getroot()


def alternate_function(file_name: str, pin: int, driver: str, instance: int, signal: str) -> int | None:
    """The function that gives `pin` (16 * port + pin) to the signal, as ("usart", 2, "tx"); None where none does."""
    port = chr(ord("a") + pin // 16)
    for gpio in _root(file_name).iter("gpio"):
        if (gpio.get("port"), gpio.get("pin")) != (port, str(pin % 16)):
            continue
        for one in gpio.iter("signal"):
            matches = (one.get("driver"), one.get("instance"), one.get("name")) == (driver, str(instance), signal)
            if matches and one.get("af") is not None:
                return int(one.get("af", "0"))
    return None


def interrupt(file_name: str, *names: str) -> int:
    """The number of the interrupt that is called one of `names`."""
    for vector in _root(file_name).iter("vector"):
        if vector.get("name") in names:
            return int(vector.get("position", "-1"))
    raise KeyError(names)
