"""The contract tables: every field with its type, unit, key, PII class and whether it is required.

Types: ``text``, ``integer``, ``number`` (float), ``money`` (DECIMAL, in the currency of the engagement), ``timestamp`` (naive, in
the time zone of the engagement), ``date``, ``boolean``. Ids are text. PII classes: ``none``; ``pseudonym`` (a keyed id);
``quasi`` (identifies in combination); ``sensitive``; ``direct`` identifiers (name, phone, e-mail, address) have no place in a
contract table: they stay in the vault. Names of the client's own staff (owner, staff, sales_rep) do stand in clear, as lists are
handed out and cases counted by them: where that may not be, map these columns to ids of staff, or drop them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

FIRST_YEAR, LAST_YEAR = 1900, 2200  # of the dates in clients' data; what lies beyond is mistyped or stands for none
BORN = 1880  # of dates of birth
NEVER = dt.datetime(9999, 12, 31)  # of what may lie ahead: it never happens

TYPES = ("text", "integer", "number", "money", "timestamp", "date", "boolean")
PII = ("none", "pseudonym", "quasi", "sensitive")
# Values of interactions.direction, in small letters, of a contact that goes out to the customer.
OUTBOUND = ("outbound", "out", "outgoing", "呼出", "撥出", "外呼", "主动", "主動")


@dataclass(frozen=True)
class Field:
    """One column of a contract table; ``refers`` is the ``table.column`` whose values it repeats.

    ``after`` is the time of the same row that this one cannot lie before; ``ahead``: it may lie in the future. ``free``: people
    write it in their own words, so phone numbers and e-mail addresses may stand in it; an import replaces them.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    key: bool = False
    required: bool = False
    pii: str = "none"
    refers: str = ""
    minimum: int | None = None
    maximum: int | None = None
    after: str = ""
    ahead: bool = False
    free: bool = False

    @property
    def is_id(self) -> bool:
        """Whether it names the row, or one of another table."""
        return self.key or bool(self.refers)


@dataclass(frozen=True)
class Table:
    """A contract table: its fields by name, what a row is, and the time at which a row became true."""

    name: str
    row: str
    fields: dict[str, Field]
    time: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields.values() if f.key)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields.values() if f.required)


def _table(name: str, row: str, *fields: Field, time: str = "") -> Table:
    return Table(name, row, {f.name: f for f in fields}, time)


def _key(name: str, description: str, **more) -> Field:
    return Field(name, "text", description, key=True, required=True, **more)


def _customer(**more) -> Field:
    return Field(
        "customer_id", "text", "Pseudonymous id of the customer", pii="pseudonym", refers="customers.customer_id", **more
    )


