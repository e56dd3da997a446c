"""The notebook, run from its first cell to its last by Jupyter's own client."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.unit.documentation.pages import ROOT

NOTEBOOK = ROOT / "examples" / "python-api.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_runs_and_shows_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = notebook.cells[-1].outputs[-1].data
    assert "<iframe" in shown["text/html"] and "digits on cortex-m4: fits" in shown["text/plain"]


def test_it_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.outputs or cell.execution_count for cell in cells if cell.cell_type == "code")
