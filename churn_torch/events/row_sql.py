"""The rows of one cut-off as SQL: who is in them, their features, and whether they churned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_torch.errors import InputError
from churn_torch.events.feature_sql import (
    DAY_MICROS,
    FIRST,
    ID,
    KNOWN,
    LAST,
    TIME,
    events_of,
    features_of,
    known_before,
    log_features,
    number_column,
    timestamp,
    value_column,
)
from churn_torch.events.lifetime_sql import leaving_sql
from churn_torch.events.spans import length
from churn_torch.events.specification import (
    CUSTOMERS,
    DURATION,
    SPEND,
    TARGET,
    EventSpecification,
)
from churn_torch.events.specification import TIME as CUTOFF
from churn_torch.tables.sql_text import quoted_name

START = "_start"


@dataclass(frozen=True)
class LogState:
    """What the SQL must know of a source besides the specification.

    Attributes:
        has_known: The rows say when they were known.
        begin: The first event of anybody that may be used at the cut-off.
        dates: Columns of the customers that hold dates.
    """

    has_known: bool = False
    begin: datetime | None = None
    dates: tuple[str, ...] = ()


def rows_sql(
    specification: EventSpecification,
    states: Mapping[str, LogState],
    cutoff: datetime,
    *,
    labelled: bool,
    followed: int | None = None,
) -> str:
    """Return the query that gives the rows of a cut-off.

    It reads relations with the names of the logs, and ``customers``.

    Args:
        specification: Whose shares by value name the values.
        states: Of the logs and of the customers.
        cutoff: The cut-off, in UTC.
        labelled: Whether to say who churned.
        followed: For a model of time to churn, for how many days customers are followed; the rows
            then say who left meanwhile, and how long each was observed.

    Raises:
        InputError: Two columns would have the same name.
    """
    at = timestamp(cutoff)
    queries: dict[str, str] = {}
    columns = {id_name(specification): f"population.{ID}", CUTOFF: at}
    named = list(columns)
    for name, value in _customer_columns(specification, states, cutoff):
        named.append(name)
        columns[name] = value
    joins = []
    events = {events_of(log) for log in specification.events}
    for log in specification.events:
        found = log_features(
            log,
            specification.features.get(log),
            cutoff,
            has_known=states[log].has_known,
            begin=states[log].begin,
            has_start=_has_start(specification),
        )
        queries |= found.queries
        joins.append(f"LEFT JOIN {features_of(log)} ON {features_of(log)}.{ID} = population.{ID}")
        for name, without in found.columns.items():
            value = f"{features_of(log)}.{quoted_name(name)}"
            columns[name] = value if without == "NULL" else f"coalesce({value}, {without})"
            named.append(name)
        features = specification.features.get(log)
        begin = states[log].begin
        if features is not None and features.first and _has_start(specification):
            name = f"{log}_first_is_censored"
            earlier = "false" if begin is None else f"population.{START} < {timestamp(begin)}"
            columns[name] = earlier
            named.append(name)
    queries["population"] = _population(specification, cutoff)
    if followed is not None and labelled:
        queries["leaving"], of_others = leaving_sql(specification.label, cutoff, followed)
        joins.append(f"LEFT JOIN leaving ON leaving.{ID} = population.{ID}")
        day = f"CASE WHEN leaving.{ID} IS NULL THEN {of_others} ELSE leaving.day END"
        columns |= {TARGET: f"({day}) IS NOT NULL", DURATION: f"coalesce({day}, {followed})"}
        named += [TARGET, DURATION]
    elif followed is not None:
        columns[DURATION] = "0"  # at the cut-off itself
        named.append(DURATION)
    elif labelled:
        queries["label_window"] = _label_window(specification, cutoff)
        joins.append(f"LEFT JOIN label_window ON label_window.{ID} = population.{ID}")
        word = "NOT NULL" if specification.label.event is not None else "NULL"
        columns[TARGET] = f"label_window.{ID} IS {word}"
        named.append(TARGET)
        if specification.label.spend:
            queries["spent"] = _spent(specification, cutoff)
            joins.append(f"LEFT JOIN spent ON spent.{ID} = population.{ID}")
            # Who gives back more than they buy has spent nothing.
            columns[SPEND] = "greatest(coalesce(spent.amount, 0.0), 0.0)"
            named.append(SPEND)
    _check_names(named)
    chosen = ",\n  ".join(f"{value} AS {quoted_name(name)}" for name, value in columns.items())
    conditions = list(_conditions(specification, cutoff))
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    # Rows in an order that says nothing about the customers.
    order = f"\nORDER BY hash(CAST(population.{ID} AS VARCHAR)), population.{ID}"
    made = ",\n".join(
        # Events would be kept in memory for the queries that read them; reading them again is less.
        f"{name} AS {'NOT MATERIALIZED ' * (name in events)}(\n{sql}\n)"
        for name, sql in queries.items()
    )
    joined = "\n".join(["FROM population", *joins])
    return f"WITH {made}\nSELECT\n  {chosen}\n{joined}{where}{order}"


def id_name(specification: EventSpecification) -> str:
    """Return the name of the customer's column: that of the customers, else of the first log."""
    if specification.customers is not None:
        return specification.customers.id
    return next(iter(specification.events.values())).id


