"""Uplift: a net with two heads, the churn of customers left alone and what a contact changes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from churn_torch.models.nets.ensemble import log_odds_of_mean


class Uplift(nn.Module):
    """The logits of churn without and with a contact.

    ``logit(contacted) = net(x) + effect``. The second head learns the difference and starts at
    zero, and the penalty pulls it to zero: where the rows say little of it, the estimated effect is
    small, and not the noise of two models. A net with hidden units (``hidden``) shares them, and
    the effect is a linear layer on them; of other nets the effect is a second net of the same kind.
    With a linear net this is a logistic regression with interactions of the treatment and every
    feature.
    Sources: Lo 2002, "The true lift model"; Shalit, Johansson & Sontag 2017, "Estimating individual
    treatment effect", for heads on one body; Künzel et al. 2019, "Metalearners for estimating
    heterogeneous treatment effects", for what goes wrong with two separate models.

    Args:
        net: ``[N, n_features]`` to the logits of customers who are not contacted.
        effect: `EffectHead` for a net with hidden units, else a net like the first.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits; with treatments ``[N]`` to the logits
        under these. In training those of an ensemble are ``[N, K]``.
    """

    def __init__(self, net: nn.Module, effect: nn.Module) -> None:
        super().__init__()
        self.net, self.effect = net, effect

    def forward(self, x: Tensor, treatment: Tensor | None = None) -> Tensor:
        """Return the logits without a contact, or under the treatments."""
        if treatment is None:
            alone: Tensor = self.net(x)
            return alone
        return treated_logit(self.net, self.effect, x, treatment)


class EffectHead(nn.Linear):
    """A linear layer from hidden units to what a contact adds to the logit; it starts at zero.

    Args:
        n_hidden: Hidden units.

    Shape:
        ``[N, n_hidden]`` to ``[N]``.
    """

    def __init__(self, n_hidden: int) -> None:
        super().__init__(n_hidden, 1)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return one number a row."""
        return super().forward(hidden).squeeze(1)


def own_logits(net: Callable[..., Tensor], x: Tensor, treatment: Tensor | None) -> Tensor:
    """Return the logits of rows under their own treatments; of a plain net there are none."""
    return net(x) if treatment is None else net(x, treatment)


def treated_logit(
    net: nn.Module, effect: nn.Module, x: Tensor, treatment: Tensor | None = None
) -> Tensor:
    """Return the logits of customers under treatments.

    Args:
        net: As for `Uplift`.
        effect: As for `Uplift`.
        x: Model-space rows ``[N, n_features]``.
        treatment: ``[N]``, 1 for those who are contacted; None for all.

    Shape:
        [N] float32; of an ensemble in training [N, K].
    """
    if isinstance(effect, EffectHead):
        hidden = net.hidden(x)  # type: ignore[operator]
        alone, change = net.head(hidden).squeeze(1), effect(hidden)  # type: ignore[operator]
    else:
        alone, change = _of_members(net, x), _of_members(effect, x)
    if treatment is not None:
        change = change * (treatment if change.ndim == 1 else treatment.unsqueeze(1))
    logit: Tensor = alone + change
    return logit if net.training or logit.ndim == 1 else log_odds_of_mean(logit)


def _of_members(net: nn.Module, x: Tensor) -> Tensor:
    """Return the logits of each member of an ensemble, of another net its own."""
    logits: Tensor = getattr(net, "each", net)(x)
    return logits
