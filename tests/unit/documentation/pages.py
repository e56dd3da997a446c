"""The pages of the site, and the commands in them: blocks of `sh` are run, those of `console` need a board or root."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "docs").glob("*.md"))
EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def commands(page: Path) -> list[str]:
    """Each line that begins with `edgeprune`, comments left out."""
    lines = [line.strip() for text in blocks(page, "sh", "console") for line in text.splitlines()]
    return [re.sub(r"\s+#.*| [12]?>.*| \|\|.*", "", line) for line in lines if line.startswith("edgeprune ")]


def headings(page: Path) -> set[str]:
    """Anchors, as the site makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
