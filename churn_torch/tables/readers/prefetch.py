"""Prefetch: a thread makes the next items while their consumer is busy."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()
_POLL_SECONDS = 0.1


def prefetch(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Yield the items in their order, and make up to ``depth`` of them in advance.

    Reading, decoding and most array work release Python's global lock, so both sides work at the
    same time. An error is raised where its item would have come. A consumer that stops early stops
    the thread, which then closes ``items``.

    Args:
        items: Advanced in the thread only.
        depth: The most items that wait. One more is being made and one is in use, so memory holds
            ``depth + 2`` of them.
    """
    made: queue.Queue[tuple[T | object, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: T | object, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                made.put((item, error), timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(item):
                    break
            put(_END)
        except BaseException as error:
            put(_END, error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=make, name="churn_torch-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
