"""What `profile` and `verify` show of an ExecuTorch program; times only where a device took them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.program_profile import Timing, latency_of, warnings_of
from edgeprune.units import bytes_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.tasks.pte_subject import PteSubject


def show_pte_verified(subject: PteSubject, count: int, data: Path | None, printer: Printer) -> None:
    """Raises VerificationError where the outputs are not this machine's."""
    from edgeprune.tasks.pte_subject import verify_pte

    found = verify_pte(subject, count, data)
    agreed = "" if found.argmax_agreement is None else f", the same largest output on {found.argmax_agreement:.1%}"
    score = f", {found.score.words}" if found.score.words else ""
    printer.result(
        {"target": subject.target.name, "verified_samples": found.samples} | asdict(found) | found.score.fields,
        f"{found.samples} samples on {found.place} ({found.source}) beside ExecuTorch on this machine: the same bytes "
        f"on {found.same_bytes:.1%}, at most {found.most_difference:.2g} of the largest output apart{agreed}{score}",
    )


def show_pte_profile(subject: PteSubject, timing: Timing, printer: Printer) -> None:
    """Whole inferences; ExecuTorch's libraries time no operator without its own tools."""
    from edgeprune.deploy.hosted.pte import running_pte
    from edgeprune.tasks.pte_subject import zeros_of

    with running_pte(subject.data, subject.program, subject.target, subject.address) as session:
        times = session.times(zeros_of(session), timing.warm_up, timing.runs, timing.core)
        where, source, runtime_bytes = session.machine.name, session.machine.source, session.runtime_bytes
    result = {
        "source": source,
        "target": subject.target.name,
        "machine": where,
        "threads": 1,
        "file_bytes": subject.program.size_bytes,
        "runtime_bytes": runtime_bytes,
        "planned_bytes": sum(subject.program.planned_bytes),
        "peak_rss_bytes": None if times is None else times.peak_rss_bytes,
        "latency": None if times is None else latency_of(times),
        "core": None if times is None else times.core,
        "warnings": [] if times is None else warnings_of(times),
    }
    sizes = (
        f"{subject.name} on {subject.target.name} ({where}): file {bytes_text(subject.program.size_bytes)}, ExecuTorch "
        f"and the runner {bytes_text(runtime_bytes)}, planned memory {bytes_text(sum(subject.program.planned_bytes))}"
    )
    if times is None:
        reason = f"{where} emulates the processor" if source == "device" else "no device ran it"
        printer.result(result, sizes, f"not timed: {reason}; --device ssh://USER@HOST, of a real one, measures it")
        return
    latency = latency_of(times)
    shown = ", ".join(f"{name} {microseconds_text(latency[f'{name}_us'])}" for name in ("p50", "p90", "p99"))
    resident = "" if times.peak_rss_bytes is None else f"; at most {bytes_text(times.peak_rss_bytes)} resident in all"
    printer.result(
        result,
        sizes,
        f"one inference, measured: {shown}; one thread, last on core {times.core}{resident}",
        *(f"look at this: {warning}" for warning in warnings_of(times)),
    )
