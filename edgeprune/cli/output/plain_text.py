"""What may reach a terminal: text of devices, files and other programs commands it otherwise."""

from __future__ import annotations


def plain(text: str) -> str:
    """`text` with line ends and tabs as they are; whatever else is not printable becomes an escape (`\\x1b`).

    That leaves out control characters, the C1 ones too, and marks that turn the direction of writing around.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text)
