"""The order of an explanation: of one customer, without torch, or of the factors of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from churn_torch.workflows.explain_customer import explain_customer
from churn_torch.workflows.explain_options import ExplainOptions
from churn_torch.workflows.typed_config import plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


def explain(config: DictConfig | Mapping[str, Any], *, source: Any = None) -> Any:
    """Explain one customer, or the factors of a model.

    Args:
        config: The composed configuration (conf/explain.yaml).
        source: A table that takes the place of ``config.source``, as for `churn_torch.train`.

    Returns:
        With ``config.id`` a `churn_torch.explanation.one_customer.CustomerExplanation`, else what
        `churn_torch.workflows.explain_factors.explain_factors` returns.

    Raises:
        InputError: The run, the table, the customer or a column cannot be used.
    """
    options = read_options(ExplainOptions, plain_config(config))
    if options.id is not None:
        return explain_customer(options, source=source)
    from churn_torch.workflows.explain_factors import explain_factors  # brings torch along

    return explain_factors(options, source=source)
