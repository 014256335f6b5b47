"""A scorecard as a net: one linear layer on features of bins and of pairs of bins."""

from __future__ import annotations

from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorecard.binning import ScorecardOptions


class Scorecard(Linear):
    """`Linear` on the features of `churn_torch.models.scorecard.features.ScorecardFeatures`.

    It is a generalised additive model with pairs of columns (GA2M: Lou et al. 2013, "Accurate
    intelligible models with pairwise interactions"). Its features are scaled for the default
    ``penalty.l2``.

    Args:
        n_features: Width of the model-space row.
        bins: Most bins of a number.
        pair_bins: Most bins of a column in a pair.
        pairs: Most pairs of columns.

    Shape:
        ``[N, n_features]`` float32 to ``[N]`` float32 logits.

    Raises:
        InputError: An option is out of range.
    """

    def __init__(
        self, *, n_features: int, bins: int = 32, pair_bins: int = 12, pairs: int = 40
    ) -> None:
        super().__init__(n_features=n_features)
        self.options = ScorecardOptions(bins=bins, pair_bins=pair_bins, pairs=pairs)
