"""Dialects of CSV: delimiters, headers, and the lines above and below a table."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_torch.errors import InputError
from churn_torch.tables.readers.dialect import Dialect, find_dialect, find_footer

HEADER = "id,age,calls,churn\n"
BODY = "".join(f"C{i},{30 + i},{i % 4},{'Yes' if i % 3 else 'No'}\n" for i in range(9))
NAMES = ("id", "age", "calls", "churn")


def dialect(text: str, skip: int | None = None) -> Dialect:
    return find_dialect(text, whole=True, skip=skip, where="'t.csv'", key="data.skip")


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("", 0),
        ("\n\n", 2),
        ("Customer churn extract 2024\n", 1),
        ("Customer churn extract,,,\n\n", 2),
        (",,Customer churn extract,\n", 1),
        ("Report\nGenerated: 2024-01-01\n\n", 3),
        ("Report,,,\nBy,CRM,,\n,,,\n", 3),
        ("By,CRM\nFrom,2024\n", 2),
        ("# exported by CRM\n# rows: 9\n", 2),
        ("sep=,\n", 1),
        ('"sep=,"\n', 1),
        ("Customer,Usage,,\n", 1),
    ],
)
def test_lines_above_the_header_are_left_out(above: str, lines: int) -> None:
    found = dialect(above + HEADER + BODY)
    assert (found.names, found.lines_above) == (NAMES, lines)
    assert bool(found.remarks) == bool(above.strip())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b")),
        ("#id,age\nx,1\ny,2\n", ("#id", "age")),  # a header may start with the sign
        ("2019,2020,churn\n1,2,Yes\n3,4,No\n", ("2019", "2020", "churn")),
        ("text,churn\nhello there,Yes\nbye,No\n", ("text", "churn")),
        (",churn\nx,Yes\ny,No\n", ("Unnamed: 0", "churn")),
        (",,churn\nx,z,Yes\ny,w,No\n", ("Unnamed: 0", "Unnamed: 1", "churn")),
        ("alone\nYes\nNo\n", ("alone",)),
        ("id , age,churn\t\na,1,Yes\nb,2,No\n", ("id", "age", "churn")),
        ("age,churn\nx,1,Yes\ny,2,No\n", ("Unnamed: 0", "age", "churn")),  # R's row names
        ("age,churn\n1,Yes,\n2,No,\n", ("age", "churn", "Unnamed: 2")),
        ("Unnamed: 0.1,Unnamed: 0,a\n0,0,x\n1,1,y\n", ("Unnamed: 0.1", "Unnamed: 0", "a")),
    ],
)
def test_the_first_line_is_the_header_where_nothing_says_otherwise(
    text: str, names: tuple[str, ...]
) -> None:
    found = dialect(text)
    assert (found.names, found.lines_above) == (names, 0)


def test_a_header_that_fits_no_row_stays_an_error() -> None:
    assert dialect("a,b\nx,1,2\nx,3,4\n").names == ("a", "b")  # "x" names no row


def test_a_repeated_index_is_read_once() -> None:
    found = dialect("id,id,age\n0,0,30\n1,1,31\n")
    assert found.left_out == {1}
    assert found.remarks == ("'id' repeated with the same cells: the first one is read",)
    assert not dialect("id,id,age\n0,0,30\n1,2,31\n").left_out


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", ":", "~", "\x01"])
def test_delimiters(delimiter: str) -> None:
    found = dialect((HEADER + BODY).replace(",", delimiter))
    assert (found.delimiter, found.names) == (delimiter, NAMES)
    titled = dialect("Title 2024\n" + (HEADER + BODY).replace(",", delimiter))
    assert (titled.delimiter, titled.names) == (delimiter, NAMES)


def test_times_of_day_cut_nothing() -> None:
    assert dialect("time,churn\n12:30,Yes\n12:40,No\n").delimiter == ","
    assert dialect("time\n12:30\n12:40\n").names == ("time",)


def test_a_wrong_sep_is_not_followed() -> None:
    found = dialect("sep=;\n" + HEADER + BODY)
    assert (found.delimiter, found.names) == (",", NAMES)


def test_skip_is_the_users_word() -> None:
    assert dialect("x\n1,2\n" + HEADER + BODY, skip=2).names == NAMES
    assert dialect("Title\n" + HEADER + BODY, skip=0).names == ("Title",)
    with pytest.raises(InputError, match=r"^data.skip: expected fewer lines .*, got 99"):
        dialect(HEADER, skip=99)


@pytest.mark.parametrize(
    "footer",
    [
        "",
        "Total,,,12\n",
        "Genel Toplam,,,12\n",
        "Suma końcowa,,3,12\n",
        "Grand total:,400,9,\n",
        "Summe;;\n",
        "\n9 rows exported\n",
        "9 rows exported,,,\n",
        "C12,34\n",
        "C12,34",
        "# end of file\n",
        "\n\nTotal,,,\nExported by CRM\n",
    ],
)
def test_lines_below_the_table_are_left_out(footer: str) -> None:
    text = HEADER + BODY + footer
    found = find_footer(text, dialect(text), from_start=True)
    assert found.strip() == footer.strip()
    tail = "9,9\n" + text[-60:]
    assert find_footer(tail, dialect(text), from_start=False).strip() == footer.strip()


@pytest.mark.parametrize(
    "body",
    [
        BODY + "C9,39,1,Yes,odd\n",  # too many cells: an error
        "C0,30\n",  # the only row
        BODY + 'C9,39,1,"two\nlines"\n',
        "Total,1,2,Yes\nTotal,1,2,No\nTotal,1,3,No\n",  # a name like any other
        BODY + "C12,34\n" * 30,  # so many are no notes
    ],
)
def test_rows_are_no_footer(body: str) -> None:
    text = HEADER + body
    assert find_footer(text, dialect(text), from_start=True) == ""


NAME = st.from_regex(r"[a-z][a-z_ ]{0,6}[a-z]", fullmatch=True)
CELL = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["Yes", "No", "basic", "", "1.5", "2024-01-31", 'say "hi"', "a b"]),
)


@settings(deadline=None)
@given(
    st.lists(NAME, min_size=3, max_size=6, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names),
            st.lists(
                st.lists(CELL, min_size=len(names) - 1, max_size=len(names) - 1),
                min_size=3,
                max_size=9,
            ),
        )
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["", "Report of all customers\n", "# one\n# two\n", "\n"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_found_between_its_lines(
    table: tuple[list[str], list[list[str]]], delimiter: str, above: str, end: str
) -> None:
    names, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(names)
    writer.writerows([f"C{i}", *row] for i, row in enumerate(rows))
    found = dialect(above.replace("\n", end) + text.getvalue())
    assert found.delimiter == delimiter
    assert found.names == tuple(name.strip() for name in names)
    assert found.lines_above == above.count("\n")
