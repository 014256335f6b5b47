"""Solvers of penalised logistic regression that are asked for a point and told its loss.

Each `Problem` minimises ``f(v) + l2 / 2 * sum(w^2) + l1 * sum(|w|)``, where f is the mean logistic
loss of the data and ``v = (w, intercept)``. The data is out of its sight: whoever goes through
the rows asks for `Problem.trial`, sums loss and gradient there, and tells them. So one pass over
the rows, wherever they are and however many processes share them, serves many problems.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Armijo's condition: a step is kept if it brings at least this share of what its slope promised.
SUFFICIENT = 1e-4
# Relative noise of a loss of few rows in float32: differences below it say nothing.
NOISE = 1e-7
SHORTEST_STEP = 2.0**-20


Pairs = list[tuple[Tensor, Tensor]]

_STATE = (
    *("trial", "point", "value", "gradient_norm", "done", "converged"),
    *("_gradient", "_direction", "_step", "_slope", "_decrease"),
)


@dataclass(frozen=True)
class Penalty:
    """Strengths of the penalty on the weights; the intercept goes free."""

    l1: float
    l2: float


class Problem:
    """One problem on its way to the optimum.

    Args:
        start: ``[n]`` float64, the weights and then the intercept.
        penalty: Its penalty.
        tolerance: Converged when the decrease in sight is below this share of the objective.
        memory: Pairs of steps and gradient changes kept to learn the curvature from.

    Attributes:
        trial: The point to evaluate next.
        point: The best point so far; the solution when `done`.
        value: Objective there; None before the first pass.
        gradient_norm: Largest absolute component of the (sub)gradient there.
        done: Whether to stop: converged, or no step leads down any more.
        converged: Whether the tolerance was reached.
    """

    def __init__(self, start: Tensor, penalty: Penalty, *, tolerance: float, memory: int) -> None:
        self.point = self.trial = start
        self.penalty, self.tolerance = penalty, tolerance
        self.pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=memory)
        self.value: float | None = None
        self.gradient_norm = math.inf
        self.done = self.converged = False
        self._gradient = torch.zeros_like(start)
        self._direction = torch.zeros_like(start)
        self._step, self._slope, self._decrease = 1.0, 0.0, 0.0

    def tell(self, loss: float, gradient: Tensor) -> None:
        """Take the mean loss and its gradient ``[n]`` at the trial point, and choose the next one.

        Raises:
            FloatingPointError: The loss of the first point is not finite.
        """
        value = loss + self._penalty(self.trial)
        if self.value is None:
            if not math.isfinite(value):
                raise FloatingPointError(f"the loss is {value}")
        else:
            promised = SUFFICIENT * self._step * self._slope
            if not value <= self.value + promised + NOISE * abs(self.value):
                self._shorten()
                return
        smooth = gradient.clone()
        smooth[:-1] += self.penalty.l2 * self.trial[:-1]
        if self.value is not None:
            step, change = self.trial - self.point, smooth - self._gradient
            # Measured in the solver's own metric: columns may be scaled as they like.
            if torch.dot(step, change) > 1e-9 * torch.dot(change, self._solve(change)):
                self.pairs.append((step, change))
        self.point, self.value, self._gradient = self.trial, value, smooth
        subgradient = self._subgradient()
        self.gradient_norm = float(subgradient.abs().max())
        self._direction, decrease, self._slope = self._choose(subgradient)
        if self._left_after(decrease) <= self.tolerance * abs(value):
            self.done = self.converged = True
            self._finish()
            return
        self._step = 1.0
        self.trial = self._moved()

    def _left_after(self, decrease: float) -> float:
        """Return how much the objective can still fall once the last step is taken."""
        return decrease

    def _shorten(self) -> None:
        self._step /= 2
        self.trial = self._moved()
        # The last digits of float32 sums allow no further descent.
        self.done = self._step < SHORTEST_STEP

    def _moved(self) -> Tensor:
        return self.point + self._step * self._direction

    def _finish(self) -> None:
        """Take a last step, if it is known to be good without a look at the data."""

    def _choose(self, subgradient: Tensor) -> tuple[Tensor, float, float]:
        """Return a direction, the decrease it should bring, and the slope along it."""
        raise NotImplementedError

    def _penalty(self, point: Tensor) -> float:
        weights = point[:-1]
        return float(
            self.penalty.l2 / 2 * torch.dot(weights, weights)
            + self.penalty.l1 * weights.abs().sum()
        )

    def _subgradient(self) -> Tensor:
        """Return the element of the subdifferential that is nearest to zero."""
        smooth, l1 = self._gradient, self.penalty.l1
        if not l1:
            return smooth
        result, weights = smooth.clone(), self.point[:-1]
        shrunk = smooth[:-1].sign() * (smooth[:-1].abs() - l1).clamp(min=0)
        result[:-1] = torch.where(weights != 0, smooth[:-1] + l1 * weights.sign(), shrunk)
        return result

    def _two_loop(self, gradient: Tensor, pairs: Pairs, scale: float = 1.0) -> Tensor:
        """Return the inverse Hessian times the gradient, as the pairs and `_solve` know it.

        Source: Nocedal & Wright 2006, "Numerical optimization", algorithm 7.4.
        """
        q, alphas = gradient.clone(), []
        for step, change in reversed(pairs):
            alpha = torch.dot(step, q) / torch.dot(step, change)
            q -= alpha * change
            alphas.append(alpha)
        r = scale * self._solve(q)
        for (step, change), alpha in zip(pairs, reversed(alphas), strict=True):
            r += step * (alpha - torch.dot(change, r) / torch.dot(step, change))
        return r

    def _solve(self, vector: Tensor) -> Tensor:
        """Return the inverse of the first guess of the Hessian, times a vector."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return all that changes."""
        state = {name: getattr(self, name) for name in _STATE}
        return {**state, "pairs": [list(pair) for pair in self.pairs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where `state_dict` was called."""
        for name, value in state.items():
            if name == "pairs":
                self.pairs.clear()
                self.pairs.extend((step, change) for step, change in value)
            else:
                setattr(self, name, value)


class Newton(Problem):
    """Newton steps by a Hessian from a sample of the rows, mended by what each pass shows.

    The sample's Hessian H is wrong by some per cent, so each step leaves some per cent of the way;
    pairs of steps and gradient changes correct it as in L-BFGS with ``H^-1`` as its first guess.
    With L1 the steps are proximal: they minimise the quadratic model, its matrix corrected by the
    same pairs, plus the penalty.
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
        l1, matrix = self.penalty.l1, self._mended()
        end = minimise_quadratic(self.point, self._gradient, matrix, l1)
        direction = end - self.point
        slope = float(
            torch.dot(self._gradient, direction)
            + l1 * (end[:-1].abs().sum() - self.point[:-1].abs().sum())
        )
        return direction, -slope - float(direction @ matrix @ direction) / 2, slope

    def _mended(self) -> Tensor:
        """Return the sample's Hessian with the curvature that the pairs have shown (BFGS)."""
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
        # Each step has left some share of the decrease that the one before it left.
        before, self._decrease = self._decrease, decrease
        return decrease * min(10 * decrease / before, 1) if before else decrease

    def _finish(self) -> None:
        # What is left after a Newton step is some per cent of a decrease that is small already.
        self.point = self.point + self._direction


def _above_zero(diagonal: Tensor) -> Tensor:
    """Return the curvature by coordinate, with that of constant columns made as good as any."""
    return torch.where(diagonal > 0, diagonal, diagonal.max().clamp(min=1e-12))


def _definite(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix with as much added to its diagonal as it needs, and its Cholesky factor.

    Collinear columns make it singular, and float32 sums leave noise of 1e-7 of each column's size
    or more.
    """
    size = torch.diag(_above_zero(matrix.diagonal()))
    for share in (1e-7, 1e-5, 1e-3, 1e-1):
        raised = matrix + share * size
        factor, failed = torch.linalg.cholesky_ex(raised)
        if not failed and factor.isfinite().all():
            return raised, factor
    raise FloatingPointError("the curvature of the loss is not finite")


class Lbfgs(Problem):
    """L-BFGS, and OWL-QN where there is an L1 penalty; memory grows with the columns only.

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
        self.diagonal = _above_zero(self.diagonal)

    def _solve(self, vector: Tensor) -> Tensor:
        return vector / self.diagonal

    def _choose(self, subgradient: Tensor) -> tuple[Tensor, float, float]:
        scale, pairs = 1.0, list(self.pairs)
        if self.penalty.l1:
            # Among the weights that will move; the others would bend the curvature.
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


def minimise_quadratic(point: Tensor, gradient: Tensor, matrix: Tensor, l1: float) -> Tensor:
    """Return the minimum of ``g (v - p) + (v - p) H (v - p) / 2 + l1 * sum(|w|)``, w all but one.

    Given which weights are zero and the signs of the others, the minimum solves linear equations.
    The guess is mended until nothing contradicts it: all wrong weights at once, or, where that
    does not make them fewer, the last one only, which is sure to end.
    Source: Kim & Park 2010, "Fast active-set-type algorithms for L1-regularized linear
    regression" (block principal pivoting).

    Args:
        point: ``[n]`` float64; the signs of its weights are the first guess.
        gradient: ``[n]``, of the smooth part at the point.
        matrix: ``[n, n]``, positive definite.
        l1: Weight of the penalty on all but the last.
    """
    n = len(point)
    at_zero = gradient - matrix @ point
    strength = torch.full_like(point, l1)
    strength[-1] = 0
    edge = strength * (1 + 1e-9)  # rounding is no contradiction
    sign = point.sign()
    fewest, patience = n + 1, 3
    for _ in range(100 * n):
        free = (sign != 0) | (strength == 0)
        rows = free.nonzero().flatten()
        v = torch.zeros_like(point)
        v[rows] = torch.linalg.solve(matrix[rows][:, rows], -(at_zero + strength * sign)[rows])
        slope = at_zero + matrix @ v
        wrong = torch.where(free, (v * sign < 0) & (strength > 0), slope.abs() > edge)
        n_wrong = int(wrong.sum())
        if not n_wrong:
            break
        if n_wrong < fewest:
            fewest, patience = n_wrong, 3
        elif patience:
            patience -= 1
        else:
            last = int(wrong.nonzero().max())
            wrong = torch.arange(n, device=wrong.device) == last
        sign = torch.where(wrong, torch.where(free, 0.0, -slope.sign()), sign)
    return v