_ALL = (
    _table(
        "customers",
        "one customer",
        _key("customer_id", "Pseudonymous id of the customer", pii="pseudonym"),
        Field("gender", "text", "Gender", pii="quasi"),
        Field("birth_date", "date", "Date of birth", pii="quasi"),
        Field("age", "integer", "Age at the end of the data", unit="years", pii="quasi", minimum=0),
        Field("age_band", "text", "Age band", pii="quasi"),
        Field("country", "text", "Country", pii="quasi"),
        Field("region", "text", "Sales region", pii="quasi"),
        Field("province", "text", "Province or state", pii="quasi"),
        Field("city", "text", "City", pii="quasi"),
        Field("district", "text", "District", pii="quasi"),
        Field("postal_code", "text", "Postal code", pii="quasi"),
        Field("occupation", "text", "Occupation", pii="quasi"),
        Field("job_title", "text", "Job title", pii="quasi"),
        Field("income", "money", "Yearly income of the person or household", pii="sensitive", minimum=0),
        Field("income_band", "text", "Band of yearly income", pii="sensitive"),
        Field("assets", "money", "Assets", pii="sensitive"),
        Field("education", "text", "Education", pii="quasi"),
        Field("marital_status", "text", "Marital status", pii="quasi"),
        Field("home_ownership", "text", "Owns or rents the home", pii="quasi"),
        Field("household_size", "text", "Persons in the household", pii="quasi"),
        Field("household_composition", "text", "Adults and children in the household", pii="quasi"),
        Field("kids_count", "text", "Children in the household", pii="quasi"),
        Field("interests", "text", "Interests, separated by semicolons", pii="quasi"),
        Field("industry", "text", "Industry of a business customer"),
        Field("company_size", "text", "Size band of a business customer"),
        Field("customer_type", "text", "Consumer, business, dealer ..."),
        Field("customer_level", "text", "Level given by the client"),
        Field("member_level", "text", "Tier of the loyalty programme"),
        Field("is_member", "boolean", "Belongs to the loyalty programme"),
        Field("points", "number", "Points on account", unit="points"),
        Field("growth_value", "number", "Growth value of the loyalty programme", unit="points"),
        Field("balance", "money", "Stored value on account"),
        Field("tags", "text", "Tags, separated by semicolons"),
        Field("source", "text", "Where the customer came from"),
        Field("registered_at", "timestamp", "When the customer was registered"),
        Field("last_purchase_at", "timestamp", "Last purchase as the client's system says"),
        Field("last_contact_at", "timestamp", "Last contact as the client's system says"),
        Field("owner", "text", "Sales representative in charge"),
        Field("owner_department", "text", "Department in charge"),
        Field("customer_status", "text", "Status given by the client"),
        Field("marketing_opt_out", "boolean", "Does not want marketing"),
        Field("credit_status", "text", "Credit status", pii="sensitive"),
        Field("contract_end", "date", "End of the running contract", ahead=True),
    ),
    _table(
        "orders",
        "one order, basket or invoice",
        _key("order_id", "Id of the order"),
        _customer(),
        Field("order_date", "timestamp", "When the order was placed", required=True),
        Field("paid_at", "timestamp", "When the order was paid", after="order_date"),
        Field("completed_at", "timestamp", "When the order was completed", after="order_date"),
        Field("order_status", "text", "Status of the order"),
        Field("order_amount", "money", "What the company receives for the order, after discounts", required=True),
        Field("paid_amount", "money", "What has been paid"),
        Field("discount_amount", "money", "Discounts granted by the company", minimum=0),
        Field("coupon_amount", "money", "Part of the order amount that a manufacturer's coupon paid", minimum=0),
        Field("shipping_fee", "money", "Shipping fee charged"),
        Field("tax", "money", "Tax contained in the order amount"),
        Field("refund_amount", "money", "Amount refunded", minimum=0),
        Field("refund_status", "text", "Status of the refund"),
        Field("payment_method", "text", "How it was paid"),
        Field("payment_term", "integer", "Days until payment is due", unit="days"),
        Field("channel", "text", "Sales channel"),
        Field("store", "text", "Store or branch"),
        Field("sales_rep", "text", "Sales representative"),
        Field("coupon", "text", "Coupon used"),
        time="order_date",
    ),
    _table(
        "order_lines",
        "one product on one order",
        _key("order_id", "Id of the order", refers="orders.order_id"),
        _key("line_id", "Number of the line within the order"),
        _customer(),
        Field("order_date", "timestamp", "When the order was placed", required=True),
        Field("store", "text", "Store or branch"),
        Field("product_id", "text", "Id of the product", required=True, refers="products.product_id"),
        Field("quantity", "number", "Units sold; negative for returns", unit="units"),
        Field("unit_price", "money", "Price of one unit"),
        Field("line_amount", "money", "What the company receives for the line, after discounts", required=True),
        Field("line_discount", "money", "Discounts granted by the company on the line", minimum=0),
        Field("line_coupon", "money", "Part of the line amount that a manufacturer's coupon paid", minimum=0),
        Field("cost", "money", "Cost of the goods of the line"),
        Field("gross_profit", "money", "Line amount less cost"),
        time="order_date",
    ),
    _table(
        "products",
        "one product",
        _key("product_id", "Id of the product"),
        Field("product_name", "text", "Name or type of the product"),
        Field("category", "text", "Category"),
        Field("department", "text", "Department or product group"),
        Field("brand", "text", "Brand"),
        Field("manufacturer", "text", "Manufacturer"),
        Field("spec", "text", "Pack size or specification"),
        Field("barcode", "text", "Barcode"),
        Field("product_line", "text", "Product line"),
        Field("list_price", "money", "List price of one unit", minimum=0),
    ),
    _table(
        "campaigns",
        "one campaign",
        _key("campaign_id", "Id of the campaign"),
        Field("campaign_name", "text", "Name of the campaign"),
        Field("campaign_type", "text", "Type of the campaign"),
        Field("start_date", "date", "First day", required=True, ahead=True),
        Field("end_date", "date", "Last day", after="start_date", ahead=True),
        Field("randomised", "boolean", "Customers were assigned to contact or control by chance"),
        Field("cost", "money", "Cost of the campaign", minimum=0),
        time="start_date",
    ),
    _table(
        "exposures",
        "one customer in one campaign",
        _key("campaign_id", "Id of the campaign", refers="campaigns.campaign_id"),
        Field(
            "customer_id",
            "text",
            "Pseudonymous id of the customer",
            key=True,
            required=True,
            pii="pseudonym",
            refers="customers.customer_id",
        ),
        Field("treated", "boolean", "Was contacted (false: kept as control)", required=True),
        Field("responded", "boolean", "Responded as the campaign defines it"),
        Field("contacted_at", "timestamp", "When the customer was contacted"),
        Field("attended", "boolean", "Came to the event that the campaign invited to"),
        time="contacted_at",
    ),
    _table(
        "offers",
        "one product that one offer of a campaign is good for",
        _key("campaign_id", "Id of the campaign", refers="campaigns.campaign_id"),
        _key("offer_id", "Id of the coupon or offer"),
        _key("product_id", "Product that the offer is good for", refers="products.product_id"),
    ),
    _table(
        "interactions",
        "one contact between customer and company",
        _key("interaction_id", "Id of the contact"),
        _customer(required=True),
        Field("occurred_at", "timestamp", "When it happened", required=True),
        Field("interaction_type", "text", "Call, visit, e-mail, redemption ..."),
        Field("channel", "text", "Channel of the contact"),
        Field("direction", "text", "inbound or outbound"),
        Field("duration_s", "integer", "Duration", unit="seconds", minimum=0),
        Field("department", "text", "Department in contact"),
        Field("staff", "text", "Employee in contact"),
        Field("content", "text", "What was said", pii="sensitive", free=True),
        Field("result", "text", "Outcome", free=True),
        Field("next_contact_at", "timestamp", "Agreed next contact", after="occurred_at", ahead=True),
        Field("campaign_id", "text", "Campaign it belongs to", refers="campaigns.campaign_id"),
        Field("offer_id", "text", "Offer it redeemed"),
        time="occurred_at",
    ),
    _table(
        "feedback",
        "one complaint, inquiry, suggestion or review",
        _key("feedback_id", "Id of the feedback"),
        _customer(),
        Field("feedback_type", "text", "Complaint, inquiry, suggestion, review"),
        Field("product_id", "text", "Product concerned", refers="products.product_id"),
        Field("created_at", "timestamp", "When it was received", required=True),
        Field("responded_at", "timestamp", "When it was first answered", after="created_at"),
        Field("resolved_at", "timestamp", "When it was resolved", after="created_at"),
        Field("status", "text", "Status"),
        Field("cause", "text", "Cause found", free=True),
        Field("satisfaction", "number", "Satisfaction score"),
        Field("nps", "integer", "Likelihood to recommend, 0 to 10", minimum=0, maximum=10),
        Field("trust", "number", "Trust score"),
        Field("repurchase_intent", "number", "Stated intent to buy again"),
        Field("text", "text", "What the customer wrote", pii="sensitive", free=True),
        Field("sales_rep", "text", "Sales representative"),
        Field("region", "text", "Region"),
        Field("department", "text", "Department in charge"),
        time="created_at",
    ),
    _table(
        "survey",
        "one answer of one respondent",
        _key("response_id", "Id of the filled questionnaire"),
        _key("question_id", "Id of the question"),
        _customer(),
        Field("survey_id", "text", "Id of the survey"),
        Field("answered_at", "timestamp", "When it was answered"),
        Field("mode", "text", "How it was answered: web, phone, mail, counter, street, feedback form ..."),
        Field("answer", "text", "The answer as given", free=True),
        Field("score", "number", "The answer as a number, where it has one"),
        time="answered_at",
    ),
    _table(
        "events",
        "one event of online or app behaviour",
        _key("event_id", "Id of the event"),
        _customer(),
        Field("session_id", "text", "Id of the session"),
        Field("occurred_at", "timestamp", "When it happened", required=True),
        Field("event_type", "text", "page view, search, add to cart, like, share ...", required=True),
        Field("page", "text", "Page or screen", free=True),
        Field("search_term", "text", "Search term", free=True),
        Field("search_results", "integer", "Results that the search showed", minimum=0),
        Field("device", "text", "Device"),
        Field("platform", "text", "Website, app or social platform on which it happened"),
        Field("product_id", "text", "Product concerned", refers="products.product_id"),
        Field("location", "text", "Place", pii="sensitive"),
        time="occurred_at",
    ),
    _table(
        "opportunities",
        "one sales opportunity",
        _key("opportunity_id", "Id of the opportunity"),
        _customer(),
        Field("stage", "text", "Current stage"),
        Field("status", "text", "open, won or lost"),
        Field("win_probability", "number", "Win probability stated by the client's system", unit="share", maximum=1),
        Field("amount", "money", "Amount"),
        Field("expected_revenue", "money", "Amount times win probability, as the client's system states it"),
        Field("expected_close_date", "date", "Expected close", ahead=True),
        Field("created_at", "timestamp", "When it was opened", required=True),
        Field("closed_at", "timestamp", "When it was won or lost", after="created_at"),
        Field("lost_reason", "text", "Why it was lost", free=True),
        Field("competitor", "text", "Competitor", free=True),
        Field("next_step", "text", "Next step", free=True),
        Field("owner", "text", "Sales representative"),
        time="created_at",
    ),
    _table(
        "stage_history",
        "one stage of one opportunity",
        _key("opportunity_id", "Id of the opportunity", refers="opportunities.opportunity_id"),
        Field("entered_at", "timestamp", "When the stage was entered", key=True, required=True),
        Field("stage", "text", "Stage", required=True),
        Field("left_at", "timestamp", "When the stage was left", after="entered_at"),
        time="entered_at",
    ),
    _table(
        "costs",
        "one cost that belongs to a customer",
        _key("cost_id", "Id of the cost"),
        _customer(required=True),
        Field("cost_date", "date", "Day of the cost", required=True),
        Field("cost_type", "text", "service, delivery, points, campaign ...", required=True),
        Field("amount", "money", "Cost", required=True),
        time="cost_date",
    ),
    _table(
        "stock",
        "one product at one store on one day",
        Field("stock_date", "date", "Day at whose end the stock was counted", key=True, required=True),
        _key("store", "Store or branch"),
        _key("product_id", "Id of the product", refers="products.product_id"),
        Field("on_hand", "number", "Units in stock at the end of the day; empty where nobody counted", unit="units"),
        Field("on_shelf", "number", "Units of it that stood on the shelf", unit="units", minimum=0),
        Field("received", "number", "Units delivered on the day", unit="units", minimum=0),
        time="stock_date",
    ),
)

TABLES: dict[str, Table] = {t.name: t for t in _ALL}


def declared(name: str) -> Field | None:
    """The field of the contract that ``table.field`` names; None for another name, such as one of the vault."""
    table, _dot, field_ = name.partition(".")
    return TABLES[table].fields.get(field_) if table in TABLES else None


# Fields of customers that no analysis sees unless engagement.yml names them.
SENSITIVE = tuple(f.name for f in TABLES["customers"].fields.values() if f.pii == "sensitive")
# What lists for people show only where engagement.yml names it, too: whose birthday is when, and what feedback says.
IN_LISTS = ("birth_date", "feedback_text")
