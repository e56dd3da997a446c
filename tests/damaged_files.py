"""Every reader of files from outside, a whole file for each, and ways to damage one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as safetensors_bytes

from edgeprune.device.image.segments import Image as Image_
from edgeprune.errors import EdgePruneError
from edgeprune.project.file import project_template
from tests.damaged_parts import Damage, a_field, a_value, in_an_entry

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """file_name: of the damaged bytes; whole: an undamaged file; read: raises EdgePruneError or nothing; inside: damage
    that comes past checksums and parsers, where the format has them; others: undamaged files beside `whole`."""

    file_name: str
    whole: Callable[[], bytes]
    read: Read
    inside: Damage | None = None
    others: Callable[[], Sequence[bytes]] = tuple

    def damaged(self, rng: np.random.Generator) -> bytes:
        """A file damaged in its bytes, or in half of the cases inside, where there is an inside."""
        files = [self.whole(), *self.others()]
        whole = files[int(rng.integers(len(files)))] if len(files) > 1 else files[0]
        if self.inside is not None and rng.random() < 0.5:
            return self.inside(whole, rng)
        return mutated(whole, rng)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four changes: bits and bytes flipped, numbers made extreme, pieces cut, doubled or put elsewhere."""
    content = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not content:
            return bytes(content)
        at = int(rng.integers(len(content)))
        kind = int(rng.integers(7))
        if kind == 0:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[at] = int(rng.integers(256))
        elif kind == 2:
            value = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
            content[at : at + 4] = value.to_bytes(4, "little")[: len(content) - at]
        elif kind == 3:
            del content[at:]
        elif kind == 4:
            del content[at : at + int(rng.integers(1, 64))]
        elif kind == 5:
            piece = content[at : at + int(rng.integers(1, 64))]
            content[at:at] = piece
        else:
            other = int(rng.integers(len(content)))
            size = int(rng.integers(1, 32))
            content[at : at + size] = content[other : other + size]
    return bytes(content)


def refusal(reader: Reader, content: bytes, folder: Path) -> EdgePruneError | None:
    """What the reader says of these bytes, None where it takes them; anything else it raises is a fault."""
    path = folder / reader.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        reader.read(path)
    except EdgePruneError as refused:
        return refused
    return None


@cache
def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x_train=np.zeros((8, 2, 3), np.float32), y_train=np.arange(8) % 2)
    return stream.getvalue()


@cache
def _samples() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, inputs=np.zeros((8, 4), np.int8), expected=np.zeros((8, 2), np.int8), targets=np.arange(8) % 2)
    return stream.getvalue()


@cache
def _images() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, (name, kind) in enumerate((("cat", "PNG"), ("dog", "JPEG"), ("cat", "BMP"), ("dog", "WEBP"))):
            picture = io.BytesIO()
            Image.fromarray(np.full((6, 6, 3), 40 * index, np.uint8)).save(picture, kind)
            archive.writestr(f"train/{name}/{index}.{kind.lower()}", picture.getvalue())
    return stream.getvalue()


@cache
def _checkpoint() -> bytes:
    stream = io.BytesIO()
    torch.save({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}, stream)
    return stream.getvalue()


@cache
def _safetensors() -> bytes:
    return bytes(safetensors_bytes({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}))


@cache
def _exported() -> bytes:
    stream = io.BytesIO()
    torch.export.save(torch.export.export(torch.nn.Linear(3, 2), (torch.zeros(1, 3),)), stream)
    return stream.getvalue()


def _shards() -> bytes:
    return json.dumps({"metadata": {}, "weight_map": {"weight": "a.safetensors", "bias": "b.safetensors"}}).encode()


@cache
def _state() -> bytes:
    from edgeprune.budget import Limits
    from edgeprune.fitting.granularity import GRANULARITIES
    from edgeprune.project.file import default_project
    from edgeprune.tasks.fit import FitRequest, options_of

    channels = GRANULARITIES.find("channels")
    request = FitRequest(None, "cortex-m4", Limits(), channels, options_of(default_project()))
    state = {"request": request.as_json(), "notes": {"network": "0" * 8}, "seconds": {"network": 0.1}}
    return json.dumps(state, indent=1, default=str).encode()


@cache
def _project_file() -> bytes:
    return project_template()["edgeprune.toml"]


@cache
def _target() -> bytes:
    from edgeprune.hardware.registry import target_files

    return target_files()["nucleo-f446re"].read_bytes()


@cache
def _tflite() -> bytes:
    from tests.firmware.random_nets import random_net

    return random_net(1, 3)


@cache
def _operators() -> tuple[bytes, ...]:
    """An operator of each family in a file of its own."""
    from tests.firmware.random_operators import random_operators

    return tuple({one.family: one.alone() for one in random_operators(400, 1) if one.powers is None}.values())


def _pte() -> bytes:
    return (Path(__file__).parent / "unit" / "export" / "pte" / "xnnpack.pte").read_bytes()


