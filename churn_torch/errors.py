"""Errors that are the user's to mend: one sentence, no traceback in a script."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A user's value cannot be used; the message says what was expected, what came and the fix."""


def suggest(name: str, candidates: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the candidate nearest to ``name``, or ``""``."""
    candidates = [str(candidate) for candidate in candidates]
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in by_lower:
        return f" (did you mean {by_lower[name.lower()]!r}?)"
    nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
