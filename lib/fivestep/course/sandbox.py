"""What a learner's code may do while a class is graded: read the library and its own data, write its own folder, and no more.

On Linux a Landlock domain (kernel 5.13 or newer) guards files, TCP and signals, and ``unshare`` gives a network and process
numbers of its own, so that what is started ends with the run. What the
machine does not offer is named by `protections`. Limits of memory, time and file size hold on Linux and macOS.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import shutil
import site
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from fivestep.errors import UserError
from fivestep.language import N_, _

FILES = N_("files: only the run's own folder can be written")
NO_FILES = N_("files: NOT protected here; grade on Linux, or as a user who owns nothing else")
NETWORK = N_("network: none")
TCP = N_("network: no TCP")
PYTHON_ONLY = N_("network: only Python's own sockets are blocked")
PROCESSES = N_("processes: all end with the run")
GROUP = N_("processes: those of the run's group end with it")

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # numbers of the Landlock system calls, on every architecture
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read files, list folders
_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights on files a version knows; from 5 on all 16
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/proc", "/sys", "/nix", "/dev")
_UNSHARE = ("--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@functools.cache
def landlock_version() -> int:
    """The version of Landlock that this kernel offers; 0 without."""
    if platform.system() != "Linux":
        return 0
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, 1))


@functools.cache
def own_namespaces() -> tuple[str, ...]:
    """The words before a command that give it a network and process numbers of its own; empty where that is not allowed."""
    program = shutil.which("unshare") if platform.system() == "Linux" else None
    if not program:
        return ()
    command = (program, *_UNSHARE)
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else ()


def protections() -> tuple[str, ...]:
    """What holds on this machine, as messages."""
    version, apart = landlock_version(), own_namespaces()
    network = NETWORK if apart else TCP if version >= 4 else PYTHON_ONLY
    return FILES if version else NO_FILES, network, PROCESSES if apart else GROUP


def confine(folder: Path, *, readable: Iterable[Path], memory_mb: int, seconds: int) -> None:
    """Hold this process, and what it starts from now on, to the limits; there is no way back.

    *folder* can be written, *readable* and the system's own folders can be read. Raises `UserError` on Windows, which has no
    such limits.
    """
    try:
        import resource
    except ImportError:
        raise UserError(_("A class can be graded on Linux and macOS: Windows has no limits for memory. Use WSL there.")) from None
    for limit, most in (
        (resource.RLIMIT_AS, memory_mb << 20),
        (resource.RLIMIT_CPU, 2 * seconds + 30),
        (resource.RLIMIT_FSIZE, 256 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))
    if own_namespaces():  # only there the limit counts the run's own processes
        resource.setrlimit(resource.RLIMIT_NPROC, (512, 512))
    if version := landlock_version():
        _landlock(version, folder, readable)


def _landlock(version: int, folder: Path, readable: Iterable[Path]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    every = (1 << _BITS.get(version, 16)) - 1
    ruleset = _Ruleset(every, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = libc.syscall(_CREATE, ctypes.byref(ruleset), size, 0)
    _well(rules >= 0)
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages(), *filter(None, sys.path)}
    read = [*map(Path, _SYSTEM), *map(Path, python), *readable]
    for place, rights in [(folder, every), *((p, _READ) for p in read), *((Path(d), every) for d in _DEVICES)]:
        if not place.exists():
            continue
        rights &= every if place.is_dir() else 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        rule = _Beneath(rights & every, opened)
        _well(libc.syscall(_ADD, rules, 1, ctypes.byref(rule), 0) == 0)
        os.close(opened)
    _well(libc.prctl(38, 1, 0, 0, 0) == 0)  # no new privileges
    _well(libc.syscall(_RESTRICT, rules, 0) == 0)
    os.close(rules)


def _well(done: bool) -> None:
    if not done:
        raise OSError(ctypes.get_errno(), "Landlock refused")
