"""Pictures of cells drawn by a script: round ones and long ones on a noisy ground, and the class of each pixel."""

import numpy as np

SIZE = 32


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(1, 32, 32) uint8 and (32, 32) int64: 0 ground, 1 round, 2 long."""
    y, x = np.mgrid[:SIZE, :SIZE]
    light = rng.normal(90, 14, (SIZE, SIZE)) + 25 * np.sin(x / rng.uniform(5, 12) + rng.uniform(0, 6))
    classes = np.zeros((SIZE, SIZE), np.int64)
    for _ in range(rng.integers(2, 5)):
        kind = int(rng.integers(1, 3))
        (cx, cy), turn = rng.uniform(4, SIZE - 4, 2), rng.uniform(0, np.pi)
        along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        long, wide = (rng.uniform(3, 5),) * 2 if kind == 1 else (rng.uniform(7, 10), rng.uniform(1.5, 2.5))
        inside = (along / long) ** 2 + (across / wide) ** 2 < 1
        light[inside] += rng.uniform(50, 90)
        classes[inside] = kind
    return np.clip(light, 0, 255).astype(np.uint8)[None], classes


def load() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    made = [draw(rng) for _ in range(900)]
    images, classes = (np.stack(part) for part in zip(*made, strict=True))
    return {
        name: (images[part], classes[part])
        for name, part in (("train", slice(700)), ("validation", slice(700, 800)), ("test", slice(800, 900)))
    }
