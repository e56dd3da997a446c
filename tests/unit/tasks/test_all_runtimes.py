"""Which of several runtimes to ship."""

from __future__ import annotations

from edgeprune.tasks.all_runtimes import PTE, TFLITE, C, RuntimeRow, to_ship


def row(name: str, file: int, runtime: int | None, latency_us: float | None, accuracy: float | None) -> RuntimeRow:
    return RuntimeRow(name, file, runtime, None, latency_us, accuracy, "here")


def test_without_times_the_least_to_store() -> None:
    rows = (row(C, 90, 0, None, 80.0), row(PTE, 60, 1000, None, 80.4), row(TFLITE, 50, None, None, 80.0))
    name, why = to_ship(rows)
    assert name == C and "no time was measured" in why


def test_with_times_the_fastest_of_those_about_as_accurate() -> None:
    rows = (row(C, 90, 0, 900.0, 80.0), row(PTE, 60, 1000, 400.0, 80.4), row(TFLITE, 50, None, None, 80.0))
    assert to_ship(rows)[0] == PTE
    rows = (row(C, 90, 0, 900.0, 80.0), row(PTE, 60, 1000, 400.0, 79.0), row(TFLITE, 50, None, None, 80.0))
    assert to_ship(rows)[0] == C  # the other loses a point


def test_without_labels_and_without_a_known_runtime() -> None:
    assert "accuracy unknown" in to_ship((row(C, 90, 0, None, None), row(PTE, 60, 1000, None, None)))[1]
    assert to_ship((row(PTE, 60, None, None, None), row(TFLITE, 50, None, None, None)))[0] == TFLITE
