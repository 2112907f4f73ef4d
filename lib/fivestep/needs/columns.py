"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    # pairs
    category_a=Column(N_("Category A"), "text", N_("First category of the pair, by name."), values="products.category"),
    category_b=Column(N_("Category B"), "text", N_("Second category of the pair."), values="products.category"),
    department_a=Column(N_("Department A"), "text", N_("First department of the pair, by name."), values="products.department"),
    department_b=Column(N_("Department B"), "text", N_("Second department of the pair."), values="products.department"),
    orders_both=Column(N_("Orders with both"), "count", N_("Distinct orders that hold both A and B.")),
    excess_orders=Column(
        N_("Above chance"), "count", N_("Orders with both less the orders expected if A and B were independent.")
    ),
    support=Column(N_("Support"), "percent", N_("Orders with both divided by all orders with a product of a known group.")),
    confidence_ab=Column(N_("Confidence A to B"), "percent", N_("Orders with both divided by orders with A.")),
    confidence_ba=Column(N_("Confidence B to A"), "percent", N_("Orders with both divided by orders with B.")),
    lift=Column(N_("Lift"), "ratio", N_("Orders with both divided by the orders expected if A and B were independent.")),
    lift_low=Column(N_("Lift, low"), "ratio", N_("Lower limit of the 95% interval of lift.")),
    lift_high=Column(N_("Lift, high"), "ratio", N_("Upper limit of the 95% interval of lift.")),
    # category trends
    trend_direction=Column(
        N_("Trend"), "text", N_("Rising or falling where the slope is more than noise, else unclear."), values="message"
    ),
    category_share=Column(
        N_("Category's share"), "percent", N_("Spend on the category divided by all spend of the complete months.")
    ),
    relative_trend=Column(
        N_("Change per month"), "percent", N_("Theil–Sen slope of the monthly share of spend, divided by the category's share.")
    ),
    relative_trend_low=Column(N_("Change, low"), "percent", N_("Lower limit of the 95% interval of the change per month.")),
    relative_trend_high=Column(N_("Change, high"), "percent", N_("Upper limit of the 95% interval of the change per month.")),
    money_trend=Column(
        N_("Change in money"),
        "money",
        N_("Spend gained or lost per month through the change in share, at the mean monthly spend."),
    ),
    # deal sensitivity
    discount_share_from=Column(N_("Discount share from"), "percent", N_("Lowest discount share of a customer of the row.")),
    discount_share_to=Column(N_("to"), "percent", N_("Highest discount share of a customer of the row.")),
    lines_on_discount=Column(
        N_("Lines on discount"), "percent", N_("Order lines with a discount divided by all order lines of the row.")
    ),
    orders_on_discount=Column(
        N_("Orders on discount"), "percent", N_("Orders with a discount divided by all orders of the row.")
    ),
    branded_spend=Column(N_("Spend on known brands"), "money", N_("Spend on products whose brand is known, refunds netted.")),
    private_label_share=Column(
        N_("Private label"), "percent", N_("Spend on the retailer's own brands divided by spend on known brands.")
    ),
    private_label_q1=Column(
        N_("Lower quartile"), "percent", N_("A quarter of the customers of the row have a lower private-label share.")
    ),
    private_label_median=Column(N_("Median"), "percent", N_("Half the customers of the row have a lower private-label share.")),
    private_label_q3=Column(
        N_("Upper quartile"), "percent", N_("A quarter of the customers of the row have a higher private-label share.")
    ),
    # need groups
    needs_group=Column(N_("Need"), "text", N_("What customers show that they need."), values="message"),
    feedback_contacts=Column(N_("Feedback"), "count", N_("Complaints, inquiries, suggestions and reviews of the customers.")),
    # departments
    customers_without=Column(
        N_("Customers without"), "count", N_("Customers who do not buy in the department though at least half of their peers do.")
    ),
    peers_buying=Column(
        N_("Peers who buy"), "percent", N_("Share of the customers in the same fifth by spend who buy in the department.")
    ),
    peer_spend=Column(N_("Peers' spend there"), "money", N_("Median spend in the department of the peers who buy there.")),
    spend_fifth=Column(N_("Fifth by spend"), "count", N_("Fifth of the customers by spend; 5 spends most.")),
)
