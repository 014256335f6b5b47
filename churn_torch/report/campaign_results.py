"""What a campaign was worth, for the terminal: a table, sentences, offers for the next one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

CAPTION = (
    "second line: the control group, or the 95 % interval; lower by, kept and net value are "
    "adjusted by what was predicted, from 20 customers a group; decile 1 has the highest expected "
    "net value; -: not known"
)
GROUPS = ("treated", "control")
_EVIDENCE = "offer {}: more of the treated left than of the control group; do not make it as it is"


def results_table(effects: pd.DataFrame) -> Table:
    """Lay out the effects, a line each for all customers, each offer and each decile.

    Args:
        effects: What `churn_torch.decisions.results.by_offer_and_decile` returns.
    """
    table = Table(title="What the campaign was worth", caption=CAPTION)
    table.add_column("customers", overflow="fold")
    for heading in ("treated\ncontrol", "churn", "lower by", "kept", "net value", "expected"):
        table.add_column(heading, justify="right", overflow="fold")
    rows = effects.to_dict("records")
    for place, row in enumerate(rows):
        is_last = place + 1 < len(rows) and rows[place + 1]["by"] != row["by"]
        table.add_row(
            Text(group_name(row)),
            f"{row['treated']:,}\n{row['control']:,}",
            "\n".join(_known(row[f"churn_rate_{group}"], "{:.1%}") for group in GROUPS),
            interval(row, "difference_adjusted", "{:+.1f}", 100, in_cell=True),
            interval(row, "kept_adjusted", "{:,.0f}", in_cell=True),
            interval(row, "net_value_adjusted", "{:,.0f}", in_cell=True),
            _known(row["expected_net_value"], "{:,.0f}"),
            end_section=is_last,
        )
    return table


def group_name(row: Mapping[Any, Any]) -> str:
    """Return what a row of the effects is called."""
    return str(row["name"]) if row["by"] == "all" else f"{row['by']} {row['name']}"


def interval(
    row: Mapping[Any, Any], name: str, form: str, scale: float = 1.0, *, in_cell: bool = False
) -> str:
    """Write an estimate with its interval, in a cell on a second line; ``-`` if it is not known."""
    number, *ends = estimate_words(row, name, form, scale)
    if not ends:
        return number
    return f"{number}\n{'..'.join(ends)}" if in_cell else f"{number} ({' to '.join(ends)})"


def estimate_words(
    row: Mapping[Any, Any], name: str, form: str, scale: float = 1.0
) -> tuple[str, ...]:
    """Write an estimate, ``-`` if it is not known, and behind it the ends of its interval."""
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None or math.isnan(value):
        return ("-",)
    ends = (low, high) if math.isfinite(low) and math.isfinite(high) else ()
    return tuple(form.format(each * scale) for each in (value, *ends))


def results_sentences(results: Mapping[str, Any]) -> list[str]:
    """Return what the results say, a sentence or a block each; warnings first.

    Args:
        results: The content of results.json.
    """
    whole, counts = results["effects"][0], results["counts"]
    sentences = [f"Not to be trusted: {warning}" for warning in results["warnings"]]
    missing = counts["missing_treated"] + counts["missing_control"]
    if missing:
        sentences.append(
            f"{missing:,} customers of the lists have no outcome ({counts['missing_treated']:,} "
            f"treated, {counts['missing_control']:,} of the control group); they do not count."
        )
    sentences += [*unknown_sentences(results), *effect_sentences(results)]
    for name, rate in results["keep_rates"].items():
        if rate["measured_high"] < 0:
            sentences.append(_EVIDENCE.format(name) + ".")
    if results["keep_rates"] and whole["control"]:
        sentences.append(f"{offers_sentence(results)}\n{results['conf_offer']}")
    return sentences


def offers_sentence(results: Mapping[str, Any]) -> str:
    """Return what stands above the offers for the next campaign."""
    if results["warnings"]:
        return (
            "Offers with the keep rates that this campaign seems to have had; they are not to be "
            "trusted either, so keep those that were assumed."
        )
    return "Offers for the next campaign, with the keep rates of this one (conf/offer):"


def unknown_sentences(results: Mapping[str, Any]) -> list[str]:
    """Say what cannot be known without one of the groups."""
    whole, counts = results["effects"][0], results["counts"]
    if whole["control"] and whole["treated"]:
        return []
    if not counts["control"]:
        why = "The campaign has no control group"
    else:
        group = "control group" if not whole["control"] else "treated"
        why = f"No outcome of the {group} is there"
    return [
        f"{why}, so it cannot be known how many customers would have stayed without a call: "
        "neither who was kept, nor the net value, nor the keep rate."
    ]


def effect_sentences(results: Mapping[str, Any]) -> list[str]:
    """Say what was kept and earned, and how small an effect can be seen."""
    whole = results["effects"][0]
    if not (whole["control"] and whole["treated"]):
        return []
    kept = interval(whole, "kept_adjusted", "{:,.0f}")
    net = interval(whole, "net_value_adjusted", "{:,.0f}")
    source = "revenue" if results["net_value_from"] == "revenue" else "the value of each customer"
    sentences = [
        f"Kept {kept} of {whole['treated']:,} treated customers; net value {net}, "
        f"{whole['expected_net_value']:,.0f} were expected; from {source}, costs taken off."
    ]
    if whole["difference_adjusted_low"] <= 0 <= whole["difference_adjusted_high"]:
        seen = results["size"]["effect_seen"]
        small = (
            "no effect, however large"
            if seen is None
            else f"a churn rate that is lower by {100 * seen:.1f} points or more"
        )
        sentences.append(
            f"The interval holds 0. A campaign of this size sees {small} in "
            f"{results['size']['power']:.0%} of cases."
        )
    return sentences


def offer_yaml(
    offers: Mapping[str, Mapping[str, Any]], keep_rates: Mapping[str, Mapping[str, Any]]
) -> str:
    """Write offers as in conf/offer, with measured keep rates in place of the assumed ones.

    Args:
        offers: The keys of each offer.
        keep_rates: Of offers that were measured: alpha, beta, mean, low and high.
    """
    lines = []
    for name, keys in offers.items():
        lines.append(f"{_yaml(name)}:")
        for key, value in keys.items():
            note = ""
            if key == "keep_rate" and name in keep_rates:
                rate = keep_rates[name]
                value = {"alpha": rate["alpha"], "beta": rate["beta"]}
                note = f"   # {rate['mean']:.0%}, 95 %: {rate['low']:.0%} to {rate['high']:.0%}"
            lines.append(f"  {key}: {_yaml(value)}{note}")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    """Write a value as YAML on one line; a plain word stays plain."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str) and value.isidentifier() and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_YAML_WORDS = {"yes", "no", "true", "false", "on", "off", "null", "y", "n"}


def _known(value: float | None, form: str) -> str:
    return "-" if value is None or not math.isfinite(value) else form.format(value)
