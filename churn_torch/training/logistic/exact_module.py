"""Logistic regression solved to its optimum, by passes over all rows, inside Lightning."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from churn_torch.errors import InputError
from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer
from churn_torch.training.logistic.loss_sums import LogisticSums, curvature, hessian_sum
from churn_torch.training.logistic.solvers import Lbfgs, Newton, Penalty, Problem
from churn_torch.training.module import MONITOR, FitModule
from churn_torch.training.rows.batches import Run, spread_sample
from churn_torch.training.rows.store import Block

# Fewer numbers than these are not worth a second thread.
THREAD_CELLS = 1_000_000
# Numbers gone through at once on a CPU: they stay in its cache between two looks at them.
CHUNK_CELLS = 2**21
# Rows solved first, to start close to the optimum: the fewer come from zero, the others give the
# curvature.
FIRST_ROWS, SAMPLE_ROWS = 8_192, 65_536


T = TypeVar("T")


class ExactSolver(torch.optim.Optimizer):
    """What the trainer keeps of the solvers: their settings, and their state in a checkpoint.

    Args:
        params: Those of a linear net.
        method: ``newton`` (a matrix of all pairs of features) or ``lbfgs`` (for many features).
        tolerance: Converged when the decrease in sight is below this share of the objective.
        memory: Pairs of steps and gradient changes kept.

    Raises:
        InputError: The tolerance or the memory is not above 0.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], *, method: str, tolerance: float, memory: int
    ) -> None:
        if not 0 < tolerance < 1 or memory < 1:
            raise InputError(
                "optimizer: expected a tolerance between 0 and 1 and a memory of 1 or more, got "
                f"{tolerance} and {memory}."
            )
        super().__init__(params, {})
        self.method, self.tolerance, self.memory = method, tolerance, memory
        self.problems: list[Problem] = []
        self.curvatures: list[Tensor] = []
        self.restored: dict[str, Any] | None = None

    def problem(self, start: Tensor, penalty: Penalty, found: Tensor) -> Problem:
        """Return a problem at its start; ``found`` is the curvature there."""
        make = Newton if self.method == "newton" else Lbfgs
        return make(start, penalty, found, tolerance=self.tolerance, memory=self.memory)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Do nothing: the module tells the problems what a pass has found."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        problems = [problem.state_dict() for problem in self.problems]
        return {"problems": problems, "curvatures": self.curvatures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore from a checkpoint; `ExactModule` builds the problems from it."""
        self.restored = state_dict


@dataclass(frozen=True)
class Model:
    """One of the linear models solved side by side.

    Attributes:
        penalty: Position in the list of penalties.
        fold: The fold it does not learn from, -1 for none.
    """

    penalty: int
    fold: int = -1


class ExactModule(FitModule):
    """Solve penalised logistic regression to its optimum.

    The objective is that of `ChurnModule`; an epoch is one pass over all rows at one point of
    each model. With several ``l2`` the models of all of them, and of all folds, are solved side by
    side: a pass serves them all.

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
                "optimizer: newton and lbfgs solve logistic regression, got a net of the class "
                f"{type(scorer.net).__name__}; set model=logreg, or optimizer=adam."
            )
        if l1 < 0 or not l2 or min(l2) < 0:
            raise InputError(f"penalty: expected l1 >= 0 and l2 >= 0, got l1={l1} and l2={l2}.")
        if folds < 0 or folds == 1:
            raise InputError(f"penalty.folds: expected 0, or 2 or more, got {folds}.")
        self.make_optimizer = optimizer
        self.penalties = [Penalty(l1, strength) for strength in sorted(l2, reverse=True)]
        self.folds = folds if len(l2) > 1 else 0
        self.models = [Model(i, fold) for i in range(len(l2)) for fold in (-1, *range(self.folds))]
        self.outcome: dict[str, Any] = {}
        n = len(self.models)
        self._separable = [False] * n
        self._validation_loss = [float("nan")] * n
        self._held_loss = [float("nan")] * n
        self._n_passes = 0
        self.n_threads = n_threads
        self._threads: ThreadPoolExecutor | None = None

    def on_fit_start(self) -> None:
        """Open threads that each sum rows of their own.

        Threads inside torch's operations wait for each other after every one of them, which costs
        more than they gain, and many times more where another process holds a core.
        """
        if self.device.type == "cpu":
            self._n_threads = max(self.n_threads // self.trainer.world_size, 1)
            self._threads = ThreadPoolExecutor(
                self._n_threads, initializer=torch.set_num_threads, initargs=(1,)
            )

    def teardown(self, stage: str) -> None:
        """Close the threads."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def _in_threads(self, run: Run, work: Callable[[Run], T]) -> list[T]:
        """Return what ``work`` gives for the rows, or for a share of them in each thread."""
        n_rows = len(run.rows.label)
        if self._threads is None or n_rows * self.expansion.n_features < THREAD_CELLS:
            return [work(run)]
        ends = [n_rows * i // self._n_threads for i in range(self._n_threads + 1)]
        shares = [
            Run(run.rows.take(slice(start, end)), run.first_row + start)
            for start, end in itertools.pairwise(ends)
        ]
        return list(self._threads.map(work, shares))

    @property
    def solver(self) -> ExactSolver:
        """The solver, once the trainer has set it up."""
        solver = self.optimizers().optimizer  # type: ignore[union-attr]
        assert isinstance(solver, ExactSolver)
        return solver

    def configure_optimizers(self) -> ExactSolver:
        """Return the solver."""
        return self.make_optimizer(self.scorer.net.parameters())

    # The start: a sample of the rows is solved first.

    def on_train_start(self) -> None:
        """Solve a sample of the rows, or take up the problems of a checkpoint."""
        solver, restored = self.solver, self.solver.restored
        if restored is not None:
            n = self.expansion.n_features + 1
            zero = torch.zeros(n, dtype=torch.float64)
            solver.curvatures = restored["curvatures"]
            solver.problems = [
                solver.problem(zero, self.penalties[m.penalty], solver.curvatures[m.penalty])
                for m in self.models
            ]
            for problem, state in zip(solver.problems, restored["problems"], strict=True):
                problem.load_state_dict(state)
        else:
            with _finite():
                solver.curvatures, solver.problems = self._start()
        # Whatever the devices made of it: every process goes on from the same point.
        solver.curvatures, solver.problems = self.trainer.strategy.broadcast(
            (solver.curvatures, solver.problems)
        )
        self._stop_if_solved()

    def _start(self) -> tuple[list[Tensor], list[Problem]]:
        part = self.trainer.datamodule.train  # type: ignore[attr-defined]
        first, sample = (
            _weighing(spread_sample(part, n_rows)).each(lambda array: array.to(self.device))
            for n_rows in (min(FIRST_ROWS, part.n_rows), min(SAMPLE_ROWS, part.n_rows))
        )
        point = torch.zeros(self.expansion.n_features + 1, dtype=torch.float64)
        curvatures, starts = [], []
        for penalty in self.penalties:  # each from where the one before, a stronger one, ended
            if len(first.label) < len(sample.label):
                point = self._solve_sample(first, point, penalty)[1].point
            found, problem = self._solve_sample(sample, point, penalty)
            point = problem.point
            curvatures.append(found)
            starts.append(problem)
        problems = []
        for model in self.models:
            start, found = starts[model.penalty], curvatures[model.penalty]
            problem = self.solver.problem(start.point, self.penalties[model.penalty], found)
            problem.pairs.extend(start.pairs)
            problems.append(problem)
        return curvatures, problems

    def _solve_sample(self, rows: Block, point: Tensor, penalty: Penalty) -> tuple[Tensor, Problem]:
        """Solve the rows of a sample; Newton's Hessian is taken anew where its steps fall short."""
        rounds, steps = (12, 4) if self.solver.method == "newton" else (1, 500)
        for _ in range(rounds):
            found = self._curvature(rows, point)
            problem = self.solver.problem(point, penalty, found)
            for _ in range(steps):
                sums = self._sums(1)
                self._add(sums, Run(rows, 0), problem.trial.unsqueeze(1), None)
                _tell(problem, sums, 0)
                if problem.done:
                    return found, problem
            point = problem.point
        return found, problem

    def _curvature(self, rows: Block, point: Tensor) -> Tensor:
        """Return what the method needs to know of the Hessian of the mean loss."""
        weight = point.to(self.device, torch.float32)
        n_rows = len(rows.label) if rows.weight is None else float(rows.weight.double().sum())
        if self.solver.method == "newton":
            sums = self._in_threads(
                Run(rows, 0),
                lambda run: hessian_sum(
                    self.expansion,
                    run.rows,
                    weight,
                    positive_weight=self.positive_weight,
                    chunk_rows=self.chunk_rows,
                ),
            )
            return torch.stack(sums).sum(0).cpu() / n_rows
        logit = self.expansion.linear(rows.dense, rows.codes, weight[:-1, None]) + weight[-1]
        row_weight = curvature(logit[:, 0], rows, self.positive_weight).unsqueeze(1)
        squares = self.expansion.square_sums(rows.dense, rows.codes, row_weight)
        diagonal = torch.cat([squares[:, 0], row_weight.sum(0)])
        return diagonal.double().cpu() / n_rows

    # The passes over all rows.

    def _sums(self, n_models: int) -> LogisticSums:
        return LogisticSums.zeros(self.expansion.n_features, n_models, self.device)

    def _add(self, sums: LogisticSums, run: Run, points: Tensor, folds: list[int] | None) -> None:
        """Add what the models, side by side, make of the rows."""
        weight = points.to(self.device, torch.float32)
        row_cells = run.rows.dense.shape[1] + run.rows.codes.shape[1] + len(self.models)
        chunk_rows = max(CHUNK_CELLS // row_cells, 1)

        def share(run: Run) -> LogisticSums:
            result, first_row = self._sums(weight.shape[1]), run.first_row
            for rows in run.rows.in_chunks(chunk_rows):
                self._add_chunk(result, Run(rows, first_row), weight, folds)
                first_row += len(rows.label)
            return result

        for result in self._in_threads(run, share):
            sums += result

    def _add_chunk(
        self, sums: LogisticSums, run: Run, weight: Tensor, folds: list[int] | None
    ) -> None:
        held_out = None
        if folds is not None and max(folds) >= 0:
            row = torch.arange(len(run.rows.label), device=self.device) + run.first_row
            own = torch.tensor(folds, device=self.device)
            held_out = (row % self.folds).unsqueeze(1) == own
        sums.add(
            self.expansion,
            run.rows,
            weight,
            positive_weight=self.positive_weight,
            held_out=held_out,
        )

    def on_train_epoch_start(self) -> None:
        """Choose the point of each model that is not solved yet."""
        problems = self.solver.problems
        self._active = [i for i, problem in enumerate(problems) if not problem.done]
        self._folds = [self.models[i].fold for i in self._active]
        self._points = torch.stack([problems[i].trial for i in self._active], dim=1)
        self._pass = self._sums(len(self._active))

    def training_step(self, run: Run, batch_idx: int) -> None:
        """Add one block to the sums of this pass."""
        self._add(self._pass, run, self._points, self._folds)

    def on_validation_start(self) -> None:
        """Begin the log-losses of the models that learn from all folds."""
        self._judged = [j for j, fold in enumerate(self._folds) if fold < 0]
        self._weights = self._points[:, self._judged].to(self.device, torch.float32)
        n = len(self._judged) + 1
        self._validation = torch.zeros(n, dtype=torch.float64, device=self.device)

    def validation_step(self, run: Run, batch_idx: int) -> None:
        """Add one block to the validation log-losses."""
        if not self._judged:  # only models of folds are left
            return
        rows, weights = run.rows, self._weights
        logit = self.expansion.linear(rows.dense, rows.codes, weights[:-1]) + weights[-1]
        margin = (1 - 2 * rows.label).unsqueeze(1) * (logit - self.scorer.prior_shift)
        loss = softplus(margin)
        if rows.weight is None:
            self._validation[-1] += len(rows.label)
        else:
            loss = loss * rows.weight.unsqueeze(1)
            self._validation[-1] += rows.weight.sum(dtype=torch.float64)
        self._validation[:-1] += loss.sum(0, dtype=torch.float64)

    def on_validation_epoch_end(self) -> None:
        """Log the log-loss of the best model so far."""
        sums = self.sum_over_processes(self._validation).cpu()
        losses = (sums[:-1] / sums[-1]).tolist()
        for j, loss in zip(self._judged, losses, strict=True):
            self._validation_loss[self._active[j]] = loss
        known = [loss for loss in self._validation_loss if loss == loss]
        self.log(MONITOR, min(known, default=float("nan")), sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """Tell the solvers what the pass has found, and put the best model so far into the net.

        Raises:
            InputError: The loss is not a finite number, or a fold has no weight.
        """
        sums = LogisticSums.from_flat(self.sum_over_processes(self._pass.flat()).cpu())
        self._n_passes += 1
        problems = self.solver.problems
        for j, i in enumerate(self._active):
            if self.models[i].fold >= 0:
                if not (sums.n_held[j] > 0 and sums.n_rows[j] > 0):
                    raise InputError(
                        "penalty.folds: expected rows with a weight above 0 inside and outside "
                        f"every fold, got none for one of {self.folds}; choose another number."
                    )
                self._held_loss[i] = float(sums.held_loss[j] / sums.n_held[j])
            with _finite():
                _tell(problems[i], sums, j)
            penalty = self.penalties[self.models[i].penalty]
            if not sums.n_wrong[j] and not penalty.l1 and not penalty.l2:
                self._separable[i] = problems[i].done = True
        chosen = self._choose()
        value = problems[chosen].value
        assert value is not None
        self.keep_losses(value)
        self._load(problems[chosen].point)
        self.outcome = self._report(chosen)
        self._stop_if_solved()

    def _stop_if_solved(self) -> None:
        if all(problem.done for problem in self.solver.problems):
            self.trainer.should_stop = True

    def _choose(self) -> int:
        """Return the position of the model to use."""
        full = [i for i, model in enumerate(self.models) if model.fold < 0]
        return min(full, key=self._judgement)

    def _judgement(self, i: int) -> float:
        if not self.folds:
            return self._validation_loss[i]
        held = [
            loss
            for model, loss in zip(self.models, self._held_loss, strict=True)
            if model.penalty == self.models[i].penalty and model.fold >= 0
        ]
        return sum(held) / len(held)

    def _report(self, chosen: int) -> dict[str, Any]:
        problems = self.solver.problems
        path = []
        for i, model in enumerate(self.models):
            if model.fold < 0:
                entry = {
                    "l2": self.penalties[model.penalty].l2,
                    "validation_log_loss": self._validation_loss[i],
                    "converged": problems[i].converged,
                    "gradient_norm": problems[i].gradient_norm,
                }
                if self.folds:
                    entry["held_out_log_loss"] = self._judgement(i)
                path.append(entry)
        return {
            "solver": self.solver.method,
            "passes": self._n_passes,
            "converged": problems[chosen].converged,
            "separable": self._separable[chosen],
            "gradient_norm": problems[chosen].gradient_norm,
            "l2": self.penalties[self.models[chosen].penalty].l2,
            "path": path,
        }

    def _load(self, point: Tensor) -> None:
        linear = self.scorer.net.linear
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.copy_(point[:-1].unsqueeze(0))
            linear.bias.copy_(point[-1:])

    def get_extra_state(self) -> dict[str, Any]:
        """Keep the curve, the outcome and the judgements with the weights."""
        judged = (self._separable, self._validation_loss, self._held_loss, self._n_passes)
        return {**super().get_extra_state(), "outcome": self.outcome, "judged": list(judged)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take them up again."""
        super().set_extra_state(state)
        self.outcome = state["outcome"]
        self._separable, self._validation_loss, self._held_loss, self._n_passes = state["judged"]


@contextlib.contextmanager
def _finite() -> Iterator[None]:
    """Tell the user what to do about a loss that is not a finite number."""
    try:
        yield
    except FloatingPointError as error:
        raise InputError(
            f"training: expected a finite loss, got: {error}; set preprocess.outliers=quantile."
        ) from error


def _weighing(rows: Block) -> Block:
    """Return rows of a sample, all with the same weight if the sample's weights are all 0."""
    return rows if rows.weight is None or rows.weight.any() else rows._replace(weight=None)


def _tell(problem: Problem, sums: LogisticSums, j: int) -> None:
    n_rows = sums.n_rows[j].cpu()
    problem.tell(float(sums.loss[j] / n_rows), (sums.gradient[:, j].cpu() / n_rows))
