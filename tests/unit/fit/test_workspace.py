"""A run that was killed goes on where it stopped, and never twice through the same stage."""

from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.fitting.workspace import Workspace


def test_a_finished_stage_is_not_computed_again_after_a_kill(tmp_path: Path) -> None:
    calls: list[str] = []

    def stage(name: str, result: int) -> int:
        calls.append(name)
        return result

    first = Workspace.begin(tmp_path / "runs", "today", {"target": "cortex-m4"})
    assert first.once("train", lambda: stage("train", 7)) == 7
    with pytest.raises(KeyboardInterrupt):
        first.once("export", lambda: (_ for _ in ()).throw(KeyboardInterrupt))

    second = Workspace.resume(tmp_path / "runs" / "latest")
    assert second.request == {"target": "cortex-m4"}
    assert second.once("train", lambda: stage("train", 8)) == 7
    assert not second.is_done("export")
    assert second.once("export", lambda: stage("export", 9)) == 9
    assert calls == ["train", "export"]


def test_names_do_not_collide_and_latest_is_the_newest(tmp_path: Path) -> None:
    one = Workspace.begin(tmp_path / "runs", "today", {})
    two = Workspace.begin(tmp_path / "runs", "today", {})
    assert one.folder != two.folder
    assert (tmp_path / "runs" / "latest").resolve() == two.folder.resolve()


def test_nothing_to_resume_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run to resume"):
        Workspace.resume(tmp_path)
    (tmp_path / "state.json").write_text('{"request": {}')
    with pytest.raises(UsageError, match="damaged"):
        Workspace.resume(tmp_path)
