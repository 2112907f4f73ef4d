"""`python -m fivestep.course.worker JOB`: one learner's notebook executed within its limits.

JOB is a JSON file: notebook, executed, folder, readable, parameters, memory_mb, seconds. It exits with 0 where the notebook was
executed to its end, cells that failed or not; 3 where a cell took too long; 4 where the kernel died.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from fivestep.course import sandbox

HUNG, DIED = 3, 4


def main(job: Path) -> int:
    """Execute the notebook of *job*; returns the exit code."""
    told = json.loads(job.read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_the_grading, daemon=True).start()
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    folder = Path(told["folder"])
    sandbox.confine(folder, readable=map(Path, told["readable"]), memory_mb=told["memory_mb"], seconds=told["seconds"])
    # The kernel is spoken to through sockets in the run's own folder, where both are: a relative path is never too long.
    config = Config({"KernelManager": {"transport": "ipc", "ip": "kernel"}})
    try:
        papermill.execute_notebook(
            told["notebook"], told["executed"], parameters=told["parameters"], cwd=str(folder), kernel_name="python3",
            language="python", config=config, extra_arguments=["--IPKernelApp.log_level=CRITICAL"], progress_bar=False,
            log_output=False, execution_timeout=told["seconds"],
        )  # fmt: skip
    except PapermillExecutionError:
        return 0  # the failed cells stand in the executed notebook
    except CellTimeoutError:
        return HUNG
    except DeadKernelError:
        return DIED
    return 0


def _end_with_the_grading() -> None:
    # Nothing is ever written to this pipe: it is closed when the process that grades ends, even where that is killed.
    os.read(0, 1)
    os._exit(HUNG)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
