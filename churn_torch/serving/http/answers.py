"""Outputs of the file as JSON: by column name, with the largest reasons first."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from churn_torch.errors import suggest
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import MEDIAN_PERIODS, NET_VALUE, QUALITY, REASONS
from churn_torch.serving.session import Array

# The flag of a value without a problem; the file says what the other flags mean.
FINE = 0
_WHOLE = re.compile(r"[0-9]{1,9}")


class Options(NamedTuple):
    """The choices of a request: the outputs, and how many reasons (None is all)."""

    fields: tuple[str, ...]
    top_k: int | None = None


def read_options(query: Sequence[tuple[str, str]], outputs: Sequence[str]) -> Options:
    """Read ``?fields=churn_probability,reasons&top_k=3``.

    Args:
        query: Names and values after the question mark.
        outputs: The outputs of the file; the default is all of them.

    Raises:
        RequestError: A parameter or a field is unknown, or ``top_k`` is not a number.
    """
    fields: list[str] = []
    top_k = None
    for name, value in query:
        shown = value[:80]
        if name == "fields":
            for field in value.split(","):
                if field not in outputs:
                    raise RequestError(
                        "fields",
                        expected=f"{', '.join(outputs)}",
                        got=f"{field[:80]!r}{suggest(field[:80], outputs)}",
                        fix="separate them by commas",
                    )
                fields.append(field)
        elif name == "top_k" and REASONS in outputs:
            if not _WHOLE.fullmatch(value):
                raise RequestError(
                    "top_k",
                    expected="a whole number of reasons",
                    got=repr(shown),
                    fix="leave it out for all",
                )
            top_k = int(value)
        else:
            known = ["fields", "top_k"] if REASONS in outputs else ["fields"]
            raise RequestError(
                "",
                expected=f"no parameters but {' and '.join(known)}",
                got=f"{name[:80]!r}{suggest(name[:80], known)}",
                fix="leave it out",
            )
    return Options(tuple(o for o in outputs if not fields or o in fields), top_k)


def answers(
    outputs: Mapping[str, Array], model: ModelFile, options: Options
) -> list[dict[str, Any]]:
    """Return one object a row.

    Args:
        outputs: The outputs of the file, by name.
        model: The file.
        options: The choices of the request.
    """
    fields: list[list[Any]] = []
    for field in options.fields:
        values = outputs[field]
        if field == REASONS:
            fields.append(_reasons(values, model.names, options.top_k))
        elif field == QUALITY:
            fields.append(_quality(values, model.names, model.quality_meaning))
        elif field in (NET_VALUE, MEDIAN_PERIODS):  # NaN where there is none
            fields.append([v if math.isfinite(v) else None for v in values.tolist()])
        else:
            fields.append(values.tolist())
    return [dict(zip(options.fields, row, strict=True)) for row in zip(*fields, strict=True)]


def _reasons(
    values: npt.NDArray[np.float32], names: Sequence[str], top_k: int | None
) -> list[list[dict[str, Any]]]:
    order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :top_k]
    return [
        [{"column": names[i], "log_odds": row[i]} for i in largest]
        for row, largest in zip(values.tolist(), order.tolist(), strict=True)
    ]


def _quality(
    values: npt.NDArray[np.int64], names: Sequence[str], meaning: Mapping[int, str]
) -> list[dict[str, str]]:
    return [
        {name: meaning[flag] for name, flag in zip(names, row, strict=True) if flag != FINE}
        for row in values.tolist()
    ]
