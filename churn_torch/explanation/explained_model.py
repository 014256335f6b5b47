"""The model that is explained: its ONNX file, asked about parsed rows; torch is not imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn_torch.errors import InputError
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.outputs import PROBABILITY, QUALITY, REASONS
from churn_torch.tables.encode import Texts
from churn_torch.tables.schema import Schema

# A probability of float32 is never closer to 0 or 1 in the logit.
_EPS = 1e-7

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ExplainedRows:
    """Rows that a model is explained on.

    Attributes:
        parsed: N rows of features (`churn_torch.tables.encode.parse`); text may be of a categorical
            dtype, which makes it faster to ask about the same words again.
        label: ``[N]`` of 1 for churners and 0 for the others.
        carried: N rows of the columns that are not learned from.
    """

    parsed: pd.DataFrame
    label: npt.NDArray[np.float32]
    carried: pd.DataFrame


class ExplainedModel:
    """An ONNX file, asked about parsed rows.

    Args:
        path: The file.

    Attributes:
        schema: What the file was trained on.
        threshold: The probability at and above which the decision is 1.
        metadata: As of `churn_torch.serving.model_file.ModelFile`.
        names: The inputs of the file in order, which is that of its reasons.

    Raises:
        InputError: It is not an ONNX file of churn_torch, or one of a newer version; when it is
            asked, it lacks the output.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._models: dict[tuple[str, ...], BatchModel] = {}
        model = self._with(PROBABILITY)
        self.schema, self.threshold = model.schema, model.threshold
        self.metadata, self.names = model.metadata, model.names

    def probability(self, parsed: pd.DataFrame) -> Floats:
        """Return the probability of each row, ``[N]``."""
        return np.asarray(self._compute(parsed, PROBABILITY)[PROBABILITY], np.float64)

    def logit(self, parsed: pd.DataFrame) -> Floats:
        """Return the log-odds of each row, ``[N]``."""
        probability = self.probability(parsed).clip(_EPS, 1 - _EPS)
        return np.asarray(np.log(probability) - np.log1p(-probability))

    def reasons(self, parsed: pd.DataFrame) -> Floats:
        """Return what each input adds to the log-odds of each row, ``[N, F]``."""
        return np.asarray(self._compute(parsed, REASONS)[REASONS], np.float64)

    def quality(self, parsed: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Return whether each input can be trusted, ``[N, F]``."""
        return np.asarray(self._compute(parsed, QUALITY)[QUALITY], np.int64)

    def _compute(self, parsed: pd.DataFrame, *outputs: str) -> dict[str, np.ndarray[Any, Any]]:
        return self._with(*outputs).compute(_columns(parsed, self.schema))

    def _with(self, *outputs: str) -> BatchModel:
        if outputs not in self._models:
            # The probability is in every file, so that there is a graph to run.
            model = BatchModel(self._path, tuple(dict.fromkeys((PROBABILITY, *outputs))))
            for name in outputs:
                if name not in model.outputs:
                    raise InputError(
                        "run",
                        expected=f"an ONNX file with the output {name}",
                        got=f"{str(self._path)!r} without it",
                        fix="name the model.onnx of a run folder",
                    )
            self._models[outputs] = model
        return self._models[outputs]


def _columns(parsed: pd.DataFrame, schema: Schema) -> dict[str, pd.Series | Texts]:
    """Return the columns as a file for many rows takes them: text by its different words."""
    columns: dict[str, pd.Series | Texts] = {c.name: parsed[c.name] for c in schema.numbers}
    for column in schema.text:
        cells = parsed[column.name]
        if isinstance(cells.dtype, pd.CategoricalDtype):
            columns[column.name] = Texts(
                cells.cat.codes.to_numpy(), pd.Series(cells.cat.categories)
            )
            continue
        codes, levels = pd.factorize(cells)
        columns[column.name] = Texts(codes, pd.Series(levels, dtype=object))
    for group in schema.sequences:
        columns.update({column.name: parsed[column.name] for column in group.columns})
    return columns
