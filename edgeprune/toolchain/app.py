"""A network for somebody's program on Linux or Android: C++ and Python that feed it, and a vector that proves both.

model.tflite         the int8 file
model/               generated C, as a CMake library
constants.h, constants.json   scaling of inputs and outputs
main.cpp, CMakeLists.txt      the C with a program around it
main.py              the .tflite with tflite-runtime or ai-edge-litert
vector/              inputs, and the outputs that LiteRT's reference interpreter has for them
README.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.files.quoting import markdown
from edgeprune.ir import Tensor


@dataclass(frozen=True, eq=False)
class AppFacts:
    """What the programs know of a network with one input.

    Attributes:
        name: of the model; version: of EdgePrune.
        input, outputs: tensors of the file; the input int8 or, of indices, int16, the outputs int8.
        mean, std: of each channel, or one for all; the network takes (value - mean) / std.
        classes: which of the network's own each value of the first output is; None: as they are.
    """

    name: str
    version: str
    input: Tensor
    outputs: Sequence[Tensor]
    mean: Sequence[float]
    std: Sequence[float]
    classes: Sequence[int] | None

    def quantized(self, values: np.ndarray) -> np.ndarray:
        """(N, ..., C) float32 before any scaling -> the input's type, each step as the programs compute it."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        scale, zero_point = _scale(self.input)
        steps = np.rint((values - mean) / std / np.float32(scale)) + np.float32(zero_point)
        dtype = np.dtype(str(self.input.dtype))
        limits = np.iinfo(dtype)
        found: np.ndarray = np.clip(steps, limits.min, limits.max).astype(dtype)
        return found


def app_files(
    facts: AppFacts, tflite: bytes, library: Mapping[str, str], values: np.ndarray, answers: np.ndarray
) -> dict[str, bytes]:
    """Path -> content.

    Args:
        library: the C of the same file, as `toolchain/package.py` makes it.
        values: (N, ..., C) float32, of the vector, before any scaling.
        answers: (N, bytes) int8, all outputs end to end.
    """
    texts = {
        "constants.h": _header(facts),
        "constants.json": json.dumps(_constants(facts), indent=2) + "\n",
        "main.cpp": _MAIN_CPP,
        "main.py": _MAIN_PY,
        "CMakeLists.txt": _CMAKE,
        "README.md": _README.format(name=markdown(facts.name), version=markdown(facts.version)),
        **{f"model/{name}": text for name, text in library.items()},
    }
    return {name: text.encode() for name, text in texts.items()} | {
        "model.tflite": tflite,
        "vector/input.bin": np.ascontiguousarray(values, "<f4").tobytes(),
        "vector/output.bin": np.ascontiguousarray(answers, np.int8).tobytes(),
    }


def _scale(tensor: Tensor) -> tuple[float, int]:
    assert tensor.qparams is not None
    return tensor.qparams.scale[0], tensor.qparams.zero_point[0]


def _constants(facts: AppFacts) -> dict[str, object]:
    def end(tensor: Tensor) -> dict[str, object]:
        scale, zero_point = _scale(tensor)
        return {"shape": list(tensor.shape), "scale": scale, "zero_point": zero_point, "type": str(tensor.dtype)}

    return {
        "model": facts.name,
        "edgeprune": facts.version,
        "mean": list(facts.mean),
        "std": list(facts.std),
        "input": end(facts.input),
        "outputs": [end(one) for one in facts.outputs],
        "classes": None if facts.classes is None else list(facts.classes),
    }


