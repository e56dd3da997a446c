"""`edgeprune run`."""

from __future__ import annotations

import numpy as np
import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.subject import SampleRequest, SubjectRequest, sample_options, subject_options
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table


@click.command("run")
@subject_options
@sample_options(1, "How many to run.")
@json_option
def command(subject: SubjectRequest, replayed: SampleRequest, printer: Printer) -> None:
    """Run a model on its device, emulated by default, and show its outputs.

    Samples are the run's own, those of --data, or random ones.

    \b
    Examples:
      edgeprune run runs/latest --samples 3
      edgeprune run model.tflite --target cortex-m4
    """
    from edgeprune.tasks.samples import real_values

    with subject.opened("run") as ready:
        chosen = replayed.of(ready)
        with ready.replaying(subject.port) as place:
            answers = list(place.outputs(chosen.input_rows))
        assert ready.model is not None  # a subject without has no samples
        graph = ready.model.graph
        ends = [graph.tensors[index] for index in graph.outputs]
        outputs = [
            real_values(end, values).reshape(len(values), -1)
            for end, values in zip(ends, chosen.outputs_of(np.stack(answers)), strict=False)
        ]
    columns = ["output"] if len(outputs) == 1 else [end.name for end in ends]
    rows = [
        [
            str(number),
            *(" ".join(f"{value:.3f}" for value in values[number]) for values in outputs),
            "" if chosen.targets is None else str(chosen.targets[number]),
        ]
        for number in range(len(answers))
    ]
    listed = [[[round(float(value), 6) for value in values] for values in output] for output in outputs]
    result = {
        "source": place.source,
        "target": ready.target.name,
        "build_id": place.build_id,
        "notes": list(chosen.notes),
        "outputs": listed[0] if len(listed) == 1 else dict(zip(columns, listed, strict=True)),
    }
    shown = table(["sample", *columns, "label"], rows, title=f"{ready.name} on {ready.target.name}")
    printer.result(result, shown, *chosen.notes, *([] if place.note is None else [place.note]))
