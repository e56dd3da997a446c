"""A trained network to a full-int8 `.tflite` file, stripped, and how near it stays to the float network."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export.exporter import Exporter
from edgeprune.ir import Graph
from edgeprune.quantize.host import dequantized_outputs
from edgeprune.tflite.read import read_tflite
from edgeprune.tflite.strip import strip


@dataclass(frozen=True, eq=False)
class ExportedTflite:
    """An int8 file.

    Attributes:
        data: the whole file, for phones and for figures; images are (1, H, W, C) at both ends, int8.
        stripped: what a microcontroller needs of it; the same outputs.
        layers: the layer each operator came from, in execution order; stripping drops names.
        sqnr_db: signal to quantization-noise ratio of its outputs against the float network's, over the samples; the
            lower one of a network with an early exit.
        argmax_agreement: share of samples (0..1) whose largest output is the same one; of vectors of two and more.
    """

    data: bytes
    stripped: bytes
    layers: tuple[str, ...]
    sqnr_db: float
    argmax_agreement: float | None

    def graph(self) -> Graph:
        """The stripped file's graph, its operators named after their layers."""
        graph, taken = read_tflite(self.stripped), Counter[str]()
        named = []
        for op, layer in zip(graph.ops, self.layers, strict=True):
            taken[layer] += 1
            named.append(replace(op, name=layer if taken[layer] == 1 else f"{layer}_{taken[layer]}"))
        return graph.with_ops(tuple(named))


def export_tflite(module: nn.Module, samples: Tensor, exporter: Exporter | None = None) -> ExportedTflite:
    """Converts, calibrates and quantizes; nothing is left in float.

    Args:
        module: the network, or one with an early exit (`model/exits.py`); taken in evaluation mode, not changed.
        samples: (N, C, H, W), (N, C, T) or (N, F) float32, as the network sees them; ranges are measured on them.
        exporter: a converter already running; otherwise one is started and ended.

    Raises:
        ModelError: the network cannot be traced or converted, or layers stay in float; each named.
    """
    if exporter is None:
        with Exporter() as started:
            return export_tflite(module, samples, started)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            answers = [_answers(module(part)) for part in torch.split(samples, 256)]
            wanted = [torch.cat(parts).float().numpy() for parts in zip(*answers, strict=True)]
        program = _program(module, samples[:1])
    finally:
        module.train(was_training)
    channels_last = _channels_last(samples.numpy())
    paths = {name: str(exporter.folder / name) for name in ("program.pt2", "samples.npy", "result.tflite")}
    Path(paths["program.pt2"]).write_bytes(program)
    np.save(paths["samples.npy"], channels_last)
    answer = exporter.ask(dict(zip(("program", "samples", "result"), paths.values(), strict=True)))
    if "float_layers" in answer:
        raise ModelError(
            f"{len(answer['float_layers'])} operators cannot be made int8: {', '.join(answer['float_layers'][:4])}",
            hint="replace those layers (relu, relu6 and hard-swish are int8)",
        )
    if "error" in answer:
        raise ModelError(f"the model cannot be converted: {answer['error']}", hint="is every layer one TFLite has?")
    data = (exporter.folder / "result.tflite").read_bytes()
    got = dequantized_outputs(data, channels_last)
    near = min(sqnr_db(*pair) for pair in zip(wanted, got, strict=True))
    return ExportedTflite(data, strip(data), tuple(answer["layers"]), near, _agreement(wanted[0], got[0]))


def sqnr_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """10 log10(power of `wanted` / power of the difference)."""
    noise = float(np.square(wanted.astype(np.float64) - got).sum())
    return float(10 * np.log10(float(np.square(wanted.astype(np.float64)).sum()) / max(noise, 1e-30)))


class _ChannelsLast(nn.Module):
    """Takes and gives (N, ..., C), so that the converted file has no transpose at its ends."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor) -> Tensor | tuple[Tensor, ...]:
        # contiguous(): a `view` in the model's forward() wants the plain order in memory
        answer = self.model(sample.movedim(-1, 1).contiguous() if sample.ndim > 2 else sample)
        last = tuple(one.movedim(1, -1) if one.ndim > 2 else one for one in _answers(answer))
        return last if len(last) > 1 else last[0]


def _answers(given: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A network's answer; its own and the exit's where it has an early exit."""
    return given if isinstance(given, tuple) else (given,)


def _channels_last(samples: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(samples, 1, -1), dtype=np.float32)


def _program(module: nn.Module, sample: Tensor) -> bytes:
    buffer = io.BytesIO()
    try:
        example = torch.from_numpy(_channels_last(sample.numpy()))
        torch.export.save(torch.export.export(_ChannelsLast(module).eval(), (example,)), buffer)
    except Exception as problem:
        raise ModelError(
            f"the model cannot be traced: {str(problem).strip().splitlines()[0][:300]}",
            hint="its forward() must not branch on values of tensors",
        ) from problem
    return buffer.getvalue()


def _agreement(wanted: np.ndarray, got: np.ndarray) -> float | None:
    if wanted.ndim != 2 or wanted.shape[1] < 2:
        return None
    return float((wanted.argmax(axis=1) == got.argmax(axis=1)).mean())
