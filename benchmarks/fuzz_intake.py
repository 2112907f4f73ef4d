"""Damage client files at random and read them: `make fuzz-intake`.

Every file must end in sheets or in one line of error, within 10 seconds of processor time and 1 GB, with every row kept or
counted; by the clock two minutes are allowed, as the machine may be busy. One file in ten, whatever became of it, is mapped and
imported, too (a dry run), within a minute of processor time: it ends in a quality sheet or in an error that names no path.
Prints how the files ended; a file that did not is kept under build/fuzz for another look.
"""

from __future__ import annotations

import argparse
import collections
import gc
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(KIT / "tests"))

from intake_mutations import imported, mutated, outcome, seeds  # noqa: E402

SECONDS, WAIT = 10, 120  # of the processor, by the clock
IMPORT_SECONDS, IMPORT_WAIT = 60, 600
MEMORY_MB = 1024


def _too_slow(signum, frame):
    raise TimeoutError("too long by the clock" if signum == signal.SIGALRM else "too much processor time")


def _peak_mb() -> int:
    """The largest this process or a reader of workbooks has been."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024


def main() -> int:
    """Read the files; the number of failures."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--files", type=int, default=10_000)
    said.add_argument("--seed", type=int, default=0)
    said.add_argument("--imports", type=int, default=10, help="one file in so many is mapped and imported, too; 0: none")
    said = said.parse_args()
    good, ends, failed, slowest = seeds(), collections.Counter(), 0, 0.0
    names = sorted(good)
    for sign in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(sign, _too_slow)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(said.seed, said.seed + said.files):
            chance = random.Random(number)
            name = names[number % len(names)]
            path = Path(folder) / name
            content = mutated(good[name], chance)
            path.write_bytes(content)
            started = time.monotonic()
            signal.alarm(WAIT)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                ends[name, outcome(path)] += 1
                if said.imports and number // len(names) % said.imports == number % len(names) % said.imports:  # of every format
                    signal.alarm(IMPORT_WAIT)
                    signal.setitimer(signal.ITIMER_PROF, IMPORT_SECONDS)
                    with tempfile.TemporaryDirectory() as project:
                        ends[name, "import: " + imported(path, Path(project))] += 1
                problem = "" if _peak_mb() < MEMORY_MB else f"{_peak_mb()} MB of memory"
            except Exception as error:  # whatever it is, it is what we look for
                problem = f"{type(error).__name__}: {str(error)[:300]}"
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            slowest = max(slowest, time.monotonic() - started)
            if problem:
                failed += 1
                kept = KIT / "build" / "fuzz" / f"{number}-{name}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(content)
                print(f"{number} {name}: {problem}", flush=True)
            if number % 50 == 0:
                gc.collect()
    for (name, end), count in sorted(ends.items()):
        print(f"{name:16} {end:13} {count:6}")
    print(f"{said.files} files, {failed} failed; slowest {slowest:.1f} s; at most {_peak_mb()} MB")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main()))
