"""The what-if page: its numbers in Node, its looks and behaviour in a real browser, its folder."""

from __future__ import annotations

import functools
import http.server
import itertools
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.evaluation.correlated_columns import joint_reasons
from churn_torch.export import web
from churn_torch.serving.graph_facts import checksum
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.outputs import (
    DECISION,
    MEDIAN_PERIODS,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.workflows import export as exporting
from churn_torch.workflows.run_folder import Run
from tests.export.elsewhere import (
    N_ROWS,
    NODE,
    ROOT,
    RUNS,
    agree,
    answers,
    answers_of_node,
    chromium,
    decoded,
    encoded,
    feeds,
    lacking,
    node_runtime,
    page_folder,
)
from tests.serving import made_file

PROPERTIES = ("__proto__", "constructor", "toString")
TOLERANCE = {PROBABILITY: 1e-6, DECISION: 0.0, REASONS: 1e-4, QUALITY: 0.0, UPLIFT: 1e-6,
             SURVIVAL: 1e-6, MEDIAN_PERIODS: 0.0}  # fmt: skip


@pytest.fixture(scope="session")
def runtime() -> Path:
    """Return the folder of onnxruntime-web; there is Node to run it."""
    return node_runtime()


@pytest.fixture(scope="session")
def folder_of(
    run_of: Callable[[str], Run], runtime: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return a function from one of `RUNS` to a page with its model."""

    @functools.cache
    def give(name: str) -> Path:
        return page_folder(runtime, tmp_path_factory.mktemp("web") / "page", run_of(name).model)

    return give


@pytest.fixture(scope="session")
def exported(customers_run: Run, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a page that was exported over an old one, with one output."""
    folder = tmp_path_factory.mktemp("web") / "page"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    (folder / "index.html").write_text("old")
    keys = [f"run={customers_run.folder}", "target=web", f"runtime={runtime}", f"out={folder}"]
    keys += ["export.outputs=[probability]", "threshold=0.01"]
    assert exporting.export(compose("export", keys)) == folder / "model.onnx"
    return folder


# The numbers, in Node


def spoiled(folder: Path, trained: Path) -> dict[str, Path]:
    """Files that cannot be used, by what is wrong with them."""
    whole = made_file.write_file(folder / "whole.onnx").read_bytes()
    contents = {"cut": whole[:-9], "html": b"<html>not found</html>", "empty": b""}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    made = {
        "newer": made_file.write_file(folder / "newer", format=2),
        "threshold": made_file.write_file(folder / "threshold", threshold=5),
        "changed": changed(made_file.write_file(folder / "changed")),
        "other threshold": other_threshold(trained, folder / "other_threshold"),
        "other words": other_words(trained, folder / "other_words"),
    }
    return {**made, **{name: folder / name for name in contents}}


def changed(path: Path) -> Path:
    """Change the fingerprint of a file whose graph holds the checksum of another."""
    model = onnx.load(path)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    model.graph.doc_string = checksum(stored)
    onnx.helper.set_model_props(model, {**stored, "data_fingerprint": "another"})
    onnx.save(model, path)
    return path


def other_threshold(trained: Path, path: Path) -> Path:
    """Write a file whose metadata have another threshold than its graph, and no checksum."""
    model = onnx.load(trained)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**stored, "threshold": "0.5"})
    model.graph.doc_string = ""
    limit = next(t for t in model.graph.initializer if t.name.endswith("threshold"))
    limit.CopyFrom(onnx.numpy_helper.from_array(np.float32(0.25), limit.name))
    onnx.save(model, path)
    return path


def other_words(trained: Path, path: Path) -> Path:
    """Write a file whose graph has the codes of a column's categories in another order."""
    model = onnx.load(trained)
    encoder = next(
        n for n in model.graph.node if n.op_type == "LabelEncoder" and n.input[0] == "cat"
    )
    words = next(a for a in encoder.attribute if a.name == "keys_strings")
    words.strings[-2:] = reversed(words.strings[-2:])
    onnx.save(model, path)
    return path


