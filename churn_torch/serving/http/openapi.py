"""The OpenAPI description of a model: its columns with categories and ranges, and its responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from churn_torch.serving.http.answers import FINE
from churn_torch.serving.http.requests import (
    other_dates,
    takes_booleans,
    takes_written_numbers,
)
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import (
    DECISION,
    EXPECTED_SPEND,
    MEDIAN_PERIODS,
    NET_VALUE,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.tables.schema import Column, Kind, Schema
from churn_torch.tables.values.cells import LARGEST
from churn_torch.tables.values.dates import ISO

_SHOWN_CHOICES = 50
_NUMBER = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_EPOCH = date(1970, 1, 1)

Json = dict[str, Any]


def reference(name: str) -> Json:
    """Return a reference to a schema of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def components(model: ModelFile, *, max_rows: int) -> Json:
    """Return the schemas of requests and responses by name.

    Args:
        model: The file.
        max_rows: Rows that a request may have.
    """
    of_file = {column.name: column for column in model.schema.explained}
    columns = [(of_file[entry["name"]], entry) for entry in model.columns]
    customer = {
        "type": "object",
        "description": "One customer: a value for every column, null where it is missing.",
        "required": model.names,
        "additionalProperties": False,
        "properties": {column.name: _column(column, entry) for column, entry in columns},
        "example": {column.name: _spelled(column, entry["typical"]) for column, entry in columns},
    }
    customers = _object({"rows": _list(reference("Customer"), maxItems=max_rows)})
    answers = _answers(model)
    prediction = _object({name: answers[name] for name in model.outputs}) | {
        "required": [],
        "description": "The requested fields; by default all of them.",
    }
    error = _object(
        {
            "detail": {
                "type": "string",
                "description": "What was expected, what came, and how to fix it.",
            },
            "row": {
                "type": ["integer", "null"],
                "description": "The position in rows, from 0.",
            },
            "column": {"type": ["string", "null"], "description": "The column at fault."},
        }
    )
    return {
        "Customer": customer,
        "Customers": customers,
        "Prediction": prediction,
        "Predictions": _object({"predictions": _list(reference("Prediction"))}),
        "Error": error,
    }


