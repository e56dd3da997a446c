"""Records of runs that never were, with everything a page can show; names as hostile as they come."""

from __future__ import annotations

from edgeprune.fitting.record import (
    Accuracy,
    AnswersRecord,
    ArenaRecord,
    AwareRecord,
    ConfusionCell,
    EpochRecord,
    FootprintRecord,
    LayerRecord,
    LayerSqnrRecord,
    RunRecord,
    StepRecord,
)

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "a\u0000b\u202ec", "{{7*7}}",
    "]]><!--", "${7*7}", "&lt;b&gt;", "'; DROP", "layer" * 40, "",
)  # fmt: skip


def layer_name(number: int) -> str:
    return HOSTILE[number] if number < len(HOSTILE) else f"stage{number // 10}.block{number}.conv"


def run_record(layers: int = 24, classes: int = 5) -> RunRecord:
    """A fit whose second step was undone, with quantization-aware training, on a board."""
    names = [layer_name(number) for number in range(layers)]
    before, after = _footprint(420_000, 90_000, names[2]), _footprint(230_000, 60_000, names[2])
    epochs = tuple(EpochRecord(loss=2.0 / (number + 1), validation=80.0 + number) for number in range(3))
    widths = {name: 16 + number for number, name in enumerate(names)}
    thinned = {name: 8 + number for number, name in enumerate(names)}
    cells = tuple(
        ConfusionCell(true=true, found=found, samples=40 if true == found else 1)
        for true in range(classes)
        for found in range(classes)
    )
    return RunRecord(
        fits=True, flash_bytes=after.flash_bytes, flash_limit_bytes=262_144, ram_bytes=after.ram_bytes,
        ram_limit_bytes=65_536, arena_bytes=after.ram_parts["arena"], stack_bytes=500, macs=1_000_000,
        verified_samples=20, source="emulator", run="runs/one",
        accuracy=Accuracy(
            metric="accuracy", float_before=93.0, float=92.5, int8=92.0, int8_samples=200, device=90.0,
            device_samples=20,
        ),
        drop_points=1.0, target="cortex-m4", board=HOSTILE[0], model=HOSTILE[1], model_sha256="0" * 64,
        edgeprune_version="0.1.0", created="2026-01-01T00:00:00+0000", command="edgeprune fit",
        ticks="instructions", total_ticks=1e6, total_us=None, latency_limit_us=20_000.0, max_drop_points=10.0,
        before=before, predicted=after, after=after, widths_before=widths, widths=thinned, removed=(names[0],),
        steps=(
            StepRecord(
                widths=widths, score=85.0, epochs=3, undone=True, drop_points=8.0, allowed_points=5.0, training=epochs
            ),
            StepRecord(
                widths=thinned, score=92.0, epochs=3, undone=False, drop_points=1.0, allowed_points=5.0,
                training=epochs,
            ),
        ),
        quantization_aware=AwareRecord(epochs=3, before=90.0, after=92.0, kept=True, training=epochs),
        faster=(1,), layer_names=tuple(names),
        layers=tuple(
            LayerRecord(
                name=name, kind="CONV_2D", output_shape=(1, 8, 8, 16), macs=1000, predicted_ticks=1000.0 + number,
                measured_ticks=1100.0 + number, kernel="ep_conv2d_dsp", runs_on="ref" if number % 2 else "dsp",
                why_plain="its values" if number % 2 else None, weight_bytes=600, table_bytes=64,
            )
            for number, name in enumerate(names)
        ),
        sqnr_db=30.0,
        layer_sqnr=tuple(
            LayerSqnrRecord(name=name, kind="CONV_2D", alone_db=40.0 + number % 7, so_far_db=35.0, share=1 / layers)
            for number, name in enumerate(names)
        ),
        arena=tuple(
            ArenaRecord(name=name, offset_bytes=8_000 * (number % 2), size_bytes=8_000, first_layer=number,
                        end_layer=number + 2)
            for number, name in enumerate(names)
        ),
        answers=AnswersRecord(
            class_names=tuple(layer_name(number) for number in range(classes)),
            confusions={"float": cells, "int8": cells, "device": cells[:1]},
        ),
        seed=0, versions={"torch": "2.13.0"}, doubts=(HOSTILE[0],), artifacts={"tflite": "model.tflite"},
        seconds_by_stage={"training": 12.5},
    )  # fmt: skip


def old_record() -> RunRecord:
    """As versions before reports wrote them."""
    whole = run_record().model_dump()
    for name in ("arena", "answers", "seed", "versions"):
        del whole[name]
    for layer in whole["layers"]:
        for name in ("kernel", "runs_on", "why_plain", "weight_bytes", "table_bytes"):
            del layer[name]
    for step in [*whole["steps"], whole["quantization_aware"]]:
        del step["training"]
    return RunRecord.model_validate(whole)


def value_record() -> RunRecord:
    """A regression whose time nobody measured."""
    record, edges = run_record(), tuple(number / 10 for number in range(31))
    counts = tuple(range(30))
    answers = AnswersRecord(error_edges=edges, error_counts={"float": counts, "int8": counts})
    unmeasured = tuple(layer.model_copy(update={"measured_ticks": None}) for layer in record.layers)
    accuracy = record.accuracy.model_copy(update={"metric": "mse"})
    changed = {"answers": answers, "layers": unmeasured, "accuracy": accuracy, "total_ticks": None, "steps": ()}
    return record.model_copy(update=changed | {"quantization_aware": None, "arena": (), "arena_bytes": None})


def _footprint(flash_bytes: int, ram_bytes: int, peak_layer: str) -> FootprintRecord:
    return FootprintRecord(
        flash_bytes=flash_bytes,
        flash_parts={"runtime": 6_000, "kernels": 5_000, "constants": flash_bytes - 11_000},
        ram_bytes=ram_bytes, ram_parts={"arena": ram_bytes - 1_500, "data": 1_000, "stack": 500},
        peak_layer=peak_layer, macs=1_000_000, latency_us=12_000.0,
    )  # fmt: skip
