"""Images in class folders, from a folder or a zip; class numbers are the class names in alphabetical order."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.errors import DataError
from edgeprune.train.decode import SUFFIXES, decode

_SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation", "valid": "validation"}
_WORTH_A_PROCESS = 4_000  # images; below this decoding takes less time than starting a helper


@dataclass(frozen=True)
class _Image:
    split: str
    label: str
    member: str


def load_images(path: Path, shape: tuple[int, ...], resize: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (images (N, C, H, W) uint8, labels (N,) int64).

    Args:
        path: a folder or a `.zip`, `<class>/<image>` or `<split>/<class>/<image>`, under any number of outer folders.
        shape: (1 or 3, height, width).
        resize: scale images of another size (bilinear); otherwise they are an error.

    Raises:
        DataError: no images, an unreadable image, one of another size, classes that differ between splits.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(f"images cannot feed an input of {shape}", hint="[model] input must be [1, H, W] or [3, H, W]")
    images = _sorted_out(path, _members(path))
    names = sorted({image.label for image in images if image.split == "train"})
    strange = sorted({image.label for image in images} - set(names))
    if strange:
        raise DataError(
            f"class '{strange[0]}' has no training images in {path.name}", hint=f"classes in train: {', '.join(names)}"
        )
    pixels = _decoded(path, [image.member for image in images], shape, resize)
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[image.label] for image in images], dtype=np.int64)
    found = {}
    for split in sorted({image.split for image in images}):
        index = np.array([number for number, image in enumerate(images) if image.split == split])
        whole = len(index) == len(images)
        found[split] = (pixels if whole else pixels[index], labels[index])
    return found


def _members(path: Path) -> list[str]:
    if path.is_dir():
        names = [str(file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = sorted(archive.namelist())
        except (zipfile.BadZipFile, OSError) as problem:
            raise DataError(
                f"{path.name} cannot be read: {problem}", hint="a zip or a folder of images in class folders"
            ) from problem
    return [name for name in names if name.lower().endswith(SUFFIXES) and "__MACOSX" not in name]


def _sorted_out(path: Path, members: list[str]) -> list[_Image]:
    images = []
    for member in members:
        *outer, label, _ = ("", "", *member.replace(os.sep, "/").split("/"))[-4:]
        split = _SPLITS.get(outer[-1].lower(), "train")
        images.append(_Image(split, label, member))
    if not images:
        raise DataError(f"no images in {path}", hint=f"<class>/<image> or train/<class>/<image>, {' '.join(SUFFIXES)}")
    if not any(image.split == "train" for image in images):
        raise DataError(f"{path.name} has no training images", hint="put them in train/<class>/")
    return images


def _decoded(path: Path, members: list[str], shape: tuple[int, ...], resize: bool) -> np.ndarray:
    """(N, C, H, W) uint8. A helper process decodes half: Pillow on small images gains nothing from threads."""
    workers = min(len(os.sched_getaffinity(0)), 4) if len(members) >= _WORTH_A_PROCESS else 1
    if workers == 1:
        return decode(path, members, shape, resize)
    share = -(-len(members) // workers)
    parts = [members[start : start + share] for start in range(0, len(members), share)]
    with tempfile.TemporaryDirectory(prefix="edgeprune-images-") as folder:
        helpers = []
        for number, part in enumerate(parts[1:]):
            names, pixels = Path(folder, f"{number}.txt"), Path(folder, f"{number}.npy")
            names.write_text("\n".join(part), encoding="utf-8")
            command = [sys.executable, "-P", "-m", "edgeprune.train.decode", str(path), str(names), str(pixels)]
            command += [*map(str, shape), str(int(resize))]
            helpers.append((part, pixels, subprocess.Popen(command, stderr=subprocess.DEVNULL, env=_environment())))
        try:
            decoded = [decode(path, parts[0], shape, resize)]
            for part, pixels, process in helpers:
                # A helper that failed says nothing: doing its share here raises the error, in words.
                decoded.append(np.load(pixels) if process.wait() == 0 else decode(path, part, shape, resize))
        finally:
            for *_, process in helpers:
                process.kill()
                process.wait()
    return np.concatenate(decoded)


def _environment() -> dict[str, str]:
    package_parent = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package_parent, os.environ.get("PYTHONPATH"))))}