def predict_operation(outputs: Sequence[str]) -> Json:
    """Return body, parameters and responses of POST /predict."""
    fields = {
        "name": "fields",
        "in": "query",
        "description": "Fields of the response, separated by commas; by default all of them.",
        "style": "form",
        "explode": False,
        "schema": _list({"type": "string", "enum": list(outputs)}, minItems=1),
    }
    top_k = {
        "name": "top_k",
        "in": "query",
        "description": "How many reasons, the largest first; by default all of them.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    }
    return {
        "summary": "Probability, decision, reasons and quality of one customer or several",
        "operationId": "predict",
        "requestBody": {
            "required": True,
            "content": _json_of({"anyOf": [reference("Customer"), reference("Customers")]}),
        },
        "parameters": [fields, top_k] if REASONS in outputs else [fields],
        "responses": {
            "200": {
                "description": "The prediction for a customer, or those for rows in their order.",
                "content": _json_of({"anyOf": [reference("Prediction"), reference("Predictions")]}),
            },
            "413": {
                "description": "Too many rows or bytes.",
                "content": _json_of(reference("Error")),
            },
            "422": {
                "description": "Rows or parameters that cannot be read.",
                "content": _json_of(reference("Error")),
            },
        },
    }


def _column(column: Column, entry: Mapping[str, Any]) -> Json:
    """Describe a column; values that are not in the training rows are allowed too."""
    if entry["kind"] == Kind.SEQUENCE:
        plain = {**entry, "kind": column.kind.value, "typical": None}
        return {
            "type": ["array", "null"],
            "items": _column(column, plain),
            "description": "One entry for each event of the customer, the oldest first; as many as "
            "in the other lists of its group.",
        }
    if Schema.is_text(column):
        words = list(column.vocabulary or ())
        boolean = ["boolean"] if takes_booleans(column) else []
        more = f" and {len(words) - _SHOWN_CHOICES} more" if len(words) > _SHOWN_CHOICES else ""
        choices = ", ".join(map(repr, words[:_SHOWN_CHOICES]))
        return {
            "type": ["string", *boolean, "number", "null"],
            "description": f"{column.kind.capitalize()}, in training {choices}{more}. "
            "Others count as unseen.",
            "examples": words[:_SHOWN_CHOICES],
        }
    low, high = (_spelled(column, entry[end]) for end in ("minimum", "maximum"))
    seen = "" if low is None else f", {low} to {high} in training"
    described: Json = {"description": f"{column.kind.capitalize()}{seen}."}
    described["examples"] = [end for end in (low, high) if end is not None]
    if column.kind is Kind.DATETIME:
        other = other_dates(column.datetime_format)
        described["description"] += f" ISO text, UTC unless it says otherwise, or {other}."
        texts = [{"type": "string", "format": form} for form in ("date", "date-time")]
        written = column.datetime_format not in (None, ISO)
        other_text: list[Json] = [{"type": "string"}] if written else []
        return described | {"anyOf": [*texts, *other_text, _NUMBER, {"type": "null"}]}
    boolean = ["boolean"] if column.kind is Kind.BOOLEAN else []
    text = ["string"] if takes_written_numbers(column) else []
    if column.number_format is not None:
        described["description"] += f" Text like {column.number_format.in_words()} is read too."
    return described | _NUMBER | {"type": [*boolean, *text, "number", "null"]}


def _spelled(column: Column, value: Any) -> Any:
    """Write days as a date, and a float32 number with as few digits as possible."""
    if isinstance(value, float) and not column.needs_float64 and column.kind is not Kind.DATETIME:
        return float(str(np.float32(value)))
    if column.kind is not Kind.DATETIME or value is None:
        return value
    try:
        return (_EPOCH + timedelta(days=int(value))).isoformat()
    except OverflowError:
        return value


def _answers(model: ModelFile) -> dict[str, Json]:
    column = {"type": "string", "enum": model.names}
    uplift, spend = model.metadata.get("uplift", {}), model.metadata.get("spend", {})
    times = model.metadata.get("survival", {}).get("outputs", {})
    correlated = [f" {g['sentence']}." for g in model.metadata.get("correlated_columns", ())]
    meanings = [meaning for flag, meaning in model.quality_meaning.items() if flag != FINE]
    return {
        PROBABILITY: {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Calibrated probability of churn.",
        },
        DECISION: {
            "type": "integer",
            "enum": [0, 1],
            "description": "1 at and above the threshold.",
        },
        UPLIFT: {
            "type": "number",
            "minimum": -1,
            "maximum": 1,
            "description": f"{str(uplift.get(UPLIFT, '')).capitalize()}.",
        },
        NET_VALUE: {
            "type": ["number", "null"],
            "description": f"{str(uplift.get(NET_VALUE, '')).capitalize()}.",
        },
        EXPECTED_SPEND: {
            "type": "number",
            "minimum": 0,
            "description": f"{str(spend.get(EXPECTED_SPEND, '')).capitalize()}.",
        },
        SURVIVAL: _list({"type": "number", "minimum": 0, "maximum": 1})
        | {"description": f"{str(times.get(SURVIVAL, '')).capitalize()}."},
        MEDIAN_PERIODS: {
            "type": ["number", "null"],
            "description": f"{str(times.get(MEDIAN_PERIODS, '')).capitalize()}.",
        },
        REASONS: _list(_object({"column": column, "log_odds": {"type": "number"}}))
        | {
            "description": "What each column adds to the log-odds, the largest first."
            + "".join(correlated)
        },
        QUALITY: {
            "type": "object",
            "propertyNames": column,
            "additionalProperties": {"type": "string", "enum": meanings},
            "description": "Columns whose value has a problem, and which.",
        },
    }


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _list(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


def _json_of(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
