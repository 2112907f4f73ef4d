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
REACH = Z + 0.8416212335729143  # standard errors of a difference that is found at 5 % on both sides with a power of 80 %

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


def size_of_two_shares(first: float, second: float) -> int:
    """Respondents per version so that a monadic or A/B test of yes and no finds shares *first* and *second* to differ.

    Two-sided 5 %, power 80 %. Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 4.2.
    """
    if not 0 <= first <= 1 or not 0 <= second <= 1 or first == second:
        raise ValueError("shares lie between 0 and 1 and differ")
    both, z_power = (first + second) / 2, REACH - Z
    spread = Z * math.sqrt(2 * both * (1 - both)) + z_power * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil((spread / (first - second)) ** 2 - 1e-9)


def size_of_two_means(difference: float, deviation: float) -> int:
    """Respondents per version so that a monadic test finds means that are *difference* apart; *deviation* is that of one answer.

    Two-sided 5 %, power 80 %, normal approximation plus the usual correction for t. Source: Guenther (1981).
    """
    if not difference or deviation <= 0:
        raise ValueError("the difference is not 0, the deviation is above it")
    return math.ceil(2 * (REACH * deviation / difference) ** 2 + Z**2 / 4 - 1e-9)


def size_of_paired_means(difference: float, deviation: float) -> int:
    """Respondents who rate both versions; *deviation* is that of the difference between the two answers of one respondent.

    Two-sided 5 %, power 80 %, normal approximation plus the usual correction for t. Source: Guenther (1981).
    """
    if not difference or deviation <= 0:
        raise ValueError("the difference is not 0, the deviation is above it")
    return math.ceil((REACH * deviation / difference) ** 2 + Z**2 / 2 - 1e-9)


def size_of_paired_shares(only_first: float, only_second: float) -> int:
    """Respondents who answer yes or no to both versions; the shares are those who say yes to one of them only (McNemar's test).

    Two-sided 5 %, power 80 %. Source: Connor (1987), Sample size for testing differences in proportions for the paired-sample
    design.
    """
    apart, difference = only_first + only_second, only_first - only_second
    if not 0 < apart <= 1 or not difference or min(only_first, only_second) < 0:
        raise ValueError("the two shares are not below 0, differ and are at most 1 together")
    return math.ceil(((Z * math.sqrt(apart) + (REACH - Z) * math.sqrt(apart - difference**2)) / difference) ** 2 - 1e-9)
