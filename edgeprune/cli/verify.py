"""`edgeprune verify`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rich_click as click

from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, progress
from edgeprune.cli.subject import opened, subject_options


@click.command("verify")
@subject_options
@click.option("--samples", type=click.IntRange(1), default=100, show_default=True, help="How many to replay.")
@click.option("--data", type=click.Path(path_type=Path), help=".npz with 'x' and perhaps labels 'y'.")
@json_option
def command(
    subject: Path,
    target: str | None,
    optimize: str,
    port: str | None,
    samples: int,
    data: Path | None,
    printer: Printer,
) -> None:
    """Replay samples on the board and compare every output byte with LiteRT's reference interpreter.

    Samples are the run's own, those of --data, or random ones. Exit code 5 says that a byte differs.
    """
    from edgeprune.measure import byte_rows, run_samples
    from edgeprune.samples import samples_for

    with opened(subject, target, optimize, f"edgeprune verify {subject}") as ready:
        chosen = samples_for(ready, samples, data)
        with (
            progress().task("replaying samples on the board", len(chosen.inputs)) as task,
            ready.running(port) as board,
        ):
            run = run_samples(board, byte_rows(chosen.inputs), byte_rows(chosen.expected), task.advance)
        result = {
            "source": "device" if port else "emulator",
            "target": ready.target.name,
            "verified_samples": len(run.outputs),
            "accuracy": _accuracy(run.outputs.view(np.int8), chosen.targets),
        }
    told = (
        f"{result['verified_samples']} samples on {ready.target.name} ({result['source']}): the same bytes as LiteRT's"
    )
    accuracy = "" if result["accuracy"] is None else f", accuracy {result['accuracy']:.2f} %"
    printer.result(result, told + accuracy)


def _accuracy(outputs: np.ndarray, targets: np.ndarray | None) -> float | None:
    """Percent whose largest output is the label; None without class labels."""
    if targets is None or targets.ndim != 1 or targets.dtype.kind not in "iu":
        return None
    return float(100 * (outputs.argmax(axis=1) == targets).mean())
