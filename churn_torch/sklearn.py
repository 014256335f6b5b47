"""ChurnClassifier: a scikit-learn classifier that fits in the same order as a training."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pandas.api.types import is_numeric_dtype
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)
from torch import Tensor

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import CHUNK_ROWS
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import Label
from churn_torch.tables.readers.frames import as_frame, has_names, unmasked
from churn_torch.training.process_state import alone, one_thread
from churn_torch.whole_files import private_folder
from churn_torch.workflows.configuration.check_config import check_columns
from churn_torch.workflows.configuration.classifier_choices import (
    check_followed,
    classifier_options,
    left_out_sentence,
    unconverged_sentence,
)
from churn_torch.workflows.configuration.classifier_labels import class_labels
from churn_torch.workflows.fit import fitted
from churn_torch.workflows.measurement.measured_test import describe_data
from churn_torch.workflows.measurement.profit import decision_of
from churn_torch.workflows.runs.publish import publish
from churn_torch.workflows.runs.run_folder import Run

# Columns that are added to the table of the caller.
_TARGET, _WEIGHT = "target", "sample_weight"


class ChurnClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A binary classifier for tables: a training without its run folder.

    Kinds of the columns of a DataFrame are inferred as in a training: numbers, categories, dates;
    identifiers, constants and free text are left out, with a warning. Cells may be missing. The
    columns of an array of numbers are all numbers. A share of the rows (``data.split.validation``)
    is held back for early stopping, calibration and the threshold.

    Fits in several threads take turns, as torch has one random state in a process; the random
    states of torch, NumPy and Python are left as they were. Predictions run side by side. The rows
    held back chose the threshold, so a classifier measures no profit of an offer: that is for
    `churn_torch.train`, whose test rows have chosen nothing.

    Args:
        model: A word of conf/model.
        overrides: Other choices as on the command line, such as ``["optimizer.lr=0.01"]``; for a
            grid search, a list of such lists. ``data.kinds.COLUMN=categorical`` says what a column
            is.
        positive: The label that means churn; found as in a training where the two are an obvious
            pair, such as yes and no.
        random_state: Decides held-back rows, first weights and the order of rows.

    Attributes:
        classes_: The two labels, sorted.
        churn_class_: The label that means churn; None where neither ``positive`` nor the labels
            say. Its probability is modelled, else that of the second label.
        n_features_in_: Columns that `fit` was given.
        feature_names_in_: Their names, if they had text names.
        schema_: What each column is taken for.
        scorer_: The trained torch module, from typed columns to probability.
        threshold_: From which probability of the modelled label `predict` gives it.
        metrics_: The metrics of the rows held back, how the fit went, and of what data it is.
    """

    _names: list[str]
    _modelled: int

    def __init__(
        self,
        model: str = "logreg",
        *,
        overrides: Sequence[str] = (),
        positive: Label | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.model = model
        self.overrides = overrides
        self.positive = positive
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn may give it."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Learn from rows.

        Args:
            X: ``[N, F]``, an array or whatever `churn_torch.tables.readers.frames.as_frame` takes:
                a DataFrame of pandas or polars, an Arrow table, a dict of columns.
            y: ``[N]`` of two different labels.
            sample_weight: ``[N]``, 0 or more: how much a row counts while the model learns, as
                ``data.weight`` does in a training.

        Raises:
            InputError: A choice or the table cannot be used (a ValueError).
            ValueError: X, y or the weights are not of the shape or kind that is needed.
        """
        frame = self._frame(X, y=y, reset=True)
        labels = class_labels(y, self.positive)
        check_consistent_length(frame, labels.is_modelled)
        target, weight = _unused(labels.name or _TARGET, frame), _unused(_WEIGHT, frame)
        added: dict[str, Any] = {target: labels.is_modelled}
        if sample_weight is not None:
            added[weight] = _check_sample_weight(sample_weight, frame, dtype=np.float64)
        numbers = frame.columns[[is_numeric_dtype(dtype) for dtype in frame.dtypes]]
        check_followed(self.overrides)
        words = ["data=table", f"model={self.model}", "data.target=target", *self.overrides]
        options = classifier_options(
            compose("train", words),
            target=target,
            weight=weight if sample_weight is not None else None,
            numbers=[] if has_names(X) else list(numbers),
            random_state=self.random_state,
        )
        with alone(), one_thread() as n_threads, private_folder() as folder:
            table = read_labelled(
                options.data, seed=options.seed, source=frame.assign(**added), with_test=False
            )
            check_columns(options, table.schema)
            with fitted(
                options, table, folder, n_threads=n_threads, announce=lambda line: None
            ) as model:
                self.schema_ = labels.named_in(model.schema)
                self.scorer_, self.threshold_ = model.scorer, model.threshold
                self.metrics_ = {
                    "validation": model.validation,
                    **decision_of(options),
                    "fit": model.fit,
                    "data": describe_data(table, options.data),
                }
        self.classes_, self.churn_class_ = labels.classes, labels.churn
        self._modelled = labels.modelled
        self.options_ = options
        if said := left_out_sentence(table.schema):
            warnings.warn(said, stacklevel=2)
        if said := unconverged_sentence(model.fit):
            warnings.warn(said, ConvergenceWarning, stacklevel=2)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the calibrated probabilities of both labels, ``[N, 2]``, in float32's digits.

        The columns follow ``classes_``. The net computes in float64: in float32 the last digits of
        a matrix product would depend on which rows are scored together.

        Args:
            X: As for `fit`, or one row: a Series whose index names the columns, a dict of cells.
                An array has as many columns as that of `fit` and is taken by position.

        Raises:
            InputError: A cell cannot be read as its column's kind (a ValueError).
            ValueError: The columns are not those of `fit`.
        """
        columns = self._columns(X)
        with one_thread():
            modelled = self._scored(columns).double().numpy()
        both = (1 - modelled, modelled)
        return np.stack(both if self._modelled else both[::-1], axis=1)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each row, ``[N]``: the modelled one from ``threshold_`` on.

        Raises:
            InputError: A cell cannot be read as its column's kind (a ValueError).
            ValueError: The columns are not those of `fit`.
        """
        reached = self.predict_proba(X)[:, self._modelled] >= np.float32(self.threshold_)
        labels: npt.NDArray[Any] = self.classes_[
            np.where(reached, self._modelled, 1 - self._modelled)
        ]
        return labels

    @alone()
    def export(self, path: str | Path, X: Any) -> list[str]:
        """Write the model as an ONNX file: raw columns in, the four outputs of a run's file out.

        Args:
            path: The file to write, e.g. ``model.onnx``.
            X: Real rows, as for `predict`, that the file is proved on.

        Returns:
            What was written and how near it is to torch, a sentence each.

        Raises:
            InputError: X or ``overrides`` cannot be used, or it is not known which label means
                churn.
            ParityError: onnxruntime and torch disagree; nothing is written.
        """
        check_is_fitted(self)
        if self.churn_class_ is None:
            first, second = self.classes_.tolist()
            raise InputError(
                "positive",
                expected=f"the label that means churn, as the file gives its probability: "
                f"{first!r} or {second!r}",
                got="none, and the labels do not say",
                fix=f"fit ChurnClassifier(positive={second!r}) or (positive={first!r})",
            )
        path = Path(path)
        _, said = publish(
            Run(path.parent, {}, self.options_, self.schema_, self.scorer_, self.metrics_),
            self._parsed(X),
            None,
            path,
            threshold=self.threshold_,
            options=self.options_.export,
        )
        return said

    @torch.no_grad()
    def _scored(self, columns: Columns) -> Tensor:
        scorer, net = self.scorer_, copy.deepcopy(self.scorer_.net).double()
        parts = [
            scorer.calibrated(net(scorer.preprocess(*chunk).double()).float())
            for chunk in columns.in_chunks(CHUNK_ROWS)
        ]
        return torch.cat(parts)

    def _parsed(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        return parse(self._frame(X, reset=False), self.schema_)

    def _columns(self, X: Any) -> Columns:
        return Columns.from_arrays(encode(self._parsed(X), self.schema_))

    def _frame(self, X: Any, *, reset: bool, **y: Any) -> pd.DataFrame:
        """Return X as a table, checked as scikit-learn does; ``y`` is checked with it."""
        if has_names(X) or X is None or isinstance(X, str | Path):
            frame = as_frame(X, where="X", names=None if reset else self._names)
            if len(frame):
                return self._named(X, frame, reset=reset, **y)
            X = frame
        checked = validate_data(
            self, unmasked(X), **y, reset=reset, dtype=None, ensure_all_finite="allow-nan"
        )
        array = checked[0] if y else checked
        if reset:
            self._names = [f"x{i}" for i in range(array.shape[1])]
        return pd.DataFrame(array, columns=self._names).infer_objects()

    def _named(self, X: Any, frame: pd.DataFrame, *, reset: bool, **y: Any) -> pd.DataFrame:
        """Return a table with names; those of a row or of dicts may stand in any order."""
        same = not reset and set(frame.columns) == set(self._names)
        if same and isinstance(X, pd.Series | Mapping | list | tuple):
            frame = frame[self._names]
        # As the caller has it: names that are numbers are no names to scikit-learn.
        checked = X if isinstance(X, pd.DataFrame) else frame
        validate_data(self, checked, **y, reset=reset, skip_check_array=True)
        if reset:
            self._names = list(frame.columns)
        elif not same and not hasattr(self, "feature_names_in_"):  # it has learned from an array
            frame = frame.set_axis(self._names, axis=1)
        return frame.reset_index(drop=True)


def _unused(name: str, frame: pd.DataFrame) -> str:
    """Return a name that is no column of the table."""
    while name in frame.columns:
        name += "_"
    return name
