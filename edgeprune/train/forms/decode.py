"""Image files to pixels. Also the helper process of `images.py`, so it imports nothing heavy.

python -m edgeprune.train.forms.decode PATH NAMES.txt PIXELS.npy C H W RESIZE
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from edgeprune.errors import DataError
from edgeprune.files.bounded import ARCHIVE_FAULTS, Unreadable
from edgeprune.train.forms.class_folders import reader

_MOST_PIXELS = 50_000_000  # of one picture: 150 MB while it is decoded
_FAULTS = (  # what Pillow's decoders raise on damaged files
    *ARCHIVE_FAULTS, SyntaxError, IndexError, Unreadable, struct.error, Image.DecompressionBombError,
)  # fmt: skip
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
_MODES_OF_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "HSV", "LAB")


def decode(path: Path, members: list[str], shape: tuple[int, ...], resize: bool) -> np.ndarray:
    """(N, C, H, W) uint8 of the members of a folder or zip; C is 1 (grey) or 3 (RGB).

    Raises:
        DataError: an unreadable image or one of another size, named.
    """
    channels, height, width = shape
    pixels = np.empty((len(members), height, width, channels), np.uint8)
    with ExitStack() as stack:
        read = reader(path, stack)
        for index, member in enumerate(members):
            pixels[index] = _one(read, member, shape, resize)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _one(read: Callable[[str], bytes], member: str, shape: tuple[int, ...], resize: bool) -> np.ndarray:
    channels, height, width = shape
    try:
        with Image.open(io.BytesIO(read(member))) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels; at most {_MOST_PIXELS:,} are decoded")
            picture = of_8_bits(image).convert("L" if channels == 1 else "RGB")
    except UnidentifiedImageError as problem:
        raise DataError(
            f"{member} is no readable image: Pillow does not know its form", hint="remove it or save it again"
        ) from problem
    except _FAULTS as problem:
        raise DataError(f"{member} is no readable image: {problem}", hint="remove it or save it again") from problem
    if picture.size != (width, height):
        if not resize:
            raise DataError(
                f"{member} is {picture.width}x{picture.height}, the model takes {width}x{height}",
                hint="set resize = true in [data], or scale the images first",
            )
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(height, width, channels)


def of_8_bits(image: Image.Image) -> Image.Image:
    """The picture, of 16 bits a pixel the upper 8: Pillow's own way makes all from 255 on white.

    Whole numbers of 32 bits hold 8 of them, from 0 to 255, as arrays of pixels do.

    Raises:
        ValueError: pixels of other types, whose white nobody states.
    """
    if image.mode in _MODES_OF_BITS:
        return image
    pixels = np.asarray(image)
    is_short = image.mode.startswith("I;16")
    if not image.mode.startswith("I") or pixels.min() < 0 or pixels.max() > (0xFFFF if is_short else 0xFF):
        raise ValueError(
            f"its pixels are of mode {image.mode}, {pixels.min()} to {pixels.max()}; 8 and 16 bits are read"
        )
    return Image.fromarray((pixels >> (8 if is_short else 0)).astype(np.uint8))


def _main(arguments: list[str]) -> None:
    path, names, pixels, channels, height, width, resize = arguments
    members = Path(names).read_text(encoding="utf-8").splitlines()
    np.save(pixels, decode(Path(path), members, (int(channels), int(height), int(width)), resize == "1"))


if __name__ == "__main__":
    _main(sys.argv[1:])
