"""Which of several runtimes to ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeprune.deploy.hosted.timing import Timing
from edgeprune.device.found import Kind
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.tasks import program_subject
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.runtimes import side_by_side as comparison
from edgeprune.tasks.runtimes.side_by_side import PTE, TFLITE, C, Measuring, RuntimeRow, side_by_side, to_ship
from edgeprune.train.metrics import METRICS
from tests.unit.deploy.hosted.small_model import small

ACCURACY = METRICS["accuracy"].drop_points


def row(name: str, file: int | None, runtime: int | None, latency_us: float | None, score: float | None) -> RuntimeRow:
    return RuntimeRow(name, file, runtime, None, None, latency_us, score, "here")


def test_without_times_the_least_to_store() -> None:
    rows = (row(C, 90, 0, None, 80.0), row(PTE, 60, 1000, None, 80.4), row(TFLITE, 50, None, None, 80.0))
    name, why = to_ship(rows, ACCURACY)
    assert name == C and "none was timed" in why


def test_with_times_the_fastest_of_those_about_as_accurate() -> None:
    rows = (row(C, 90, 0, 900.0, 80.0), row(PTE, 60, 1000, 400.0, 80.4), row(TFLITE, 50, None, None, 80.0))
    assert to_ship(rows, ACCURACY)[0] == PTE
    rows = (row(C, 90, 0, 900.0, 80.0), row(PTE, 60, 1000, 400.0, 79.0), row(TFLITE, 50, None, None, 80.0))
    assert to_ship(rows, ACCURACY)[0] == C  # the other loses a point


def test_about_as_fast_the_smaller_one() -> None:
    rows = (row(C, 90, 0, 430.0, 80.0), row(PTE, 60, 1000, 400.0, 80.0), row(TFLITE, 50, 3000, 900.0, 80.0))
    name, why = to_ship(rows, ACCURACY)
    assert name == C and "about as fast" in why


def test_without_labels_and_without_a_known_runtime() -> None:
    assert "scores unknown" in to_ship((row(C, 90, 0, None, None), row(PTE, 60, 1000, None, None)), ACCURACY)[1]
    assert to_ship((row(PTE, 60, None, None, None), row(TFLITE, 50, 100, None, None)), ACCURACY)[0] == TFLITE
    rows = (row(C, 90, 0, 900.0, 80.0), row(PTE, 60, 10, 400.0, None))
    assert to_ship(rows, ACCURACY)[0] == C  # how good the other is nobody knows


def test_what_was_not_made_is_not_shipped() -> None:
    assert to_ship((row(PTE, None, None, None, None), row(TFLITE, 50, None, None, None)), ACCURACY)[0] == TFLITE


def test_an_error_is_better_where_it_is_less() -> None:
    rows = (row(C, 90, 0, None, 2.0), row(PTE, 60, 10, None, 1.0))
    assert to_ship(rows, METRICS["mae"].drop_points)[0] == PTE
    assert to_ship(rows, None)[0] == PTE  # 70 B beside 90: the user's own metric is not compared


def test_the_only_device_connected_is_found_for_all_of_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def chosen(devices: object, ability: object, kinds: tuple[Kind, ...], target: str) -> Any:
        asked.append((kinds, target))
        return type("Found", (), {"address": "ssh://bench"})

    class Reached(Exception):
        pass

    def measured(subject: object, samples: object, measuring: Measuring) -> RuntimeRow:
        raise Reached(measuring.address)

    subject = ProgramSubject("run", load_target("pi4"), small().tflite, small().model)
    monkeypatch.setattr(program_subject, "find_devices", list)
    monkeypatch.setattr(program_subject, "choose_device", chosen)
    monkeypatch.setattr(comparison, "open_subject", lambda *given: subject)
    monkeypatch.setattr(comparison, "samples_for", lambda *given: None)
    monkeypatch.setattr(comparison, "_generated_c", measured)
    with pytest.raises(Reached, match="ssh://bench"):
        side_by_side(tmp_path, None, Measuring("auto", Timing(1, 1)), Silent())
    assert asked == [((Kind.SSH, Kind.ADB), "raspberry-pi-4b")]
    with pytest.raises(Reached, match="adb:1"):
        side_by_side(tmp_path, None, Measuring("adb:1", Timing(1, 1)), Silent())
    assert len(asked) == 1
