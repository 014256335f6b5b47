"""The error of a request that cannot be answered, with the row and the column at fault."""

from __future__ import annotations

import orjson

from churn_torch.errors import InputError


class RequestError(InputError):
    """A request that cannot be answered.

    Args:
        where: As for `InputError`; the row comes before it.
        expected: As for `InputError`.
        got: As for `InputError`.
        fix: As for `InputError`.
        status: The HTTP status.
        row: The place of the row in ``rows``.
        column: The column at fault.
    """

    def __init__(
        self,
        where: str = "",
        *,
        expected: str,
        got: str,
        fix: str = "",
        status: int = 422,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        place = "" if row is None else f"rows[{row}]"
        where = ": ".join(part for part in (place, where) if part)
        super().__init__(where, expected=expected, got=got, fix=fix)
        self.status, self.row, self.column = status, row, column

    def content(self) -> bytes:
        """Return the body of the answer."""
        return orjson.dumps({"detail": str(self), "row": self.row, "column": self.column})
