"""Save a run folder, and load a run from one."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import InputError
from churn_torch.explanation.event_reasons import event_reasons
from churn_torch.explanation.one_customer import CustomerExplanation
from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.readers.frames import named_rows
from churn_torch.tables.schema import Schema
from churn_torch.training.build import build_scorer
from churn_torch.whole_files import whole_file, write_text
from churn_torch.workflows.configuration.named_places import check_named, table_places
from churn_torch.workflows.configuration.options import TrainOptions, stored_options
from churn_torch.workflows.configuration.stored_config import damaged_run, load_config
from churn_torch.workflows.configuration.typed_config import MissingKey, WrongOption
from churn_torch.workflows.explanation.explain_customer import explain_frame
from churn_torch.workflows.runs.artefacts import (
    CONFIG,
    FEATURE_TABLES,
    METRICS,
    MODEL,
    SCHEMA,
    WEIGHTS,
)
from churn_torch.workflows.runs.metrics_shape import Loaded, check_metrics, parse_metrics


@dataclass(frozen=True)
class Run:
    """A trained run, ready to predict.

    Attributes:
        folder: The run folder.
        config: The choices it was trained with: the content of config.yaml, plain values.
        options: The same, typed.
        schema: The completed schema.
        scorer: The trained scorer, in evaluation mode, on the CPU.
        metrics: Content of metrics.json.
        trust: As for `load_run`.
    """

    folder: Path
    config: Mapping[str, Any]
    options: TrainOptions
    schema: Schema
    scorer: Scorer
    metrics: Mapping[str, Any]
    trust: Sequence[str] = ()

    def check_table(self, instead: str | None = None) -> None:
        """Refuse to read the table that config.yaml names where this user has not named it.

        Args:
            instead: How the user names another table, for the message.

        Raises:
            InputError: It is refused.
        """
        check_named(table_places(self.options), self.trust, self.folder, instead=instead)

    @property
    def threshold(self) -> float:
        """The decision threshold chosen on the validation rows."""
        return float(self.metrics["validation"]["threshold"])

    @property
    def attribution(self) -> Attribution:
        """What explains the scorer."""
        return Attribution(self.scorer, self.metrics["reasons"]["points"])

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    def predict_proba(self, frame: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the calibrated churn probability of each row.

        Args:
            frame: Raw rows with the columns the model learned from, in any order: a DataFrame or
                whatever `churn_torch.tables.readers.frames.as_frame` takes. An array without names
                is taken by position, and must have every column of the training table but the
                target.

        Shape:
            N rows to ``[N]`` float32.

        Raises:
            InputError: A column is missing, or a cell cannot be read as its column's kind.
        """
        probability: np.ndarray[Any, np.dtype[np.float32]]
        probability = self.scorer.score(self._columns(self._rows(frame))).numpy()
        return probability

    def predict_uplift(self, frame: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return by how much a contact lowers the probability of churn of each row.

        `predict_proba` is the probability without a contact. Below 0 a contact does harm.

        Args:
            frame: As for `predict_proba`.

        Shape:
            N rows to ``[N]`` float32.

        Raises:
            InputError: As for `predict_proba`; or the run has learned no uplift.
        """
        if self.scorer.effect is None:
            raise InputError("run", expected="a run of model=uplift", got="one of another model")
        return np.asarray(self.scorer.score_uplift(self._columns(self._rows(frame)))[1])

    def predict_survival(self, frame: Any) -> pd.DataFrame:
        """Return each row's chance to be still there after 1, 2, ... more periods.

        Args:
            frame: As for `predict_proba`.

        Returns:
            N rows and a column for each period, on the index of ``frame``.

        Raises:
            InputError: As for `predict_proba`; or the run has not learned when customers leave.
        """
        if self.scorer.hazard is None:
            raise InputError("run", expected="a run of model=survival", got="one of another model")
        rows = self._rows(frame)
        survival = self.scorer.score_survival(self._columns(rows)).numpy()
        periods = range(1, survival.shape[1] + 1)
        return pd.DataFrame(survival, columns=list(periods), index=rows.index)

    def reasons(self, frame: Any) -> pd.DataFrame:
        """Return what each input column adds to the log-odds of churn of each row.

        Measured from the mean training row, before calibration; `Attribution` says how.

        Args:
            frame: As for `predict_proba`.

        Returns:
            N rows and F columns, named like the inputs, on the index of ``frame``.

        Raises:
            InputError: As for `predict_proba`.
        """
        frame = self._rows(frame)
        reasons = self.attribution.explain(self._columns(frame)).numpy()
        names = list(self.scorer.preprocess.columns)
        return pd.DataFrame(reasons, columns=names, index=frame.index)

    def event_reasons(self, frame: Any) -> pd.DataFrame:
        """Return what each event changes in the log-odds (`explanation.event_reasons`)."""
        return event_reasons(self.scorer, self.schema, self._rows(frame))

    def explain(
        self, frame: Any, *, actionable: Sequence[str] | None = None, among: Any = None
    ) -> list[CustomerExplanation]:
        """Explain each row: its probability, what moves it, and what would have to change.

        Args:
            frame: As for `predict_proba`.
            actionable: Columns that may change; None for ``explain.actionable`` of the training.
            among: Rows as for `predict_proba`, by default ``frame``: a change may only bring
                together cells that occur in them.

        Raises:
            InputError: As for `predict_proba`; or a column that may change is no input, or the run
                has no ONNX file.
        """
        return explain_frame(self.folder, frame, actionable=actionable, among=among)

    def _rows(self, given: Any) -> pd.DataFrame:
        return named_rows(given, self.schema)

    def _columns(self, frame: pd.DataFrame) -> Columns:
        return Columns.from_arrays(encode(parse(frame, self.schema), self.schema))


def save_run(run: Run) -> None:
    """Write everything but the ONNX file and the predictions."""
    write_text(run.folder / SCHEMA, run.schema.to_json())
    # By way of memory: torch's own writer does not report a full disk as an OSError.
    weights = io.BytesIO()
    torch.save(run.scorer.state_dict(), weights)
    with whole_file(run.folder / WEIGHTS) as temporary:
        temporary.write_bytes(weights.getbuffer())
    # Last: metrics.json marks the run as finished.
    write_text(run.folder / METRICS, json.dumps(run.metrics, indent=2, allow_nan=False))


def folder_options(
    folder: Path, config: Mapping[str, Any], *, trust: Sequence[str] = ()
) -> TrainOptions:
    """Return the choices in a run folder, typed.

    Args:
        folder: The run folder.
        config: From `load_config`.
        trust: As for `load_run`.

    Raises:
        InputError: As for `stored_options`; it names the file, as no command line can mend it.
    """
    try:
        options = stored_options(config, trust)
        if not options.events:
            return options
        # The rows lie in the folder, wherever that is now.
        return replace(options, data=replace(options.data, source=str(folder / FEATURE_TABLES)))
    except MissingKey as error:
        raise damaged_run(folder, f"{CONFIG} lacks {error.key}") from error
    except InputError as error:
        again = "train again, or use the version of churn_torch that wrote it"
        raise InputError(
            f"{CONFIG} in {str(folder)!r}: {error.where}",
            expected=error.expected,
            got=error.got,
            fix=again if isinstance(error, WrongOption) else error.fix or again,
        ) from error


def load_run(path: str | Path, *, trust: Sequence[str] = ()) -> Run:
    """Load a finished run. The folder may come from a stranger: none of its content is executed.

    Args:
        path: The run folder, e.g. ``outputs/latest``.
        trust: Dotted names of classes outside churn_torch and torch.optim that the run may use,
            e.g. a net of your own; and the table of a run that was trained on another machine.

    Raises:
        InputError: The folder is not there, the run is not finished or damaged, or it names a class
            that is not trusted.
    """
    folder = Path(path)
    config = load_config(folder)
    options = folder_options(folder, config, trust=trust)
    cv = options.cv
    if cv.folds and not cv.average:
        raise InputError(
            "run",
            expected="a run with a model",
            got=f"the cross-validation in {str(folder)!r}, which leaves none",
            fix="train with cv.folds=0, or with cv.average=true",
        )
    for name in (SCHEMA, WEIGHTS, METRICS):
        if not (folder / name).is_file():
            raise InputError(
                "run",
                expected=f"a finished run in {str(folder)!r}",
                got=f"one without {name}",
                fix=f"finish it with churn-torch train resume={folder}",
            )
    with _readable(folder, SCHEMA):
        schema = Schema.from_json((folder / SCHEMA).read_text(encoding="utf-8"))
    with _readable(folder, METRICS):
        metrics = parse_metrics((folder / METRICS).read_text(encoding="utf-8"))
        check_metrics(metrics, folder, Loaded)
        if absent := {column.name for column in schema.explained} - {*metrics["typical_customer"]}:
            raise damaged_run(folder, f"{METRICS}: typical_customer lacks {min(absent)!r}")
    with _readable(folder, WEIGHTS):
        scorer = build_scorer(options, schema)
        scorer.load_state_dict(_weights(folder))
    return Run(folder, config, options, schema, scorer.eval(), metrics, trust)


@contextlib.contextmanager
def _readable(folder: Path, name: str) -> Iterator[None]:
    """Name the file of a run folder whose content raises; a damaged one raises many classes."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise damaged_run(folder, f"{name} does not hold what a run writes") from error


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    try:
        weights: dict[str, torch.Tensor] = torch.load(
            folder / WEIGHTS, map_location="cpu", weights_only=True
        )
    except Exception as error:  # torch says little, or advises to open what may run code
        raise damaged_run(folder, f"{WEIGHTS} cannot be read") from error
    return weights
