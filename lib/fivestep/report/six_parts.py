"""The analysis in six parts: one page that says of each part which data, method, result and action it has, and leads there."""

from __future__ import annotations

from typing import Any

from fivestep.language import N_, _
from fivestep.report.blocks import plain, recorded_table

# Part -> beginnings of the keys of findings that answer it, those that say most first.
PARTS: dict[str, tuple[str, ...]] = {
    N_("Business behaviour"): ("profiling.spend_on_year", "profiling.product_region_index", "evaluation.spend_per_day"),
    N_("Customer traits"): (
        "profiling.groups_with_preference",
        "segmentation.high_value_share",
        "profiling.most_complained",
        "profiling.spend_by_trait",
    ),
    N_("Loyalty"): ("segmentation.loyal_share_of_active", "evaluation.loss_rate", "strategy.leaving_customers"),
    N_("Attention"): (
        "needs.solved_within_a_week",
        "needs.first_pain_point",
        "needs.overloaded_customers",
        "needs.satisfied_share",
    ),
    N_("Marketing"): (
        "evaluation.campaign_effect",
        "evaluation.campaign_response",
        "strategy.next_best_category",
        "needs.demand_error",
    ),
    N_("Profitability"): (
        "segmentation.loss_making_customers",
        "segmentation.expected_customer_value",
        "strategy.expected_return",
    ),
}
SHOWN = 2  # findings of a part
LEAST = 3  # parts with a finding, below which there is no page


def six_parts(chapters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of the page, empty where fewer than `LEAST` parts have a finding.

    One row per finding: part, data (source of the section's exhibits), method (its section, which it links to), result, action. A
    part without a finding says so.
    """
    found = [at for chapter in chapters for at in _findings(chapter)]
    rows: list[tuple[str, str, list, str, str]] = []
    answered = 0
    for part, keys in PARTS.items():
        mine = [at for key in keys for at in found if at["finding"]["key"].startswith(key)][:SHOWN]
        answered += bool(mine)
        if not mine:
            rows.append((_(part), "", [], _("No finding: the data or a notebook is missing."), ""))
        for i, at in enumerate(mine):
            method = [{"t": "to", "of": at["heading"], "c": [at["method"]]}]
            rows.append((_(part) if i == 0 else "", at["source"], method, at["finding"]["text"], at["finding"]["so_what"]))
    if answered < LEAST:
        return []
    labels = (_("Part"), _("Data"), _("Method"), _("Result"), _("Action"))
    table = recorded_table(
        [{"label": label, "kind": "text"} for label in labels], [[r[0], r[1], plain(r[2]), r[3], r[4]] for r in rows]
    )
    for cells, row in zip(table["body"], rows, strict=True):
        cells[2]["c"] = row[2]
    return [{"t": "heading", "level": 1, "c": [_("The analysis in six parts")]}, {**table, "columns": []}]


def _findings(chapter: dict[str, Any]) -> list[dict[str, Any]]:
    """Each finding of a chapter with the heading of its section, what the section is called, and the source of its exhibits."""
    out, heading, source = [], chapter["head"], ""
    for b in chapter["blocks"]:
        if b["t"] == "heading":
            heading, source = b, ""
        elif b["t"] in ("image", "table"):
            source = source or b.get("source", "")
        elif b["t"] == "finding":
            said = _("{chapter} {section}").format(chapter=chapter["number"], section=plain(heading["c"]))
            out.append({"finding": b, "heading": heading, "source": source, "method": said})
    return out
