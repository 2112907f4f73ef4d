"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    recency_days=Column(N_("Days since last order"), "count", N_("Whole days from the last order to the as-of date.")),
    frequency=Column(N_("Orders in the window"), "count", N_("Distinct orders in the RFM window.")),
    monetary=Column(N_("Spend in the window"), "money", N_("Sum of order amounts in the RFM window.")),
    r_score=Column(N_("R score"), "count", N_("Recency score, 1 (longest ago) to 5 (most recent).")),
    f_score=Column(N_("F score"), "count", N_("Frequency score, 1 (fewest orders) to 5 (most).")),
    m_score=Column(N_("M score"), "count", N_("Monetary score, 1 (least spend) to 5 (most).")),
    rfm_class=Column(N_("RFM class"), "text", N_("One of ten named classes by R and F score."), values="message"),
    rfm_class_8=Column(N_("RFM class (eight)"), "text", N_("One of eight classes by R, F and M above or below the average."), values="message"),
    rule=Column(N_("Rule"), "text", N_("Scores that make the class.")),
)
