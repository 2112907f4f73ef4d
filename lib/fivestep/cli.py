"""The `fivestep` command: one thin verb for each thing that a project can do.

Exit codes: 0 done; 1 an error of the kit itself; 2 something you can mend (settings, data, an option); 3 a notebook failed;
4 some reports of a batch failed.
"""

from __future__ import annotations

import errno
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from fivestep import __version__
from fivestep.errors import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Customer analysis in five notebooks: run them and make the reports.",
)

course = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The course: copies for learners, a class graded, slides and handouts."
)
app.add_typer(course, name="course")

Project = Annotated[
    Path, typer.Option("--project", help="The engagement folder (with engagement.yml); by default the one you are in.")
]
Language = Annotated[str, typer.Option(help="en, zh_CN or zh_TW; by default the engagement's own.")]
AsOf = Annotated[str, typer.Option("--as-of", help="Last day that counts, YYYY-MM-DD; by default the last day with an order.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(
    project: Project = Path(), language: Language = "", as_of: AsOf = "",
    scope: Annotated[str, typer.Option(help="field=value: only these customers, or this branch, such as region=North.")] = "",
    only: Annotated[
        str | None, typer.Option(help="Numbers of the notebooks to run, such as 2,3; the others stay as they were.")
    ] = None,
    first: Annotated[
        int | None, typer.Option("--from", help="Number of the first notebook to run; those before it stay as they were.")
    ] = None,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Execute the notebooks and render the report."""
    from fivestep.engagement import snapshot_read
    from fivestep.known_names import known_names
    from fivestep.report import render
    from fivestep.report import run as running

    root = _root(project)
    if only is not None and first is not None:
        raise _one_of("--only", "--from")
    chosen = () if only is None else _numbers(only)
    known_names(root)
    planned = running.plan(root, language=language, as_of=as_of, scope=scope, only=chosen, first=first)
    if not quiet:
        typer.echo(snapshot_read(root, planned.labels.parent))
    folder = running.run(planned, progress=not quiet)
    _rendered(root, folder, render)


@app.command()
def batch(
    by: Annotated[str, typer.Option(help="Field of customers or orders, such as region, income_band or store.")],
    project: Project = Path(), language: Language = "", as_of: AsOf = "",
    workers: Annotated[int, typer.Option(min=0, help="Reports made at the same time; by default one for each processor.")] = 0,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Make one full report for every value of a field."""
    from fivestep.known_names import known_names
    from fivestep.report.batch import batch as make

    root = _root(project)
    known_names(root)
    folder, outcomes = make(root, by=by, language=language, as_of=as_of, workers=workers or None, progress=not quiet)
    for o in outcomes:
        typer.echo(f"{o.status:<10} {o.label} ({o.customers})" + (f": {o.message}" if o.message else ""))
    typer.echo(_shown(folder / "index.html"))
    if any(o.status == "failed" for o in outcomes):
        raise typer.Exit(4)


@app.command()
def render(
    folder: Annotated[
        str, typer.Argument(help="Name of a run's folder under reports/; by default the run that was made last.")
    ] = "",
    project: Project = Path(),
) -> None:
    """Render the report of a finished run again, without running notebooks."""
    from fivestep.engagement import settings
    from fivestep.language import _
    from fivestep.report import record
    from fivestep.report import render as rendering

    root = _root(project)
    runs = sorted((root / "reports").glob("*/run.json"), key=lambda p: (p.stat().st_mtime, p.parent.name))
    runs = [p.parent for p in runs if not p.parent.is_symlink() and p.parent.name not in ("latest", "latest.part")]
    chosen = [p for p in runs if p.name == folder] if folder else runs[-1:]
    if not chosen:
        if not folder:
            raise UserError(_("There is no run to render: fivestep run makes one."))
        there = ", ".join(p.name for p in runs) or _("none yet")
        raise UserError(_("reports/{folder}: there is no such run. Runs are {runs}.").format(folder=folder, runs=there))
    if changed := record.changed_settings(record.read(chosen[0]), settings(root).model_dump(mode="json")):
        said = _(
            "Note: engagement.yml has changed since this run: {changed}. The report keeps the settings of the run; "
            "fivestep run uses the new ones."
        )
        typer.echo(said.format(changed="; ".join(changed)), err=True)
    _rendered(root, chosen[0], rendering)


@app.command()
def status(project: Project = Path()) -> None:
    """Say which files that came with the kit have been changed in this project."""
    from fivestep.status import received, summary

    typer.echo(summary(received(_root(project))))


@app.command()
def audience(
    action_list: Annotated[str, typer.Argument(help="A list of 4_strategy in English, such as 'Win back'.")],
    purpose: Annotated[str, typer.Option(help="What the addresses are opened for; noted in data/vault/access.log.")],
    project: Project = Path(),
    country_code: Annotated[
        str, typer.Option(help="Country code of phone numbers without one, such as 44; Chinese mobile numbers need none.")
    ] = "",
) -> None:
    """Write a list as hashed addresses for an advertising platform, into the vault, for stewards of access.yml."""
    from fivestep.report.ad_audience import ad_audience

    root = _root(project)
    settings = _in_its_language(root)
    made = ad_audience(root, action_list, _key(root, settings), purpose, country_code=country_code)
    typer.echo(made.summary())
    typer.echo(_shown(made.path))


def _typed(prompt: str) -> str:
    """What is typed; the end of the input means later, and so does Ctrl-C."""
    from fivestep.language import _

    try:
        return typer.prompt(prompt, default="", show_default=False)
    except typer.Abort as stop:
        ended = isinstance(stop.__context__, EOFError)
        said = _("The input has ended: what was answered is kept, all else stays open.")
        typer.echo("\n" + (said if ended else _("Stopped: what was answered is kept, all else stays open.")))
        return "q"


@app.command("map")
def map_(
    project: Project = Path(),
    ask: Annotated[bool, typer.Option("--ask", help="Go through the open questions here in the terminal.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Accept what is unambiguous without looking; questions stay open.")] = False,
) -> None:
    """Propose what each column of the files in data/raw/ is, as mapping.yml."""
    from fivestep import engine
    from fivestep.intake import proposal, wizard
    from fivestep.language import typeset

    root = _root(project)
    if ask and yes:
        raise _one_of("--ask", "--yes")
    settings = _in_its_language(root)
    proposed = proposal.propose(root, engine.connect(), settings)
    if ask:
        proposed = wizard.walk(proposed, _typed, typer.echo)
    text = proposal.text(proposed)
    for line in proposal.summary(proposed):
        typer.echo(line)
    known = (root / proposal.FILE).is_file()
    if not (known or ask or yes) and sys.stdin.isatty() and not typer.confirm(proposal.consent(), default=True):
        raise typer.Exit
    typer.echo(typeset(proposal.written(proposal.write(root, text), proposed)))
    if proposed.unread:
        raise typer.Exit(2)


@app.command("import")
def import_(
    project: Project = Path(),
    strict: Annotated[str, typer.Option(help="Checks whose lines are fatal, such as not_parsed,gap; or all warnings: all.")] = "",
    snapshot: Annotated[str, typer.Option(help="Name of the snapshot; by default the last day of its data.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    fuzzy: Annotated[
        bool, typer.Option("--fuzzy", help="Propose customers with similar names or phones as one person; needs Splink.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Import all files from nothing: rows that are in none of them any more are gone.")
    ] = False,
) -> None:
    """Import the files in data/raw/ as mapping.yml says into a snapshot of contract tables."""
    from fivestep.intake import importing, snapshots
    from fivestep.language import _

    root = _root(project)
    settings = _in_its_language(root)
    checks = tuple(part.strip() for part in strict.split(",") if part.strip())
    done = importing.import_(root, settings, strict=checks, snapshot=snapshot, dry=dry_run, similar=fuzzy, again=again)
    for line in importing.summary(done):
        typer.echo(line)
    if done.folder:
        typer.echo(_shown(done.folder))
        read = settings.snapshot or snapshots.current(snapshots.ledger(root), [p.name for p in done.folder.parent.glob("*")])
        if read != done.folder.name:
            said = _("The notebooks read data/contract/{name}, not this snapshot: see `snapshot:` in engagement.yml.")
            typer.echo(said.format(name=read))


@app.command()
def contacts(
    name: Annotated[str, typer.Argument(help="A list in reports/latest/exports/, such as action_lists.")],
    purpose: Annotated[str, typer.Option(help="What the names are opened for; noted in data/vault/access.log.")],
    project: Project = Path(),
) -> None:
    """Write a list with the names and phones of its customers into data/vault/lists/, for stewards of access.yml."""
    from fivestep.engagement import snapshot_folder
    from fivestep.intake import contact_lists
    from fivestep.language import _, number

    root = _root(project)
    settings = _in_its_language(root)
    done = contact_lists.write(root, name, snapshot_folder(root, settings.snapshot), _key(root, settings), purpose)
    said = _("Customers: {n}. Left out as they have opted out of marketing: {refused}. Without phone and e-mail address: {none}.")
    typer.echo(said.format(n=number(done.customers), refused=number(done.opted_out), none=number(done.unreachable)))
    if done.persons_out:
        said = _("Contact persons of theirs who have opted out, and whose addresses are not in the list: {n}.")
        typer.echo(said.format(n=number(done.persons_out)))
    typer.echo(_shown(done.path))


@app.command()
def access(project: Project = Path()) -> None:
    """Check the project against access.yml: who may open names and phones, how long they are kept, and that none leaked."""
    import datetime as dt

    from fivestep.language import _
    from fivestep.privacy import access as policy

    root = _root(project)
    settings = _in_its_language(root)
    if policy.first(root):
        typer.echo(_("access.yml is written. Complete it."))
    checked = policy.checked(root, _key(root, settings), dt.date.today())
    kept, broken = _("kept"), _("BROKEN")
    for rule in checked:
        typer.echo(f"{kept if rule.kept else broken}  {rule.rule}" + (f": {rule.detail}" if rule.detail else ""))
    if not all(rule.kept for rule in checked):
        raise typer.Exit(2)


@app.command()
def erase(
    customer: Annotated[str, typer.Argument(help="The customer's id in the client's system, or the pseudonym.")],
    purpose: Annotated[str, typer.Option(help="Who asked for it and when; noted in data/vault/access.log.")],
    project: Project = Path(),
) -> None:
    """Erase one person from the vault, every snapshot and every later import; names the files that still hold the person."""
    from fivestep.intake import erasure
    from fivestep.language import _, number
    from fivestep.privacy import access as policy

    root = _root(project)
    names = _key(root, _in_its_language(root))
    policy.allowed(root, purpose)
    done = erasure.erase(root, customer, names)
    policy.opened(root, "erase", purpose, 1)
    typer.echo(_("Erased accounts: {n}; rows of the vault: {rows}.").format(n=number(done.accounts), rows=number(done.vault)))
    for said, counts in (
        (_("{table}: rows removed: {n}"), done.removed),
        (_("{table}: rows left without a customer: {n}"), done.emptied),
    ):
        for table, n in counts.items():
            typer.echo(said.format(table=table, n=number(n)))
    for said, files in (
        (_("The client's own files still hold the person. Delete them, or ask for new ones: {files}"), done.raw),
        (_("Made before and still naming the person. Delete them and run fivestep run again: {files}"), done.reports),
    ):
        if files:
            typer.echo(said.format(files=", ".join(files)))
    if done.cells:
        said = _(
            "An id that is short, masked, without a digit or not known here cannot be told from other text: {ids}. It was looked "
            "for in data/raw/ only, as a whole cell of the columns that mapping.yml maps to ids of customers or contacts. "
            "Look yourself in: {places}"
        )
        places = [*done.unsought, *(f"{folder}/" for folder in erasure.OUTPUTS)]
        typer.echo(said.format(ids=", ".join(done.cells), places=", ".join(places)))
    typer.echo(_("Backups made before still hold the person."))


@app.command()
def backup(
    archive: Annotated[Path, typer.Argument(help="The file to write, outside the project.")], project: Project = Path()
) -> None:
    """Write a sealed backup of the project, restore it to a temporary folder and compare every file before it counts as done."""
    from fivestep.language import _, number
    from fivestep.privacy.backup import backup as write

    root = _root(project)
    done = write(root, archive, _key(root, _in_its_language(root), made=True))
    said = _("Restored and compared: files: {files}, bytes: {size}, rows of tables: {rows}. All are the same.")
    typer.echo(said.format(files=number(done.files), size=number(done.size), rows=number(done.rows)))
    typer.echo(_("Without the project's key nobody can open it: keep a copy of the key elsewhere."))
    typer.echo(_shown(archive.resolve()))


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="A file that fivestep backup wrote.")],
    to: Annotated[Path, typer.Option(help="A new folder.")],
) -> None:
    """Restore a backup to a new folder, with the key in FIVESTEP_KEY or in the file that FIVESTEP_KEY_FILE names."""
    from fivestep.language import _, number
    from fivestep.privacy.backup import restore as put_back
    from fivestep.privacy.pseudonyms import Pseudonyms

    n = put_back(archive, to.resolve(), Pseudonyms.given(to.resolve()))
    typer.echo(_("Files restored: {n}").format(n=number(n)))
    typer.echo(_shown(to.resolve()))


