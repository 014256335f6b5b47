"""The metadata of an ONNX file as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.metrics import metrics_table
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import DECISION, PROBABILITY, QUALITY, REASONS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Characters of a category and of a vocabulary that are shown.
LONGEST_WORD = 40
LONGEST_LIST = 60


def describe_file(file: ModelFile, n_bytes: int) -> list[Table]:
    """Return tables of the file's inputs, outputs, metrics and origin.

    Args:
        file: The opened file.
        n_bytes: Its size.

    Raises:
        KeyError, TypeError, ValueError: The metadata are incomplete or damaged.
    """
    return [
        inputs_table(file.columns, "quality" in file.metadata),
        outputs_table(file),
        metrics_table(file.metadata["metrics"]),
        origin_table(file.metadata, n_bytes),
    ]


def inputs_table(columns: Sequence[Mapping[str, Any]], has_quality: bool) -> Table:
    """Return a table of the inputs in their order: types, and the values of the training rows.

    Args:
        columns: ``columns`` of the metadata.
        has_quality: Whether the file has the output ``quality``, which flags unusual values.
    """
    table = Table(
        title="Inputs, each [N, 1]; sequences [N, T], with a length [N, 1] for each group"
        if any(column["kind"] == "sequence" for column in columns)
        else "Inputs, each [N, 1]",
        caption="Other values are accepted too; a missing value is NaN or ''."
        + (" The output quality flags both." if has_quality else ""),
    )
    for header in ("column", "kind", "type", "values in training", "typical", "missing"):
        table.add_column(header, overflow="fold")
    for column in columns:
        cells = (
            column["name"],
            column["kind"],
            column["type"],
            _values(column),
            _value(column["typical"], column),
            "seen" if column["has_missing"] else "never",
        )
        table.add_row(*map(Text, cells))
    return table


def _values(column: Mapping[str, Any]) -> str:
    """Return the values that a column had: a range, or a vocabulary that is shortened if long."""
    words = column["vocabulary"]
    if words is None:
        low, high = (_value(column[end], column) for end in ("minimum", "maximum"))
        return f"{low} to {high}"
    shown: list[str] = []
    for word in words:
        if shown and len(", ".join(shown)) + len(word) > LONGEST_LIST:
            return ", ".join([*shown, f"{len(words) - len(shown):,} more"])
        shown.append(_cut(word))
    return ", ".join(shown)


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…"


def _value(value: Any, column: Mapping[str, Any]) -> str:
    """Return a value as text; dates are stored as days since 1970."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return "no events" if not value else f"{len(value)} events"
    if isinstance(value, str):
        return _cut(value) or "(missing)"
    if column["kind"] != "datetime":
        return f"{value:,.7g}" if column["type"] == "float32" else f"{value:,.12g}"
    try:
        moment = EPOCH + timedelta(days=value)
    except OverflowError:  # beyond the years that Python supports
        return f"day {value:g}"
    return f"{moment:%Y-%m-%d}" if value == int(value) else f"{moment:%Y-%m-%d %H:%M}"


def outputs_table(file: ModelFile) -> Table:
    """Return a table of the outputs: type, shape and meaning."""
    table = Table(title="Outputs")
    for header in ("output", "type", "shape", "meaning"):
        table.add_column(header, overflow="fold")
    method = file.metadata["calibration"]["method"]
    calibrated = "not calibrated" if method == "none" else f"calibrated ({method})"
    meaning = {
        PROBABILITY: f"probability of churn, {calibrated}",
        DECISION: f"1 where the probability is {file.threshold:g} or more, else 0",
    }
    if decision := file.metadata.get("decision"):
        meaning[DECISION] += f"; 1 means {decision['meaning']}"
    if reasons := file.metadata.get("reasons"):
        what, total = reasons["unit"], "logit before calibration"
        if "survival" in file.metadata:
            what += " of leaving in any one period"
            total = "net's part of them, beside the baseline of the period"
        meaning[REASONS] = (
            f"{what} that each input adds; their sum plus {reasons['base']:.6g} is the {total} "
            f"({_method(reasons)})"
        )
        for group in file.metadata.get("correlated_columns", ()):
            meaning[REASONS] += f"; {group['sentence']}"
    for heads in ("uplift", "spend"):
        meaning.update(file.metadata.get(heads, {}))
    meaning.update(file.metadata.get("survival", {}).get("outputs", {}))
    if quality := file.metadata.get("quality"):
        meaning[QUALITY] = ", ".join(f"{code} {word}" for code, word in quality.items())
    for value in file.session.get_outputs():
        kind = value.type.removeprefix("tensor(").removesuffix(")")
        shape = "[" + ", ".join(map(str, value.shape)) + "]"
        table.add_row(*map(Text, (value.name, kind, shape, meaning[value.name])))
    return table


def _method(reasons: Mapping[str, Any]) -> str:
    error = f"completeness error {reasons['completeness_error']:.1e}"
    if reasons["method"] == "exact":
        return f"exact, {error}"
    spread = f"{reasons.get('spread', 0.0):.1e} at most spread over columns"
    return f"{reasons['method']} with {reasons['points']} points, {spread}, {error}"


def origin_table(metadata: Mapping[str, Any], n_bytes: int) -> Table:
    """Return a table of the origin of the model: rows, dates, versions, verification."""
    training, parity = metadata["training"], metadata["parity"]
    rows = ", ".join(
        f"{training[f'n_{part}']:,} {part}" for part in ("train", "validation", "test")
    )
    span = "not split by time"
    if training["first_time"] is not None:
        span = f"{training['first_time']} to {training['last_time']}"
    difference = f"within {parity['max_difference']:.1e} in probability"
    if parity.get("max_difference_reasons") is not None:
        difference += f", {parity['max_difference_reasons']:.1e} in reasons"
    if parity.get("n_kinks"):
        difference += f" (except {parity['n_kinks']} rows on a kink of the net)"
    if parity.get("n_rounded"):
        difference += f" (except {parity['n_rounded']} rows of numbers too large for float32)"
    facts = {
        "decision threshold": f"{float(metadata['threshold']):g}",
        **({"chosen for": _costs(metadata["decision"])} if "decision" in metadata else {}),
        "mean churn within the horizon"
        if metadata.get("survival")
        else "churn rate in training": f"{float(metadata['base_rate']):.2%}",
        "rows": rows,
        "trained": str(training["date"]),
        "time span": span,
        "matches PyTorch": f"{difference}, on {parity['n_rows']:,} rows ({parity['date']})",
        "data fingerprint": str(metadata["data_fingerprint"]),
        "churn_torch": str(metadata["churn_torch_version"]),
        "format, opset": f"{metadata['format']}, {metadata['opset']}",
        "size": f"{n_bytes:,} bytes",
    }
    table = Table(title="Origin", show_header=False)
    for name, fact in facts.items():
        table.add_row(name, Text(fact))
    return table


def _costs(decision: Mapping[str, Any]) -> str:
    """Say at which costs and values the threshold was chosen."""
    ((name, offer),) = decision["offer"].items()
    keys = ", ".join(f"{key} {value}" for key, value in offer.items() if value is not None)
    return (
        f"most profit with the offer {name} ({keys}); a customer is worth {decision['value']} for "
        f"{decision['horizon']} periods, discount rate {decision['discount_rate']:g}"
    )
