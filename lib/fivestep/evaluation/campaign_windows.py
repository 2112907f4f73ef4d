"""When each campaign ran, and how many of its days, and of the days before it, the data covers."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd

from fivestep.coverage import coverage
from fivestep.engine import Tables
from fivestep.language import N_

BEFORE_DAYS = 28  # whole weeks before the first day of a campaign
OPEN_DAYS = 28  # a campaign without a last day is followed for so long
WHOLE, CUT_START, CUT_END, CUT_BOTH = N_("Whole"), N_("Cut at its start"), N_("Cut at its end"), N_("Cut at both ends")


def campaign_days(tables: Tables) -> ibis.Table:
    """campaign_id, start_date, end_date (filled), randomised, and name and type where the data has them."""
    given = tables.campaigns
    start = given.start_date.cast("date")
    open_end = start + ibis.interval(days=OPEN_DAYS - 1)
    end = ibis.coalesce(given.end_date.cast("date"), open_end) if "end_date" in given.columns else open_end
    chance = given.randomised if "randomised" in given.columns else ibis.literal(False)
    return given.select(
        "campaign_id",
        *(c for c in ("campaign_name", "campaign_type") if c in given.columns),
        start_date=start,
        end_date=end.cast("date"),
        randomised=chance,
    )


def campaign_windows(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """campaign_window, before_days and during_days of campaigns, as far as the data covers them."""
    covered = coverage(tables)
    first, last, one = pd.Timestamp(covered.first), pd.Timestamp(covered.last), pd.Timedelta(days=1)
    start, end = rows["start_date"], rows["end_date"]
    before = (start.clip(upper=last + one) - (start - BEFORE_DAYS * one).clip(lower=first)).dt.days.clip(lower=0)
    during = (end.clip(upper=last) - start.clip(lower=first)).dt.days.add(1).clip(lower=0)
    window = np.select([(start < first) & (end > last), start < first, end > last], [CUT_BOTH, CUT_START, CUT_END], WHOLE)
    return pd.DataFrame({"campaign_window": window, "before_days": before.astype("int64"), "during_days": during.astype("int64")})
