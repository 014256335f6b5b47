"""Logistic regression solved to its optimum, by passes over all rows, inside Lightning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from churn_torch.errors import InputError
from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer
from churn_torch.training.logistic.lbfgs import Lbfgs
from churn_torch.training.logistic.loss_sums import LogisticSums
from churn_torch.training.logistic.newton import Newton
from churn_torch.training.logistic.outcome import outcome_of
from churn_torch.training.logistic.passes import Passes
from churn_torch.training.logistic.penalty_choice import LinearModel, PenaltyChoice
from churn_torch.training.logistic.problem import Penalty, Problem
from churn_torch.training.logistic.threads import RowThreads
from churn_torch.training.logistic.warm_start import tell_mean, warm_start
from churn_torch.training.module import MONITOR, FitModule
from churn_torch.training.rows.batches import RowRange


class ExactSolver(torch.optim.Optimizer):
    """The settings of the solvers, and their state for the trainer's checkpoint.

    Args:
        params: Those of a linear net.
        method: ``newton`` (a matrix of all pairs of features) or ``lbfgs`` (for many features).
        tolerance: Converged when the expected decrease is below this share of the objective.
        memory: Pairs of steps and gradient changes kept.

    Raises:
        InputError: A setting is out of range.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], *, method: str, tolerance: float, memory: int
    ) -> None:
        if method not in ("newton", "lbfgs"):
            raise InputError(
                "optimizer.method",
                expected="newton or lbfgs",
                got=repr(method),
                fix="choose optimizer=newton or optimizer=lbfgs",
            )
        if not 0 < tolerance < 1 or memory < 1:
            raise InputError(
                "optimizer",
                expected="a tolerance between 0 and 1 and a memory of 1 or more",
                got=f"{tolerance} and {memory}",
                fix="set optimizer.tolerance and optimizer.memory",
            )
        super().__init__(params, {})
        self.method, self.tolerance, self.memory = method, tolerance, memory
        self.problems: list[Problem] = []
        self.curvatures: list[Tensor] = []
        self.restored: dict[str, Any] | None = None

    @property
    def is_newton(self) -> bool:
        """Whether the method needs the whole Hessian."""
        return self.method == "newton"

    def problem(self, start: Tensor, penalty: Penalty, curvature: Tensor) -> Problem:
        """Return a problem at its start, where the curvature is given."""
        make = Newton if self.is_newton else Lbfgs
        return make(start, penalty, curvature, tolerance=self.tolerance, memory=self.memory)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Do nothing: the module tells each problem the sums of a pass."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        problems = [problem.state_dict() for problem in self.problems]
        return {"problems": problems, "curvatures": self.curvatures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep a checkpoint's state; `ExactModule` builds the problems from it."""
        self.restored = state_dict

    def restore(self, models: Sequence[LinearModel], penalties: Sequence[Penalty]) -> None:
        """Build the problems of the models from the state of a checkpoint."""
        assert self.restored is not None
        self.curvatures, self.problems = self.restored["curvatures"], []
        for model, state in zip(models, self.restored["problems"], strict=True):
            start, curvature = state["point"], self.curvatures[model.penalty]
            problem = self.problem(start, penalties[model.penalty], curvature)
            problem.load_state_dict(state)
            self.problems.append(problem)


class ExactModule(FitModule):
    """Solve penalised logistic regression to its optimum.

    The objective is that of `ChurnModule`. An epoch is one pass over all rows at one point of each
    model. With several ``l2`` the models of all penalties and folds are solved side by side: one
    pass serves them all.

    Args:
        scorer: The scorer; its net is a `Linear`.
        optimizer: Makes an `ExactSolver` from the parameters.
        l1: L1 penalty.
        l2: L2 penalties; of several, the one with the lowest log-loss on the validation rows is
            taken, or, with folds, on the rows held out.
        folds: Folds of the training rows for choosing l2; 0 to choose on the validation rows.
        positive_weight: Weight of a positive row.
        n_threads: Threads that a pass on the CPU takes, over all processes.

    Raises:
        InputError: The net is not linear, or a penalty or the number of folds is out of range.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        optimizer: Callable[[Iterable[nn.Parameter]], ExactSolver],
        l1: float,
        l2: list[float],
        folds: int,
        positive_weight: float,
        n_threads: int,
    ) -> None:
        super().__init__(scorer, positive_weight=positive_weight)
        if not isinstance(scorer.net, Linear):
            raise InputError(
                "optimizer",
                expected="a linear net (model=logreg) for newton and lbfgs",
                got=type(scorer.net).__name__,
                fix="set model=logreg, or optimizer=adam",
            )
        self.make_optimizer = optimizer
        self.choice = PenaltyChoice(l1, l2, folds)
        self.n_threads = n_threads
        self.n_passes = 0
        self.outcome: dict[str, Any] = {}
        self._passes: Passes | None = None

    @property
    def passes(self) -> Passes:
        """The sums over rows, while the trainer fits."""
        assert self._passes is not None
        return self._passes

    @property
    def solver(self) -> ExactSolver:
        """The solver, once the trainer has set it up."""
        solver = self.optimizers(use_pl_optimizer=False)
        assert isinstance(solver, ExactSolver)
        return solver

    def configure_optimizers(self) -> ExactSolver:
        """Return the solver."""
        return self.make_optimizer(self.scorer.net.parameters())

    def on_fit_start(self) -> None:
        """Open the threads of the passes."""
        n_threads = max(self.n_threads // self.trainer.world_size, 1)
        self._passes = Passes(
            self.expansion,
            positive_weight=self.positive_weight,
            n_models=len(self.choice.models),
            n_folds=self.choice.folds,
            threads=RowThreads(n_threads if self.device.type == "cpu" else 0),
            device=self.device,
        )

    def teardown(self, stage: str) -> None:
        """Close the threads."""
        if self._passes is not None:
            self._passes.threads.close()
            self._passes = None

    def on_train_start(self) -> None:
        """Solve a sample of the rows, or restore the problems of a checkpoint."""
        solver, choice = self.solver, self.choice
        if solver.restored is not None:
            solver.restore(choice.models, choice.penalties)
        else:
            solver.curvatures, solver.problems = warm_start(
                self.trainer.datamodule.train,  # type: ignore[attr-defined]
                self.passes,
                penalties=choice.penalties,
                models=choice.models,
                newton=solver.is_newton,
                make_problem=solver.problem,
            )
        # Devices round differently: all processes continue from the same point.
        solver.curvatures, solver.problems = self.trainer.strategy.broadcast(
            (solver.curvatures, solver.problems)
        )
        self._stop_if_solved()

    def on_train_epoch_start(self) -> None:
        """Take the next point of each model that is not solved yet."""
        problems = self.solver.problems
        self._active = [i for i, problem in enumerate(problems) if not problem.done]
        self._folds = [self.choice.models[i].fold for i in self._active]
        self._points = torch.stack([problems[i].trial for i in self._active], dim=1)
        self._sums = self.passes.zeros(len(self._active))

    def training_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the sums of this pass."""
        self.passes.add(self._sums, rows, self._points, self._folds)

    def on_validation_start(self) -> None:
        """Start the log-losses of the models that learn from all rows."""
        self._judged = [j for j, fold in enumerate(self._folds) if fold < 0]
        self._weights = self._points[:, self._judged].to(self.device, torch.float32)
        # The sum of each model's losses, and then the sum of the rows' weights.
        n = len(self._judged) + 1
        self._validation = torch.zeros(n, dtype=torch.float64, device=self.device)

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the validation log-losses."""
        if not self._judged:  # only models of folds are left
            return
        block, weights = rows.block, self._weights
        logit = self.expansion.linear(block.dense, block.codes, weights[:-1]) + weights[-1]
        margin = (1 - 2 * block.label).unsqueeze(1) * (logit - self.scorer.prior_shift)
        loss = softplus(margin)
        if block.weight is None:
            self._validation[-1] += len(block.label)
        else:
            loss = loss * block.weight.unsqueeze(1)
            self._validation[-1] += block.weight.sum(dtype=torch.float64)
        self._validation[:-1] += loss.sum(0, dtype=torch.float64)

    def on_validation_epoch_end(self) -> None:
        """Log the log-loss of the best model so far."""
        sums = self.sum_over_processes(self._validation).cpu()
        losses = (sums[:-1] / sums[-1]).tolist()
        for j, loss in zip(self._judged, losses, strict=True):
            self.choice.validation_loss[self._active[j]] = loss
        known = [loss for loss in self.choice.validation_loss if loss == loss]
        self.log(MONITOR, min(known, default=float("nan")), sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """Tell the problems the sums of the pass, and put the best model so far into the net.

        Raises:
            InputError: The loss is not a finite number, or a fold has no weight.
        """
        sums = LogisticSums.from_flat(self.sum_over_processes(self._sums.flat()).cpu())
        self.n_passes += 1
        choice, problems = self.choice, self.solver.problems
        for j, i in enumerate(self._active):
            if choice.models[i].fold >= 0:
                if not (sums.n_held[j] > 0 and sums.n_rows[j] > 0):
                    raise InputError(
                        "penalty.folds",
                        expected="rows with a weight above 0 inside and outside every fold",
                        got=f"none for one of {choice.folds} folds",
                        fix="choose another number of folds",
                    )
                choice.held_loss[i] = float(sums.held_loss[j] / sums.n_held[j])
            tell_mean(problems[i], sums, j)
            penalty = choice.penalty_of(i)
            if not sums.n_wrong[j] and not penalty.l1 and not penalty.l2:
                choice.separable[i] = problems[i].done = True
        best = problems[choice.best()]
        assert best.value is not None
        self.keep_losses(best.value)
        self._load(best.point)
        self.outcome = outcome_of(choice, problems, solver=self.solver.method, passes=self.n_passes)
        self._stop_if_solved()

    def _stop_if_solved(self) -> None:
        if all(problem.done for problem in self.solver.problems):
            self.trainer.should_stop = True

    def _load(self, point: Tensor) -> None:
        linear = self.scorer.net.linear
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.copy_(point[:-1].unsqueeze(0))
            linear.bias.copy_(point[-1:])

    def get_extra_state(self) -> dict[str, Any]:
        """Keep the loss curve, the outcome and the losses of all models with the weights."""
        return {
            **super().get_extra_state(),
            "outcome": self.outcome,
            "n_passes": self.n_passes,
            "choice": self.choice.state_dict(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore them."""
        super().set_extra_state(state)
        self.outcome, self.n_passes = state["outcome"], state["n_passes"]
        self.choice.load_state_dict(state["choice"])