def _key(root: Path, settings, *, made: bool = False):
    """The project's key, made here where *made*. Raises UserError where nothing was imported, so that it has sealed no names."""
    from fivestep.intake.snapshots import ledger
    from fivestep.language import _
    from fivestep.privacy.pseudonyms import Pseudonyms

    if not (made or ledger(root).key):
        raise UserError(_("No file of the client has been imported into this project, so it holds no names: fivestep import"))
    return Pseudonyms.from_environment_or_file(root, settings.client, expected=ledger(root).key)


def _in_its_language(root: Path):
    """The settings of the project, whose language and currency this process now speaks."""
    from fivestep import engagement, language

    settings = engagement.settings(root)
    language.use(settings.language, currency=settings.currency)
    return settings


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="The folder to write: a new one, or one that holds an earlier simulation.")],
    customers: Annotated[int, typer.Option(help="Members, companies and dealers.")] = 5000,
    months: Annotated[int, typer.Option(help="Whole months from January 2023.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
    language: Annotated[str, typer.Option(help="Language of what customers and staff write: en, zh_CN or zh_TW.")] = "en",
    as_: Annotated[
        str, typer.Option("--as", help="Also the raw files of a system: zoho, fxiaoke, jianxin, taobao or messy-excel.")
    ] = "",
) -> None:
    """Write a simulated company, a coffee-and-bakery chain: all contract tables, and truth.json with what is true of it."""
    from fivestep.cases import exports
    from fivestep.cases import simulate as write

    exports.check(as_)
    written = write(out.resolve(), customers=customers, months=months, seed=seed, language=language)
    typer.echo(_shown(written / "truth.json"))
    if as_:
        typer.echo(_shown(exports.export(written, as_)))


@app.command()
def exam(
    out: Annotated[Path, typer.Option(help="The folder for exam.html and exam.csv.")],
    customers: Annotated[int, typer.Option(help="Members, companies and dealers of each simulated company.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the first company.")] = 7,
    seeds: Annotated[int, typer.Option(help="How many companies, each with its own seed.")] = 1,
    language: Annotated[str, typer.Option(help="en, zh_CN or zh_TW.")] = "en",
) -> None:
    """Examine the methods on simulated companies whose truth is known: what they find, miss and make up."""
    from fivestep import language as words
    from fivestep.cases.exam import exams

    words.use(language, currency="CNY")
    done = exams(out, customers=customers, seed=seed, seeds=seeds)
    typer.echo(", ".join(f"{n} {verdict}" for verdict, n in done.counts().items()))
    typer.echo(_shown(out.resolve() / "exam.html"))


Instructor = Annotated[
    Path,
    typer.Argument(exists=True, file_okay=False, help="The folder of the instructor's notebooks: notebooks/course of the kit."),
]


@course.command()
def student(
    instructor: Instructor,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to make for a learner.")],
    seed_by: Annotated[str, typer.Option(help="The learner's name, for a company of their own; by default the common one.")] = "",
    customers: Annotated[int, typer.Option(min=500, help="Customers of the company.")] = 1000,
    language: Annotated[str, typer.Option(help="en, zh_CN or zh_TW.")] = "en",
) -> None:
    """Write copies for a learner: the notebooks without solutions and notes for trainers, and the settings of a company."""
    from fivestep.course.company import write_settings
    from fivestep.course.units import student_copies

    written = student_copies(instructor, out / "units", language=language)
    write_settings(out, learner=seed_by, customers=customers, language=language)
    for path in written:
        typer.echo(_shown(path.resolve()))


@course.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A folder with one folder for each learner, named for them.")
    ],
    instructor: Annotated[Path, typer.Option(file_okay=False, help="The folder of the instructor's notebooks.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder for the gradebook and the pages for learners.")],
    seed_by_name: Annotated[bool, typer.Option("--seed-by-name", help="Learners have companies of their own.")] = False,
    customers: Annotated[int, typer.Option(min=500, help="Customers of the companies.")] = 1000,
    workers: Annotated[int, typer.Option(min=1, help="Notebooks executed at the same time.")] = 2,
    minutes: Annotated[float, typer.Option(help="What a notebook may take.")] = 5,
    memory: Annotated[int, typer.Option(help="Memory that a notebook may use, in MB.")] = 4096,
    language: Annotated[str, typer.Option(help="en, zh_CN or zh_TW.")] = "en",
) -> None:
    """Execute and grade the notebooks of a class, each within limits and without a network."""
    from fivestep.course import feedback, grading, sandbox
    from fivestep.language import _

    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # as Ctrl-C does, end what runs

    limits = grading.Limits(seconds=max(1, round(60 * minutes)), memory_mb=memory)
    grades = grading.grade(
        submissions, instructor, language=language, customers=customers, seed_by_name=seed_by_name, workers=workers, limits=limits
    )
    for held in sandbox.protections():
        typer.echo(_(held))
    for path in feedback.write(grades, out):
        typer.echo(_shown(path.resolve()))


