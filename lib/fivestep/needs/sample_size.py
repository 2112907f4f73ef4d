"""How many answers a survey needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

MARGINS = (0.1, 0.07, 0.05, 0.03, 0.02)
USUAL = 0.05

_ANSWERS = N_("how many customers must answer a survey")


def sample_size(margin: float, *, population: float = math.inf, share: float = 0.5) -> int:
    """Answers needed so that the 95 % interval of a share reaches at most *margin* (0.05 = 5 points) to either side.

    *population* is the number of customers (finite population correction); *share* the share expected, 0.5 the most demanding.

    Source: Cochran (1977), Sampling Techniques, 4.4.
    """
    if not 0 < margin < 1 or not 0 < share < 1 or population < 1:
        raise ValueError("margin and share lie between 0 and 1, population is at least 1")
    endless = Z**2 * share * (1 - share) / margin**2
    return math.ceil(endless / (1 + (endless - 1) / population) - 1e-9)


@dataclass(frozen=True)
class SurveySize:
    """Answers needed among ``customers`` for several margins of error."""

    customers: int

    def table(self) -> pd.DataFrame:
        """One row per margin: margin, answers_needed, answers_needed_share, answers_needed_score (for a net promoter score)."""
        needed = [sample_size(m, population=self.customers) for m in MARGINS]
        # The variance of promoters less detractors is at most 1, four times that of a share.
        score = [sample_size(m / 2, population=self.customers) for m in MARGINS]
        return pd.DataFrame(
            {
                "margin": MARGINS,
                "answers_needed": needed,
                "answers_needed_share": [n / self.customers for n in needed],
                "answers_needed_score": score,
            }
        )

    def headline(self) -> str:
        """Answers needed for the usual margin."""
        return _("{n} answers from {customers} customers give any share to within {margin} points").format(
            n=language.number(sample_size(USUAL, population=self.customers)),
            customers=language.number(self.customers),
            margin=language.number(100 * USUAL),
        )

    def note(self) -> str:
        """Formula and what it presumes."""
        return _(
            "95% interval of a share of one half, the most demanding, with finite population correction (Cochran 1977); for "
            "each segment or product that is to be judged by itself the same number again, by its own customers. It holds for "
            "customers drawn by chance; invite more than you need by the share that will not answer."
        )

    def finding(self) -> Finding:
        """Answers needed for the usual margin."""
        n = sample_size(USUAL, population=self.customers)
        return Finding(
            key="needs.answers_needed",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=_("{n} customers could be asked.").format(n=language.number(self.customers)),
            so_what=_("Draw the customers by chance and send them the questionnaire that comes with the kit."),
            confidence="high",
            warnings=(_("More answers do not mend a sample of volunteers: who answers may differ from who does not."),),
            assumptions=(self.note(),),
        )


@needs("customers.customer_id", answers=_ANSWERS)
def survey_size(tables: Tables) -> SurveySize | NotAvailable:
    """Answers needed among the customers of the base, for margins from 10 down to 2 points."""
    customers = int(tables.customers.count().to_pandas())
    if customers < 2:
        return NotAvailable((), _(_ANSWERS), reason=_("there are fewer than two customers to ask."))
    return SurveySize(customers)
