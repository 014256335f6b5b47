"""Counters for Prometheus: requests, seconds, rows, decisions, quality of the inputs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import DECISION, PROBABILITY, QUALITY
from churn_torch.serving.session import Array

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class PrometheusMetrics:
    """The counters of one server.

    Args:
        paths: Paths that are counted by name; all others count as ``other``.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._paths = frozenset(paths)
        self._requests = Counter(
            "churn_requests", "Requests answered", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "churn_request_seconds", "Seconds from the head of a request to the end of its answer",
            ["path"], buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._reloads = Counter(
            "churn_reloads", "Model files read again", ["result"], registry=self.registry
        )
        self._rows = Counter("churn_rows", "Rows scored", registry=self.registry)
        self._decisions = Counter(
            "churn_decisions", "Rows by decision", ["decision"], registry=self.registry
        )
        self._quality = Counter(
            "churn_quality", "Values that are not fine", ["column", "quality"],
            registry=self.registry,
        )  # fmt: skip

        # Finding the counter of a label takes longer than counting.
        self._requests_of = cache(self._requests.labels)
        self._seconds_of = cache(self._seconds.labels)
        self._decisions_of = cache(self._decisions.labels)

    def count_reload(self, result: str) -> None:
        """Count that the model file was read again, and whether it was ``replaced`` or not."""
        self._reloads.labels(result).inc()

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        path = path if path in self._paths else "other"
        self._requests_of(path, status).inc()
        self._seconds_of(path).observe(seconds)

    def count_rows(self, outputs: Mapping[str, Array], model: ModelFile) -> None:
        """Count scored rows.

        Args:
            outputs: What the file returned, by name.
            model: The file.
        """
        self._rows.inc(len(outputs[PROBABILITY]))
        if DECISION in outputs:
            n_churners = int(outputs[DECISION].sum())
            self._decisions_of(1).inc(n_churners)
            self._decisions_of(0).inc(len(outputs[DECISION]) - n_churners)
        if QUALITY in outputs and outputs[QUALITY].any():
            _, columns = np.nonzero(outputs[QUALITY])
            flags = outputs[QUALITY][outputs[QUALITY] != 0]
            pairs, counts = np.unique([columns, flags], axis=1, return_counts=True)
            for (column, flag), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
                column, quality = model.names[column], model.quality_meaning[flag]
                self._quality.labels(column, quality).inc(count)


class PrometheusMiddleware:
    """Counts every request and its duration, those for the head of an answer too."""

    def __init__(self, app: ASGIApp, metrics: PrometheusMetrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count the response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # answered as GET; uvicorn leaves the body out
            scope = {**scope, "method": "GET"}
        status, start = 500, time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - start
            self.metrics.count_request(scope["path"], status, seconds)
