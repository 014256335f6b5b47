"""ChurnClassifier: a scikit-learn classifier that fits in the same order as a training."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pandas.api.types import is_numeric_dtype
from pytorch_lightning.utilities.seed import isolate_rng
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from torch import Tensor

from churn_torch.cli.compose import compose
from churn_torch.export.graph import check_input_names
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import CHUNK_ROWS
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.training.fit import one_thread
from churn_torch.workflows.check_config import check_choices, refuse_folds
from churn_torch.workflows.fit import fitted
from churn_torch.workflows.options import TrainOptions, train_options
from churn_torch.workflows.publish import publish
from churn_torch.workflows.run_folder import Run
from churn_torch.workflows.train import describe_data

# Columns that are added to the table of the caller.
_TARGET, _WEIGHT = "target", "sample_weight"


class ChurnClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A binary classifier for tables: a training without its run folder.

    Kinds of the columns of a DataFrame are inferred as in a training: numbers, categories, dates;
    identifiers, constants and free text are left out. Cells may be missing. The columns of an array
    of numbers are all numbers. A share of the rows (``data.split.validation``) is held
    back for early stopping, calibration and the threshold.

    Args:
        model: A word of conf/model.
        overrides: Other choices as on the command line, such as ``["optimizer.lr=0.01"]``; for a
            grid search, a list of such lists. ``data.kinds.COLUMN=categorical`` says what a column
            is.
        random_state: Decides held-back rows, first weights and the order of rows.

    Attributes:
        classes_: The two labels; the second is the one whose probability is modelled.
        n_features_in_: Columns that `fit` was given.
        feature_names_in_: Their names, if they had text names.
        schema_: What each column is taken for.
        scorer_: The trained torch module, from typed columns to probability.
        threshold_: From which probability `predict` gives the second label.
        metrics_: The metrics of the rows held back, how the fit went, and of what data it is.
    """

    def __init__(
        self,
        model: str = "logreg",
        *,
        overrides: Sequence[str] = (),
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.model = model
        self.overrides = overrides
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
            X: ``[N, F]``, a DataFrame or an array.
            y: ``[N]`` of two different labels.
            sample_weight: ``[N]``, 0 or more: how much a row counts while the model learns, as
                ``data.weight`` does in a training.

        Raises:
            InputError: A choice or the table cannot be used (a ValueError).
            ValueError: X, y or the weights are not of the shape or kind that is needed.
        """
        frame = self._frame(X, y=y, reset=True)
        self.classes_, codes = self._coded(y)
        check_consistent_length(frame, codes)
        target, weight = _unused(_TARGET, frame), _unused(_WEIGHT, frame)
        added: dict[str, Any] = {target: codes}
        if sample_weight is not None:
            added[weight] = _check_sample_weight(sample_weight, frame, dtype=np.float64)
        numbers = frame.columns[[is_numeric_dtype(dtype) for dtype in frame.dtypes]]
        options = self._options(
            target,
            weight if sample_weight is not None else None,
            [] if isinstance(X, pd.DataFrame) else list(numbers),
        )
        with one_thread() as n_threads, isolate_rng(), tempfile.TemporaryDirectory() as folder:
            table = read_labelled(
                options.data, seed=options.seed, source=frame.assign(**added), with_test=False
            )
            check_input_names(table.schema)
            with fitted(
                options, table, Path(folder), n_threads=n_threads, announce=lambda line: None
            ) as model:
                self.schema_, self.scorer_ = model.schema, model.scorer
                self.threshold_ = model.threshold
                self.metrics_ = {
                    "validation": model.validation,
                    "fit": model.fit,
                    "data": describe_data(table),
                }
        self.options_ = options
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the calibrated probabilities of both labels, ``[N, 2]``, in float32's digits.

        The net computes in float64: in float32 the last digits of a matrix product would depend
        on which rows are scored together.

        Raises:
            InputError: A cell cannot be read as its column's kind (a ValueError).
            ValueError: The columns are not those of `fit`.
        """
        columns = self._columns(X)
        with one_thread():
            second = self._scored(columns).double().numpy()
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each row, ``[N]``: the second from ``threshold_`` on.

        Raises:
            InputError: A cell cannot be read as its column's kind (a ValueError).
            ValueError: The columns are not those of `fit`.
        """
        second = self.predict_proba(X)[:, 1] >= np.float32(self.threshold_)
        labels: npt.NDArray[Any] = self.classes_[second.astype(np.int64)]
        return labels

    def export(self, path: str | Path, X: Any) -> list[str]:
        """Write the model as an ONNX file: raw columns in, the four outputs of a run's file out.

        Args:
            path: The file to write, e.g. ``model.onnx``.
            X: Real rows, as for `predict`, that the file is proved on.

        Returns:
            What was written and how near it is to torch, a sentence each.

        Raises:
            InputError: X or ``overrides`` cannot be used.
            ParityError: onnxruntime and torch disagree; nothing is written.
        """
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
        if isinstance(X, pd.DataFrame) and len(X):
            validate_data(self, X, **y, reset=reset, skip_check_array=True)
            return X.set_axis(X.columns.map(str), axis=1).reset_index(drop=True)
        checked = validate_data(
            self, X, **y, reset=reset, dtype=None, ensure_all_finite="allow-nan"
        )
        array = checked[0] if y else checked
        names = [f"x{i}" for i in range(array.shape[1])]
        return pd.DataFrame(array, columns=names).infer_objects()

    @staticmethod
    def _coded(y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Return the two labels, and each row's position among them."""
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        kind = type_of_target(y, input_name="y")
        if kind != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        if len(classes) < 2:
            raise ValueError(f"expected two classes in y, got one class, {str(classes[0])!r}.")
        return classes, codes

    def _options(self, target: str, weight: str | None, numbers: Sequence[str]) -> TrainOptions:
        """Return the choices of a fit; ``numbers`` are columns that can be nothing else."""
        words = ["data=table", f"model={self.model}", "data.target=target", *self.overrides]
        options = train_options(compose("train", words))
        state = self.random_state
        seed = state if isinstance(state, int) else check_random_state(state).randint(2**31 - 1)
        data = replace(
            options.data,
            target=target,
            positive="1",
            weight=weight,
            kinds=options.data.kinds or dict.fromkeys(numbers, "numeric"),
        )
        options = replace(
            options,
            data=data,
            seed=seed,
            trainer=replace(options.trainer, enable_checkpointing=False),
            callbacks=replace(options.callbacks, progress=False),
        )
        check_choices(options)
        refuse_folds(options, "a classifier")
        return options


def _unused(name: str, frame: pd.DataFrame) -> str:
    """Return a name that is no column of the table."""
    while name in frame.columns:
        name += "_"
    return name
