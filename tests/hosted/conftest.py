"""A real SSH server on loopback, its sessions on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosted.sshd import MISSING, Server, is_missing


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    if is_missing():
        pytest.skip(MISSING)
    folder: Path = tmp_path_factory.mktemp("sshd")
    made = Server(folder)
    made.start()
    monkeypatch.setenv("EDGEPRUNE_SSH", made.client_words())
    yield made
    made.stop()
