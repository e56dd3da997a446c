"""What to write in place of what a device cannot compute, by ATen operator and by torch's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgeprune.errors import ModelError
from edgeprune.model.user_line import quoted

_HOST = "return the values before it, and do this on the host or in your firmware"
_ORDER = "a sorted order has no fixed place in memory: return the values, and sort them on the host or in your firmware"
_SPECTRUM = "F.conv1d with cosines and sines as fixed filters, or a spectrum computed in front of the network"

_OPERATORS: Mapping[str, str] = {
    **dict.fromkeys(("argmax", "argmin"), "return the values: the largest is found on the host or in your firmware"),
    **dict.fromkeys(("topk", "sort", "argsort", "median", "nanmedian", "kthvalue", "mode", "msort"), _ORDER),
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c", "as_strided", "complex", "view_as_complex"), _SPECTRUM),
    **dict.fromkeys(
        ("grid_sampler_2d", "affine_grid_generator"), "F.interpolate, F.pad and slices take fixed places of an image"
    ),
    **dict.fromkeys(("histc", "bincount", "unique_dim", "_unique2"), _HOST),
    **dict.fromkeys(("scatter", "scatter_add", "gather", "index_put", "index_add"), (
        "multiply with a mask of zeros and ones: (places == index).float()"
    )),
    "_cdist_forward": "((a.unsqueeze(2) - b.unsqueeze(1)) ** 2).sum(-1).sqrt()",
    "cumprod": "torch.exp(torch.cumsum(torch.log(x), dim)) where x > 0",
    "bucketize": "(x.unsqueeze(-1) > edges).float().sum(-1)",
    "fmod": "x % n, or x - n * torch.floor(x / n)",
    "atan2": "return both values, and take the angle on the host or in your firmware",
    "renorm": "F.normalize",
    "pow": "torch.exp(exponent * torch.log(base)) where base > 0",
}  # fmt: skip
_FAMILIES = (("linalg_", _HOST), ("_linalg_", _HOST))

_WORDS = (
    (r"'lengths' argument", "sequences are packed by lengths, which change from sample to sample",
     "give the padded batch to the recurrent layer itself; every input has one length on a device"),
    (r"to numpy|Cannot copy out of meta|no data", "a tensor's values are taken out of torch",
     "write it with torch's functions, which are followed"),
    (r"missing \d+ required (positional|keyword)", None,
     "state every input: a table [model.inputs] of shapes, by the names of forward()'s parameters"),
    (r"values that are no whole numbers", None, "give it x.long(), or integer samples to a model that takes them"),
    (r"register_meta|fake impl|Meta tensors", "the size of the result depends on values", _HOST),
)  # fmt: skip


def way_out_of(operator: str) -> str:
    """operator: without namespace, `argmax`."""
    family = next((hint for prefix, hint in _FAMILIES if operator.startswith(prefix)), None)
    return _OPERATORS.get(operator) or family or "replace this layer, or keep it on the host"


def computed_constant(operator: str, name: str) -> str | None:
    """The way out where an operator takes from another layer what the device holds as a constant; None: no particular
    one."""
    if operator == "convolution" and name == "weight":
        return (
            "of weights mixed by a sample (CondConv, DynamicConv), run the layers side by side and mix their outputs: "
            "share_1 * conv_1(x) + share_2 * conv_2(x)"
        )
    return None


def reads_values(where: str, is_mask: bool) -> ModelError:
    """What is raised where forward() reads the value of a tensor.

    Args:
        where: the user's line.
        is_mask: places are picked by it.
    """
    return ModelError(
        f"forward() reads the value of a tensor at {where}: its path depends on the data{quoted(where)}",
        hint="how many values a mask leaves is unknown: multiply with mask.float(), or torch.where"
        if is_mask
        else "an if, a loop or an int() over a tensor cannot become fixed code; use torch.where or take it out",
    )


def understood(reason: str) -> tuple[str, str]:
    """(what went wrong in a forward pass over shapes, what to do), by the first line of torch's own words."""
    for pattern, meaning, hint in _WORDS:
        if re.search(pattern, reason):
            return meaning or reason, hint
    return reason, "run the module once on such an input in eval mode; a hard-coded size is the usual cause"
