"""The front end for sound in C against the one in NumPy: the same bits, and the int8 input the host's network reads."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeprune.errors import DataError, UsageError
from edgeprune.ir import DType, QParams, Tensor
from edgeprune.project.file import Project, project_from
from edgeprune.project.spectrogram import SpectrogramTable, front_end, spectrograms
from edgeprune.toolchain.spectrogram import spectrogram_files
from edgeprune.train.data import load_data

FRAMES = 7
MAIN = """
#include <stdio.h>
#include "ep_spectrogram.h"
static int16_t samples[EP_SPECTROGRAM_SAMPLES];
static int8_t input[EP_SPECTROGRAM_FRAMES * EP_SPECTROGRAM_BANDS];
int main(void)
{
    while (fread(samples, sizeof samples, 1, stdin) == 1) {
        float column[EP_SPECTROGRAM_BANDS];
        for (uint32_t frame = 0; frame < EP_SPECTROGRAM_FRAMES; frame++) {
            ep_spectrogram_column(samples + frame * EP_SPECTROGRAM_HOP, column);
            fwrite(column, sizeof column, 1, stdout);
        }
        ep_spectrogram_input(samples, input);
        fwrite(input, sizeof input, 1, stdout);
    }
}
"""


def input_of(table: SpectrogramTable, is_image: bool) -> Tensor:
    shape = (1, table.mel_bands, FRAMES, 1) if is_image else (1, FRAMES, table.mel_bands)
    return Tensor("x", shape, DType.INT8, QParams((0.03,), (9,)))


def in_c(folder: Path, table: SpectrogramTable, sound: np.ndarray, is_image: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, bands, frames) float32 columns, and (N, ...) int8 inputs, for (N, samples) int16."""
    bands = table.mel_bands
    mean, std = (-4.0,) * (1 if is_image else bands), (3.0,) * (1 if is_image else bands)
    for name, text in (spectrogram_files(table, input_of(table, is_image), mean, std) | {"main.c": MAIN}).items():
        (folder / name).write_text(text)
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    command = ["gcc", *flags, "main.c", "ep_spectrogram.c", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    raw = subprocess.run([folder / "main"], input=sound.astype("<i2").tobytes(), capture_output=True, check=True).stdout
    rows = np.frombuffer(raw, np.uint8).reshape(len(sound), -1)
    values = FRAMES * bands
    columns = np.ascontiguousarray(rows[:, : 4 * values]).view("<f4").reshape(-1, FRAMES, bands).transpose(0, 2, 1)
    return columns, np.ascontiguousarray(rows[:, 4 * values :]).view(np.int8)


TABLES = st.builds(
    SpectrogramTable,
    sample_rate_hz=st.sampled_from([8_000, 16_000]),
    window_ms=st.sampled_from([16.0, 25.0, 30.0, 32.0]),
    hop_ms=st.sampled_from([10.0, 20.0]),
    fft_size=st.sampled_from([None, 1024]),
    mel_bands=st.sampled_from([1, 10, 20]),
    high_hz=st.sampled_from([None, 3_800.0]),
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.booleans(), st.integers(0, 2**32 - 1), st.sampled_from([0, 3, 2_000, 32_767]))
def test_c_gives_numpy_s_bits(
    tmp_path: Path, table: SpectrogramTable, is_image: bool, seed: int, loudness: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.integers(-loudness - 1, loudness + 1, (3, table.samples_for(FRAMES))).astype(np.int16)
    columns, steps = in_c(tmp_path, table, sound, is_image)
    ours = spectrograms(front_end(table), sound.astype(np.float32) / np.float32(32768))
    assert np.array_equal(columns.view(np.uint32), ours.view(np.uint32))
    scale, offset = np.float32(1) / np.float32(3), np.float32(4) / np.float32(3)
    real = (ours * scale + offset) / np.float32(0.03)
    wanted = np.clip(np.round(real) + 9, -128, 127).astype(np.int8)
    in_memory = wanted if is_image else wanted.transpose(0, 2, 1)
    assert np.array_equal(steps, in_memory.reshape(len(sound), -1))


def test_it_is_the_logarithm_of_the_bands_power() -> None:
    table = SpectrogramTable()
    end, rng = front_end(table), np.random.default_rng(0)
    sound = rng.normal(0, 0.1, (4, table.samples_for(FRAMES))).astype(np.float32)
    starts = table.hop * np.arange(FRAMES)
    frames = sound[:, starts[:, None] + np.arange(table.window)].astype(np.float64)
    power = np.abs(np.fft.rfft(frames * end.window, table.bins)) ** 2
    bands = np.stack([power[..., b.first : b.first + len(b.weights)] @ b.weights for b in end.bands], 1)
    assert spectrograms(end, sound) == pytest.approx(np.log(bands.clip(1e-6)), abs=1e-5)


def sound_project(root: Path, shape: tuple[int, ...], **spectrogram: object) -> Project:
    data = {"path": "sound", "spectrogram": spectrogram}
    return project_from({"model": {"entry": "m.py:b", "input": list(shape)}, "data": data}, root)


def wav(path: Path, samples: np.ndarray, rate: int = 16_000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())
    path.write_bytes(content.getvalue())


def test_recordings_become_spectrograms(tmp_path: Path) -> None:
    rng, table = np.random.default_rng(0), SpectrogramTable(mel_bands=20)
    sounds = {label: rng.integers(-900, 900, (5, 9_000)) for label in ("no", "yes")}
    for label, recordings in sounds.items():
        for number, samples in enumerate(recordings):
            wav(tmp_path / "sound" / label / f"{number}.wav", samples[: 9_000 if number else 2_000])
    splits = load_data(sound_project(tmp_path, (1, 20, 25), mel_bands=20))
    assert splits.class_names == ("no", "yes")
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [6, 2, 2]
    lengths = [2_000, *[9_000] * 4]
    whole = np.stack(
        [
            np.pad(samples[:length], (0, 9_000))[: table.samples_for(25)]
            for recordings in sounds.values()
            for samples, length in zip(recordings, lengths, strict=True)
        ]
    )
    wanted = spectrograms(front_end(table), whole.astype(np.float32) / np.float32(32768))
    got = np.concatenate([split.inputs.numpy() for split in (splits.train, splits.validation, splits.test)])[:, 0]
    assert sorted(map(bytes, got)) == sorted(map(bytes, wanted))


@pytest.mark.parametrize(
    ("rate", "channels", "words"),
    [(44_100, 1, r"different rates: 16,000 Hz in \[data.spectrogram\] and 44,100 Hz"), (16_000, 2, "has 2 channels")],
)
def test_other_sound_is_refused(tmp_path: Path, rate: int, channels: int, words: str) -> None:
    for number in range(5):
        wav(tmp_path / "sound" / "yes" / f"{number}.wav", np.arange(20_000), rate, channels)
    with pytest.raises(DataError, match=words):
        load_data(sound_project(tmp_path, (1, 40, 25)))


@pytest.mark.parametrize(
    ("shape", "spectrogram", "words"),
    [
        ((1, 30, 25), {}, r"gives \[40, frames\] or \[1, 40, frames\]; the model has the input \[1, 30, 25\]"),
        ((1, 40, 25), {"fft_size": 256}, "a power of two, 512 or more"),
        ((1, 128, 25), {"mel_bands": 128}, "mel band 3 of 128 lies between two points of the FFT, 31.25 Hz apart"),
        ((1, 40, 25), {"high_hz": 9_000}, "at most half of 16,000 Hz"),
        ((1, 40, 25), {"window": 400}, "data.spectrogram.window: no such key; did you mean window_ms"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, shape: tuple[int, ...], spectrogram: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        sound_project(tmp_path, shape, **spectrogram)