def _header(facts: AppFacts) -> str:
    def row(values: Sequence[float]) -> str:
        return ", ".join(f"{float(np.float32(value)).hex()}f" for value in values)

    scale, zero_point = _scale(facts.input)
    ends = ", ".join(f"{{{float(np.float32(s)).hex()}f, {z}}}" for s, z in map(_scale, facts.outputs))
    classes = [] if facts.classes is None else list(facts.classes)
    return (
        "/* How values become the network's inputs, and its outputs values: real = (q - zero_point) * scale. */\n"
        "#pragma once\n\n#include <cstdint>\n\n"
        f"using InputStep = std::{facts.input.dtype}_t;\n"
        f"constexpr float MEAN[] = {{{row(facts.mean)}}};\nconstexpr float STD[] = {{{row(facts.std)}}};\n"
        f"constexpr int CHANNELS = {len(facts.mean)}; /* 1: the same for all */\n"
        f"constexpr float INPUT_SCALE = {float(np.float32(scale)).hex()}f;\n"
        f"constexpr int INPUT_ZERO_POINT = {zero_point};\n"
        f"constexpr struct {{ float scale; int zero_point; }} OUTPUTS[] = {{{ends}}};\n"
        f"constexpr int CLASS_COUNT = {len(classes)}; /* 0: classes are numbered as the outputs are */\n"
        f"constexpr int CLASSES[] = {{{', '.join(map(str, classes or [0]))}}};\n"
    )


