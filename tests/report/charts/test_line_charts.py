"""Line charts: drawn to scale, with the same numbers in their table, whatever the numbers are."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from churn_torch.report.charts.line_charts import Axis, Line, Point, line_chart
from tests.report.page_reader import Page, points

X = Axis("share <of> rows", "{:.0%}".format, exact="{:.1%}".format)
Y = Axis("value", "{:g}".format, include_zero=True)


def drawn(*lines: Line, **more: object) -> str:
    return line_chart("A & B", "Rises.", X, Y, lines, **more)  # type: ignore[arg-type]


def test_lines_with_the_same_x_stand_side_by_side_in_the_table():
    first = Line("<first>", [0, 0.5, 1], [0, 1, 4], [0, 0.5, 3], [0, 1.5, 5])
    chart = drawn(first, Line("second", [0, 0.5, 1], [0, 2, 4], kind="second"))
    assert Page(chart).tables == {
        "A & B": [
            ["share <of> rows", "<first>", "95 % interval", "second"],
            ["0.0%", "0", "0 to 0", "0"],
            ["50.0%", "1", "0.5 to 1.5", "2"],
            ["100.0%", "4", "3 to 5", "4"],
        ]
    }
    assert re.findall('data-at="([^"]*)"', chart) == ["0", "500", "1000"]
    # 5 % of room above the highest number, none below 0.
    assert points(chart, "line second") == [(0, 1000), (500, 1000 - 381), (1000, 1000 - 762)]
    assert points(chart, "band main")[1:3] == [(500, 1000 - 286), (1000, 1000 - 952)]


def test_lines_with_their_own_x_follow_each_other_in_the_table():
    point = Point(0.5, 3, "the <threshold>", 2, 4)
    chart = drawn(
        Line("a", [0, 1], [0, 4]), Line("b", [0, 0.5], [1, 2], kind="reference"), points=[point]
    )
    tables = Page(chart).tables
    assert tables["A & B"][1:] == [
        ["a", "0.0%", "0"], ["a", "100.0%", "4"], ["b", "0.0%", "1"], ["b", "50.0%", "2"]
    ]  # fmt: skip
    assert tables["A & B: marked points"][1:] == [["the <threshold>", "50.0%", "3", "2 to 4"]]
    assert 'cx="50.0%" cy="28.6%"' in chart
    assert 'data-at="500 286"' in chart
    assert re.findall("</i>([^<]*)", chart) == ["a", "b", "the &lt;threshold&gt;"]


def test_points_of_two_lines_have_their_colours_and_words():
    chart = drawn(
        Line("a", [0, 1], [0, 4]), Line("b", [0, 1], [1, 2], kind="second"),
        points=[Point(0, 1, "a: best", kind="main"),
                Point(1, 2, "b: best", 1, 3, "second", hollow=True)],
    )  # fmt: skip
    assert re.findall('<circle class="([^"]*)"', chart) == ["dot main", "dot second hollow"]
    assert re.findall('<i class="key (dot[^"]*)"></i>([^<]*)', chart) == [
        ("dot main", "a: best"), ("dot second hollow", "b: best")
    ]  # fmt: skip
    assert 'class="whisker second"' in chart


def test_what_has_the_picture_for_those_who_cannot_see_it():
    chart = drawn(Line("a", [0, 1], [0, 4]), vertical=[(0.25, "budget")])
    picture = re.search(r'<svg role="img".*</svg>', chart, re.DOTALL)
    assert picture is not None
    svg = ElementTree.fromstring(picture[0])
    words = {part.get("id"): part.text for part in svg if part.tag in {"title", "desc"}}
    assert [words[name] for name in svg.attrib["aria-labelledby"].split()] == ["A & B", "Rises."]
    assert "budget: 25.0%" in chart
    assert "M250 0V1000" in chart
    # The same chart is the same text, another one has other names.
    assert chart == drawn(Line("a", [0, 1], [0, 4]), vertical=[(0.25, "budget")])
    assert next(iter(words)) not in drawn(Line("a", [0, 1], [0, 5]))


def test_what_is_not_finite_is_a_gap_and_a_dash():
    y = [0, math.nan, 4, 5, math.inf, 3]
    line = Line("a", [0, 0.2, 0.4, 0.6, 0.8, 1], y, [0, 0, 0, math.nan, 0, 0], [1] * 6)
    chart = drawn(line)
    lines = re.findall('class="line main[^"]*" d="([^"]*)"', chart)
    assert [shape.count("M") + shape.count("L") for shape in lines] == [1, 2, 1]
    assert len(re.findall('class="band main"', chart)) == 2
    assert [row[1:] for row in Page(chart).tables["A & B"][1:]] == [
        ["0", "0 to 1"], ["-", "0 to 1"], ["4", "0 to 1"], ["5", "-"], ["-", "0 to 1"],
        ["3", "0 to 1"],
    ]  # fmt: skip
    assert "nan" not in chart
    assert "inf" not in chart


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "There are no values to draw."),
        ([Line("a", [], [])], "There are no values to draw."),
        ([Line("a", [0.0, math.inf], [math.nan, 1.0])], "There are no values to draw."),
        (
            [Line("a", [0.0, 0.5], [math.nan, 2.0])],
            "One point only: value 2 at share &lt;of&gt; rows 50.0%.",
        ),
    ],
)
def test_fewer_than_two_points_are_a_sentence(lines: list[Line], said: str):
    assert drawn(*lines) == (
        '<figure class="chart"><figcaption><b>A &amp; B</b> <span>Rises.</span></figcaption>'
        f"<p>{said}</p></figure>"
    )


def test_steps_go_right_and_then_up():
    chart = drawn(Line("a", [0, 0.5, 1], [0, 1, 2], steps=True))
    assert 'd="M0 1000H500V524H1000V48"' in chart


def test_what_leaves_the_scale_ends_a_little_outside():
    y = Axis("value", "{:g}".format, 0, 1)
    chart = line_chart("t", "", X, y, [Line("a", [0, 1], [-9, 9])])
    assert points(chart, "line main") == [(0, 1015), (1000, -15)]


def test_rows_are_bars_with_areas_of_their_shares():
    line = Line("a", [0, 1], [0, 4])
    chart = drawn(line, rows=([0, 0.2, 0.2, 1], [0.5, 0.1, 0.4]))
    assert 'class="rows-below" d="M0 1000v-167H200V1000ZM200 1000v-33H1000V1000Z"' in chart


def test_a_band_needs_an_end_for_each_point():
    with pytest.raises(ValueError, match="a: 2 points, 1 intervals"):
        drawn(Line("a", [0, 1], [0, 4], [0], [1]))
