"""What `profile` and `verify` show of somebody else's runtime; times only where a device took them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from edgeprune.cli.output.operators import operators_data, operators_table
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.program_profile import latency_of, warnings_of
from edgeprune.units import bytes_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.deploy.hosted.operator_times import OperatorTimes
    from edgeprune.deploy.hosted.runtime_session import RuntimeSession
    from edgeprune.deploy.hosted.timing import Timing
    from edgeprune.hardware.profile import Target
    from edgeprune.tasks.litert_subject import LitertSubject
    from edgeprune.tasks.pte_subject import PteSubject
    from edgeprune.tasks.runtimes.agreement import RuntimeVerified


def show_runtime_verified(found: RuntimeVerified, target: Target, notes: Sequence[str], printer: Printer) -> None:
    """notes: what was done to the samples."""
    agreed = "" if found.argmax_agreement is None else f", the same largest output on {found.argmax_agreement:.1%}"
    score = f", {found.score.words}" if found.score.words else ""
    printer.result(
        {"target": target.name, "verified_samples": found.samples, "notes": list(notes)}
        | asdict(found)
        | found.score.fields,
        f"{found.samples} samples in {found.runtime} on {found.place} ({found.source}) beside the one of this machine: "
        f"the same bytes on {found.same_bytes:.1%}, at most {found.most_difference:.2g} of the largest output "
        f"apart{agreed}{score}",
        *notes,
    )


def show_pte_profile(subject: PteSubject, timing: Timing, printer: Printer) -> None:
    """Raises DeviceError, ToolchainError, UsageError: as `running_pte`."""
    from edgeprune.deploy.hosted.pte import running_pte
    from edgeprune.deploy.hosted.pte_operators import operator_times

    with running_pte(subject.data, subject.program, subject.target, subject.address) as session:
        model = (subject.name, subject.program.size_bytes, sum(subject.program.planned_bytes))
        operators = operator_times(session, bytes(session.input_bytes), timing)
        _show_profile(session, model, subject.target, timing, operators, printer)


def show_litert_profile(subject: LitertSubject, address: str | None, timing: Timing, printer: Printer) -> None:
    """Raises DeviceError, ToolchainError, UsageError: as `running_litert`."""
    from edgeprune.deploy.hosted.litert_operators import operator_times

    with subject.interpreted(address) as session:
        operators = operator_times(session, subject.tflite, subject.target, timing)
        _show_profile(session, (subject.name, len(subject.tflite), None), subject.target, timing, operators, printer)


def _show_profile(
    session: RuntimeSession,
    model: tuple[str, int, int | None],
    target: Target,
    timing: Timing,
    operators: OperatorTimes,
    printer: Printer,
) -> None:
    """Whole inferences and operators; `model`: its name, the bytes of its file and of the memory its file plans."""
    name, file_bytes, planned_bytes = model
    times = session.times(bytes(session.input_bytes), timing)
    where, source = session.machine.name, session.machine.source
    result = {
        "source": source,
        "target": target.name,
        "machine": where,
        "runtime": session.runtime,
        "threads": None if times is None else times.threads,
        "file_bytes": file_bytes,
        "runtime_bytes": session.runtime_bytes,
        "planned_bytes": planned_bytes,
        "peak_rss_bytes": None if times is None else times.peak_rss_bytes,
        "latency": None if times is None else latency_of(times),
        "core": None if times is None else times.core,
        "warnings": [] if times is None else warnings_of(times),
    } | operators_data(operators)
    planned = "" if planned_bytes is None else f", planned memory {bytes_text(planned_bytes)}"
    sizes = (
        f"{name} on {target.name} ({where}): file {bytes_text(file_bytes)}, {session.runtime} and what it needs "
        f"{bytes_text(session.runtime_bytes)}{planned}"
    )
    if times is None:
        reason = f"{where} emulates the processor" if source == "device" else "no device ran it"
        printer.result(result, sizes, f"not timed: {reason}; --device ssh://USER@HOST, of a real one, measures it")
        return
    latency = latency_of(times)
    shown = ", ".join(f"{name} {microseconds_text(latency[f'{name}_us'])}" for name in ("p50", "p90", "p99"))
    threads = (
        "" if times.threads is None else f"; {times.threads} thread{'' if times.threads == 1 else 's'} in the process"
    )
    resident = "" if times.peak_rss_bytes is None else f"; at most {bytes_text(times.peak_rss_bytes)} resident in all"
    printer.result(
        result,
        *operators_table(operators, f"{name} on {target.name} ({where})"),
        sizes,
        f"one inference, measured: {shown}, last on core {times.core}{threads}{resident}",
        *(f"look at this: {warning}" for warning in warnings_of(times)),
    )
