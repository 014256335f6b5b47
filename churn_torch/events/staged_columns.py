"""Columns of a source as they are staged: SQL that gives each the type of its role."""

from __future__ import annotations

import pyarrow as pa

from churn_torch.events.source_columns import Role
from churn_torch.tables.sql_text import quoted_name


def has_zone(kind: pa.DataType) -> bool:
    """Tell whether times have a time zone."""
    return pa.types.is_timestamp(kind) and kind.tz is not None


def staged_column(column: str, role: Role, kind: pa.DataType) -> str:
    """Return SQL for a column as its role wants it."""
    name = quoted_name(column)
    if role is Role.TIME:
        return f"timezone('UTC', {name})" if has_zone(kind) else f"CAST({name} AS TIMESTAMP)"
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if role is Role.NUMBER or (role is Role.ENTRY and is_number):
        return f"nullif(CAST({name} AS DOUBLE), 'NaN')"
    if role is Role.ID and pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return f"CAST({name} AS BIGINT)"
    if role in (Role.ID, Role.VALUE, Role.ENTRY):
        text = f"nullif(trim(CAST({name} AS VARCHAR)), '')"
        if role is not Role.ID or pa.types.is_integer(kind):
            return text
        # Whole numbers beside missing ones are often written as 17850.0.
        whole = f"ends_with({text}, '.0') AND regexp_full_match({text}, '[0-9]+[.]0')"
        return f"CASE WHEN {whole} THEN left({text}, -2) ELSE {text} END"
    return f"timezone('UTC', {name})" if has_zone(kind) else name
