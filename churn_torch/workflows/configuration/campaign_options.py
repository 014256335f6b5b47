"""The choices of a campaign, typed: all of conf/campaign.yaml."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_torch.decisions.control_group import check_share
from churn_torch.decisions.offers import Offer
from churn_torch.errors import InputError
from churn_torch.tables.customer_value import PREDICTED_VALUE, Valuation
from churn_torch.tables.options import SourceOptions


@dataclass(frozen=True, kw_only=True)
class CampaignOptions(SourceOptions):
    """All of conf/campaign.yaml."""

    offer: Mapping[str, Offer] | None = None
    run: str = "outputs/latest"
    source: str | None = None
    id: str | None = None
    out: str | None = None
    overwrite: bool = False
    keep: str | Sequence[str] = ()
    budget: float | None = None
    exclude: str | bool | None = None
    value: str | float | None = None
    horizon: int | None = None
    discount_rate: float | None = None
    control: float = 0.1
    salt: str = "campaign"
    chunk_rows: int = 65_536
    allow_unseen: bool = False
    results: str | None = None
    campaign: str | None = None
    churned: str = "churned"
    revenue: str | None = None


# Keys about the results of a campaign, and those that its list and its results both have. run= is
# checked where the campaign is known.
_OF_RESULTS = ("campaign", "churned", "revenue")
_OF_BOTH = ("run", "results", "id", "overwrite", *(field.name for field in fields(SourceOptions)))


def check_asked(options: CampaignOptions) -> None:
    """Refuse choices about a new list with ``results``, and choices about results without.

    Raises:
        InputError: There is such a choice.
    """
    measures, usual = options.results is not None, CampaignOptions()
    given = [
        field.name
        for field in fields(CampaignOptions)
        if field.name not in _OF_BOTH
        and (field.name in _OF_RESULTS) != measures
        and getattr(options, field.name) != getattr(usual, field.name)
    ]
    if given and measures:
        raise InputError(
            given[0],
            expected="with results= only keys about the results of a campaign "
            f"({', '.join(_OF_RESULTS)})",
            got=f"{', '.join(given)} too",
            fix="leave that out: the folder of the campaign says what was assumed",
        )
    if given:
        raise InputError(
            given[0],
            expected="results=, the outcomes of the campaign, beside it",
            got="none",
            fix="name them, or leave it out to make a list",
        )


def checked_offers(options: CampaignOptions) -> dict[str, Offer]:
    """Return the offers; refuse those and other choices that cannot be.

    Raises:
        InputError: There is such a choice.
    """
    if not options.offer:
        raise InputError(
            "offer",
            expected="one or more offers",
            got="none",
            fix="choose some, such as offer=call or offer=[call,discount]; help=offer explains "
            "them",
        )
    for name, offer in options.offer.items():
        offer.check(name)
    check_share(options.control)
    if options.exclude is True:
        raise InputError(
            "exclude", expected="a condition, false or null", got="true", fix="say who has left"
        )
    if options.budget is not None and not 0 < options.budget < math.inf:
        raise InputError(
            "budget",
            expected="an amount above 0, or null for no limit",
            got=str(options.budget),
        )
    if options.chunk_rows < 1:
        raise InputError("chunk_rows", expected="1 or more", got=str(options.chunk_rows))
    return dict(options.offer)


def new_folder() -> Path:
    """Return where a campaign goes that the user has named no place for."""
    now = datetime.now()
    return Path("outputs") / "campaigns" / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S-%f}"


def valuation(
    options: CampaignOptions, trained: Mapping[str, Any] | None, *, predicts: bool
) -> Valuation:
    """Return what a customer is worth: as the user says, else as training was told, else predicted.

    Args:
        options: Every choice.
        trained: The content of a `Valuation`, if training was told one.
        predicts: Whether the file tells what customers are expected to spend.

    Raises:
        InputError: Nobody says it, or it is to be predicted and the file does not.
    """
    if trained is None and predicts:
        trained = {"value": PREDICTED_VALUE}
    if options.value is None and trained is None:
        raise InputError(
            "value",
            expected="what a customer is worth: a number, a column, or an expression such as "
            "'12 * monthly_charges'",
            got="nothing, and the run was trained without data.value",
            fix="set value=...",
        )
    chosen = {key: getattr(options, key) for key in ("value", "horizon", "discount_rate")}
    given = {key: choice for key, choice in chosen.items() if choice is not None}
    value = Valuation(**{**(trained or {}), **given})
    if value.is_predicted and not predicts:
        raise InputError(
            "value",
            expected="a file that tells what customers are expected to spend (expected_spend)",
            got="one that does not",
            fix="train with data.spend=COLUMN, or say what a customer is worth",
        )
    return value


def rules_text(options: CampaignOptions, value: Valuation) -> str:
    """Return the text of all rules, in which names of columns may stand."""
    texts: list[object] = [value.value, options.exclude]
    for offer in (options.offer or {}).values():
        texts += [offer.where, offer.keep_rate]
    return " ".join(text for text in texts if isinstance(text, str))