_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project(app C CXX)
set(CMAKE_CXX_STANDARD 17)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
add_subdirectory(model)
add_executable(app main.cpp)
target_compile_options(app PRIVATE -ffp-contract=off)
target_link_libraries(app edgeprune_model)
enable_testing()
add_test(NAME vector COMMAND app --check WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
"""

_MAIN_CPP = """\
/*
 * app FILE      float32 samples, end to end, channels last, as your data has them -> each one's outputs on a line
 * app --check   the samples in vector/: 0 where every byte is LiteRT's, else 1
 */
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "constants.h"
#include "ep_model.h"

static std::vector<char> read_file(const char *path, bool &whole)
{
    std::ifstream file(path, std::ios::binary);
    whole = static_cast<bool>(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

static uint32_t input_values() { return ep_model_inputs[0].size_bytes / sizeof(InputStep); }

/* One sample in, the network run. */
static void infer(const float *values)
{
    constexpr float LEAST = std::numeric_limits<InputStep>::min(), MOST = std::numeric_limits<InputStep>::max();
    InputStep *input = static_cast<InputStep *>(ep_model_inputs[0].data);
    for (uint32_t i = 0; i < input_values(); i++) {
        const uint32_t channel = i % CHANNELS;
        const float scaled = (values[i] - MEAN[channel]) / STD[channel] / INPUT_SCALE;
        const float step = std::nearbyintf(scaled) + INPUT_ZERO_POINT;
        input[i] = static_cast<InputStep>(step < LEAST ? LEAST : step > MOST ? MOST : step);
    }
    ep_model_invoke();
}

static void print_outputs()
{
    for (uint32_t number = 0; number < ep_model_output_count; number++) {
        const int8_t *steps = static_cast<const int8_t *>(ep_model_outputs[number].data);
        uint32_t best = 0;
        for (uint32_t i = 0; i < ep_model_outputs[number].size_bytes; i++) {
            std::printf("%.6g ", static_cast<double>((steps[i] - OUTPUTS[number].zero_point) * OUTPUTS[number].scale));
            best = steps[i] > steps[best] ? i : best;
        }
        if (number == 0) {
            const int place = static_cast<int>(best);
            std::printf("(largest: %d) ", place < CLASS_COUNT ? CLASSES[place] : place);
        }
    }
    std::printf("\\n");
}

static size_t compare_outputs(const char *&wanted)
{
    size_t differing = 0;
    for (uint32_t number = 0; number < ep_model_output_count; number++) {
        const uint32_t size = ep_model_outputs[number].size_bytes;
        differing += std::memcmp(ep_model_outputs[number].data, wanted, size) != 0;
        wanted += size;
    }
    return differing;
}

int main(int count, char **words)
{
    const bool checks = count == 2 && std::strcmp(words[1], "--check") == 0;
    if (count != 2) {
        std::fprintf(stderr, "app FILE | app --check\\n");
        return 2;
    }
    bool whole = false, known = true;
    const std::vector<char> bytes = read_file(checks ? "vector/input.bin" : words[1], whole);
    const std::vector<char> answers = checks ? read_file("vector/output.bin", known) : std::vector<char>();
    const size_t sample_bytes = sizeof(float) * input_values();
    uint32_t answer_bytes = 0;
    for (uint32_t number = 0; number < ep_model_output_count; number++) {
        answer_bytes += ep_model_outputs[number].size_bytes;
    }
    const size_t samples = bytes.size() / sample_bytes;
    if (!whole || !known || samples == 0 || bytes.size() % sample_bytes != 0
        || (checks && answers.size() != samples * answer_bytes)) {
        std::fprintf(stderr, "%s does not hold whole samples of %zu bytes\\n", words[1], sample_bytes);
        return 2;
    }
    std::vector<float> values(input_values());
    const char *wanted = answers.data();
    size_t differing = 0;
    for (size_t number = 0; number < samples; number++) {
        std::memcpy(values.data(), bytes.data() + number * sample_bytes, sample_bytes);
        infer(values.data());
        if (checks) {
            differing += compare_outputs(wanted);
        } else {
            print_outputs();
        }
    }
    if (checks) {
        std::printf("%zu samples, %zu outputs differ\\n", samples, differing);
    }
    return differing == 0 ? 0 : 1;
}
"""

_MAIN_PY = '''\
"""The .tflite file, fed from Python: `python main.py FILE.npy`, float32 (N, ..., C), or `python main.py --check`.

Needs numpy, and tflite-runtime or ai-edge-litert.
"""

import json
import sys
from pathlib import Path

import numpy as np

try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    from ai_edge_litert.interpreter import Interpreter

FOLDER = Path(__file__).resolve().parent
CONSTANTS = json.loads((FOLDER / "constants.json").read_text())


def outputs(interpreter, values):
    """One sample (..., C) float32 -> its outputs, int8."""
    end = CONSTANTS["input"]
    limits = np.iinfo(end["type"])
    scaled = (values - np.float32(CONSTANTS["mean"])) / np.float32(CONSTANTS["std"]) / np.float32(end["scale"])
    steps = np.clip(np.rint(scaled) + np.float32(end["zero_point"]), limits.min, limits.max).astype(end["type"])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], steps.reshape(end["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def main():
    if len(sys.argv) != 2:
        sys.exit("main.py FILE.npy | main.py --check")
    interpreter = Interpreter(str(FOLDER / "model.tflite"))
    interpreter.allocate_tensors()
    shape = CONSTANTS["input"]["shape"][1:]
    if sys.argv[1] != "--check":
        for values in np.load(sys.argv[1]).astype(np.float32).reshape(-1, *shape):
            for steps, end in zip(outputs(interpreter, values), CONSTANTS["outputs"], strict=True):
                print(((steps.astype(np.float32) - end["zero_point"]) * np.float32(end["scale"])).reshape(-1))
        return
    samples = np.fromfile(FOLDER / "vector" / "input.bin", "<f4").reshape(-1, *shape)
    wanted = np.fromfile(FOLDER / "vector" / "output.bin", np.int8).reshape(len(samples), -1)
    furthest = 0
    for values, answer in zip(samples, wanted, strict=True):
        got = np.concatenate([one.reshape(-1) for one in outputs(interpreter, values)])
        furthest = max(furthest, int(np.abs(got.astype(int) - answer).max()))
    print(f"{len(samples)} samples, at most {furthest} steps from LiteRT's reference kernels")
    sys.exit(0 if furthest <= 3 else 1)  # its fast kernels round otherwise


if __name__ == "__main__":
    main()
'''

_README = """\
# {name}

Written by EdgePrune {version}: the network as an int8 `.tflite` and as C, and programs that feed each.

    cmake -S . -B build && cmake --build build && build/app --check     # C++ over the generated C: every byte LiteRT's
    python main.py --check                                              # Python over model.tflite

Both take values as your data has them, channels last: they subtract the mean, divide by the standard deviation and by
the scale of the input (`constants.h`, `constants.json`). 8-bit images are divided by 255 before.

For another processor, name its compiler: `cmake -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc
-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++`, or Android's toolchain file. `ep_model_invoke` uses one static arena, so it
is not reentrant. EdgePrune's C is licensed under Apache-2.0; the weights are yours.
"""
