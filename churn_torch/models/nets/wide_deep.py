"""Wide and deep: the mean of a scorecard and a multilayer perceptron."""

from __future__ import annotations

from torch import Tensor

from churn_torch.models.nets.mlp import MLP
from churn_torch.models.scorecard.binning import ScorecardOptions


class WideDeep(MLP):
    """The mean of the log-odds of a scorecard and of an `MLP`, which are fitted separately.

    The scorecard is fitted with the features
    (`churn_torch.models.scorecard.wide_features.WideFeatures`) and does not change afterwards. The
    perceptron sees only the plain features and has its own loss. Validation, and so early
    stopping, uses the mean. Fitting the perceptron to the residuals of the scorecard would mislead
    it, because these are smaller on the rows that the scorecard was fitted on than elsewhere.
    After Cheng et al. 2016, "Wide & deep learning for recommender systems".

    Args:
        n_features: Width of the model-space row.
        n_numbers: As for `MLP`.
        n_terms: How many of the last features are the effects of the scorecard's terms.
        width: As for `MLP`.
        depth: As for `MLP`.
        dropout: As for `MLP`.
        activation: As for `MLP`.
        n_frequencies: As for `MLP`.
        frequency_scale: As for `MLP`.
        bins: Most bins of a number in the scorecard.
        pair_bins: Most bins of a column in a pair.
        pairs: Most pairs of columns.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits; in training to the perceptron's.

    Raises:
        InputError: A size is out of range, or a choice is unknown.
    """

    def __init__(
        self,
        *,
        n_features: int,
        n_numbers: int | None = None,
        n_terms: int = 0,
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.3,
        activation: str = "silu",
        n_frequencies: int = 16,
        frequency_scale: float = 0.1,
        bins: int = 32,
        pair_bins: int = 12,
        pairs: int = 40,
    ) -> None:
        super().__init__(
            n_features=n_features - n_terms,
            n_numbers=n_numbers,
            width=width,
            depth=depth,
            dropout=dropout,
            activation=activation,
            n_frequencies=n_frequencies,
            frequency_scale=frequency_scale,
        )
        self.n_plain = n_features - n_terms
        self.options = ScorecardOptions(bins=bins, pair_bins=pair_bins, pairs=pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit a row."""
        deep = super().forward(x[:, : self.n_plain])
        if self.training:
            return deep
        wide = x[:, self.n_plain :].sum(1)
        return (wide + deep) / 2
