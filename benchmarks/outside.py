"""Whether what a finished fit recorded is so, by other programs: nothing of EdgePrune is imported here.

    python -I benchmarks/outside.py RUN DATA.npz [--flash BYTES] [--ram BYTES] [--boot MACHINE]

Reads `run.json` and holds it against the files beside it: flash and RAM by the segments and sections of the ELF, the
model by its digest, the run's samples by LiteRT's reference kernels, the accuracy by LiteRT over DATA's test split, and
with `--boot` the bytes of the image itself on that QEMU machine, asked as docs/console.md has it. Prints what is not so
and exits with 1 then; exits with 0 where all is so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from elftools.elf.elffile import ELFFile

_OF_DATA = (".data", ".bss")
_PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
_ACCURACY_POINTS = 0.01
_ALIGNMENT_BYTES = 16


def untruths(run: Path, data: Path, flash_bytes: int | None, ram_bytes: int | None, boot: str | None) -> Iterator[str]:
    """What of the record is not so; limits are those that were asked for."""
    record = json.loads((run / "run.json").read_bytes())
    if not record["fits"]:
        return
    elf = run / "firmware" / "firmware.elf"
    yield from _sizes(record, elf)
    for what, limit in (("flash", flash_bytes), ("ram", ram_bytes)):
        if limit is not None and not record[f"{what}_bytes"] <= limit == record[f"{what}_limit_bytes"]:
            yield f"{what}: {record[f'{what}_bytes']} B of {record[f'{what}_limit_bytes']}, asked for {limit}"
    missing = [name for name in record["artifacts"].values() if not (run / name).is_file()]
    if missing:
        yield f"{', '.join(missing)}: not there"
    tflite = (run / "model.tflite").read_bytes()
    if hashlib.sha256(tflite).hexdigest() != record["model_sha256"]:
        yield "model.tflite is not the file of the record"
    with np.load(run / "samples.npz") as kept:
        inputs, expected = kept["inputs"], kept["expected"].view(np.int8)
    if len(inputs) < record["verified_samples"]:
        yield f"{len(inputs)} samples are kept, {record['verified_samples']} were verified"
    got = answers(tflite, inputs, OpResolverType.BUILTIN_REF).reshape(expected.shape)
    off = int(np.abs(got.astype(int) - expected).max())
    if off > (0 if has_reference(tflite) else 2):
        yield f"the run's samples are {off} steps from the reference's"
    yield from _accuracy(record, tflite, data)
    if boot is not None:
        image = run / "firmware" / "emulated" / "firmware.elf"
        given = _booted(image if image.is_file() else elf, boot, [sample.tobytes() for sample in inputs[:2]])
        for got_bytes, wanted in zip(given, expected, strict=False):
            if got_bytes != wanted.tobytes():
                yield f"the image gives {got_bytes.hex() or 'nothing'}, recorded is {wanted.tobytes().hex()}"


def _sizes(record: dict[str, Any], path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        flash_bytes = sum(segment["p_filesz"] for segment in elf.iter_segments("PT_LOAD"))
        sections = {section.name: section["sh_size"] for section in elf.iter_sections()}
    if flash_bytes != record["flash_bytes"]:
        yield f"{flash_bytes} B are loaded into flash, recorded are {record['flash_bytes']}"
    parts = record["after"]["ram_parts"]
    found = {"arena": sections[".arena"], "data": sum(sections[name] for name in _OF_DATA)}
    for name, size_bytes in found.items():
        if not size_bytes <= parts[name] < size_bytes + _ALIGNMENT_BYTES:
            yield f"{name} takes {size_bytes} B of RAM, recorded are {parts[name]}"
    if not 0 < parts["stack"] <= sections[".stack"]:
        yield f"a stack of {parts['stack']} B in {sections['.stack']} B"
    if record["ram_bytes"] != sum(parts.values()):
        yield f"RAM of {record['ram_bytes']} B in parts of {parts}"


def _accuracy(record: dict[str, Any], tflite: bytes, data: Path) -> Iterator[str]:
    accuracy = record["accuracy"]
    if accuracy["metric"] != "accuracy":
        return
    with np.load(data) as split:
        samples, labels = np.moveaxis(split["x_test"], 1, -1), split["y_test"]
    port = Interpreter(model_content=tflite).get_input_details()[0]
    scale, zero = port["quantization"]
    quantized = np.clip(np.round(samples / np.float32(scale)) + zero, -128, 127).astype(np.int8)
    kinds = (OpResolverType.AUTO, _PLAIN, OpResolverType.BUILTIN_REF)
    found = {float(100 * (answers(tflite, quantized, kind).argmax(1) == labels).mean()) for kind in kinds}
    if min(abs(one - accuracy["int8"]) for one in found) > _ACCURACY_POINTS:
        yield f"accuracy is {', '.join(f'{one:.2f}' for one in sorted(found))}, recorded is {accuracy['int8']:.2f}"


def has_reference(tflite: bytes) -> bool:
    """LiteRT's reference kernels lack ELU; its others round some operators otherwise."""
    try:
        Interpreter(model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    except ValueError:
        return False
    return True


def answers(tflite: bytes, inputs: np.ndarray, kernels: OpResolverType) -> np.ndarray:
    """The first output, (N, ...), one inference a sample."""
    if kernels is not OpResolverType.AUTO and not has_reference(tflite):
        kernels = _PLAIN
    try:
        interpreter = Interpreter(model_content=tflite, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError):  # XNNPACK takes not every file
        return answers(tflite, inputs, _PLAIN)
    port, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for sample in inputs:
        interpreter.set_tensor(port["index"], sample.reshape(port["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(end["index"])[0])
    return np.stack(outputs)


def _booted(elf: Path, machine: str, contents: list[bytes]) -> list[bytes]:
    """The output bytes of the image for each input."""
    found = []
    with subprocess.Popen(
        ["qemu-system-arm", "-M", machine, "-kernel", str(elf), "-display", "none", "-monitor", "none", "-nodefaults",
         "-serial", "stdio"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            _until(process.stdout, b"m-ready")
            for content in contents:
                lines = [f"db {content[start : start + 31].hex()}%" for start in range(0, len(content), 31)]
                for line in (f"db load {len(content)}%", *lines, "infer 1 0%", "ep output%"):
                    process.stdin.write(line.encode())
                    process.stdin.flush()
                    reply = _until(process.stdout, b"m-ready")
                parts = [one.removeprefix(b"m-ep-output-") for one in reply if b"-output-" in one]
                found.append(bytes.fromhex(b"".join(parts).decode()))
        finally:
            process.kill()
    return found


def _until(stream: Any, last: bytes) -> list[bytes]:
    lines = []
    for line in stream:
        lines.append(line.strip())
        if lines[-1] == last:
            return lines
    raise SystemExit(f"the machine ended at {lines[-1:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--flash", type=int)
    parser.add_argument("--ram", type=int)
    parser.add_argument("--boot")
    given = parser.parse_args()
    found = list(untruths(given.run, given.data, given.flash, given.ram, given.boot))
    if ours := sorted(name for name in sys.modules if name.partition(".")[0] in ("edgeprune", "tests")):
        found.append(f"judged with the help of {ours}")
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
