"""SQL as text: what is quoted comes back as it was, and every node of a tree is found."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_torch.tables.sql_text import nodes, quoted, quoted_name, syntax_tree

CONNECTION = duckdb.connect(":memory:")
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


@given(TEXT, TEXT)
def test_quotes_hold_whatever_stands_between_them(text, name):
    relation = CONNECTION.sql(f"SELECT {quoted(text)} AS {quoted_name(name)}")
    assert relation.columns == [name]
    assert relation.fetchall() == [(text,)]


def test_nodes_below_nodes_are_found():
    tree = syntax_tree(CONNECTION, "SELECT a + (SELECT max(b) FROM t) FROM 'x.csv'")
    tables = [n["table_name"] for n in nodes(tree) if n.get("type") == "BASE_TABLE"]
    assert sorted(tables) == ["t", "x.csv"]


@pytest.mark.parametrize("sql", ["SELECT FROM WHERE", "1 +"])
def test_what_cannot_be_parsed_is_an_error_of_the_tree(sql):
    assert syntax_tree(CONNECTION, sql)["error"]
