"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    # As segmentation describes them, which this step must not import.
    play=Column(N_("Play"), "text", N_("Entry of the playbook, by value tier and lifecycle stage."), values="message"),
    contactable=Column(
        N_("May be contacted"),
        "count",
        N_("Customers of the play who have not opted out of marketing; none where the play is without contact."),
    ),
    spend_at_stake=Column(N_("Spend at stake"), "money", N_("Spend of the last 365 days, or of the whole data where shorter.")),
    share_of_stake=Column(N_("Share of spend at stake"), "percent", N_("Spend at stake of the play, of that of all customers.")),
    goal=Column(N_("Goal"), "text", N_("What the play is to achieve."), values="message"),
    action=Column(N_("Action"), "text", N_("What is done, as the playbook says."), values="message"),
    contact_channel=Column(N_("Channel"), "text", N_("How the customers are reached, as the playbook says."), values="message"),
    kpi=Column(N_("KPI"), "text", N_("Number by which success is measured."), values="message"),
    kpi_definition=Column(N_("Definition"), "text", N_("How the KPI is counted."), values="message"),
    kpi_today=Column(N_("Today"), "text", N_("Value of the KPI today, over the days measured.")),
    kpi_direction=Column(N_("Direction"), "text", N_("Whether the KPI is to rise, hold or fall."), values="message"),
    measured_days=Column(N_("Days measured"), "count", N_("Length of the measuring period: the days until the review.")),
    review_date=Column(N_("Review"), "date", N_("Day on which success is reviewed: the as-of date plus the days to the review.")),
    owner_role=Column(N_("Owner"), "text", N_("Role that answers for the play."), values="message"),
    stop_if=Column(N_("Stop if"), "text", N_("What ends the play."), values="message"),
    recommender=Column(N_("Method"), "text", N_("How the categories are chosen."), values="message"),
    categories_shown=Column(N_("Categories shown"), "count", N_("Number of categories recommended to each customer.")),
    customers_tested=Column(N_("Customers tested"), "count", N_("Customers with purchases both before and in the test period.")),
    hits=Column(N_("Hits"), "count", N_("Customers who bought a category shown for the first time in the test period.")),
    hit_rate=Column(N_("Hit rate"), "percent", N_("Hits divided by customers tested.")),
    hit_rate_low=Column(N_("Hit rate, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    hit_rate_high=Column(N_("Hit rate, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    recommended_to=Column(N_("Next best for"), "count", N_("Customers for whom the category comes first.")),
    share_recommended=Column(
        N_("Share of recommendations"), "percent", N_("Customers for whom it comes first, of all with a recommendation.")
    ),
    category_buyers=Column(N_("Buy it already"), "count", N_("Customers who bought the category in the window.")),
    next_best_category=Column(
        N_("Next-best category"), "text", N_("First of the categories recommended to the customer."), values="products.category"
    ),
    second_best_category=Column(N_("Second category"), "text", N_("Second recommended category."), values="products.category"),
    third_best_category=Column(N_("Third category"), "text", N_("Third recommended category."), values="products.category"),
    keep_reason=Column(N_("Reason"), "text", N_("Why the customer is on the keep list."), values="message"),
    days_since_last_order=Column(N_("Days since last order"), "count", N_("Whole days from the last order to the as-of date.")),
    spend_change=Column(N_("Spend change"), "percent", N_("Spend of the last 91 days against the 91 days before.")),
    most_used_store=Column(N_("Store"), "text", N_("Store with most orders of the customer.")),
    cost_per_contact=Column(N_("Cost per contact"), "money", N_("Cost of contacting one customer, as the playbook says.")),
    contact_cost=Column(N_("Cost of contact"), "money", N_("Cost per contact times the customers who may be contacted.")),
    break_even_customers=Column(N_("Customers to keep"), "count", N_("Customers kept because of the contact at which it pays.")),
    break_even_share=Column(N_("Share to keep"), "percent", N_("Customers to keep divided by those who may be contacted.")),
)  # fmt: skip
# the lists
register(
    action_list=Column(N_("List"), "text", N_("Why the customer is approached."), values="message"),
    list_reason=Column(N_("Why"), "text", N_("Why the customer is on the list.")),
    list_confidence=Column(
        N_("Confidence"), "text", N_("How well the customer is known, by the number of orders."), values="message"
    ),
    hand_to=Column(
        N_("In charge"), "text", N_("Sales representative of the customer, else the store with most orders, else the region.")
    ),
    churn_risk=Column(
        N_("Risk of silence"), "percent", N_("Chance that the customer does not order in the days ahead, by the tested model.")
    ),
    listed_to_contact=Column(N_("To contact"), "count", N_("Customers of the list who are to be contacted.")),
    listed_opted_out=Column(N_("Opted out"), "count", N_("Customers of the list who do not want marketing.")),
    listed_busy=Column(N_("Contacted lately"), "count", N_("Customers of the list who were contacted often lately.")),
    listed_control=Column(N_("Control"), "count", N_("Customers of the list who are left without contact by chance.")),
)  # fmt: skip
# risk of falling silent
register(
    risk_fifth=Column(N_("Fifth"), "count", N_("Fifths of the tested customers, 1 has the highest risk.")),
    expected_silence=Column(N_("Expected share"), "percent", N_("Mean risk that the model told before.")),
    silent=Column(N_("Fell silent"), "count", N_("Customers without an order in the test period.")),
    observed_silence=Column(N_("Observed"), "percent", N_("Customers who fell silent divided by customers.")),
    silence_low=Column(N_("Observed, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    silence_high=Column(N_("Observed, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    period_spend=Column(N_("Spend in the period"), "money", N_("Spend in the days before, returns netted.")),
    risk_cut_off=Column(N_("Risk from"), "percent", N_("Customers with this risk or more are contacted.")),
    share_silent=Column(N_("Of them silent"), "percent", N_("Customers contacted who fell silent, of all contacted.")),
    share_of_silent=Column(N_("Reached"), "percent", N_("Customers contacted who fell silent, of all who fell silent.")),
    cut_off_profit=Column(N_("Profit"), "money", N_("Margin of those who would be kept, less the cost of all contacts.")),
)  # fmt: skip
# ending or switching
register(
    leaving_flag=Column(N_("Sign of"), "text", N_("Ending the relation, or switching to somebody else."), values="message"),
    leaving_sign=Column(N_("Sign"), "text", N_("What was seen of the customer.")),
    earlier_spend=Column(N_("Spend before"), "money", N_("Spend of the 182 days before the last 91 days.")),
)  # fmt: skip
# offers, expected returns, budget
register(
    offer=Column(N_("Offer"), "text", N_("What the customers of the play are offered, as the playbook says."), values="message"),
    service_level=Column(
        N_("Service level"), "text", N_("How the customers of the play are served, as the playbook says."), values="message"
    ),
    contacts_a_year=Column(
        N_("Contacts a year"), "count", N_("How often a customer of the play is contacted within a year; 0 without contact.")
    ),
    stake_per_contactable=Column(
        N_("Stake per customer"), "money", N_("Spend at stake divided by customers, of those who may be contacted.")
    ),
    contact_effect=Column(
        N_("Effect"), "percent", N_("What contact adds to the spend of a year, divided by the spend at stake.")
    ),
    contact_effect_low=Column(N_("Effect, low"), "percent", N_("Lower end of the effect: of its 95 % interval where measured.")),
    contact_effect_high=Column(
        N_("Effect, high"), "percent", N_("Upper end of the effect: of its 95 % interval where measured.")
    ),
    effect_origin=Column(
        N_("Known from"), "text", N_("Measured here, benchmark with a source, or assumption."), values="message"
    ),
    expected_return=Column(
        N_("Expected return"), "money", N_("Spend at stake times effect times margin, less the cost of contact.")
    ),
    expected_return_low=Column(N_("Return, low"), "money", N_("Expected return with the effect at one end.")),
    expected_return_high=Column(N_("Return, high"), "money", N_("Expected return with the effect at the other end.")),
    most_contacted=Column(
        N_("At most"), "count", N_("Customers who may be contacted, less the control group that is left without contact.")
    ),
    planned_customers=Column(N_("Planned customers"), "count", N_("Customers to contact in the best plan.")),
    planned_contacts=Column(N_("Planned contacts"), "count", N_("Planned customers times contacts a year.")),
    planned_cost=Column(N_("Planned cost"), "money", N_("Cost of the planned contacts.")),
    planned_return=Column(N_("Planned return"), "money", N_("Expected return of the planned customers, after the cost.")),
    planned_return_low=Column(N_("Planned return, low"), "money", N_("Planned return with the effect at one end.")),
    planned_return_high=Column(N_("Planned return, high"), "money", N_("Planned return with the effect at the other end.")),
    assumption=Column(N_("Assumption"), "text", N_("What is changed, all else as it is.")),
    return_if_low=Column(N_("Return if low"), "money", N_("What the plan brings if the assumption is at its lower end.")),
    return_if_high=Column(N_("Return if high"), "money", N_("What the plan brings if the assumption is at its upper end.")),
    first_if_low=Column(
        N_("First if low"), "text", N_("Play with most return on cost if the assumption is low."), values="message"
    ),
    first_if_high=Column(
        N_("First if high"), "text", N_("Play with most return on cost if the assumption is high."), values="message"
    ),
)  # fmt: skip
# worksheets
register(
    worksheet=Column(N_("Worksheet"), "text", N_("Title of the sheet in worksheets.xlsx."), values="message"),
    worksheet_decides=Column(N_("What it decides"), "text", N_("What is decided with the filled sheet."), values="message"),
    worksheet_filled=Column(N_("From the data"), "count", N_("Questions of the sheet that the data answers.")),
    worksheet_open=Column(N_("To fill"), "count", N_("Questions of the sheet that people answer.")),
    worksheet_item=Column(N_("Point"), "text", N_("Part of the worksheet."), values="message"),
    worksheet_question=Column(N_("Question"), "text", N_("What is asked."), values="message"),
    worksheet_answer=Column(N_("Answer"), "text", N_("Answer of the data, or blank where people answer.")),
    worksheet_base=Column(
        N_("Base and caution"), "text", N_("What an answer of the data counts, and what to be careful about.")
    ),
)  # fmt: skip
# channels and dealers
register(
    branch_change=Column(N_("Change on year"), "percent", N_("Spend against the 365 days before.")),
    branch_repeaters=Column(N_("Come back"), "percent", N_("Customers with two orders or more in the branch, of its customers.")),
    branch_repeaters_low=Column(N_("Come back, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    branch_repeaters_high=Column(N_("Come back, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    branch_verdict=Column(
        N_("Against the others"), "text", N_("Whether clearly more or fewer customers come back."), values="message"
    ),
    branch_margin=Column(N_("Margin"), "percent", N_("Gross profit divided by sales, of order lines with a cost.")),
    home_region=Column(N_("Region"), "text", N_("Region of the customer, dealer or store."), values="customers.region"),
    outlets=Column(N_("Outlets"), "count", N_("Stores most of whose orders come from customers of the region.")),
    share_of_outlets=Column(N_("Share of outlets"), "percent", N_("Outlets of the region, of all outlets.")),
    spend_per_outlet=Column(N_("Spend per outlet"), "money", N_("Mean spend of the outlets of the region.")),
    outlet_gap_low=Column(N_("Gap, low"), "money", N_("Spend per outlet less that of all others: lower end, 95 %.")),
    outlet_gap_high=Column(N_("Gap, high"), "money", N_("Spend per outlet less that of all others: upper end, 95 %.")),
    outlet_verdict=Column(N_("Per outlet"), "text", N_("Whether outlets bring clearly more or less."), values="message"),
    sales_channel=Column(N_("Channel"), "text", N_("Sales channel of the order."), values="orders.channel"),
    channel_length=Column(N_("Length"), "count", N_("Steps between the company and who uses the goods.")),
    channel_margin=Column(N_("Margin"), "percent", N_("Gross profit divided by sales, of order lines with a cost.")),
    channel_margin_low=Column(N_("Margin, low"), "percent", N_("Lower end of the 95 % interval, by customer.")),
    channel_margin_high=Column(N_("Margin, high"), "percent", N_("Upper end of the 95 % interval, by customer.")),
    service_cost_share=Column(N_("Booked costs"), "percent", N_("Costs booked on customers, shared out by spend, of sales.")),
    margin_after_costs=Column(N_("Left"), "percent", N_("Margin less booked costs, of sales.")),
    dealer_change=Column(N_("Growth"), "percent", N_("Spend against the 365 days before.")),
    dealer_months=Column(N_("Months"), "count", N_("Calendar months with an order, in the last 365 days.")),
    dealer_products=Column(N_("Products"), "count", N_("Different products bought.")),
    dealer_margin=Column(N_("Margin"), "percent", N_("Gross profit divided by sales, of order lines with a cost.")),
    dealer_paid=Column(N_("Paid in time"), "percent", N_("Orders paid by the day they were due, of those due.")),
    dealer_away=Column(N_("Elsewhere"), "percent", N_("Orders delivered from a store of another region, of all known.")),
    dealer_away_low=Column(N_("Elsewhere, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    dealer_away_high=Column(N_("Elsewhere, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    away_region=Column(N_("Mostly to"), "text", N_("Region to which most of these orders go.")),
    diversion_verdict=Column(N_("Deliveries"), "text", N_("Whether goods leave the dealer's region."), values="message"),
    standards_met=Column(N_("Standards met"), "count", N_("Standards in which the dealer is not below the median.")),
    standards_known=Column(N_("Standards known"), "count", N_("Standards that the data tells.")),
    launch_verdict=Column(N_("For a launch"), "text", N_("Whether to launch a product with the dealer."), values="message"),
)  # fmt: skip
# points
register(
    # As profiling describes it.
    member_level=Column(N_("Member level"), "text", N_("Tier of the loyalty programme."), values="customers.member_level"),
    spend_low_income=Column(N_("Spend, low incomes"), "money", N_("Mean per customer in the lowest third of incomes.")),
    spend_high_income=Column(N_("Spend, high incomes"), "money", N_("Mean per customer in the highest third of incomes.")),
    income_elasticity=Column(N_("Income elasticity"), "number", N_("Percent of spend per percent of income, across customers.")),
    income_elasticity_low=Column(N_("Elasticity to income, low"), "number", N_("Lower end of the 95 % interval, robust.")),
    income_elasticity_high=Column(N_("Elasticity to income, high"), "number", N_("Upper end of the 95 % interval, robust.")),
    income_verdict=Column(N_("With income"), "text", N_("Whether spend goes with income, beyond chance."), values="message"),
    product=Column(N_("Product"), "text", N_("Product whose sales are looked at.")),
    other_product=Column(N_("Other product"), "text", N_("Product whose price is looked at.")),
    cross_weeks=Column(N_("Weeks compared"), "count", N_("Weeks in which both were sold, and in the week before too.")),
    own_elasticity=Column(N_("Own price"), "number", N_("Percent more units for a percent more of the own price.")),
    cross_elasticity=Column(N_("Other price"), "number", N_("Percent more units for a percent more of the other's price.")),
    cross_low=Column(N_("Other price, low"), "number", N_("Lower end of the 95 % interval, robust.")),
    cross_high=Column(N_("Other price, high"), "number", N_("Upper end of the 95 % interval, robust.")),
    cross_chance=Column(N_("Chance"), "number", N_("Chance of so much without a relation, after false-discovery control.")),
    cross_verdict=Column(N_("Verdict"), "text", N_("Whether the other's price moves sales, beyond chance."), values="message"),
    usual_product=Column(N_("Usual product"), "text", N_("Product that the customer buys most, in the category of most spend.")),
    upsell_product=Column(N_("Better product"), "text", N_("Dearer product of the category, which its buyers went to most.")),
    upsell_chance=Column(N_("Chance"), "percent", N_("Chance that the customer buys it within a quarter.")),
    upsell_money=Column(N_("Expected gain"), "money", N_("Chance times difference of prices, of one purchase.")),
    upsell_confidence=Column(N_("Confidence"), "text", N_("By the number of customers it was learnt from."), values="message"),
    upsell_rule=Column(N_("Rule"), "text", N_("How the better product is chosen."), values="message"),
    upsell_expected=Column(N_("Hits expected"), "number", N_("Sum of the chances before the test.")),
    upsell_hits=Column(N_("Hits"), "count", N_("Customers who bought the better product within the quarter.")),
    # As needs describes them, whose forecast this step receives.
    demand_forecast=Column(N_("Next four weeks"), "money", N_("Foretold spend of the next 28 days, refunds netted.")),
    demand_low=Column(N_("Forecast, low"), "money", N_("Lower end of the range of 95 of 100 earlier errors.")),
    demand_high=Column(N_("Forecast, high"), "money", N_("Upper end of the range of 95 of 100 earlier errors.")),
    demand_before=Column(N_("Last four weeks"), "money", N_("Spend of the last 28 days.")),
    demand_change=Column(N_("Change"), "percent", N_("Forecast divided by the last four weeks, less one.")),
    units_before=Column(N_("Units, last four weeks"), "count", N_("Units sold in the last 28 days, returns left out.")),
    units_ready=Column(N_("Units to have ready"), "count", N_("Units of the upper end of the range.")),
    keep_or_win=Column(N_("Way"), "text", N_("To keep a customer, or to win a new one."), values="message"),
    year_cost=Column(N_("Cost of the year"), "money", N_("Costs of keeping or of acquisition in the last 365 days.")),
    cost_each=Column(N_("Cost per customer"), "money", N_("Cost of the year divided by the customers kept or won.")),
    margin_each=Column(N_("Margin in a year"), "money", N_("Mean gross margin per customer within a year.")),
    margin_low=Column(N_("Margin, low"), "money", N_("Lower end of the 95 % interval of the mean margin.")),
    margin_high=Column(N_("Margin, high"), "money", N_("Upper end of the 95 % interval of the mean margin.")),
    payback_months=Column(N_("Paid back after"), "number", N_("Months of that margin until the cost is covered.")),
    margin_per_cost=Column(N_("Margin per cost"), "ratio", N_("Margin in a year divided by the cost per customer.")),
    cost_origin=Column(N_("Cost from"), "text", N_("Where the cost comes from."), values="message"),
    event=Column(N_("Event"), "text", N_("Campaign that invited to something.")),
    invited=Column(N_("Invited"), "count", N_("Customers who were, or are to be, invited.")),
    attended_share=Column(N_("Came"), "percent", N_("Guests divided by all invited.")),
    attended_low=Column(N_("Came, low"), "percent", N_("Lower end of the 95 % interval (Wilson).")),
    attended_high=Column(N_("Came, high"), "percent", N_("Upper end of the 95 % interval (Wilson).")),
    event_cost_guest=Column(N_("Cost per guest"), "money", N_("Cost of the event divided by its guests.")),
    stayed_away_gap=Column(
        N_("Guests less those who stayed away"), "money", N_("Spend after the event. No effect: guests chose to come.")
    ),
    event_gap=Column(N_("Effect on spend"), "money", N_("Spend per customer, against others alike or drawn by chance.")),
    event_gap_low=Column(N_("Effect, low"), "money", N_("Lower end of the 95 % interval of the effect on spend.")),
    event_gap_high=Column(N_("Effect, high"), "money", N_("Upper end of the 95 % interval of the effect on spend.")),
    event_verdict=Column(N_("What can be said"), "text", N_("Whether coming can be credited with spend."), values="message"),
    expected_guests=Column(N_("Guests expected"), "count", N_("Invited times the share that came so far.")),
    event_cost=Column(N_("Cost of the event"), "money", N_("Invited times what an invitation to earlier events cost.")),
    guest_must_add=Column(N_("Each guest must add"), "money", N_("Spend per guest whose gross margin pays for the event.")),
    points_cost=Column(N_("Cost of points"), "money", N_("Costs booked as points, last 365 days.")),
    points_rate=Column(N_("Cost of spend"), "percent", N_("Cost of points divided by spend, since a change.")),
    points_on_account=Column(N_("Points on account"), "count", N_("Points that members hold today.")),
    points_needed=Column(N_("Orders needed"), "percent", N_("Share by which points must raise orders to pay for themselves.")),
    points_since=Column(N_("Changed in"), "month", N_("First month of the new rate.")),
    points_rate_before=Column(N_("Cost before"), "percent", N_("Cost of points divided by spend, before the change.")),
    points_lead=Column(N_("More orders before"), "percent", N_("The same comparison a span earlier, when nothing had changed.")),
    points_lead_low=Column(N_("Before, low"), "percent", N_("Lower end of the interval of the comparison a span earlier.")),
    points_lead_high=Column(N_("Before, high"), "percent", N_("Upper end of the interval of the comparison a span earlier.")),
    points_effect=Column(N_("More orders"), "percent", N_("Orders after the change against those expected, less one.")),
    points_effect_low=Column(N_("More orders, low"), "percent", N_("Lower end of the 95 % interval, by customer.")),
    points_effect_high=Column(N_("More orders, high"), "percent", N_("Upper end of the 95 % interval, by customer.")),
    points_net=Column(N_("Net a year"), "money", N_("Margin of the orders added less the higher cost of points.")),
    points_net_low=Column(N_("Net, low"), "money", N_("Net a year with the effect at its lower end.")),
    points_net_high=Column(N_("Net, high"), "money", N_("Net a year with the effect at its upper end.")),
    points_verdict=Column(N_("Verdict"), "text", N_("Whether the change has paid."), values="message"),
    points_design=Column(N_("Design"), "text", N_("Rates of points that are tried out.")),
    points_cost_year=Column(N_("Points earned"), "money", N_("Cost of a year if all points are redeemed.")),
    points_cost_redeemed=Column(N_("Points redeemed"), "money", N_("Cost of a year without the points never redeemed.")),
    design_net=Column(N_("Against today"), "money", N_("What a year brings more than with today's rates.")),
    design_net_low=Column(N_("Against today, low"), "money", N_("With the measured effect at one end.")),
    design_net_high=Column(N_("Against today, high"), "money", N_("With the measured effect at the other end.")),
)  # fmt: skip
# care, and what holds customers
register(
    care_date=Column(N_("Date"), "date", N_("Day of the festival or birthday; of birthdays by month its first day ahead.")),
    prepare_by=Column(N_("Ready by"), "date", N_("Day by which cards and gifts are ready.")),
    care_occasion=Column(N_("Occasion"), "text", N_("Festival, or birthdays of the month."), values="message"),
    care_customers=Column(N_("To greet"), "count", N_("Customers who may be contacted.")),
    care_owners=Column(N_("Who greets"), "text", N_("Owners of the plays, with the customers of each.")),
    stick_measure=Column(N_("Measure"), "text", N_("What is meant to hold customers."), values="message"),
    stick_kind=Column(N_("Kind"), "text", N_("Service, loyalty programme, online or offline activity."), values="message"),
    participants=Column(N_("Take part"), "count", N_("Customers counted who take part.")),
    participation=Column(N_("Share"), "percent", N_("Customers who take part, of all counted.")),
    again_with=Column(N_("Order again, with"), "percent", N_("Of those who take part, those who ordered in the last 91 days.")),
    again_without=Column(
        N_("Order again, without"), "percent", N_("The same of customers with as many orders before who do not take part.")
    ),
    again_gap=Column(N_("Gap"), "percent", N_("Order again with the measure less without, at equally many orders before.")),
    again_gap_low=Column(N_("Gap, low"), "percent", N_("Lower end of the 95 % interval of the gap.")),
    again_gap_high=Column(N_("Gap, high"), "percent", N_("Upper end of the 95 % interval of the gap.")),
    stick_step=Column(N_("Next step"), "text", N_("What to do with the measure."), values="message"),
)  # fmt: skip
# service
register(
    service_measure=Column(N_("Measure"), "text", N_("What of service is measured.")),
    served=Column(N_("Counted"), "count", N_("Customers or pieces of feedback counted.")),
    served_now=Column(N_("Now"), "percent", N_("Share in the last 182 days.")),
    served_now_low=Column(N_("Now, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    served_now_high=Column(N_("Now, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    served_before=Column(N_("Before"), "percent", N_("Share in the 182 days before.")),
    service_verdict=Column(N_("Change"), "text", N_("Whether the share changed beyond chance."), values="message"),
)  # fmt: skip
# opportunities
register(
    customers_open=Column(N_("Do not buy it yet"), "count", N_("Customers of the tier without it who may be contacted.")),
    peers_share=Column(N_("Of the tier buy it"), "percent", N_("Customers of the value tier who buy the category.")),
    peers_spend=Column(N_("They spend"), "money", N_("Median spend of these in the category, last 365 days.")),
    category_growth=Column(N_("Growth"), "percent", N_("Last 182 days against the same days a year before.")),
    opportunity_money=Column(N_("Worth a year"), "money", N_("What winning one in ten of them would bring.")),
    wallet_spend=Column(N_("Spend here"), "money", N_("Spend in the categories that each customer buys, last 365 days.")),
    wallet=Column(N_("Budget"), "money", N_("What peers in the upper quarter spend on the same categories.")),
    wallet_share=Column(N_("Share of wallet"), "percent", N_("Spend here divided by budget.")),
    wallet_target=Column(N_("Target"), "percent", N_("Share of wallet with a quarter of the gap closed.")),
    wallet_gain=Column(N_("Target adds"), "money", N_("Spend that the target adds within a year.")),
)  # fmt: skip
# the process, and sales by week
register(
    # As evaluation describes them.
    campaign=Column(N_("Campaign"), "text", N_("Name of the campaign."), values="campaigns.campaign_name"),
    start_date=Column(N_("First day"), "date", N_("First day of the campaign.")),
    process_contacted=Column(N_("Contacted"), "count", N_("Customers contacted in the campaign.")),
    process_responded=Column(N_("Responded"), "percent", N_("Customers who responded, of those contacted.")),
    process_ordered=Column(N_("Ordered"), "percent", N_("Customers with an order within 28 days, of those contacted.")),
    process_ordered_low=Column(N_("Ordered, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    process_ordered_high=Column(N_("Ordered, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    process_again=Column(N_("Ordered again"), "percent", N_("Of those who ordered, with another order within 91 days.")),
    process_again_low=Column(N_("Again, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    process_again_high=Column(N_("Again, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    sales_part=Column(N_("Part"), "text", N_("Part that sales are made of."), values="message"),
    part_share=Column(
        N_("Size"), "percent",
        N_("Trend: change a year. Season: highest week against lowest. Promotion: a week full of campaigns against none."),
    ),
    part_low=Column(N_("Size, low"), "percent", N_("Lower end of the 95 % interval.")),
    part_high=Column(N_("Size, high"), "percent", N_("Upper end of the 95 % interval.")),
)  # fmt: skip
# word of mouth, and measures against losing customers
register(
    # As profiling describes it.
    source=Column(N_("Source of the customer"), "text", N_("Where the customer came from."), values="customers.source"),
    came_by=Column(N_("Came"), "text", N_("By recommendation, or from other sources."), values="message"),
    first_spend=Column(N_("Spend in half a year"), "money", N_("Mean spend of the first 182 days of a customer.")),
    came_again=Column(N_("Second order"), "percent", N_("Customers with a second order in their first 182 days.")),
    churn_measure=Column(N_("Measure"), "text", N_("Measure against losing customers."), values="message"),
    measure_done=Column(N_("Reached"), "percent", N_("Customers at risk whom the measure has reached.")),
    measure_done_low=Column(N_("Reached, low"), "percent", N_("Lower end of the 95 % Wilson interval.")),
    measure_done_high=Column(N_("Reached, high"), "percent", N_("Upper end of the 95 % Wilson interval.")),
    measure_open=Column(N_("Open"), "count", N_("Customers at risk whom it has not reached.")),
)  # fmt: skip
# campaigns for need groups
register(
    group_buys=Column(N_("Of the group buy it"), "percent", N_("Customers of the group who bought the category.")),
    others_buy=Column(N_("Of the others"), "percent", N_("Customers of all other groups who bought it.")),
    campaign_terms=Column(N_("Terms"), "text", N_("Offer that suits what the group shows it needs."), values="message"),
)  # fmt: skip
# changes of price
register(
    price_month=Column(N_("Changed in"), "month", N_("First month of the new price.")),
    price_before=Column(N_("Price before"), "money", N_("Mean price per unit before discounts, three months before.")),
    price_after=Column(N_("Price after"), "money", N_("The same, three months after.")),
    price_change=Column(N_("Price change"), "percent", N_("Price after against price before.")),
    units_change=Column(N_("Units"), "percent", N_("Change of units sold against categories whose price stayed.")),
    elasticity=Column(N_("Elasticity"), "ratio", N_("Change of units divided by change of price, in logarithms.")),
    elasticity_low=Column(N_("Elasticity, low"), "ratio", N_("Lower end of the 95 % prediction interval.")),
    elasticity_high=Column(N_("Elasticity, high"), "ratio", N_("Upper end of the 95 % prediction interval.")),
    price_verdict=Column(N_("Verdict"), "text", N_("Whether sales answered more or less than the price."), values="message"),
)  # fmt: skip
