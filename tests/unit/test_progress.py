from __future__ import annotations

from edgeprune.progress import Lines


def test_a_task_is_told_by_its_quarters() -> None:
    lines: list[str] = []
    shown = Lines(lines.append)
    shown.note("begun")
    with shown.task("training", 10) as task:
        for step in range(10):
            task.advance(detail=f"loss {step}")
    with shown.task("nothing", 0) as task:
        pass
    assert lines == [
        "begun",
        "training: 25 %, loss 2",
        "training: 50 %, loss 4",
        "training: 75 %, loss 7",
        "training: 100 %, loss 9",
    ]
