"""Fairness for the terminal and in words: the groups of a column, their gaps, and remedies.

All takes an entry of ``metrics.json["fairness"]``;
`churn_torch.evaluation.groups.fairness.Fairness` says what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import listed

# Of each metric of a group its heading, and whether it is a percentage.
METRICS = {
    "base_rate": ("churn rate", True),
    "selection_rate": ("flagged", True),
    "recall": ("churners flagged", True),
    "false_positive_rate": ("stayers flagged", True),
    "precision": ("right of flagged", True),
    "calibration": ("predicted - observed", True),
    "auroc": ("AUROC", False),
}
GROUP_HEADINGS = ("group", "customers", *(heading for heading, _ in METRICS.values()))
GROUPS_CAPTION = "in brackets: intervals of 95 %; *: too few customers to be compared"
GAP_HEADINGS = ("difference in", "lowest", "highest", "difference", "interval", "p-value")
GAPS_CAPTION = (
    "interval: of the true difference, 95 %; p-value: corrected for the number of lines; *: beyond "
    "chance"
)
GAPS = {
    "base_rate": "churn rate (of customers, not of the model)",
    "demographic_parity": "flagged (demographic parity)",
    "equal_opportunity": "churners flagged (equal opportunity)",
    "equalized_odds": "churners or stayers flagged (equalized odds)",
    "calibration": "predicted - observed (calibration)",
    "auroc": "AUROC",
}
# What a group has more or less of, in a sentence.
WORDS = {
    "base_rate": "the share of customers who left",
    "demographic_parity": "the share of customers flagged",
    "equal_opportunity": "the share of churners flagged",
    "equalized_odds": "the share of churners, or of stayers, flagged",
    "calibration": "how far probabilities are off",
    "auroc": "how well the model ranks customers (AUROC)",
}
REMEDIES = {
    "none": "as it is",
    "without_column": "without the column",
    "equal_selection_rate": "thresholds for equal shares flagged",
    "equal_recall": "thresholds for equal shares of churners flagged",
}
THRESHOLDS_WARNING = "A threshold by group decides by the column itself, which the law may forbid."
_COMPARED = ("demographic_parity", "equal_opportunity", "equalized_odds")


def fairness_tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """Yield tables: the groups of a column, their gaps and the remedies, where there are any."""
    title = f"{found['column']}: groups on {found['measured_on']}"
    groups = Table(title=Text(title), caption=_noted(found["note"], GROUPS_CAPTION))
    groups.add_column("group", overflow="fold")
    for heading in GROUP_HEADINGS[1:]:
        groups.add_column(heading, justify="right", overflow="fold")
    for row in group_rows(found):
        groups.add_row(Text(row[0]), *row[1:])
    yield groups
    if not found["gaps"]:
        return
    gaps = Table(
        title=Text(f"{found['column']}: largest differences between groups"),
        caption=GAPS_CAPTION,
    )
    gaps.add_column(GAP_HEADINGS[0])
    for heading in GAP_HEADINGS[1:]:
        gaps.add_column(heading, justify="right", overflow="fold")
    for row in gap_rows(found):
        gaps.add_row(*map(Text, row))
    yield gaps
    if found["remedies"]:
        yield _remedies_table(found)


def group_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells of each group, by ``GROUP_HEADINGS``."""
    return [
        (group["group"], f"{group['n']:,}", *(_cell(group, metric) for metric in METRICS))
        for group in found["groups"]
    ]


def gap_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells of each gap, by ``GAP_HEADINGS``."""
    return [
        (
            GAPS[gap["name"]],
            gap["lowest"],
            gap["highest"],
            _size(gap["metric"], gap["value"]),
            _interval(gap),
            f"{gap['adjusted_p_value']:.3f}{' *' if gap['differs'] else ''}",
        )
        for gap in found["gaps"]
    ]


def _noted(note: str, caption: str) -> str:
    return f"{note}; {caption}" if note else caption


def _cell(group: Mapping[str, Any], metric: str) -> str:
    measure = group[metric]
    if measure is None:
        return "-"
    few = "*" if metric in group["too_small"] else ""
    value, low, high = (_number(metric, measure[end]) for end in ("value", "low", "high"))
    unit = " %" if METRICS[metric][1] else ""
    return f"{value}{unit}{few}\n[{low} to {high}]"


def _number(metric: str, value: float) -> str:
    if not METRICS[metric][1]:
        return f"{value:.3f}"
    return f"{100 * value:+.1f}" if metric == "calibration" else f"{100 * value:.1f}"


def _size(metric: str, value: float) -> str:
    """Write a difference; of percentages in points."""
    return f"{100 * value:.1f} points" if METRICS[metric][1] else f"{value:.3f}"


def _interval(gap: Mapping[str, Any]) -> str:
    digits, unit = (1, " points") if METRICS[gap["metric"]][1] else (3, "")
    low, high = (f"{(100 if unit else 1) * gap[end]:.{digits}f}" for end in ("low", "high"))
    return f"{low} to {high}{unit}"


def fairness_sentences(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what was found of the groups of a column, the most important first."""
    return tuple(_sentences(found))