def _linked(write: Callable[[Image_], bytes]) -> Callable[[], bytes]:
    """A small image as a file."""

    def whole() -> bytes:
        from edgeprune.device.image.segments import Segment, image_of

        content = bytes(range(256)) * 3
        return write(image_of([Segment(0x1000_0000, content), Segment(0x1000_0800, content[:99])], "damaged"))

    return whole


def _elf(image: Image_) -> bytes:
    from tests.unit.device.image.elf_files import elf_file

    return elf_file([(segment.address, segment.content) for segment in image.segments])


def _hex(image: Image_) -> bytes:
    from edgeprune.device.image.intel_hex import intel_hex

    return intel_hex(image).encode()


def _uf2(image: Image_) -> bytes:
    from edgeprune.device.image.uf2 import uf2_file

    return uf2_file(image, 0xE48BFF56)


def _read_image(path: Path) -> object:
    from edgeprune.device.image.read import read_image

    return read_image(path, 0x0800_0000, 0xE48BFF56)


def _archive(data: bytes, rng: np.random.Generator) -> bytes:
    return in_an_entry(data, rng, mutated)


def _read_npz(path: Path) -> object:
    from edgeprune.train.data import load_data

    return load_data(_project(path, (2, 3)))


def _read_images(path: Path) -> object:
    from edgeprune.train.data import load_data

    return load_data(_project(path, (3, 6, 6)))


def _project(path: Path, shape: tuple[int, ...]) -> object:
    from edgeprune.project.file import project_from

    tables = {"model": {"entry": "m:build", "input": list(shape), "name": "m"}, "data": {"path": path.name}}
    return project_from(tables, path.parent)


def _read_samples(path: Path) -> object:
    from edgeprune.tasks.samples import of_the_run

    return of_the_run(path, 4)


def _read_weights(path: Path) -> object:
    from edgeprune.model.load import load_module

    (path.parent / "net.py").write_text("import torch\n\n\ndef build():\n    return torch.nn.Linear(3, 2)\n")
    return load_module("net.py:build", Path(path.name), path.parent)


def _read_shards(path: Path) -> object:
    for file, name, shape in (("a.safetensors", "weight", (2, 3)), ("b.safetensors", "bias", (2,))):
        (path.parent / file).write_bytes(safetensors_bytes({name: torch.zeros(shape)}))
    return _read_weights(path)


def _read_state(path: Path) -> object:
    from edgeprune.files.workspace import Workspace
    from edgeprune.tasks.fit import FitRequest

    try:
        request = json.loads(path.read_bytes())["request"]
    except (ValueError, KeyError, TypeError, RecursionError):
        request = None
    if isinstance(request, dict):  # past the digest, as if another version had written it
        other = path.parent / "other"
        Workspace.begin_at(other, request).close()
        return FitRequest.noted_in(other)
    with Workspace.resume(path.parent):
        return FitRequest.noted_in(path.parent)


def _read_project(path: Path) -> object:
    from edgeprune.project.file import load_project

    return load_project(path)


def _read_target(path: Path) -> object:
    from edgeprune.hardware.registry import load_target

    return load_target(str(path))


def _read_tflite(path: Path) -> object:
    from edgeprune.budget import Optimize
    from edgeprune.engine.compile import CompileOptions, compile_named
    from edgeprune.hardware.registry import load_target

    options = CompileOptions(Optimize.BALANCED, "damaged", "damaged_files.py")
    return compile_named(path.name, path.read_bytes(), load_target("cortex-m4"), options).sources()


def _read_pte(path: Path) -> object:
    from edgeprune.export.pte.program import read_pte

    return read_pte(path.read_bytes(), path.name)


READERS = {
    "npz": Reader("data.npz", _npz, _read_npz, _archive),
    "samples": Reader("samples.npz", _samples, _read_samples, _archive),
    "images": Reader("images.zip", _images, _read_images, _archive),
    "checkpoint": Reader("weights.pt", _checkpoint, _read_weights, _archive),
    "safetensors": Reader("weights.safetensors", _safetensors, _read_weights),
    "exported": Reader("weights.pt2", _exported, _read_weights, _archive),
    "shards": Reader("weights.safetensors.index.json", _shards, _read_shards, a_value),
    "state": Reader("run/state.json", _state, _read_state, a_value),
    "project": Reader("edgeprune.toml", _project_file, _read_project, a_value),
    "target": Reader("board.toml", _target, _read_target, a_value),
    "tflite": Reader("model.tflite", _tflite, _read_tflite, a_field, _operators),
    "pte": Reader("model.pte", _pte, _read_pte),
    "elf": Reader("firmware.elf", _linked(_elf), _read_image),
    "hex": Reader("firmware.hex", _linked(_hex), _read_image),
    "uf2": Reader("firmware.uf2", _linked(_uf2), _read_image),
}
