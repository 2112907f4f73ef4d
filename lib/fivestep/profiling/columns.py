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
)
