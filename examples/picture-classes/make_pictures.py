"""Draws road signs: pictures/<class>/*.png, 32x32 RGB, four classes, turned, shifted, of any light and background."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

EACH = 300
SHAPES = {
    "stop": (8, "firebrick"),  # corners, colour
    "yield": (3, "gold"),
    "parking": (4, "royalblue"),
    "mandatory": (40, "seagreen"),
}


def draw(corners: int, colour: str, rng: np.random.Generator) -> Image.Image:
    size = 32
    background = rng.integers(30, 200, 3)
    image = Image.fromarray(np.clip(background + rng.normal(0, 18, (size, size, 3)), 0, 255).astype(np.uint8))
    turn, radius, (x, y) = rng.uniform(0, 2 * np.pi), rng.uniform(7, 14), rng.uniform(13, 19, 2)
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    points = [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]
    ImageDraw.Draw(image).polygon(points, fill=colour if rng.random() < 0.8 else "grey", outline="white")
    light = rng.uniform(0.5, 1.2)
    return Image.fromarray(
        np.clip(np.asarray(image) * light + rng.normal(0, 12, (size, size, 3)), 0, 255).astype(np.uint8)
    )


rng = np.random.default_rng(0)
for name, (corners, colour) in SHAPES.items():
    folder = Path("pictures", name)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(EACH):
        draw(corners, colour, rng).save(folder / f"{index:03}.png")
print(f"{EACH} pictures of each of {', '.join(SHAPES)}")
