"""The example notebooks run from their first cell to their last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.support.credit import unique
from tests.support.platform import Platform

FOLDER = Path(__file__).parents[4] / "docs" / "notebooks"
CELL_SECONDS = 120


def _read(path: Path) -> NotebookNode:
    return nbformat.reads(path.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call, no-any-return]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_something_in_each_cell_that_ends_in_a_value(
    path: Path, platform: Platform, tmp_path: Path
) -> None:
    notebook = _read(path)
    given = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    given.source = f"TRACKING_URI = {platform.url!r}\nNAME = {unique('credit')!r}"
    # A kernel keeps its profile and history in the user's home.
    environment = {**platform.environment, "IPYTHONDIR": str(tmp_path)}
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute(env=environment)
    last = notebook.cells[-1]
    assert "text/html" in last.outputs[-1].data


def test_notebooks_are_kept_without_what_they_showed_somewhere() -> None:
    for path in FOLDER.glob("*.ipynb"):
        cells = _read(path).cells
        assert not any(cell.get("outputs") for cell in cells), path.name
