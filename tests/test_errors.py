from __future__ import annotations

import ast
import json
import pickle
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import churn_torch
from churn_torch.cli.compose import compose
from churn_torch.errors import (
    LONGEST,
    InputError,
    escaped_lines,
    first_line,
    keyed,
    override,
    suggest,
)
from churn_torch.serving.http.request_error import RequestError

PACKAGE = Path(churn_torch.__file__).parent


def test_the_message_says_where_what_and_how() -> None:
    error = InputError("data.target", expected="a column", got="'x'", fix="name one")
    assert str(error) == "data.target: expected a column, got 'x'; name one."
    assert (
        str(InputError("", expected="a table", got="nothing")) == "expected a table, got nothing."
    )
    with pytest.raises(TypeError):
        InputError("free text")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@host:1/t.csv", "https://***@host:1/t.csv"),
        (
            "'s3://bucket/t.csv?s3_secret_access_key=secret&x=1' is not",
            "'s3://bucket/t.csv?***' is not",
        ),
        (
            "postgres://me:sec:ret@host/db, and https://a@b",
            "postgres://***@host/db, and https://***@b",
        ),
        ("https://host/t.csv is there? x=1 @ http://h/a@b", None),
        ("t@x.csv?a=1", None),
    ],
)
def test_no_message_says_the_password_of_an_address(address: str, shown: str | None) -> None:
    error = InputError("data.source", expected="a table", got=address)
    assert str(error) == f"data.source: expected a table, got {shown or address}."


def test_a_name_with_a_line_break_stays_in_one_line() -> None:
    error = InputError("data.zip (a\nb.csv)", expected="a table", got="none")
    assert str(error) == "data.zip (a\\nb.csv): expected a table, got none."


def test_json_with_control_characters_written_out_means_the_same() -> None:
    content = {"a\x1b[2J\u202e\n": "Größe\t\u2028\x9b\x7f", "b": ["日本"]}
    shown = escaped_lines(json.dumps(content, indent=1, ensure_ascii=False))
    assert json.loads(shown) == content
    assert shown.replace("\n", "").isprintable()
    assert "Größe" in shown


def test_another_process_gets_the_same_error() -> None:
    error = RequestError("x", expected="a", got="b", status=413, row=2, column="x")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is RequestError
    assert (str(again), again.status, again.row) == ("rows[2]: x: expected a, got b.", 413, 2)


def errors() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place and the literal arguments of every error of the user in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in {"InputError", "RequestError"}:
                texts = {}
                for keyword in node.keywords:
                    if isinstance(keyword.value, ast.Constant):
                        texts[keyword.arg or ""] = str(keyword.value.value)
                    elif isinstance(keyword.value, ast.JoinedStr):
                        texts[keyword.arg or ""] = ast.unparse(keyword.value)[2:-1]
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", texts


def test_every_error_keeps_to_the_grammar() -> None:
    checked = 0
    for place, texts in errors():
        for name in ("expected", "got", "fix"):
            text = texts.get(name, "")
            stops = text.replace("...", "").endswith(".")
            assert not stops, f"{place}: {name} ends with a full stop"
            assert not text.startswith(("expected ", "got ")), f"{place}: {name} repeats a word"
            assert "however" not in text, f"{place}: {name}"
        checked += 1
    assert checked > 150


def test_the_nearest_name_is_suggested() -> None:
    assert suggest("Tenur", ["tenure", "contract"]) == " (did you mean 'tenure'?)"
    assert suggest("TENURE", ["tenure"]) == " (did you mean 'tenure'?)"
    assert suggest("zzz", ["tenure"]) == ""


def test_first_line_of_a_librarys_message() -> None:
    assert first_line(ValueError("\n one \ntwo")) == "one"
    assert first_line("one\ntwo") == "one"
    assert first_line(ValueError()) == "ValueError"
    assert len(first_line(ValueError("x" * 1000))) == LONGEST


def test_the_beginning_of_a_name_suggests_it() -> None:
    assert suggest("plain", ["plain_gradient_descent"]).endswith("'plain_gradient_descent'?)")
    assert suggest("p", ["plain_gradient_descent"]) == ""


@pytest.mark.parametrize(("where", "named"), [("source", "data.source"), ("out", "out")])
def test_the_readers_errors_name_the_users_key(where: str, named: str) -> None:
    with (
        pytest.raises(InputError, match=rf"^{named}: expected a, got b; c\.$"),
        keyed("data.source"),
    ):
        raise InputError(where, expected="a", got="b", fix="c")


@pytest.mark.parametrize(
    ("key", "value", "typed"),
    [
        ("data.positive", "Churned", "data.positive=Churned"),
        ("data.positive", 1, "data.positive=1"),
        ("data.positive", "No churn", "'data.positive=No churn'"),
        ("data.ignore", ["a", "Größe/Call"], "data.ignore=[a,Größe/Call]"),
        ("data.ignore", ["end date", "b"], "'data.ignore=[end date,b]'"),
    ],
)
def test_an_override_as_it_is_typed(key: str, value: object, typed: str) -> None:
    assert override(key, value) == typed


@pytest.mark.parametrize(
    "names", [["a,b"], ["it's"], ["x[1]", "y"], ['say "no"'], [" blank "], ["{"]]
)
def test_an_override_comes_back_as_it_was(names: list[str]) -> None:
    (word,) = shlex.split(override("data.ignore", names))
    keys = ["data=table", "data.source=x", "data.target=y", word]
    assert list(compose("train", keys)["data"]["ignore"]) == names