def named_like_properties(path: Path) -> Path:
    """Give the columns of a made file the names of properties that every object has."""
    model = onnx.load(path)
    names = dict(zip((c["name"] for c in made_file.COLUMNS), PROPERTIES, strict=True))
    for value in model.graph.input:
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    stored = {entry.key: entry.value for entry in model.metadata_props}
    for key in ("columns", "schema"):
        for name, other in names.items():
            stored[key] = stored[key].replace(json.dumps(name), json.dumps(other))
        stored[key] = stored[key].replace('"basic"', '"__proto__"')
    model.graph.doc_string = checksum(stored)
    onnx.helper.set_model_props(model, stored)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def in_node(
    run_of: Callable[[str], Run],
    folder_of: Callable[[str], Path],
    customers: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Any]:
    """Return a function from one of `RUNS` or of `spoiled` to the answer of one Node process."""
    trained = run_of("customers logreg").model
    bad = spoiled(tmp_path_factory.mktemp("spoiled"), trained)
    odd = named_like_properties(made_file.write_file(tmp_path_factory.mktemp("odd") / "odd.onnx"))
    paths = {**bad, "properties": odd, **{name: run_of(name).model.resolve() for name in RUNS}}
    asked: dict[str, Any] = {str(path): {} for path in bad.values()}
    cells = [np.float32([[1], [3]]), np.float64([[18_300], [18_301]])]
    cells.append(np.array([["__proto__"], ["constructor"]], dtype=object))
    rows = {name: encoded(each) for name, each in zip(PROPERTIES, cells, strict=True)}
    asked[str(odd)] = {"rows": rows}
    for name in RUNS:
        asked[str(paths[name])] = {
            kind: {column: encoded(cells) for column, cells in feed.items()}
            for kind, feed in feeds(run_of(name), customers, N_ROWS).items()
        }
    answered = answers_of_node(folder_of("customers logreg"), asked)
    return lambda name: answered[str(paths[name])]


@pytest.mark.parametrize("name", RUNS)
def test_webassembly_gives_the_same_numbers(
    name: str,
    run_of: Callable[[str], Run],
    in_node: Callable[[str], Any],
    customers: pd.DataFrame,
):
    run, answered = run_of(name), in_node(name)
    for kind, feed in feeds(run, customers, N_ROWS).items():
        expected = answers(run.model, feed)
        assert list(expected) == [name for name in TOLERANCE if name in expected]
        got = {k: decoded(cells, expected[k]) for k, cells in answered[kind].items()}
        agree(got, expected, kind, TOLERANCE)


def test_columns_and_categories_may_be_called_like_properties(in_node: Callable[[str], Any]):
    answered = in_node("properties")
    assert isinstance(answered, dict), answered
    probability = decoded(answered["rows"][PROBABILITY], np.zeros(2, np.float32))
    assert probability.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut", "the file is cut short"),
        ("html", "it is no ONNX file"),
        ("empty", "the file is not one of churn_torch"),
        ("newer", "the file has format 2, and this page reads up to 1"),
        ("threshold", "its threshold is no number from 0 to 1"),
        (
            "changed",
            "one of schema, columns, threshold, data_fingerprint was changed after the export",
        ),
        (
            "other threshold",
            "its threshold is 0.5 in the metadata and 0.25 in the graph",
        ),
        ("other words", "the categories of cat are others in the graph"),
    ],
)
def test_a_model_that_cannot_be_used(name: str, message: str, in_node: Callable[[str], Any]):
    assert in_node(name) == f"Error: {message}"


# The page, in a browser


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, as `python -m http.server` does, without its log."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


