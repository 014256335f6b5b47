"""A folder of features that trainings share: none changes what another one reads."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from churn_torch.locks import lock_where_possible
from churn_torch.training.rows.folder_checks import LOCK
from churn_torch.whole_files import naming

T = TypeVar("T")
# Another training may write the folder anew between two steps.
ATTEMPTS = 3


@contextlib.contextmanager
def shared(
    folder: Path, *, reopen: Callable[[], T | None], write: Callable[[], object]
) -> Iterator[T | None]:
    """Use the features in a folder: one training writes them alone, many read them.

    A training that finds another one writing waits for it.

    Args:
        folder: It is made where it is not there.
        reopen: Opens the features that are there; None where they are others.
        write: Writes them anew.

    Yields:
        The features; None where other trainings are using others.

    Raises:
        OSError: The folder cannot be made.
    """
    with contextlib.ExitStack() as stack:
        yield _held(folder, reopen, write, stack)


def _held(
    folder: Path,
    reopen: Callable[[], T | None],
    write: Callable[[], object],
    stack: contextlib.ExitStack,
) -> T | None:
    file = folder / LOCK
    for _ in range(ATTEMPTS):
        with naming(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file.touch()
        with contextlib.suppress(FileNotFoundError):  # the folder of a failure has been removed
            if (alone := lock_where_possible(file)) is not None:
                with contextlib.closing(alone), _removed_on_failure(folder):
                    if reopen() is None:
                        write()
            together = lock_where_possible(file, shared=True, wait=math.inf)
            assert together is not None
            stack.enter_context(contextlib.closing(together))
            if (features := reopen()) is not None:
                return features
        stack.close()
    return None


@contextlib.contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    """Remove a folder in which nothing was written."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()
        raise
