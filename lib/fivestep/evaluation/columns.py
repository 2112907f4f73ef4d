"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

# monthly key figures
register(
    # As needs describes them, whose forecast is held against what came.
    demand_forecast=Column(N_("Next four weeks"), "money", N_("Foretold spend of the next 28 days, refunds netted.")),
    demand_low=Column(N_("Forecast, low"), "money", N_("Lower end of the range of 95 of 100 earlier errors.")),
    demand_high=Column(N_("Forecast, high"), "money", N_("Upper end of the range of 95 of 100 earlier errors.")),
    demand_came=Column(N_("What came"), "money", N_("Spend of the days that were foretold.")),
    forecast_miss=Column(N_("Missed by"), "percent", N_("What came divided by the forecast, less one.")),
    forecast_verdict=Column(N_("Outcome"), "text", N_("Whether what came lies within the range."), values="message"),
    month_state=Column(
        N_("Coverage"),
        "text",
        N_("Whether the data covers the whole month; incomplete months are in no comparison."),
        values="message",
    ),
    active_customers=Column(N_("Active customers"), "count", N_("Distinct customers with an order in the month.")),
    share_active=Column(N_("Share active"), "percent", N_("Active customers divided by all customers of the data.")),
    orders_per_active_customer=Column(
        N_("Orders per active customer"), "number", N_("Orders of the month divided by its active customers.")
    ),
    days_counted=Column(
        N_("Days"), "count", N_("Days of the month that count: trading days, or calendar days where the note says so.")
    ),
    spend_per_day=Column(N_("Spend per day"), "money", N_("Spend of the month divided by its days.")),
    key_figure=Column(N_("Key figure"), "text", N_("Key figure of a month."), values="message"),
    change_on_month=Column(
        N_("Change on previous month"), "percent", N_("Latest complete month divided by the month before, less 1.")
    ),
    change_on_month_per_day=Column(
        N_("Change per day"),
        "percent",
        N_("The same change after dividing each month by its days; only for figures that grow with the days."),
    ),
    largest_earlier_change=Column(
        N_("Largest earlier change"),
        "percent",
        N_("Largest of the earlier changes between complete months, up or down, per day where that applies."),
    ),
    key_figure_verdict=Column(
        N_("Verdict"), "text", N_("Unusual: larger, up or down, than every earlier change."), values="message"
    ),
    change_on_year=Column(
        N_("Change on the year"), "percent", N_("Latest complete month divided by the same month a year ago, less 1.")
    ),
    change_on_year_per_day=Column(
        N_("Change on the year per day"), "percent", N_("The same change after dividing each month by its days.")
    ),
    largest_change_between_months=Column(
        N_("Largest change between months"),
        "percent",
        N_("Largest change from one complete month to the next, up or down, per day where that applies."),
    ),
    year_verdict=Column(
        N_("Verdict on the year"), "text", N_("Unusual: larger, up or down, than every change between months."), values="message"
    ),
)
# the tree of key figures
register(
    kpi_signal=Column(N_("Signal"), "text", N_("Whether the latest month is news against the earlier ones."), values="message"),
    quality_check=Column(N_("Check"), "text", N_("What is checked of the figures themselves."), values="message"),
    quality_latest=Column(N_("Latest month"), "percent", N_("Share in the latest complete month.")),
    quality_lowest=Column(N_("Lowest before"), "percent", N_("Lowest share of the earlier complete months.")),
    quality_highest=Column(N_("Highest before"), "percent", N_("Highest share of the earlier complete months.")),
)
# retention
register(
    cohort=Column(N_("First seen in"), "month", N_("Month of the customer's first order in the data.")),
    cohort_kind=Column(
        N_("Customers of the cohort"),
        "text",
        N_("Whether the customers can have ordered before the data begin."),
        values="message",
    ),
    cohort_group=Column(N_("Cohorts"), "text", N_("Which cohorts are taken together."), values="message"),
    cohort_customers=Column(N_("Customers"), "count", N_("Customers first seen in the month, or in the months taken together.")),
    months_since=Column(N_("Months since"), "count", N_("Calendar months since the month of the first order.")),
    retained=Column(N_("Ordered again"), "count", N_("Customers of the cohort with an order in that month.")),
    retention=Column(
        N_("Retention"), "percent", N_("Customers who ordered in that month divided by the customers of the cohort.")
    ),
    retention_low=Column(N_("Retention, low"), "percent", N_("Lower end of the 95 % Wilson interval of retention.")),
    retention_high=Column(N_("Retention, high"), "percent", N_("Upper end of the 95 % Wilson interval of retention.")),
    retention_month_1=Column(N_("Month 1"), "percent", N_("Retention one month after the month of the first order.")),
    retention_month_3=Column(N_("Month 3"), "percent", N_("Retention three months after the month of the first order.")),
    retention_month_6=Column(N_("Month 6"), "percent", N_("Retention six months after the month of the first order.")),
)
# movement between classes
register(
    class_before=Column(N_("From"), "text", N_("Class in the earlier window."), values="message"),
    class_after=Column(N_("To"), "text", N_("Class in the later window."), values="message"),
    movement=Column(
        N_("Movement"),
        "text",
        N_("To a better or a worse class, silent in the later window, or silent in the earlier one."),
        values="message",
    ),
    share_of_earlier=Column(
        N_("Share of earlier customers"), "percent", N_("Customers divided by all customers with an order in the earlier window.")
    ),
    share_of_class=Column(
        N_("Share of the class"), "percent", N_("Customers divided by all customers of the class they come from.")
    ),
    spend_before=Column(N_("Spend, earlier window"), "money", N_("Spend of these customers in the earlier window.")),
    spend_after=Column(N_("Spend, later window"), "money", N_("Spend of these customers in the later window.")),
    spend_difference=Column(N_("Difference in spend"), "money", N_("Spend in the later window less spend in the earlier one.")),
)
# campaigns
register(
    campaign=Column(N_("Campaign"), "text", N_("Name of the campaign."), values="campaigns.campaign_name"),
    campaign_type=Column(N_("Type"), "text", N_("Type of the campaign."), values="campaigns.campaign_type"),
    start_date=Column(N_("First day"), "date", N_("First day of the campaign.")),
    end_date=Column(N_("Last day"), "date", N_("Last day of the campaign.")),
    contact_drawn=Column(
        N_("Contact"),
        "text",
        N_("Whether chance decided who was contacted, with a control group kept, or the customers were chosen."),
        values="message",
    ),
    campaign_window=Column(N_("Window"), "text", N_("Whether all days of the campaign lie within the data."), values="message"),
    campaigns=Column(N_("Campaigns"), "count", N_("Number of campaigns that lie within the data as a whole.")),
    contacts=Column(N_("Contacts"), "count", N_("Pairs of a customer and a campaign that contacted the customer.")),
    responses=Column(N_("Responses"), "count", N_("Contacts that the customer responded to.")),
    contacted=Column(N_("Contacted"), "count", N_("Customers whom the campaign contacted.")),
    others=Column(
        N_("Others"), "count", N_("Control group of a randomised campaign, else all customers whom it did not contact.")
    ),
    control=Column(N_("Control"), "count", N_("Customers kept without contact by chance.")),
    responded=Column(N_("Responded"), "count", N_("Contacted customers who responded as the campaign defines it.")),
    response_rate=Column(N_("Response rate"), "percent", N_("Responded divided by contacted.")),
    response_low=Column(N_("Response, low"), "percent", N_("Lower end of the 95 % Wilson interval of the response rate.")),
    response_high=Column(N_("Response, high"), "percent", N_("Upper end of the 95 % Wilson interval of the response rate.")),
    redemptions=Column(N_("Redemptions"), "count", N_("Offers of the campaign that contacted customers redeemed.")),
    before_days=Column(N_("Days before"), "count", N_("Days before the campaign that the data covers, at most 28.")),
    during_days=Column(N_("Days during"), "count", N_("Days of the campaign that the data covers.")),
    contacted_before=Column(N_("Contacted, before"), "money", N_("Spend per contacted customer and day before the campaign.")),
    others_before=Column(N_("Others, before"), "money", N_("Spend per other customer and day before the campaign.")),
    difference_low=Column(
        N_("Difference before, low"),
        "money",
        N_("Lower end of the 95 % Welch interval of contacted less others, before the campaign."),
    ),
    difference_high=Column(
        N_("Difference before, high"),
        "money",
        N_("Upper end of the 95 % Welch interval of contacted less others, before the campaign."),
    ),
    contacted_during=Column(N_("Contacted, during"), "money", N_("Spend per contacted customer and day during the campaign.")),
    others_during=Column(N_("Others, during"), "money", N_("Spend per other customer and day during the campaign.")),
    outcome_measured=Column(N_("Outcome"), "text", N_("What customers of both groups could do."), values="message"),
    rate_contacted=Column(
        N_("Share of contacted"), "percent", N_("Contacted customers with the outcome divided by contacted customers.")
    ),
    rate_control=Column(
        N_("Share of control"), "percent", N_("Control customers with the outcome divided by control customers.")
    ),
    lift_rate=Column(N_("Lift"), "percent", N_("Share of contacted less share of control.")),
    lift_rate_low=Column(N_("Lift, low"), "percent", N_("Lower end of the 95 % Newcombe interval of the difference of shares.")),
    lift_rate_high=Column(
        N_("Lift, high"), "percent", N_("Upper end of the 95 % Newcombe interval of the difference of shares.")
    ),
    spend_contacted=Column(N_("Spend per contacted"), "money", N_("Spend per contacted customer during the campaign.")),
    spend_control=Column(N_("Spend per control"), "money", N_("Spend per control customer during the campaign.")),
    lift_spend=Column(N_("Lift in spend"), "money", N_("Spend per contacted customer less spend per control customer.")),
    lift_spend_low=Column(
        N_("Lift in spend, low"), "money", N_("Lower end of the 95 % Welch interval of the difference in spend.")
    ),
    lift_spend_high=Column(
        N_("Lift in spend, high"), "money", N_("Upper end of the 95 % Welch interval of the difference in spend.")
    ),
)
# randomised campaigns
register(
    contacted_share=Column(N_("Share contacted"), "percent", N_("Contacted divided by all customers who were drawn.")),
    planned_split=Column(N_("Planned share"), "percent", N_("Planned share of contacted, else the usual one that is nearest.")),
    sample_ratio_chance=Column(
        N_("Chance of the ratio"), "percent", N_("How often chance alone parts the share as far from the planned one.")
    ),
    sample_ratio_verdict=Column(N_("Sample ratio"), "text", N_("Off where that chance is below one in 1,000."), values="message"),
    arms_before_low=Column(
        N_("Before, low"), "money", N_("Lower end of the 95 % Welch interval of spend before, contacted less control.")
    ),
    arms_before_high=Column(N_("Before, high"), "money", N_("Upper end of the same interval.")),
    arms_before_verdict=Column(
        N_("Before the campaign"), "text", N_("Whether contacted and control customers spent alike before."), values="message"
    ),
    lift_cuped=Column(N_("Lift, adjusted"), "money", N_("Lift in spend after taking out what spend before foretells (CUPED).")),
    lift_cuped_low=Column(N_("Adjusted, low"), "money", N_("Lower end of its 95 % Welch interval.")),
    lift_cuped_high=Column(N_("Adjusted, high"), "money", N_("Upper end of its 95 % Welch interval.")),
    variance_explained=Column(
        N_("Variance taken out"), "percent", N_("Squared correlation of spend before and spend during: what CUPED takes out.")
    ),
    look_date=Column(N_("Up to"), "date", N_("Last day that the look counts.")),
    lift_so_far=Column(N_("Lift so far"), "money", N_("Spend per contacted customer so far less spend per control customer.")),
    always_low=Column(N_("So far, low"), "money", N_("Lower end of the 95 % interval that holds at all looks together.")),
    always_high=Column(N_("So far, high"), "money", N_("Upper end of the 95 % interval that holds at all looks together.")),
    look_verdict=Column(N_("Safe to say"), "text", N_("What may be said on that day."), values="message"),
    effect_field=Column(N_("Customers by"), "text", N_("Field that divides the customers.")),
    effect_group=Column(N_("Group"), "text", N_("Value of the field.")),
    group_orders=Column(
        N_("Orders brought"), "ratio", N_("Orders per contacted customer of the group less orders per control customer.")
    ),
    group_orders_low=Column(N_("Orders, low"), "ratio", N_("Lower end of the interval that holds for all groups together.")),
    group_orders_high=Column(N_("Orders, high"), "ratio", N_("Upper end of the interval that holds for all groups together.")),
    group_spend=Column(
        N_("Spend brought"), "money", N_("Spend per contacted customer of the group less spend per control customer.")
    ),
    group_spend_low=Column(N_("Spend, low"), "money", N_("Lower end of the interval that holds for all groups together.")),
    group_spend_high=Column(N_("Spend, high"), "money", N_("Upper end of the interval that holds for all groups together.")),
    differs_chance=Column(
        N_("Chance"), "percent", N_("How often groups of the field would differ as much if contact worked alike for all.")
    ),
    uplift_model=Column(N_("Model"), "text", N_("How uplift was predicted."), values="message"),
    qini=Column(
        N_("Qini coefficient"), "ratio", N_("Area between Qini curve and straight line, divided by that of a perfect ranking.")
    ),
    qini_low=Column(N_("Qini, low"), "ratio", N_("Lower end of the bootstrap interval, for all rankings together.")),
    qini_high=Column(N_("Qini, high"), "ratio", N_("Upper end of the bootstrap interval, for all rankings together.")),
    auuc=Column(N_("AUUC"), "ratio", N_("The same area for the uplift curve.")),
    auuc_low=Column(N_("AUUC, low"), "ratio", N_("Lower end of the bootstrap interval, for all rankings together.")),
    auuc_high=Column(N_("AUUC, high"), "ratio", N_("Upper end of the bootstrap interval, for all rankings together.")),
    uplift_verdict=Column(
        N_("Ranking"), "text", N_("Whether the interval of the Qini coefficient leaves out zero."), values="message"
    ),
    uplift_fifth=Column(N_("Fifth"), "count", N_("Fifth of the customers by predicted uplift; 1 is the highest.")),
    predicted_uplift=Column(N_("Predicted uplift"), "percent", N_("Mean predicted effect of contact on the share who order.")),
    measured_uplift=Column(N_("Measured uplift"), "percent", N_("Share of contacted who ordered less share of control who did.")),
    measured_uplift_low=Column(N_("Measured, low"), "percent", N_("Lower end of its 95 % Newcombe interval.")),
    measured_uplift_high=Column(N_("Measured, high"), "percent", N_("Upper end of its 95 % Newcombe interval.")),
)
# the next test
register(
    test_weeks=Column(N_("Weeks"), "count", N_("How long the test runs.")),
    control_share=Column(N_("Share of control"), "percent", N_("Share of the drawn customers who are not contacted.")),
    mean_spend=Column(N_("Mean spend"), "money", N_("Spend per customer over as many weeks, without the campaign.")),
    smallest_effect=Column(N_("Smallest effect"), "money", N_("Difference in spend per customer that is found in 4 of 5 tests.")),
    smallest_share=Column(N_("Of mean spend"), "percent", N_("Smallest effect divided by mean spend.")),
    smallest_cuped_share=Column(N_("With CUPED"), "percent", N_("The same where spend before is allowed for.")),
    wanted_effect=Column(N_("Effect"), "percent", N_("Effect on spend that is to be found.")),
    customers_needed=Column(N_("Customers needed"), "count", N_("Contacted and control together, one half each.")),
    customers_needed_cuped=Column(N_("Needed with CUPED"), "count", N_("The same where spend before is allowed for.")),
)
# campaigns that were not randomised
register(
    matched=Column(N_("Matched"), "count", N_("Contacted customers who found others alike.")),
    balance=Column(N_("Balance"), "ratio", N_("Difference of spend before after matching, in standard deviations.")),
    gap_before=Column(N_("Gap before"), "money", N_("Gap of the last period before the campaign, per customer.")),
    gap_before_low=Column(N_("Gap before, low"), "money", N_("Lower end of its 95 % interval.")),
    gap_before_high=Column(N_("Gap before, high"), "money", N_("Upper end of its 95 % interval.")),
    gap=Column(N_("Gap"), "money", N_("Gap of the campaign, per customer; a difference in differences.")),
    gap_low=Column(N_("Gap, low"), "money", N_("Lower end of its interval, for all campaigns together.")),
    gap_high=Column(N_("Gap, high"), "money", N_("Upper end of its interval, for all campaigns together.")),
    targeted_verdict=Column(
        N_("Credit"), "text", N_("Whether the campaign may be credited, or why that is refused."), values="message"
    ),
)
# satisfaction, service and sales by quarter
register(
    quarter_name=Column(N_("Quarter"), "text", N_("Quarter of the calendar year.")),
    ratings=Column(N_("Ratings"), "count", N_("Pieces of feedback with a satisfaction score.")),
    satisfaction=Column(N_("Mean satisfaction"), "number", N_("Mean of the scores as given.")),
    satisfaction_low=Column(N_("Satisfaction, low"), "number", N_("Lower end of its 95 % interval.")),
    satisfaction_high=Column(N_("Satisfaction, high"), "number", N_("Upper end of its 95 % interval.")),
    recommend_answers=Column(N_("Answers"), "count", N_("Pieces of feedback with a likelihood to recommend.")),
    net_promoter=Column(N_("Net promoter score"), "number", N_("Share of 9 and 10 less share of 0 to 6, in points.")),
    net_promoter_low=Column(N_("Score, low"), "number", N_("Lower end of its 95 % interval.")),
    net_promoter_high=Column(N_("Score, high"), "number", N_("Upper end of its 95 % interval.")),
    reviews_received=Column(N_("Reviews"), "count", N_("Reviews received in the quarter.")),
    complaints_per_1000=Column(
        N_("Complaints per 1,000 orders"), "number", N_("Complaints divided by orders of the quarter, times 1,000.")
    ),
    buyers=Column(N_("Buyers"), "count", N_("Customers with an order in the quarter.")),
    repurchase=Column(N_("Repurchase rate"), "percent", N_("Buyers with orders on two days or more, divided by buyers.")),
    received=Column(N_("Received"), "count", N_("Pieces of feedback received in the quarter.")),
    resolved_share=Column(
        N_("Resolved in time"), "percent", N_("Resolved within 72 hours, divided by what is old enough to tell.")
    ),
    resolved_low=Column(N_("Resolved, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    resolved_high=Column(N_("Resolved, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    resolved_hours=Column(N_("Hours to resolution"), "number", N_("Median; what is open counts as longer.")),
    answered_share=Column(
        N_("Answered in time"), "percent", N_("First contact within 24 hours, divided by what is old enough to tell.")
    ),
    answered_low=Column(N_("Answered, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    answered_high=Column(N_("Answered, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    answered_hours=Column(N_("Hours to first contact"), "number", N_("Median; what was not answered counts as longer.")),
    opportunities_closed=Column(N_("Closed"), "count", N_("Opportunities won or lost in the quarter.")),
    opportunities_won=Column(N_("Won"), "count", N_("Of them, won.")),
    win_rate=Column(N_("Win rate"), "percent", N_("Won divided by closed.")),
    win_low=Column(N_("Win rate, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    win_high=Column(N_("Win rate, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    cycle_days=Column(N_("Days to win"), "number", N_("Median days from opened to won.")),
    won_amount=Column(N_("Amount won"), "money", N_("Amounts of the opportunities won.")),
)
# customers who fell silent
register(
    period_start=Column(N_("Period from"), "date", N_("First day of the period in which customers were lost.")),
    period_end=Column(N_("Period to"), "date", N_("Last day of the period in which customers were lost.")),
    active_before=Column(N_("Active before"), "count", N_("Customers with an order in the period before.")),
    lost=Column(N_("Lost"), "count", N_("Of them, customers without an order in the period.")),
    loss_rate=Column(N_("Loss rate"), "percent", N_("Lost divided by active before.")),
    loss_low=Column(N_("Loss rate, low"), "percent", N_("Lower end of the 95 % Wilson interval of the loss rate.")),
    loss_high=Column(N_("Loss rate, high"), "percent", N_("Upper end of the 95 % Wilson interval of the loss rate.")),
    activity=Column(N_("Activity"), "text", N_("Active, lapsed or never seen with an order."), values="message"),
    last_order=Column(N_("Last order"), "date", N_("Day of the customer's last order.")),
)
# lists of a quarter ago
register(
    backtest_list=Column(N_("List"), "text", N_("By what its customers were chosen and ordered."), values="message"),
    listed=Column(N_("On the list"), "count", N_("Customers of the list a quarter ago.")),
    worked_on=Column(N_("First fifth"), "count", N_("Customers of its first fifth.")),
    list_money=Column(N_("They then spent"), "money", N_("Spend of the first fifth in the 91 days after.")),
    rfm_money=Column(N_("By RFM"), "money", N_("Spend of as many customers of the list by RFM.")),
    random_money=Column(
        N_("At random"), "money", N_("Spend of as many customers of the list drawn at random: mean times number.")
    ),
    over_rfm=Column(N_("More than RFM"), "money", N_("Spend of the first fifth less that by RFM.")),
    over_rfm_low=Column(N_("More than RFM, low"), "money", N_("Lower end of its 95 % bootstrap interval.")),
    over_rfm_high=Column(N_("More than RFM, high"), "money", N_("Upper end of its 95 % bootstrap interval.")),
    over_random=Column(N_("More than at random"), "money", N_("Spend of the first fifth less that of a random fifth.")),
    over_random_low=Column(N_("More than at random, low"), "money", N_("Lower end of its 95 % bootstrap interval.")),
    over_random_high=Column(N_("More than at random, high"), "money", N_("Upper end of its 95 % bootstrap interval.")),
    backtest_verdict=Column(N_("Verdict"), "text", N_("Whether the interval against RFM leaves out zero."), values="message"),
)
# the review of customer relationship management
register(
    review_axis=Column(N_("Axis"), "text", N_("What customer relationship management is reviewed on."), values="message"),
    review_capability=Column(N_("Capability"), "text", N_("What should be on record."), values="message"),
    review_rows=Column(N_("Rows"), "count", N_("Rows of the last 182 days, or all customers.")),
    review_filled=Column(N_("On record"), "percent", N_("Share of the rows in which it is on record.")),
    review_before=Column(N_("On record before"), "percent", N_("The same for the 182 days before.")),
    review_verdict=Column(N_("Verdict"), "text", N_("Better, worse or no clear change."), values="message"),
    review_capabilities=Column(N_("Capabilities"), "count", N_("Capabilities of the axis.")),
    review_recorded=Column(N_("Recorded"), "count", N_("Of them, those that the data records.")),
    review_score=Column(N_("Score"), "percent", N_("Mean share on record; what is not recorded counts as 0.")),
    review_question=Column(N_("Question"), "text", N_("What people have to judge."), values="message"),
    review_answer=Column(N_("Answer"), "text", N_("To be filled in at the review.")),
)
# since the last review
register(
    finding_step=Column(N_("Step"), "text", N_("Notebook of the finding.")),
    finding_text=Column(N_("Finding"), "text", N_("The finding as told today, or as the last review told it.")),
    finding_before=Column(N_("Last review"), "text", N_("The number of the last review.")),
    finding_now=Column(N_("Today"), "text", N_("The number of today.")),
    finding_flow=Column(N_("Change"), "text", N_("New, no longer told, higher, lower or the same."), values="message"),
    outcome_before=Column(N_("Outcome then"), "text", N_("Outcome in the last review."), values="message"),
    proposal_before=Column(N_("Proposal then"), "text", N_("Proposal of the last review."), values="message"),
)
# value that moved between classes
register(
    steady_class=Column(N_("Class"), "text", N_("Class of the customers."), values="message"),
    customers_now=Column(N_("Customers now"), "count", N_("Customers of the class in the later window.")),
    customers_steady=Column(N_("In the long run"), "count", N_("Customers of the class if every window went like this one.")),
)
# decisions
register(
    measured=Column(N_("Measurement"), "text", N_("What was measured."), values="message"),
    decision_rule=Column(N_("Judged"), "text", N_("By what a change is judged."), values="message"),
    decision_outcome=Column(N_("Outcome"), "text", N_("Better, worse, no clear change, or not to be judged."), values="message"),
    proposal=Column(N_("Proposal"), "text", N_("What the outcome suggests; people decide."), values="message"),
)
# the dashboard
register(
    board_figure=Column(N_("Key figure"), "text", N_("Key figure of the dashboard."), values="message"),
    board_period=Column(N_("Period"), "text", N_("Month, quarter or days that the latest value is of.")),
    board_latest=Column(N_("Latest"), "text", N_("Value of the period.")),
    board_before=Column(N_("Before"), "text", N_("Value of the period before.")),
    board_year_ago=Column(N_("Year ago"), "text", N_("Value of the same month a year ago.")),
    board_target=Column(N_("Target"), "text", N_("Target of a month.")),
    board_of_target=Column(N_("Of target"), "percent", N_("Latest divided by the target.")),
    board_limits=Column(N_("Control limits"), "text", N_("Between them lies what earlier months let expect.")),
    board_signal=Column(N_("Signal"), "text", N_("Whether the latest value is news."), values="message"),
    board_alert=Column(N_("Attention"), "text", N_("Look at it: a signal, or a missed target."), values="message"),
)
# contact by the playbook
register(
    calendar_play=Column(N_("Play"), "text", N_("Entry of the playbook that the customer is in."), values="message"),
    calendar_owner=Column(N_("In charge"), "text", N_("Who answers for the play."), values="message"),
    calendar_channel=Column(N_("Channel"), "text", N_("Channel of the play."), values="message"),
    cadence_days=Column(N_("Every … days"), "count", N_("Days of a year divided by the contacts a year of the play.")),
    never_contacted=Column(N_("Never contacted"), "count", N_("Customers without a contact that went out, ever.")),
    overdue=Column(N_("Overdue"), "count", N_("Customers whose contact should have taken place by the as-of date.")),
    overdue_share=Column(N_("Share overdue"), "percent", N_("Overdue divided by the customers of the play.")),
    overdue_low=Column(N_("Overdue, low"), "percent", N_("Lower end of the 95 % Wilson interval of the share.")),
    overdue_high=Column(N_("Overdue, high"), "percent", N_("Upper end of the 95 % Wilson interval of the share.")),
    overdue_spend=Column(N_("Spend of the overdue"), "money", N_("What the overdue customers spent in the last 365 days.")),
    contact_due=Column(N_("Due on"), "date", N_("Day by which the customer should have been contacted.")),
    last_contact=Column(N_("Last contact"), "date", N_("Day of the last contact that went out.")),
    days_overdue=Column(N_("Days overdue"), "count", N_("Days since the contact was due.")),
)
# follow-up of visits and sales
register(
    occasion=Column(N_("Occasion"), "text", N_("After which the customer should hear from the company."), values="message"),
    within_days=Column(N_("Within days"), "count", N_("Days within which a contact counts as follow-up.")),
    occasions=Column(N_("Occasions"), "count", N_("Occasions whose time ran out in the last 182 days.")),
    followed=Column(N_("Followed up"), "count", N_("Of them, those with a contact in time.")),
    followed_share=Column(N_("Share followed up"), "percent", N_("Followed up divided by occasions.")),
    followed_low=Column(N_("Share, low"), "percent", N_("Lower end of its 95 % Wilson interval.")),
    followed_high=Column(N_("Share, high"), "percent", N_("Upper end of its 95 % Wilson interval.")),
    followed_days=Column(
        N_("Days to contact"),
        "number",
        N_("Median, of those followed up; negative where the contact came before the agreed day."),
    ),
    share_before=Column(N_("Share before"), "percent", N_("The share of the period before.")),
    follow_verdict=Column(N_("Verdict"), "text", N_("Whether the share clearly changed."), values="message"),
    follow_ahead=Column(N_("Ahead"), "count", N_("Occasions without a contact so far whose time has not run out.")),
    occasion_day=Column(N_("Day"), "date", N_("Day of the occasion, or the agreed day.")),
    follow_by=Column(N_("Follow up by"), "date", N_("Last day on which a contact is in time.")),
    follow_state=Column(N_("State"), "text", N_("Planned, waiting or missed."), values="message"),
)
# contacts by department, channel and product
register(
    pressure_dimension=Column(N_("Contacts by"), "text", N_("Department, channel or product."), values="message"),
    pressure_level=Column(N_("Which"), "text", N_("Name of the department, channel or product.")),
    pressure_contacts=Column(N_("Contacts"), "count", N_("Contacts of the last 91 days.")),
    reached=Column(N_("Customers reached"), "count", N_("Customers with such a contact.")),
    per_reached=Column(N_("Per customer reached"), "number", N_("Contacts divided by customers reached.")),
    pressure_before=Column(N_("Contacts before"), "count", N_("Contacts of the 91 days before.")),
    pressure_change=Column(N_("Change per 100"), "number", N_("Contacts per 100 of all customers, now less before.")),
    pressure_low=Column(N_("Change, low"), "number", N_("Lower end of its 95 % interval.")),
    pressure_high=Column(N_("Change, high"), "number", N_("Upper end of its 95 % interval.")),
    pressure_verdict=Column(N_("Verdict"), "text", N_("Whether the interval leaves out zero."), values="message"),
)
# the feedback loop
register(
    loop_department=Column(N_("Department"), "text", N_("Department in charge of the feedback.")),
    loop_collected=Column(N_("Collected"), "count", N_("Pieces of feedback of the last 365 days.")),
    loop_answered=Column(N_("Answered"), "percent", N_("Answered divided by collected.")),
    acted_share=Column(N_("Acted on"), "percent", N_("Resolved divided by collected.")),
    acted_low=Column(N_("Acted on, low"), "percent", N_("Lower end of its 95 % Wilson interval.")),
    acted_high=Column(N_("Acted on, high"), "percent", N_("Upper end of its 95 % Wilson interval.")),
    answer_hours=Column(N_("Hours to answer"), "number", N_("Median, of what was answered.")),
    act_hours=Column(N_("Hours to solution"), "number", N_("Median, of what was solved.")),
    loop_closed=Column(N_("Solved, old enough"), "count", N_("Solved at least 30 days ago, of a known customer.")),
    informed_share=Column(N_("Told"), "percent", N_("Of them, with a contact that went out within 30 days after.")),
    informed_low=Column(N_("Told, low"), "percent", N_("Lower end of its 95 % Wilson interval.")),
    informed_high=Column(N_("Told, high"), "percent", N_("Upper end of its 95 % Wilson interval.")),
    tell_days=Column(N_("Days to telling"), "number", N_("Median days from the solution to the contact.")),
)
# products in the words of long-standing customers
register(
    fix_product=Column(N_("Product"), "text", N_("Product that the feedback is about.")),
    old_ratings=Column(N_("Scores"), "count", N_("Scores of long-standing customers.")),
    old_satisfaction=Column(N_("Their satisfaction"), "number", N_("Mean of these scores.")),
    old_low=Column(N_("Satisfaction, low"), "number", N_("Lower end of its 95 % interval.")),
    old_high=Column(N_("Satisfaction, high"), "number", N_("Upper end of its 95 % interval.")),
    old_suggestions=Column(N_("Their suggestions"), "count", N_("Suggestions of long-standing customers.")),
    old_complaints=Column(N_("Their complaints"), "count", N_("Complaints of long-standing customers.")),
    fix_open=Column(N_("Open"), "count", N_("Complaints and suggestions of anybody without a solution.")),
    fix_complaints=Column(N_("Complaints"), "count", N_("Complaints of anybody in the last 182 days.")),
    fix_complaints_before=Column(N_("Complaints before"), "count", N_("Complaints of anybody in the 182 days before.")),
    fix_rate=Column(N_("Per 1,000 lines"), "number", N_("Complaints per 1,000 order lines of the product.")),
    fix_rate_before=Column(N_("Per 1,000 before"), "number", N_("The same for the 182 days before.")),
    fix_verdict=Column(N_("Mended"), "text", N_("Whether complaints became clearly fewer."), values="message"),
)
# why customers end the relation
register(
    closing_reason=Column(N_("Reason on record"), "text", N_("What was on record before the customer ordered no more.")),
    reason_customers=Column(N_("With it"), "count", N_("Customers and periods with the reason on record.")),
    left=Column(N_("Left"), "count", N_("Of them, without an order in the next period.")),
    left_share=Column(N_("Share left"), "percent", N_("Left divided by those with it.")),
    others_left=Column(N_("Others alike"), "percent", N_("Share left of others of the period with about as many orders.")),
    left_low=Column(N_("Difference, low"), "percent", N_("Lower end of its 95 % interval.")),
    left_high=Column(N_("Difference, high"), "percent", N_("Upper end of its 95 % interval.")),
    left_difference=Column(N_("Difference"), "percent", N_("Share left less that of others alike (Mantel and Haenszel).")),
    reason_verdict=Column(N_("Verdict"), "text", N_("Whether more leave than of others alike."), values="message"),
)
# loyalty over time
register(
    trend_part=Column(N_("Part"), "text", N_("Part of the loyalty index."), values="message"),
    trend_weight=Column(N_("Weight"), "percent", N_("Weight of the part in the index.")),
    trend_customers=Column(N_("Known today"), "count", N_("Customers for whom it is known today.")),
    same_customers=Column(N_("Known on both days"), "count", N_("Customers for whom it was known on the first day, too.")),
    trend_earlier=Column(N_("First day"), "ratio", N_("Mean of these customers on the first day, 0 to 1.")),
    trend_latest=Column(N_("Today"), "ratio", N_("Mean of the same customers today.")),
    trend_change=Column(N_("Change"), "ratio", N_("Mean difference of the same customers.")),
    trend_low=Column(N_("Change, low"), "ratio", N_("Lower end of its 95 % interval.")),
    trend_high=Column(N_("Change, high"), "ratio", N_("Upper end of its 95 % interval.")),
    trend_verdict=Column(N_("Verdict"), "text", N_("Whether the interval leaves out zero."), values="message"),
)
# shifts in needs and market
register(
    shift_dimension=Column(N_("What"), "text", N_("Part of needs or market."), values="message"),
    shift_level=Column(N_("Value"), "text", N_("Value of it.")),
    shift_times=Column(N_("Times now"), "count", N_("Order lines, orders, complaints or searches with it in the later half.")),
    share_now=Column(N_("Share now"), "percent", N_("Times with the value divided by all of the later half.")),
    shift=Column(N_("Shift"), "percent", N_("Share now less share before.")),
    shift_low=Column(N_("Shift, low"), "percent", N_("Lower end of its 95 % interval.")),
    shift_high=Column(N_("Shift, high"), "percent", N_("Upper end of its 95 % interval.")),
    shift_verdict=Column(N_("Verdict"), "text", N_("Whether it moved beyond noise."), values="message"),
)
# lists for action of a quarter ago
register(
    tested_list=Column(N_("List"), "text", N_("List for action, made a quarter ago."), values="message"),
    action_money=Column(N_("Money"), "text", N_("What counts as its money."), values="message"),
    action_naive=Column(N_("Naive rule"), "text", N_("The rule beside it."), values="message"),
    compared=Column(N_("To choose from"), "count", N_("Customers or opportunities that the list could name.")),
    named=Column(N_("Named"), "count", N_("Of them, named by the list.")),
    action_sum=Column(N_("Money of the list"), "money", N_("Money of those named, in the 91 days after.")),
    naive_sum=Column(N_("By the naive rule"), "money", N_("Money of as many by the naive rule.")),
    random_sum=Column(N_("At random"), "money", N_("Money of as many drawn at random: mean times number.")),
    over_naive=Column(N_("More than naive"), "money", N_("Money of the list less that of the naive rule.")),
    over_naive_low=Column(N_("More than naive, low"), "money", N_("Lower end of its 95 % bootstrap interval.")),
    over_naive_high=Column(N_("More than naive, high"), "money", N_("Upper end of its 95 % bootstrap interval.")),
    over_drawn=Column(N_("More than at random"), "money", N_("Money of the list less that of a random draw.")),
    over_drawn_low=Column(N_("More than at random, low"), "money", N_("Lower end of its 95 % bootstrap interval.")),
    over_drawn_high=Column(N_("More than at random, high"), "money", N_("Upper end of its 95 % bootstrap interval.")),
    action_verdict=Column(
        N_("Verdict"), "text", N_("Whether the interval against the naive rule leaves out zero."), values="message"
    ),
)
