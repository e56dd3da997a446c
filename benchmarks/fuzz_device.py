"""Coverage-guided fuzzing of everything that reads what a device sends.

    pip install atheris
    PYTHONPATH=. python benchmarks/fuzz_device.py CORPUS_FOLDER -max_total_time=600 -timeout=5 -rss_limit_mb=600

The first byte picks the reader (tests/unit/device/anything_sent.py), the rest is what the device sends; conversations
in order are put into the folder to begin with. libFuzzer's options follow it; it stops at a crash, at an input that
takes longer than -timeout, or beyond -rss_limit_mb.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgeprune"]):
    from tests.unit.device.anything_sent import IN_ORDER, READERS, read_anything

NAMES = tuple(READERS)


def one_input(data: bytes) -> None:
    if data:
        read_anything(NAMES[data[0] % len(NAMES)], data[1:])


if __name__ == "__main__":
    for name, sent in IN_ORDER.items():
        (Path(sys.argv[1]) / name.replace(" ", "-")).write_bytes(bytes([NAMES.index(name)]) + sent)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
