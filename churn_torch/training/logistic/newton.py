"""Newton's method with the Hessian of a sample of the rows."""

from __future__ import annotations

import torch
from torch import Tensor

from churn_torch.training.logistic.problem import Penalty, Problem, positive_diagonal
from churn_torch.training.logistic.quadratic import minimise_quadratic


class Newton(Problem):
    """Newton steps with the Hessian of a sample of the rows, corrected after each pass.

    The sample's Hessian H is off by a few per cent, and so is each step. Pairs of steps and
    gradient changes correct it, as in L-BFGS with ``H^-1`` as the initial inverse. With L1 the
    steps are proximal: they minimise the quadratic model, its matrix corrected by the same pairs,
    plus the penalty.
    Sources: Byrd, Chin, Neveitt & Nocedal 2011, "On the use of stochastic Hessian information in
    optimization methods for machine learning"; Lee, Sun & Saunders 2014, "Proximal Newton-type
    methods for minimizing composite functions".

    Args:
        start: As for `Problem`.
        penalty: As for `Problem`.
        hessian: ``[n, n]`` float64, of the mean loss without the penalty.
        tolerance: As for `Problem`.
        memory: As for `Problem`.

    Raises:
        FloatingPointError: The Hessian is not finite.
    """

    def __init__(
        self, start: Tensor, penalty: Penalty, hessian: Tensor, *, tolerance: float, memory: int
    ) -> None:
        super().__init__(start, penalty, tolerance=tolerance, memory=memory)
        diagonal = torch.zeros_like(start)
        diagonal[:-1] = penalty.l2
        matrix = hessian + torch.diag(diagonal)
        self.matrix, self._factor = _definite(matrix)

    def _solve(self, vector: Tensor) -> Tensor:
        return torch.cholesky_solve(vector.unsqueeze(1), self._factor).squeeze(1)

    def _choose(self, subgradient: Tensor) -> tuple[Tensor, float, float]:
        if not self.penalty.l1:
            direction = -self._two_loop(self._gradient, list(self.pairs))
            slope = float(torch.dot(self._gradient, direction))
            return direction, -slope / 2, slope
        l1, matrix = self.penalty.l1, self._corrected_matrix()
        end = minimise_quadratic(self.point, self._gradient, matrix, l1)
        direction = end - self.point
        slope = float(
            torch.dot(self._gradient, direction)
            + l1 * (end[:-1].abs().sum() - self.point[:-1].abs().sum())
        )
        return direction, -slope - float(direction @ matrix @ direction) / 2, slope

    def _corrected_matrix(self) -> Tensor:
        """Return the sample's Hessian, updated by the pairs (BFGS)."""
        matrix = self.matrix
        for step, change in self.pairs:
            expected = matrix @ step
            matrix = (
                matrix
                + torch.outer(change, change) / torch.dot(step, change)
                - torch.outer(expected, expected) / torch.dot(step, expected)
            )
        return matrix

    def _left_after(self, decrease: float) -> float:
        # Convergence is linear: the ratio of two decreases predicts the next one.
        before, self._decrease = self._decrease, decrease
        return decrease * min(10 * decrease / before, 1) if before else decrease

    def _finish(self) -> None:
        # A Newton step leaves a few per cent of a decrease that is already small.
        self.point = self.point + self._direction


def _definite(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix made positive definite by its diagonal, and its Cholesky factor.

    Collinear columns make it singular, and float32 sums leave noise of 1e-7 of each column's size
    or more.

    Raises:
        FloatingPointError: The matrix is not finite.
    """
    size = torch.diag(positive_diagonal(matrix.diagonal()))
    for share in (1e-7, 1e-5, 1e-3, 1e-1):
        raised = matrix + share * size
        factor, failed = torch.linalg.cholesky_ex(raised)
        if not failed and factor.isfinite().all():
            return raised, factor
    raise FloatingPointError("the curvature of the loss is not finite")
