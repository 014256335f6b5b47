"""Roles: the columns that the user named must be in the table, and each must have one use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from churn_torch.errors import InputError, suggest
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind

_NAMED_KINDS = (
    *(Kind.TARGET, Kind.WEIGHT, Kind.TREATMENT, Kind.TREATMENT_PROBABILITY),
    *(Kind.SPEND, Kind.DURATION, Kind.SEQUENCE),
)
_USER_KINDS = tuple(kind for kind in Kind if kind not in _NAMED_KINDS)


def check_roles(columns: Iterable[str], roles: ColumnRoles) -> None:
    """Check every column and kind that the user named, before any cell is looked at.

    Raises:
        InputError: A column is not in the table, is the target, or has two uses; or a kind is
            unknown.
    """
    target, id = roles.target, roles.id
    ignore, kinds = roles.ignore, roles.kinds
    if isinstance(ignore, str):
        raise InputError(
            "data.ignore", expected="a list of columns", got=repr(ignore), fix=f"write [{ignore}]"
        )
    named = [("data.id", id), ("data.split.column", roles.time), ("data.split.column", roles.group)]
    own_use = {
        "data.weight": (roles.weight, "the weight"),
        "data.treatment": (roles.treatment, "the treatment"),
        "data.treatment_probability": (roles.treatment_probability, "its probability"),
        "data.spend": (roles.spend, "the spend"),
        "data.duration": (roles.duration, "the duration"),
        "data.duration" if roles.duration is None else "data.entry": (
            roles.entry,
            "how long a customer has stayed",
        ),
    }
    named += [(key, name) for key, (name, _) in own_use.items()]
    named += [("data.ignore", name) for name in ignore]
    named += [("data.kinds", name) for name in kinds]
    named += [("data.missing", name) for name in roles.missing.of_column]
    named += [
        (f"data.sequences.{group}", name)
        for group, options in roles.sequences.items()
        for name in options.columns
    ]
    names = list(columns)
    for key, name in named:
        if name is not None and name not in names:
            raise InputError(
                key,
                expected="a column of the table",
                got=f"{name!r}{suggest(name, names)}",
                fix=f"name one of {listed(names)}",
            )
        if name == target and key != "data.missing":
            raise InputError(
                key,
                expected="another column than the target",
                got=repr(name),
                fix=f"remove it from {key}",
            )
    uses = [("the id", id), ("the split's time", roles.time)]
    uses.append(("the split's group", roles.group))
    uses += [(f"of the kind {kind} in data.kinds", name) for name, kind in kinds.items()]
    for name, what in own_use.values():
        if name is None:
            continue
        for use, taken in uses:
            if taken == name:
                raise _used_twice(name, what, use)
        uses.append((what, name))
    _check_sequences(names, roles, uses)
    for name, kind in kinds.items():
        if kind not in _USER_KINDS:
            raise InputError(
                f"data.kinds.{name}",
                expected=f"one of {', '.join(_USER_KINDS)}",
                got=f"{str(kind)!r}{suggest(str(kind), _USER_KINDS)}",
            )
        other = None
        if name in ignore and kind != Kind.IGNORED:
            other = "in data.ignore"
        elif name == id and kind != Kind.ID:
            other = "the id"
        if other:
            raise _used_twice(name, f"of the kind {kind} in data.kinds", other)


def _check_sequences(
    names: Sequence[str], roles: ColumnRoles, uses: Iterable[tuple[str, str | None]]
) -> None:
    """Refuse columns of lists with another use, and groups whose names cannot be used."""
    taken = {name: use for use, name in uses if name is not None and name not in roles.kinds}
    taken |= dict.fromkeys(roles.ignore, "in data.ignore")
    for group, options in roles.sequences.items():
        for name in options.columns:
            if name in taken:
                raise _used_twice(name, f"in data.sequences.{group}", taken[name])
            taken[name] = f"in data.sequences.{group}"
        if f"{group}_length" in names:
            raise InputError(
                f"data.sequences.{group}",
                expected=f"no column {group}_length: the ONNX file has an input of this name",
                got="a column of that name",
                fix="give the group another name",
            )


def _used_twice(name: str, one: str, other: str) -> InputError:
    return InputError(
        f"column {name!r}",
        expected="one use",
        got=f"two: it is {one} and also {other}",
        fix="remove one of the two",
    )


def listed(names: Iterable[str], most: int = 12) -> str:
    """Write out the first names, and how many there are where that is not all of them."""
    shown = [repr(name) for name in names]
    more = f", ... ({len(shown)} in all)" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
