"""A page opened in a real Chromium without a window: its console, its DOM at a width, and what axe-core finds."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

AXE = "axe-core@4.10.3"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

_FRAME = """<!DOCTYPE html><style>body {{ margin: 0 }} iframe {{ border: 0 }}</style><pre id="result"></pre><script>
addEventListener('message', message => {{ document.getElementById('result').textContent = message.data; }});
</script><iframe src="opened.html" width="{width}" height="3000"></iframe>"""  # windows are no narrower than 500 pixels


@cache
def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def console(page: Path, width: int = 1440, dark: bool = False) -> list[str]:
    """Lines of the page's console, those of its own policy included."""
    return [line for line in _run(page, width, dark, "--enable-logging=stderr")[1].splitlines() if "CONSOLE" in line]


def evaluated(page: Path, script: str, width: int = 1440, dark: bool = False, library: str = "") -> Any:
    """What a script's promise gives in the page. Ours runs no code: the test's does, in a copy without the policy.

    Args:
        script: JavaScript, an expression.
        library: JavaScript that is loaded before.
    """
    inside, frame = page.with_name("opened.html"), page.with_name("frame.html")
    code = (
        f"<script>{library}</script><script>Promise.resolve().then(() => {script})"
        ".then(one => JSON.stringify(one), bad => JSON.stringify(String(bad)))"
        ".then(text => parent.postMessage(text, '*'));</script></body>"
    )
    text = _POLICY.sub("", page.read_text(encoding="utf-8"))
    head, _, tail = text.rpartition("</body>")
    inside.write_text(head + code + tail, encoding="utf-8")
    frame.write_text(_FRAME.format(width=width), encoding="utf-8")
    dom = _run(frame, 1440, dark, "--virtual-time-budget=20000")[0]
    found = re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
    assert found and found[1], "the page did not come to its end"
    return json.loads(html.unescape(found[1]))


def axe_source(folder: Path) -> str:
    """axe-core from npm; the test is skipped where that is out of reach."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm: axe-core cannot be had")
    done = subprocess.run([npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120)
    packed = next(folder.glob("axe-core-*.tgz"), None)
    if done.returncode != 0 or packed is None:
        pytest.skip(f"npm does not give {AXE}")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def _run(page: Path, width: int, dark: bool, *options: str) -> tuple[str, str]:
    browser = chromium()
    if browser is None:
        pytest.skip("no chromium: pages are not opened (apt install chromium)")
    with_profile = page.parent / "profile"
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        f"--user-data-dir={with_profile}", f"--window-size={width},4000", "--disable-background-networking",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", *options, page.resolve().as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr
