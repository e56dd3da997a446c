"""docs/layers.md, made from the layers that are tested and from what they become.

python -m tests.layers_page    # writes it
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import torch

from edgeprune.engine.graph.clean import clean
from edgeprune.ir import OpKind
from edgeprune.model.trace import trace
from edgeprune.prune.widths.predicted_graph import int8_form
from tests.layers_of_torch import FAMILIES, Layer

PAGE = Path(__file__).resolve().parents[1] / "docs" / "layers.md"
_VIEWS = (OpKind.RESHAPE,)
_HEAD = """# Layers

What `edgeprune` traces, and what it becomes on the device. The page is made by `python -m tests.layers_page` from
`tests/layers_of_torch.py`; `tests/unit/model/test_layers.py` holds each row against PyTorch: float within 1e-4, int8 at
least 30 dB of signal to noise, our engine's bytes as LiteRT's. Whatever torch writes in terms of these (`nn.Sequential`,
your own functions) works as well. Where a function jumps (Threshold, floor, masked_fill) int8 reaches 25 dB, and 28 dB
in Bilinear and x**3, which multiply their own errors.

A TABLE is 256 results for the 256 int8 values, worked out when the file is written (in a file: QUANTIZE to uint8, CAST,
GATHER); several functions in a row are one. Embeddings are tables of their rows: up to 256 are picked by an int8 input, up
to 32,768 by an int16 one (CAST, MAXIMUM, MINIMUM, GATHER). Views cost nothing and are left out.
"""  # noqa: E501
_TAIL = """## What can be thinned

| layer | units that go together |
|---|---|
| convolutions, linear layers | filters and neurons, with all that reads them |
| GroupNorm | whole groups: each is normalized by itself |
| InstanceNorm, BatchNorm | channels |
| LayerNorm, RMSNorm, GroupNorm of one group | nothing: a norm over channels changes with their number. The layers between two norms, as the hidden layer of a transformer block, are thinned |
| attention | channels of all heads alike, or whole heads, where forward() takes their sizes from its tensors (`reshape(n, t, heads, -1)`); whole heads as well where it takes them from its module (`self.num_heads`) |
| LSTM, GRU, RNN and cells | hidden units, in all gates; one number of them for all layers and directions of one nn.LSTM. States made in forward() are left out, or sized by `self.lstm.hidden_size` or a whole number of its module (`self.hidden_dim`), which follows |
| Embedding | columns of its table |
| GLU | the same channels of both halves |

What stays, `edgeprune inspect` lists with the reason and your line; it is exported all the same.

## What is refused

Before anything is computed, with the line of forward(): paths that depend on values, random numbers, places of maxima
(`argmax`, `return_indices`), convolutions over three dimensions, batch norm without running statistics, embeddings of
more than 32,768 rows, packed sequences. A log_softmax at the end is exported as it is; logits need five operators less and
have the same largest class, so a network made for a device does better to move it into the loss.
"""  # noqa: E501


def page() -> str:
    parts = [_HEAD]
    for family, layers in FAMILIES.items():
        rows = [f"| {name} | {operators_of(layer)} |" for name, layer in layers.items()]
        parts.append("\n".join([f"## {family}\n", "| layer | operators |", "|---|---|", *rows, ""]))
    return "\n".join([*parts, _TAIL])


def operators_of(layer: Layer) -> str:
    """`CONV_2D, 2 MUL`, in order of appearance."""
    torch.manual_seed(1)
    traced = trace(layer.make().eval(), layer.shape)
    kinds = Counter(op.kind for op in clean(int8_form(traced.graph)).ops if op.kind not in _VIEWS)
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds.items()) or "none"


if __name__ == "__main__":
    PAGE.write_text(page())
