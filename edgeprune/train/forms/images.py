"""Images in class folders (`class_folders.py`), as arrays."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from edgeprune.errors import DataError
from edgeprune.files.own_process import module_command, own_environment, usable_cores
from edgeprune.train.forms.class_folders import in_splits, members_of
from edgeprune.train.forms.decode import SUFFIXES, decode

_WORTH_A_PROCESS = 4_000  # images; below this decoding takes less time than starting a helper


def load_images(path: Path, shape: tuple[int, ...], resize: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (images (N, C, H, W) uint8, labels (N,) int64).

    Args:
        path: a folder or a `.zip`.
        shape: (1 or 3, height, width).
        resize: scale images of another size (bilinear); otherwise they are an error.

    Raises:
        DataError: no images, an unreadable image, one of another size, classes that differ between splits.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(f"images cannot feed an input of {shape}", hint="[model] input must be [1, H, W] or [3, H, W]")
    members = members_of(path, SUFFIXES, "images")
    return in_splits(_decoded(path, [member.name for member in members], shape, resize), members)


def _decoded(path: Path, members: list[str], shape: tuple[int, ...], resize: bool) -> np.ndarray:
    """(N, C, H, W) uint8. A helper process decodes half: Pillow on small images gains nothing from threads."""
    workers = min(usable_cores(), 4) if len(members) >= _WORTH_A_PROCESS else 1
    if workers == 1:
        return decode(path, members, shape, resize)
    share = -(-len(members) // workers)
    parts = [members[start : start + share] for start in range(0, len(members), share)]
    with tempfile.TemporaryDirectory(prefix="edgeprune-images-") as folder:
        helpers = []
        for number, part in enumerate(parts[1:]):
            names, pixels = Path(folder, f"{number}.txt"), Path(folder, f"{number}.npy")
            names.write_text("\n".join(part), encoding="utf-8")
            command = [*module_command("edgeprune.train.forms.decode"), str(path), str(names), str(pixels)]
            command += [*map(str, shape), str(int(resize))]
            helpers.append((part, pixels, subprocess.Popen(command, stderr=subprocess.DEVNULL, env=own_environment())))
        try:
            decoded = [decode(path, parts[0], shape, resize)]
            for part, pixels, process in helpers:
                # A helper that failed gives no reason: decoding its share here raises the error.
                decoded.append(np.load(pixels) if process.wait() == 0 else decode(path, part, shape, resize))
        finally:
            for *_, process in helpers:
                process.kill()
                process.wait()
    return np.concatenate(decoded)
