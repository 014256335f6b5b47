from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from churn_torch.errors import InputError
from churn_torch.training.options import Component
from churn_torch.workflows.configuration.typed_config import plain_config, read_options


@dataclass(frozen=True, kw_only=True)
class Inner:
    share: float = 0.5
    word: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    needed: str
    count: int = 1
    rate: float | None = None
    flag: bool = False
    size: int | Literal["auto"] = "auto"
    names: Sequence[str] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    kinds: Mapping[str, str] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    net: Component | None = None
    nested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read(**values: Any) -> Outer:
    return read_options(Outer, {"needed": "x", **values})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"count": 3}, 3),
        ({"count": 3.0}, 3),
        ({"rate": 1}, 1),
        ({"rate": None}, None),
        ({"flag": True}, True),
        ({"size": "auto"}, "auto"),
        ({"size": 4}, 4),
        ({"names": ["a", 5]}, ("a", "5")),
        ({"pair": [0.1, 1]}, (0.1, 1)),
        ({"kinds": {"a": "numeric"}}, {"a": "numeric"}),
        ({"kinds": ["a=b=numeric"]}, {"a=b": "numeric"}),
        ({"inner": {"word": "b"}}, Inner(word="b")),
        ({"maybe": None}, None),
        ({"maybe": {}}, Inner()),
        ({"net": {"_target_": "x.Y", "width": 3}}, Component(target="x.Y", arguments={"width": 3})),
        ({"net": {"_target_": None}}, None),
        ({"net": None}, None),
    ],
)
def test_values_take_the_type_of_their_field(given: dict[str, Any], expected: object) -> None:
    (name,) = given
    value = getattr(read(**given), name)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 2.5}, r"^count: expected a whole number, got 2\.5; help=count explains it\.$"),
        ({"count": True}, r"^count: expected a whole number, got True"),
        ({"count": "3"}, r"^count: expected a whole number, got '3'"),
        ({"rate": 10**400}, r"^rate: expected a number or null, got 1000"),
        ({"rate": "high" * 999}, r"^rate: expected a number or null, got '[a-z]{199}[.;]"),
        ({"rate": "high"}, r"^rate: expected a number or null, got 'high'"),
        ({"flag": 1}, r"^flag: expected true or false, got 1"),
        ({"size": "big"}, r"^size: expected a whole number or auto, got 'big'"),
        ({"names": "a"}, r"^names: expected a list such as \[a,b\], got 'a'"),
        ({"inner": 3}, r"^inner: expected keys below it \(inner\.share, inner\.word\), got 3"),
        ({"inner": {"word": "c"}}, r"^inner\.word: expected a or b, got 'c'"),
        (
            {"inner": {"shar": 1}},
            r"^inner\.shar: .* got 'shar' \(did you mean 'share'\?\); help=inner ",
        ),
        ({"cuont": 1}, r"^cuont: .* \(did you mean 'count'\?\); --help explains them"),
        ({"net": {"width": 3}}, r"^net\._target_: expected the dotted name of a class"),
        ({"nested": {"csv": "x"}}, r"nested\.csv: expected keys below it, got 'x'"),
        ({"nested": ["csv=x"]}, r"nested\.csv: expected keys below it, got 'x'"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], message: str) -> None:
    if given == {"net": {"width": 3}}:  # without a name there is no component
        assert read(**given).net is None
        return
    with pytest.raises(InputError, match=message):
        read(**given)


def test_a_missing_value_is_asked_for() -> None:
    for config in ({}, {"needed": "???"}):
        with pytest.raises(InputError, match=r"^expected needed=\.\.\., got nothing; name it"):
            read_options(Outer, config)


def test_references_between_keys_are_resolved() -> None:
    config = OmegaConf.create({"needed": "${count}-th", "count": 2})
    assert plain_config(config) == {"needed": "2-th", "count": 2}
    assert read_options(Outer, config).needed == "2-th"
