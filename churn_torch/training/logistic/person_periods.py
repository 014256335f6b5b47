"""Person-period logistic regression solved to its optimum by Newton's method, inside Lightning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from churn_torch.errors import InputError
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.survival import Hazard, Survival
from churn_torch.models.scorer import Scorer
from churn_torch.training.logistic.exact_module import ExactSolver
from churn_torch.training.module import FitModule
from churn_torch.training.rows.batches import RowRange, rows_to_expand
from churn_torch.training.rows.store import Block
from churn_torch.training.survival_module import LifetimeLoss, add_losses

SHORTEST_STEP = 2.0**-20


class PersonPeriods(FitModule):
    """Solve the likelihood of lifetimes with a linear risk to its optimum.

    The objective is that of `SurvivalModule` with an L2 penalty. It is the logistic regression of
    person-periods, a row for each period that a customer was observed in, with an indicator of each
    baseline. The rows are never expanded: those of a customer differ in their baseline only. An
    epoch is one pass over all rows, in float64, which sums value, gradient and Hessian. A step that
    does not lower the objective is halved.

    Args:
        scorer: Its net is a `Linear`, whose own bias stays 0: the baselines take its place.
        optimizer: Makes an `ExactSolver` from the parameters.
        l1: L1 penalty, which must be 0.
        l2: The L2 penalty, one only.

    Raises:
        InputError: The net is not linear, or a choice is none that Newton's method takes here.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        optimizer: Callable[[Iterable[nn.Parameter]], ExactSolver],
        l1: float,
        l2: list[float],
    ) -> None:
        super().__init__(scorer, positive_weight=1.0)
        if not isinstance(scorer.net, Linear) or not isinstance(scorer.hazard, Hazard):
            raise InputError(
                "optimizer",
                expected="a linear net (net=logreg or scorecard) for newton",
                got=type(scorer.net).__name__,
                fix="set net=logreg, or optimizer=adam",
            )
        for key, unfit, expected, got in (
            ("penalty.l1", l1 != 0, "0", str(l1)),
            ("penalty.l2", len(l2) != 1 or l2[0] < 0, "one number of 0 or above", str(l2)),
        ):
            if unfit:
                raise InputError(
                    key,
                    expected=f"{expected} with model=survival and an exact solver",
                    got=got,
                    fix="change it, or set optimizer=adam",
                )
        self.make_optimizer = optimizer
        self.l2 = l2[0]
        self.validation_loss: LogLoss = LifetimeLoss()
        n_features, n_baselines = self.expansion.n_features, len(self.hazard.baseline)
        self.n_features = n_features
        # The weights, then the baselines: of the best point, of the step from it, and its value.
        self.point = torch.cat(
            [torch.zeros(n_features, dtype=torch.float64), self.hazard.baseline.detach().double()]
        )
        self.move = torch.zeros(n_features + n_baselines, dtype=torch.float64)
        self.length, self.value, self.promised = 1.0, math.inf, math.inf
        self.converged = False
        self.outcome: dict[str, Any] = {}

    @property
    def hazard(self) -> Hazard:
        """The baseline hazards."""
        hazard = self.scorer.hazard
        assert isinstance(hazard, Hazard)
        return hazard

    def configure_optimizers(self) -> ExactSolver:
        """Return the settings.

        Raises:
            InputError: The method is not Newton's.
        """
        solver = self.make_optimizer(self.scorer.learner.parameters())
        if not solver.is_newton:
            raise InputError(
                "optimizer", expected="newton, adam, adamw or sgd with model=survival", got="lbfgs"
            )
        self.tolerance = solver.tolerance
        return solver

    @property
    def trial(self) -> Tensor:
        """The point of this pass."""
        return self.point + self.length * self.move

    def on_train_start(self) -> None:
        """Start at the hazards of all rows, or go on with a checkpoint."""
        if math.isinf(self.value):
            self.point[self.n_features :] = self.hazard.baseline.detach().double().cpu()
        self.trainer.should_stop = self.converged

    def on_train_epoch_start(self) -> None:
        """Start the sums of a pass: value, weights, gradient and Hessian."""
        n = len(self.point)
        self._sums = torch.zeros(2 + n + n * n, dtype=torch.float64, device=self.device)
        self._load(self.trial)

    def training_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the sums of this pass."""
        trial = self.trial.to(self.device)
        chunk_rows = max(rows_to_expand(self.n_features + len(self.hazard.baseline)) // 2, 1)
        for chunk in rows.block.in_chunks(chunk_rows):
            self._sums += self._sums_of(chunk, trial)

    def _sums_of(self, rows: Block, point: Tensor) -> Tensor:
        assert rows.entry is not None
        assert rows.last is not None
        hazard, n = self.hazard, self.n_features
        x = self.features(rows).double()
        exposure = hazard.exposure(rows.entry, rows.last).double()
        left = hazard.left_in(rows.last, rows.label).double()
        weight = torch.ones(len(x), dtype=torch.float64, device=x.device)
        if rows.weight is not None:
            weight = rows.weight.double()
            exposure, left = exposure * weight.unsqueeze(1), left * weight.unsqueeze(1)
        logit = (x @ point[:n]).unsqueeze(1) + point[n:]
        chance = torch.sigmoid(logit)
        residual = exposure * chance - left  # [N, G]
        curve = exposure * chance * (1 - chance)
        value = (softplus(logit) * exposure - logit * left).sum()
        gradient = torch.cat([residual.sum(1) @ x, residual.sum(0)])
        hessian = x.new_zeros(len(point), len(point))
        hessian[:n, :n] = x.T @ (x * curve.sum(1, keepdim=True))
        hessian[:n, n:] = x.T @ curve
        hessian[n:, :n] = hessian[:n, n:].T
        hessian[n:, n:] = torch.diag(curve.sum(0))
        return torch.cat([torch.stack([value, weight.sum()]), gradient, hessian.flatten()])

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the validation loss."""
        learner = self.kept_net
        assert isinstance(learner, Survival)
        add_losses(self, learner, rows)

    def on_train_epoch_end(self) -> None:
        """Take the step of this pass, or half of it, and choose the next one."""
        sums, n = self.sum_over_processes(self._sums).cpu(), len(self.point)
        trial = self.trial
        weights = trial[: self.n_features]
        value = float(sums[0] / sums[1] + self.l2 / 2 * weights.square().sum())
        self.keep_losses(value)
        if not value <= self.value + 1e-12 * abs(self.value):
            self.length /= 2
            self.converged = self.length < SHORTEST_STEP
        else:
            gradient = sums[2 : 2 + n] / sums[1]
            hessian = sums[2 + n :].view(n, n) / sums[1]
            gradient[: self.n_features] += self.l2 * weights
            diagonal = hessian.diagonal()
            diagonal[: self.n_features] += self.l2
            diagonal += 1e-12 * diagonal.max()  # a feature that never varies, without a penalty
            self.point, self.value, self.length = trial, value, 1.0
            self.move = -torch.linalg.solve(hessian, gradient)
            self.promised = float(-gradient @ self.move) / 2
            self.converged = self.promised <= self.tolerance * max(abs(value), 1e-12)
            if self.converged:  # the last step is known to be good without another pass
                self.point, self.move = self.trial, torch.zeros_like(self.move)
        self._load(self.point)
        self.outcome = {
            "solver": "newton",
            "passes": len(self.history),
            "converged": self.converged,
            "separable": False,
            "gradient_norm": self.promised,
            "l2": self.l2,
            "path": [],
        }
        self.trainer.should_stop = self.trainer.should_stop or self.converged

    def _load(self, point: Tensor) -> None:
        linear = self.scorer.net.linear
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.copy_(point[: self.n_features].unsqueeze(0))
            linear.bias.zero_()
            self.hazard.baseline.copy_(point[self.n_features :])

    def get_extra_state(self) -> dict[str, Any]:
        """Keep the state of the solver with the weights."""
        names = ("point", "move", "length", "value", "promised", "converged", "outcome")
        return {**super().get_extra_state(), **{name: getattr(self, name) for name in names}}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore it."""
        super().set_extra_state(state)
        for name, value in state.items():
            if name != "history":
                setattr(self, name, value)
