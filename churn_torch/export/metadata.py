"""The metadata of an ONNX file: enough to use the file without anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from churn_torch.export.net_value import NetValue
from churn_torch.export.parity import Parity
from churn_torch.models.attribution import Attribution
from churn_torch.models.calibration import Auto, Calibrator
from churn_torch.models.input_quality import QUALITY_MEANING
from churn_torch.models.nets.ensemble import Ensemble, Fold
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    EXPECTED_SPEND,
    FORMAT,
    MEDIAN_PERIODS,
    NET_VALUE,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.missing_words import without_texts

UPLIFT_MEANING = (
    "by how much a contact lowers the probability of churn, which is that of customers who are not "
    "contacted; below 0 a contact does harm"
)
SPEND_MEANING = (
    "what the customer is expected to spend in the time that the model looks ahead, if they stay; "
    "churn_probability says how likely it is that they do not"
)


def describe_columns(schema: Schema, typical: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each input takes, in the order of the inputs.

    Args:
        schema: The completed schema.
        typical: A value for each input, from `typical_customer`. Dates are days since 1970-01-01
            UTC, as the file takes them.
    """
    lists = {column.name for column in schema.lists}
    return [
        _described(column, typical[column.name], is_list=column.name in lists)
        for column in schema.explained
    ]


def _described(column: Column, typical: Any, *, is_list: bool) -> dict[str, Any]:
    is_text = Schema.is_text(column)
    return {
        "name": column.name,
        "kind": Kind.SEQUENCE.value if is_list else column.kind.value,
        "type": "string" if is_text else "float64" if Schema.is_float64(column) else "float32",
        "minimum": column.minimum,
        "maximum": column.maximum,
        "vocabulary": column.vocabulary if is_text else None,
        "typical": typical,
        "has_missing": column.has_missing,
    }


def describe_reasons(attribution: Attribution, columns: Columns) -> dict[str, Any]:
    """Return what the numbers of the reasons mean and how exact they are.

    ``spread`` is the largest part of a row's logit that the integral missed; it was spread over the
    columns. ``completeness_error`` is what base and reasons still miss after that.

    Args:
        attribution: The reasons.
        columns: Rows to measure both on.
    """
    exact = attribution.n_points == 1
    return {
        "unit": "log-odds",
        "baseline": "the mean training row",
        "base": attribution.base(),
        "method": "exact" if exact else "integrated gradients",
        "points": attribution.n_points,
        "spread": attribution.spread(columns),
        "completeness_error": attribution.error(columns),
    }


def describe_calibration(scorer: Scorer) -> dict[str, Any]:
    """Return the method of calibration, and its parameters if they are single numbers."""
    members = scorer.net.members if isinstance(scorer.net, Ensemble) else ()
    folds = [member for member in members if isinstance(member, Fold)]
    calibrator = folds[0].calibrator if folds else scorer.calibrator
    if folds and type(calibrator) is not Calibrator:
        return {"method": f"{type(calibrator).__name__.lower()} in each of {len(folds)} folds"}
    if isinstance(calibrator, Auto):
        calibrator = calibrator.calibrator
    name = type(calibrator).__name__
    numbers = {n: float(b) for n, b in calibrator.named_buffers() if b.ndim == 0}
    return {"method": "none" if name == "Calibrator" else name.lower(), **numbers}


def file_metadata(
    *,
    schema: Schema,
    scorer: Scorer,
    metrics: Mapping[str, Any],
    threshold: float,
    outputs: Sequence[str],
    opset: int,
    dtype: str,
    net_value: NetValue | None = None,
) -> dict[str, str]:
    """Return the metadata of a run's file without the parity certificate.

    Args:
        schema: The completed schema.
        scorer: The scorer in the file.
        metrics: Content of metrics.json.
        threshold: The decision threshold in the file.
        outputs: The outputs of the file, by name.
        opset: The version of the standard operators.
        dtype: How large weights are stored.
        net_value: How the file computes the net value, if it does.
    """
    data = metrics["data"]
    described = {
        "columns": describe_columns(schema, metrics["typical_customer"]),
        "threshold": threshold,
        "base_rate": data["base_rate"],
        "calibration": describe_calibration(scorer),
        "metrics": {name: metrics[name] for name in ("validation", "test") if name in metrics},
        "training": {
            key: data[key]
            for key in ("n_train", "n_validation", "n_test", "date", "first_time", "last_time")
        },
        **({"decision": metrics["decision"]} if "decision" in metrics else {}),
        **({"reasons": metrics["reasons"]} if REASONS in outputs else {}),
        "correlated_columns": metrics["correlated_columns"],
        **({"quality": QUALITY_MEANING} if QUALITY in outputs else {}),
        **({"explain": metrics["explain"]} if "explain" in metrics else {}),
        **({} if scorer.effect is None else {"uplift": _described_effect(outputs, net_value)}),
        **({} if scorer.hazard is None else {"survival": _described_hazard(schema, outputs)}),
        **({"spend": {EXPECTED_SPEND: SPEND_MEANING}} if EXPECTED_SPEND in outputs else {}),
        **({"value": data["value"]} if "value" in data else {}),
        "opset": opset,
        "format": FORMAT,
    }
    return {
        "churn_torch_version": metrics["version"],
        "dtype": dtype,
        "data_fingerprint": data["fingerprint"],
        "schema": _without_cells(schema).to_json(),
        **{key: json.dumps(value, ensure_ascii=False) for key, value in described.items()},
    }


def _without_cells(schema: Schema) -> Schema:
    """Return a schema without what it quotes of cells that the model has not learned from.

    Notes are for the user of the training. Of a column that is left out, only the name stays.
    """
    return schema.with_columns(
        {
            c.name: Column(c.name, c.kind, c.storage)
            if c.kind is Kind.IGNORED
            else replace(c, note="", missing_words=_words_of_file(c))
            for c in schema.columns
        }
    )


def _words_of_file(column: Column) -> tuple[str, ...]:
    is_number = column.kind in (Kind.NUMERIC, Kind.DATETIME)
    return without_texts(column.missing_words) if is_number else column.missing_words


def _described_effect(outputs: Sequence[str], net_value: NetValue | None) -> dict[str, str]:
    meaning = {UPLIFT: UPLIFT_MEANING}
    if net_value is not None:
        meaning[NET_VALUE] = net_value.meaning
    return {name: words for name, words in meaning.items() if name in outputs}


def _described_hazard(schema: Schema, outputs: Sequence[str]) -> dict[str, Any]:
    columns = LifetimeColumns.of(schema)
    assert columns is not None
    stayed = f"given that the customer has stayed for the time in {columns.stayed} (missing: 0)"
    meaning = {
        PROBABILITY: f"chance to leave within the next {columns.horizon} periods, {stayed}",
        SURVIVAL: f"chance to be still there after 1, 2, ... {columns.n_periods} more periods, "
        f"{stayed}",
        MEDIAN_PERIODS: "periods from now after which half of such customers have left; NaN where "
        f"more than half stay for {columns.n_periods} more periods",
    }
    return {
        "stayed": columns.stayed,
        "period": columns.period,
        "horizon": columns.horizon,
        "n_periods": columns.n_periods,
        "outputs": {name: words for name, words in meaning.items() if name in outputs},
    }


def certificate(parity: Parity, date: str) -> str:
    """Return the parity certificate as JSON."""
    return json.dumps({**asdict(parity), "date": date})


def today() -> str:
    """Return the current date in UTC as ISO text."""
    return datetime.now(UTC).date().isoformat()
