"""Spoken words, said by espeak-ng in many voices, as log-mel spectrograms: (N, 1, 49, 20) float32 and labels."""

import io
import shutil
import subprocess
import sys
import wave

import numpy as np

WORDS = ("yes", "no", "left", "right")
VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-029", "en-us+f2", "en-gb+f4", "en-us+m3", "en-gb+m7")
RATE, STEP, WINDOW, BANDS, FRAMES = 16_000, 320, 480, 20, 49


def said(word: str, voice: str, pitch: int, speed: int) -> np.ndarray:
    """One second of sound at 16 kHz, the word somewhere in its middle."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", word]
    with wave.open(io.BytesIO(subprocess.run(command, check=True, capture_output=True).stdout)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        sound = np.interp(np.arange(0, len(sound), file.getframerate() / RATE), np.arange(len(sound)), sound)
    sound = sound[:RATE]
    return np.pad(sound, ((RATE - len(sound)) // 2, RATE - len(sound) - (RATE - len(sound)) // 2))


def bands() -> np.ndarray:
    """Triangles over the spectrum at steps of the mel scale, (257, BANDS)."""
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, 257)[:, None]
    rising, falling = ((hertz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hertz) / np.diff(edges)[1:])
    return np.maximum(0, np.minimum(rising, falling))


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """(16000,) -> (1, 49, 20), the logarithm of the energy in each band."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP][:FRAMES] * np.hanning(WINDOW)
    return np.log(np.abs(np.fft.rfft(frames, 512)) ** 2 @ bands() + 1e-3).astype(np.float32)[None]


def load() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The words of each voice at five pitches and four speeds, with noise; two voices are for validation and test."""
    if not shutil.which("espeak-ng"):
        sys.exit("no espeak-ng: sudo apt-get install espeak-ng")
    rng = np.random.default_rng(0)
    splits: dict[str, tuple[list[np.ndarray], list[int]]] = {
        "train": ([], []),
        "validation": ([], []),
        "test": ([], []),
    }
    for index, voice in enumerate(VOICES):
        inputs, labels = splits[{6: "validation", 7: "test"}.get(index, "train")]
        for label, word in enumerate(WORDS):
            for pitch in (20, 35, 50, 65, 80):
                for speed in (120, 150, 180, 220):
                    sound = np.roll(said(word, voice, pitch, speed), rng.integers(-1600, 1600))
                    inputs.append(spectrogram(sound + rng.normal(0, 0.004, RATE)))
                    labels.append(label)
    return {name: (np.stack(inputs), np.array(labels)) for name, (inputs, labels) in splits.items()}
