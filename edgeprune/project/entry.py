"""The user's own Python, named as `file.py:function` or `package.module:function` in the project file.

It is the user's own code; it runs in this process. What it raises comes back as one clear error with
the place in the user's file, not as a stack trace through EdgePrune.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeprune.errors import EdgePruneError, ModelError


def load_entry(entry: str, root: Path, error: type[EdgePruneError]) -> Callable[..., Any]:
    """The function `entry` names, in a file relative to `root` or in an installed package.

    Args:
        entry: `model.py:build`; the file may import its neighbours in `root`. `timm:create_model`, of a package.
        root: folder of the project file.
        error: what to raise when there is no such function.
    """
    place, _, called = entry.rpartition(":")
    if "(" in called:
        arguments = "; in [model], arguments = { name = value, ... }" if error is ModelError else ""
        raise error(
            f"'{entry}' is a call, and an entry names the function alone",
            hint=f'entry = "{place}:{called.partition("(")[0]}"{arguments}',
        )
    file_name, _, function_name = entry.rpartition(":")
    if not file_name or not function_name:
        raise error(f"'{entry}' is no entry", hint="write file.py:function, for example model.py:build")
    module = (
        _package(file_name, entry, error) if _is_package(file_name) else _file(root / file_name, root, entry, error)
    )
    function = getattr(module, function_name, None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        near = get_close_matches(function_name, names, n=1) or names[:1]
        name = Path(file_name).name
        raise error(
            f"{name} has no function '{function_name}'",
            hint=f"did you mean '{file_name}:{near[0]}'?" if near else f"define {function_name}() in {name}",
        )
    return function  # type: ignore[no-any-return]


def _is_package(name: str) -> bool:
    return not name.endswith(".py") and all(part.isidentifier() for part in name.split("."))


def _package(name: str, entry: str, error: type[EdgePruneError]) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name and name.startswith(problem.name):
            raise error(
                f"the package {problem.name} is not installed ('{entry}')",
                hint=f"pip install it, or write {name.rpartition('.')[2]}.py:function for a file of your own",
            ) from problem
        raise error(_told(name, problem), hint=f"install what {name} needs") from problem
    except Exception as problem:
        raise error(_told(name, problem), hint=f"python -c 'import {name}' must work") from problem


def _file(path: Path, root: Path, entry: str, error: type[EdgePruneError]) -> ModuleType:
    if not path.is_file():
        raise error(
            f"{path.resolve()} is not there ('{entry}')", hint="paths are relative to the folder of edgeprune.toml"
        )
    return _run_file(path.resolve(), root, error)


@contextmanager
def user_code(entry: str, error: type[EdgePruneError]) -> Iterator[None]:
    """Turns whatever the user's function raises into `error`, naming the line it came from."""
    try:
        yield
    except EdgePruneError:
        raise
    except Exception as problem:
        raise error(_told(entry, problem), hint=f"run it alone to debug it: {_alone(entry)}") from problem


def _run_file(path: Path, root: Path, error: type[EdgePruneError]) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"edgeprune_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise error(f"{path} is no Python file", hint="an entry names a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and torch look a class's module up by name
    sys.path.insert(0, str(root.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise error(_told(path.name, problem), hint=f"mend {path}") from problem
    finally:
        sys.path.remove(str(root.resolve()))
    return module


def _told(entry: str, problem: Exception) -> str:
    place = ""
    if isinstance(problem, SyntaxError):
        place = f" (line {problem.lineno})"
    elif frames := [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if Path(frame.filename).name == entry.rpartition(":")[0] or Path(frame.filename).name == entry
    ]:
        place = f" ({Path(frames[-1].filename).name} line {frames[-1].lineno})"
    text = problem.msg if isinstance(problem, SyntaxError) else str(problem)
    return f"{entry} raised {type(problem).__name__}: {text[:400]}{place}"


def _alone(entry: str) -> str:
    file_name, _, function_name = entry.rpartition(":")
    return f"python -c 'import {Path(file_name).stem} as m; m.{function_name}()'"
