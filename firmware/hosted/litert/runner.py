"""A `.tflite` in LiteRT as a process: the commands of firmware/hosted/main.c, in the device's own Python.

    python3 runner.py FILE.tflite identity               lines: the runtime and its version (`none` and the reason where
                                                         there is none), bytes of one input and one output, of LiteRT
                                                         and numpy as installed, whether the processor is emulated
    python3 runner.py FILE.tflite run                    samples, end to end -> their outputs, end to end, the trailer
    python3 runner.py FILE.tflite time WARM-UP N [CORE]  one sample -> lines: nanoseconds of N inferences, the state of
                                                         the machine before and after, its peak memory
    python3 runner.py FILE.tflite operators WARM-UP N [CORE]   operator-0.tflite, operator-1.tflite, ... beside FILE ->
                                                         lines: `operator NUMBER NANOSECONDS`, means of N inferences of
                                                         zeros, each file by itself

Trailer, lines and exit status are those of firmware/hosted/executorch/runner.cpp; 5 where LiteRT refuses the file. One
thread, or N of LiteRT's with a last word `threads=N`; its own choice of kernels. Python 3.7 and later; either package,
whichever the device has.
"""

import importlib
import os
import struct
import sys
import time
import zlib
from pathlib import Path

PACKAGES = ("ai_edge_litert", "tflite_runtime")
OTHER_WORDS, INPUT_ENDS, REFUSED = 2, 3, 5
USAGE = "FILE.tflite identity | run | time WARM-UP N [CORE] | operators WARM-UP N [CORE]"


class Lines:
    """What is reported, ended by `end COUNT CRC`."""

    def __init__(self):
        self.text = b""

    def add(self, name, *values):
        words = " ".join([name, *(" ".join(str(value).split()) for value in values)])
        self.text += words.encode("ascii", "replace")[:200] + b"\n"

    def send(self):
        count = self.text.count(b"\n")
        end = f"end {count} {zlib.crc32(self.text)}\n"
        sys.stdout.buffer.write(self.text + end.encode())
        sys.stdout.buffer.flush()


def runtime():
    """The package's name and its interpreter; None and the reasons."""
    reasons = []
    for package in PACKAGES:
        try:
            return package, importlib.import_module(package + ".interpreter").Interpreter
        except Exception as problem:  # one built for another numpy raises more than ImportError
            reasons.append(f"{package}: {problem}")
    return None, "; ".join(reasons)


def version_of(package):
    try:
        from importlib.metadata import version

        return version(package.replace("_", "-"))
    except Exception:
        return "of unknown version"


def installed_bytes(package):
    """Of the package's files and numpy's."""
    total = 0
    for name in (package, "numpy"):
        folder = Path(importlib.import_module(name).__file__).parent
        for place in (folder, folder.with_name(folder.name + ".libs")):  # wheels of numpy keep libraries there
            files = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
            total += sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    return total


