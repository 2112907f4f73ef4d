"""Columns of the contract tables in numpy, and the Parquet files that they are streamed into.

Text is `Coded` or a string array of Arrow; money is whole fen (int64); dates and timestamps are datetime64; what may be absent is
a masked array, NaN, NaT or code -1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fivestep.contract import TABLES

_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "money": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class Coded:
    """Text with few values: codes into *names*, -1 where it is absent."""

    codes: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: np.ndarray) -> Coded:
        return Coded(self.codes[rows], self.names)


def numbered(prefix: str, numbers: np.ndarray, digits: int) -> pa.Array:
    """Ids such as C0000012."""
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0"), "")


def money(fen: np.ndarray) -> pa.Array:
    """Whole fen as DECIMAL(18,2), exactly: the 128 bits are the 64 and their sign."""
    absent = np.ma.getmaskarray(fen) if np.ma.isMaskedArray(fen) else None
    low = np.ascontiguousarray(np.ma.getdata(fen), dtype="<i8")
    wide = np.empty((len(low), 2), dtype="<i8")
    wide[:, 0], wide[:, 1] = low, low >> 63
    bits = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(low), [bits, pa.py_buffer(wide)])


def arrow(values: Any, kind: str) -> pa.Array:
    """One column in the type of the contract."""
    if isinstance(values, Coded):  # the file's pages are made of the codes as they are, so each name may stand there once
        names = {name: code for code, name in enumerate(dict.fromkeys(values.names))}
        codes = np.array([names[name] for name in values.names] or [0], dtype=np.int32)[values.codes]
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=values.codes < 0), pa.array(names, pa.string()))
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if kind == "money":
        return money(values)
    if np.ma.isMaskedArray(values):
        return pa.array(values.data, mask=np.ma.getmaskarray(values)).cast(_TYPES[kind])
    if kind == "timestamp":
        values = values.astype("datetime64[us]")
    return pa.array(values, from_pandas=True).cast(_TYPES[kind])


class Files:
    """The Parquet files of one snapshot, each open until the end, one row group per chunk; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._open: dict[str, pq.ParquetWriter] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()

    def write(self, name: str, columns: Mapping[str, Any]) -> None:
        """Append rows to a table; *columns* in any order, always the same ones."""
        fields = {f: TABLES[name].fields[f] for f in TABLES[name].fields if f in columns}
        if len(fields) != len(columns):
            raise ValueError(f"{name} has no fields {sorted(set(columns) - set(fields))}")
        table = pa.table({f: arrow(columns[f], d.type) for f, d in fields.items()})
        if name not in self._open:
            path = self.folder / f"{name}.parquet"
            writer = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
            self._open[name] = self._stack.enter_context(writer)
        if len(table):
            self._open[name].write_table(table, row_group_size=len(table))
        self.rows[name] = self.rows.get(name, 0) + len(table)
