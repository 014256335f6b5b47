"""The rows of a list: chosen customers read again, with reasons and input quality in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.decisions.campaign_record import NET, OFFER
from churn_torch.decisions.candidates import Candidates
from churn_torch.decisions.targeting import Targets
from churn_torch.errors import InputError, suggest
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import PROBABILITY, QUALITY, REASONS, UPLIFT
from churn_torch.serving.reason_words import N_REASONS, CellWords, top_reasons, untrusted
from churn_torch.tables.encode import parse_columns
from churn_torch.tables.labelled.carried import ROW, VALUE
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.prefetch import prefetch

RANK, NOT_TRUSTED = "rank", "not_trusted"
REASON_COLUMNS = tuple(f"reason_{number + 1}" for number in range(N_REASONS))
COLUMNS = (RANK, OFFER, PROBABILITY, UPLIFT, VALUE, NET, *REASON_COLUMNS, NOT_TRUSTED)
# Digits behind the decimal point of probabilities and of money.
_DIGITS, _DIGITS_OF_MONEY = 6, 4


class ListRows(NamedTuple):
    """The customers to contact, and those who are not for the sake of comparison."""

    calls: pd.DataFrame
    control: pd.DataFrame


def check_kept(keep: Sequence[str], id_column: str | None, names: Sequence[str]) -> None:
    """Refuse columns beside the list's own that are not there, or have a name of these.

    Args:
        keep: The columns to keep.
        id_column: The column that names a customer.
        names: The columns of the source.

    Raises:
        InputError: There is one.
    """
    for name in keep:
        if name not in names:
            raise InputError(
                "keep",
                expected="columns of the source",
                got=f"{name!r}{suggest(name, names)}",
            )
    for taken in (id_column, *keep):
        if taken in COLUMNS:
            raise InputError(
                "id" if taken == id_column else "keep",
                expected="a column that is not named like one of the list",
                got=repr(taken),
                fix="rename it in the source (SELECT ... AS ...)",
            )


def list_rows(
    model: BatchModel,
    source: sources.Source,
    candidates: Candidates,
    targets: Targets,
    net: npt.NDArray[np.float64],
    offers: Sequence[str],
    *,
    id_column: str | None,
    keep: Sequence[str],
    columns: list[str] | None,
    reading: ReadOptions,
    chunk_rows: int,
    progress: Callable[[int], object],
) -> ListRows:
    """Read the chosen customers once more and describe them.

    Args:
        model: Computes reasons and quality, where the file has them.
        source: The same as for the candidates.
        candidates: All customers.
        targets: The chosen ones.
        net: ``[N, K]`` expected net values.
        offers: ``[K]`` names.
        id_column: The column that names a customer; None for the position in the source.
        keep: Columns of the source that stand behind.
        columns: The columns to read; None for all.
        reading: How the source is read.
        chunk_rows: Rows read at a time.
        progress: Called with the number of rows after each chunk.

    Raises:
        InputError: The source has changed meanwhile.
    """
    chosen = np.sort(np.concatenate([targets.contacted, targets.control]))
    chunks = prefetch(
        sources.read_chunks(source, reading=reading, rows=chunk_rows, columns=columns), depth=1
    )
    described = pd.concat(
        list(_described(model, chunks, chosen, id_column, keep, progress)), ignore_index=True
    )
    if len(described) != len(chosen):
        raise InputError(
            "source",
            expected="a table that stays the same while it is read",
            got="fewer rows at the second reading",
            fix="save it under another name first",
        )
    return ListRows(
        *(
            _in_order(rows, chosen, described, candidates, targets, net, offers)
            for rows in (targets.contacted, targets.control)
        )
    )


def _described(
    model: BatchModel,
    chunks: Iterator[pd.DataFrame],
    chosen: npt.NDArray[np.int64],
    id_column: str | None,
    keep: Sequence[str],
    progress: Callable[[int], object],
) -> Iterator[pd.DataFrame]:
    """Yield id, reasons, quality and kept columns of the chosen rows, in the source's order."""
    first_row = 0
    for frame in chunks:
        start, end = np.searchsorted(chosen, [first_row, first_row + len(frame)])
        here = chosen[start:end] - first_row
        rows = frame.iloc[here].reset_index(drop=True)
        identity = pd.Series(chosen[start:end]) if id_column is None else rows[id_column]
        told = _told(model, rows, first_row) if len(rows) else _nothing_told(0)
        first = pd.DataFrame({id_column or ROW: identity, **told}, copy=False)
        yield pd.concat([first, rows[list(keep)]], axis=1)
        progress(len(frame))
        first_row += len(frame)


def _told(model: BatchModel, rows: pd.DataFrame, first_row: int) -> Mapping[str, pd.Series]:
    outputs = {}
    if model.outputs:
        outputs = model.compute(parse_columns(rows, model.schema, first_row=first_row))
    words = CellWords(rows, model.schema, model.names)
    told = dict(_nothing_told(len(rows)))
    if REASONS in outputs:
        texts = top_reasons(outputs[REASONS], words)
        told |= {n: pd.Series(text, dtype="str") for n, text in zip(told, texts, strict=False)}
    if QUALITY in outputs:
        meaning = {int(flag): word for flag, word in model.metadata["quality"].items()}
        doubts = untrusted(outputs[QUALITY], words, meaning)
        told[NOT_TRUSTED] = pd.Series(doubts, dtype="str")
    return told


def _nothing_told(n: int) -> Mapping[str, pd.Series]:
    empty = pd.Series([""] * n, dtype="str")
    return dict.fromkeys((*REASON_COLUMNS, NOT_TRUSTED), empty)


def _in_order(
    positions: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int64],
    described: pd.DataFrame,
    candidates: Candidates,
    targets: Targets,
    net: npt.NDArray[np.float64],
    offers: Sequence[str],
) -> pd.DataFrame:
    """Return the rows of some customers in their order, with ranks and numbers."""
    rows = described.take(np.searchsorted(chosen, positions)).reset_index(drop=True)
    offer = targets.offer[positions]
    numbers: dict[str, object] = {
        RANK: np.arange(1, len(positions) + 1),
        OFFER: pd.Series(np.array(offers, object)[offer], dtype="str"),
        PROBABILITY: candidates.probability[positions].astype(np.float64).round(_DIGITS),
    }
    if candidates.uplift is not None:
        numbers[UPLIFT] = candidates.uplift[positions].astype(np.float64).round(_DIGITS)
    numbers[VALUE] = candidates.judged.value[positions].round(_DIGITS_OF_MONEY)
    numbers[NET] = net[positions, offer].round(_DIGITS_OF_MONEY)
    return pd.concat([rows.iloc[:, :1], pd.DataFrame(numbers), rows.iloc[:, 1:]], axis=1)
