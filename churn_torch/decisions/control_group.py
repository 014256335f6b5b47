"""The control group: customers of the list who are not contacted, so that the effect is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.tables.hashing import Hashes, splitmix64, text_hashes

# Strata of an offer: tenths of its customers by expected value, and fewer where a stratum would
# hold less than so many control customers.
_MOST_STRATA = 10
_CONTROLS_OF_A_STRATUM = 2


def check_share(share: float) -> None:
    """Refuse a share of control customers that is no share.

    Raises:
        InputError: It is below 0, or 1 or more.
    """
    if not 0 <= share < 1:
        raise InputError(
            "control",
            expected="a share of 0 or more and below 1, such as 0.1",
            got=str(share),
            fix="10 % is 0.1, and 0 leaves out nobody",
        )


def draw_control(
    identity: Hashes,
    expected: npt.NDArray[np.floating[Any]],
    offer: npt.NDArray[np.integer[Any]],
    *,
    share: float,
    salt: str,
) -> npt.NDArray[np.bool_]:
    """Draw the control group of a list, stratified by offer and expected net value.

    The customers of each offer are ordered by expected value and cut into equal strata; of each
    stratum the customers with the smallest hashes are control. A customer's hash depends on
    nothing but the id and the salt, so the same list gives the same group in any order of its rows,
    and in a list that has grown only those change whose hash is close to ``share``.

    Args:
        identity: ``[N]`` hashes of the ids, all different.
        expected: ``[N]`` expected net value.
        offer: ``[N]`` the offer of each customer.
        share: Share of control customers. At least one is drawn where it is above 0 and there
            are two customers or more.
        salt: Other texts give other groups.

    Shape:
        [N] bool.
    """
    n = len(identity)
    n_control = max(int(n * share + 0.5), 1) if share > 0 and n > 1 else 0
    control = np.zeros(n, bool)
    if not n_control:
        return control
    drawn = splitmix64(identity ^ text_hashes(pd.Series([salt], dtype="str")))
    # Ties of the expected value are ordered by the hash, not by the row.
    order = np.lexsort((drawn, -expected, offer))
    stratum = _strata(offer[order], share)
    ends = np.cumsum(np.bincount(stratum))
    # Rounded sums, so that strata differ by at most one and the total is exact.
    quota = np.diff(np.floor(ends * (n_control / n) + 0.5).astype(np.int64), prepend=0)
    within = np.lexsort((drawn[order], stratum))
    rank = np.arange(n) - np.concatenate([[0], ends[:-1]])[stratum[within]]
    control[order[within]] = rank < quota[stratum[within]]
    return control


def _strata(offer: npt.NDArray[np.integer[Any]], share: float) -> npt.NDArray[np.int64]:
    """Return the stratum of each customer, in the order of offer and expected value."""
    stratum = np.empty(len(offer), np.int64)
    start = first = 0
    for n in np.unique(offer, return_counts=True)[1].tolist():
        n_strata = int(np.clip(n * share // _CONTROLS_OF_A_STRATUM, 1, _MOST_STRATA))
        stratum[start : start + n] = first + np.arange(n) * n_strata // n
        start += n
        first += n_strata
    return stratum
