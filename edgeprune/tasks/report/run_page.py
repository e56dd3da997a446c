"""The page of one run: its verdict, its figures, its files and how to make it again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgeprune.fitting.record import RunRecord
from edgeprune.tasks.report.answers import accuracy_figure, answers_figure
from edgeprune.tasks.report.arena import arena_figure
from edgeprune.tasks.report.board_time import board_time_words
from edgeprune.tasks.report.figure import DataTable, Figure, printable
from edgeprune.tasks.report.flash import flash_figure
from edgeprune.tasks.report.image import image_of
from edgeprune.tasks.report.layers import kernels_figure, noise_figure, time_figure
from edgeprune.tasks.report.page import Verdict, page
from edgeprune.tasks.report.sizes import channels_figure, limits_figure
from edgeprune.tasks.report.training import curves_figure, steps_figure
from edgeprune.units import count_text, microseconds_text, score_text

_PLACES = {"emulator": "on an emulated board", "device": "on the device itself", "host": "as a program on this machine"}


def run_page(record: RunRecord, folder: Path) -> str:
    """The HTML of a finished run.

    Args:
        folder: of the run, whose files are hashed.
    """
    image = image_of(record)
    figures = [
        limits_figure(record),
        channels_figure(record),
        accuracy_figure(record),
        answers_figure(record),
        steps_figure(record),
        curves_figure(record),
        arena_figure(image),
        flash_figure(image),
        time_figure(image),
        kernels_figure(image),
        noise_figure(record),
        _artifacts(record, folder),
        _again(record),
    ]
    return page(_verdict(record), figures)


def _verdict(record: RunRecord) -> Verdict:
    # older records do not say what was not judged
    unjudged = bool(record.unjudged) or (record.latency_limit_us is not None and record.after.latency_us is None)
    unjudged = unjudged and not record.loses_too_much
    words = "fits" if record.fits else "latency cannot be judged" if unjudged else "does not fit"
    accuracy = record.accuracy
    checked = (
        f"{record.verified_samples:,} test samples ran {_PLACES[record.source]} ({printable(record.board)}); every "
        f"output byte is the one LiteRT computes. {accuracy.metric}: {score_text(accuracy.float_before)} as it came, "
        f"{score_text(accuracy.int8)} as int8."
    )
    one = (
        f"One inference takes {count_text(round(record.total_ticks))} {record.ticks}"
        + (f", {microseconds_text(record.total_us)}." if record.total_us is not None else ".")
        if record.total_ticks is not None
        else "Nobody measured the time of an inference."
    )
    predicted = record.board_time
    times = [one] if predicted is None else [one, f"Time {board_time_words(predicted, printable(record.target))}."]
    notes = [*times, *(f"Look at this: {printable(doubt)}" for doubt in record.doubts)]
    if record.masks is not None:
        notes.append(
            f"{record.masks.density:.1%} of the weights stay; that saves {record.masks.saved_bytes:,} B of flash."
        )
    if record.early_exit is not None:
        notes.append(
            f"{record.early_exit.test_share:.0%} of the test samples leave early, behind "
            f"{printable(record.early_exit.after)}."
        )
    title = f"{printable(record.model)} on {printable(record.target)}"
    return Verdict(title, checked, words, None if unjudged else record.fits, notes)


def _artifacts(record: RunRecord, folder: Path) -> Figure:
    rows = []
    for kind, name in record.artifacts.items():
        path = folder / name
        known = path.is_file()
        data = path.read_bytes() if known else b""
        digest = hashlib.sha256(data).hexdigest() if known else "not there any more"
        rows.append([kind, printable(name), f"{len(data):,}" if known else "", digest])
    lead = [f"In {printable(str(folder))}. Ship the firmware; the .tflite is the network alone, int8."]
    table = DataTable(["what", "file", "bytes", "SHA-256"], rows, ["bytes"])
    return Figure("files", "Files", lead, (), table, shows_table=True)


def _again(record: RunRecord) -> Figure:
    versions = record.versions or {"edgeprune": record.edgeprune_version}
    seed = "not recorded" if record.seed is None else str(record.seed)
    seconds = sum(record.seconds_by_stage.values())
    rows = [
        ["command", printable(record.command)],
        ["seed", seed],
        ["made", printable(record.created)],
        ["took", f"{seconds:,.0f} s in its stages"],
        ["model, SHA-256 of the .tflite", record.model_sha256],
        *([name, printable(version)] for name, version in versions.items()),
    ]
    lead = ["The same command with the same project, seed and versions makes the same run."]
    return Figure("again", "How to make it again", lead, (), DataTable(["", "value"], rows), shows_table=True)
