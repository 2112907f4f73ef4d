"""Tables that break the contract are told table, column, row and fix; tables that keep it pass."""

from __future__ import annotations

import ibis
import pytest

from fivestep import contract, engine
from fivestep.contract import TABLES
from fivestep.errors import UserError
from fivestep.intake import checks

ORDERS = (
    "select * from (values ('a', 'c1', timestamp '2024-01-01 10:00', 1.50::decimal(18,2)), "
    "('b', 'c1', timestamp '2024-01-02', 2::decimal(18,2))) t(order_id, customer_id, order_date, order_amount)"
)


def made(**queries: str) -> dict[str, ibis.Table]:
    connection = engine.connect()
    for name, query in queries.items():
        connection.raw_sql(f"create table {name} as {query}").fetchall()
    return {name: connection.table(name) for name in queries}


def told(**queries: str) -> str:
    return "\n".join(map(str, contract.problems(made(**queries))))


def test_orders_alone_are_enough():
    assert contract.problems(made(orders=ORDERS)) == []
    contract.validate(made(orders=ORDERS))


def test_columns_beyond_the_contract_are_allowed():
    assert contract.problems(made(orders=f"select *, 7 as weather from ({ORDERS})")) == []


def test_a_time_with_a_zone_is_refused_as_its_midnight_is_another_one():
    said = told(orders=f"select * replace (order_date::timestamptz as order_date) from ({ORDERS})")
    assert said.startswith("orders.order_date: the type is timestamp('UTC', 6). It must be a timestamp without a zone")
    assert said.endswith(
        "convert it to local time in the time_zone of engagement.yml and write it as a timestamp without a zone."
    )


@pytest.mark.parametrize("value", ["'nan'::double", "'infinity'::double", "'-infinity'::float"])
def test_a_quantity_that_is_no_number_is_located(value):
    lines = (
        "select order_id, order_id line_id, order_date, 'p' product_id, order_amount line_amount, "
        f"case when order_id = 'b' then {value} else 1 end quantity from ({ORDERS})"
    )
    assert told(order_lines=lines) == (
        "order_lines.quantity: 1 of 2 values are no numbers (NaN or infinity) (first: row 2). Correct them or empty the cells."
    )


@pytest.mark.parametrize(
    "value", ["'infinity'", "'-infinity'", "'20000-01-01'", "'0044-03-15 (BC)'", "'0024-03-05'", "'9999-12-31'"]
)
@pytest.mark.parametrize("column", ["order_date", "paid_at"])
def test_a_date_that_no_calendar_here_holds_is_located(value, column):
    rows = f"select * exclude order_date, order_date, order_date paid_at from ({ORDERS})"
    said = told(
        orders=f"select * replace (case when order_id = 'b' then timestamp {value} else order_date end as {column}) from ({rows})"
    )
    assert said.startswith(f"orders.{column}: 1 of 2 dates are not within the years 1900 to 2200 (first: row 2).")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_of_the_calendar_may_stand_for_never(day):
    assert told(orders=ORDERS, customers=f"select 'c1' customer_id, date '{day}' contract_end") == ""


def test_times_in_nanoseconds_are_times():
    assert told(orders=f"select * replace (order_date::timestamp_ns as order_date) from ({ORDERS})") == ""


@pytest.mark.parametrize("value", ["['x']", "{'a': 1}", "map {'a': 1}", "uuid()", "'{}'::json"])
@pytest.mark.parametrize("column", ["customer_id", "weather"])
def test_lists_and_structures_are_named_where_a_field_is_meant_and_allowed_beyond_the_contract(value, column):
    said = told(orders=f"select * exclude customer_id, {value} as {column} from ({ORDERS})")
    assert said == "" if column == "weather" else said.startswith("orders.customer_id: the type is ")


def test_an_empty_table_of_orders_is_refused_and_another_counts_as_absent():
    empty = f"select * from ({ORDERS}) where false"
    assert told(orders=empty) == "orders.*: the table has no rows. Import the orders first, or take the table away."
    (line,) = [x for x in checks.checks(made(orders=empty)) if x.severity == "error"]
    assert (line.text(), line.mend()) == ("the table has no rows.", "Import the orders first, or take the table away.")
    floats = f"select * replace (order_amount::double as order_amount) from ({empty})"
    assert told(orders=floats) == told(orders=empty)
    assert told(orders=ORDERS, customers="select 'c1' customer_id where false") == ""


