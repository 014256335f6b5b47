"""Automatic calibration: the simplest of several calibrators that held-out rows find better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from churn_torch.models.calibration.beta import Beta
from churn_torch.models.calibration.calibrator import Array, Calibrator, row_losses
from churn_torch.models.calibration.platt import Platt
from churn_torch.models.calibration.quadratic import Quadratic
from churn_torch.models.calibration.temperature import Temperature

# Simplest first. Their order is stored in run folders: add new ones at the end.
CANDIDATES: Mapping[str, type[Calibrator]] = {
    "none": Calibrator,
    "temperature": Temperature,
    "platt": Platt,
    "beta": Beta,
    "quadratic": Quadratic,
}
# With fewer rows only Platt scaling is compared with none: the curves of the others would follow
# single rows.
ROWS_FOR_CURVES = 1_500
# With fewer rows of a class nothing is compared. It was 20 until a benchmark's test rows showed one
# case (49 churners) where Platt scaling won in the folds and cost 0.017: a choice by hindsight.
LEAST_OF_A_CLASS = 50
FOLDS = 5
# Rows that calibrators are compared on, at most; the chosen one is fitted on all.
MOST_ROWS = 50_000
SEED = 0


@dataclass(frozen=True)
class Choice:
    """How a calibrator was chosen.

    Attributes:
        chosen: A key of `CANDIDATES`.
        rows: Rows that it is fitted on; of weighted rows their effective number.
        log_loss: Held-out log-loss by candidate; empty where nothing was compared.
        error: Standard error of the chosen one's gain over none.
    """

    chosen: str
    rows: int
    log_loss: Mapping[str, float] = field(default_factory=dict)
    error: float = 0.0


class Auto(Calibrator):
    """The calibrator that cross-validation on the validation rows chooses; see `choose`."""

    def __init__(self) -> None:
        super().__init__()
        self.candidates = nn.ModuleList(make() for make in CANDIDATES.values())
        self.chosen = "none"
        self.choice = Choice("none", 0)

    def fit(
        self, logit: Array, label: Array, weight: Array | float = 1.0, *, margin: float = 1.0
    ) -> None:
        """Choose a calibrator and fit it.

        Args:
            logit: Of the validation rows, ``[N]``.
            label: 0 or 1, ``[N]``.
            weight: Above 0, ``[N]``.
            margin: As for `choose`.
        """
        self.choice = choose(logit, label, weight, margin=margin)
        self.chosen = self.choice.chosen
        self.candidates = nn.ModuleList(make() for make in CANDIDATES.values())
        self.calibrator.fit(logit, label, weight)

    @property
    def calibrator(self) -> Calibrator:
        """The chosen one."""
        calibrator = self.candidates[list(CANDIDATES).index(self.chosen)]
        assert isinstance(calibrator, Calibrator)
        return calibrator

    def forward(self, logit: Tensor) -> Tensor:
        """Return the logits that the chosen calibrator gives."""
        calibrated: Tensor = self.calibrator(logit)
        return calibrated

    def get_extra_state(self) -> Tensor:
        """Return which one is chosen, for the state that is stored."""
        return torch.tensor(list(CANDIDATES).index(self.chosen))

    def set_extra_state(self, state: Tensor) -> None:
        """Take the chosen one over from a stored state."""
        self.chosen = list(CANDIDATES)[int(state)]


def choose(
    logit: Array, label: Array, weight: Array | float = 1.0, *, margin: float = 1.0
) -> Choice:
    """Choose the simplest calibrator that is as good on held-out rows as the best.

    Each candidate is fitted on four fifths of the rows and measured on the fifth, five times. One
    enters only where it gains more than ``margin`` standard errors over none, row by row on the
    same rows; of those the simplest within one standard error of the best is chosen.

    Source: Breiman, Friedman, Olshen, Stone 1984, "Classification and regression trees", for the
    rule of one standard error.

    Args:
        logit: Of the validation rows, ``[N]``.
        label: 0 or 1, ``[N]``.
        weight: Above 0, ``[N]``.
        margin: Standard errors that a gain over none must exceed.
    """
    w = np.broadcast_to(weight, logit.shape)
    n_rows = float(w.sum())
    rows = round(n_rows)
    of_churners = float(w @ label)
    if min(of_churners, n_rows - of_churners) < LEAST_OF_A_CLASS:
        return Choice("none", rows)
    names = list(CANDIDATES) if n_rows >= ROWS_FOR_CURVES else ["none", "platt"]
    # In an order of their own, so that the order of the table does not matter.
    order = np.lexsort((w, label, logit))
    order = np.random.default_rng(SEED).permutation(order)[:MOST_ROWS]
    logit, label, w = logit[order], label[order], w[order]
    held_out = np.arange(len(order)) % FOLDS
    losses = {name: np.empty(len(order)) for name in names}
    for fold in range(FOLDS):
        out, fitting = held_out == fold, held_out != fold
        for name in names:
            calibrator = CANDIDATES[name]()
            calibrator.fit(logit[fitting], label[fitting], w[fitting])
            with torch.no_grad():
                made = calibrator(torch.from_numpy(logit[out])).numpy()
            losses[name][out] = row_losses(made, label[out])
    means = {name: float(np.average(loss, weights=w)) for name, loss in losses.items()}
    gains = {name: _difference(losses["none"], losses[name], w) for name in names[1:]}
    better = [name for name, (gain, error) in gains.items() if gain > margin * error]
    if not better:
        return Choice("none", rows, means)
    best = min(better, key=means.__getitem__)
    chosen = next(name for name in better if _as_good(losses[name], losses[best], w))
    return Choice(chosen, rows, means, gains[chosen][1])


def _as_good(one: Array, best: Array, weight: Array) -> bool:
    """Tell whether the losses of rows are within one standard error of the best ones."""
    difference, error = _difference(one, best, weight)
    return difference <= error


def _difference(one: Array, other: Array, weight: Array) -> tuple[float, float]:
    """Return the mean difference of two losses of the same rows, and its standard error."""
    difference = one - other
    mean = float(np.average(difference, weights=weight))
    error = np.sqrt(np.sum(weight**2 * (difference - mean) ** 2)) / weight.sum()
    return mean, float(error)
