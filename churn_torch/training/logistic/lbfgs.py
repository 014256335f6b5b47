"""L-BFGS, and OWL-QN for an L1 penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from churn_torch.training.logistic.problem import Penalty, Problem, positive_diagonal


class Lbfgs(Problem):
    """L-BFGS, and OWL-QN where there is an L1 penalty; its memory is linear in the columns.

    Sources: Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization";
    Andrew & Gao 2007, "Scalable training of L1-regularized log-linear models".

    Args:
        start: As for `Problem`.
        penalty: As for `Problem`.
        diagonal: ``[n]`` float64, of the Hessian of the mean loss without the penalty.
        tolerance: As for `Problem`.
        memory: As for `Problem`.
    """

    def __init__(
        self, start: Tensor, penalty: Penalty, diagonal: Tensor, *, tolerance: float, memory: int
    ) -> None:
        super().__init__(start, penalty, tolerance=tolerance, memory=memory)
        self.diagonal = diagonal.clone()
        self.diagonal[:-1] += penalty.l2
        self.diagonal = positive_diagonal(self.diagonal)

    def _solve(self, vector: Tensor) -> Tensor:
        return vector / self.diagonal

    def _choose(self, subgradient: Tensor) -> tuple[Tensor, float, float]:
        scale, pairs = 1.0, list(self.pairs)
        if self.penalty.l1:
            # Only weights that will move: the others would distort the curvature.
            free = (self.point != 0) | (subgradient != 0)
            pairs = [(step * free, change * free) for step, change in pairs]
            pairs = [pair for pair in pairs if torch.dot(*pair) > 0]
        if pairs:
            step, change = pairs[-1]
            scale = float(torch.dot(step, change) / torch.dot(change, self._solve(change)))
        direction = -self._two_loop(subgradient, pairs, scale)
        slope = float(torch.dot(subgradient, direction))
        return direction, -slope / 2, slope

    def _moved(self) -> Tensor:
        moved = super()._moved()
        if self.penalty.l1:  # a weight that would change its sign stops at zero
            weights = self.point[:-1]
            orthant = torch.where(weights != 0, weights.sign(), -self._subgradient()[:-1].sign())
            moved[:-1] *= moved[:-1] * orthant > 0
        return moved
