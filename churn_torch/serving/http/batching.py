"""Requests that arrive together are scored together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from churn_torch.serving.session import Array

Outputs = dict[str, Array]


class Batcher:
    """Scores the rows of several requests in one call.

    No request waits for later ones: rows are held only until the event loop has handled what had
    already arrived. A single request is scored at once.

    Args:
        run: From rows to the outputs of the file, by name; their first axis is the rows.
    """

    def __init__(self, run: Callable[[list[Any]], Outputs]) -> None:
        self._run = run
        self._waiting: list[tuple[Sequence[Any], asyncio.Future[Outputs]]] = []

    async def __call__(self, rows: Sequence[Any]) -> Outputs:
        """Return the outputs of these rows, at least one."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        answer: asyncio.Future[Outputs] = loop.create_future()
        self._waiting.append((rows, answer))
        return await answer

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            outputs = self._run([row for rows, _ in waiting for row in rows])
        except Exception as error:
            for _, answer in waiting:
                if not answer.done():  # cancelled: the client is gone
                    answer.set_exception(error)
            return
        start = 0
        for rows, answer in waiting:
            end = start + len(rows)
            if not answer.done():
                answer.set_result({name: values[start:end] for name, values in outputs.items()})
            start = end
