"""The candidates of a campaign: one pass over the source keeps a few numbers of each customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.customer_rules import CustomerRules, Judged
from churn_torch.decisions.offers import Offer, Payoffs, expected_spend, payoffs
from churn_torch.errors import InputError, suggest
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import EXPECTED_SPEND, PROBABILITY, UPLIFT
from churn_torch.tables.customer_value import Valuation
from churn_torch.tables.encode import Texts, parse_columns
from churn_torch.tables.hashing import Hashes, text_hashes
from churn_torch.tables.input_counts import InputCounts
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.arrow import Announce
from churn_torch.tables.readers.prefetch import prefetch
from churn_torch.tables.values.cells import canonical_text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """All customers of a source, by their position in it.

    Attributes:
        probability: ``[N]`` of churn; without a contact where there is an uplift.
        uplift: ``[N]`` by how much a contact lowers it, where the model has learned that.
        identity: ``[N]`` hashes of the ids.
        judged: What the rules of the campaign say.
    """

    probability: npt.NDArray[np.float32]
    uplift: npt.NDArray[np.float32] | None
    identity: Hashes
    judged: Judged

    def of(self, rows: npt.NDArray[np.int64]) -> Candidates:
        """Return some of the customers."""
        uplift = None if self.uplift is None else self.uplift[rows]
        left, eligible, value, keep_rate = self.judged
        judged = Judged(left[rows], eligible[rows], value[rows], keep_rate[rows])
        return Candidates(self.probability[rows], uplift, self.identity[rows], judged)

    def kept(self, number: int, keep_rate: Floats | float | None = None) -> Floats:
        """Return the chance that each customer is kept by an offer, ``[N]``.

        Args:
            number: The offer's position.
            keep_rate: In place of the expected one.
        """
        if self.uplift is not None:
            return self.uplift.astype(np.float64)
        rate = self.judged.keep_rate[:, number] if keep_rate is None else keep_rate
        return np.asarray(self.probability * rate, np.float64)

    def net(self, number: int, offer: Offer, kept: Floats, value_factor: float = 1.0) -> Floats:
        """Return the expected net value of an offer, ``[N]``; NaN for who is not eligible."""
        pays: Payoffs = payoffs(offer, self.judged.value * value_factor)
        net = pays.net_of_uplift(self.probability.astype(np.float64), kept)
        return np.where(self.judged.eligible[:, number], net, np.nan)


def net_and_spend(candidates: Candidates, offers: Mapping[str, Offer]) -> tuple[Floats, Floats]:
    """Return the expected net value of each offer and what the budget pays for it, ``[N, K]``."""
    net, spend = [], []
    probability = candidates.probability.astype(np.float64)
    for number, offer in enumerate(offers.values()):
        kept = candidates.kept(number)
        net.append(candidates.net(number, offer, kept))
        spend.append(expected_spend(offer, probability, np.nan_to_num(kept)))
    return np.column_stack(net), np.column_stack(spend)


def read_candidates(
    model: BatchModel,
    source: sources.Source,
    rules: CustomerRules,
    *,
    id_column: str | None,
    columns: list[str] | None,
    reading: ReadOptions,
    chunk_rows: int,
    counts: InputCounts,
    value: Valuation,
    progress: Callable[[int], object],
    announce: Announce,
) -> Candidates:
    """Read every customer of a source, score and judge them.

    One thread reads, one parses and judges, one runs the model.

    Args:
        model: Computes the probability, and the uplift where the file has it.
        source: As for `sources.read`.
        rules: The rules of the campaign.
        id_column: The column that names a customer; None for the position in the source.
        columns: The columns to read; None for all.
        reading: How the source is read.
        chunk_rows: Rows read at a time.
        counts: Counts the cells of the source.
        value: What a customer is worth.
        progress: Called with the number of rows after each chunk.
        announce: As for `sources.read`.

    Raises:
        InputError: A column or a cell cannot be used, or an id is missing or there twice.
    """
    read_by_rules = {*rules.columns, *([] if id_column is None else [id_column])}
    coded = [column.name for column in model.schema.text if column.name not in read_by_rules]
    chunks = sources.read_chunks(
        source, reading=reading, rows=chunk_rows, columns=columns, coded=coded, announce=announce
    )
    parsed = prefetch(_parsed(prefetch(chunks, depth=1), model, rules, id_column, counts), depth=1)
    scores: list[Mapping[str, Any]] = []
    kept: list[_Parsed] = []
    for chunk in parsed:
        scores.append(model.compute(chunk.columns))
        kept.append(chunk._replace(columns={}))
        progress(len(chunk.judged.left))
    identity = np.concatenate([chunk.identity for chunk in kept])
    if id_column is not None:
        _check_distinct(identity, id_column)
    judged = Judged(*map(np.concatenate, zip(*(chunk.judged for chunk in kept), strict=True)))
    if value.is_predicted:
        spend = np.concatenate([score[EXPECTED_SPEND] for score in scores]).astype(np.float64)
        judged = judged._replace(value=np.where(judged.left, np.nan, spend * value.factor))
    rules.check_selects(int(judged.left.sum()), judged.eligible.sum(axis=0), len(judged.left))
    return Candidates(
        np.concatenate([score[PROBABILITY] for score in scores]),
        np.concatenate([s[UPLIFT] for s in scores]) if UPLIFT in model.outputs else None,
        identity,
        judged,
    )


class _Parsed(NamedTuple):
    """A chunk: the ids, what the rules say, and the columns that the model reads."""

    identity: Hashes
    judged: Judged
    columns: Mapping[str, pd.Series | Texts]


def _parsed(
    chunks: Iterator[pd.DataFrame],
    model: BatchModel,
    rules: CustomerRules,
    id_column: str | None,
    counts: InputCounts,
) -> Iterator[_Parsed]:
    first_row = 0
    for frame in chunks:
        identity = _identity(frame, id_column, first_row)
        columns = parse_columns(frame, model.schema, first_row=first_row)
        judged = rules.judge(frame, first_row)
        counts.add(columns)
        yield _Parsed(identity, judged, columns)
        first_row += len(frame)


def _identity(frame: pd.DataFrame, id_column: str | None, first_row: int) -> Hashes:
    if id_column is None:
        return np.arange(first_row, first_row + len(frame), dtype=np.uint64)
    if id_column not in frame.columns:
        raise InputError(
            "id",
            expected="a column of the source that names the customers",
            got=f"{id_column!r}, which is not in it{suggest(id_column, frame.columns)}",
            fix="add the column, or name another one (id=COLUMN)",
        )
    text = canonical_text(frame[id_column])
    blank = (text.str.strip() == "").to_numpy(bool)
    if blank.any():
        raise InputError(
            f"column {id_column!r}",
            expected="an id in every row",
            got=f"none in row {first_row + int(blank.argmax()) + 1:,}",
            fix="fill it, or leave the row out",
        )
    return text_hashes(text)


def _check_distinct(identity: Hashes, id_column: str) -> None:
    order = np.argsort(identity, kind="stable")
    again = np.flatnonzero(identity[order][1:] == identity[order][:-1])
    if not len(again):
        return
    first = again[np.argmin(order[again + 1])]
    rows = f"rows {int(order[first]) + 1:,} and {int(order[first + 1]) + 1:,}"
    raise InputError(
        f"column {id_column!r}",
        expected="each customer once",
        got=f"the same id in {rows} ({len(again):,} rows too many)",
        fix="keep one row a customer, such as the newest",
    )
