"""What finished runs have left of their test rows, read without torch and without trust."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churn_torch.errors import InputError
from churn_torch.serving.outputs import PROBABILITY
from churn_torch.tables.labelled.carried import FOLDS, ROW, VALUE
from churn_torch.tables.labelled.lifetimes import periods_of
from churn_torch.workflows.configuration.stored_config import damaged_run, load_config
from churn_torch.workflows.runs.artefacts import CONFIG, METRICS, PREDICTIONS
from churn_torch.workflows.runs.metrics_shape import parse_metrics

KEY, LABEL = "runs", "label"
# A row that a training writes has an id of its own, which takes a byte at least; a file of few
# bytes can say that it has any number of equal rows.
MOST_ROWS, _ROWS_PER_BYTE = 1_000_000, 10


@dataclass(frozen=True)
class TestedRun:
    """A finished run and the rows that it was tested on.

    Attributes:
        folder: The run folder, as it was named.
        config: Content of config.yaml.
        metrics: Content of metrics.json.
        id: The column of ``rows`` that names a row: the id, or the row number.
        rows: N rows: what names them, ``repeat`` and ``fold`` of a cross-validation, the value and
            the group where they are carried.
        label: ``[N]``, whether a row is a churner.
        probability: ``[N]``.
        observed: ``[N]``, the periods that customers were observed in, of a model of time to churn;
            None of another.
        horizon: Periods within which its probability is; 0 of another.
    """

    folder: str
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    id: str
    rows: pd.DataFrame
    label: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float32]
    observed: npt.NDArray[np.int64] | None = None
    horizon: int = 0

    @property
    def is_cross_validation(self) -> bool:
        """Whether the rows were tested fold by fold."""
        return "folds" in self.metrics

    @property
    def keys(self) -> list[str]:
        """The columns of ``rows`` that name a tested row."""
        return [*(name for name in FOLDS if self.is_cross_validation), self.id]

    @property
    def fingerprint(self) -> str:
        """What names the content of the table."""
        return str(self.metrics["data"]["fingerprint"])

    @property
    def threshold(self) -> float:
        """The decision threshold."""
        return float(self.metrics["validation"]["threshold"])


def read_tested_runs(folders: Sequence[str], *, group: str | None = None) -> list[TestedRun]:
    """Read run folders that are to be compared. None of their content is executed.

    Args:
        folders: Two or more.
        group: A carried column to read along.

    Raises:
        InputError: There are fewer than two, one is named twice, or one holds no finished run with
            predictions for churn.
    """
    if len(folders) < 2:
        raise InputError(
            KEY,
            expected="two or more run folders",
            got=f"only {folders[0]!r}" if folders else "none",
            fix="name them, e.g. runs=[outputs/2026-01-31/12-00-00,outputs/latest]",
        )
    places: dict[Path, str] = {}
    for folder in folders:
        place = Path(os.path.realpath(folder))
        if place in places:
            same = "twice" if places[place] == folder else f"and {folder!r}, which is the same run"
            raise InputError(
                KEY,
                expected="different runs",
                got=f"{places[place]!r} {same}",
                fix="name each run once",
            )
        places[place] = folder
    return [read_tested_run(folder, group=group) for folder in folders]


def read_tested_run(folder: str, *, group: str | None = None, key: str = KEY) -> TestedRun:
    """Read one run folder. None of its content is executed.

    Args:
        folder: The run folder.
        group: A carried column to read along.
        key: The key that names the folder, for messages.

    Raises:
        InputError: It holds no finished run with predictions for churn.
    """
    path = Path(folder)
    try:
        config = load_config(path)
        if not isinstance(config.get("data"), Mapping):
            raise damaged_run(path, f"{CONFIG} lacks data")
        metrics = _metrics(path)
        refused = None
        if "uplift" in metrics:
            refused = ("models of churn", "a model of uplift")
        elif {"survival", "folds"} <= metrics.keys():
            refused = ("one model of time to churn", "folds of a model of time to churn")
        if refused is not None:
            expected, got = refused
            raise InputError(
                "", expected=expected, got=f"{got} in {folder!r}",
                fix="its metrics.json has what its test rows say of it",
            )  # fmt: skip
        return _with_rows(folder, config, metrics, group)
    except InputError as error:
        where = "group" if error.where == "group" else key
        raise InputError(where, expected=error.expected, got=error.got, fix=error.fix) from error


def _metrics(path: Path) -> dict[str, Any]:
    for name, fix in (
        (METRICS, f"finish it with churn-torch train resume={path}"),
        (PREDICTIONS, "train again"),
    ):
        if not (path / name).is_file():
            raise InputError(
                "", expected=f"a finished run in {str(path)!r}", got=f"one without {name}", fix=fix
            )
    try:
        content = parse_metrics((path / METRICS).read_text(encoding="utf-8"))
        str(content["data"]["fingerprint"])
        if not 0 <= float(content["validation"]["threshold"]) <= 1:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged_run(path, f"{METRICS} lacks what a training writes") from error
    return dict(content)


def _with_rows(
    folder: str, config: dict[str, Any], metrics: dict[str, Any], group: str | None
) -> TestedRun:
    path = Path(folder)
    try:
        file = pq.ParquetFile(path / PREDICTIONS)
        names = file.schema_arrow.names
        n_rows, n_bytes = file.metadata.num_rows, (path / PREDICTIONS).stat().st_size
        if n_rows > MOST_ROWS + _ROWS_PER_BYTE * n_bytes:
            raise damaged_run(path, f"{PREDICTIONS} has {n_rows:,} rows in {n_bytes:,} bytes")
        if len({*names}) < len(names):
            raise damaged_run(path, f"{PREDICTIONS} has columns of one name")
        id = ROW if ROW in names else str(config["data"].get("id"))
        group = group or _group_of_split(config)
        if group is not None and group not in names:
            raise InputError(
                "group",
                expected=f"a column that the predictions in {folder!r} carry",
                got=repr(group),
                fix=f"train with data.carry=[{group}]",
            )
        folds = [name for name in FOLDS if "folds" in metrics]
        wanted = dict.fromkeys([*folds, id, *(name for name in (group, VALUE) if name in names)])
        # Arrow's own types only: what pandas noted in the file is not followed.
        lived = _lifetime_columns(config) if "survival" in metrics else []
        columns = dict.fromkeys([*wanted, *lived, LABEL, PROBABILITY])
        table = file.read([*columns]).to_pandas(ignore_metadata=True)
        label = table[LABEL].to_numpy(np.float64)
        probability = table[PROBABILITY].to_numpy(np.float32)
        rows = table[list(wanted)]
        observed, horizon = _observed(config, table[lived], label) if lived else (None, 0)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise damaged_run(path, f"{PREDICTIONS} cannot be read") from error
    if not len(label):
        raise InputError(
            "",
            expected=f"rows in {str(path / PREDICTIONS)!r}",
            got="none",
            fix="train with data.split.test above 0",
        )
    if not (np.isin(label, (0, 1)).all() and ((probability >= 0) & (probability <= 1)).all()):
        raise damaged_run(path, f"{PREDICTIONS} holds no labels and probabilities")
    return TestedRun(folder, config, metrics, id, rows, label == 1, probability, observed, horizon)


def _lifetime_columns(config: Mapping[str, Any]) -> list[str]:
    data = config["data"]
    return [str(data["duration"]), *([] if data.get("entry") is None else [str(data["entry"])])]


def _observed(
    config: Mapping[str, Any], lived: pd.DataFrame, label: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Return the periods that customers were observed in, and the horizon.

    Raises:
        ValueError: config.yaml or the rows say nothing of the kind.
    """
    duration, *entry = lived.to_numpy(np.float64).T
    period, horizon = float(config["data"]["period"]), int(config["data"]["horizon"])
    first, last = periods_of(duration, entry[0] if entry else 0 * duration, label, period).T
    periods = last - first
    if not (period > 0 and horizon > 0 and np.isfinite(periods).all() and (periods >= 0).all()):
        raise ValueError("no lifetimes")
    return periods.astype(np.int64), horizon


def _group_of_split(config: Mapping[str, Any]) -> str | None:
    """Return the column whose rows stay together in the split, if the user named one."""
    split = config["data"].get("split") or {}
    by, columns = (
        [value] if isinstance(value, str) else list(value or ())
        for value in (split.get("by"), split.get("column"))
    )
    column = dict(zip(by, columns, strict=False)).get("group")
    return None if column in (None, "auto") else str(column)
