"""What a training of uplift measures on its test rows, and what it says of the treatment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from churn_torch.console import show
from churn_torch.decisions.offers import Offer, payoffs
from churn_torch.decisions.uplift_profit import UpliftProfit, uplift_profit
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.evaluation.uplift.experiment import experiment
from churn_torch.evaluation.uplift.uplift_metrics import UpliftMetrics, uplift_metrics
from churn_torch.report.pages.uplift_page import uplift_page
from churn_torch.report.uplift import deciles_table, uplift_profit_table, uplift_table
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.treatment import ARMS
from churn_torch.training.inference import Scored
from churn_torch.whole_files import write_text
from churn_torch.workflows.configuration.options import TrainOptions
from churn_torch.workflows.runs import artefacts

# Smallest distance of a probability from 0 and 1 in the log-loss of an arm.
_EPS = 1e-7


class MeasuredUplift(NamedTuple):
    """Metrics of the uplift of test rows.

    Attributes:
        log_loss: Of each arm under its own probability: contacted customers churn with
            ``probability - uplift``.
        metrics: How uplift ranks, and how it is calibrated.
        profit: What contacting by the predicted net value of each offer is worth, by its name.
    """

    log_loss: dict[str, float]
    metrics: UpliftMetrics
    profit: dict[str, UpliftProfit]

    def entry(self) -> dict[str, Any]:
        """Return what metrics.json keeps."""
        return {
            "log_loss": self.log_loss,
            **self.metrics.numbers,
            "intervals": {name: list(ends) for name, ends in self.metrics.intervals.items()},
            "deciles": [dataclasses.asdict(group) for group in self.metrics.deciles],
            "profit": {name: _figures(one) for name, one in self.profit.items()},
        }


class UpliftRows:
    """The test rows of a model of uplift, kept until they are measured.

    Args:
        chance: The chance of having been contacted: a number, a carried column, or None.
        offers: Offers by name, whose profit is measured; the rows then carry their value.
    """

    def __init__(
        self, chance: str | float | None, offers: Mapping[str, Offer] | None = None
    ) -> None:
        self.chance = chance
        self.offers = offers or {}
        self.values: list[pd.Series] = []
        self.rows: list[Scored] = []
        self.chances: list[pd.Series] = []

    def add(self, rows: Scored, carried: pd.DataFrame) -> None:
        """Keep scored rows and, where chances differ, those of their carried columns."""
        self.rows.append(rows)
        if isinstance(self.chance, str):
            self.chances.append(carried[self.chance])
        if self.offers:
            self.values.append(carried[VALUE])

    def measure(self) -> MeasuredUplift:
        """Measure all rows.

        Raises:
            InputError: The number of contacted customers contradicts their chances.
        """
        probability, label, uplift, treatment = (
            torch.cat([_known(getattr(rows, name)) for rows in self.rows])
            for name in ("probability", "label", "uplift", "treatment")
        )
        chance = pd.concat(self.chances).to_numpy(np.float64) if self.chances else self.chance
        rows = experiment(label.numpy(), treatment.numpy(), chance)
        own = (probability - treatment * uplift).clamp(_EPS, 1 - _EPS)
        losses = {}
        for value, arm in enumerate(ARMS):
            loss = LogLoss()
            chosen = treatment == value
            loss.update(torch.logit(own[chosen]), label[chosen], None)
            losses[arm.replace(" ", "_")] = float(loss.compute())
        effect, profit = uplift.double().numpy(), {}
        worth = pd.concat(self.values).to_numpy(np.float64) if self.values else np.empty(0)
        for name, offer in self.offers.items():
            pays = payoffs(offer, worth)
            net = pays.net_of_uplift(probability.double().numpy(), effect)
            profit[name] = uplift_profit(net, rows, pays)
        return MeasuredUplift(losses, uplift_metrics(effect, rows), profit)


def measured_uplift(effect: UpliftRows, folder: Path) -> dict[str, Any]:
    """Measure the uplift of the test rows, show it, write its page; return the entry of metrics."""
    measured = effect.measure()
    show_uplift(measured)
    write_text(folder / artefacts.UPLIFT_PAGE, uplift_page(measured.metrics))
    return measured.entry()


def show_uplift(measured: MeasuredUplift) -> None:
    """Show the metrics of an uplift."""
    show(uplift_table(measured.metrics))
    show(deciles_table(measured.metrics.deciles))
    if measured.profit:
        show(uplift_profit_table(measured.profit))


def _figures(profit: UpliftProfit) -> dict[str, Any]:
    """Return the figures of an offer without its curve; None for a threshold that there is not."""
    return {
        "mpu": profit.profit,
        "best_share": profit.share,
        "best_net_value": profit.threshold if np.isfinite(profit.threshold) else None,
        "intervals": {"mpu": list(profit.interval), "best_share": list(profit.share_interval)},
    }


def say_treatment(options: TrainOptions) -> None:
    """Say what becomes of a treatment that the model does not take."""
    name = options.data.treatment
    if name is not None and not options.learns_uplift:
        show(
            f"{name}: not learned from. A contact changes who churns, so the probabilities are of "
            "customers treated as these were; model=uplift tells the two apart.",
            once=True,
        )


def _known(array: Tensor | None) -> Tensor:
    assert array is not None
    return array
