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
    deal_seeker_share=Column(
        N_("Deal seekers"), "percent", N_("Customers who are deal seekers, of those whose list prices are known.")
    ),
    share_with_contact=Column(
        N_("With a contact"), "percent", N_("Customers with a complaint, inquiry, suggestion or review, of all in the row.")
    ),
    most_told=Column(N_("Most told"), "text", N_("The cause named most often in what they told the company.")),
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

register(
    # Kano
    feature_label=Column(N_("Feature"), "text", N_("Feature that the survey asks about.")),
    pairs=Column(N_("Answers"), "count", N_("Customers who answered both Kano questions about the feature.")),
    kano_category=Column(N_("Kano category"), "text", N_("Most frequent category of the answers."), values="message"),
    kano_clear=Column(N_("Clear"), "text", N_("Whether Fong's test tells the category from the second."), values="message"),
    must_be=Column(N_("M"), "count", N_("Must-be: missed when absent, taken for granted when present.")),
    one_dimensional=Column(N_("O"), "count", N_("One-dimensional: pleases when present, annoys when absent.")),
    attractive=Column(N_("A"), "count", N_("Attractive: pleases when present, not missed when absent.")),
    indifferent=Column(N_("I"), "count", N_("Indifferent: neither pleases nor annoys.")),
    reverse=Column(N_("R"), "count", N_("Reverse: the customer would rather not have it.")),
    questionable=Column(N_("Q"), "count", N_("Questionable: the two answers contradict each other.")),
    better=Column(N_("Better coefficient"), "ratio", N_("(A + O) / (A + O + M + I): gain in satisfaction when present.")),
    better_low=Column(N_("Better, low"), "ratio", N_("Lower limit of the 95% interval of better.")),
    better_high=Column(N_("Better, high"), "ratio", N_("Upper limit of the 95% interval of better.")),
    worse=Column(N_("Worse coefficient"), "ratio", N_("-(O + M) / (A + O + M + I): loss of satisfaction when absent.")),
    worse_low=Column(N_("Worse, low"), "ratio", N_("Lower limit of the 95% interval of worse.")),
    worse_high=Column(N_("Worse, high"), "ratio", N_("Upper limit of the 95% interval of worse.")),
    stated_importance=Column(N_("Stated importance"), "ratio", N_("Mean answer to the question how important it is.")),
    stated_importance_low=Column(N_("Importance, low"), "ratio", N_("Lower limit of the 95% interval of the mean.")),
    stated_importance_high=Column(N_("Importance, high"), "ratio", N_("Upper limit of the 95% interval of the mean.")),
    # satisfaction
    rated_product=Column(N_("Product"), "text", N_("Product that was rated."), values="products.product_name"),
    survey_product=Column(N_("Product"), "text", N_("Product that the questionnaire names."), values="products.product_name"),
    rated_region=Column(N_("Region"), "text", N_("Region of the rating, else of the customer."), values="customers.region"),
    answers=Column(N_("Answers"), "count", N_("Customers who answered.")),
    score_mean=Column(N_("Mean score"), "ratio", N_("Mean answer on its scale.")),
    score_low=Column(N_("Mean, low"), "ratio", N_("Lower limit of the 95% interval of the mean.")),
    score_high=Column(N_("Mean, high"), "ratio", N_("Upper limit of the 95% interval of the mean.")),
    satisfied_share=Column(
        N_("Satisfied"), "percent", N_("Share whose answer is at least three quarters of the way up the scale.")
    ),
    satisfied_low=Column(N_("Satisfied, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    satisfied_high=Column(N_("Satisfied, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    against_rest=Column(N_("Against the rest"), "text", N_("Whether scores are clearly higher or lower."), values="message"),
    trait=Column(N_("Trait"), "text", N_("What is known of the customers.")),
    trait_level=Column(N_("Level"), "text", N_("Value of the trait; a dash for numbers.")),
    trait_top=Column(N_("Most satisfied"), "text", N_("Share with the level, or median, of the most satisfied fifth.")),
    trait_bottom=Column(N_("Least satisfied"), "text", N_("Share with the level, or median, of the least satisfied fifth.")),
    effect=Column(N_("Effect"), "ratio", N_("Difference of the shares, or Cliff's delta of a number; -1 to 1.")),
    effect_low=Column(N_("Effect, low"), "ratio", N_("Lower limit of the 95% interval of the effect.")),
    effect_high=Column(N_("Effect, high"), "ratio", N_("Upper limit of the 95% interval of the effect.")),
    told_apart=Column(N_("Clear"), "text", N_("Whether the difference is clear, false discovery rate 5%."), values="message"),
    satisfaction_fifth=Column(N_("Fifth"), "text", N_("Most or least satisfied fifth of who answered."), values="message"),
    satisfaction_score=Column(N_("Score"), "number", N_("Overall satisfaction as answered.")),
    promoter_group=Column(N_("Group"), "text", N_("Likelihood to recommend, 0 to 10."), values="message"),
    answer_share=Column(N_("Share of answers"), "percent", N_("Answers of the row divided by all answers.")),
    answer_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    answer_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    # drivers
    driver_label=Column(N_("Aspect"), "text", N_("Aspect whose satisfaction the survey asks for.")),
    rating_mean=Column(N_("Mean rating"), "percent", N_("Mean answer on the way from the lowest to the highest.")),
    driver_correlation=Column(N_("Correlation"), "ratio", N_("Correlation of the rating with overall satisfaction.")),
    lmg=Column(N_("LMG share"), "percent", N_("Mean gain in R² over all orders of the aspects, as a share of R².")),
    lmg_low=Column(N_("LMG, low"), "percent", N_("Lower limit of the 95% interval of the LMG share.")),
    lmg_high=Column(N_("LMG, high"), "percent", N_("Upper limit of the 95% interval of the LMG share.")),
    johnson=Column(N_("Johnson share"), "percent", N_("Johnson's relative weight as a share of R².")),
    johnson_low=Column(N_("Johnson, low"), "percent", N_("Lower limit of the 95% interval of the Johnson share.")),
    johnson_high=Column(N_("Johnson, high"), "percent", N_("Upper limit of the 95% interval of the Johnson share.")),
    derived_importance=Column(N_("Derived importance"), "percent", N_("Share of the explained variance.")),
    importance_place=Column(
        N_("Place"),
        "text",
        N_("Key, hidden, stated only or minor: above the mean in what it drives, in what is stated."),
        values="message",
    ),
    importance_clear=Column(N_("Clear"), "text", N_("Whether both intervals lie on one side of the means."), values="message"),
    # priorities
    feature_action=Column(N_("What to do"), "text", N_("What the category and the satisfaction ask for."), values="message"),
    priority=Column(N_("Priority"), "ratio", N_("Share not satisfied times harm when absent or gain when present.")),
    rated=Column(N_("Ratings"), "count", N_("Customers who rated the feature.")),
    feature_complaints=Column(N_("Complaints"), "count", N_("Complaints whose cause is the feature.")),
    # sample size
    margin=Column(N_("Margin of error"), "percent", N_("Reach of the 95% interval to either side.")),
    answers_needed=Column(N_("Answers needed"), "count", N_("Answers needed for a share.")),
    answers_needed_share=Column(N_("Of all customers"), "percent", N_("Answers needed divided by all customers.")),
    answers_needed_score=Column(N_("For a promoter score"), "count", N_("Answers needed for a net promoter score.")),
)

register(
    # visits online
    device=Column(N_("Device"), "text", N_("Device of the visit.")),
    visits=Column(N_("Visits"), "count", N_("Visits with the term, page or device of the row.")),
    visitors=Column(N_("Visitors"), "count", N_("Known customers among the visitors.")),
    share_of_visitors=Column(N_("Share of visitors"), "percent", N_("Visitors of the row divided by all known visitors.")),
    share_of_visits=Column(N_("Share of visits"), "percent", N_("Visits of the row divided by all visits that could be in it.")),
    events=Column(N_("Events"), "count", N_("Recorded events.")),
    events_per_visit=Column(N_("Events per visit"), "number", N_("Events divided by visits.")),
    last_step_share=Column(N_("Reach the last step"), "percent", N_("Share of visits that reach the last step to a purchase.")),
    last_step_low=Column(N_("Last step, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    last_step_high=Column(N_("Last step, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    online_activity=Column(N_("Online activity"), "text", N_("What the event is about."), values="message"),
    page_or_event=Column(N_("Page or event"), "text", N_("Page seen, or what was done."), values="events.page"),
    dwell_seconds=Column(N_("Dwell time (s)"), "count", N_("Median seconds until the next event of the same visit.")),
    exit_share=Column(N_("Exits"), "percent", N_("Share of the events after which the visit ends.")),
    shared_place=Column(
        N_("Place"), "text", N_("Place where at least 10 customers shared their location."), values="events.location"
    ),
    from_page=Column(N_("From"), "text", N_("Page or event, or the start of the visit.")),
    to_page=Column(N_("To"), "text", N_("Next page or event of the visit, or its end.")),
    moves=Column(N_("Moves"), "count", N_("How often the one followed the other.")),
    share_of_moves=Column(N_("Share of moves"), "percent", N_("Moves of the row divided by all moves from the same page.")),
    # steps to a purchase
    journey_step=Column(N_("Step"), "text", N_("Step to a purchase."), values="message"),
    visits_at_step=Column(N_("Visits at the step"), "count", N_("Visits with one of the step's pages or events.")),
    went_on=Column(N_("Went on"), "count", N_("Visits at the step that also have a later step.")),
    went_on_share=Column(N_("Share that went on"), "percent", N_("Visits that went on divided by visits at the step.")),
    went_on_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    went_on_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    visits_lost=Column(N_("Visits lost"), "count", N_("Visits at the step without a later one.")),
    first_week=Column(N_("From week"), "date", N_("Monday of the first week of the break.")),
    weeks=Column(N_("Weeks"), "count", N_("Weeks that the break lasted.")),
    usual_share=Column(N_("Usual share"), "percent", N_("Share that went on in the other weeks, on the same device.")),
    share_change=Column(N_("Difference"), "percent", N_("Share in these weeks less the usual share.")),
    share_change_low=Column(N_("Difference, low"), "percent", N_("Lower limit of the 95% interval of the difference.")),
    share_change_high=Column(N_("Difference, high"), "percent", N_("Upper limit of the 95% interval of the difference.")),
    visits_missing=Column(N_("Visits missing"), "count", N_("Visits that would have gone on at the usual share.")),
    days_since_first_visit=Column(N_("Days since the first visit"), "count", N_("Days from the customer's first visit.")),
    customers_followed=Column(N_("Customers followed"), "count", N_("Customers first seen at least so many days ago.")),
    customers_converted=Column(N_("Reached the last step"), "count", N_("Those of them who reached the last step by then.")),
    converted_share=Column(N_("Share reached"), "percent", N_("Customers who reached the last step divided by those followed.")),
    converted_low=Column(N_("Reached, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    converted_high=Column(N_("Reached, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    # searches and wishes
    sought_term=Column(N_("Search term"), "text", N_("What was searched, in small letters."), values="events.search_term"),
    searches=Column(N_("Searches"), "count", N_("Searches for the term.")),
    no_click_share=Column(N_("Nothing looked at"), "percent", N_("Searches after which the visit ends or searches again.")),
    no_click_low=Column(N_("Nothing, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    no_click_high=Column(N_("Nothing, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    no_result_share=Column(N_("Without a result"), "percent", N_("Share of the searches whose number of results is known.")),
    bought_after_share=Column(N_("Bought after"), "percent", N_("Visits that reach the last step after the search.")),
    bought_after_low=Column(N_("Bought, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    bought_after_high=Column(N_("Bought, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    wish_kind=Column(N_("Kind of wish"), "text", N_("Whether the customer looked at it or searched for it."), values="message"),
    wish=Column(N_("Wish"), "text", N_("Product looked at, or term searched."), values="products.product_name"),
    times=Column(N_("Times"), "count", N_("How often in the last 90 days.")),
    last_on=Column(N_("Last on"), "date", N_("Day of the last time.")),
    customers_who_looked=Column(N_("Customers who looked"), "count", N_("Customers who looked at the product.")),
    share_not_bought=Column(N_("Did not buy"), "percent", N_("Share of the customers who looked and have not bought it since.")),
)

register(
    # rules
    rule_left=Column(N_("Bought"), "text", N_("One to three product groups in the same order.")),
    rule_right=Column(N_("Also bought"), "text", N_("Product group that is in the same order too.")),
    orders_with=Column(N_("Orders with the left"), "count", N_("Orders with all of the left side.")),
    confidence=Column(N_("Confidence"), "percent", N_("Orders with both sides divided by orders with the left side.")),
    leverage=Column(N_("Leverage"), "percent", N_("Support less the share of orders that independence gives.")),
    conviction=Column(
        N_("Conviction"),
        "ratio",
        N_("Orders with the left side and not the right that independence gives, divided by those seen."),
    ),
    gain=Column(N_("Gain"), "ratio", N_("Confidence divided by that of the strongest rule with fewer items on the left.")),
    gain_low=Column(N_("Gain, low"), "ratio", N_("Lower limit of the 95% interval of the gain.")),
    gain_high=Column(N_("Gain, high"), "ratio", N_("Upper limit of the 95% interval of the gain.")),
    # then bought
    category_first=Column(
        N_("First"), "text", N_("Category bought on the one day and not on the next."), values="products.category"
    ),
    category_then=Column(
        N_("Then"), "text", N_("Category bought on the next day and not on the one."), values="products.category"
    ),
    changes=Column(N_("Changes"), "count", N_("Changes between the two categories, in both directions.")),
    changes_in_order=Column(N_("In this order"), "count", N_("Changes from the first to the second.")),
    share_in_order=Column(N_("Share in order"), "percent", N_("Changes in this order divided by all changes between the two.")),
    in_order_low=Column(N_("Share in order, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    in_order_high=Column(N_("Share in order, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    # products beside a product
    beside_product=Column(N_("Beside"), "text", N_("Product beside which another is shown."), values="products.product_name"),
    product_beside=Column(N_("Show"), "text", N_("Product that the same customers buy."), values="products.product_name"),
    customers_of_both=Column(N_("Customers of both"), "count", N_("Customers who bought both products.")),
    product_similarity=Column(N_("Similarity"), "ratio", N_("Cosine of the customers of the two products, 0 to 1.")),
    product_list=Column(N_("List"), "text", N_("How the products of the list are chosen."), values="message"),
    list_length=Column(N_("Products shown"), "count", N_("Products on the list of one customer.")),
    customers_with_new=Column(N_("Customers tested"), "count", N_("Customers who bought something new in the test period.")),
    recall=Column(N_("Recall"), "percent", N_("Share of a customer's new products that were on the list, mean over customers.")),
    recall_low=Column(N_("Recall, low"), "percent", N_("Lower limit of the 95% interval of the recall.")),
    recall_high=Column(N_("Recall, high"), "percent", N_("Upper limit of the 95% interval of the recall.")),
    list_coverage=Column(N_("Coverage"), "percent", N_("Share of all products that are on the list of some customer.")),
)

register(
    # opportunities
    opportunity_id=Column(N_("Opportunity"), "text", N_("Id of the opportunity.")),
    pipeline_stage=Column(N_("Stage"), "text", N_("Stage of the opportunity.")),
    left_stage=Column(
        N_("Left the stage"), "count", N_("Opportunities that went on from the stage, were won or were lost there.")
    ),
    passed=Column(N_("Went on"), "count", N_("Opportunities that reached a later stage or were won.")),
    passed_share=Column(N_("Share that went on"), "percent", N_("Went on divided by those who left the stage.")),
    passed_low=Column(N_("Went on, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    passed_high=Column(N_("Went on, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    days_median=Column(N_("Days, half"), "number", N_("Days within which half leave the stage, by Kaplan and Meier.")),
    days_long=Column(N_("Days, long"), "number", N_("Days within which 95 of 100 of those who went on had left the stage.")),
    win_from_stage=Column(N_("Won from here"), "percent", N_("Product of the shares that go on from this stage and all later.")),
    opportunity_traits=Column(N_("Group"), "text", N_("What is known of the customers.")),
    decided=Column(N_("Decided"), "count", N_("Opportunities won or lost.")),
    won=Column(N_("Won"), "count", N_("Opportunities won.")),
    won_share=Column(N_("Share won"), "percent", N_("Won divided by decided.")),
    won_low=Column(N_("Won, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    won_high=Column(N_("Won, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    others_won=Column(N_("Won of the others"), "percent", N_("Share won of all other decided opportunities.")),
    opportunity_owner=Column(N_("In charge"), "text", N_("Sales representative."), values="opportunities.owner"),
    days_in_stage=Column(N_("Days in stage"), "count", N_("Whole days since the opportunity entered its stage.")),
    win_probability=Column(N_("Win probability"), "percent", N_("How likely it is won, from its stage or by the model.")),
    stated_probability=Column(N_("Stated probability"), "percent", N_("Win probability as the client's system says.")),
    opportunity_amount=Column(N_("Amount"), "money", N_("Amount of the opportunity.")),
    drop_reason=Column(N_("Leave for now"), "text", N_("Why the opportunity may be left for now.")),
)

register(
    # demand
    forecast_method=Column(N_("Method"), "text", N_("Method with the smallest error before the test."), values="message"),
    demand_forecast=Column(N_("Next four weeks"), "money", N_("Foretold spend of the next 28 days, refunds netted.")),
    demand_low=Column(N_("Forecast, low"), "money", N_("Lower end of the range of 95 of 100 earlier errors.")),
    demand_high=Column(N_("Forecast, high"), "money", N_("Upper end of the range of 95 of 100 earlier errors.")),
    demand_before=Column(N_("Last four weeks"), "money", N_("Spend of the last 28 days.")),
    demand_change=Column(N_("Change"), "percent", N_("Forecast divided by the last four weeks, less one.")),
    demand_error=Column(
        N_("Error in the test"), "percent", N_("Differences of the days without their sign, divided by the spend.")
    ),
    naive_error=Column(N_("Error of the last week"), "percent", N_("The same error of the last week repeated.")),
    error_ratio=Column(
        N_("Against the last week"), "ratio", N_("Error divided by that of the last week repeated; below 1 is better.")
    ),
)

register(
    # needs register
    register_need=Column(N_("Need"), "text", N_("What customers need, as it was noted.")),
    need_support=Column(N_("Support"), "text", N_("Whether customers said it, or were seen to need it."), values="message"),
    need_said=Column(N_("Said"), "count", N_("Pieces of evidence in words of customers.")),
    need_seen=Column(N_("Seen"), "count", N_("Pieces of evidence in what customers did.")),
    need_channels=Column(N_("Channels"), "count", N_("Channels that the evidence came through.")),
    need_evidence=Column(N_("Evidence"), "text", N_("The first piece of evidence.")),
    need_motive=Column(N_("Motive"), "text", N_("Why customers need it: function, price, service, standing, safety.")),
    need_segment=Column(N_("Segment"), "text", N_("Customers whom the need was noted for.")),
    need_status=Column(
        N_("Status"), "text", N_("How far the need has come: found, confirmed, in work, closed."), values="message"
    ),
)

register(
    # feedback
    voice_dimension=Column(N_("By"), "text", N_("What the row is about."), values="message"),
    voice_level=Column(N_("Value"), "text", N_("Product, region, representative, department or kind.")),
    complaints=Column(N_("Complaints"), "count", N_("Pieces of feedback that are complaints.")),
    inquiries=Column(N_("Inquiries"), "count", N_("Pieces of feedback that are inquiries.")),
    suggestions=Column(N_("Suggestions"), "count", N_("Pieces of feedback that are suggestions.")),
    reviews=Column(N_("Reviews"), "count", N_("Pieces of feedback that are reviews.")),
    other_feedback=Column(N_("Other"), "count", N_("Pieces of feedback of another kind, or of none.")),
    unsolved_share=Column(N_("Not solved"), "percent", N_("Cases not solved by the as-of date divided by all cases.")),
    unsolved_low=Column(N_("Not solved, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    unsolved_high=Column(N_("Not solved, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    complaint_rate=Column(N_("Complaint rate"), "ratio", N_("Complaints per 1,000 order lines since the first feedback.")),
    complaint_rate_low=Column(N_("Complaint rate, low"), "ratio", N_("Lower limit of the 95% interval of the rate.")),
    complaint_rate_high=Column(N_("Complaint rate, high"), "ratio", N_("Upper limit of the 95% interval of the rate.")),
    # contacts
    contact_type=Column(
        N_("Type of contact"), "text", N_("What kind of contact it was."), values="interactions.interaction_type"
    ),
    channel_of_contact=Column(N_("Channel"), "text", N_("Channel of the contact."), values="interactions.channel"),
    contact_direction=Column(
        N_("Inbound or outbound"), "text", N_("From the customer or to the customer."), values="interactions.direction"
    ),
    contact_department=Column(
        N_("Contacting department"), "text", N_("Department in contact."), values="interactions.department"
    ),
    contact_count=Column(N_("Contacts made"), "count", N_("Number of contacts.")),
    contact_department_a=Column(
        N_("One department"), "text", N_("First of the two departments, by name."), values="interactions.department"
    ),
    contact_department_b=Column(
        N_("Other department"), "text", N_("Second of the two departments."), values="interactions.department"
    ),
    contact_departments=Column(N_("Departments"), "text", N_("Departments that met in a week.")),
    customer_weeks=Column(N_("Customer-weeks"), "count", N_("Weeks of customers in which both departments made contact.")),
    expected_weeks=Column(
        N_("By chance"), "number", N_("Customer-weeks if each department chose its weeks independently of the other.")
    ),
    weeks_overloaded=Column(N_("Weeks overloaded"), "count", N_("Weeks with contacts of two departments or more.")),
    weeks_contacted=Column(N_("Weeks contacted"), "count", N_("Weeks with a contact.")),
    last_week=Column(N_("Last such week"), "date", N_("Monday of the last week with contacts of two departments or more.")),
    # waiting
    waited_for=Column(N_("Waiting for"), "text", N_("First answer or solution."), values="message"),
    feedback_kind=Column(N_("Feedback"), "text", N_("Kind of feedback."), values="message"),
    feedback_cases=Column(N_("Cases"), "count", N_("Pieces of feedback.")),
    open_cases=Column(N_("Open"), "count", N_("Cases for which it had not happened by the as-of date.")),
    solved_cases=Column(N_("Solved"), "count", N_("Cases solved by the as-of date.")),
    solved_share=Column(N_("Share solved"), "percent", N_("Solved cases divided by all cases.")),
    solved_low=Column(N_("Solved, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    solved_high=Column(N_("Solved, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    median_days=Column(N_("Median days"), "number", N_("Days after which half the cases are done, open cases counted.")),
    median_days_low=Column(N_("Median, low"), "number", N_("Lower limit of the 95% interval of the median.")),
    median_days_high=Column(N_("Median, high"), "number", N_("Upper limit of the 95% interval of the median.")),
    solved_in_week=Column(N_("Within a week"), "percent", N_("Share done within seven days, open cases counted.")),
    solved_in_week_low=Column(N_("Week, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    solved_in_week_high=Column(N_("Week, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    wait_against_rest=Column(
        N_("Against the rest"), "text", N_("Whether cases take longer, by a log-rank test."), values="message"
    ),
    complaint_cause=Column(N_("Cause"), "text", N_("Cause of the complaint."), values="feedback.cause"),
    solved_against_rest=Column(
        N_("Against the rest"), "text", N_("Whether fewer are solved, by Fisher's test."), values="message"
    ),
    # suggestions
    follow_up=Column(N_("Follow-up"), "text", N_("Done, answered or waiting."), values="message"),
    follow_up_done=Column(N_("Done"), "count", N_("Suggestions done.")),
    follow_up_answered=Column(N_("Answered"), "count", N_("Suggestions answered, not done.")),
    follow_up_waiting=Column(N_("Waiting"), "count", N_("Suggestions without an answer.")),
    done_share=Column(N_("Share done"), "percent", N_("Suggestions done divided by all suggestions.")),
    done_low=Column(N_("Done, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    done_high=Column(N_("Done, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    longest_wait=Column(N_("Longest wait"), "count", N_("Days since the oldest suggestion that is not done came in.")),
    days_waiting=Column(N_("Days"), "count", N_("Days since it came in, or until it was solved.")),
    feedback_id=Column(N_("Feedback"), "text", N_("Id of the feedback.")),
    stated_type=Column(N_("Type of feedback"), "text", N_("Type as the data has it."), values="feedback.feedback_type"),
    feedback_date=Column(N_("Received"), "date", N_("Day on which it came in.")),
    answer_date=Column(N_("First answer"), "date", N_("Day on which it was first answered.")),
    solution_date=Column(N_("Solved on"), "date", N_("Day on which it was solved.")),
    feedback_department=Column(
        N_("Department in charge"), "text", N_("Department that deals with it."), values="feedback.department"
    ),
    feedback_status=Column(N_("Status"), "text", N_("Status as the data has it."), values="feedback.status"),
    feedback_text=Column(N_("Text"), "text", N_("What the customer wrote, masked.")),
    sales_rep=Column(N_("Representative"), "text", N_("Sales representative in charge.")),
    # pain points
    pain_point=Column(N_("Pain point"), "text", N_("Cause of complaints, else their class.")),
    pain_class=Column(
        N_("Class"), "text", N_("Product defect, confusing information, poor service, or another."), values="message"
    ),
    pain_points=Column(N_("Pain points"), "count", N_("Causes of the class.")),
    complaint_cases=Column(N_("Complaints"), "count", N_("Number of complaints.")),
    complaint_share=Column(N_("Share of complaints"), "percent", N_("Complaints of the row divided by all complaints.")),
    complaint_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    complaint_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    pain_severity=Column(N_("Severity"), "ratio", N_("0 to 1, from satisfaction and from cases not solved.")),
    value_at_risk=Column(N_("Value at risk"), "money", N_("Spend in 365 days of the customers who complained.")),
    pain_priority=Column(N_("Priority"), "index", N_("Rate times severity times value at risk, the first pain point = 100.")),
    pain_priority_low=Column(N_("Priority, low"), "index", N_("Lower limit of the 95% interval of the priority.")),
    pain_priority_high=Column(N_("Priority, high"), "index", N_("Upper limit of the 95% interval of the priority.")),
    priority_sum=Column(N_("Share of priority"), "percent", N_("Priority of the class divided by that of all pain points.")),
    place_product=Column(N_("Product"), "text", N_("Product complained about, or all of them.")),
    place_region=Column(N_("Region"), "text", N_("Region of the customers, or all of them.")),
    customers_expected=Column(
        N_("Expected customers"), "number", N_("Customers who would have complained at the rate of elsewhere.")
    ),
    times_as_often=Column(N_("Times as often"), "number", N_("Rate of complaining customers here divided by that elsewhere.")),
    times_as_often_low=Column(N_("Times, low"), "number", N_("Lower limit of the 95% interval of times as often.")),
    times_as_often_high=Column(N_("Times, high"), "number", N_("Upper limit of the 95% interval of times as often.")),
    first_complaint=Column(N_("Since"), "date", N_("Day of the first such complaint.")),
    # texts
    phrase=Column(N_("Phrase"), "text", N_("One to three words.")),
    pieces_of_feedback=Column(N_("Feedback"), "count", N_("Pieces of feedback that hold it.")),
    feedback_share=Column(N_("Share of feedback"), "percent", N_("Pieces of the row divided by all pieces with a text.")),
    feedback_share_low=Column(N_("Share, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    feedback_share_high=Column(N_("Share, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    phrase_complaints=Column(N_("Of these complaints"), "percent", N_("Complaints among the pieces of the row.")),
    phrase_against_rest=Column(N_("In complaints"), "text", N_("Whether complaints hold it more often."), values="message"),
    topic_words=Column(N_("Topic"), "text", N_("The words that weigh most in the topic.")),
    topic_trend=Column(N_("Trend"), "text", N_("Rising or falling where the slope is more than noise."), values="message"),
    topic_quotes=Column(N_("Quotes"), "text", N_("Sentences that are most like the topic, masked.")),
    negative_share=Column(N_("Negative"), "percent", N_("Negative pieces divided by all with a known word.")),
    negative_low=Column(N_("Negative, low"), "percent", N_("Lower limit of the 95% interval, errors of the model not counted.")),
    negative_high=Column(
        N_("Negative, high"), "percent", N_("Upper limit of the 95% interval, errors of the model not counted.")
    ),
    text_language=Column(N_("Language"), "text", N_("Language of the texts."), values="message"),
    different_texts=Column(N_("Different texts"), "count", N_("Different texts in the language.")),
    sentiment_model=Column(N_("Model"), "text", N_("Where the model comes from."), values="message"),
    measured_on=Column(
        N_("Measured on"), "text", N_("The texts on which accuracy was measured, unseen by the model."), values="message"
    ),
    measured_texts=Column(N_("Texts measured"), "count", N_("Different texts on which accuracy was measured.")),
    accuracy=Column(N_("Accuracy"), "percent", N_("Share of the texts told rightly.")),
    accuracy_low=Column(N_("Accuracy, low"), "percent", N_("Lower limit of the 95% interval of the accuracy.")),
    accuracy_high=Column(N_("Accuracy, high"), "percent", N_("Upper limit of the 95% interval of the accuracy.")),
    majority=Column(N_("Larger class"), "percent", N_("Accuracy of calling every text what most are.")),
    word_list=Column(N_("Word list"), "percent", N_("Accuracy of counting good and bad words.")),
    # purchase intent
    intent_chance=Column(N_("Purchase intent"), "percent", N_("Chance of an order in the next four weeks.")),
    intent_signs=Column(N_("Signs"), "text", N_("What the customer did in the last four weeks beside ordering.")),
    intent_signal=Column(N_("Signal"), "text", N_("What the customer did in the four weeks before."), values="message"),
    bought_share=Column(
        N_("Bought"), "percent", N_("Share with the signal, or with the need named, who bought within four weeks.")
    ),
    bought_low=Column(N_("Bought, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    bought_high=Column(N_("Bought, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    others_share=Column(
        N_("Others bought"), "percent", N_("The same share of customers without the signal, or of whom the need was not named.")
    ),
    share_gap=Column(N_("Difference"), "percent", N_("Share with the signal less share of the others.")),
    share_gap_low=Column(N_("Difference, low"), "percent", N_("Lower limit of the 95% interval of the difference.")),
    share_gap_high=Column(N_("Difference, high"), "percent", N_("Upper limit of the 95% interval of the difference.")),
    intent_predictor=Column(N_("Forecast"), "text", N_("What the chance is made of."), values="message"),
    intent_tested=Column(N_("Customers tested"), "count", N_("Customers of whom it is known by now whether they bought.")),
    intent_brier=Column(N_("Brier score"), "ratio", N_("Mean squared difference between chance and what came: 0 is perfect.")),
    # needs of each customer
    latent_source=Column(N_("Source"), "text", N_("What the need is told from."), values="message"),
    latent_kind=Column(
        N_("Kind of need"), "text", N_("A product, or what lies beyond it: information, service, price."), values="message"
    ),
    latent_need=Column(N_("Need"), "text", N_("Category, product, search term or cause of the case.")),
    latent_reason=Column(N_("Reason"), "text", N_("Why it is thought that the customer needs it.")),
    matching_product=Column(N_("Product that fits"), "text", N_("What to offer; nothing where a case has to be solved first.")),
    needs_named=Column(N_("Needs named"), "count", N_("Customers and needs that would have been named four weeks ago.")),
    needs_bought=Column(N_("Bought since"), "count", N_("Of these, those that were bought in the four weeks since.")),
    # transactions
    purchase_frequency=Column(N_("How often they buy"), "text", N_("Days with an order in the last 365 days."), values="message"),
    still_active=Column(N_("Still active"), "percent", N_("Customers of the row with an order in the last 90 days.")),
    still_low=Column(N_("Active, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    still_high=Column(N_("Active, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    usual_payment=Column(N_("Usual payment"), "text", N_("Payment method of most orders of the row.")),
    usual_payment_share=Column(N_("Share of orders"), "percent", N_("Orders paid so, of those whose payment is known.")),
    category_preferred=Column(
        N_("Prefers"), "text", N_("Category whose share of spend is furthest above that of all customers.")
    ),
    preference_index=Column(N_("Index"), "index", N_("Share of spend on it divided by that of all customers: 100 is alike.")),
    left_out_category=Column(N_("Leaves out"), "text", N_("Category that the next class buys most more often.")),
    left_out_share=Column(N_("Buy it"), "percent", N_("Customers of the row who buy it.")),
    next_share=Column(N_("Of the next class"), "percent", N_("Customers of the next class who buy it.")),
    # attention
    attention_kind=Column(N_("What"), "text", N_("Kind of feedback or contact."), values="message"),
    cases=Column(N_("Cases"), "count", N_("Pieces of feedback, or contacts, of the period.")),
    cases_before=Column(N_("Before"), "count", N_("The same in the period before.")),
    attention_change=Column(N_("Change"), "percent", N_("Cases divided by those before, less 1.")),
    most_about=Column(N_("Most often about"), "text", N_("Cause, or product, named most often.")),
    pleased_share=Column(N_("Satisfied"), "percent", N_("Scores above the middle of the scale, of all scores.")),
    pleased_low=Column(N_("Satisfied, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    pleased_high=Column(N_("Satisfied, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    bought_again=Column(N_("Bought again"), "percent", N_("Customers with an order in the 90 days after.")),
    again_low=Column(N_("Again, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    again_high=Column(N_("Again, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    # habits online
    visits_per_visitor=Column(N_("Visits each"), "number", N_("Visits divided by visitors.")),
    busiest_hour=Column(N_("Busiest hour"), "count", N_("Hour of the day in which most visits begin.")),
    weekend_visits=Column(N_("At weekends"), "percent", N_("Visits that begin on Saturday or Sunday.")),
    evening_visits=Column(N_("In the evening"), "percent", N_("Visits that begin from 18:00 to 24:00.")),
    bought_visits=Column(N_("Visits with a purchase"), "percent", N_("Visits that reach the last step.")),
    bought_visits_low=Column(N_("Purchase, low"), "percent", N_("Lower limit of the 95% interval of the share.")),
    bought_visits_high=Column(N_("Purchase, high"), "percent", N_("Upper limit of the 95% interval of the share.")),
    most_active_share=Column(
        N_("By the most active tenth"), "percent", N_("Likes, comments and shares by the most active tenth of these customers.")
    ),
    share_platform=Column(N_("Platform"), "text", N_("Platform of the likes, comments and shares."), values="events.platform"),
    social_customers=Column(N_("Customers"), "count", N_("Customers who liked, commented or shared there.")),
    likes=Column(N_("Likes"), "count", N_("Number of likes.")),
    comments=Column(N_("Comments"), "count", N_("Number of comments.")),
    shares=Column(N_("Shares"), "count", N_("Number of shares of a page or product.")),
    # stock
    stock_product=Column(N_("Product"), "text", N_("Product whose stock was counted."), values="products.product_name"),
    units_by_lines=Column(N_("Units sold"), "count", N_("Units by the order lines of all customers, on the days with a count.")),
    units_unexplained=Column(
        N_("Unexplained"), "count", N_("Units that stock and deliveries say were used, less the units sold on the same days.")
    ),
    units_left=Column(N_("In stock"), "count", N_("Units in stock at the last count of each store.")),
    stock_cover=Column(N_("Cover in days"), "number", N_("Units left divided by the daily sales of the last 28 days.")),
    stock_days=Column(N_("Days counted"), "count", N_("Product-store-days on which the stock was counted.")),
    out_of_stock_share=Column(
        N_("Out of stock"), "percent", N_("Days at whose end nothing was left, of all product-store-days that were counted.")
    ),
    shelf_empty_share=Column(
        N_("Shelf empty"),
        "percent",
        N_("Days with stock and nothing on the shelf, of the days with stock and a count of the shelf."),
    ),
    units_lost=Column(N_("Not sold"), "count", N_("Units that usual demand would have taken on whole days without stock.")),
    units_lost_low=Column(N_("Not sold, low"), "count", N_("Lower limit of the 95% interval of the units not sold.")),
    units_lost_high=Column(N_("Not sold, high"), "count", N_("Upper limit of the 95% interval of the units not sold.")),
    money_lost=Column(N_("Worth"), "money", N_("Units not sold, at the mean price for which the product was sold there.")),
    # the four routes
    need_route=Column(N_("Route"), "text", N_("Way on which a need is found."), values="message"),
    route_shows=Column(N_("What it shows"), "text", N_("Main result of a section.")),
)
