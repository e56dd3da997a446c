"""Quantization-aware training: a network with int8 rounding simulated in its forward pass.

    student = FakeQuantized(module, splits.calibration)
    finetune(student, splits, objective, settings, teacher=module_before)   # trains `module` in place

Values are rounded to their int8 grid on the way forward and pass unchanged on the way back (straight-through estimator:
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018,
arXiv:1712.05877).

What is rounded is what the exported file stores: the inputs of layers that compute (so that a convolution, its batch
norm and its activation, which become one operator, count as one) and the network's output, per tensor; kernels per
output channel, symmetric. Where an output's scale comes from, `quantize/specification.py` says: an average pool keeps
its input's, a sigmoid's is fixed, what is concatenated shares one. A batch norm scales whole channels, so rounding the
kernel before folding or after it is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgeprune.ir import DType, OpKind
from edgeprune.model.answers import Answer, mapped
from edgeprune.quantize.specification import Output, rule_of
from edgeprune.train.splits import Split

_KERNELS: dict[Any, int] = {  # function -> axis of the kernel's output channels; the kernel is argument 1
    torch.conv1d: 0,
    torch.conv2d: 0,
    functional.linear: 0,
    torch.conv_transpose2d: 1,
}
_READERS: dict[Any, int] = {  # function -> how many of its first arguments are activations
    **dict.fromkeys(_KERNELS, 1),
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__iadd__, Tensor.add_), 2),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, torch.sub, Tensor.sub, Tensor.__sub__), 2),
    **dict.fromkeys((functional.adaptive_avg_pool2d, functional.avg_pool2d, torch.mean, Tensor.mean), 1),
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, functional.sigmoid, torch.tanh, Tensor.tanh, torch.softmax), 1),
}
_KINDS: dict[Any, OpKind] = {  # function -> the operator it becomes, where that decides its output's scale
    functional.avg_pool2d: OpKind.AVERAGE_POOL_2D,
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, functional.sigmoid), OpKind.LOGISTIC),
    **dict.fromkeys((torch.tanh, Tensor.tanh), OpKind.TANH),
    **dict.fromkeys((torch.softmax, Tensor.softmax, functional.softmax), OpKind.SOFTMAX),
    **dict.fromkeys((torch.cat, torch.concat), OpKind.CONCATENATION),
    **dict.fromkeys((torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape), OpKind.RESHAPE),
    **dict.fromkeys((Tensor.permute, torch.permute), OpKind.TRANSPOSE),
}
_AtSite = Callable[[int, Tensor], Tensor]
_OfKernel = Callable[[Tensor, int], Tensor]
_MARK = "_edgeprune_grid"


class FakeQuantized(nn.Module):
    """`module`, rounding as its int8 file will. Parameters are shared; `module` itself stays a float network.

    Args:
        module: a network whose forward() does the same calls every time.
        split: samples the activations' ranges are measured on, minimum to maximum.
        weight_bits: of kernels; activations have 8.
    """

    def __init__(self, module: nn.Module, split: Split, weight_bits: int = 8):
        super().__init__()
        self.module = module
        self.weight_bits = weight_bits
        self._ranges: dict[int, tuple[float, float]] = {}
        self.train(module.training)
        self.measure(split)

    def measure(self, split: Split) -> None:
        """Measures the activations' ranges again; for after large changes of the weights."""
        self._ranges.clear()
        was_training = self.module.training
        self.module.eval()
        try:
            with torch.no_grad():
                for part in torch.split(split.inputs, 256):
                    self._run(split.real(part), self._widen, lambda kernel, axis: kernel)
        finally:
            self.module.train(was_training)

    def forward(self, samples: Tensor) -> Answer:
        """(B, ...) float32 -> what the network returns as int8 can represent it, float32."""
        return self._run(samples, self._rounded, self._rounded_kernel)

    def _run(self, samples: Tensor, at_site: _AtSite, kernel: _OfKernel) -> Answer:
        sites = _Sites(at_site, kernel)
        with sites:
            answer = self.module(samples)
        return mapped(lambda part: sites.at_grid(part)[0], answer)

    def _widen(self, site: int, values: Tensor) -> Tensor:
        low, high = self._ranges.get(site, (0.0, 0.0))  # int8 must represent zero
        self._ranges[site] = min(low, float(values.min())), max(high, float(values.max()))
        return values

    def _rounded(self, site: int, values: Tensor) -> Tensor:
        low, high = self._ranges[site]
        scale = max(high - low, 1e-8) / 255
        zero_point = round(-128 - low / scale)
        rounded: Tensor = torch.fake_quantize_per_tensor_affine(values.float(), scale, zero_point, -128, 127)
        return rounded

    def _rounded_kernel(self, kernel: Tensor, axis: int) -> Tensor:
        limit = 2 ** (self.weight_bits - 1) - 1
        others = [other for other in range(kernel.ndim) if other != axis]
        scales = kernel.detach().float().abs().amax(dim=others).clamp_min(1e-8) / limit
        zero_points = torch.zeros(len(scales), dtype=torch.int32, device=scales.device)
        rounded: Tensor = torch.fake_quantize_per_channel_affine(
            kernel.float(), scales, zero_points, axis, -limit, limit
        )
        return rounded


class _Sites(TorchFunctionMode):
    """Calls `at_site(number, tensor)` on every activation a computing layer reads, numbered in the order of the calls.

    A tensor that lies on a site's grid already is marked with its number, and keeps it where values only move.
    """

    def __init__(self, at_site: _AtSite, kernel: _OfKernel):
        super().__init__()
        self.count = 0
        self._at_site = at_site
        self._kernel = kernel

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        changed, grid = list(args), getattr(args[0], _MARK, None) if args else None
        for index in range(min(_READERS.get(function, 0), len(args))):
            if isinstance(args[index], Tensor) and args[index].ndim > 1:
                changed[index], grid = self.at_grid(args[index])
        if function in _KERNELS:
            changed[1] = self._kernel(args[1], _KERNELS[function])
        result = function(*changed, **(kwargs or {}))
        return self._as_stored(function, result, grid)

    def _as_stored(self, function: Any, result: Any, grid: int | None) -> Any:
        """The result on the grid that the specification gives it; elsewhere whoever reads it rounds it."""
        kind = _kind_of(function, result)
        if kind is None:
            return result
        rule = rule_of(kind)
        if rule.fixed is not None:
            fixed = rule.fixed[DType.INT8]
            return torch.fake_quantize_per_tensor_affine(result.float(), fixed.scale[0], fixed.zero_point[0], -128, 127)
        if rule.output is Output.SHARED:
            return self._marked(*self.at_grid(result))
        if rule.output is Output.INPUT and grid is not None:
            computes = kind is OpKind.AVERAGE_POOL_2D
            return self._marked(self._at_site(grid, result) if computes else result, grid)
        return result

    @staticmethod
    def _marked(values: Tensor, grid: int) -> Tensor:
        setattr(values, _MARK, grid)
        return values

    def at_grid(self, values: Tensor) -> tuple[Tensor, int]:
        """The values on their grid, a new one where they have none, and its number."""
        grid: int | None = getattr(values, _MARK, None)
        if grid is None:
            grid = self.count
            self.count += 1
        return self._at_site(grid, values), grid


def _kind_of(function: Any, result: Any) -> OpKind | None:
    """An adaptive pool over the whole image becomes a MEAN, which has a scale of its own."""
    if function is functional.adaptive_avg_pool2d:
        return OpKind.MEAN if tuple(result.shape[2:]) == (1, 1) else OpKind.AVERAGE_POOL_2D
    return _KINDS.get(function)
