"""`jupyter nbconvert --to fivestep-pdf` and `--to fivestep-html`: one executed notebook in the look of the report.

Facts of the document come from the notebook's metadata ``report``: title, subtitle, client, author, date, footer, lang, facts,
currency, and as_of (YYYY-MM-DD), the date that the PDF carries. Without ``lang`` the notebook's parameter ``language`` decides,
else the language in use. Markdown cells that are messages of the catalog are shown in that language.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from traitlets import default

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import document, html, pdf
from fivestep.report.prose import translated


class _FivestepExporter(Exporter):
    def _document(self, notebook: Any, resources: dict[str, Any]) -> dict[str, Any]:
        meta = dict(notebook.metadata.get("report") or {})
        given = notebook.metadata.get("papermill", {}).get("parameters", {})
        meta["lang"] = meta.get("lang") or given.get("language") or language.current()
        if meta["lang"] in language.LANGUAGES:
            language.use(meta["lang"], currency=meta.get("currency") or language.currency())
        return document.single(translated(notebook), meta, base=Path(resources.get("metadata", {}).get("path") or "."))


class FivestepPDFExporter(_FivestepExporter):
    """An executed notebook as PDF/UA-1."""

    export_from_notebook = "Report (PDF)"
    output_mimetype = "application/pdf"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_notebook_node(self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any) -> tuple[bytes, dict[str, Any]]:
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        as_of = (nb.metadata.get("report") or {}).get("as_of")
        try:
            timestamp = dt.datetime.fromisoformat(as_of) if as_of else None
        except ValueError:
            raise UserError(
                _("notebook metadata report.as_of: {as_of!r} is no date. Write it as YYYY-MM-DD.").format(as_of=as_of)
            ) from None
        return pdf.render(self._document(nb, resources), timestamp=timestamp), resources


class FivestepHTMLExporter(_FivestepExporter):
    """An executed notebook as one self-contained HTML file."""

    export_from_notebook = "Report (web page)"
    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any) -> tuple[str, dict[str, Any]]:
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        return html.render(self._document(nb, resources)), resources
