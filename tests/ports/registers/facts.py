"""Facts of our own about chips whose vendor data lies in no registry package: a JSON for each, beside this file.

    {"source": text, "peripherals": {name: {"base": address, "registers": {name: REGISTER}}}}

REGISTER is [offset, reset value, {field: [lowest bit, width]}], and its access where that is not read-write.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.ports.registers.chip import Chip, Field, Peripheral, Register


def chip_of_facts(name: str) -> Chip:
    facts = json.loads((Path(__file__).parent / f"{name}.json").read_text())
    peripherals = [
        Peripheral(
            peripheral,
            content["base"],
            {
                register: Register(
                    register,
                    row[0],
                    row[1],
                    {field: Field(*bits) for field, bits in row[2].items()},
                    row[3] if len(row) > 3 else "read-write",
                )
                for register, row in content["registers"].items()
            },
        )
        for peripheral, content in facts["peripherals"].items()
    ]
    return Chip(name, facts["source"], peripherals)
