"""`edgeprune verify`."""

from __future__ import annotations

import numpy as np
import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.subject import SampleRequest, SubjectRequest, sample_options, subject_options
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.runtime_runs import show_runtime_verified
from edgeprune.cli.output.under_way import progress


@click.command("verify")
@subject_options
@sample_options(100, "How many to replay.")
@json_option
def command(subject: SubjectRequest, replayed: SampleRequest, printer: Printer) -> None:
    """Replay samples on the device and compare every output byte with LiteRT's reference interpreter.

    Samples are the run's own, those of --data, or random ones. Exit code 5: a byte differs. With targets, a run's own
    metric is shown, of a .tflite the share of samples whose label is its largest output. An ExecuTorch program,
    FILE.pte, is compared with ExecuTorch on this machine, and with --runtime litert a file with LiteRT on this machine:
    99 % of the samples must have the same largest output, and no output may be further than 5 % of the largest away;
    one step of an output's quantization is no difference.

    \b
    Example:
      edgeprune verify runs/latest --samples 20
    """
    from edgeprune.deploy.replay import compare_bytes
    from edgeprune.tasks.litert_subject import LitertSubject, verify_litert
    from edgeprune.tasks.score import scored

    if subject.path.suffix == ".pte":
        from edgeprune.tasks.pte_subject import verify_pte

        program = subject.opened_pte()
        show_runtime_verified(verify_pte(program, *replayed.given), program.target, (), printer)
        return
    with subject.opened("verify") as ready:
        chosen = replayed.of(ready)
        if isinstance(ready, LitertSubject):
            show_runtime_verified(verify_litert(ready, chosen, subject.port), ready.target, chosen.notes, printer)
            return
        rows = []
        with (
            progress().task("replaying samples", len(chosen.left)) as task,
            ready.replaying(subject.port) as place,
        ):
            pairs = zip(place.outputs(chosen.input_rows), chosen.expected_rows, strict=True)
            for number, (output, wanted) in enumerate(pairs):
                compare_bytes(number, output, wanted, place.place)
                rows.append(output)
                task.advance()
        score = scored(ready, chosen, np.stack(rows))
        result = {
            "source": place.source,
            "target": ready.target.name,
            "verified_samples": len(rows),
            "notes": list(chosen.notes),
        } | score.fields
    summary = (
        f"{result['verified_samples']} samples on {ready.target.name} ({result['source']}): the same bytes as LiteRT's"
    )
    told = f", {score.words}" if score.words else ""
    printer.result(result, summary + told, *chosen.notes, *([] if place.note is None else [place.note]))
