"""Target names and TOML files -> `Target`."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path

from edgeprune.catalogue import plugged_folders
from edgeprune.errors import UsageError
from edgeprune.files.schema import load_toml
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Target


def target_files() -> dict[str, Path]:
    """Name -> TOML file of every target: those shipped, by family folder and name, then those of packages of others.

    Raises:
        UsageError: one of those is not there, or brings a name that is taken.
    """
    files = shipped("targets").glob("*/*.toml")
    found = {path.stem: path for path in sorted(files, key=lambda path: (path.parent.name, path.stem))}
    for owner, folder in plugged_folders("targets").items():
        for path in sorted(folder.glob("*.toml")):
            if path.stem in found:
                raise UsageError(
                    f"{owner} brings a target '{path.stem}', and {found[path.stem]} is one", f"give {path} another name"
                )
            found[path.stem] = path
    return found


def target_names() -> list[str]:
    """Names of all targets there are."""
    return list(target_files())


def load_target(name_or_path: str) -> Target:
    """A target there is by name or alias, or anyone's by the path of its TOML file.

    Raises:
        UsageError: no target of that name (the nearest ones are suggested), or a file that does not meet the schema.
    """
    files = target_files()
    path = Path(name_or_path)
    if name_or_path in files:
        path = files[name_or_path]
    elif path.suffix != ".toml" and len(path.parts) == 1 and (named := _called(name_or_path, files)):
        path = named
    elif path.suffix != ".toml" and len(path.parts) == 1:
        near = _nearest(name_or_path, list(files))
        raise UsageError(
            f"no target is called '{name_or_path}'",
            hint=f"did you mean {' or '.join(near)}?" if near else "'edgeprune targets list' names them all",
        )
    target = load_toml(path, Target)
    stand_in = target.emulator.target if target.emulator else None
    if stand_in is not None and stand_in not in files:
        near = _nearest(stand_in, list(files))
        advice = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"{path}: 1 fault\n  emulator.target: no target is called '{stand_in}'{advice}")
    return target


def _called(alias: str, files: dict[str, Path]) -> Path | None:
    """The file that lists the alias, however it is spelled: letters small or large, words joined or apart."""
    wanted = _spelled(alias)
    for path in files.values():
        aliases = tomllib.loads(path.read_text("utf-8")).get("aliases", ())
        if wanted in {_spelled(one) for one in aliases}:
            return path
    return None


def _spelled(name: str) -> str:
    return "".join(letter for letter in name.lower().replace("+", "plus") if letter.isalnum())


def _nearest(name: str, names: list[str]) -> list[str]:
    """At most three: names spelled alike, then names the text is a part of (`f446` -> `nucleo-f446re`)."""
    wanted = name.lower().replace("_", "-").replace(" ", "-")
    alike = get_close_matches(wanted, names, n=3, cutoff=0.7)
    holding = [candidate for candidate in names if len(wanted) > 1 and wanted in candidate]
    return list(dict.fromkeys([*alike, *holding]))[:3] or get_close_matches(wanted, names, n=2, cutoff=0.5)
