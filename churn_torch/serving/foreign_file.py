"""Opening an ONNX file that may come from a stranger: what it may hold, and what it may take."""

from __future__ import annotations

from pathlib import Path

from churn_torch.bounded import TooMuchError, run_bounded
from churn_torch.errors import InputError, first_line
from churn_torch.serving.onnx_graph import Graph, read_model
from churn_torch.serving.safe_graph import check_graph
from churn_torch.serving.session import InferenceSession, open_session, try_row

MOST_BYTES = 2_000_000_000  # protobuf holds no more
# What opening a file and computing one row may take: a graph of few bytes can make tensors without
# end. A file of a training takes some 100 MB and a second.
_SECONDS, _BYTES_PER_SECOND = 60.0, 10_000_000
_MEMORY, _MEMORY_PER_BYTE = 2_000_000_000, 20


def open_foreign(model: str | Path | bytes, where: str) -> tuple[Graph, InferenceSession]:
    """Return the graph and the session of a file that can compute a row.

    Args:
        model: The path of the file, or its bytes.
        where: What it is called, for messages.

    Raises:
        InputError: It is no ONNX file, needs more than itself and an onnxruntime, or takes far more
            memory or time than a file of ours.
    """
    content = model if isinstance(model, bytes) else _read(Path(model))
    try:
        return run_bounded(
            lambda: _opened(content, where),
            memory=_MEMORY + _MEMORY_PER_BYTE * len(content),
            seconds=_SECONDS + len(content) / _BYTES_PER_SECOND,
        )
    except TooMuchError as error:
        raise _unopened(where, f"one row of it takes {error}") from None


def _opened(content: bytes, where: str) -> tuple[Graph, InferenceSession]:
    graph = _read_graph(content, where)
    session = open_session(content, where)
    try:
        try_row(session)
    except Exception as error:  # onnxruntime's classes have no other common base
        raise _unopened(where, f"a row fails ({first_line(error)})") from None
    return graph, session


def _read_graph(content: bytes, where: str) -> Graph:
    """Return the graph of a file, which may come from a stranger.

    Raises:
        InputError: It is no ONNX file, or needs more than itself and an onnxruntime.
    """
    try:
        model = read_model(content)
    except (ValueError, RecursionError) as error:
        raise _unopened(where, str(error)) from None
    try:
        check_graph(model)
    except ValueError as error:
        raise InputError(
            "model",
            expected="one self-contained ONNX file of standard operators",
            got=f"{where} with {error}",
            fix="write it with churn-torch export",
        ) from None
    return model.graph


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _unopened(str(path), f"it has more than {MOST_BYTES / 1e9:.0f} GB")
        return path.read_bytes()
    except OSError as error:
        raise _unopened(str(path), error.strerror or str(error)) from None


def _unopened(where: str, why: str) -> InputError:
    return InputError(
        "model",
        expected="an ONNX file that onnxruntime can open",
        got=f"{where}: {why}",
        fix="write it again with churn-torch export",
    )
