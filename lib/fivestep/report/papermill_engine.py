"""How papermill runs a notebook here: as always, but written to disk once for each cell and not twice."""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

ENGINE = "fivestep"


class _Saved(NotebookExecutionManager):
    """Writes the notebook when a cell begins and at the end: papermill's own writes all of it when a cell ends, too."""

    ending = False

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        self.ending = True
        super().cell_complete(cell, cell_index, **kwargs)
        self.ending = False

    def save(self, **kwargs: Any) -> None:
        if not self.ending:
            super().save(**kwargs)


class _Engine(NBClientEngine):
    @classmethod
    def execute_notebook(
        cls, nb, kernel_name, output_path=None, progress_bar=True, log_output=False, autosave_cell_every=30, **kw
    ):
        notebook = _Saved(nb, output_path, log_output, progress_bar, autosave_cell_every)
        notebook.notebook_start()
        try:
            cls.execute_managed_notebook(notebook, kernel_name, log_output=log_output, **kw)
        finally:
            notebook.cleanup_pbar()
            notebook.notebook_complete()
        return notebook.nb


papermill_engines.register(ENGINE, _Engine)
