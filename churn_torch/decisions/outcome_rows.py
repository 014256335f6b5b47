"""Outcomes of a campaign, joined with the customers of its lists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn_torch.decisions.campaign_record import NET, OFFER
from churn_torch.decisions.group_difference import Bools
from churn_torch.decisions.results import Outcomes
from churn_torch.errors import InputError, suggest
from churn_torch.serving.outputs import PROBABILITY, UPLIFT
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labels import find_classes, match_label
from churn_torch.tables.readers.spreadsheet_cells import FORMULA
from churn_torch.tables.values.cells import canonical_text, numbers_as_text
from churn_torch.tables.values.plain_numbers import read_numbers
from churn_torch.tables.values.target_cells import shown

KEY = "results"
REVENUE = "revenue"
# A list for spreadsheets has an apostrophe before what would be a formula.
_DEFUSED = rf"^'(?={FORMULA[1:]})"


@dataclass(frozen=True)
class Joined:
    """The customers of a campaign with what is known of their outcomes.

    Attributes:
        lists: All customers, as `read_lists` returns them.
        with_outcome: ``[N]``, whether the outcome is known.
        outcomes: Those whose outcome is known.
    """

    lists: pd.DataFrame
    with_outcome: Bools
    outcomes: Outcomes


def join_outcomes(
    lists: pd.DataFrame, table: pd.DataFrame, *, id: str, churned: str, revenue: str | None = None
) -> Joined:
    """Join outcomes with the customers of a campaign.

    Args:
        lists: As `read_lists` returns them.
        table: The outcomes: a row a customer.
        id: Its column of ids.
        churned: Its column of who left: any two words for yes and no, or for leaving and staying;
            an empty cell is an outcome that is not known.
        revenue: Its column of what each customer brought; None for the column ``revenue``, if there
            is one.

    Raises:
        InputError: A column is missing, an id is unknown, empty or there twice, or the cells are no
            outcomes.
    """
    if revenue is None and REVENUE in table.columns:
        revenue = REVENUE
    for name in (id, churned, *([] if revenue is None else [revenue])):
        if name not in table.columns:
            raise InputError(
                KEY,
                expected=f"the column {name!r}",
                got=f"none of that name{suggest(name, table.columns)}",
                fix="rename the column, or say which it is (id=, churned=, revenue=)",
            )
    places = _places(*comparable_ids(lists["id"], table[id]), id)
    left = np.full(len(lists), np.nan)
    left[places] = _left(table[churned])
    with_outcome = ~np.isnan(left)
    brought = None
    if revenue is not None:
        column = np.full(len(lists), np.nan)
        column[places] = _amounts(table[revenue], ~np.isnan(left[places]))
        brought = column[with_outcome]
    known = lists[with_outcome]
    outcomes = Outcomes(
        treated=known["treated"].to_numpy(bool),
        churned=left[with_outcome],
        offer=known[OFFER].to_numpy(object),
        probability=known[PROBABILITY].to_numpy(np.float64),
        value=known[VALUE].to_numpy(np.float64),
        expected_net_value=known[NET].to_numpy(np.float64),
        uplift=known[UPLIFT].to_numpy(np.float64) if UPLIFT in known else None,
        revenue=brought,
    )
    return Joined(lists, with_outcome, outcomes)


def comparable_ids(listed: pd.Series, given: pd.Series) -> tuple[pd.Index, pd.Index]:
    """Return the ids of the lists and of the outcomes as text, whichever files they come from.

    Numbers are spelled in one way (``12`` for ``12.0``) only where some id is not found otherwise:
    with millions of ids it takes long.
    """
    texts = [_plain_ids(listed), _plain_ids(given)]
    known, found = (pa.array(text, pa.large_string()) for text in texts)
    if not pc.all(pc.is_in(found, value_set=known)).as_py():
        texts = [numbers_as_text(text) for text in texts]
    return pd.Index(texts[0]), pd.Index(texts[1])


def _plain_ids(column: pd.Series) -> pd.Series:
    text = canonical_text(column).str.strip()
    if text.str.startswith("'").any():
        # A tab, which is no part of an id, may stand behind the apostrophe.
        text = text.str.replace(_DEFUSED, "", regex=True).str.strip()
    return text


def _places(listed: pd.Index, ids: pd.Index, name: str) -> npt.NDArray[np.intp]:
    """Return the place of each outcome in the lists."""
    if listed.has_duplicates:
        first = listed[listed.duplicated()][0]
        raise InputError(
            "campaign",
            expected="each customer once in its lists",
            got=f"the id {first!r} in several rows",
            fix="make the list of a table with one row a customer",
        )
    empty = np.asarray(ids == "")
    if empty.any():
        raise InputError(
            KEY,
            expected=f"an id in each cell of {name!r}",
            got=f"an empty cell in row {int(empty.argmax()) + 1:,}",
            fix="fill it in, or drop the row",
        )
    repeated = ids.duplicated()
    if repeated.any():
        last = int(repeated.argmax())
        first = int(np.argmax(ids == ids[last]))
        raise InputError(
            KEY,
            expected="each customer once",
            got=f"{ids[last]!r} in rows {first + 1:,} and {last + 1:,} "
            f"({int(repeated.sum()):,} rows too many)",
            fix="keep one row a customer",
        )
    places = listed.get_indexer(ids)
    unknown = places < 0
    if unknown.all():
        raise InputError(
            KEY,
            expected="customers of the call list and the control group",
            got=f"{len(ids):,} rows, none of whose ids is in them (the first is {ids[0]!r})",
            fix="name the column with their ids (id=COLUMN) and the folder of their campaign",
        )
    if unknown.any():
        first = int(unknown.argmax())
        raise InputError(
            KEY,
            expected="customers of the call list and the control group",
            got=f"{int(unknown.sum()):,} of {len(ids):,} rows with ids that are in neither, "
            f"first {ids[first]!r} in row {first + 1:,}",
            fix="drop the rows of other customers",
        )
    return places


def _left(column: pd.Series) -> npt.NDArray[np.float64]:
    """Return 1.0 for customers who left, 0.0 for those who stayed, NaN where nothing is said."""
    where = f"{KEY}, column {str(column.name)!r}"
    expected = "two values that say who left and who stayed (yes and no, 1 and 0)"
    try:
        classes = find_classes(column, None)
    except InputError as error:
        counts = canonical_text(column).value_counts()
        said = {str(label): int(n) for label, n in counts.items() if str(label).strip()}
        if len(said) == 1:
            got = f"{shown(said)} and no other value"
            fix = "without leavers, or without stayers, there is nothing to compare"
        else:
            got = shown(said) or "empty cells only"
            fix = "write yes for those who left and no for those who stayed"
        raise InputError(where, expected=expected, got=got, fix=fix) from error
    codes, levels = pd.factorize(canonical_text(column))
    labels = [classes.positive, classes.negative]
    values = []
    for level in map(str, levels):
        label = match_label(labels, level) if level.strip() else None
        values.append(np.nan if label is None else float(label == classes.positive))
    return np.array(values)[codes]


def _amounts(column: pd.Series, needed: Bools) -> npt.NDArray[np.float64]:
    """Return amounts of money; those of customers with an outcome must be there."""
    text = canonical_text(column)
    values, _ = read_numbers(text.mask(text.str.strip() == ""))
    amounts = values.to_numpy(np.float64)
    bad = needed & ~np.isfinite(amounts)
    if bad.any():
        first = int(bad.argmax())
        raise InputError(
            f"{KEY}, column {str(column.name)!r}",
            expected="a number in each row",
            got=f"{text.iloc[first]!r} in row {first + 1:,} ({int(bad.sum()):,} such rows)",
            fix="write plain numbers, 0 for customers who brought nothing",
        )
    return amounts