class Loaded:
    """The network, its inputs set and its outputs read as bytes end to end."""

    def __init__(self, interpreter_class, path, threads=1):
        self.interpreter = interpreter_class(model_path=path, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.inputs = [
            (end["index"], end["dtype"], [int(size) for size in end["shape"]])
            for end in self.interpreter.get_input_details()
        ]
        self.outputs = [end["index"] for end in self.interpreter.get_output_details()]
        self.sizes = [self._bytes_of(index) for index, _, _ in self.inputs]
        self.input_bytes = sum(self.sizes)
        self.output_bytes = sum(self._bytes_of(index) for index in self.outputs)

    def _bytes_of(self, index):
        return self.interpreter.get_tensor(index).nbytes

    def set(self, sample):
        import numpy

        at = 0
        for (index, dtype, shape), size in zip(self.inputs, self.sizes):  # noqa: B905 (`strict` is Python 3.10's)
            self.interpreter.set_tensor(index, numpy.frombuffer(sample[at : at + size], dtype).reshape(shape))
            at += size

    def infer(self, sample):
        self.set(sample)
        self.interpreter.invoke()
        return b"".join(self.interpreter.get_tensor(index).tobytes() for index in self.outputs)


def run(loaded):
    samples, in_crc, out_crc = 0, 0, 0
    while True:
        sample = sys.stdin.buffer.read(loaded.input_bytes)
        if not sample:
            break
        if len(sample) != loaded.input_bytes:
            sys.stderr.write("the input ends inside a sample\n")
            return INPUT_ENDS
        output = loaded.infer(sample)
        in_crc, out_crc, samples = zlib.crc32(sample, in_crc), zlib.crc32(output, out_crc), samples + 1
        sys.stdout.buffer.write(output)
    sys.stdout.buffer.write(b"EPOK" + struct.pack("<III", samples, in_crc, out_crc))
    sys.stdout.buffer.flush()
    return 0


def time_runs(loaded, warm_up, runs):
    sample = sys.stdin.buffer.read(loaded.input_bytes)
    if len(sample) != loaded.input_bytes:
        sys.stderr.write("the input ends inside a sample\n")
        return INPUT_ENDS
    loaded.set(sample)
    lines, took = Lines(), []
    invoke, now = loaded.interpreter.invoke, time.perf_counter_ns  # CLOCK_MONOTONIC
    for _ in range(warm_up):
        invoke()
    machine_state(lines, "before")
    for _ in range(runs):
        begin = now()
        invoke()
        took.append(now() - begin)
    for each in took:
        lines.add("run", each)
    machine_state(lines, "after")
    lines.add("core", core_now())
    for _ in range(runs):
        lines.add("layers")
    lines.add("peak_rss_bytes", 1024 * of_status("VmHWM"))
    lines.add("threads", of_status("Threads"))
    lines.send()
    return 0


def time_operators(found, folder, threads, warm_up, runs):
    lines, number = Lines(), 0
    while True:
        path = folder / f"operator-{number}.tflite"
        if not path.is_file():
            break
        loaded = Loaded(found, str(path), threads)
        loaded.set(bytes(loaded.input_bytes))
        invoke, now = loaded.interpreter.invoke, time.perf_counter_ns
        for _ in range(warm_up):
            invoke()
        begin = now()
        for _ in range(runs):
            invoke()
        lines.add("operator", number, (now() - begin) // runs)
        number += 1
    lines.send()
    return 0


def first_line(path):
    try:
        with Path(path).open(encoding="ascii", errors="replace") as file:
            return file.readline().strip()[:64]
    except OSError:
        return ""


def machine_state(lines, when):
    clock = f"/sys/devices/system/cpu/cpu{core_now()}/cpufreq/"
    for name, path in (
        ("governor", clock + "scaling_governor"),
        ("frequency_khz", clock + "scaling_cur_freq"),
        ("most_frequency_khz", clock + "cpuinfo_max_freq"),
        ("temperature_millicelsius", "/sys/class/thermal/thermal_zone0/temp"),
        ("throttled", "/sys/devices/platform/soc/soc:firmware/get_throttled"),
    ):
        value = first_line(path)
        if value:
            lines.add(when, name, value)


def core_now():
    import ctypes

    try:
        return max(0, int(ctypes.CDLL(None).sched_getcpu()))
    except (AttributeError, OSError):
        return 0


def of_status(name):
    """The number behind `name` in /proc/self/status; 0 where there is none."""
    try:
        with Path("/proc/self/status").open() as file:
            found = [line.split()[1] for line in file if line.startswith(name + ":")]
    except OSError:
        return 0
    return int(found[0]) if found else 0


def is_emulated():
    """Whether the kernel has not mapped this process's own code to be executed: an emulator reads it as data."""
    import ctypes

    here = ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value
    try:
        with Path("/proc/self/smaps").open() as file:
            for line in file:
                words = line.split()
                if len(words) < 2 or "-" not in words[0]:
                    continue
                begin, _, end = words[0].partition("-")
                if int(begin, 16) <= here < int(end, 16):
                    return "x" not in words[1]
    except (OSError, ValueError):
        pass
    return True


def identity(path):
    lines = Lines()
    package, found = runtime()
    if package is None:
        lines.add("runtime", "none")
        lines.add("reason", found)
    else:
        loaded = Loaded(found, path)
        lines.add("runtime", package, version_of(package))
        lines.add("input_bytes", loaded.input_bytes)
        lines.add("output_bytes", loaded.output_bytes)
        lines.add("runtime_bytes", installed_bytes(package))
        lines.add("emulated", int(is_emulated()))
    lines.send()
    return 0


def numbers(words):
    return [int(word) if word.isdigit() and len(word) <= 6 else -1 for word in words]


def obey(path, words):
    if words == ["identity"]:
        return identity(path)
    package, found = runtime()
    if package is None:
        sys.stderr.write(found + "\n")
        return REFUSED
    if words == ["run"]:
        return run(Loaded(found, path))
    threads = 1
    if words[-1].startswith("threads="):
        threads = max(1, *numbers([words.pop()[len("threads=") :]]))
    if len(words) in (3, 4) and words[0] in ("time", "operators"):
        warm_up, runs, *core = numbers(words[1:])
        if warm_up >= 0 and runs > 0 and min(core, default=0) >= 0:
            if core:
                os.sched_setaffinity(0, core)
            if words[0] == "operators":
                return time_operators(found, Path(path).resolve().parent, threads, warm_up, runs)
            return time_runs(Loaded(found, path, threads), warm_up, runs)
    sys.stderr.write(USAGE + "\n")
    return OTHER_WORDS


def main():
    if len(sys.argv) < 3:
        sys.stderr.write(USAGE + "\n")
        return OTHER_WORDS
    try:
        return obey(sys.argv[1], sys.argv[2:])
    except BrokenPipeError:
        raise
    except Exception as problem:
        told = " ".join(str(problem).split())[:280]
        sys.stderr.write(f"LiteRT: {told}\n")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
