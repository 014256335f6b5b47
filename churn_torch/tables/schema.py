"""The schema: what every column of a customer table means, and how to store that as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from churn_torch.errors import InputError, suggest
from churn_torch.tables.cells import Storage
from churn_torch.tables.json_shape import faults
from churn_torch.tables.number_formats import NumberFormat
from churn_torch.tables.sequence_group import SequenceGroup

__all__ = ["Column", "Kind", "Schema", "SequenceGroup", "Storage"]

_VERSION = 3
# Of the JSON: a vocabulary of a million words has some 15 MB.
MOST_LETTERS = 20_000_000


class Kind(StrEnum):
    """What a column means; everything else keys off it."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    ID = "id"
    TARGET = "target"
    WEIGHT = "weight"
    TREATMENT = "treatment"
    TREATMENT_PROBABILITY = "treatment_probability"
    SPEND = "spend"
    DURATION = "duration"
    SEQUENCE = "sequence"
    IGNORED = "ignored"


FEATURE_KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATETIME)


@dataclass(frozen=True)
class Column:
    """One column: its kind, how it arrives, and what was learned about it from the training rows.

    The fields from `vocabulary` on are learned from the training rows only, so inference leaves
    them alone.

    Attributes:
        datetime_format: strptime pattern of dates that are text, ``ISO8601`` for ISO text.
        number_format: How numbers in text are written; None for plain ones.
        missing_words: Words of this column for missing, besides those of every column.
        note: What is done with the column and why, for the user to read.
        vocabulary: The kept categories, whose codes are 2, 3, ...
        rare_share: Share of the training rows whose category is not kept.
        needs_float64: The mean is large against the spread, so float32 would lose the differences.
    """

    name: str
    kind: Kind
    storage: Storage
    datetime_format: str | None = None
    number_format: NumberFormat | None = None
    missing_words: tuple[str, ...] = ()
    missing_share: float = 0.0
    n_distinct: int = 0
    note: str = ""
    vocabulary: tuple[str, ...] | None = None
    has_missing: bool = False
    has_rare: bool = False
    rare_share: float = 0.0
    needs_float64: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Schema:
    """All columns of a table in its order, the target's name and its two labels as text.

    Attributes:
        sequences: The groups of its columns of the kind ``sequence``.
        layouts: JSON values by name, from which models read the shapes of their features. A
            schema stores them and does not interpret them.
        negatives: All labels that mean no churn, where the user listed them.
        other_labels: What any other label of the target is: ``refused``, ``negative``, or ``left
            out``, as a row without a label is.
    """

    columns: tuple[Column, ...]
    target: str
    positive: str
    negative: str
    layouts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    negatives: tuple[str, ...] = ()
    other_labels: str = "refused"
    sequences: tuple[SequenceGroup, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def __getitem__(self, name: str) -> Column:
        """Return the column called `name`; a KeyError suggests the nearest name."""
        if name not in self._by_name:
            raise KeyError(f"no column {name!r}{suggest(name, self._by_name)}")
        return self._by_name[name]

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that the model sees, in table order, without those of lists."""
        return tuple(column for column in self.columns if column.kind in FEATURE_KINDS)

    @staticmethod
    def is_text(column: Column) -> bool:
        """Tell whether the column enters the model as a string."""
        if column.kind is Kind.BOOLEAN:
            return column.storage is Storage.TEXT
        return column.kind is Kind.CATEGORICAL

    @staticmethod
    def is_float64(column: Column) -> bool:
        """Tell whether the column enters the model as float64: dates and wide numbers."""
        return column.kind is Kind.DATETIME or column.needs_float64

    @cached_property
    def text(self) -> tuple[Column, ...]:
        """Features that are strings."""
        return tuple(column for column in self.features if self.is_text(column))

    @cached_property
    def float64(self) -> tuple[Column, ...]:
        """Features that need float64."""
        return tuple(
            column
            for column in self.features
            if self.is_float64(column) and not self.is_text(column)
        )

    @cached_property
    def float32(self) -> tuple[Column, ...]:
        """Features that are float32 numbers."""
        return tuple(
            column
            for column in self.features
            if not self.is_float64(column) and not self.is_text(column)
        )

    @cached_property
    def numbers(self) -> tuple[Column, ...]:
        """Features that are numbers, float32 before float64."""
        return (*self.float32, *self.float64)

    @cached_property
    def inputs(self) -> tuple[Column, ...]:
        """The features in the order of the ONNX file's inputs: float32, float64, text."""
        return (*self.numbers, *self.text)

    @cached_property
    def lists(self) -> tuple[Column, ...]:
        """The columns of lists, each as that of its events, in the order of the file's inputs."""
        return tuple(column for group in self.sequences for column in group.columns)

    @cached_property
    def read(self) -> tuple[str, ...]:
        """The names of all columns that the model reads, those of lists last."""
        return tuple(column.name for column in (*self.features, *self.lists))

    @cached_property
    def explained(self) -> tuple[Column, ...]:
        """The columns that have a reason and a quality, in their order."""
        return (*self.inputs, *self.lists)

    @property
    def id(self) -> str | None:
        """The name of the first column that the user called an id, if any."""
        return self._named(Kind.ID)

    @property
    def weight(self) -> str | None:
        """The name of the column that weights the rows in the training loss, if any."""
        return self._named(Kind.WEIGHT)

    @property
    def treatment(self) -> str | None:
        """The name of the column that says who was contacted, if any."""
        return self._named(Kind.TREATMENT)

    @property
    def treatment_probability(self) -> str | None:
        """The name of the column with each customer's chance of being contacted, if any."""
        return self._named(Kind.TREATMENT_PROBABILITY)

    @property
    def spend(self) -> str | None:
        """The name of the column that says what a customer spent afterwards, if any."""
        return self._named(Kind.SPEND)

    @property
    def has_weights(self) -> bool:
        """Whether the rows of a labelled table of this schema have weights."""
        return not (self.weight is None and self.treatment_probability is None)

    def _named(self, kind: Kind) -> str | None:
        return next((column.name for column in self.columns if column.kind is kind), None)

    def with_columns(self, updated: Mapping[str, Column]) -> Schema:
        """Return a schema in which the columns named in `updated` are replaced."""
        for name in updated:
            self[name]
        columns = tuple(updated.get(column.name, column) for column in self.columns)
        return dataclasses.replace(self, columns=columns)

    def with_layout(self, name: str, layout: Mapping[str, Any]) -> Schema:
        """Return a schema that stores a JSON value under a name in `layouts`."""
        return dataclasses.replace(self, layouts={**self.layouts, name: layout})

    def to_json(self) -> str:
        """Write the schema as JSON text that `from_json` reads back equal."""
        content = {"version": _VERSION, **dataclasses.asdict(self)}
        if not self.sequences:
            del content["sequences"]
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Read what `to_json` wrote.

        Raises:
            InputError: The text is no schema, or was written by another version.
        """
        if len(text) > MOST_LETTERS:
            raise _damaged(f"one of more than {MOST_LETTERS / 1e6:.0f} MB")
        try:
            content = json.loads(text)
            version = content.pop("version")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise _damaged("text that is not JSON with a version") from None
        if version != _VERSION:
            raise InputError(
                "schema",
                expected=f"version {_VERSION}",
                got=repr(version),
                fix="use the churn_torch version that wrote it, or train again",
            )
        try:
            return _schema_from(content)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise _damaged(f"damaged content ({error})") from None


def _schema_from(entry: Mapping[str, Any]) -> Schema:
    for name in ("target", "positive", "negative"):
        if not isinstance(entry[name], str):
            raise ValueError(f"{name} is no text")
    groups = [{**g, "events": _schema_from(g["events"])} for g in entry.get("sequences", ())]
    typed = {
        "columns": tuple(_column_from(column) for column in entry["columns"]),
        "layouts": dict(entry["layouts"]),
        "negatives": tuple(entry["negatives"]),
        "sequences": tuple(SequenceGroup(**group) for group in groups),
    }
    return Schema(**{**entry, **typed})


def _damaged(got: str) -> InputError:
    return InputError(
        "schema",
        expected="what training wrote",
        got=got,
        fix="use the schema.json of the run",
    )


def _column_from(entry: Mapping[str, Any]) -> Column:
    fields = dict(entry)
    # `NumberFormat` checks its own.
    for fault in faults({**fields, "number_format": None}, Column):
        raise ValueError(fault)
    words = fields.get("vocabulary")
    fields["vocabulary"] = None if words is None else tuple(words)
    fields["number_format"] = NumberFormat.from_json(fields.get("number_format"))
    fields["missing_words"] = tuple(map(str, fields.get("missing_words", ())))
    kind, storage = Kind(fields.pop("kind")), Storage(fields.pop("storage"))
    return Column(kind=kind, storage=storage, **fields)
