"""The rows of one cut-off as SQL: who is in them, their features, and whether they churned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from churn_torch.events.feature_sql import FIRST, LAST, known_before, log_features, timestamp
from churn_torch.events.spans import length
from churn_torch.events.specification import TARGET, EventSpecification
from churn_torch.events.specification import TIME as CUTOFF
from churn_torch.events.staging import CUSTOMERS, ID, KNOWN, TIME, Staged
from churn_torch.tables.sql_text import quoted_name

_START = "_start"


def rows_sql(
    specification: EventSpecification,
    staged: Mapping[str, Staged],
    cutoff: datetime,
    part: int,
    *,
    id_column: str,
    labelled: bool,
) -> str:
    """Return the query that gives the rows of a cut-off, of one part of the customers.

    Args:
        specification: Whose shares by value name the values.
        staged: The sources by name.
        cutoff: The cut-off, in UTC.
        part: Which part of the customers.
        id_column: The name of the customer's column in the result.
        labelled: Whether to say who churned.
    """
    id_type = common_id_type(staged)
    relations = {name: _relation(one, part, id_type) for name, one in staged.items()}
    logs = {
        name: log_features(
            name,
            specification.features.get(name),
            relations[name],
            cutoff,
            staged[name].has_known,
        )
        for name in specification.events
    }
    queries = {f"of_{name}": one.sql for name, one in logs.items()}
    queries["population"] = _population(specification, relations, staged, cutoff)
    if labelled:
        queries["in_label_window"] = _label_window(specification, relations, cutoff)
    columns = [
        f"population.{ID} AS {quoted_name(id_column)}",
        f"{timestamp(cutoff)} AS {quoted_name(CUTOFF)}",
        *_customer_columns(specification, staged, cutoff),
    ]
    for name, log in logs.items():
        for column, without in log.columns.items():
            value = f"of_{name}.{quoted_name(column)}"
            if without != "NULL":
                value = f"coalesce({value}, {without})"
            columns.append(f"{value} AS {quoted_name(column)}")
    joins = [f"LEFT JOIN of_{name} ON of_{name}.{ID} = population.{ID}" for name in logs]
    if labelled:
        joins.append(f"LEFT JOIN in_label_window ON in_label_window.{ID} = population.{ID}")
        word = "NOT NULL" if specification.label.event is not None else "NULL"
        columns.append(f"in_label_window.{ID} IS {word} AS {quoted_name(TARGET)}")
    conditions = list(_conditions(specification, cutoff))
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    named = ",\n".join(f"{name} AS (\n{sql}\n)" for name, sql in queries.items())
    return (
        f"WITH {named}\nSELECT\n  "
        + ",\n  ".join(columns)
        + "\nFROM population\n"
        + "\n".join(joins)
        + where
        + f"\nORDER BY hash(CAST(population.{ID} AS VARCHAR)), population.{ID}"
    )


def common_id_type(staged: Mapping[str, Staged]) -> str:
    """Return the type of the id: whole numbers where every source has them, else text."""
    types = {one.id_type for one in staged.values()}
    return types.pop() if len(types) == 1 else "VARCHAR"


def _relation(staged: Staged, part: int, id_type: str) -> str:
    relation = staged.relation(part)
    if staged.id_type == id_type:
        return relation
    return f"(SELECT * REPLACE (CAST({ID} AS {id_type}) AS {ID}) FROM {relation})"


def _population(
    specification: EventSpecification,
    relations: Mapping[str, str],
    staged: Mapping[str, Staged],
    cutoff: datetime,
) -> str:
    """Return SQL for everybody who is a customer before the cut-off, with the start.

    The start is that of the table; where it has none, or names none, it is the first event.
    """
    at = timestamp(cutoff)
    firsts = " UNION ALL ".join(
        f"SELECT {ID}, {FIRST} FROM of_{name}" for name in specification.events
    )
    seen = f"SELECT {ID}, min({FIRST}) AS {_START} FROM ({firsts}) GROUP BY {ID}"
    if specification.customers is None:
        return seen
    table = f"(SELECT * FROM {relations[CUSTOMERS]} WHERE {ID} IS NOT NULL)"
    start = f"coalesce(c.{TIME}, s.{_START})" if staged[CUSTOMERS].has_start else f"s.{_START}"
    return (
        f"SELECT c.*, {start} AS {_START}\nFROM {table} AS c LEFT JOIN ({seen}) AS s "
        f"USING ({ID}) WHERE {start} < {at}"
    )


def _customer_columns(
    specification: EventSpecification, staged: Mapping[str, Staged], cutoff: datetime
) -> Iterator[str]:
    customers = specification.customers
    at = timestamp(cutoff)
    if customers is None:
        return
    if staged[CUSTOMERS].has_start:
        yield f"(epoch_us({at}) - epoch_us({_START})) / 86400000000.0 AS tenure_days"
    for column in customers.columns:
        value = f"population.{quoted_name(f'c_{column}')}"
        if column in staged[CUSTOMERS].dates:
            # A date that lies behind the cut-off was not known at it.
            value = f"CASE WHEN {value} < {at} THEN {value} END"
        if staged[CUSTOMERS].has_known:
            value = f"CASE WHEN population.{KNOWN} < {at} THEN {value} END"
        yield f"{value} AS {quoted_name(column)}"


def _conditions(specification: EventSpecification, cutoff: datetime) -> Iterator[str]:
    population = specification.population
    for log, span in population.active.items():
        yield f"of_{log}.{LAST} >= {timestamp(cutoff - length(span))}"
    if population.tenure is not None:
        yield f"population.{_START} <= {timestamp(cutoff - length(population.tenure))}"
    for log in population.without:
        yield f"of_{log}.{FIRST} IS NULL"


def label_window(specification: EventSpecification, cutoff: datetime) -> tuple[datetime, datetime]:
    """Return the start of the label window of a cut-off, and its end, which is not part of it."""
    start = cutoff + length(specification.label.gap)
    return start, start + length(specification.label.within)


def horizon(specification: EventSpecification) -> timedelta:
    """Return the time from a cut-off to the end of its label window."""
    return length(specification.label.gap) + length(specification.label.within)


def _label_window(
    specification: EventSpecification, relations: Mapping[str, str], cutoff: datetime
) -> str:
    start, end = map(timestamp, label_window(specification, cutoff))
    events = " UNION ALL ".join(
        f"SELECT {ID} FROM {relations[log]} WHERE {ID} IS NOT NULL AND {TIME} >= {start} "
        f"AND {TIME} < {end}"
        for log in specification.label.logs
    )
    return f"SELECT DISTINCT {ID} FROM ({events})"


def top_values_sql(
    relation: str, column: str, count: int, cutoff: datetime, has_known: bool
) -> str:
    """Return SQL for the most frequent values of a column before a cut-off; ties by the value."""
    value = quoted_name(f"v_{column}")
    return (
        f"SELECT {value} FROM ({known_before(relation, cutoff, has_known)}) "
        f"WHERE {value} IS NOT NULL GROUP BY {value} ORDER BY count(*) DESC, {value} LIMIT {count}"
    )
