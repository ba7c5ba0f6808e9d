"""Tables as Apache Parquet; needs `pip install batchsync[parquet]`."""

from datetime import datetime
from typing import Any

from batchsync.report.table import Kind, Table


def to_parquet(table: Table) -> bytes:
    """Every column with the type of its kind, moments in UTC to the millisecond; blocking."""
    import pyarrow as pa  # noqa: PLC0415 - big, and only here by wish
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {
        Kind.TEXT: pa.string(),
        Kind.WHOLE: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.TIME: pa.timestamp("ms", tz="UTC"),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in table.kinds.items()])
    columns = [
        pa.array([_value(row.get(name), kind) for row in table.rows], types[kind])
        for name, kind in table.kinds.items()
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd")
    return bytes(sink.getvalue())


def _value(value: Any, kind: Kind) -> Any:
    if kind is Kind.TIME and value is not None:
        return datetime.fromisoformat(value)
    return value
