"""Ensembles: several nets, or several members of one net, averaged to one logit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Nets with different initial weights and dropout, trained at the same time.

    Each has its own loss; validation, and so early stopping, uses their mean probability.

    Args:
        members: Nets with the same input.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits; in training to ``[N, K]``, all
        members of all nets.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each row; in training one for each member."""
        logits = [member(x) for member in self.members]
        each = torch.cat([z if z.ndim == 2 else z.unsqueeze(1) for z in logits], dim=1)
        return each if self.training else log_odds_of_mean(each)


class Fold(nn.Module):
    """A net and the calibrator of its fold of a cross-validation, as a member of an ensemble.

    Args:
        net: ``[N, n_features]`` to ``[N]`` logits.
        calibrator: ``[N]`` logits to ``[N]`` calibrated logits.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 calibrated logits.
    """

    prior_shift: Tensor

    def __init__(self, net: nn.Module, calibrator: nn.Module) -> None:
        super().__init__()
        self.net, self.calibrator = net, calibrator
        self.register_buffer("prior_shift", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        logit: Tensor = self.calibrator(self.net(x) - self.prior_shift)
        return logit


def log_odds_of_mean(logits: Tensor) -> Tensor:
    """Return the log-odds of the members' mean probability, ``[N, K]`` to ``[N]``.

    ``log(sum sigmoid(z)) - log(sum sigmoid(-z))``, finite wherever the logits are.
    """
    # log sigmoid(z) and log sigmoid(-z), of operators that every runtime has.
    low = torch.log(1 + torch.exp(-logits.abs()))
    yes, no = logits.clamp(max=0) - low, (-logits).clamp(max=0) - low
    return torch.logsumexp(yes, dim=1) - torch.logsumexp(no, dim=1)