def test_money_as_floats_that_are_no_numbers_is_one_problem():
    said = told(orders=f"select * replace ('nan'::double as order_amount) from ({ORDERS})")
    assert said.startswith("orders.order_amount: the type is float64. It must be DECIMAL money")
    assert "\n" not in said


def test_without_orders_or_lines_there_is_no_analysis():
    assert told(customers="select 'c1' customer_id") == (
        "order_lines.*: neither order_lines nor orders is there. One of the two is needed: import order data first."
    )


def test_a_missing_column_is_named():
    assert told(orders=f"select * exclude order_amount from ({ORDERS})") == (
        "orders.order_amount: the column is missing. It must be DECIMAL money, like DECIMAL(18,2) "
        "(what the company receives for the order, after discounts)."
    )


def test_float_money_is_refused():
    said = told(orders=f"select * replace (order_amount::double as order_amount) from ({ORDERS})")
    assert said.startswith("orders.order_amount: the type is float64. It must be DECIMAL money")


def test_empty_required_cells_are_counted_and_the_first_row_is_named():
    said = told(orders=f"select * replace (case when order_id = 'b' then null else order_date end as order_date) from ({ORDERS})")
    assert said == "orders.order_date: 1 of 2 cells are empty (first: row 2). Fill them or leave those rows out."


def test_a_negative_discount_is_located():
    said = told(orders=f"select *, case when order_id = 'b' then -1 else 0 end::decimal(18,2) as discount_amount from ({ORDERS})")
    assert said == "orders.discount_amount: 1 of 2 values are below 0 (first: row 2). Correct the sign or empty the cells."


def test_a_repeated_key_is_located():
    said = told(orders=f"select * replace ('a' as order_id) from ({ORDERS})")
    assert said.startswith("orders.order_id: 1 keys occur more than once (first: row 2).")


def test_every_problem_is_told_at_once():
    said = told(
        orders="select * exclude customer_id replace (order_amount::double as order_amount, null::timestamp as order_date) "
        f"from ({ORDERS})"
    )
    assert "orders.order_amount" in said
    assert "orders.order_date: 2 of 2 cells are empty" in said


def test_times_in_the_wrong_order_and_probabilities_beyond_one_are_located_and_stop_nothing():
    deals = (
        "select * from (values ('a', 0.5, timestamp '2024-03-05 10:00', timestamp '2024-03-05'), "
        "('b', 1.5, timestamp '2024-03-05 10:00', timestamp '2024-03-04 23:00'), ('c', 1, timestamp '2024-03-05', null)) "
        "t(opportunity_id, win_probability, created_at, closed_at)"
    ).replace("0.5,", "0.5::double,")
    stages = (
        "select 'a' opportunity_id, timestamp '2024-03-05 10:00' entered_at, 'offer' stage, timestamp '2024-03-05 09:59' left_at"
    )
    said = told(orders=ORDERS, opportunities=deals, stage_history=stages).splitlines()
    assert said == [
        "opportunities.win_probability: 1 of 3 values are above 1 (first: row 2). "
        "Correct the unit (a share is 0 to 1) or empty the cells.",
        "opportunities.closed_at: 1 of 3 lie before created_at (first: row 2). "
        "Correct one of the two times, or the mapping of closed_at.",
        "stage_history.left_at: 1 of 1 lie before entered_at (first: row 1). "
        "Correct one of the two times, or the mapping of left_at.",
    ]
    contract.validate(made(orders=ORDERS, opportunities=deals, stage_history=stages))


def test_orphan_keys_are_told_and_do_not_stop_an_analysis():
    tables = made(orders=ORDERS, customers="select 'c9' customer_id")
    (problem,) = contract.problems(tables)
    assert str(problem).startswith("orders.customer_id: 2 rows name a customer_id that customers does not have (first: row 1).")
    contract.validate(tables)


def test_validate_raises_one_message_with_every_problem():
    with pytest.raises(UserError, match="The contract tables cannot be used") as stopped:
        contract.validate(made(orders=f"select * exclude order_amount from ({ORDERS})"))
    assert "orders.order_amount: the column is missing" in str(stopped.value)


def test_references_and_types_of_the_declarations_are_sound():
    for table in TABLES.values():
        assert table.key, f"{table.name} has no key"
        assert not table.time or table.fields[table.time].type in ("timestamp", "date")
        for field in table.fields.values():
            assert field.type in contract.tables.TYPES
            assert field.pii in contract.tables.PII
            assert not field.key or field.required
            assert not field.minimum or field.type in ("integer", "number", "money")
            if field.refers:
                other, _, column = field.refers.partition(".")
                assert TABLES[other].fields[column].key
    direct = {"name", "customer_name", "phone", "email", "address"}
    assert not direct & {f.name for t in TABLES.values() for f in t.fields.values()}


