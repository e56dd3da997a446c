"""`benchmarks/random_operators.py` draws operators of every kind that the engine has kernels for."""

from __future__ import annotations

from edgeprune.engine.kernels import plain_types
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError
from edgeprune.ir import OpKind
from tests.firmware.random_operators import FAMILIES, random_operators

IN_NO_FILE_ALONE = {
    OpKind.READ_VARIABLE,  # with what begins a model's states (tests/firmware/files_of_others)
    OpKind.ASSIGN_VARIABLE,
    OpKind.TABLE,  # our own, made when a file is cleaned
    OpKind.EARLY_EXIT,
}


def test_every_kind_of_operator_is_drawn() -> None:
    kinds: set[OpKind] = set()
    families = set()
    for operator in random_operators(3000, 3):
        families.add(operator.family)
        try:
            kinds |= {op.kind for op in read_tflite(operator.alone()).ops}
        except EdgePruneError:  # extreme scales
            continue
    assert families >= set(FAMILIES)
    assert plain_types().keys() - kinds == IN_NO_FILE_ALONE
