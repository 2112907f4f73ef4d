"""What must not matter, or must move a result in one way: rows in another order, other ids, another currency, later dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from fivestep import engine


def changed(folder: Path, change) -> dict:
    """The tables of the company after *change* of each table (name, arrow table)."""
    connection = engine.connect()
    read = engine.read(folder, engine.connect())
    return {name: connection.create_table(name, change(name, table.to_pyarrow())) for name, table in read.items()}


def shuffled(_name: str, table: pa.Table) -> pa.Table:
    return table.take(np.random.default_rng(5).permutation(len(table)))


def renamed(_name: str, table: pa.Table) -> pa.Table:
    if "customer_id" not in table.column_names:
        return table
    names = pa.array([None if c is None else f"X{9_999_999 - int(c[1:]):07}" for c in table["customer_id"].to_pylist()])
    return table.set_column(table.column_names.index("customer_id"), "customer_id", names)


def dearer(_name: str, table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            scaled = pa.compute.multiply(table[field.name], pa.scalar(10)).cast(field.type)
            table = table.set_column(i, field.name, scaled)
    return table


def later(_name: str, table: pa.Table) -> pa.Table:
    """All dates 52 weeks later: weekdays stay."""
    for i, field in enumerate(table.schema):
        if pa.types.is_temporal(field.type):
            days = pa.scalar(np.timedelta64(364, "D").astype("timedelta64[s]"))
            moved = pa.compute.add(table[field.name].cast(pa.timestamp("us")), days).cast(field.type)
            table = table.set_column(i, field.name, moved)
    return table
