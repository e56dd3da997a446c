"""The plugin of QEMU that `benchmarks/counted.py` counts with: twice the work is twice the instructions."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "benchmarks" / "counting_plugin.c"
NEEDED = ("qemu-aarch64", "aarch64-linux-gnu-gcc", "gcc")
LOOP = """
#include <stdlib.h>
int main(int count, char **words)
{
    volatile int x = 0;
    for (long i = count > 1 ? atol(words[1]) : 0; i > 0; i--) { x += 1; }
    return 0;
}
"""


@pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED), reason=f"not all installed: {', '.join(NEEDED)}"
)
def test_counts_grow_with_the_work(tmp_path: Path) -> None:
    (tmp_path / "loop.c").write_text(LOOP)
    build = ["aarch64-linux-gnu-gcc", "-O1", "-static", "-o", "loop", "loop.c"]
    for words in (build, ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", "plugin.so", str(PLUGIN)]):
        subprocess.run(words, cwd=tmp_path, check=True)

    def count(turns: int) -> int:
        words = ["qemu-aarch64", "-plugin", str(tmp_path / "plugin.so"), "./loop", str(turns)]
        told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
        return int(re.findall(r"^instructions (\d+)$", told, re.MULTILINE)[0])

    first, second, third = (count(turns) for turns in (10000, 20000, 30000))
    assert second - first == third - second and (second - first) % 10000 == 0 and second > first
