"""The keys of a specification: which there are, and what each value must be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from churn_torch.errors import InputError, suggest
from churn_torch.events.key_values import whole_number

# Fields that have another name in the mapping: Python or English keeps the field from having it.
_AS_WRITTEN = {"first": "from", "last": "to"}
MISSING = "???"  # the word in conf/ for a value that the user must give


def names(kind: type) -> tuple[str, ...]:
    """Return the keys of a part of the specification."""
    fields = [one.name for one in dataclasses.fields(kind)]
    if kind.__name__ == "CutoffDates":
        fields = [_AS_WRITTEN.get(name, name) for name in fields]
    return tuple(fields)


class Keys:
    """The keys that a user wrote below one key.

    Args:
        content: What was written.
        where: The key that it stands below, ``""`` for the whole specification.
        known: The keys that there are.

    Raises:
        InputError: It is no mapping, or a key is unknown.
    """

    def __init__(self, content: Any, where: str, known: Iterable[str]) -> None:
        self._where = where
        known = tuple(known)
        if not isinstance(content, Mapping):
            raise InputError(
                where or "the specification",
                expected=f"keys below it ({', '.join(known)})",
                got=repr(content),
                fix="write KEY: VALUE",
            )
        for key in content:
            if key not in known:
                raise InputError(
                    self._key(str(key)),
                    expected=f"one of the keys {', '.join(known)}",
                    got=f"{str(key)!r}{suggest(str(key), known)}",
                    fix="correct the name",
                )
        self._content = content

    def _key(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value as it was written; null and ``???`` count as not written."""
        value = self._content.get(name)
        return default if value is None or value == MISSING else value

    def required(self, name: str) -> Any:
        """Return a value that must be there.

        Raises:
            InputError: It is not.
        """
        value = self.get(name)
        if value is None:
            raise InputError(self._key(name), expected="a value", got="none", fix="add the key")
        return value

    def required_text(self, name: str) -> str:
        """Return a text that must be there.

        Raises:
            InputError: It is not, or it is no text.
        """
        self.required(name)
        text = self.text(name)
        assert text is not None
        return text

    def text(self, name: str) -> str | None:
        """Return a text; a number, which may be the name of a column, becomes text.

        Raises:
            InputError: It is none.
        """
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, Mapping | list | tuple | bool) or not str(value).strip():
            raise InputError(self._key(name), expected="text", got=repr(value), fix="correct it")
        return str(value)

    def values(self, name: str) -> list[Any]:
        """Return a list; a value alone is a list of one.

        Raises:
            InputError: It holds no plain values.
        """
        value = self.get(name, ())
        found = list(value) if isinstance(value, list | tuple) else [value]
        if any(isinstance(each, Mapping | list | tuple | bool) or each is None for each in found):
            raise InputError(
                self._key(name), expected="a list such as [a, b]", got=repr(value), fix="correct it"
            )
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of different texts.

        Raises:
            InputError: It is none.
        """
        return tuple(dict.fromkeys(str(value) for value in self.values(name)))

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return what stands below a key.

        Raises:
            InputError: It is no mapping.
        """
        value = self.get(name, {})
        if not isinstance(value, Mapping):
            raise InputError(
                self._key(name), expected="keys below it", got=repr(value), fix="write KEY: VALUE"
            )
        return {str(key): each for key, each in value.items()}

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false.

        Raises:
            InputError: It is neither.
        """
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise InputError(
                self._key(name), expected="true or false", got=repr(value), fix="correct it"
            )
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number from 1.

        Raises:
            InputError: It is none.
        """
        value = self.get(name)
        return None if value is None else whole_number(value, self._key(name))


def plain(part: Any) -> Any:
    """Return a part of the specification as plain values, without keys that have their default."""
    if not dataclasses.is_dataclass(part):
        if isinstance(part, Mapping):
            return {key: plain(each) for key, each in part.items()}
        return [plain(each) for each in part] if isinstance(part, tuple) else part
    content: dict[str, Any] = {}
    for one in dataclasses.fields(part):
        value = getattr(part, one.name)
        default = one.default
        if one.default_factory is not dataclasses.MISSING:
            default = one.default_factory()
        if value == default:
            continue
        key = one.name
        if type(part).__name__ == "CutoffDates":
            key = _AS_WRITTEN.get(key, key)
        content[key] = ["/".join(pair) for pair in value] if key == "trend" else plain(value)
    return content