Browse = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return a function that shows a page in chromium, which is started once."""
    with chromium(NODE / "page.mjs") as look:
        yield look


@pytest.fixture
def browse(browser: Callable[[dict[str, Any]], dict[str, Any]]) -> Browse:
    """Return a function that opens a page's folder in chromium: steps in, screens out.

    It asserts what holds for every page: nothing on the console, no request to another host,
    nothing wider than the window.
    """

    def run(folder: Path, *steps: tuple[str, ...], console: str = "", **options: Any) -> Any:
        with served(folder) as url:
            report = browser({"url": url, "steps": steps, **options})
        assert [line for line in report["console"] if not console or console not in line] == []
        assert [request for request in report["requests"] if not request.startswith(url)] == []
        assert not any(screen["overflows"] for screen in report["screens"])
        return report["screens"]

    return run


def expected_of(screen: Mapping[str, Any], file: ModelFile) -> dict[str, Any]:
    """What Python answers for the values that stand on the screen."""
    feed = {}
    for column, field in zip(file.columns, screen["fields"], strict=True):
        shown = field["value"]
        if column["type"] == "string":
            feed[column["name"]] = np.array([["" if shown == "(missing)" else shown]], object)
            continue
        if column["kind"] == "datetime" and shown:
            number = (pd.Timestamp(shown) - pd.Timestamp(0)) / pd.Timedelta(days=1)
        else:
            number = {"yes": 1.0, "no": 0.0, "(missing)": np.nan, "": np.nan}.get(shown)
            number = float(shown) if number is None else number
        feed[column["name"]] = np.array([[number]], column["type"])
    return {name: values[0] for name, values in file.run(feed).items()}


def check(screen: Mapping[str, Any], file: ModelFile) -> None:
    """Gauge, decision, reasons and doubts on the screen are those of Python."""
    assert screen["failed"] is None
    assert screen["shown"]
    expected = expected_of(screen, file)
    probability, text = screen["probability"]
    assert float(probability) == pytest.approx(expected[PROBABILITY], abs=1e-6)
    assert float(text.removesuffix(" %")) == pytest.approx(100 * expected[PROBABILITY], abs=0.051)
    decision = "Likely to churn: act" if expected[DECISION] else "Likely to stay"
    assert screen["decision"] == decision
    reasons = dict(zip(file.names, expected[REASONS], strict=True))
    sizes = [abs(float(number)) for _, number, _ in screen["reasons"]]
    assert len(sizes) == min(len(reasons), 12)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(max(map(abs, reasons.values())), abs=1e-4)
    for name, number, sign in screen["reasons"]:
        column = next(n for n in reasons if one_line(n) == one_line(name))
        assert float(number) == pytest.approx(reasons[column], abs=1e-4)
        assert sign == ("down" if float(number) < 0 else "up")
    named = {column: float(value) for column, value in reasons.items()}
    joint = joint_reasons(named, file.metadata["correlated_columns"])
    sums = re.findall(r"read their reasons as one, (\S+)\.", screen["together"])
    for (group, total), said in zip(joint, sums, strict=True):
        assert all(one_line(column) in one_line(screen["together"]) for column in group["columns"])
        assert float(said.replace("\u2212", "-")) == pytest.approx(total, abs=0.0051)
    for field, flag in zip(screen["fields"], expected[QUALITY], strict=True):
        assert field["doubtful"] == (flag != 0)
        meaning = file.quality_meaning[flag]
        assert flag == 0 or field["note"].casefold().startswith(meaning)
    assert bool(screen["doubts"]) == any(expected[QUALITY])


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_change_shows_what_python_says(
    folder_of: Callable[[str], Path], browse: Browse, tmp_path: Path
):
    folder = folder_of("telco logreg")
    screens = browse(
        folder,
        ("select", "internet_service", "Fiber optic"),
        ("select", "online_security", "No"),
        ("fill", "tenure", "1"),
        ("rest",),
        ("select", "contract", "Two year"),
        ("select", "tech_support", "another value"),
        ("check", "total_charges: missing"),
        ("fill", "tenure", "90.5"),
        ("select", "female", "yes"),
        ("select", "payment_method", "(missing)"),
        ("shot", str(tmp_path / "desktop.png")),
        ("uncheck", "total_charges: missing"),
        ("fill", "tenure", ""),
        ("click", "Reset"),
    )
    file = ModelFile(folder / "model.onnx")
    for screen in screens:
        check(screen, file)
    first, _, _, churner, rested, *_, last = screens
    assert rested["spoken"] == f"{churner['probability'][1]}. {churner['decision']}."
    assert (first["decision"], churner["decision"]) == ("Likely to stay", "Likely to churn: act")
    assert first["fields"] == last["fields"]
    assert screens[-3]["fields"] != screens[-4]["fields"]  # the tick gave back what was there
    flags = {one_line(field["note"].partition(":")[0]) for field in screens[-4]["fields"]}
    assert flags >= {"Missing", "Unseen category", "Outside the training range"}
    assert (tmp_path / "desktop.png").stat().st_size > 10_000


def test_a_phone_in_the_dark(folder_of: Callable[[str], Path], browse: Browse, tmp_path: Path):
    """Dates, texts in other scripts, names that need care; a net with integrated gradients."""
    folder = folder_of("customers mlp")
    screens = browse(
        folder,
        ("fill", "joined", "2031-05-06"),
        ("select", "cat", "日本"),
        ("select", "plan", 'the "best"'),
        ("fill", "Größe/Call Failure", "1e30"),
        ("fill", "add", "1000.25"),
        ("check", "joined: missing"),
        ("full", str(tmp_path / "phone.png")),
        width=375,
        height=740,
        scheme="dark",
    )
    file = ModelFile(folder / "model.onnx")
    for screen in screens:
        check(screen, file)
    assert screens[1]["doubts"].endswith("because of joined.")
    assert (tmp_path / "phone.png").stat().st_size > 10_000


def test_the_keyboard_is_enough(folder_of: Callable[[str], Path], browse: Browse):
    folder = folder_of("customers logreg")
    file = ModelFile(folder / "model.onnx")
    tabs: list[str] = ["Reset to a typical customer"]
    for column in file.columns:
        name = one_line(column["name"])
        tabs.append(name)
        if column["type"] != "string" and column["kind"] != "boolean":
            tabs += [f"{name}: missing", f"{name}: slider"]
    screens = browse(folder, *[("press", "Tab")] * len(tabs))
    focused = [one_line(screen["focus"]) for screen in screens[1:]]
    # A date is several stops, for its year, month and day, and for what opens a calendar.
    stops = [name for name, _ in itertools.groupby(focused) if name != "Show date picker"]
    stops = [name for name, _ in itertools.groupby(stops)]
    assert "add: slider" in stops
    assert stops == tabs[: len(stops)]

    to_slider = focused.index("add: slider") + 1
    screens = browse(
        folder, *[("press", "Tab")] * to_slider, ("press", "End"), ("press", "Shift+Tab"),
        ("press", "Space"), ("press", "Shift+Tab"), ("press", "7"),
    )  # fmt: skip
    add = file.names.index("add")
    values = [screen["fields"][add]["value"] for screen in screens[-5:]]
    assert [float(value) for value in values[:2]] == pytest.approx(
        [file.columns[add]["maximum"]] * 2, rel=1e-5
    )
    assert values[2:] == ["", "", "7"]
    for screen in screens:
        check(screen, file)


# The page around files that are made by hand


@pytest.fixture
def page(runtime: Path, tmp_path: Path) -> Path:
    """Return a folder with the page and no model."""
    return page_folder(runtime, tmp_path / "page")


def test_a_file_without_reasons_and_quality(page: Path, browse: Browse):
    made_file.write_file(page / "model.onnx", reasons=None, quality=None)
    first, unseen = browse(page, ("select", "plan", "another value"))
    for screen in (first, unseen):
        assert screen["shown"]
        assert screen["reasons"] is None
        assert screen["doubts"] == ""
        assert not any(field["doubtful"] for field in screen["fields"])
    assert first["probability"][0] == "170.25"  # the graph hands on the minutes


def test_only_the_probability(exported: Path, browse: Browse):
    (screen,) = browse(exported)
    assert screen["reasons"] is None
    assert screen["decision"] == "Likely to churn: act"  # by the threshold of the metadata
    assert screen["compared"].startswith("Threshold 1.0 %")


def test_texts_of_the_file_are_texts(page: Path, browse: Browse, monkeypatch: pytest.MonkeyPatch):
    evil = '<img src=x onerror="alert(1)"></option><script>alert(2)</script>&amp;'
    number = made_file.column(evil, "numeric", "float32", minimum=0.0, maximum=1.0, typical=0.25)
    wide = "w" * 300 + "\u202e\x07"
    float64 = made_file.column(wide, "numeric", "float64", typical=3.5)  # no range: no slider
    words = [evil, "another value", " ", "word " * 200, "a\u202eb\x1b"]
    text = made_file.column("plan", "categorical", "string", vocabulary=words, typical=evil)
    columns = [number, float64, text]
    monkeypatch.setattr(made_file, "COLUMNS", columns)
    made_file.write_file(page / "model.onnx", columns=columns)
    screens = browse(
        page,
        ("width", "1280"), ("fill", evil, "0.5"), ("select", "plan", r"a\u202eb\u001b"),
        width=320,
    )  # fmt: skip
    shown = "w" * 300 + r"\u202e\u0007"
    for screen in screens:
        assert [field["name"] for field in screen["fields"]] == [evil, shown, "plan"]
        assert {name for name, *_ in screen["reasons"]} == {evil, shown, "plan"}
    assert [screen["fields"][2]["value"] for screen in screens] == [evil] * 3 + [r"a\u202eb\u001b"]
    assert [screen["probability"][0] for screen in screens] == ["0.25", "0.25", "0.5", "0.5"]


def test_the_page_says_why_there_is_no_model(page: Path, browse: Browse):
    (screen,) = browse(page, console="404")
    assert screen["failed"] == ("The model cannot be used: the server has no model.onnx (404).")
    assert not screen["shown"]


# The folder


def test_the_folder_is_complete(exported: Path):
    folder = exported
    source = ROOT / "churn_torch" / "serving" / "web_page"
    ours = {path.name for path in source.iterdir()}
    # No second file without reasons, and what stood there before is left alone.
    runs = {"model.onnx", "ort.js", "ort.wasm"}
    assert {path.name for path in folder.iterdir()} == ours | runs | {"mine.txt"}
    assert (folder / "mine.txt").read_text() == "mine"
    for name in ours:
        assert (folder / name).read_bytes() == (source / name).read_bytes()
    assert "MIT License" in (folder / "ort.LICENSE.txt").read_text()
    texts = [(folder / name).read_text() for name in ours if not name.endswith(".txt")]
    assert not re.search(r"https?://(?!localhost:8000)|innerHTML|\beval\(", "".join(texts))


def test_the_runtime_of_the_page_is_that_of_the_tests():
    lock = json.loads((NODE / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/onnxruntime-web"]["version"] == web.VERSION


def test_npm_downloads_the_runtime():
    if shutil.which("npm") is None:
        lacking("npm is not installed")
    try:
        contents = web.files()
    except InputError as error:
        lacking(str(error))
    assert len(contents["ort.wasm"]) > 1_000_000


def test_without_npm_nothing_is_written(
    built_before: None,
    command: Any,
    customers_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = command(
        "export", f"run={customers_run.folder}", "target=web", f"out={tmp_path / 'a' / 'page'}"
    )
    assert code == 1
    assert err.startswith("Error: target=web: expected npm to download onnxruntime-web@")
    assert "runtime=FOLDER" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'npm error network:\n no route' >&2; exit 1", "(npm error network: no route)"),
        ("exit 0", "(npm gave no message)"),
        ("sleep 60", "(no answer within 0.1 s)"),
        ("echo no archive > package.tgz", "(the archive is damaged)"),
    ],
)
def test_npm_fails(script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if "sleep" in script:
        monkeypatch.setattr(web, "NPM_SECONDS", 0.1)
    with pytest.raises(InputError, match=re.escape(message)):
        web.files()


def test_a_runtime_that_is_none(runtime: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"runtime: expected dist/ort.wasm.*got none"):
        web.files(str(tmp_path))
    (tmp_path / "dist").mkdir()
    for source, _ in web.RUNTIME.values():
        (tmp_path / source).write_bytes((runtime / source).read_bytes() + b"\n")
    with pytest.raises(InputError, match="another version or a damaged file"):
        web.files(str(tmp_path))
