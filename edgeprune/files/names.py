"""Names that stand unquoted in paths, generated files and command lines; `schema.Name` is such a field."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 64
RULE = "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', the first a letter or a digit"


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def name_from(text: str) -> str:
    """A name as near to `text` (a file's stem, say) as the rule allows: '_' for whatever it does not."""
    name = _OTHERS.sub("_", text)
    return (name if is_name(name[:1]) else f"x{name}")[:_LONGEST]
