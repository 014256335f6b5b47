"""The features of wide and deep: the plain ones, and the effects of a scorecard's terms."""

from __future__ import annotations

import torch
from torch import Tensor

from churn_torch.models.preprocessing.preprocess import Compact, Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions, Statistics
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.tables.schema import Schema


class WideFeatures(Preprocess):
    """The features of `Preprocess`, followed by the effect of each term of a scorecard.

    The effects of all terms add up to the logit of the scorecard.

    Args:
        schema: As for `ScorecardFeatures`.
        options: As for `Preprocess`.
    """

    def __init__(self, schema: Schema, options: PreprocessOptions) -> None:
        super().__init__(schema, options)
        self.scorecard = ScorecardFeatures(schema, options, summed=True)
        self.feature_names = (*self.feature_names, *self.scorecard.feature_names)

    @property
    def code_starts(self) -> tuple[int, ...]:
        """Where the codes of each text column start, then the cells of each term."""
        n_codes = self.text_starts[-1]
        return (*self.text_starts, *(n_codes + start for start in self.scorecard.code_starts[1:]))

    @property
    def n_terms(self) -> int:
        """How many of the features are effects of the scorecard; they come last."""
        return len(self.scorecard.terms)

    @property
    def n_dense(self) -> int:
        """How many of the features are numbers, without their pieces; they come first."""
        return super().n_dense - self.n_terms

    def of_column(self) -> Tensor:
        """Return to what share each feature belongs to each column, ``[n_features, F]``."""
        share = super().of_column()
        share[-self.n_terms :] = self.scorecard.of_column()
        return share

    def code_tables(self) -> list[Tensor]:
        """Return the features of each code of each text column, then of each cell of each term."""
        return [*super().code_tables(), *self.scorecard.code_tables()]

    def load_statistics(self, statistics: Statistics) -> None:
        """Copy the training numbers into the buffers."""
        super().load_statistics(statistics)
        self.scorecard.load_statistics(statistics)

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return model-space rows; a group without columns is ignored."""
        plain = super().forward(float32, float64, codes)
        return torch.cat([plain, self.scorecard(float32, float64, codes)], dim=1)

    def compact(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Compact:
        """Return model-space rows with categories and cells still as codes."""
        dense, plain = super().compact(float32, float64, codes)
        cells = self.scorecard.compact(float32, float64, codes).codes + self.text_starts[-1]
        return Compact(dense, torch.cat([plain, cells], dim=1))
