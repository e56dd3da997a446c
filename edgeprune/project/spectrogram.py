"""The front end for sound: log-mel spectrograms, computed here as `firmware/spectrogram/` computes them on a device.

Both are float32, operation by operation in the same order and with the same constants, so that a device's values are
these bit for bit, where its compiler contracts no multiplication and addition into one (`-ffp-contract=off`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edgeprune.files.schema import Strict

Floats = NDArray[np.float32]

LEAST_POWER = 1e-6  # of a band, below which it counts as silent
LN2 = 0.6931471805599453
_AT_ONCE = 512  # frames: what a core's cache holds


_MOST_POINTS = 1 << 16  # of an FFT; the C front end counts them in 16 bits


class SpectrogramTable(Strict):
    """`[data.spectrogram]`: recordings become log-mel spectrograms, bands first: (mel_bands, frames).

    sample_rate_hz: of all recordings. window_ms, hop_ms: length of a frame, and from one frame to the next. fft_size:
    a power of two, the least that holds a frame where absent. mel_bands: triangles of equal width in mel from low_hz to
    high_hz, half the sample rate where absent.
    """

    sample_rate_hz: Annotated[int, Field(gt=0)] = 16_000
    window_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    hop_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    fft_size: Annotated[int, Field(gt=0)] | None = None
    mel_bands: Annotated[int, Field(gt=0)] = 40
    low_hz: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    high_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @property
    def window(self) -> int:
        """Samples of a frame."""
        return max(1, round(self.sample_rate_hz * self.window_ms / 1000))

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return max(1, round(self.sample_rate_hz * self.hop_ms / 1000))

    @property
    def bins(self) -> int:
        """Points of the FFT."""
        return self.fft_size or 1 << (self.window - 1).bit_length()

    def samples_for(self, frames: int) -> int:
        """Samples of a recording that so many frames take."""
        return self.window + (frames - 1) * self.hop

    @model_validator(mode="after")
    def _makes_sense(self) -> SpectrogramTable:
        if max(self.window, self.bins, self.mel_bands) > _MOST_POINTS:
            raise ValueError(
                f"frames of {self.window:,} samples and {self.mel_bands:,} bands: {_MOST_POINTS:,} at most"
            )
        if self.bins & (self.bins - 1) or self.bins < self.window:
            least = 1 << (self.window - 1).bit_length()
            raise ValueError(
                f"fft_size {self.bins} for frames of {self.window} samples: a power of two, {least} or more"
            )
        top = self.high_hz or self.sample_rate_hz / 2
        if not self.low_hz < top <= self.sample_rate_hz / 2:
            raise ValueError(
                f"bands from {self.low_hz:g} to {top:g} Hz: low_hz below high_hz, and that at most half of "
                f"{self.sample_rate_hz:,} Hz"
            )
        empty = [number for number, band in enumerate(front_end(self).bands) if not len(band.weights)]
        if empty:
            raise ValueError(
                f"mel band {empty[0]} of {self.mel_bands} lies between two points of the FFT, "
                f"{self.sample_rate_hz / self.bins:g} Hz apart: a larger fft_size, fewer mel_bands or a higher low_hz"
            )
        return self


@dataclass(frozen=True, eq=False)
class Band:
    """A triangle over points of the spectrum: the first one, and (points,) weights from it on."""

    first: int
    weights: Floats


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """The constants of a spectrogram.

    Attributes:
        window: (samples of a frame,) a periodic Hann window.
        cosine, sine: (bins / 2,) of the angles 2 pi k / bins.
        bands: of increasing frequency.
    """

    table: SpectrogramTable
    window: Floats
    cosine: Floats
    sine: Floats
    bands: tuple[Band, ...]


def front_end(table: SpectrogramTable) -> FrontEnd:
    bins, length = table.bins, table.window
    angles = 2 * np.pi * np.arange(bins // 2) / bins
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    top = table.high_hz or table.sample_rate_hz / 2
    edges = _hertz(np.linspace(_mel(table.low_hz), _mel(top), table.mel_bands + 2))
    hertz = np.arange(bins // 2 + 1) * table.sample_rate_hz / bins
    bands = []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        weights = np.minimum((hertz - left) / (middle - left), (right - hertz) / (right - middle)).clip(0)
        points = np.flatnonzero(weights.astype(np.float32))
        first = int(points[0]) if len(points) else 0
        bands.append(Band(first, weights[points].astype(np.float32)))
    cosine, sine = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    return FrontEnd(table, hann.astype(np.float32), cosine, sine, tuple(bands))


def _mel(hertz: float) -> float:
    """O'Shaughnessy, Speech Communication, 1987."""
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def spectrograms(end: FrontEnd, sound: Floats) -> Floats:
    """(N, samples) float32 in -1..1 -> (N, mel_bands, frames) float32: natural logarithms of the bands' power.

    Args:
        sound: as many samples each as `samples_for` gives for a number of frames.
    """
    table = end.table
    frames = 1 + (sound.shape[1] - table.window) // table.hop
    starts = table.hop * np.arange(frames)
    pieces = sound[:, starts[:, None] + np.arange(table.window)].reshape(-1, table.window)
    columns = [_columns(end, pieces[begin : begin + _AT_ONCE].T) for begin in range(0, len(pieces), _AT_ONCE)]
    whole = np.concatenate(columns, axis=1).reshape(table.mel_bands, len(sound), frames)
    return np.ascontiguousarray(whole.transpose(1, 0, 2))


