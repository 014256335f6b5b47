"""The order of a campaign's results: outcomes joined with the lists, measured and written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import beta

import churn_torch
from churn_torch.console import show
from churn_torch.decisions.campaign_record import (
    NET,
    OFFER,
    RESULTS,
    RESULTS_PAGE,
    RESULTS_TABLE,
    CampaignRecord,
    read_lists,
    read_record,
    sha256_of,
)
from churn_torch.decisions.group_checks import check_randomisation
from churn_torch.decisions.group_difference import relative_risk
from churn_torch.decisions.keep_rate import UNIFORM, updated_keep_rate
from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.decisions.outcome_rows import KEY, Joined, join_outcomes
from churn_torch.decisions.results import by_offer_and_decile, leavers
from churn_torch.decisions.sample_size import POWER, effect_seen
from churn_torch.errors import InputError, keyed
from churn_torch.report.campaign_results import offer_yaml, results_sentences, results_table
from churn_torch.report.pages.results_page import results_page
from churn_torch.serving.model_path import find_model
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.labelled.carried import VALUE
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import sources
from churn_torch.whole_files import write_all
from churn_torch.workflows.configuration.campaign_options import CampaignOptions
from churn_torch.workflows.configuration.typed_config import MissingKey, read_options
from churn_torch.workflows.csv_tables import csv_text

FORMAT = 1


def campaign_results(options: CampaignOptions, *, outcomes: Any = None) -> dict[str, Any]:
    """Measure what a campaign was worth, and write results.json, results.csv and results.html.

    Args:
        options: All of conf/campaign.yaml, of which only the keys about results count.
        outcomes: A table that Python code holds, in place of ``options.results``.

    Returns:
        The content of results.json.

    Raises:
        InputError: The folder holds no campaign or one of another run, its lists have changed, the
            outcomes are not of its customers or cannot be read, or there are results already.
    """
    if options.campaign is None:
        raise MissingKey("campaign")
    record = read_record(options.campaign)
    if options.run != CampaignOptions.run:
        _check_run(options.run, record)
    paths = [record.folder / name for name in (RESULTS_TABLE, RESULTS_PAGE, RESULTS)]
    _check_free(paths, options.overwrite)
    offers = {
        name: read_options(Offer, keys, f"campaign.offers.{name}.")
        for name, keys in record.offers.items()
    }
    lists = read_lists(record)
    with keyed(KEY):
        source = located(options.results if outcomes is None else outcomes)
        table = sources.read(source, reading=options.reading, announce=show)
    joined = join_outcomes(
        lists,
        table,
        id=options.id or record.id,
        churned=options.churned,
        revenue=options.revenue,
    )
    effects = by_offer_and_decile(joined.outcomes, offers)
    results = {
        "format": FORMAT,
        "churn_torch_version": churn_torch.__version__,
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "campaign": {
            name: record.content.get(name) for name in ("date", "run", "data_fingerprint", "source")
        },
        "outcomes": "a table in memory" if outcomes is not None else options.results,
        **_measured(record, joined, effects, offers),
        "effects": effects.to_dict("records"),
    }
    texts = (
        csv_text(effects),
        results_page(results),
        json.dumps(_finite(results), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )
    write_all(
        {path: text.encode() for path, text in zip(paths, texts, strict=True)},
        check=lambda: _check_free(paths, options.overwrite),
    )
    show(results_table(effects))
    for sentence in results_sentences(results):
        show(sentence)
    show(f"Written to {record.folder}: {RESULTS}, {RESULTS_TABLE} and {RESULTS_PAGE}.")
    return results


def _measured(
    record: CampaignRecord, joined: Joined, effects: pd.DataFrame, offers: Mapping[str, Offer]
) -> dict[str, Any]:
    """Return what there is to say beside the effects."""
    lists, treated = joined.lists, joined.lists["treated"].to_numpy(bool)
    columns = {"the predicted probability": lists[PROBABILITY], "the value": lists[VALUE]}
    columns["the expected net value"] = lists[NET]
    if len(offers) > 1:
        columns |= {f"offer {name}": lists[OFFER] == name for name in offers}
    randomisation = check_randomisation(
        treated,
        joined.with_outcome,
        {name: column.to_numpy("float64") for name, column in columns.items()},
        record.share_control,
    )
    keep_rates = {}
    for name, offer in offers.items():
        rate = _keep_rate(joined, name, offer)
        if rate is not None:
            keep_rates[name] = rate
    whole = effects.iloc[0]
    n = int(whole["treated"] + whole["control"])
    seen = None
    if 0 < whole["churn_rate_control"] < 1 and whole["treated"]:
        seen = effect_seen(n, whole["churn_rate_control"], whole["control"] / n)
    with_outcome = joined.with_outcome
    return {
        "net_value_from": "value" if joined.outcomes.revenue is None else "revenue",
        "counts": {
            "treated": int(treated.sum()),
            "control": int((~treated).sum()),
            "missing_treated": int((treated & ~with_outcome).sum()),
            "missing_control": int((~treated & ~with_outcome).sum()),
        },
        "size": {"power": POWER, "effect_seen": seen},
        "randomisation": asdict(randomisation),
        "warnings": randomisation.warnings,
        "keep_rates": keep_rates,
        "conf_offer": offer_yaml(record.offers, keep_rates),
    }


def _keep_rate(joined: Joined, name: str, offer: Offer) -> dict[str, Any] | None:
    """Return the keep rate of an offer for the next campaign, None where it cannot be known."""
    counts = leavers(joined.outcomes, name)
    prior = offer.keep_rate if isinstance(offer.keep_rate, BetaRate) else None
    rate = updated_keep_rate(counts, UNIFORM if prior is None else prior)
    if rate is None:
        return None
    low, high = beta.ppf([0.025, 0.975], rate.alpha, rate.beta)
    risk = relative_risk(counts)
    return {
        "alpha": float(f"{rate.alpha:.4g}"),
        "beta": float(f"{rate.beta:.4g}"),
        "mean": rate.mean,
        "low": float(low),
        "high": float(high),
        "prior": None if prior is None else asdict(prior),
        # 1 - relative risk: what this campaign says alone; below 0 where it drove customers away.
        "measured": 1 - risk.value,
        "measured_low": 1 - risk.high,
        "measured_high": 1 - risk.low,
    }


def _check_run(run: str, record: CampaignRecord) -> None:
    if sha256_of(find_model(run)) != record.content.get("model_sha256"):
        raise InputError(
            "run",
            expected=f"the run of the campaign, {record.content.get('run')!r} when its list was "
            "made",
            got=f"{run!r}, whose model is another",
            fix="leave run= out: the folder of the campaign is enough",
        )


def _check_free(paths: list[Path], overwrite: bool) -> None:
    there = [path.name for path in paths if path.exists()]
    if there and not overwrite:
        raise InputError(
            "campaign",
            expected="a folder without results",
            got=f"{str(paths[0].parent)!r} with {', '.join(there)}",
            fix="set overwrite=true to write over them",
        )


def _finite(value: Any) -> Any:
    """Return plain JSON values: null for a number that is not known or not finite."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
