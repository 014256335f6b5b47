"""From the body of a request to the body of its answer, by the model file that is served."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl

import orjson
from anyio import CapacityLimiter, to_thread

from churn_torch.errors import InputError
from churn_torch.serving.http.answers import Options, answers, read_options
from churn_torch.serving.http.batching import Batcher, Outputs
from churn_torch.serving.http.bodies import LARGE_BODY, check_names, check_parts
from churn_torch.serving.http.prometheus import PrometheusMetrics
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.http.requests import RowReader, Values, shown
from churn_torch.serving.model_file import ModelFile

# Large bodies that are scored at a time, each in a thread; it holds its rows as Python objects.
LARGE_AT_ONCE = 2


class Predictor:
    """Turns the body of a request into the body of the response.

    Args:
        model: The file.
        metrics: Counts the rows.
        max_rows: Rows that a request may have.
    """

    def __init__(self, model: ModelFile, metrics: PrometheusMetrics, *, max_rows: int) -> None:
        self._model, self._metrics, self._max_rows = model, metrics, max_rows
        self._reader = RowReader(model.schema)
        self._n_columns = len(model.schema.explained)
        self._n_lists = sum(len(group.columns) for group in model.schema.sequences)
        self._batcher = Batcher(self._run)
        self._limiter = CapacityLimiter(LARGE_AT_ONCE)

    async def predict(
        self, body: bytes, options: Options, unpack: Callable[[bytes], bytes] | None = None
    ) -> bytes:
        """Return the body of the response.

        Args:
            body: The body of the request.
            options: The choices of the request.
            unpack: Unpacks the body.

        Raises:
            RequestError: The body cannot be read.
        """
        if unpack or len(body) > LARGE_BODY:
            return await to_thread.run_sync(
                self._predict_large, body, options, unpack, limiter=self._limiter
            )
        rows, single = self._read(body)
        return self._write(await self._batcher(rows) if rows else {}, options, single)

    def _predict_large(
        self, body: bytes, options: Options, unpack: Callable[[bytes], bytes] | None
    ) -> bytes:
        body = unpack(body) if unpack else body
        check_parts(body, self._max_rows * (1 + self._n_lists), self._max_rows * self._n_columns)
        rows, single = self._read(body)
        return self._write(self._run(rows) if rows else {}, options, single)

    def _read(self, body: bytes) -> tuple[list[Values], bool]:
        """Return the rows, and whether the request is a single row outside a list."""
        try:
            content = orjson.loads(body)
        except ValueError as error:
            hint = "; NaN and Infinity are not JSON, null is a missing value"
            no_number = b"NaN" in body or b"Infinity" in body or "infinity" in str(error)
            raise RequestError(
                "", expected="JSON", got=f"something else: {error}{hint if no_number else ''}"
            ) from None
        # A column may be called "rows" too, but its values are not lists.
        rows = content.get("rows") if isinstance(content, dict) else None
        if not isinstance(rows, list):
            if not isinstance(content, dict):
                raise RequestError(
                    "",
                    expected='one customer {column: value, ...} or several {"rows": [...]}',
                    got=str(shown(content)),
                )
            row = self._reader.read(content)
            check_names(body, len(content))
            return [row], True
        if len(content) > 1:
            other = next(name for name in content if name != "rows")
            raise RequestError(
                "", expected='nothing beside "rows"', got=repr(other[:80]), fix="leave it out"
            )
        if len(rows) > self._max_rows:
            raise RequestError(
                "",
                expected=f"at most {self._max_rows:,} rows",
                got=f"{len(rows):,}",
                fix="send them in several requests, or start the server with a higher max_rows",
                status=413,
            )
        values = [self._reader.read(row, place) for place, row in enumerate(rows)]
        check_names(body, 1 + sum(map(len, rows)))
        return values, False

    def _run(self, rows: Sequence[Values]) -> Outputs:
        outputs = self._model.run(self._reader.feed(rows))
        self._metrics.count_rows(outputs, self._model)
        return outputs

    def _write(self, outputs: Outputs, options: Options, single: bool) -> bytes:
        predictions = answers(outputs, self._model, options) if outputs else []
        return orjson.dumps(predictions[0] if single else {"predictions": predictions})


class Served:
    """A model file with what is made of it once: it is replaced as a whole.

    Args:
        model: The file.
        metrics: Counts the rows.
        max_rows: Rows that a request may have.
    """

    def __init__(self, model: ModelFile, metrics: PrometheusMetrics, *, max_rows: int) -> None:
        self.model, self.max_rows = model, max_rows
        self.predictor = Predictor(model, metrics, max_rows=max_rows)
        metadata = model.metadata | {"schema": json.loads(model.metadata["schema"])}
        self.metadata = orjson.dumps(metadata)
        self.options_of = lru_cache(maxsize=256)(self._options_of)

    def _options_of(self, query: bytes) -> Options:
        text = query.decode("latin-1")
        return read_options(parse_qsl(text, keep_blank_values=True), self.model.outputs)


def check_interface(old: ModelFile, new: ModelFile) -> None:
    """Refuse a file whose clients would have to change.

    Raises:
        InputError: Naming the first column or output at fault.
    """
    kinds, wanted = (
        {column.name: column.kind for column in file.schema.explained} for file in (new, old)
    )
    for name in [*wanted, *kinds]:
        if kinds.get(name) != wanted.get(name):
            found, known = (f"{kind.get(name, 'absent')}" for kind in (kinds, wanted))
            raise InputError(
                "model",
                expected=f"the columns of the model that is served ({name!r}: {known})",
                got=f"{name!r}: {found}",
                fix="start another server with it",
            )
    if absent := [name for name in old.outputs if name not in new.outputs]:
        raise InputError(
            "model",
            expected="the outputs of the model that is served",
            got=f"none called {absent[0]!r}",
            fix="start another server with it",
        )
