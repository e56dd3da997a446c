"""A console client written from docs/console.md alone: standard library only, nothing of the package.

python plain_client.py PORT HEX...    loads each hexadecimal input, infers, prints results and output bytes
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import re
import sys
import termios
import tty
import zlib


def raw_port(path: str) -> int:
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    settings = termios.tcgetattr(port)
    settings[4] = settings[5] = termios.B115200
    termios.tcsetattr(port, termios.TCSANOW, settings)
    return port


def lines_until_ready(port: int, pending: bytearray) -> list[str]:
    lines: list[str] = []
    while True:
        while b"\r\n" not in pending:
            pending += os.read(port, 4096)
        line, _, rest = bytes(pending).partition(b"\r\n")
        pending[:] = rest
        if line == b"m-ready":
            return lines
        lines.append(line.decode("ascii"))


def main() -> None:
    port, pending = raw_port(sys.argv[1]), bytearray()

    def ask(command: str) -> list[str]:
        os.write(port, command.encode("ascii") + b"%")
        return lines_until_ready(port, pending)

    os.write(port, b"%" * 516 + b"ep id%")
    while not (reply := lines_until_ready(port, pending)) or not reply[0].startswith("m-ep-protocol-"):
        pass
    print(reply[1])
    print(ask("name")[0])
    for inputs in map(bytes.fromhex, sys.argv[2:]):
        assert ask(f"db load {len(inputs)}") == [f"m-[Expecting {len(inputs)} bytes]"]
        for start in range(0, len(inputs), 31):
            done = ask("db " + inputs[start : start + 31].hex())
        assert done == ["m-load-done"]
        reply = ask("infer 1 1")
        laps = [int(match[1]) for line in reply if (match := re.match(r"^m-lap-us-([0-9]+)$", line))]
        assert len(laps) == 2 and laps[0] <= laps[1]
        print(re.match(r"^m-results-\[([^]]+)\]$", reply[-1])[1])
        *output, crc = ask("ep output")
        assert int(crc.removeprefix("m-ep-crc-"), 16) == zlib.crc32("".join(f"{line}\r\n" for line in output).encode())
        assert int(output[0].removeprefix("m-ep-input-crc-"), 16) == zlib.crc32(inputs)
        print("".join(line.removeprefix("m-ep-output-") for line in output[1:]))


if __name__ == "__main__":
    main()
