"""Whether sources name the same customers: ids may be others, or be written in another form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from churn_torch.errors import InputError
from churn_torch.events.feature_sql import ID
from churn_torch.events.specification import CUSTOMERS, EventSpecification
from churn_torch.events.staged_source import StagedSource, common_id_type
from churn_torch.tables.readers.bounded_database import Database


def check_ids(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
) -> None:
    """Refuse a table of customers of whom nobody has an event.

    Raises:
        InputError: There is no customer with an event.
    """
    logs = [name for name in specification.events if staged[name].last is not None]
    if not logs or any(_share(database, staged, CUSTOMERS, log) for log in logs):
        return
    theirs, ours = (_example(database, staged, name) for name in (CUSTOMERS, logs[0]))
    raise InputError(
        "customers.id",
        expected="the ids of the events",
        got=f"other ones: {theirs!r} and the like in the table of customers, {ours!r} and the "
        "like in the events",
        fix="name the column that has them, or write both in one form with a SELECT as the source",
    )


def strange_logs(
    database: Database,
    specification: EventSpecification,
    staged: Mapping[str, StagedSource],
) -> Iterator[str]:
    """Yield a sentence for each log that has no customer of the first one."""
    first, *others = [name for name in specification.events if staged[name].last is not None] or [
        ""
    ]
    for name in others:
        if not _share(database, staged, first, name):
            theirs, ours = (_example(database, staged, one) for one in (first, name))
            yield (
                f"events.{name}: none of its customers has events of {first}; ids such as "
                f"{ours!r} here and {theirs!r} there may not be written in one form."
            )


def _share(
    database: Database,
    staged: Mapping[str, StagedSource],
    one: str,
    other: str,
) -> bool:
    """Tell whether somebody is in both sources."""
    id_type = common_id_type(staged)
    return any(
        database.rows(
            f"SELECT 1 FROM {staged[other].relation(part, id_type)} SEMI JOIN "
            f"{staged[one].relation(part, id_type)} USING ({ID}) LIMIT 1"
        )
        for part in range(staged[one].parts)
    )


def _example(database: Database, staged: Mapping[str, StagedSource], name: str) -> object:
    relation = staged[name].relation(None, common_id_type(staged))
    [(found,)] = database.rows(f"SELECT min({ID}) FROM {relation}")
    return found