@course.command()
def slides(
    instructor: Instructor,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder for slides and handouts.")],
    unit: Annotated[str, typer.Option(help="One unit, such as 2_value; by default all.")] = "",
    customers: Annotated[int, typer.Option(min=500, help="Customers of the company.")] = 1000,
    language: Annotated[str, typer.Option(help="en, zh_CN or zh_TW.")] = "en",
) -> None:
    """Make slides with speaker notes, and a handout as PDF, of every unit."""
    from fivestep.course.teaching import teaching

    for path in teaching(instructor, out, unit=unit, language=language, customers=customers):
        typer.echo(_shown(path.resolve()))


def _rendered(root: Path, folder: Path, rendering) -> None:
    rendering.render(folder)
    rendering.publish(folder, root / "reports" / "latest")
    for name in rendering.OUTPUTS:
        typer.echo(_shown(root / "reports" / "latest" / name))


def _shown(path: Path) -> str:
    """A path as seen from where the user is."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _numbers(text: str) -> tuple[int, ...]:
    from fivestep.language import _

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        said = _("--only {text!r}: give numbers of notebooks separated by commas, such as --only 2,3.")
        raise UserError(said.format(text=text)) from None


def _one_of(option: str, other: str) -> UserError:
    from fivestep.language import _

    return UserError(_("{option} and {other} cannot be used together: choose one.").format(option=option, other=other))


def _root(project: Path) -> Path:
    """The project's folder; from here on this process speaks its language, also where engagement.yml cannot be used."""
    from fivestep.language import _, use_language_of

    start = project.resolve()
    for folder in (start, *start.parents) if project == Path() else (start,):
        if (folder / "engagement.yml").is_file():
            use_language_of(folder / "engagement.yml")
            return folder
    said = _("{folder}: there is no engagement.yml here. Go to an engagement folder or name it with --project.")
    raise UserError(said.format(folder=start.name or start))


def main() -> None:
    """Run the command; what a user can mend ends in one message and an exit code, never in a traceback."""
    try:
        app()
    except UserError as error:
        typer.echo(f"fivestep: {error}", err=True)
        sys.exit(3 if type(error).__name__ == "NotebookFailedError" else 2)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC):
            raise
        from fivestep.language import _

        said = _("{file}: {reason}. Mend that and run the command again.")
        typer.echo(f"fivestep: {said.format(file=error.filename or _('a file'), reason=error.strerror)}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
