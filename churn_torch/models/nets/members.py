"""What nets of several members share: one logit of many."""

from __future__ import annotations

import torch
from torch import Tensor


def log_odds_of_mean(logits: Tensor) -> Tensor:
    """Return the log-odds of the members' mean probability, ``[N, K]`` to ``[N]``.

    ``log(sum sigmoid(z)) - log(sum sigmoid(-z))``, finite wherever the logits are.
    """
    # log sigmoid(z) and log sigmoid(-z), of operators that every runtime has.
    low = torch.log(1 + torch.exp(-logits.abs()))
    yes, no = logits.clamp(max=0) - low, (-logits).clamp(max=0) - low
    return torch.logsumexp(yes, dim=1) - torch.logsumexp(no, dim=1)