def _columns(end: FrontEnd, frames: Floats) -> Floats:
    """(window, frames) -> (mel_bands, frames)."""
    real = np.zeros((end.table.bins, frames.shape[1]), np.float32)
    real[: len(end.window)] = frames * end.window[:, None]
    real, imaginary = _transformed(end, real)
    power = real * real + imaginary * imaginary
    sums = np.zeros((len(end.bands), frames.shape[1]), np.float32)
    for total, band in zip(sums, end.bands, strict=True):
        for point, weight in enumerate(band.weights, band.first):
            total += weight * power[point]
    return _logarithm(np.maximum(sums, np.float32(LEAST_POWER)))


def _transformed(end: FrontEnd, real: Floats) -> tuple[Floats, Floats]:
    """Radix-2 FFT, decimation in time, along the first axis."""
    bins = len(real)
    bits = bins.bit_length() - 1
    order = [int(f"{index:0{bits}b}"[::-1], 2) if bits else 0 for index in range(bins)]
    real, imaginary = real[order], np.zeros_like(real)
    size = 2
    while size <= bins:
        half, step = size // 2, bins // size
        cosine, sine = (one[::step].reshape(1, half, 1) for one in (end.cosine, end.sine))
        re, im = (one.reshape(bins // size, size, -1) for one in (real, imaginary))
        low_re, low_im = re[:, half:], im[:, half:]
        turned_re = low_re * cosine + low_im * sine
        turned_im = low_im * cosine - low_re * sine
        re[:, half:], im[:, half:] = re[:, :half] - turned_re, im[:, :half] - turned_im
        re[:, :half] += turned_re
        im[:, :half] += turned_im
        size *= 2
    return real, imaginary


def _logarithm(values: Floats) -> Floats:
    """Natural, of positive float32: ln 2 times the exponent, and the series of the area tangent of the rest."""
    fraction, exponent = np.frexp(values)
    fraction, exponent = fraction * np.float32(2), (exponent - 1).astype(np.float32)
    is_high = fraction > np.float32(1.41421356)
    fraction = np.where(is_high, fraction * np.float32(0.5), fraction)
    exponent = np.where(is_high, exponent + np.float32(1), exponent)
    ratio = (fraction - np.float32(1)) / (fraction + np.float32(1))
    square = ratio * ratio
    series = square * np.float32(1 / 9) + np.float32(1 / 7)
    for term in (5, 3):
        series = series * square + np.float32(1 / term)
    series = series * square + np.float32(1)
    return np.asarray(exponent * np.float32(LN2) + ratio * np.float32(2) * series, np.float32)
