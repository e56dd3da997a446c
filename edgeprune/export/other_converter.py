"""`.tflite` files by litert-torch and ai-edge-quantizer, for users who want that converter's and for comparison.

It runs in a process of its own (`other_converter_process.py`), since it takes seconds and 0.8 GB to load, and is
installed with `edgeprune[litert-torch]`.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export.converter_process import ConverterProcess, first_line

_NEEDED = ("litert_torch", "ai_edge_quantizer")
_INSTALL = "pip install 'edgeprune[litert-torch]', or leave --exporter out: EdgePrune writes the file itself"


class OtherConverter:
    """A converter process, gone when the block ends.

    with OtherConverter() as other:
        data = other.int8_file(module, samples)

    Raises:
        UsageError: the converter is not installed.
    """

    def __init__(self) -> None:
        self._process = ConverterProcess("edgeprune.export.other_converter_process", _NEEDED, _INSTALL)

    def float_file(self, module: nn.Module, samples: Tensor) -> bytes:
        """float32 throughout; inputs and outputs are (1, ..., C).

        Args:
            module: a network in evaluation mode.
            samples: (N, C, ...) float32, of which the first one's shape counts.

        Raises:
            ModelError: the network cannot be converted; says why.
        """
        return self._file(module, samples, is_quantized=False)

    def int8_file(self, module: nn.Module, samples: Tensor) -> bytes:
        """Full int8 with plain min/max ranges over the samples; else as `float_file`."""
        return self._file(module, samples, is_quantized=True)

    def _file(self, module: nn.Module, samples: Tensor, is_quantized: bool) -> bytes:
        folder = self._process.folder
        last = torch.movedim(samples, 1, -1).contiguous()
        try:
            with torch.no_grad():
                program = torch.export.export(_ChannelsLast(module).eval(), (last[:1],))
        except Exception as problem:  # torch.export raises what it likes, and the user's code runs in it
            raise ModelError(f"torch.export does not take the network: {first_line(str(problem))}") from problem
        names = {name: str(folder / name) for name in ("module", "samples", "result")}
        torch.export.save(program, names["module"])
        with Path(names["samples"]).open("wb") as file:
            np.save(file, last.numpy())
        reply = self._process.reply({**names, "is_quantized": is_quantized})
        if "error" in reply:
            raise ModelError(
                f"litert-torch does not convert the network: {first_line(reply['error'])}",
                hint="leave --exporter out: EdgePrune writes the file itself",
            )
        return (folder / "result").read_bytes()

    def __enter__(self) -> OtherConverter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, problem, trace)


class _ChannelsLast(nn.Module):
    """Takes and gives (N, ..., C), so that the converted file has no transpose at its ends."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.model = module

    def forward(self, sample: Tensor) -> Tensor | tuple[Tensor, ...]:
        output = self.model(sample.movedim(-1, 1).contiguous() if sample.ndim > 2 else sample)
        parts = tuple(output) if isinstance(output, tuple | list) else (output,)
        last = tuple(one.movedim(1, -1) if one.ndim > 2 else one for one in parts)
        return last if len(last) > 1 else last[0]
