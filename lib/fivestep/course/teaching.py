"""What a trainer shows and hands out: slides of a unit as one file that needs no network, and a handout as PDF.

Slides are made by nbconvert for reveal.js 5.2.1 (MIT, in `reveal/`), which is put into the page. The trainer's notes are speaker
notes: key S. Neither holds a solution: exercises are not executed.
"""

from __future__ import annotations

import copy
import html
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from fivestep import language
from fivestep.course import company, copies
from fivestep.course.units import in_language, instructor_notebooks, speak
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report.execution import execute

REVEAL = Path(__file__).parent / "reveal"
EXERCISE = {"solution", "check"}
LOOKS = (
    "main{height:100%}a.anchor-link{display:none}.reveal{font-size:24px;--r-heading-text-transform:none}"
    ".reveal h1{font-size:1.9em}.reveal h2{font-size:1.4em}.reveal .slides{text-align:left}"
    ".reveal table{font-size:.6em;margin:0}.reveal svg,.reveal img{max-width:100%;max-height:480px;width:auto}"
    ".reveal small{font-size:.6em}.reveal section{overflow-y:auto;max-height:700px}"
)
BEGIN = "Reveal.initialize({controls:true,progress:true,hash:true,slideNumber:'c/t',center:false,plugins:[RevealNotes]});"


def teaching(
    instructor: Path, out: Path, *, unit: str = "", language: str = "en", customers: int = 1000, handouts: bool = True
) -> list[Path]:
    """Write <unit>.slides.html, and <unit>.pdf with *handouts*, for every notebook with slides, or that of *unit* alone."""
    speak(language)
    sources = {n: b for n, b in instructor_notebooks(instructor).items() if _has_slides(b) and unit in ("", n)}
    if not sources:
        raise UserError(
            _("{unit}: there is no such unit with slides in {instructor}.").format(unit=unit, instructor=instructor.name)
        )
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        project = Path(place) / "course"
        company.write_settings(project, learner="", customers=customers, language=language)
        for name, source in sources.items():
            done = shown(source, Path(place) / f"{name}.ipynb", project)
            page = out / f"{name}.slides.html"
            page.write_text(slides(done), encoding="utf-8")
            written.append(page)
            if handouts:
                written.append(out / f"{name}.pdf")
                written[-1].write_bytes(handout(done))
    return written


def shown(source: dict[str, Any], kept: Path, project: Path) -> nbformat.NotebookNode:
    """An instructor notebook in the language in use, its worked case executed and its exercises left out."""
    told = in_language(source)
    told["cells"] = [c for c in told["cells"] if not EXERCISE & set(copies.tags(c))]
    notebook = nbformat.reads(json.dumps(told), as_version=4)
    execute(notebook, kept, parameters={"project": str(project)}, folder=kept.parent, progress=False)
    return nbformat.read(kept, as_version=4)


def slides(executed: nbformat.NotebookNode) -> str:
    """The slides of an executed notebook as one HTML file without any address that a browser would fetch."""
    from nbconvert.exporters import SlidesExporter

    exporter = SlidesExporter(exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True, embed_images=True)
    page, _resources = exporter.from_notebook_node(copy.deepcopy(executed))
    sections = page[page.index('<div class="slides">') : page.index("</main>")]
    styles, scripts = ("\n".join((REVEAL / n).read_text("utf-8") for n in names) for names in (
        ("reveal.css", "white.css"), ("reveal.js", "notes.js"),
    ))  # fmt: skip
    return (
        f'<!doctype html>\n<html lang="{language.current().replace("_", "-")}"><head><meta charset="utf-8">'
        f"<title>{html.escape(_title(executed))}</title>\n<style>{styles}\n{LOOKS}</style></head>\n"
        f'<body><main><div class="reveal">{sections}</main>\n<script>{scripts}</script>\n<script>{BEGIN}</script></body></html>\n'
    )


def handout(executed: nbformat.NotebookNode) -> bytes:
    """The handout of an executed notebook as PDF, by the route of the reports; without the trainer's notes."""
    from fivestep.report.exporters import FivestepPDFExporter

    notebook = copy.deepcopy(executed)
    notebook.cells = [c for c in notebook.cells if "instructor" not in copies.tags(c)]
    title = _title(notebook)
    notebook.metadata["report"] = {
        "title": title, "subtitle": _("Handout"), "footer": title, "lang": language.current(), "currency": language.currency(),
    }  # fmt: skip
    made, _resources = FivestepPDFExporter().from_notebook_node(notebook)
    return made


def _has_slides(notebook: dict[str, Any]) -> bool:
    return any(c["metadata"].get("slideshow", {}).get("slide_type") == "slide" for c in notebook["cells"]) and any(
        c["cell_type"] == "code" and "-" in c["metadata"].get("slideshow", {}).get("slide_type", "") for c in notebook["cells"]
    )


def _title(notebook: nbformat.NotebookNode) -> str:
    headings = (
        m[1] for c in notebook.cells if c.cell_type == "markdown" if (m := re.search(r"^# (.+)$", c.source, re.MULTILINE))
    )
    return next(headings, "")
