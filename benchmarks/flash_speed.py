"""How near the wire's own pace an image of 100 KiB is written and verified.

    PYTHONPATH=. python benchmarks/flash_speed.py [--bytes 102400] [--tries 3]

The host talks through pyserial to a pseudo-terminal, behind which a relay lets bytes pass at the baud rate, eleven bits
each (8E1), both ways at once. Beyond it: ST's ROM loader as a double in Python (written, then read back byte by byte),
our bootloader's protocol as a double (written, then its digest read), and our bootloader itself on the emulated
board. The doubles take no time to erase or program, so what is measured is the wire and the host; the emulator takes as
long as the machine it runs on has time for it. "The wire allows" counts the image's own bytes once for writing, and
once more where they are read back. Exit 1 when a double takes more than 1.5 times that.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import select
import sys
import tempfile
import time
import tty
from collections.abc import Callable
from pathlib import Path

from edgeprune.device.image.application import make_application
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.link import Link
from edgeprune.device.links.serial_link import Parity, SerialLink
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.device.loaders.loader import FlashLoader
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.toolchain.bootloader import build_bootloader
from tests.emulator.boot.board import TARGET, Board
from tests.unit.device.fake_boot import FakeBoot
from tests.unit.device.fake_rom import FakeRom

BITS_A_BYTE = 11
LIMIT = 1.5
F407_SECTORS = (16384,) * 4 + (65536,) + (131072,) * 7
_STEP_S = 0.0005


class PacedPort:
    """A pseudo-terminal with a device behind it that is reached at a baud rate; runs in a process of its own."""

    def __init__(self, device: Link, baud: int):
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._device = device
        self._byte_s = BITS_A_BYTE / baud
        self._process = multiprocessing.get_context("fork").Process(target=self._relay, daemon=True)
        self._process.start()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
        os.close(self._master)
        os.close(self._slave)

    def _relay(self) -> None:
        # (when its last byte is through, bytes), and when the wire is free again, for each way
        to_device: list[tuple[float, bytes]] = []
        to_host: list[tuple[float, bytes]] = []
        free_to_device_s = free_to_host_s = 0.0
        while True:
            due_s = min([entry[0] for entry in (*to_device[:1], *to_host[:1])], default=float("inf"))
            if select.select([self._master], [], [], min(max(due_s - time.monotonic(), 0.0), _STEP_S))[0]:
                data = os.read(self._master, 4096)
                free_to_device_s = max(time.monotonic(), free_to_device_s) + len(data) * self._byte_s
                to_device.append((free_to_device_s, data))
            while to_device and to_device[0][0] <= time.monotonic():
                self._device.write(to_device.pop(0)[1])
            if answer := self._device.read(0.0):
                free_to_host_s = max(time.monotonic(), free_to_host_s) + len(answer) * self._byte_s
                to_host.append((free_to_host_s, answer))
            while to_host and to_host[0][0] <= time.monotonic():
                os.write(self._master, to_host.pop(0)[1])


def rom(size_bytes: int, link: Link) -> tuple[FlashLoader, Image]:
    target = load_target("stm32f4-discovery")
    content = random.Random(0).randbytes(size_bytes)
    return Stm32Rom(link, target, target.loaders[0]), Image((Segment(0x0800_0000, content),))


def ours(size_bytes: int, link: Link) -> tuple[FlashLoader, Image]:
    boot = load_target(TARGET).boot
    assert boot is not None
    vectors = (0x2000_1000).to_bytes(4, "little") + (boot.payload_origin + 9).to_bytes(4, "little")
    payload = vectors + random.Random(0).randbytes(size_bytes - boot.header_bytes - len(vectors))
    application = make_application(Segment(boot.payload_origin, payload), boot.header_bytes, TARGET)
    return BootLoader(link, TARGET), Image((application,))


def duration_s(
    device: Link, baud: int, size_bytes: int, make: Callable[[int, Link], tuple[FlashLoader, Image]]
) -> float:
    """Of erasing, writing and verifying."""
    port = PacedPort(device, baud)
    link = SerialLink(port.path, baud, Parity.EVEN)
    link.open()
    try:
        loader, image = make(size_bytes, link)
        return write_image(loader, image, WriteOptions(start=False), Silent()).duration_s
    finally:
        port.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=100 * 1024)
    parser.add_argument("--tries", type=int, default=3, help="The best counts: other programs share this machine.")
    options = parser.parse_args()
    boot = load_target(TARGET).boot
    assert boot is not None
    is_slow = False
    with tempfile.TemporaryDirectory(prefix="edgeprune-speed-") as name:
        board = Board(build_bootloader(load_target(TARGET), Path(name)), Path(name) / "flash.bin")
        cases = (
            ("ROM, double", 115_200, 2, rom, lambda: FakeRom(F407_SECTORS), LIMIT),
            ("our bootloader, double", 115_200, 1, ours, lambda: FakeBoot(TARGET, boot), LIMIT),
            ("our bootloader, double", 921_600, 1, ours, lambda: FakeBoot(TARGET, boot), LIMIT),
            ("our bootloader, emulated", 115_200, 1, ours, board.power_on, float("inf")),
        )
        print(f"{options.bytes:,} B, the best of {options.tries}; seconds")
        print(f"{'loader':<26} {'baud':>7} {'wire allows':>11} {'took':>7} {'times':>6}")
        for title, baud, passes, make, device, limit in cases:
            allowed_s = passes * options.bytes * BITS_A_BYTE / baud
            took_s = min(duration_s(device(), baud, options.bytes, make) for _ in range(options.tries))
            board.power_off()
            is_slow |= took_s > limit * allowed_s
            print(f"{title:<26} {baud:>7} {allowed_s:>11.2f} {took_s:>7.2f} {took_s / allowed_s:>6.2f}", flush=True)
    return 1 if is_slow else 0


if __name__ == "__main__":
    sys.exit(main())
