"""Errors that the user can fix: one sentence, no traceback from a command."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# Characters of a library's message that are shown.
LONGEST = 300


class InputError(ValueError):
    """A user's value cannot be used.

    The message is ``WHERE: expected WHAT, got WHAT; HOW TO FIX IT.``

    Args:
        where: The key, file or column at fault, e.g. ``data.target``; ``""`` where there is none.
        expected: What would have been right.
        got: What came.
        fix: What the user can do about it, as an instruction; ``""`` where ``expected`` says it.
    """

    def __init__(self, where: str, *, expected: str, got: str, fix: str = "") -> None:
        self.where, self.expected, self.got, self.fix = where, expected, got, fix
        start = f"{where}: " if where else ""
        end = f"; {fix}" if fix else ""
        # One line, whatever stands in the name of a file, a column or a type.
        message = escaped(f"{start}expected {expected}, got {got}{end}.")
        super().__init__(without_secrets(message))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process have the error: it was not made from its message."""
        return _copy, (type(self), str(self), self.__dict__)


@contextlib.contextmanager
def keyed(key: str) -> Iterator[None]:
    """Name the user's key in errors of the readers, which call a table ``source`` or ``query``.

    Raises:
        InputError: From the block.
    """
    try:
        yield
    except InputError as error:
        if error.where not in ("source", "query"):
            raise
        raise InputError(key, expected=error.expected, got=error.got, fix=error.fix) from error


def _copy(kind: type[Exception], message: str, attributes: dict[str, Any]) -> Exception:
    error = kind.__new__(kind)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error


class ParityError(RuntimeError):
    """An exported file does not answer as its model does; the file was not written.

    This is a fault of churn_torch, not of the user: the message asks for a report.

    Args:
        difference: What differs, as a sentence without its full stop.
        hint: What may have caused it, as a sentence; ``""`` where nothing is known.
        kept: The folder in which everything but the file is kept; ``""`` for none.
    """

    def __init__(self, difference: str, *, hint: str = "", kept: str = "") -> None:
        self.difference, self.hint = difference, hint
        written = "nothing was written."
        if kept:
            written = (
                f"the run is kept in {kept} without its ONNX file. Write the file later with "
                f"churn-torch export run={kept}, with a newer version, or without the reasons "
                "(export.outputs=[probability,decision,quality])."
            )
        super().__init__(
            f"export: {difference}. This is a fault of churn_torch, and {written} "
            "Please report it with this message, the config.yaml of the run and the output of pip "
            "freeze; leave out values that are confidential." + (f" {hint}" if hint else "")
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process have the error: it was not made from its message."""
        return _copy, (type(self), str(self), self.__dict__)

    def with_run(self, folder: str) -> ParityError:
        """Return the error of a training, which keeps the run."""
        return ParityError(self.difference, hint=self.hint, kept=folder)


# Characters that move the cursor, colour a terminal, begin a line of a log or turn its direction.
# The what-if page has the same in numbers.js.
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)


def escaped(text: str) -> str:
    r"""Return text for a terminal or a log: control characters are written out, as ``\x1b``."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def escaped_lines(text: str) -> str:
    r"""Return JSON or a page with control characters written out, as ``\u001b``.

    Ends of lines and tabs stay. In JSON this changes the text, but not what it means.
    """
    return _CONTROLS.sub(
        lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", text
    )


# Of an address: a user with a password, and the values that its query sets, such as a key of S3.
_USER = re.compile(r"(\w+://)[^/@\s'\"<>]*@")
_SET = re.compile(r"(\w+://[^\s'\"<>?]*\?)[^\s'\"<>]*=[^\s'\"<>]*")


def without_secrets(text: str) -> str:
    """Return text whose addresses (``https://``, ``s3://``) say neither user nor password nor key.

    Every page, log and message is given it. `config.yaml` has the address itself, to read it again.
    """
    if "://" not in text:
        return text
    return _SET.sub(r"\1***", _USER.sub(r"\1***@", text))


# How libraries say that memory is too small, in errors of their own.
_LACK_OF_MEMORY = re.compile(
    "bad_alloc|alloc(ate)? (of size|memory)|cannot allocate|failed to (allocate|map segment)"
    "|out of memory|not enough memory",
    re.IGNORECASE,
)


def lack_of_memory(error: BaseException | None) -> BaseException | None:
    """Return the error, or the one behind it, that a lack of memory has caused; None for others.

    Args:
        error: What was raised; what it was raised from, or while it was handled, counts too.
    """
    while error is not None:
        kinds = (RuntimeError, ImportError, OSError)
        is_foreign = isinstance(error, kinds) or not type(error).__module__.startswith(
            ("builtins", "churn_torch")
        )
        if isinstance(error, MemoryError) or (
            is_foreign and _LACK_OF_MEMORY.search(str(error)[:LONGEST])
        ):
            return error
        error = error.__cause__ or error.__context__
    return None


# How libraries say that the system gives this process no more threads, processes or open files.
_LIMITS = {
    "threads and processes": re.compile(
        "can't start new thread|launch worker thread|pthread_create|thread constructor failed"
        f"|{re.escape(os.strerror(errno.EAGAIN))}"
    ),
    "open files": re.compile(f"{re.escape(os.strerror(errno.EMFILE))}|too many open files"),
}


def reached_limit(error: BaseException | None) -> str | None:
    """Return what this process may have no more of, where that has caused an error; else None.

    Args:
        error: As for `lack_of_memory`.
    """
    while error is not None:
        for what, said in _LIMITS.items():
            if not isinstance(error, InputError) and said.search(str(error)[:LONGEST]):
                return what
        error = error.__cause__ or error.__context__
    return None


def first_line(error: BaseException | str) -> str:
    """Return the first line of a library's message: the rest is for its developers."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].strip()[:LONGEST]


def suggest(name: str, candidates: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the candidate nearest to ``name``, or ``""``."""
    candidates = [str(candidate) for candidate in candidates]
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in by_lower:
        return f" (did you mean {by_lower[name.lower()]!r}?)"
    nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if not nearest and len(name) > 2:
        nearest = [candidate for candidate in candidates if candidate.startswith(name)]
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def override(key: str, value: object | Sequence[object]) -> str:
    """Return ``key=value`` as the user can type it, quoted for the shell where it must be."""
    many = isinstance(value, list | tuple)
    texts = [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
    texts = [
        repr(text) if re.search(r"""[,'"\[\]{}]|^\s|\s$|^$""", text) else text for text in texts
    ]
    text = f"{key}=[{','.join(texts)}]" if many else f"{key}={texts[0]}"
    return text if re.fullmatch(r"[\w.,=\[\]:/+@%-]+", text) else shlex.quote(text)
