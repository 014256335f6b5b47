"""Reading of what models store in `Schema.layouts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from churn_torch.errors import InputError
from churn_torch.tables.schema import Schema

T = TypeVar("T")


def read_layout(schema: Schema, name: str, parse: Callable[[Mapping[str, Any]], T]) -> T | None:
    """Return the parsed layout of that name, None if the schema has none.

    Args:
        schema: The schema.
        name: A key of `Schema.layouts`.
        parse: Makes the typed layout of the stored JSON value.

    Raises:
        InputError: The stored value is not what `parse` expects, e.g. in an edited schema.json.
    """
    if name not in schema.layouts:
        return None
    try:
        return parse(schema.layouts[name])
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"layouts.{name} of the schema",
            expected="what training wrote",
            got=f"a damaged value ({error})",
            fix="use the schema.json that training wrote",
        ) from None