def test_the_shipped_case_keeps_the_contract(grocery_tables):
    assert [str(p) for p in contract.problems(grocery_tables) if p.fatal] == []


def test_orders_and_customers_are_derived_from_lines_to_the_cent(grocery_tables):
    lines_only = {name: grocery_tables[name] for name in ("order_lines", "products")}
    derived = engine.Tables.of(lines_only)
    given = engine.Tables.of(grocery_tables)
    sums = [
        t.orders.aggregate(n=t.orders.count(), money=t.orders.order_amount.sum(), discount=t.orders.discount_amount.sum())
        .to_pandas()
        .iloc[0]
        .tolist()
        for t in (derived, given)
    ]
    assert sums[0] == sums[1]
    assert derived.customers.count().to_pandas() == given.orders.customer_id.nunique().to_pandas()


def test_as_of_hides_the_future_in_every_table(grocery_tables):
    import datetime as dt

    day = dt.date(2017, 6, 30)
    cut = engine.Tables.of(grocery_tables, as_of=day)
    dated = [(name, TABLES[name].time) for name in cut.names if TABLES[name].time]
    assert len(dated) >= 5
    for name, time in dated:
        assert getattr(cut, name)[time].max().cast("date").to_pandas().isoformat()[:10] <= "2017-06-30"
    assert cut.last_day == day
    known = set(cut.campaigns.campaign_id.to_pandas())
    assert 0 < len(known) < 27
    assert set(cut.offers.campaign_id.to_pandas()) <= known
    assert engine.Tables.of(grocery_tables).until(day).orders.count().to_pandas() == cut.orders.count().to_pandas()


def test_customers_who_are_not_listed_are_those_who_have_ordered_by_then(grocery_tables):
    import datetime as dt

    cut = engine.Tables.of({"orders": grocery_tables["orders"]}, as_of=dt.date(2017, 1, 5))
    assert cut.customers.count().to_pandas() == cut.orders.customer_id.nunique().to_pandas() < 801
    assert cut.until(dt.date(2017, 1, 2)).customers.count().to_pandas() < cut.customers.count().to_pandas()


def test_listed_customers_of_the_future_are_not_known_yet(tables):
    import datetime as dt

    import pandas as pd

    orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": ["early", "late"], "order_amount": [1, 1]})
    orders["order_date"] = ["2024-01-01", "2024-03-01"]
    people = pd.DataFrame({"customer_id": ["early", "late", "never"]})
    day = dt.date(2024, 2, 1)
    known = tables(orders=orders, customers=people, as_of=day).customers.customer_id.to_pandas()
    assert sorted(known) == ["early", "never"]
    registered = people.assign(registered_at=["2023-01-01", "2024-01-15", "2024-02-15"])
    known = tables(orders=orders, customers=registered, as_of=day).customers.customer_id.to_pandas()
    assert sorted(known) == ["early", "late"], "who registered by then is known, with or without an order"


def test_a_scope_has_the_as_of_date_of_everybody(grocery_tables):
    cut = engine.Tables.of(grocery_tables, scope=f"store={engine.scope_values(grocery_tables, 'store')[0]}")
    assert cut.as_of == engine.Tables.of(grocery_tables).as_of
    assert cut.last_day <= cut.as_of


def test_a_scope_leaves_no_row_of_anybody_else(grocery_tables):
    band = "35-49K"
    inside = grocery_tables["customers"].filter(grocery_tables["customers"].income_band == band).customer_id.to_pandas()
    cut = engine.Tables.of(grocery_tables, scope=f"income_band={band}")
    with_customers = [n for n in cut.names if "customer_id" in getattr(cut, n).columns]
    assert len(with_customers) >= 5
    for name in with_customers:
        seen = set(getattr(cut, name).select("customer_id").distinct().to_pandas()["customer_id"].dropna())
        assert seen, name
        assert seen <= set(inside), name


def test_a_branch_scope_keeps_its_own_orders_and_their_lines(grocery_tables):
    store = engine.scope_values(grocery_tables, "store")[0]
    cut = engine.Tables.of(grocery_tables, scope=f"store={store}")
    assert cut.orders.store.nunique().to_pandas() == 1
    assert cut.order_lines.order_id.nunique().to_pandas() == cut.orders.count().to_pandas()
    assert cut.customers.count().to_pandas() == cut.orders.customer_id.nunique().to_pandas()
