"""A run that was killed goes on where it stopped, and never twice through the same stage."""

import json
from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.files import workspace
from edgeprune.files.workspace import Workspace


def test_a_finished_stage_is_not_computed_again_after_a_kill(tmp_path: Path) -> None:
    calls: list[str] = []

    def stage(name: str, result: int) -> int:
        calls.append(name)
        return result

    first = Workspace.begin(tmp_path / "runs", "today", {"target": "cortex-m4"})
    assert first.once("train", lambda: stage("train", 7)) == 7
    with pytest.raises(KeyboardInterrupt):
        first.once("export", lambda: (_ for _ in ()).throw(KeyboardInterrupt))

    first.close()
    second = Workspace.resume(tmp_path / "runs" / "latest")
    assert second.request == {"target": "cortex-m4"}
    assert second.once("train", lambda: stage("train", 8)) == 7
    assert list(second.seconds_by_stage) == ["train"]
    assert second.once("export", lambda: stage("export", 9)) == 9
    assert calls == ["train", "export"]


def test_names_do_not_collide_and_latest_is_the_newest(tmp_path: Path) -> None:
    one = Workspace.begin(tmp_path / "runs", "today", {})
    two = Workspace.begin(tmp_path / "runs", "today", {})
    assert one.folder != two.folder
    assert (tmp_path / "runs" / "latest").resolve() == two.folder.resolve()


def test_nothing_to_resume_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run to resume"):
        Workspace.resume(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "state.json").write_text('{"request": {}')
    with pytest.raises(UsageError, match="damaged"):
        Workspace.resume(tmp_path)


def test_a_note_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    with Workspace.begin(tmp_path, "run", {}) as begun:
        begun.once("int8 accuracy", lambda: 61.5)
    state = begun.folder / "state.json"
    state.write_text(state.read_text().replace("61.5", "91.5"))
    with pytest.raises(UsageError, match="damaged"):
        Workspace.resume(begun.folder)


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("change", ["changed", "removed", "whole"])
def test_what_a_stage_wrote_is_what_its_note_was_made_with(tmp_path: Path, kind: str, change: str) -> None:
    with Workspace.begin(tmp_path, "run", {}) as begun:
        kept = begun.folder / "step" / "weights" if kind == "file" else begun.folder / "step"
        written = begun.folder / "step" / "weights"

        def train() -> float:
            written.parent.mkdir()
            written.write_bytes(b"learned")
            return 61.5

        begun.once("train", train, kept)
    if change == "changed":
        written.write_bytes(b"another")
    elif change == "removed":
        written.unlink()
    with Workspace.resume(begun.folder) as resumed:
        if change == "whole":
            assert resumed.once("train", train, kept) == 61.5
            return
        with pytest.raises(UsageError, match="not what the stage 'train' wrote: it was changed or removed") as refused:
            resumed.once("train", train, kept)
        assert "without --resume" in str(refused.value.hint)


def test_two_at_once_the_second_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with Workspace.begin(tmp_path, "run", {}) as first:
        with pytest.raises(UsageError, match="is in use by process"):
            Workspace.resume(first.folder)
        with pytest.raises(UsageError, match="is in use by process"):
            Workspace.begin_at(first.folder, {"other": "work"})
    with Workspace.resume(first.folder) as second:
        assert second.request == {}


def test_what_a_killed_attempt_was_writing_is_removed(tmp_path: Path) -> None:
    with Workspace.begin(tmp_path, "run", {}) as begun:
        left = begun.folder / "candidates" / "round-1" / ".model.tflite.0123abcd.part"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
    Workspace.resume(begun.folder).close()
    assert not left.exists() and left.parent.is_dir()


def test_a_run_of_another_version_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "__version__", "0.0.9")
        Workspace.begin(tmp_path, "run", {}).close()
    with pytest.raises(UsageError, match=r"was begun by EdgePrune 0\.0\.9; this is ") as refused:
        Workspace.resume(tmp_path / "run")
    assert "without --resume" in str(refused.value.hint)
    older = {"request": {}, "notes": {}, "seconds": {}}  # what was written before versions were noted
    (tmp_path / "run" / "state.json").write_text(json.dumps(older))
    with pytest.raises(UsageError, match="of an older version"):
        Workspace.resume(tmp_path / "run")
