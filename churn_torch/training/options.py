"""The options of a fit as dataclasses; `churn_torch.workflows.configuration.options` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from churn_torch.errors import InputError
from churn_torch.models.preprocessing.statistics import PreprocessOptions

UPLIFT = "churn_torch.models.nets.uplift.Uplift"
SURVIVAL = "churn_torch.models.nets.survival.Survival"


@dataclass(frozen=True, kw_only=True)
class Component:
    """A class by its dotted name, and the keyword arguments that its objects get."""

    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_config(cls, value: Mapping[str, Any], where: str) -> Component:
        """Return the component of a configuration: ``_target_``, and the arguments beside it.

        Raises:
            InputError: ``_target_`` is not text.
        """
        arguments = {str(key): each for key, each in value.items()}
        target = arguments.pop("_target_", None)
        if not isinstance(target, str):
            raise InputError(
                f"{where}._target_",
                expected="the dotted name of a class",
                got=repr(target),
                fix=f"choose one of conf/{where}/",
            )
        return cls(target=target, arguments=arguments)

    def updated(self, **arguments: Any) -> Component:
        """Return the component with some of its arguments replaced."""
        return replace(self, arguments={**self.arguments, **arguments})


@dataclass(frozen=True, kw_only=True)
class PenaltyOptions:
    """Penalties that are added to the mean loss, on weights but not on biases.

    Attributes:
        l2: ``l2 / 2 * sum of squares``; of a list the exact solvers keep the best.
        l1: ``l1 * sum of absolute values``.
        folds: Folds for choosing ``l2``; 0 chooses on the validation rows.
    """

    l2: float | Sequence[float] = 0.0001
    l1: float = 0.0
    folds: int = 0


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingOptions:
    """When training stops before its last epoch.

    Attributes:
        min_delta: Least decrease of the validation loss that counts as progress.
    """

    min_delta: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CallbackOptions:
    """Early stopping and the progress bar.

    Attributes:
        early_stopping: None trains all epochs.
        progress: Show a bar over the epochs.
    """

    early_stopping: EarlyStoppingOptions | None = field(default_factory=EarlyStoppingOptions)
    progress: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """Keyword arguments of Lightning's trainer; `conf/trainer/auto.yaml` explains them.

    Attributes:
        strategy: ``auto``, or ``ddp`` for several processes (`SummedProcesses`).
        max_epochs: ``auto`` for at least 10, and at least 400 steps.
    """

    accelerator: str = "auto"
    devices: int | str | Sequence[int] = 1
    strategy: Literal["auto", "ddp"] = "auto"
    num_nodes: int = 1
    precision: str | int = "32-true"
    max_epochs: int | Literal["auto"] = 60
    deterministic: bool = True
    num_sanity_val_steps: int = 0
    log_every_n_steps: int = 1
    profiler: str | None = None
    use_distributed_sampler: bool = False
    enable_checkpointing: bool = True
    enable_progress_bar: bool = False
    enable_model_summary: bool = False


@dataclass(frozen=True, kw_only=True)
class CrossValidationOptions:
    """A cross-validation in place of one split.

    Attributes:
        folds: 0 for one split.
        repeats: Repeats of the cross-validation, each with other folds.
        average: Save a model: the mean of the folds' probabilities.
    """

    folds: int = 0
    repeats: int = 1
    average: bool = False


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """Which columns enter the model.

    Attributes:
        select: How columns are scored; ``none`` takes all.
        k: Most columns; None keeps all that score better than chance.
    """

    select: str = "none"
    k: int | None = None


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """Where the features of a streamed table are kept during training.

    Attributes:
        folder: Kept, and used again by later runs; None uses the run folder and removes them.
        max_gb: Most disk space of the features, in GB.
    """

    folder: str | None = None
    max_gb: float = 500


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """All options of a fit of rows that are read and split; conf/train.yaml explains them.

    Attributes:
        model: The net's class; `build_scorer` adds the sizes that the table decides.
        net: With ``model=uplift`` and ``model=survival``, the class of the net that it wraps.
        optimizer: The optimizer's class, or `ExactSolver`; ``auto`` chooses (`with_optimizer`).
        scheduler: The learning-rate scheduler's class; None for a constant rate.
        calibration: The calibrator's class.
        loss: ``profit`` needs payoffs of the rows (`churn_torch.training.rows.store.Block`).
        logger: Loggers by name, each with its keyword arguments.
    """

    model: Component
    optimizer: Component
    scheduler: Component | None
    calibration: Component
    net: Component | None = None
    seed: int = 0
    trainer: TrainerOptions = field(default_factory=TrainerOptions)
    callbacks: CallbackOptions = field(default_factory=CallbackOptions)
    logger: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preprocess: PreprocessOptions = field(default_factory=PreprocessOptions)
    ensemble: int = 1
    cv: CrossValidationOptions = field(default_factory=CrossValidationOptions)
    patience: int = 15
    train_rows: int | None = None
    batch_size: int | Literal["auto"] | None = "auto"
    smallest_batch: int = 256
    gradient_clip: float | None = None
    ema_decay: float = 0.0
    compile: bool = False
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    loss: Literal["cross_entropy", "profit"] = "cross_entropy"
    class_weight: str | float | None = "none"
    penalty: PenaltyOptions = field(default_factory=PenaltyOptions)

    @property
    def learns_uplift(self) -> bool:
        """Whether the effect of a contact is learned (``model=uplift``)."""
        return self.model.target == UPLIFT

    @property
    def learns_survival(self) -> bool:
        """Whether it is learned when customers leave (``model=survival``)."""
        return self.model.target == SURVIVAL

    @property
    def wraps(self) -> bool:
        """Whether the model wraps a net."""
        return self.learns_uplift or self.learns_survival

    @property
    def own_net(self) -> Component:
        """The class of the net itself, which `Uplift` or `Survival` may wrap."""
        return self.net if self.wraps and self.net is not None else self.model
