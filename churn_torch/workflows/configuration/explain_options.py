"""The choices of an explanation, typed: all of conf/explain.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from churn_torch.tables.options import SourceOptions


@dataclass(frozen=True)
class ExplanationChoices:
    """The keys below ``explain`` of the command; None is as in the training.

    Attributes:
        actionable: As for `churn_torch.explanation.options.ExplanationOptions`.
        robust: As there.
    """

    actionable: Sequence[str] | None = None
    robust: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(SourceOptions):
    """All of conf/explain.yaml.

    Attributes:
        run: The run folder, or an ONNX file.
        source: The customers.
        id: The customer to explain; None for the factors of the model.
        explain: What can be changed, and how the factors are measured.
        out: A JSON file for the explanation.
        trust: Classes outside churn_torch, and tables, that the run folder may name.
    """

    run: str = "outputs/latest"
    source: str | None = None
    id: str | int | float | None = None
    explain: ExplanationChoices = field(default_factory=ExplanationChoices)
    out: str | None = None
    trust: Sequence[str] = ()
