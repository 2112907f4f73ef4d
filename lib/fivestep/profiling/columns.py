"""What the columns of this step's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    # what was imported
    import_file=Column(N_("File"), "text", N_("File of the client, with the sheet of a workbook.")),
    rows_read=Column(N_("Rows read"), "count", N_("Rows of the file, with blank, total and malformed rows.")),
    rows_kept=Column(N_("Rows kept"), "count", N_("Rows that went into at least one table.")),
    rows_left_out=Column(N_("Rows left out"), "count", N_("Rows that went into no table; the sheet gives the reasons.")),
    import_severity=Column(
        N_("Severity"), "text", N_("Error: the numbers are wrong. Warning: they may be. Note: for the record."), values="message"
    ),
    import_place=Column(N_("Where"), "text", N_("File, table and column.")),
    import_check=Column(N_("Check"), "text", N_("What was looked for."), values="message"),
    import_rows=Column(N_("Rows"), "count", N_("Rows, or keys, that are concerned.")),
    import_found=Column(N_("What was found"), "text"),
    import_fix=Column(N_("What to do"), "text"),
    # tables
    table_name=Column(N_("Table"), "text", N_("Table of the data contract."), values="message"),
    origin=Column(N_("Origin"), "text", N_("Read from the data, or derived from the orders or their lines."), values="message"),
    table_rows=Column(N_("Rows"), "count", N_("Rows of the table within the scope, up to the as-of date.")),
    distinct_keys=Column(N_("Distinct keys"), "count", N_("Number of different keys.")),
    duplicate_keys=Column(N_("Repeated keys"), "count", N_("Rows beyond the first with the same key.")),
    table_first_day=Column(N_("First day"), "date", N_("Earliest day of the table.")),
    table_last_day=Column(N_("Last day"), "date", N_("Latest day of the table.")),
    rows_without_customer=Column(N_("Without customer"), "count", N_("Rows that name no customer.")),
    orphan_keys=Column(N_("Without a match"), "count", N_("References to a row that another table does not have.")),
    # days without an order
    gap_from=Column(N_("From"), "date", N_("First day without an order.")),
    gap_to=Column(N_("To"), "date", N_("Last day without an order.")),
    gap_days=Column(N_("Days"), "count", N_("Consecutive days without an order.")),
    usual_orders=Column(
        N_("Usual orders"),
        "number",
        N_("Sum over the days of the median orders of that weekday within 8 weeks before and after."),
    ),
    # money
    measure=Column(N_("Measure"), "text", N_("What is compared."), values="message"),
    orders_total=Column(N_("By orders"), "money", N_("Sum over the orders.")),
    lines_total=Column(N_("By lines"), "money", N_("Sum over the order lines.")),
    difference=Column(N_("Difference"), "money", N_("Sum over the orders less sum over the lines.")),
    orders_compared=Column(N_("Orders compared"), "count", N_("Orders that have lines.")),
    orders_that_differ=Column(
        N_("Orders that differ"), "count", N_("Orders compared whose value is not the sum of their lines.")
    ),
    # suspicious values
    check=Column(N_("Check"), "text", N_("What was looked for."), values="message"),
    check_rule=Column(N_("Rule"), "text", N_("When a row counts."), values="message"),
    found_rows=Column(N_("Rows found"), "count", N_("Orders or lines that meet the rule.")),
    share_of_rows=Column(N_("Share of rows"), "percent", N_("Rows found divided by all orders, or by all lines.")),
    found_amount=Column(N_("Amount"), "money", N_("Sum of the amounts of the rows found.")),
    what_to_do=Column(N_("What to do"), "text", N_("How to deal with the rows found."), values="message"),
    # groups of customers
    age_band=Column(N_("Age band"), "text", N_("Age band of the customer."), values="customers.age_band"),
    gender=Column(N_("Gender"), "text", N_("Gender of the customer."), values="customers.gender"),
    income_band=Column(N_("Income band"), "text", N_("Band of yearly income."), values="customers.income_band"),
    household_size=Column(N_("Household size"), "text", N_("Persons in the household."), values="customers.household_size"),
    household_composition=Column(
        N_("Household composition"), "text", N_("Adults and children in the household."), values="customers.household_composition"
    ),
    kids_count=Column(N_("Children"), "text", N_("Children in the household."), values="customers.kids_count"),
    marital_status=Column(N_("Marital status"), "text", N_("Marital status of the customer."), values="customers.marital_status"),
    home_ownership=Column(N_("Home ownership"), "text", N_("Owns or rents the home."), values="customers.home_ownership"),
    education=Column(N_("Education"), "text", N_("Education of the customer."), values="customers.education"),
    occupation=Column(N_("Occupation"), "text", N_("Occupation of the customer."), values="customers.occupation"),
    country=Column(N_("Country"), "text", N_("Country of the customer."), values="customers.country"),
    region=Column(N_("Sales region"), "text", N_("Sales region of the customer."), values="customers.region"),
    province=Column(N_("Province or state"), "text", N_("Province or state of the customer."), values="customers.province"),
    city=Column(N_("City"), "text", N_("City of the customer."), values="customers.city"),
    district=Column(N_("District"), "text", N_("District of the customer."), values="customers.district"),
    customer_type=Column(N_("Customer type"), "text", N_("Consumer, business, dealer ..."), values="customers.customer_type"),
    industry=Column(N_("Industry"), "text", N_("Industry of a business customer."), values="customers.industry"),
    company_size=Column(N_("Company size"), "text", N_("Size band of a business customer."), values="customers.company_size"),
    customer_level=Column(N_("Customer level"), "text", N_("Level given by the client."), values="customers.customer_level"),
    member_level=Column(N_("Member level"), "text", N_("Tier of the loyalty programme."), values="customers.member_level"),
    source=Column(N_("Source of the customer"), "text", N_("Where the customer came from."), values="customers.source"),
    portrait_share_low=Column(
        N_("Share, low"), "percent", N_("Lower end of the 95% interval of the share of customers (Wilson).")
    ),
    portrait_share_high=Column(
        N_("Share, high"), "percent", N_("Upper end of the 95% interval of the share of customers (Wilson).")
    ),
    spend_index=Column(N_("Spend index"), "index", N_("Spend per customer of the group; 100 = all customers.")),
    spend_index_low=Column(
        N_("Index, low"), "index", N_("Lower end of the interval of the spend index; 95% for all groups compared together.")
    ),
    spend_index_high=Column(
        N_("Index, high"), "index", N_("Upper end of the interval of the spend index; 95% for all groups compared together.")
    ),
    # products, stores, baskets
    brand=Column(N_("Brand"), "text", N_("Brand of the product."), values="products.brand"),
    cumulative_share_of_spend=Column(
        N_("Cumulative share of spend"), "percent", N_("Share of spend of the row and all rows above it.")
    ),
    statistic=Column(
        N_("Statistic"),
        "text",
        N_("Mean or quantile over the orders; values between two orders are interpolated."),
        values="message",
    ),
    order_spend=Column(N_("Order amount"), "money", N_("Amount of an order after discounts.")),
    lines_per_order=Column(N_("Lines per order"), "number", N_("Order lines of an order.")),
    # discounts
    discounts=Column(N_("Discounts"), "money", N_("Discounts granted by the company.")),
    coupons=Column(N_("Coupons"), "money", N_("Part of spend that manufacturers' coupons paid.")),
    # portraits
    portrait_trait=Column(N_("Trait"), "text", N_("What the customers are grouped by."), values="message"),
    portrait_group=Column(N_("Group"), "text", N_("Customers who share the trait.")),
    interests=Column(N_("Interest"), "text", N_("Interest that the customer names; one customer can have several.")),
    share_of_known=Column(N_("Share"), "percent", N_("Customers of the row divided by customers of whom it is known.")),
    known_share_low=Column(N_("Share, low"), "percent", N_("Lower end of the 95% interval of the share (Wilson).")),
    known_share_high=Column(N_("Share, high"), "percent", N_("Upper end of the 95% interval of the share (Wilson).")),
    unknown_share=Column(N_("Unknown"), "percent", N_("Customers of whom it is unknown divided by all customers.")),
    place_level=Column(N_("Level"), "text", N_("Province or city."), values="message"),
    place=Column(N_("Place"), "text", N_("Place under one name, however it was written.")),
    cumulative_share_of_customers=Column(
        N_("Cumulative share"), "percent", N_("Share of customers of the row and all rows above it of its level.")
    ),
    # interests
    portrait_interest=Column(N_("Interest"), "text", N_("Interest that the customers name.")),
    interest_a=Column(N_("Interest"), "text", N_("One of the two interests.")),
    interest_b=Column(N_("With"), "text", N_("The other interest.")),
    customers_both=Column(N_("Customers with both"), "count", N_("Customers who name both interests.")),
    pair_expected=Column(
        N_("By chance"), "number", N_("Customers with both if the two interests had nothing to do with each other.")
    ),
    pair_lift=Column(N_("Times as often"), "ratio", N_("Customers with both divided by those expected by chance.")),
    # habits
    orders_per_month=Column(
        N_("Orders a month"), "number", N_("Orders of a customer by months since the first order; mean of the customers.")
    ),
    rate_low=Column(N_("Orders, low"), "number", N_("Lower end of the interval of the mean; 95% for all groups together.")),
    rate_high=Column(N_("Orders, high"), "number", N_("Upper end of the interval of the mean; 95% for all groups together.")),
    payment_used=Column(N_("Most used payment"), "text", N_("Payment method of most orders."), values="orders.payment_method"),
    group_price_level=Column(
        N_("Price level"), "index", N_("Mean price paid against the usual price of the category; 100 is usual.")
    ),
    level_low=Column(N_("Price level from"), "index", N_("Lower end of the interval.")),
    level_high=Column(N_("to (price level)"), "index", N_("Upper end of the interval.")),
    payment_share=Column(N_("Its share"), "percent", N_("Orders paid by it divided by orders of known payment method.")),
    preferred_category=Column(
        N_("Preferred category"), "text", N_("Category that is bought more than elsewhere, beyond chance.")
    ),
    preferred_brand=Column(N_("Preferred brand"), "text", N_("Brand that is bought more than elsewhere, beyond chance.")),
    category_index=Column(
        N_("Category index"), "index", N_("Mean share of a customer's spend on the category; 100 = customers outside the group.")
    ),
    brand_index=Column(
        N_("Brand index"), "index", N_("Mean share of a customer's spend on the brand; 100 = customers outside the group.")
    ),
    # payment
    payment_method=Column(N_("Payment method"), "text", N_("How the order was paid."), values="orders.payment_method"),
    share_of_orders=Column(N_("Share of orders"), "percent", N_("Orders of the row divided by the orders of all rows.")),
    share_trend=Column(
        N_("Change a year"), "percent", N_("Change of the share of orders in a year (Theil–Sen slope), in points.")
    ),
    share_trend_low=Column(
        N_("Change, low"), "percent", N_("Lower end of the interval of the change; 95% for all methods together.")
    ),
    share_trend_high=Column(
        N_("Change, high"), "percent", N_("Upper end of the interval of the change; 95% for all methods together.")
    ),
    # brands
    repeat_buyers=Column(N_("Repeat buyers"), "count", N_("Customers with the brand in two orders or more.")),
    repeat_rate=Column(N_("Repeat rate"), "percent", N_("Repeat buyers divided by buyers of the brand.")),
    repeat_low=Column(N_("Rate, low"), "percent", N_("Lower end of the 95% interval of the repeat rate (Wilson).")),
    repeat_high=Column(N_("Rate, high"), "percent", N_("Upper end of the 95% interval of the repeat rate (Wilson).")),
    next_purchases=Column(N_("Next purchases"), "count", N_("Orders with the category that follow one with the brand.")),
    brand_stays=Column(N_("Stays"), "percent", N_("Next purchases in the category that are of the same brand.")),
    brand_stays_by_chance=Column(
        N_("By chance"), "percent", N_("Share of the brand among all next purchases in the categories in which it is bought.")
    ),
    # channels
    contact_by=Column(N_("Channel"), "text", N_("Channel of the contact."), values="interactions.channel"),
    contacts_made=Column(N_("Contacts"), "count", N_("Contacts made by the company with a known result.")),
    contacts_answered=Column(N_("Responses"), "count", N_("Contacts whose result is a response.")),
    answer_rate=Column(N_("Response"), "percent", N_("Responses divided by contacts.")),
    answer_low=Column(N_("Response, low"), "percent", N_("Lower end of the 95% interval of the response.")),
    answer_high=Column(N_("Response, high"), "percent", N_("Upper end of the 95% interval of the response.")),
    best_channel=Column(
        N_("Proven best"), "text", N_("Channel that customers contacted both ways answer more often than every other.")
    ),
    first_channel=Column(N_("Highest response"), "text", N_("Channel with the highest response."), values="interactions.channel"),
    second_channel=Column(N_("Second"), "text", N_("Channel with the second highest response."), values="interactions.channel"),
    second_rate=Column(N_("Its response"), "percent", N_("Response of the second channel.")),
    social_platform=Column(N_("Platform"), "text", N_("Platform of the social events."), values="events.platform"),
    social_likes=Column(N_("Likes"), "count", N_("Likes of customers.")),
    social_comments=Column(N_("Comments"), "count", N_("Comments of customers.")),
    social_shares=Column(N_("Shares"), "count", N_("Posts that customers shared.")),
    social_follows=Column(N_("Follows"), "count", N_("Customers' decisions to follow or subscribe.")),
    # spending power
    power_part=Column(N_("Part of the index"), "text", N_("What the customers are ranked by."), values="message"),
    power_correlation=Column(
        N_("Agreement"), "ratio", N_("Rank correlation (Spearman) with the mean of the other parts; 1 = same order, 0 = none.")
    ),
    power_mean=Column(N_("Spending power"), "index", N_("Mean index of the group, 0 to 100.")),
    power_low=Column(N_("Power, low"), "index", N_("Lower end of the interval of the mean; 95% for all groups together.")),
    power_high=Column(N_("Power, high"), "index", N_("Upper end of the interval of the mean; 95% for all groups together.")),
    power_against=Column(N_("Against all"), "number", N_("Mean index of the group less that of all customers.")),
    # product cube
    reading=Column(N_("Reading"), "text", N_("The question that is put to the cube."), values="message"),
    read_thing=Column(N_("Of"), "text", N_("Product, or region.")),
    read_answer=Column(N_("Answer"), "text", N_("Region, quarter or product furthest above the usual.")),
    read_share=Column(N_("Share"), "percent", N_("Share of the spend of the product, or of the region.")),
    read_usual=Column(N_("Usual"), "percent", N_("Share of all spend; of days where a season is asked for.")),
    read_index=Column(N_("Index"), "index", N_("Share divided by the usual; 100 = as usual.")),
    # business overview
    quarter_name=Column(N_("Quarter"), "text", N_("Quarter of the calendar year.")),
    quarter_covered=Column(N_("Covered"), "percent", N_("Share of the days of the quarter that the data covers.")),
    business_customers=Column(N_("Customers"), "count", N_("Customers with an order in the quarter.")),
    first_orders=Column(N_("First orders"), "count", N_("Customers with their first order in the data.")),
    business_discounts=Column(N_("Discounts"), "money", N_("Discounts granted by the company.")),
    returned_amount=Column(N_("Returned"), "money", N_("Amount of returns and refunds.")),
    business_margin=Column(N_("Gross profit"), "money", N_("Line amounts less cost of the goods.")),
    # product range
    range_width=Column(N_("Width"), "count", N_("Lines with a product that sold.")),
    range_length=Column(N_("Length"), "count", N_("Products that sold.")),
    range_consistency=Column(
        N_("Consistency"), "ratio", N_("Customers who buy of both lines, of those who buy of either; mean of all pairs of lines.")
    ),
    range_line=Column(N_("Line"), "text", N_("Product line.")),
    products_listed=Column(N_("Listed"), "count", N_("Products of the line in the list of products.")),
    products_sold=Column(N_("Sold"), "count", N_("Products with a line of an amount above 0.")),
    range_categories=Column(N_("Categories"), "count", N_("Categories with a product that sold.")),
    range_depth=Column(N_("Depth"), "number", N_("Products that sold to a category, mean.")),
    products_leading=Column(N_("Make 80%"), "count", N_("Products with the most spend that make 80% of the line's.")),
    range_overlap=Column(N_("Common buyers"), "ratio", N_("Mean share of common buyers with the other lines (Jaccard, 0 to 1).")),
    # the customer's file
    file_part=Column(N_("Part"), "text", N_("Part of the file."), values="message"),
    file_item=Column(N_("Item"), "text", N_("Item of the file."), values="message"),
    file_value=Column(N_("Known"), "text", N_("What is known of the customer.")),
    file_score=Column(N_("Completeness"), "percent", N_("Share of items that are known, mean of the four parts.")),
    file_day=Column(N_("Day"), "date", N_("Day of the event.")),
    file_kind=Column(N_("Kind"), "text", N_("Order, contact, feedback or social event."), values="message"),
    file_event=Column(N_("What"), "text", N_("Channel or type of the event.")),
    file_amount=Column(N_("Amount"), "money", N_("Amount of the order.")),
    # lifestyle
    top_interest=Column(N_("Interest of its own"), "text", N_("The interest furthest ahead of all customers, beyond chance.")),
    interest_index=Column(N_("Index of the interest"), "index", N_("Share of the group against all who name any; 100 = alike.")),
    medium=Column(N_("Medium"), "text", N_("Platform on which most of the group were active."), values="events.platform"),
    medium_share=Column(N_("Active there"), "percent", N_("Customers of the group active there divided by the group.")),
    day_part=Column(N_("Buys most"), "text", N_("Part of the day with the most orders of the group."), values="message"),
    day_part_share=Column(N_("Orders then"), "percent", N_("Orders of that part of the day divided by the group's orders.")),
    weekend_share=Column(N_("At the weekend"), "percent", N_("Orders on Saturday and Sunday divided by the group's orders.")),
    # five kinds of variables
    profile_kind=Column(N_("Kind"), "text", N_("One of the five kinds of variables."), values="message"),
    profile_variable=Column(N_("Variable"), "text", N_("What is known of the customers."), values="message"),
    typical=Column(N_("Typical"), "text", N_("Value of most customers of whom it is known, or the median.")),
    typical_share=Column(N_("Share with it"), "percent", N_("Customers with the typical value divided by those known.")),
    # attitudes
    attitude_kind=Column(N_("Kind of answer"), "text", N_("Attitude, intention, what counts, or motive."), values="message"),
    attitude_statement=Column(N_("Statement"), "text", N_("What was asked.")),
    attitude_answers=Column(N_("Answers"), "count", N_("Answers of known customers.")),
    positive=Column(N_("Positive"), "percent", N_("Positive answers divided by all answers.")),
    positive_low=Column(N_("Positive, low"), "percent", N_("Lower end of the 95% interval (Wilson).")),
    positive_high=Column(N_("Positive, high"), "percent", N_("Upper end of the 95% interval (Wilson).")),
    bought_if_positive=Column(N_("Bought after a positive answer"), "percent", N_("With an order in the 91 days after.")),
    bought_if_not=Column(N_("After any other"), "percent", N_("With an order in the 91 days after.")),
    opinions=Column(N_("Opinions"), "count", N_("Feedback that names a product of the row.")),
    mean_satisfaction=Column(N_("Mean satisfaction"), "ratio", N_("Mean answer on the scale of the question.")),
    opinion_low=Column(N_("Satisfaction from (95%)"), "ratio", N_("Lower end of the 95% interval.")),
    opinion_high=Column(N_("to (satisfaction)"), "ratio", N_("Upper end of the 95% interval.")),
    opinion_complaints=Column(N_("Complaints"), "count", N_("Complaints that name a product of the row.")),
    opinion_complaint_rate=Column(
        N_("Complaints in 1,000 lines"), "number", N_("Complaints divided by order lines, times 1,000.")
    ),
)
