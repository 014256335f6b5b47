"""The order of a campaign: score, choose, hold control customers back, write; without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import churn_torch
from churn_torch.console import row_progress, show
from churn_torch.decisions.call_list import check_kept, list_rows
from churn_torch.decisions.campaign_figures import campaign_figures
from churn_torch.decisions.campaign_files import CampaignFiles
from churn_torch.decisions.campaign_record import FORMAT, sha256_of
from churn_torch.decisions.candidates import net_and_spend, read_candidates
from churn_torch.decisions.customer_rules import CustomerRules, known_columns
from churn_torch.decisions.offers import Offer
from churn_torch.decisions.targeting import choose_targets
from churn_torch.errors import without_secrets
from churn_torch.report.campaign import CampaignFigures, campaign_table
from churn_torch.report.campaign_sentences import campaign_sentences
from churn_torch.report.metrics import calibration_warning
from churn_torch.report.pages.campaign_page import campaign_page
from churn_torch.report.unusual_inputs import unusual_table
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.model_path import find_model
from churn_torch.serving.outputs import EXPECTED_SPEND, PROBABILITY, QUALITY, REASONS, UPLIFT
from churn_torch.serving.scoring import absent_columns
from churn_torch.tables.input_counts import InputCounts
from churn_torch.tables.labelled.carried import ROW
from churn_torch.tables.labelled.read import located
from churn_torch.tables.readers import sources
from churn_torch.workflows.configuration.campaign_options import (
    CampaignOptions,
    check_asked,
    checked_offers,
    new_folder,
    rules_text,
    valuation,
)
from churn_torch.workflows.configuration.typed_config import MissingKey, plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


def campaign(
    config: DictConfig | Mapping[str, Any], *, source: Any = None
) -> CampaignFigures | dict[str, Any]:
    """Choose whom to contact with which offer, and write the list and its control group.

    With ``config.results`` measure what a campaign was worth instead (`campaign_results`).

    Args:
        config: The composed configuration (conf/campaign.yaml).
        source: A table that takes the place of ``config.source``, as for `churn_torch.train`; with
            ``config.results`` that of the outcomes.

    Returns:
        What the campaign is expected to do; with ``config.results`` the content of results.json.

    Raises:
        InputError: An offer, a rule, the table, the file or the output cannot be used. Nothing is
            written.
    """
    content = plain_config(config)
    options = read_options(CampaignOptions, content)
    check_asked(options)
    if options.results is not None:
        # Its statistics need scipy, which takes longer to import than most lists to write.
        from churn_torch.workflows.campaign_results import campaign_results

        return campaign_results(options, outcomes=source)
    if source is None and options.source is None:
        raise MissingKey("source")
    offers = checked_offers(options)
    files = CampaignFiles(options.out or new_folder() / "calls.csv")
    table = located(options.source if source is None else source)
    files.check(table, options.reading, overwrite=options.overwrite)
    path = find_model(options.run)
    scores = BatchModel(path, [PROBABILITY, UPLIFT, EXPECTED_SPEND])
    schema = scores.schema
    id_column = schema.id if options.id is None else options.id
    keep = [options.keep] if isinstance(options.keep, str) else list(dict.fromkeys(options.keep))
    keep = [name for name in keep if name != id_column]
    predicts = EXPECTED_SPEND in scores.outputs
    value = valuation(options, scores.metadata.get("value"), predicts=predicts)
    known, names = known_columns(schema, table, options.reading, rules_text(options, value))
    check_kept(keep, id_column, names)
    rules = CustomerRules(
        known, offers, value, exclude=options.exclude, has_target=schema.target in names
    )
    features = [*schema.read]
    named = [] if id_column is None else [id_column]

    counts, total = InputCounts(schema), sources.count_rows(table, options.reading)
    with row_progress() as progress:
        task = progress.add_task("Scoring", total=total)
        candidates = read_candidates(
            scores,
            table,
            rules,
            id_column=id_column,
            columns=_only([*named, *features, *sorted(rules.columns)], names),
            reading=options.reading,
            chunk_rows=options.chunk_rows,
            counts=counts,
            value=value,
            progress=lambda n: progress.advance(task, n),
            announce=show,
        )
    if not options.allow_unseen:
        counts.check_seen()
    net, spend = net_and_spend(candidates, offers)
    targets = choose_targets(
        net,
        spend,
        candidates.identity,
        list(offers),
        budget=options.budget,
        capacities=[offer.capacity for offer in offers.values()],
        share=options.control,
        salt=options.salt,
    )
    with row_progress() as progress:
        task = progress.add_task("Reasons of the list", total=total)
        rows = list_rows(
            BatchModel(path, [REASONS, QUALITY]),
            table,
            candidates,
            targets,
            net,
            list(offers),
            id_column=id_column,
            keep=keep,
            columns=_only([*named, *features, *keep], names),
            reading=options.reading,
            chunk_rows=options.chunk_rows,
            progress=lambda n: progress.advance(task, n),
        )
    figures = campaign_figures(
        candidates,
        targets,
        offers,
        net,
        spend,
        rows.calls,
        budget=options.budget,
        share_control=options.control,
        value=value,
        columns=features,
        correlated=scores.metadata.get("correlated_columns", ()),
        left_by=_left_by(rules, options, schema.target),
        source="a table in memory" if source is not None else without_secrets(str(options.source)),
        run=options.run,
        date=datetime.now().date().isoformat(),
    )
    facts = {
        "data_fingerprint": scores.metadata["data_fingerprint"],
        "model_sha256": sha256_of(path),
        "id": id_column or ROW,
        "value": asdict(value),
        "exclude": {"target": schema.target} if rules.by_target else options.exclude or None,
    }
    content = {**_content(options, offers, figures), **facts}
    files.write(rows, campaign_page(figures), content, overwrite=options.overwrite)
    if found := counts.unusual():
        show(unusual_table(found, absent_columns(schema, table, options.reading)))
    _say_what_was_taken(options, scores, rules, figures, id_column)
    show(campaign_table(figures))
    for sentence in campaign_sentences(figures):
        show(sentence)
    beside = f"{files.control.name}, {files.page.name} and {files.campaign.name}"
    show(f"Written to {files.calls}, {beside}.")
    return figures


def _only(wanted: Sequence[str], names: Sequence[str]) -> list[str] | None:
    """Return the columns to read; None for all where one is absent, for a message that names it."""
    return list(dict.fromkeys(wanted)) if set(wanted) <= set(names) else None


def _left_by(rules: CustomerRules, options: CampaignOptions, target: str) -> str:
    """Say how it is known who has left; ``""`` where nobody is taken to have."""
    if rules.by_target:
        return f"the column {target} says so"
    return f"they fulfil {options.exclude}" if isinstance(options.exclude, str) else ""


def _content(
    options: CampaignOptions, offers: Mapping[str, Offer], figures: CampaignFigures
) -> dict[str, Any]:
    """Return the content of campaign.json but for what is known of the run and the files."""
    return {
        "format": FORMAT,
        "churn_torch_version": churn_torch.__version__,
        "date": figures.date,
        "run": options.run,
        "source": figures.source,
        "offers": {name: asdict(offer) for name, offer in offers.items()},
        "budget": options.budget,
        "control": {"share": options.control, "salt": options.salt},
        "ranked_by": figures.ranked_by,
        "counts": {
            "customers": figures.n_customers,
            "left": figures.n_left,
            "not_eligible": figures.n_not_eligible,
            "not_worth": figures.n_not_worth,
            "not_chosen": figures.n_not_chosen,
            "contacted": figures.n_contacted,
            "control": figures.n_control,
            "by_offer": {offer.name: offer.n_contacted for offer in figures.offers},
        },
        "expected": {
            "net_value": figures.net,
            "interval": figures.interval,
            "spend": figures.spend,
            "kept": figures.kept,
            "gap": figures.gap,
            "churn": figures.churn,
            "effect": figures.effect,
            "customers_needed": figures.n_needed if math.isfinite(figures.n_needed or 0) else None,
        },
    }


def _say_what_was_taken(
    options: CampaignOptions,
    scores: BatchModel,
    rules: CustomerRules,
    figures: CampaignFigures,
    id_column: str | None,
) -> None:
    """Say what was decided without the user."""
    if id_column is None:
        show(
            "The run names no id column: customers are named by their row, and the control group "
            "is another one when rows are added above. Name a column with id=COLUMN."
        )
    if rules.by_target:
        show(
            f"{figures.n_left:,} of {figures.n_customers:,} customers have left already, as their "
            f"{scores.schema.target!r} says, and are left out (exclude=false keeps them)."
        )
    if figures.ranked_by == "uplift":
        others = ", for every offer alike" if len(figures.offers) > 1 else ""
        show(
            "Whom a contact keeps is the uplift that the model learned from past campaigns"
            f"{others}; keep rates play no part."
        )
    if rules.n_left_in:
        show(
            f"{rules.n_left_in:,} customers have left, as their {scores.schema.target!r} says, "
            "and exclude does not leave them out. Add them to the condition if that is not meant."
        )
    for sentence in calibration_warning(scores.metadata["metrics"].get("test", {})):
        show(f"On the test rows of the training. {sentence}")
    if scores.metadata.get("reasons") is None:
        show("The file has no reasons (export.outputs), so the columns of the reasons are empty.")