def _sentences(found: Mapping[str, Any]) -> Iterator[str]:
    column, groups = found["column"], {group["group"]: group for group in found["groups"]}
    gaps = {gap["name"]: gap for gap in found["gaps"]}
    if len(groups) < 2:
        yield f"{column}: all {found['measured_on']} are of one group, so nothing can be compared."
        return
    if not gaps:
        yield f"{column}: its groups are too small to be compared."
    real = [gap for gap in found["gaps"] if gap["differs"]]
    of_model = [gap for gap in real if gap["name"] != "base_rate"]
    if gaps and not of_model:
        yield (
            f"{column}: no difference beyond chance in how the model treats the groups. "
            f"{_not_ruled_out(gaps)}"
        )
    for gap in of_model:
        if gap["name"] != "equalized_odds" or gap["metric"] != "recall":  # said before
            yield _difference(column, gap, groups)
    if {"base_rate", "demographic_parity"} <= {gap["name"] for gap in real}:
        yield _of_base_rates(column, gaps["base_rate"], groups)
    yield from _small(column, found)
    if not found["is_input"]:
        yield (
            f"The model does not learn from {column}; it can still treat the groups differently, "
            "by columns that go along with it."
        )
    if found["proxies"]:
        named = [f"{one['column']} ({one['correlation']:.2f})" for one in found["proxies"]]
        yield f"Columns that tell much of {column} (correlation): {listed(named)}."
    if found["terms"]:
        named = [" with ".join(term) for term in found["terms"]]
        yield f"Terms of the model that contain {column}: {'; '.join(named)}."


def _not_ruled_out(gaps: Mapping[str, Mapping[str, Any]]) -> str:
    gap = gaps.get("demographic_parity") or next(iter(gaps.values()))
    return (
        f"A difference of up to {_size(gap['metric'], gap['high'])} in {WORDS[gap['name']]} cannot "
        "be ruled out."
    )


def _difference(column: str, gap: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    metric = gap["metric"]
    unit = " %" if METRICS[metric][1] else ""
    low, high = (
        f"{_number(metric, groups[gap[end]][metric]['value'])}{unit} for {column} {gap[end]}"
        for end in ("lowest", "highest")
    )
    words = WORDS[gap["name"]]
    if gap["name"] == "equalized_odds":
        words = f"the share of {'churners' if metric == 'recall' else 'stayers'} flagged"
    return (
        f"{words[:1].upper()}{words[1:]} differs beyond chance: {low}, {high}. That is "
        f"{_size(metric, gap['value'])} apart (95 % interval {_interval(gap)})."
    )


def _of_base_rates(column: str, gap: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    low, high = (
        f"{100 * groups[gap[end]]['base_rate']['value']:.1f} %" for end in ("lowest", "highest")
    )
    return (
        f"Customers with {column} {gap['highest']} also left more often ({high}, {column} "
        f"{gap['lowest']} {low}). So a model with right probabilities flags more of them: equal "
        "shares flagged would take wrong probabilities, or a threshold for each group."
    )


def _small(column: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Name the groups that are not compared at all, and those of which only some metrics are."""
    tiny = [one for one in found["groups"] if "base_rate" in one["too_small"]]
    if tiny:
        named = listed(
            [f"{one['group']} ({one['n']:,} customer{'s' * (one['n'] != 1)})" for one in tiny]
        )
        yield f"Too small to be compared, with fewer than 30 customers: {column} {named}."
    some = [one for one in found["groups"] if one["too_small"] and one not in tiny]
    for group in some:
        named = listed([METRICS[metric][0] for metric in group["too_small"]])
        yield (
            f"{column} {group['group']} has fewer than 10 customers for {named}, so that is shown "
            "and not compared."
        )


def remedy_sentence(remedy: Mapping[str, Any], before: Mapping[str, Any], column: str) -> str:
    """Say what a change would do.

    Args:
        remedy: What is measured with it.
        before: The same of the model as it is.
        column: The column.
    """
    gap = "equal_opportunity" if remedy["name"] == "equal_recall" else "demographic_parity"
    whom = "churners" if gap == "equal_opportunity" else "customers"
    said = f"Without {column} (the model fitted again)"
    if remedy["thresholds"]:
        named = [f"{value:.2f} for {group}" for group, value in remedy["thresholds"].items()]
        said = f"With a threshold for each group ({column}: {listed(named)})"
    changed = [
        f"{name} {_percent(remedy[name])} instead of {_percent(before[name])}"
        for name in ("precision", "recall")
    ]
    if not remedy["thresholds"]:
        changed.append(f"AUROC {remedy['auroc']:.3f} instead of {before['auroc']:.3f}")
    for offer, change in remedy["profit_change"].items():
        changed.append(
            f"a profit from the offer {offer} that is {change['value']:+.2f} a customer "
            f"({change['low']:+.2f} to {change['high']:+.2f})"
        )
    if gap in remedy["gaps"]:
        apart = [f"{100 * one['gaps'][gap]:.1f}" for one in (remedy, before)]
        said += f" the shares of {whom} flagged are {apart[0]} points apart instead of {apart[1]}"
    return f"{said}, with {listed(changed)}."


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _remedies_table(found: Mapping[str, Any]) -> Table:
    table = Table(
        title=Text(f"{found['column']}: what a change would do"),
        caption=f"differences between groups as above, on {found['measured_on']}; *: beyond chance",
    )
    table.add_column("")
    names = [name for name in _COMPARED if name in found["remedies"][0]["gaps"]]
    for name in names:
        table.add_column(GAPS[name], justify="right", overflow="fold")
    for heading in ("precision", "recall", "AUROC"):
        table.add_column(heading, justify="right")
    offers = list(found["remedies"][-1]["profit_change"])
    for offer in offers:
        table.add_column(f"profit a customer ({offer})", justify="right", overflow="fold")
    for one in found["remedies"]:
        cells = [
            _size("recall", one["gaps"][name]) + " *" * one["differs"][name]
            if name in one["gaps"]
            else "-"
            for name in names
        ]
        cells += [_percent(one["precision"]), _percent(one["recall"]), f"{one['auroc']:.3f}"]
        for offer in offers:
            change = one["profit_change"].get(offer)
            cells.append("" if change is None else f"{change['value']:+.2f}")
        table.add_row(REMEDIES[one["name"]], *cells)
    return table
