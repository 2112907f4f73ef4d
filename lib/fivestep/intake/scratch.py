"""Private folders for what an import lays aside in clear text; what a killed process has left is removed by the next one."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "fivestep-intake-"
LOCK = "lock"
YOUNG = 60  # seconds for which a folder is left alone, as its maker may not have locked it yet


class Scratch:
    """A folder of mode 0700, locked while this object lives and removed with it."""

    def __init__(self) -> None:
        clean()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = FileLock(self.path / LOCK, thread_local=False)
        lock.acquire()
        self.remove = weakref.finalize(self, _removed, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_error: object) -> None:
        self.remove()


def clean() -> None:
    """Remove the folders of processes that have ended without removing them."""
    for left in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        try:
            if time.time() - max(left.stat().st_mtime, (left / LOCK).stat().st_mtime) < YOUNG:
                continue
            lock = FileLock(left / LOCK, thread_local=False)
            lock.acquire(timeout=0)
        except FileNotFoundError:  # killed before it was locked, or gone meanwhile
            if left.exists() and time.time() - left.stat().st_mtime >= YOUNG:
                shutil.rmtree(left, ignore_errors=True)
        except (Timeout, OSError):  # in use, or another user's
            continue
        else:
            _removed(left, lock)


def _removed(path: Path, lock: FileLock) -> None:
    lock.release()
    shutil.rmtree(path, ignore_errors=True)
