"""Options that belong together, given to a command as one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any

Command = Callable[..., None]


def gathered(name: str, record: type[Any]) -> Callable[[Command], Command]:
    """The parameters called like fields of `record`, a dataclass, reach the command as one of it, `name`."""
    parts = [field.name for field in fields(record)]

    def decorated(function: Command) -> Command:
        @wraps(function)
        def command(**given: Any) -> None:
            function(**{name: record(**{part: given.pop(part) for part in parts})}, **given)

        return command

    return decorated
