"""The words between the code of a notebook, in the language of a report."""

from __future__ import annotations

import copy

import nbformat

from fivestep.language import _, original


def translated(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy whose markdown cells are in the language in use.

    A cell that somebody rewrote is no message of the catalog and stays as written.
    """
    out = copy.deepcopy(notebook)
    for cell in out.cells:
        if cell.cell_type == "markdown":
            cell.source = _(original(cell.source.strip()))
    return out
