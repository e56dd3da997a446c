"""Files are reported once they are new and whole, and once only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprune.files.atomic import point
from edgeprune.tasks.refit.watch import changes


class Stopped(Exception):
    pass


def looks(*happenings: Callable[[], object] | None) -> Callable[[float], None]:
    """What happens between two looks; after the last it stops."""
    rest = iter(happenings)

    def sleep(_seconds: float) -> None:
        happening = next(rest, Stopped)
        if happening is Stopped:
            raise Stopped
        if happening is not None:
            happening()

    return sleep


def reported(paths: list[Path], seen: Path, *happenings: Callable[[], object] | None) -> int:
    count = 0
    with pytest.raises(Stopped):
        for _ in changes(paths, seen, 1.0, sleep=looks(*happenings)):
            count += 1
    return count


def test_what_is_there_at_first_is_seen_and_a_change_is_reported_once(tmp_path: Path) -> None:
    weights, seen = tmp_path / "w", tmp_path / "seen.json"
    weights.write_text("one")
    quiet = (None,) * 3
    assert reported([weights], seen, *quiet) == 0
    assert reported([weights], seen, *quiet, lambda: weights.write_text("two"), *quiet) == 1
    assert reported([weights], seen, *quiet) == 0  # called again: it was handled
    weights.write_text("three")
    assert reported([weights], seen, *quiet) == 1  # changed while nobody looked


def test_the_same_content_with_a_new_time_is_no_change(tmp_path: Path) -> None:
    weights, seen = tmp_path / "w", tmp_path / "seen.json"
    weights.write_text("one")
    assert reported([weights], seen, None, None, lambda: os.utime(weights, (5, 5)), None, None) == 0


def test_a_file_that_is_written_or_missing_is_waited_for(tmp_path: Path) -> None:
    weights, data, seen = tmp_path / "w", tmp_path / "data", tmp_path / "seen.json"
    weights.write_text("one")
    data.mkdir()
    (data / "x").write_text("1")

    def grow() -> None:
        with weights.open("a") as stream:
            stream.write("more")

    assert reported([weights, data], seen, None, None, grow, grow, grow, None, None, None) == 1
    assert reported([weights, data], seen, None, weights.unlink, None, None, None) == 0
    assert reported([weights, data], seen, None, lambda: weights.write_text("back"), None, None) == 1
    assert reported([weights, data], seen, None, lambda: (data / "y").write_text("2"), None, None) == 1


def test_what_was_missing_at_first_is_a_change_when_it_comes(tmp_path: Path) -> None:
    weights, data, seen = tmp_path / "w", tmp_path / "data", tmp_path / "seen.json"
    data.mkdir()
    assert reported([weights, data], seen, None, None) == 0
    weights.write_text("one")
    assert reported([weights, data], seen, None, None) == 0  # the folder is empty
    (data / "x").write_text("1")
    assert reported([weights, data], seen, None, None, None) == 1
    assert reported([weights, data], seen, None, None, None) == 0


def test_the_last_of_so_many_changes_is_seen_too(tmp_path: Path) -> None:
    weights, seen = tmp_path / "w", tmp_path / "seen.json"
    weights.write_text("one")
    quiet = (None,) * 3
    assert reported([weights], seen, *quiet) == 0
    for content in ("two", "three"):
        weights.write_text(content)
        assert len(list(changes([weights], seen, 1.0, 1, looks(*quiet)))) == 1
    assert reported([weights], seen, *quiet) == 0


def test_a_link_to_another_file_is_a_change(tmp_path: Path) -> None:
    old, new, link, seen = (tmp_path / name for name in ("old", "new", "link", "seen.json"))
    old.write_text("one")
    new.write_text("two")
    link.symlink_to(old)
    quiet = (None,) * 3
    assert reported([link], seen, *quiet, lambda: point(link, new), *quiet) == 1


def test_what_a_killed_consumer_was_at_is_reported_again(tmp_path: Path) -> None:
    weights, seen = tmp_path / "w", tmp_path / "seen.json"
    weights.write_text("one")
    assert reported([weights], seen, None, None) == 0
    weights.write_text("two")
    watching = changes([weights], seen, 1.0, sleep=looks(None, None, None))
    next(watching)
    watching.close()  # it never asked for the next
    assert reported([weights], seen, None, None, None) == 1
    seen.write_text("damaged")
    assert reported([weights], seen, None, None) == 0
