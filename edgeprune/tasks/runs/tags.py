"""Tags: names for runs that stay. `runs/tags/NAME` is a link to the run, so that every command takes it as a run."""

from __future__ import annotations

from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.files.atomic import point
from edgeprune.files.names import RULE, is_name

FOLDER, LATEST = "tags", "latest"


def tags_in(runs: Path) -> dict[str, str]:
    """Tag -> name of its run, of the folder of runs; a link to nothing is kept, for its run may come back."""
    folder = runs / FOLDER
    if not folder.is_dir():
        return {}
    links = sorted(path for path in folder.iterdir() if path.is_symlink() and is_name(path.name))
    return {link.name: link.readlink().name for link in links}


def tags_by_run(runs: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag, run in tags_in(runs).items():
        found.setdefault(run, []).append(tag)
    return found


def why_tagged(runs: Path) -> dict[str, str]:
    """Run -> why it stays, of those that have a tag."""
    return {run: f"it is tagged {', '.join(tags)}" for run, tags in tags_by_run(runs).items()}


def check_tag(runs: Path, tag: str) -> None:
    """Raises UsageError where it is no name, or already means something else in the folder of runs."""
    if not is_name(tag):
        raise UsageError(f"'{tag}' is no tag", hint=f"a tag is {RULE}")
    if tag == LATEST:
        raise UsageError(f"'{tag}' is the newest run", hint="choose another tag")
    if (runs / tag).exists():
        raise UsageError(f"'{tag}' is what {runs / tag} is called", hint="choose another tag")


def set_tag(runs: Path, tag: str, folder: Path) -> None:
    """The tag names this run from now on, whatever it named before.

    Raises:
        UsageError: as `check_tag`; or the link cannot be made.
    """
    check_tag(runs, tag)
    try:
        (runs / FOLDER).mkdir(exist_ok=True)
        point(runs / FOLDER / tag, folder)
    except OSError as problem:
        raise UsageError(
            f"{runs / FOLDER / tag} cannot be made a link: {problem.strerror or problem}",
            hint=f"only links belong into {runs / FOLDER}; it must be writable",
        ) from problem


def remove_tag(runs: Path, tag: str) -> str:
    """The name of the run that had it, which stays.

    Raises:
        UsageError: there is no such tag.
    """
    tags = tags_in(runs)
    if tag not in tags:
        known = f"there are {', '.join(tags)}" if tags else f"{runs} has none"
        raise UsageError(f"no run is tagged '{tag}'", hint=known)
    (runs / FOLDER / tag).unlink()
    return tags[tag]


def run_called(runs: Path, name: str) -> Path:
    """The folder of a run by its name under `runs`, `latest`, its tag, or its path, in that order.

    A name has no folder in it: `../b` is a path, from here.

    Raises:
        UsageError: nothing is called so.
    """
    is_plain = name == Path(name).name != ".."
    called = [runs / name, runs / FOLDER / name] if is_plain else []
    for place in (*called, Path(name)):
        if (place / "state.json").is_file():
            return place.resolve()
    raise UsageError(
        f"no run is called '{name}'", hint=f"`edgeprune runs list --runs {runs}` names them, and their tags"
    )
