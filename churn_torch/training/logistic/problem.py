"""Penalised logistic regression as a problem that asks for a point and is told its loss.

A `Problem` minimises ``f(v) + l2 / 2 * sum(w^2) + l1 * sum(|w|)``, where f is the mean logistic
loss of the data and ``v = (w, intercept)``. It never sees the data: the caller reads
`Problem.trial`, sums loss and gradient at that point over the rows, and passes them to
`Problem.tell`. So one pass over the rows serves many problems, wherever the rows are and however
many processes share them.
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
# Relative noise of a float32 loss over few rows: smaller differences are no progress.
NOISE = 1e-7
SHORTEST_STEP = 2.0**-20


Pairs = list[tuple[Tensor, Tensor]]

_STATE = (
    *("trial", "point", "value", "gradient_norm", "done", "converged"),
    *("_gradient", "_direction", "_step", "_slope", "_decrease"),
)


@dataclass(frozen=True)
class Penalty:
    """Strengths of the penalty on the weights; the intercept is not penalised."""

    l1: float
    l2: float


class Problem:
    """One minimisation, step by step; `Newton` and `Lbfgs` choose the steps.

    Args:
        start: ``[n]`` float64, the weights and then the intercept.
        penalty: Its penalty.
        tolerance: Converged when the expected decrease is below this share of the objective.
        memory: Pairs of steps and gradient changes kept to estimate the curvature.

    Attributes:
        trial: The point to evaluate next.
        point: The best point so far; the solution when `done`.
        value: Objective there; None before the first pass.
        gradient_norm: Largest absolute component of the (sub)gradient there.
        done: Whether to stop: converged, or no step decreases the objective any more.
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
        """Use the mean loss and its gradient ``[n]`` at the trial point to choose the next one.

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
            # Measured in the solver's own metric, so the scale of the columns does not matter.
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
        """Return how much the objective can still decrease after the last step."""
        return decrease

    def _shorten(self) -> None:
        self._step /= 2
        self.trial = self._moved()
        # The precision of float32 sums is exhausted.
        self.done = self._step < SHORTEST_STEP

    def _moved(self) -> Tensor:
        return self.point + self._step * self._direction

    def _finish(self) -> None:
        """Take a last step, if it is known to be good without another pass."""

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
        """Return the subgradient of smallest norm."""
        smooth, l1 = self._gradient, self.penalty.l1
        if not l1:
            return smooth
        result, weights = smooth.clone(), self.point[:-1]
        shrunk = smooth[:-1].sign() * (smooth[:-1].abs() - l1).clamp(min=0)
        result[:-1] = torch.where(weights != 0, smooth[:-1] + l1 * weights.sign(), shrunk)
        return result

    def _two_loop(self, gradient: Tensor, pairs: Pairs, scale: float = 1.0) -> Tensor:
        """Return the inverse Hessian times the gradient, estimated from the pairs and `_solve`.

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
        """Return the inverse of the initial Hessian estimate times a vector."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return everything that `tell` changes."""
        state = {name: getattr(self, name) for name in _STATE}
        return {**state, "pairs": [list(pair) for pair in self.pairs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from where `state_dict` was called."""
        for name in _STATE:
            setattr(self, name, state[name])
        self.pairs.clear()
        self.pairs.extend((step, change) for step, change in state["pairs"])


def positive_diagonal(diagonal: Tensor) -> Tensor:
    """Return the curvature by coordinate; that of constant columns becomes the largest one."""
    return torch.where(diagonal > 0, diagonal, diagonal.max().clamp(min=1e-12))
