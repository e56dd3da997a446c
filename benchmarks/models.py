"""The four networks of MLPerf Tiny as int8 `.tflite` files: KWS and AD as published, IC and VWW built here.

IC is ResNet-8 with the weights of `../shared/data/resnet8_cifar10.pt`, calibrated on CIFAR-10 images. VWW is
MobileNetV1 0.25 at 96x96 with seeded random weights: counts of instructions and bytes do not depend on training.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

SHARED = Path(__file__).resolve().parents[2] / "shared"
NAMES = ("kws", "ic", "vww", "ad")
_CALIBRATION_IMAGES = 64
_BLOCKS = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *(((1, 512),) * 5), (2, 1024), (1, 1024))


def load_model(name: str, cache: Path) -> bytes:
    """The `.tflite` of one of NAMES; built ones are kept in `cache`."""
    if name in ("kws", "ad"):
        return (SHARED / "data" / "mlperf-tiny" / f"{name}01_int8.tflite").read_bytes()
    path = cache / f"{name}.tflite"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        path.write_bytes({"ic": _resnet8, "vww": _vww}[name]())
    return path.read_bytes()


def _resnet8() -> bytes:
    from edgeprune.export.tflite import export_tflite

    return export_tflite(trained_resnet8(), cifar10_images(_CALIBRATION_IMAGES, "train")).data


def trained_resnet8() -> nn.Module:
    """ResNet-8 with the weights of `../shared/data/resnet8_cifar10.pt`."""
    import torch

    spec = importlib.util.spec_from_file_location("resnet8", SHARED / "examples" / "resnet8.py")
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    network: nn.Module = source.ResNet8()
    network.load_state_dict(torch.load(SHARED / "data" / "resnet8_cifar10.pt", weights_only=True))
    return network


def cifar10_images(count: int, split: str) -> Tensor:
    """(count, 3, 32, 32) float32 in 0..1, of all classes; `split` is "train" or "test"."""
    import torch
    from PIL import Image

    with zipfile.ZipFile(SHARED / "data" / "cifar10_jpeg.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.startswith(f"{split}/") and name.endswith(".jpg"))
        chosen = names[:: len(names) // count][:count]
        images = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in chosen]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def _vww() -> bytes:
    from edgeprune.export.tflite import export_tflite

    network, samples = mobilenet_v1()
    return export_tflite(network, samples).data


def mobilenet_v1() -> tuple[nn.Sequential, Tensor]:
    """The network in evaluation mode, and the samples (16, 3, 96, 96) its ranges are measured on."""
    import torch
    from torch import nn

    def convolution(in_c: int, out_c: int, stride: int, depthwise: bool = False, taps: int = 3) -> list[nn.Module]:
        # TensorFlow's SAME padding with a stride of 2 over an even size: below and to the right only.
        padding = [nn.ZeroPad2d((0, 1, 0, 1))] if stride == 2 else []
        groups = in_c if depthwise else 1
        layer = nn.Conv2d(in_c, out_c, taps, stride, taps // 2 if stride == 1 else 0, groups=groups, bias=False)
        return [*padding, layer, nn.BatchNorm2d(out_c), nn.ReLU()]

    torch.manual_seed(0)
    layers, channels = convolution(3, 8, 2), 8
    for stride, width in _BLOCKS:
        layers += convolution(channels, channels, stride, depthwise=True)
        layers += convolution(channels, width // 4, 1, taps=1)
        channels = width // 4
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2))
    samples = torch.rand(16, 3, 96, 96)
    network.train()  # batch norm takes its statistics from the samples, so that every layer's range is a usual one
    with torch.no_grad():
        for _ in range(30):
            network(samples)
    return network.eval(), samples
