"""A compiler that cannot write its files is no fault of the C it compiles."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeprune.errors import ToolchainError
from edgeprune.toolchain.compile import Unit, compile_unit
from edgeprune.toolchain.toolchain import find_toolchain


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """64 KiB, for temporary files."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no right to mount a file system here")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_the_folder_of_temporary_files_is_named(small_disk: Path) -> None:
    unit = Unit("big", "const int table[50000] = {1};", (), (), "", ("-mcpu=cortex-m4",))
    with pytest.raises(ToolchainError, match=f"the compiler cannot write into {small_disk}: No space left") as refused:
        compile_unit(find_toolchain(), unit)
    assert "TMPDIR" in str(refused.value.hint)
