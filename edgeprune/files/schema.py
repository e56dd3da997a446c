"""TOML files checked against a pydantic model, with errors that name the file, the key and what belongs there."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from edgeprune.errors import UsageError
from edgeprune.files.names import RULE, is_name

Schema = TypeVar("Schema", bound=BaseModel)


def _checked_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"a name is {RULE}, not {text!r}")
    return text


def _checked_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"one line without control characters, not {text!r}")
    return text


Name = Annotated[str, AfterValidator(_checked_name)]
Line = Annotated[str, AfterValidator(_checked_line)]


class Strict(BaseModel):
    """Base of every table: unknown keys are errors, values are read-only."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_toml(path: Path, schema: type[Schema]) -> Schema:
    """The file as `schema`.

    Raises:
        UsageError: the file is missing, no TOML, or does not meet the schema; one line per fault.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check the path") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}", hint="save it as UTF-8"
        ) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no valid TOML: {error}", hint="strings need quotes, tables [brackets]") from None
    return validated(data, schema, path)


def validated(data: dict[str, Any], schema: type[Schema], path: Path) -> Schema:
    """Parsed TOML as `schema`; `path` is only named in the error.

    Raises:
        UsageError: one line per fault: file, key, what is expected.
    """
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        faults = [_fault(schema, detail) for detail in error.errors(include_url=False)]
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise UsageError(
            "\n".join([f"{path}: {count}", *(f"  {fault}" for fault in faults)]),
            hint=f"mend {path.name}; `edgeprune init` and `edgeprune targets show` give files with every key",
        ) from None


def _fault(schema: type[BaseModel], detail: ErrorDetails) -> str:
    key = _dotted(detail["loc"]) or "the file"
    match detail["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            known = _keys_beside(schema, detail["loc"])
            near = get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
            return f"{key}: no such key; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")
        case "value_error":
            return f"{key}: {detail['ctx']['error']}"
    expected = detail["msg"].replace("Input should be", "expected")
    return f"{key}: {expected}, got {detail['input']!r}"


def _dotted(loc: tuple[str | int, ...]) -> str:
    """('memory', 0, 'kind') -> 'memory[0].kind'."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _keys_beside(schema: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Keys the table holding the last part of `loc` may have."""
    for part in loc[:-1]:
        if isinstance(part, str) and part in schema.model_fields:
            schema = _table_in(schema.model_fields[part].annotation) or schema
    return list(schema.model_fields)


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The table type inside `T`, `T | None` or `tuple[T, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for argument in get_args(annotation) if (table := _table_in(argument))), None)
