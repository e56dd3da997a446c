"""Coverage-guided damage: branches of edgeprune lead. `fuzz.py guided` starts this; arguments are libFuzzer's."""

from __future__ import annotations

import random
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgeprune"]):
    from edgeprune.errors import EdgePruneError
    from tests.firmware import fuzz

_SEEDS = 20
_LONGEST_BYTES = 16_384


def one(data: bytes) -> None:
    with suppress(EdgePruneError):
        fuzz.compiled_arena_bytes(data, fuzz.WAYS[len(data) % len(fuzz.WAYS)])


def mutated(data: bytes, longest_bytes: int, seed: int) -> bytes:
    """Half libFuzzer's own ideas, half ours, which keep a flatbuffer's words whole."""
    rng = random.Random(seed)
    if len(data) < 32 or rng.random() < 0.5:
        return bytes(atheris.Mutate(data, longest_bytes))
    return fuzz.damaged(data, rng)[:longest_bytes]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(fuzz.whole_models(_SEEDS)):
            if len(model) <= _LONGEST_BYTES:
                (Path(folder) / f"{number}.tflite").write_bytes(model)
        settings = [f"-max_len={_LONGEST_BYTES}", "-rss_limit_mb=8000", *sys.argv[1:]]
        atheris.Setup([sys.argv[0], *settings, folder], one, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
