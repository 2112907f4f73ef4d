"""One full report for every value of a field, in worker processes; what is finished and unchanged is not done again."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

from fivestep import engine, language
from fivestep.engagement import Engagement
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import folders, index, run
from fivestep.report.render import render


@dataclass(frozen=True)
class Outcome:
    """What became of one value: ``status`` is finished, unchanged, skipped or failed; ``folder`` is relative to the batch."""

    value: str
    label: str
    customers: int
    status: str
    message: str = ""
    folder: str = ""


@dataclass(frozen=True)
class _Job:
    project: Path
    folder: Path
    scope: str
    as_of: str
    language: str
    sources: str
    outcome: Outcome


def batch(
    project: Path,
    *,
    by: str,
    language: str = "",
    as_of: str = "",
    workers: int | None = None,
    progress: bool = True,
    executor: Executor | None = None,
) -> tuple[Path, list[Outcome]]:
    """Run and render one report per value of the field *by* (a field of customers, or of orders for branches and channels).

    Every report has the same as-of date: that of the whole data unless *as_of* says otherwise. A value with fewer customers than
    ``min_customers`` of engagement.yml is skipped, as a report about a few people would tell who they are; for the same reason
    a report of it that an earlier batch of the same day, language and field left is removed, as is that of a value that is gone.
    A failure is recorded and does not stop the others. Customers without a value are counted as skipped. *executor* may be any
    `concurrent.futures` executor whose workers see the project folder.

    Returns the batch's folder, reports/<as-of>_<language>_by_<field> (with index.html and batch.json), and the outcomes, in the
    order of the values.
    """
    whole = Engagement(project, "1_profiling", as_of=as_of, language=language)
    whole.may_cut(by)
    order = whole_order(whole, by)
    name = f"{whole.as_of.isoformat()}_{language or whole.settings.language}_by_{folders.names([by])[by]}"
    folder = project / "reports" / name
    with folders.locked(folder):
        jobs, outcomes = _jobs(whole, project, folder, by, run.sources(project))
        folder.mkdir(exist_ok=True)
        _remove_others(folder, {job.folder.name for job in jobs})
        workers = workers or max(1, min(os.cpu_count() or 1, len(jobs) or 1))
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
        pool = executor or ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
        )
        try:
            pending = {pool.submit(_work, job): job for job in jobs}
            with _bar(len(pending), progress) as bar:
                for done in as_completed(pending):
                    outcomes.append(_outcome(done, pending[done]))
                    bar.update()
        finally:
            if executor is None:
                pool.shutdown(cancel_futures=True)
        place = {value: i for i, value in enumerate(order)}
        outcomes.sort(key=lambda o: (place.get(o.value, len(place)), o.value))
        (folder / "batch.json").write_text(
            json.dumps([asdict(o) for o in outcomes], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        (folder / "index.html").write_text(index.batch_page(whole, by, outcomes), encoding="utf-8")
    return folder, outcomes


def whole_order(whole: Engagement, by: str) -> list[str]:
    """The values of a field in the order in which a reader expects them."""
    field = f"{engine.scope_table(whole.everything, by)}.{by}"
    return language.value_order(field, engine.scope_values(whole.everything, by))


def _jobs(whole: Engagement, project: Path, folder: Path, by: str, sources: str) -> tuple[list[_Job], list[Outcome]]:
    home = engine.scope_table(whole.everything, by)
    table = getattr(whole.tables, home)
    counted = (
        table.mutate(_value=table[by].cast("string")).group_by("_value").aggregate(n=table.customer_id.nunique()).to_pandas()
    )
    sizes = {None if v != v or v is None else v: int(n) for v, n in zip(counted["_value"], counted["n"], strict=True)}
    names = folders.names(v for v in sizes if v is not None)
    jobs, outcomes = [], []
    least = whole.settings.min_customers
    for value in sorted(sizes, key=lambda v: (v is None, v or "")):
        label = language.value(f"{home}.{by}", value)
        if value is None:
            outcomes.append(Outcome("", label, sizes[value], "skipped", _("No value: these customers are in no report.")))
        elif sizes[value] < least:
            reason = _("{n} customers are fewer than the {least} that min_customers asks for.").format(
                n=language.number(sizes[value]), least=language.number(least)
            )
            outcomes.append(Outcome(value, label, sizes[value], "skipped", reason))
        else:
            name = names[value]
            started = Outcome(value, label, sizes[value], "failed", folder=name)
            day = whole.as_of.isoformat()
            jobs.append(_Job(project, folder / name, f"{by}={value}", day, language.current(), sources, started))
    return jobs, outcomes


def _remove_others(folder: Path, wanted: set[str]) -> None:
    """Remove the reports that an earlier batch made in *folder* and that this one does not make."""
    for path in sorted(p for p in folder.iterdir() if p.is_dir() and (p / "run.json").exists()):
        if path.name.endswith(folders.UNFINISHED):
            if path.name.removesuffix(folders.UNFINISHED) not in wanted:
                shutil.rmtree(path)
        elif path.name not in wanted:
            folders.clear(path)


def _end_with_parent() -> None:
    """Let this worker end when the process that started it has ended, even by force; kernels watch their parent themselves."""

    def end() -> None:
        wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _outcome(done: Future, job: _Job) -> Outcome:
    try:
        return done.result()
    except BrokenExecutor:  # a worker was ended from outside, by the system for want of memory perhaps
        return replace(job.outcome, message=_("The worker process was ended before the report was done: run the batch again."))


def _work(job: _Job) -> Outcome:
    """One report, in a worker process: every failure becomes an outcome."""
    try:
        planned = run.plan(
            job.project, scope=job.scope, as_of=job.as_of, language=job.language, folder=job.folder, validated=True
        )
        if planned.sources != job.sources:
            raise UserError(_("Notebooks, settings or library were changed while the batch was running: run the batch again."))
        if run.finished(planned):
            return replace(job.outcome, status="unchanged")
        run.run(planned, progress=False)
        render(job.folder)
    except UserError as error:
        return replace(job.outcome, message=str(error))
    except Exception as error:  # one report's failure must not take the others with it
        return replace(job.outcome, message=f"{type(error).__name__}: {error}")
    return replace(job.outcome, status="finished")


def _bar(total: int, progress: bool):
    from tqdm import tqdm

    return tqdm(total=total, unit="report", disable=not progress)
