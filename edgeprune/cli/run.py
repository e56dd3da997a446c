"""`edgeprune run`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rich_click as click

from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, table
from edgeprune.cli.subject import opened, subject_options


@click.command("run")
@subject_options
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="How many to run.")
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
    """Run a model on its board, emulated by default, and show what it answers.

    Samples are the run's own, those of --data, or random ones.
    """
    from edgeprune.quantize.host import real_outputs
    from edgeprune.samples import samples_for

    with opened(subject, target, optimize, f"edgeprune run {subject}") as ready:
        chosen = samples_for(ready, samples, data)
        answers = []
        with ready.running(port) as board:
            identity = board.identity()
            for sample in chosen.inputs:
                answers.append(np.frombuffer(board.infer(sample.tobytes()), np.int8))
        assert ready.tflite is not None  # samples_for refused a subject without
        outputs = real_outputs(ready.tflite, np.stack(answers))
    rows = [
        [
            str(number),
            " ".join(f"{value:.3f}" for value in values),
            "" if chosen.targets is None else str(chosen.targets[number]),
        ]
        for number, values in enumerate(outputs)
    ]
    result = {
        "source": "device" if port else "emulator",
        "target": ready.target.name,
        "build_id": identity.build_id,
        "outputs": [[round(float(value), 6) for value in values] for values in outputs],
    }
    printer.result(result, table(["sample", "output", "label"], rows, title=f"{ready.name} on {ready.target.name}"))
