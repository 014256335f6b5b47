"""A model file behind HTTP: predictions for rows of JSON, the file's metadata, and counters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from churn_torch.serving.http.answers import Options, answers, read_options
from churn_torch.serving.http.batching import Batcher, Outputs
from churn_torch.serving.http.openapi import components, predict_operation
from churn_torch.serving.http.prometheus import PrometheusMetrics, PrometheusMiddleware
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.http.requests import RowReader, Values, shown
from churn_torch.serving.model_file import ModelFile

# Larger bodies are handled in a thread, so that short requests need not wait.
LARGE_BODY = 65_536
# Number of such threads at a time; each holds its rows as Python objects.
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
        self._batcher = Batcher(self._run)
        self._limiter = CapacityLimiter(LARGE_AT_ONCE)

    async def predict(self, body: bytes, options: Options) -> bytes:
        """Return the body of the response.

        Raises:
            RequestError: The body cannot be read.
        """
        if len(body) > LARGE_BODY:
            return await to_thread.run_sync(
                self._predict_large, body, options, limiter=self._limiter
            )
        rows, single = self._read(body)
        return self._write(await self._batcher(rows) if rows else {}, options, single)

    def _predict_large(self, body: bytes, options: Options) -> bytes:
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
            return [self._reader.read(content)], True
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
        return [self._reader.read(row, place) for place, row in enumerate(rows)], False

    def _run(self, rows: Sequence[Values]) -> Outputs:
        outputs = self._model.run(self._reader.feed(rows))
        self._metrics.count_rows(outputs, self._model)
        return outputs

    def _write(self, outputs: Outputs, options: Options, single: bool) -> bytes:
        predictions = answers(outputs, self._model, options) if outputs else []
        return orjson.dumps(predictions[0] if single else {"predictions": predictions})


def create_app(model: ModelFile, *, max_rows: int, max_bytes: int) -> FastAPI:
    """Return the application.

    Args:
        model: The file.
        max_rows: Rows that a request may have; the status of larger ones is 413.
        max_bytes: Bytes that the body of a request may have; the status of larger ones is 413.
    """
    app: FastAPI = FastAPIOffline(redoc_url=None, title="churn_torch")
    counters = PrometheusMetrics(["/predict", "/health", "/metadata", "/metrics"])
    app.add_middleware(PrometheusMiddleware, metrics=counters)
    predictor = Predictor(model, counters, max_rows=max_rows)
    metadata = orjson.dumps(model.metadata | {"schema": json.loads(model.metadata["schema"])})

    @lru_cache(maxsize=256)
    def options_of(query: bytes) -> Options:
        text = query.decode("latin-1")
        return read_options(parse_qsl(text, keep_blank_values=True), model.outputs)

    async def predict(request: Request) -> Response:
        options = options_of(request.scope["query_string"])
        body = await _read_body(request, max_bytes)
        return _json(await predictor.predict(body, options))

    # A route of Starlette, and the first: one of FastAPI would take a third of a request's time.
    app.router.routes.insert(0, Route("/predict", predict, methods=["POST"]))

    @app.get("/", include_in_schema=False)
    async def show_docs() -> RedirectResponse:
        return RedirectResponse("docs")

    @app.get("/health", summary="Whether the server works")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metadata", summary="The metadata of the model file")
    async def show_metadata() -> Response:
        return _json(metadata)

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(counters.registry), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(RequestError)
    async def refuse(request: Request, error: RequestError) -> Response:
        content = {"detail": str(error), "row": error.row, "column": error.column}
        return _json(orjson.dumps(content), error.status)

    @app.exception_handler(ClientDisconnect)
    async def ignore(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody receives it

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            version = str(model.metadata.get("churn_torch_version"))
            content = get_openapi(title=app.title, version=version, routes=app.routes)
            content["paths"]["/predict"] = {"post": predict_operation(model.outputs)}
            content["components"] = {"schemas": components(model, max_rows=max_rows)}
            app.openapi_schema = content
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
    return app


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body; never more than the limit is held in memory."""
    too_large = RequestError(
        "",
        expected=f"at most {max_bytes:,} bytes",
        got="more",
        fix="send the rows in several requests, or start the server with a higher max_bytes",
        status=413,
    )
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
