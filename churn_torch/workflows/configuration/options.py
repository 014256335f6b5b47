"""The choices of a training, typed: all of conf/train.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from omegaconf import DictConfig

from churn_torch.decisions.offers import Offer
from churn_torch.explanation.options import ExplanationOptions
from churn_torch.export.verified_files import ExportOptions
from churn_torch.tables.options import DataOptions
from churn_torch.training.components import check_own
from churn_torch.training.options import CacheOptions, FitOptions, SelectionOptions
from churn_torch.workflows.configuration.typed_config import WrongOption, plain_config, read_options

# Hydra's words for what is to be called.
_CALLS = ("_target_", "_args_", "_partial_", "_recursive_", "_convert_")
# Keys that name a class, which is checked when a run folder is opened.
GROUPS = ("model", "net", "calibration", "optimizer", "scheduler")


@dataclass(frozen=True, kw_only=True)
class FairnessOptions:
    """The keys below ``fairness``.

    Attributes:
        by: Columns whose groups are compared; they travel with the rows as those of ``data.carry``.
        remedies: Also fit the model again without each of the columns.
    """

    by: Sequence[str] = ()
    remedies: bool = False


@dataclass(frozen=True, kw_only=True)
class _WithGroups(DataOptions):
    """A table whose rows also carry the columns of ``fairness.by``."""

    groups: Sequence[str] = ()

    @property
    def carried_keys(self) -> dict[str, str]:
        """As for `DataOptions`."""
        return {**dict.fromkeys(self.groups, "fairness.by"), **super().carried_keys}


@dataclass(frozen=True, kw_only=True)
class TrainOptions(FitOptions):
    """All of conf/train.yaml: the data, the fit, and what is made of the fitted model.

    Attributes:
        events: How rows are made of events, as plain values; empty for a table.
        specification: The same as a YAML file, which a run keeps as ``events``.
        outputs: Where run folders go.
        resume: The folder of an interrupted run to go on with.
        leakage: What is done where the table looks as if it tells churn beforehand: ``warn``,
            ``error`` (refuse it before the fit) or ``ignore`` (do not look).
        threshold: The decision threshold, or the rule by which it is chosen.
        top_share: With ``threshold="top_share"``, the share of customers to act on.
        offer: Retention offers by name.
        explain: What explanations of the model take.
        fairness: Which groups of customers are compared.
        report: Whether a page that reports on the run is written at its end.
    """

    data: DataOptions
    events: Mapping[str, Any] = field(default_factory=dict)
    specification: str | None = None
    outputs: str = "outputs"
    resume: str | None = None
    leakage: Literal["warn", "error", "ignore"] = "warn"
    features: SelectionOptions = field(default_factory=SelectionOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)
    threshold: float | str = 0.5
    top_share: float = 0.1
    offer: Mapping[str, Offer] = field(default_factory=dict)
    explain: ExplanationOptions = field(default_factory=ExplanationOptions)
    fairness: FairnessOptions = field(default_factory=FairnessOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
    report: bool = True

    @property
    def table(self) -> DataOptions:
        """How the labelled table is read: a model without uplift takes no treatment."""
        plain = self.learns_uplift or self.data.treatment is None
        data = self.data if plain else self.data.without_treatment()
        if not self.fairness.by:
            return data
        content = {one.name: getattr(data, one.name) for one in fields(data)}
        return _WithGroups(**content, groups=self.fairness.by)


def train_options(config: DictConfig | Mapping[str, Any]) -> TrainOptions:
    """Return the options of a composed conf/train.yaml; ``tune`` beside them is left alone.

    Raises:
        InputError: A key is unknown, or a value has another type than its key.
    """
    content = {key: value for key, value in plain_config(config).items() if key != "tune"}
    return read_options(TrainOptions, content)


def _makers(content: Any, where: str = "") -> Iterator[str]:
    """Yield the keys that would name something to call, but for those of the components."""
    entries: Iterable[tuple[Any, Any]] = content.items() if isinstance(content, Mapping) else ()
    if isinstance(content, list | tuple):
        entries = enumerate(content)
    for key, value in entries:
        path = f"{where}.{key}" if where else str(key)
        if key in _CALLS and not (key == "_target_" and where in GROUPS):
            yield path
        yield from _makers(value, path)


def stored_options(content: Mapping[str, Any], trust: Sequence[str] = ()) -> TrainOptions:
    """Return the options of a run folder's config.yaml, which may come from a stranger.

    Args:
        content: Plain values, as YAML gives them.
        trust: Dotted names of classes outside churn_torch that the folder may use.

    Raises:
        InputError: As for `train_options`; or it names a class that is not one of this package or
            of torch.optim. Nothing is imported before that is known.
    """
    options = train_options(content)
    for key in _makers(content):
        raise WrongOption(key, expected="a plain value", got="a class or function to call")
    for group in GROUPS:
        component = getattr(options, group)
        if component is not None and component.target not in trust:
            check_own(group, component)
    return options
