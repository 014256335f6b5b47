"""Preprocess: typed columns to model space as a pure tensor function, exported with the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from churn_torch.models.preprocessing.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.models.preprocessing.event_lists import EventLists, event_features
from churn_torch.models.preprocessing.piecewise_linear import PiecewiseLayout, PiecewiseLinear
from churn_torch.models.preprocessing.scaling import scale_numbers
from churn_torch.models.preprocessing.statistics import PreprocessOptions, Statistics
from churn_torch.tables.encode import Arrays
from churn_torch.tables.schema import Kind, Schema


class Columns(NamedTuple):
    """Typed columns of N rows as tensors: the input of a scorer.

    Attributes:
        float32: ``[N, n_float32]`` float32, NaN for missing.
        float64: ``[N, n_float64]`` float64, NaN for missing; dates as days since 1970-01-01 UTC.
        codes: ``[N, n_text]`` int64; 0 missing, 1 unseen or rare, 2.. the vocabulary.
        sequences: ``[N, S]`` float64 (`churn_torch.tables.encode.Arrays`); None without any.
    """

    float32: Tensor
    float64: Tensor
    codes: Tensor
    sequences: Tensor | None = None

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Columns:
        """Wrap NumPy arrays without copying."""
        float32, float64, codes = map(torch.from_numpy, arrays[:3])
        sequences = None if arrays.sequences is None else torch.from_numpy(arrays.sequences)
        return cls(float32, float64, codes, sequences)

    def take(self, rows: Tensor | slice) -> Columns:
        """Return the given rows."""
        sequences = None if self.sequences is None else self.sequences[rows]
        return Columns(self.float32[rows], self.float64[rows], self.codes[rows], sequences)

    def in_chunks(self, n_rows: int) -> Iterator[Columns]:
        """Yield the rows, ``n_rows`` at a time; without rows, yield one empty chunk."""
        for start in range(0, max(len(self.float32), 1), n_rows):
            yield self.take(slice(start, start + n_rows))

    def numbers(self) -> Tensor:
        """Return all numbers, ``[N, n_float32 + n_float64]``, in float64 if any column needs it."""
        given = [x for x in (self.float32, self.float64) if x.ndim == 2 and x.shape[1]]
        return given[0] if len(given) == 1 else torch.cat([x.double() for x in given], dim=1)


class Compact(NamedTuple):
    """Model-space rows with categories still as codes: a tenth of the size, or less.

    Attributes:
        dense: ``[N, n_dense]`` float32, the features that are numbers.
        codes: ``[N, n_text]`` int32, the category of each text column, numbered through all columns
            (`churn_torch.models.preprocessing.expansion.Expansion` reads it).
    """

    dense: Tensor
    codes: Tensor


class Preprocess(nn.Module):
    """Typed columns to model space, ``[N, n_features]`` float32.

    The features are, in order: scaled numbers (float32, then float64), a missing flag for each
    number column that had missing training values, calendar parts of dates, the events of sequences
    (`event_lists`), the pieces of numbers (`churn_torch.models.preprocessing.piecewise_linear`),
    one-hot categories. All but events and robust-scaled numbers are centred on their training mean.
    A missing or unseen category that did not occur in training gives zeros, so it has no effect. A
    number that is missing or infinite is replaced by the training median.

    Args:
        schema: A schema completed by `fit_statistics`; it alone decides the shapes.
        options: The options that `fit_statistics` had.
    """

    columns: tuple[str, ...]  # in the order of `Columns`
    feature_names: tuple[str, ...]
    feature_columns: tuple[str, ...]  # the column that each feature is made of

    def __init__(self, schema: Schema, options: PreprocessOptions) -> None:
        super().__init__()
        self.smooth_clip = options.scaling == "robust"
        numbers = schema.numbers
        self.n_float32, self.n_float64 = len(schema.float32), len(schema.float64)
        self.n_text = len(schema.text)
        self.columns = tuple(column.name for column in schema.explained)
        groups = [EventLists(g, Preprocess(g.events, options)) for g in schema.sequences]
        self.sequences = nn.ModuleList(groups)
        pieces = PiecewiseLayout.of(schema).n_pieces
        n_pieces = [pieces.get(column.name, 0) for column in numbers]
        self._name_features(schema, n_pieces)
        self.piecewise = PiecewiseLinear(n_pieces)
        self._add_number_buffers(schema)
        self._add_text_buffers(schema)

    def _add(self, name: str, tensor: Tensor) -> None:
        # Names end in _, because a buffer with the name of an attribute of torch.fx.GraphModule
        # (such as `code`) breaks torch.export.
        self.register_buffer(name + "_", tensor)

    def _add_number_buffers(self, schema: Schema) -> None:
        flagged = [i for i, column in enumerate(schema.numbers) if column.has_missing]
        dates = [i for i, column in enumerate(schema.float64) if column.kind is Kind.DATETIME]
        for group, size, dtype in (
            ("float32", self.n_float32, torch.float32),
            ("float64", self.n_float64, torch.float64),
        ):
            for i, name in enumerate(("fill", "lower", "upper", "center", "scale")):
                self._add(f"{group}_{name}", torch.full((size,), float(i == 4), dtype=dtype))
        self._add("flagged", torch.tensor(flagged, dtype=torch.int64))
        self._add("missing_share", torch.zeros(len(flagged)))
        self._add("dates", torch.tensor(dates, dtype=torch.int64))
        self._add("part_means", torch.zeros(len(dates), len(CALENDAR_PARTS)))

    def _add_text_buffers(self, schema: Schema) -> None:
        # One-hot feature j is 1 where column `onehot_column[j]` holds code `onehot_level[j]`;
        # `observed[onehot_offset[j] + code]` is 1 for codes that occur in the training rows.
        columns: list[int] = []
        levels: list[int] = []
        offsets: list[int] = []
        observed: list[bool] = []
        for i, column in enumerate(schema.text):
            seen = [column.has_missing, column.has_rare, *[True] * len(column.vocabulary or ())]
            level = np.flatnonzero(seen).tolist()
            columns += [i] * len(level)
            levels += level
            offsets += [len(observed)] * len(level)
            observed += seen
        starts = np.cumsum([0, *[2 + len(c.vocabulary or ()) for c in schema.text]])
        self.text_starts = tuple(int(start) for start in starts)
        self._add("text_start", torch.from_numpy(starts[:-1].astype(np.int32)))
        self._add("onehot_column", torch.tensor(columns, dtype=torch.int64))
        self._add("onehot_level", torch.tensor(levels, dtype=torch.int64))
        self._add("onehot_offset", torch.tensor(offsets, dtype=torch.int64))
        self._add("observed", torch.tensor(observed, dtype=torch.float32).unsqueeze(1))
        self._add("frequencies", torch.zeros(len(levels)))

    @property
    def event_lists(self) -> list[EventLists]:
        """The groups of sequences."""
        return [group for group in self.sequences if isinstance(group, EventLists)]

    @property
    def n_features(self) -> int:
        """Width of the model-space row."""
        return len(self.feature_names)

    @property
    def n_dense(self) -> int:
        """How many of the features are numbers, without their pieces; they come first."""
        return self.n_features - self.piecewise.n_pieces - len(self.get_buffer("frequencies_"))

    @property
    def code_starts(self) -> tuple[int, ...]:
        """Where the codes of each column of codes start, and where they end."""
        return self.text_starts

    @property
    def n_codes(self) -> int:
        """How many codes a compact row has."""
        return len(self.code_starts) - 1

    def _name_features(self, schema: Schema, n_pieces: Sequence[int]) -> None:
        numbers = schema.numbers
        named = [(column.name, column.name) for column in numbers]
        named += [(c.name, f"{c.name} is missing") for c in numbers if c.has_missing]
        for column in schema.float64:
            if column.kind is Kind.DATETIME:
                named += [(column.name, f"{column.name} {part}") for part in CALENDAR_PARTS]
        self.sequence_layouts = []
        for group in self.event_lists:
            self.sequence_layouts.append(group.layout(len(named)))
            named += group.named_features()
        for column, n in zip(numbers, n_pieces, strict=True):
            named += [(column.name, f"{column.name} piece {i + 1} of {n}") for i in range(n)]
        for column in schema.text:
            labels = ["missing"] * column.has_missing + ["unseen or rare"] * column.has_rare
            named += [(column.name, f"{column.name} is {label}") for label in labels]
            named += [(column.name, f"{column.name} = {v}") for v in column.vocabulary or ()]
        self.feature_columns = tuple(column for column, _ in named)
        self.feature_names = tuple(name for _, name in named)

    def of_column(self) -> Tensor:
        """Return to what share each feature belongs to each column, ``[n_features, F]``."""
        share = torch.zeros(self.n_features, len(self.columns))
        positions = {name: i for i, name in enumerate(self.columns)}
        for feature, column in enumerate(self.feature_columns):
            share[feature, positions[column]] = 1
        return share

    def code_tables(self) -> list[Tensor]:
        """Return the one-hot features of each code of each text column, centred.

        So a linear map of the features of a code is one number that can be computed in advance.
        """
        observed = self.get_buffer("observed_").flatten()
        frequencies = self.get_buffer("frequencies_")
        tables, feature = [], 0
        for start, end in itertools.pairwise(self.text_starts):
            seen = observed[start:end]
            width = int(seen.sum())
            levels = seen.nonzero().flatten()
            hot = torch.zeros(end - start, width, device=seen.device)
            hot[levels, torch.arange(width, device=seen.device)] = 1
            hot -= seen.unsqueeze(1) * frequencies[feature : feature + width]
            tables.append(hot)
            feature += width
        return tables

    def load_statistics(self, statistics: Statistics) -> None:
        """Copy the training numbers into the buffers."""
        for numbers, rows in (
            ("float32", statistics.numbers[: self.n_float32]),
            ("float64", statistics.numbers[self.n_float32 :]),
        ):
            for i, name in enumerate(("fill", "lower", "upper", "center", "scale")):
                self.get_buffer(f"{numbers}_{name}_").copy_(torch.from_numpy(rows[:, i]))
        self.piecewise.load(statistics.pieces)
        for name in ("missing_share", "part_means", "frequencies"):
            self.get_buffer(f"{name}_").copy_(torch.from_numpy(getattr(statistics, name)))
        for group, of_events in zip(self.event_lists, statistics.sequences, strict=True):
            group.preprocess.load_statistics(of_events)

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Tensor:
        """Return model-space rows; a group without columns is ignored."""
        features = self._dense(float32, float64, sequences)
        if self.piecewise.n_pieces:
            dense = torch.cat(features, dim=1) if len(features) > 1 else features[0]
            features = [dense, self.piecewise(dense[:, : self.piecewise.n_numbers])]
        if self.n_text:
            features = [*features, self._one_hot(codes)]
        return torch.cat(features, dim=1) if len(features) > 1 else features[0]

    def compact(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> Compact:
        """Return model-space rows with categories still as codes."""
        dense = self._dense(float32, float64, sequences)
        start = self.get_buffer("text_start_")
        return Compact(
            torch.cat(dense, dim=1) if dense else float32.new_empty(float32.shape[0], 0),
            codes.to(torch.int32) + start,
        )

    def _dense(self, float32: Tensor, float64: Tensor, sequences: Tensor | None) -> list[Tensor]:
        """Return the features that are numbers, in groups of columns."""
        scaled, missing, parts = [], [], []
        if self.n_float32:
            z, absent, _ = self._scale("float32", float32)
            scaled.append(z)
            missing.append(absent)
        if self.n_float64:
            z, absent, filled = self._scale("float64", float64)
            scaled.append(z.to(torch.float32))
            missing.append(absent)
            if len(self.get_buffer("dates_")):
                days = filled.index_select(1, self.get_buffer("dates_"))
                part = calendar_parts(days) - self.get_buffer("part_means_")
                parts.append(part.flatten(1))
        features = scaled
        if len(self.get_buffer("flagged_")):
            absent = torch.cat(missing, dim=1) if len(missing) > 1 else missing[0]
            flags = absent.index_select(1, self.get_buffer("flagged_")).to(torch.float32)
            features = [*features, flags - self.get_buffer("missing_share_")]
        if sequences is not None:
            parts += event_features(self.event_lists, sequences)
        return [*features, *parts]

    def _scale(self, group: str, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scaled values, the missing mask, and the imputed raw values."""
        fill, lower, upper, center, scale = (
            self.get_buffer(f"{group}_{name}_")
            for name in ("fill", "lower", "upper", "center", "scale")
        )
        finite = (x - x) == 0  # false for NaN and infinities; two cheap nodes in the exported file
        filled = torch.where(finite, x, fill)
        z = scale_numbers(filled, lower, upper, center, scale, smooth=self.smooth_clip)
        return z, ~finite, filled

    def _one_hot(self, codes: Tensor) -> Tensor:
        """Return centred one-hot features; zeros for a code that no training row has."""
        code = codes.index_select(1, self.get_buffer("onehot_column_"))
        hot = (code == self.get_buffer("onehot_level_")).to(torch.float32)
        known = embedding(code + self.get_buffer("onehot_offset_"), self.get_buffer("observed_"))
        return hot - known.squeeze(-1) * self.get_buffer("frequencies_")
