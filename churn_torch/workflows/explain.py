"""The order of an explanation: of one customer, without torch, or of the factors of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import sources
from churn_torch.workflows.configuration.explain_options import ExplainOptions
from churn_torch.workflows.configuration.typed_config import plain_config, read_options
from churn_torch.workflows.explanation.explain_customer import explain_customer

if TYPE_CHECKING:
    from omegaconf import DictConfig


def explain(config: DictConfig | Mapping[str, Any], *, source: Any = None) -> Any:
    """Explain one customer, or the factors of a model.

    Args:
        config: The composed configuration (conf/explain.yaml).
        source: A table that takes the place of ``config.source``, as for `churn_torch.train`.

    Returns:
        With ``config.id`` a `churn_torch.explanation.one_customer.CustomerExplanation`, else what
        `churn_torch.workflows.explanation.explain_factors.explain_factors` returns.

    Raises:
        InputError: The run, the table, the customer or a column cannot be used.
    """
    options = read_options(ExplainOptions, plain_config(config))
    _check_out(options, source)
    if options.id is not None:
        return explain_customer(options, source=source)
    # It brings torch along.
    from churn_torch.workflows.explanation.explain_factors import explain_factors

    return explain_factors(options, source=source)


def _check_out(options: ExplainOptions, source: Any) -> None:
    """Refuse an output that is no JSON file, or in the place of what is read."""
    out = options.out
    if out is None:
        return
    if Path(out).suffix.lower() != ".json" or Path(out).is_dir():
        raise InputError("out", expected="a .json file", got=repr(out), fix="name one")
    source = options.source if source is None else source
    if source is not None:
        sources.check_output(out, located(source), options.reading)
