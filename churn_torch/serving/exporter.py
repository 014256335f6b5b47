"""torch's exporter, without its notes on itself and without work that no file needs."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from types import SimpleNamespace


@contextlib.contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keep the exporter's notes on its own internals (torchvision, deprecations) from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def unparsed_translations() -> Iterator[None]:
    """Keep onnxscript from parsing the source of its 500 translations at each export.

    The exporter lists them anew each time and asks each for its domain; onnxscript (0.7) finds it
    at the end of a parse of the function's source, though it was told the domain at the start.
    """
    from onnxscript import TracedOnnxFunction

    parsed = TracedOnnxFunction.function_ir
    told = property(lambda function: SimpleNamespace(domain=function.opset.domain))
    TracedOnnxFunction.function_ir = told  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        TracedOnnxFunction.function_ir = parsed  # type: ignore[method-assign]
