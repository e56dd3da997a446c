"""Vibration of a motor, made by formula: windows of 64 moments; a worn bearing adds bursts of another frequency."""

import numpy as np

MOMENTS = 64


def windows(count: int, worn: bool, rng: np.random.Generator) -> np.ndarray:
    """(count, 64) float32."""
    t, turn = np.arange(MOMENTS), rng.uniform(0, 2 * np.pi, (count, 1))
    speed = rng.uniform(0.36, 0.44, (count, 1))
    signal = np.sin(speed * t + turn) + 0.3 * np.sin(2 * speed * t + 2 * turn) + rng.normal(0, 0.06, (count, MOMENTS))
    if worn:
        burst = np.exp(-((t - rng.uniform(10, 54, (count, 1))) ** 2) / 30)
        signal += rng.uniform(0.3, 0.8, (count, 1)) * burst * np.sin(2.1 * t + turn)
    return signal.astype(np.float32)


def load() -> dict[str, np.ndarray]:
    """Inputs alone: an autoencoder gives them back."""
    rng = np.random.default_rng(0)
    return {name: windows(count, False, rng) for name, count in (("train", 4000), ("validation", 500), ("test", 500))}
