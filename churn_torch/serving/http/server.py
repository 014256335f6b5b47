"""A model file behind HTTP: predictions for rows of JSON, the file's metadata, and counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from churn_torch.serving.http.bodies import Bodies, check_once, check_origin, is_packed
from churn_torch.serving.http.hosts import HostMiddleware
from churn_torch.serving.http.openapi import components, predict_operation
from churn_torch.serving.http.predictor import Served, check_interface
from churn_torch.serving.http.prometheus import PrometheusMetrics, PrometheusMiddleware
from churn_torch.serving.http.request_error import RequestError
from churn_torch.serving.model_file import ModelFile

# Nothing of a request goes to another program, whatever the environment says.
_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

PATHS = ("/predict", "/health", "/metadata", "/metrics", "/docs")


def create_app(
    model: ModelFile,
    *,
    max_rows: int,
    max_bytes: int,
    allowed_hosts: Sequence[str] | None = None,
) -> FastAPI:
    """Return the application; `replace_model` gives it another file.

    Args:
        model: The file.
        max_rows: Rows that a request may have; the status of larger ones is 413.
        max_bytes: Bytes that the body of a request may have; the status of larger ones is 413.
        allowed_hosts: Names that clients may call the server by, in their header Host; None is any.
    """
    # A redirect from /health/ would name the host that the client did.
    app: FastAPI = FastAPIOffline(
        redirect_slashes=False, redoc_url=None, title="churn_torch", telemetry=_NO_TELEMETRY
    )
    counters = PrometheusMetrics(PATHS)
    if allowed_hosts is not None:
        app.add_middleware(HostMiddleware, names=allowed_hosts)
    app.add_middleware(PrometheusMiddleware, metrics=counters)
    app.state.counters = counters
    app.state.served = Served(model, counters, max_rows=max_rows)
    bodies = app.state.bodies = Bodies(max_bytes)

    # The first route, and no function: FastAPI's own would take a third of a request's time.
    app.router.routes.insert(0, Route("/predict", _Predict(app, bodies), methods=["POST"]))

    @app.get("/", include_in_schema=False)
    async def show_docs() -> RedirectResponse:
        return RedirectResponse("docs")

    @app.get("/health", summary="Whether the server works")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metadata", summary="The metadata of the model file")
    async def show_metadata() -> Response:
        return _json(app.state.served.metadata)

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(counters.registry), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(RequestError)
    async def refuse(request: Request, error: RequestError) -> Response:
        return _json(error.content(), error.status)

    @app.exception_handler(HTTPException)
    async def refuse_place(request: Request, error: HTTPException) -> Response:
        path, status = request.url.path[:80], error.status_code
        allowed = (error.headers or {}).get("Allow", "GET")
        told = (
            RequestError("", expected=f"{allowed} {path}", got=request.method)
            if status == 405
            else RequestError("", expected=f"one of {', '.join(PATHS)}", got=repr(path))
        )
        answer = _json(told.content(), status)
        if status == 405:
            answer.headers["Allow"] = allowed
        return answer

    @app.exception_handler(ClientDisconnect)
    async def ignore(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody receives it

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            model = app.state.served.model
            version = str(model.metadata.get("churn_torch_version"))
            content = get_openapi(title=app.title, version=version, routes=app.routes)
            content["paths"]["/predict"] = {"post": predict_operation(model.outputs)}
            content["components"] = {"schemas": components(model, max_rows=max_rows)}
            app.openapi_schema = content
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
    return app


class _Predict:
    """Answers POST /predict, as an application of ASGI."""

    def __init__(self, app: FastAPI, bodies: Bodies) -> None:
        self._app, self._bodies = app, bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        if len(headers) < len(scope["headers"]):
            check_once(scope["headers"])
        check_origin(headers)
        unpack = self._bodies.unpack if is_packed(headers) else None
        served: Served = self._app.state.served
        options = served.options_of(scope["query_string"])
        body = await self._bodies.read(Request(scope, receive), headers)
        try:
            answer = await served.predictor.predict(body, options, unpack)
        finally:
            self._bodies.release(body)
        await _json(answer)(scope, receive, send)


def replace_model(app: FastAPI, model: ModelFile) -> None:
    """Let an application answer with another file; open requests end with the one they began with.

    Args:
        app: What `create_app` returned.
        model: The file.

    Raises:
        InputError: It takes other columns or lacks an output: clients would be refused.
    """
    served: Served = app.state.served
    check_interface(served.model, model)
    app.state.served = Served(model, app.state.counters, max_rows=served.max_rows)
    app.openapi_schema = None


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
