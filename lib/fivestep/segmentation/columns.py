"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    # RFM
    recency_days=Column(N_("Days since last order"), "count", N_("Whole days from the last order to the as-of date.")),
    frequency=Column(N_("Orders in the window"), "count", N_("Distinct orders in the RFM window.")),
    monetary=Column(N_("Spend in the window"), "money", N_("Sum of order amounts in the RFM window.")),
    r_score=Column(N_("R score"), "count", N_("Recency score, 1 (longest ago) to 5 (most recent).")),
    f_score=Column(N_("F score"), "count", N_("Frequency score, 1 (fewest orders) to 5 (most).")),
    m_score=Column(N_("M score"), "count", N_("Monetary score, 1 (least spend) to 5 (most).")),
    rfm_class=Column(N_("RFM class"), "text", N_("One of ten named classes by R and F score."), values="message"),
    rfm_class_8=Column(N_("RFM class (eight)"), "text",
        N_("One of eight classes by R, F and M above or below the average."), values="message"),
    rule=Column(N_("Rule"), "text", N_("Scores that make the class.")),
    score=Column(N_("Score"), "count", N_("Fifth of the customers by one measure; 5 is best.")),
    recency_from=Column(N_("Recency from (days)"), "count", N_("Fewest days since the last order with this score.")),
    recency_to=Column(N_("to (days)"), "count", N_("Most days since the last order with this score.")),
    frequency_from=Column(N_("Orders from"), "count", N_("Fewest orders with this score.")),
    frequency_to=Column(N_("to (orders)"), "count", N_("Most orders with this score.")),
    monetary_from=Column(N_("Spend from"), "money", N_("Least spend with this score.")),
    monetary_to=Column(N_("to (spend)"), "money", N_("Most spend with this score.")),
    recency_level=Column(N_("Recency"), "text", N_("High: the last order is no longer ago than average."), values="message"),
    frequency_level=Column(N_("Frequency"), "text", N_("High: at least as many orders as average."), values="message"),
    monetary_level=Column(N_("Monetary value"), "text", N_("High: at least as much spend as average."), values="message"),
    # Value tiers
    lowest_spend=Column(N_("Lowest spend"), "money", N_("Least spend in the window of a customer of the row.")),
    highest_spend=Column(N_("Highest spend"), "money", N_("Most spend in the window of a customer of the row.")),
    # Lifecycle
    stage_rule=Column(N_("Stage rule"), "text",
        N_("What makes the stage; the first rule that holds decides, in the order lapsed, lapsing, new, growing, mature."),
        values="message",
    ),
    median_recency=Column(N_("Median days since last order"), "count",
        N_("Half of the customers of the row have ordered more recently, half less.")),
    stage_new=Column(N_("New"), "count", N_("Customers of the row in the stage New.")),
    stage_growing=Column(N_("Growing"), "count", N_("Customers of the row in the stage Growing.")),
    stage_mature=Column(N_("Mature"), "count", N_("Customers of the row in the stage Mature.")),
    stage_lapsing=Column(N_("Lapsing"), "count", N_("Customers of the row in the stage Lapsing.")),
    stage_lapsed=Column(N_("Lapsed"), "count", N_("Customers of the row in the stage Lapsed.")),
    # Clusters
    cluster=Column(N_("Cluster"), "text", N_("Group found by k-means, named for what sets it apart most."), values="message"),
    clusters_tried=Column(N_("Number of clusters"), "count", N_("Number of clusters tried.")),
    silhouette=Column(N_("Silhouette"), "ratio",
        N_("How much closer customers are to their own cluster than to the next, -1 to 1 (Rousseeuw 1987).")),
    similarity=Column(N_("Stability (lowest cluster)"), "ratio",
        N_("Mean Jaccard similarity with resamples of the least stable cluster, 0 to 1 (Hennig 2007).")),
    adjusted_rand=Column(N_("Adjusted Rand index"), "ratio",
        N_("Mean agreement with resamples over all customers, 1 is identical, 0 is chance (Hubert and Arabie 1985).")),
    smallest_cluster=Column(N_("Smallest cluster"), "percent", N_("Share of customers in the smallest cluster.")),
    verdict=Column(N_("Verdict"), "text", N_("What stability and size allow."), values="message"),
    mean_share_discounted=Column(N_("Mean discount share"), "percent",
        N_("Mean over customers of discounts divided by order amounts before discounts.")),
    mean_departments=Column(N_("Mean departments bought"), "number",
        N_("Mean over customers of distinct known departments in the window.")),
)  # fmt: skip