def _check_names(names: list[str]) -> None:
    counts = Counter(name.casefold() for name in names)
    if twice := [name for name in names if counts[name.casefold()] > 1]:
        raise InputError(
            "features",
            expected="different names of columns",
            got=f"{twice[0]!r} and {twice[1]!r}",
            fix="rename a log, or a column in a SELECT as the source",
        )


def _has_start(specification: EventSpecification) -> bool:
    return specification.customers is not None and specification.customers.start is not None


def _population(specification: EventSpecification, cutoff: datetime) -> str:
    """Return SQL for everybody who is a customer before the cut-off, with the start.

    The start is that of the table; where it has none, or names none, it is the first event.
    """
    firsts = "\nUNION ALL ".join(
        f"SELECT {ID}, {FIRST} FROM {features_of(log)}" for log in specification.events
    )
    seen = f"SELECT {ID}, min({FIRST}) AS {START} FROM (\n{firsts}\n) GROUP BY {ID}"
    if specification.customers is None:
        return seen
    start = f"coalesce(c.{TIME}, s.{START})" if _has_start(specification) else f"s.{START}"
    return (
        f"SELECT c.*, {start} AS {START}\nFROM {CUSTOMERS} AS c LEFT JOIN (\n{seen}\n) AS s "
        f"USING ({ID})\nWHERE {start} < {timestamp(cutoff)}"
    )


def _customer_columns(
    specification: EventSpecification, states: Mapping[str, LogState], cutoff: datetime
) -> Iterator[tuple[str, str]]:
    customers = specification.customers
    at = timestamp(cutoff)
    if customers is None:
        return
    if customers.start is not None:
        tenure = f"(epoch_us({at}) - epoch_us(population.{START})) / {DAY_MICROS}"
        yield "tenure_days", tenure
    for column in customers.columns:
        value = f"population.{quoted_name(f'c_{column}')}"
        if column in states[CUSTOMERS].dates:
            # A date behind the cut-off was not known at it.
            value = f"CASE WHEN {value} < {at} THEN {value} END"
        if states[CUSTOMERS].has_known:
            value = f"CASE WHEN population.{KNOWN} < {at} THEN {value} END"
        yield column, value


def _conditions(specification: EventSpecification, cutoff: datetime) -> Iterator[str]:
    population = specification.population
    active = [
        f"{features_of(log)}.{LAST} >= {timestamp(cutoff - length(span))}"
        for log, span in population.active.items()
    ]
    if active:
        yield f"({' OR '.join(active)})"
    if population.tenure is not None:
        yield f"population.{START} <= {timestamp(cutoff - length(population.tenure))}"
    for log in population.without:
        yield f"{features_of(log)}.{FIRST} IS NULL"


def horizon(specification: EventSpecification) -> timedelta:
    """Return the time from a cut-off to the end of its label window."""
    return length(specification.label.gap) + length(specification.label.within)


def _in_label_window(specification: EventSpecification, cutoff: datetime) -> str:
    start = timestamp(cutoff + length(specification.label.gap))
    return f"{TIME} >= {start} AND {TIME} < {timestamp(cutoff + horizon(specification))}"


def _label_window(specification: EventSpecification, cutoff: datetime) -> str:
    inside = _in_label_window(specification, cutoff)
    events = "\nUNION ALL ".join(
        f"SELECT {ID} FROM {quoted_name(log)} WHERE {inside}" for log in specification.label.logs
    )
    return f"SELECT DISTINCT {ID} FROM (\n{events}\n)"


def _spent(specification: EventSpecification, cutoff: datetime) -> str:
    inside = _in_label_window(specification, cutoff)
    amounts = "\nUNION ALL ".join(
        f"SELECT {ID}, {quoted_name(number_column(column))} AS amount FROM {quoted_name(log)} "
        f"WHERE {inside}"
        for log, column in specification.label.spend.items()
    )
    return f"SELECT {ID}, fsum(amount) AS amount FROM (\n{amounts}\n) GROUP BY {ID}"


def top_values_sql(
    relation: str, column: str, count: int, cutoff: datetime, has_known: bool
) -> str:
    """Return SQL for the most frequent values of a column before a cut-off; ties by the value."""
    value = quoted_name(value_column(column))
    return (
        f"SELECT {value} FROM ({known_before(relation, cutoff, has_known)}) "
        f"WHERE {value} IS NOT NULL GROUP BY {value} ORDER BY count(*) DESC, {value} LIMIT {count}"
    )
