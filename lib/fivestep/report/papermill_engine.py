"""How papermill runs a notebook here: as always, but written to disk every few seconds."""

from __future__ import annotations

import time
from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

ENGINE = "fivestep"
_SAVED_EVERY = 5.0  # seconds


class _Saved(NotebookExecutionManager):
    """Writes the notebook where the last time was seconds ago, and at its end; papermill's own writes it twice for each cell."""

    written = float("-inf")

    def save(self, **kwargs: Any) -> None:
        if self.end_time or time.monotonic() - self.written > _SAVED_EVERY:
            super().save(**kwargs)
            self.written = time.monotonic()


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
