"""Text from outside (a name, a path, a command) inside a generated file or an option, by the language of that place.

Names are checked where they come in (`files/names.py`); this is for the places they reach all the same.
"""

from __future__ import annotations

import re

_TRIGRAPH = re.compile(r"\?\?(?=[=/'()!<>-])")
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*[]<>|"})


def c_comment(text: str) -> str:
    """`text` such that it cannot end a C comment or leave its line, by a trigraph neither."""
    return _TRIGRAPH.sub("? ?", _ascii(text)).replace("*/", "* /").replace("/*", "/ *")


def c_string(text: str) -> str:
    """A C string literal; quotes, backslashes, what begins a trigraph and anything unusual become '_'."""
    return '"' + "".join(c if c.isascii() and c.isprintable() and c not in '"\\?' else "_" for c in text) + '"'


def make_comment(text: str) -> str:
    """`text` such that it cannot leave its line in a Makefile, nor take the next one with it."""
    return _ascii(text).replace("\\", "?")


def markdown(text: str) -> str:
    """`text` as itself, without markup or HTML, on one line."""
    return _printable(text).translate(_MARKDOWN)


def markdown_code(text: str) -> str:
    """What stands between backticks, which cannot be escaped there."""
    return _printable(text).replace("`", "'")


def qemu_value(text: str) -> str:
    """The value of a key in one of QEMU's options, in which commas begin the next key."""
    return text.replace(",", ",,")


def _ascii(text: str) -> str:
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
