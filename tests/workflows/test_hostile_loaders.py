"""Attacks in a run folder, against every way to open one: nothing else is read, run or changed."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper

import churn_torch
from churn_torch.errors import InputError
from churn_torch.serving.batch import BatchModel
from churn_torch.serving.http.server import create_app
from churn_torch.serving.model_file import ModelFile
from churn_torch.serving.model_path import find_model
from churn_torch.workflows.campaign import campaign
from churn_torch.workflows.compare import compare
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.explain import explain
from churn_torch.workflows.export import export
from churn_torch.workflows.report import report
from churn_torch.workflows.runs.run_folder import load_run
from churn_torch.workflows.score import score
from tests.composing import composed
from tests.workflows.test_hostile_folder import Sung, change

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run

SECRET = "swordfish"


class Place:
    """A stranger's run folder, with what it must not reach beside it.

    Attributes:
        run: The run folder.
        source: A table that the user names.
        out: Where commands may write.
        outside: A folder with files that must stay as they are.
    """

    def __init__(self, folder: Path, run: Path, source: Path) -> None:
        self.run = Path(shutil.copytree(run, folder / "stranger"))
        self.good, self.source, self.out = run, source, folder / "out"
        self.outside = folder / "outside"
        self.out.mkdir()
        self.outside.mkdir()
        (self.outside / "precious.txt").write_text("precious\n")
        (self.outside / "table.csv").write_text("a,churned\n1,yes\n2,no\n")
        (self.outside / "hostile_module.py").write_text("open('RAN_CODE', 'w')\nclass Net: ...\n")

    def contents(self) -> dict[Path, bytes]:
        """Return every file that must stay as it is."""
        folders = (self.run, self.outside)
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files if path.name != ".lock"}


@pytest.fixture
def place(
    customers_run: Run, customers_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Return a copy of a run folder to be made hostile; the outside can be imported."""
    place = Place(tmp_path, customers_run.folder, customers_csv)
    monkeypatch.setenv("CANARY", SECRET)
    monkeypatch.chdir(place.outside)
    monkeypatch.syspath_prepend(place.outside)
    return place


def _resume(place: Place) -> object:
    (place.run / "metrics.json").unlink(missing_ok=True)
    before = place.contents()
    keys = [f"resume={place.run}", f"outputs={place.out}"]
    try:
        return churn_torch.train(composed("train", keys), place.run)
    finally:  # the test compares with what was there before it was made unfinished
        assert place.contents() == before
        shutil.copy(place.good / "metrics.json", place.run)


def _command(workflow: Callable[..., Any], name: str, *more: str) -> Callable[[Place], object]:
    def run(place: Place) -> object:
        keys = [key.format(run=place.run, good=place.good, out=place.out, source=place.source)
                for key in more]  # fmt: skip
        return workflow(composed(name, keys))

    return run


# Of a run folder; the last ones read its model file alone.
LOADERS: dict[str, Callable[[Place], object]] = {
    "load_run": lambda place: load_run(place.run),
    "evaluate": _command(evaluate, "evaluate", "run={run}"),
    "export": _command(export, "export", "run={run}", "out={out}/m.onnx"),
    "explain": _command(explain, "explain", "run={run}"),
    "report": _command(report, "report", "run={run}", "out={out}/r.html"),
    "resume": _resume,
}
COMPARE = {"compare": _command(compare, "compare", "runs=[{run},{good}]")}
OPENERS: dict[str, Callable[[Place], object]] = {
    "score": _command(score, "score", "run={run}", "source={source}", "out={out}/s.csv"),
    "campaign": _command(
        campaign, "campaign", "run={run}", "source={source}", "offer=call", "out={out}/c.csv"
    ),
    "serve": lambda place: create_app(
        ModelFile(find_model(str(place.run))), max_rows=1, max_bytes=9
    ),
    "explain one": _command(
        explain, "explain", "run={run}", "source={source}", "id=C-00007", "out={out}/e.json"
    ),
    "batch": lambda place: BatchModel(find_model(str(place.run))),
}

NODES = [
    {"_target_": "hostile_module.Net"},
    {"_target_": "pandas.read_pickle", "filepath_or_buffer": "p.pkl"},
    {"_target_": "hydra.utils.call", "_args_": [{"_target_": "os.system", "_args_": ["true"]}]},
    {"_target_": "os.system", "_partial_": True, "command": "true"},
    {"_target_": "${oc.env:CANARY}"},
    {"_target_": ["os.system"]},
]
POSITIONS = [
    *("model", "calibration", "optimizer", "scheduler", "net", "trainer", "callbacks.x"),
    *("callbacks.early_stopping", "preprocess", "data.split", "export", "logger.x", "model.y"),
]


def refused(place: Place, loader: Callable[[Place], object]) -> str:
    """Return the sentence with which a loader refuses the folder; nothing else has changed."""
    before, variables, modules = place.contents(), dict(os.environ), set(sys.modules)
    with pytest.raises(InputError) as caught:
        loader(place)
    assert place.contents() == before
    assert dict(os.environ) == variables
    assert "hostile_module" not in set(sys.modules) - modules
    sentence = str(caught.value)
    assert SECRET not in sentence
    assert "\n" not in sentence
    assert not [path for path in place.out.rglob("*") if path.is_file()]
    return sentence


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("loader", LOADERS)
def test_no_target_is_imported_in_any_position(place: Place, position: str, loader: str) -> None:
    (place.outside / "p.pkl").write_bytes(pickle.dumps(Sung(place.outside / "RAN_CODE")))
    whole = (place.run / "config.yaml").read_text()
    for node in NODES if loader == "load_run" else NODES[:1]:
        (place.run / "config.yaml").write_text(whole)
        change(place.run, position, node)
        assert re.match(r"(run|config\.yaml|\w+)", refused(place, LOADERS[loader]))


@pytest.mark.parametrize("loader", [name for name in LOADERS if name != "load_run"])
@pytest.mark.parametrize(
    "source",
    [
        "{outside}/table.csv",
        "SELECT 1; COPY (SELECT 'x') TO '{outside}/precious.txt'",
        "SELECT * FROM read_text('{outside}/precious.txt')",
        "https://example.invalid/t.csv",
        "${{oc.env:CANARY}}",
        "../outside/table.csv",
    ],
)
def test_a_table_that_only_the_folder_names_is_not_read(
    place: Place, source: str, loader: str
) -> None:
    change(place.run, "data.source", source.format(outside=place.outside))
    said = refused(place, LOADERS[loader])
    assert "expected a place that you have named on this machine" in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.database", "{outside}"),
        ("data.test_source", "{outside}/table.csv"),
        ("cache.folder", "{outside}"),
        ("logger", {"csv": {"name": "../../outside"}}),
        ("logger", {"mlflow": {"tracking_uri": "mlruns"}}),
    ],
    ids=["database", "test_source", "cache", "csv", "mlflow"],
)
def test_other_places_count_too(place: Place, key: str, value: object) -> None:
    there = value.format(outside=place.outside) if isinstance(value, str) else value
    change(place.run, key, there)
    assert "that you have named on this machine" in refused(place, LOADERS["resume"])


def test_the_test_rows_are_read_only_where_the_user_has_named_them(place: Place) -> None:
    change(place.run, "data.test_source", str(place.outside / "table.csv"))
    assert "data.test_source" in refused(place, LOADERS["evaluate"])


def test_a_logger_that_is_no_mapping_is_refused(place: Place) -> None:
    change(place.run, "logger", {"csv": "x"})
    assert "logger.csv" in refused(place, LOADERS["resume"])


def test_what_the_user_names_is_read(place: Place, customers: pd.DataFrame) -> None:
    moved = place.out / "moved.csv"
    customers.to_csv(moved, index=False)
    change(place.run, "data.source", str(moved))
    with pytest.raises(InputError, match=r"name it yourself: '?trust="):
        evaluate(composed("evaluate", [f"run={place.run}"]))
    config = composed("evaluate", [f"run={place.run}"])
    config.trust = [str(moved)]
    assert evaluate(config)["n"] > 0


@pytest.mark.parametrize("loader", [*LOADERS, *COMPARE])
@pytest.mark.parametrize("name", ["train.log", "weights.pt", "config.yaml"])
def test_no_link_leads_out_of_the_folder(place: Place, name: str, loader: str) -> None:
    if not (place.run / name).exists():
        (place.run / name).write_text("")
    (place.run / name).rename(place.outside / "linked")
    (place.run / name).symlink_to(place.outside / "linked")
    said = refused(place, {**LOADERS, **COMPARE}[loader])
    assert "expected files in the folder itself" in said


@pytest.mark.parametrize("loader", OPENERS)
def test_no_link_leads_out_of_the_folder_to_a_model(place: Place, loader: str) -> None:
    (place.run / "model.onnx").rename(place.outside / "linked")
    (place.run / "model.onnx").symlink_to(place.outside / "linked")
    assert "expected files in the folder itself" in refused(place, OPENERS[loader])


def _external(model: onnx.ModelProto) -> None:
    tensor = next(t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT)
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.pt"), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)


def _memory(model: onnx.ModelProto) -> None:
    _external(model)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "*/_ORT_MEM_ADDR_/*" if entry.key == "location" else entry.value


def _domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "evil.domain"
    model.opset_import.append(helper.make_opsetid("evil.domain", 1))


def _loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["never"], body=body))


def _huge(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("size", TensorProto.INT64, [1], [10**12]))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["huge"]))


def _size_of_outside(model: onnx.ModelProto) -> None:
    """Let a graph inside a node make what a constant of the outer graph says."""
    model.graph.initializer.append(helper.make_tensor("size", TensorProto.INT64, [1], [10**12]))
    node = helper.make_node("ConstantOfShape", ["size"], ["huge"])
    inner = helper.make_graph([node], "inner", [], [])
    model.graph.node.append(
        helper.make_node("If", ["no"], ["x"], then_branch=inner, else_branch=inner)
    )


def _size_of_integers(model: onnx.ModelProto) -> None:
    """Let a constant be integers in place of a tensor."""
    model.graph.node.append(helper.make_node("Constant", [], ["size"], value_ints=[10**6, 10**6]))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["huge"]))


def _hidden_external(model: onnx.ModelProto) -> None:
    """Hide weights of another file in a graph inside a node."""
    inner = onnx.ModelProto()
    inner.CopyFrom(model)
    _external(inner)
    node = helper.make_node("If", ["no"], ["x"], then_branch=inner.graph, else_branch=inner.graph)
    model.graph.node.append(node)


def _stated(**changed: str) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        stored = {entry.key: entry.value for entry in model.metadata_props}
        helper.set_model_props(model, {**stored, **changed})

    return edit


def _renamed(model: onnx.ModelProto) -> None:
    """Let the metadata name another category than the graph knows, checksum included."""
    from churn_torch.serving.graph_facts import checksum

    stored = {entry.key: entry.value for entry in model.metadata_props}
    for key in ("schema", "columns"):
        stored[key] = stored[key].replace('"basic"', '"BASIC"')
    helper.set_model_props(model, stored)
    model.graph.doc_string = checksum(stored)


MODELS: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "external": (_external, "weights in another file"),
    "memory": (_memory, "weights in another file"),
    "hidden": (_hidden_external, "weights in another file"),
    "domain": (_domain, "operators of 'evil.domain'"),
    "loop": (_loop, "can run without end"),
    "huge": (_huge, "a tensor of 1e\\+12 cells"),
    "huge inside": (_size_of_outside, "a tensor of 1e\\+12 cells"),
    "huge integers": (_size_of_integers, "a tensor of 1e\\+12 cells"),
    "threshold": (_stated(threshold="0.123"), "the threshold is 0.123 there and"),
    "nan": (_stated(threshold="NaN"), "is no number from 0 to 1"),
    "far": (_stated(threshold="5"), "is no number from 0 to 1"),
    "text": (_stated(threshold='"x"'), "is no number from 0 to 1"),
    "fingerprint": (_stated(data_fingerprint="other"), "was changed after the export"),
    "category": (_renamed, "the categories of 'plan' are others"),
    "deep": (_stated(columns="[" * 100_000), "damaged metadata"),
    "kind": (_stated(metrics="[]"), "metrics is no mapping"),
    "format": (_stated(format="9" * 5000), "a file of format 1 or older"),
    "schema": (_stated(schema="null"), "schema"),
}


@pytest.mark.parametrize("attack", MODELS)
@pytest.mark.parametrize("opener", OPENERS)
def test_no_opener_takes_such_a_model(place: Place, attack: str, opener: str) -> None:
    edit, said = MODELS[attack]
    model = onnx.load(place.run / "model.onnx")
    edit(model)
    (place.run / "model.onnx").write_bytes(model.SerializeToString())
    assert re.search(said, refused(place, OPENERS[opener]))


def test_a_format_of_onnxruntime_is_refused(place: Place) -> None:
    (place.run / "model.onnx").write_bytes(b"\x0a\x06ab" + b"ORTM" + bytes(100))
    assert "it is no ONNX file" in refused(place, OPENERS["serve"])


def test_the_sources_of_remembered_events_are_not_read(place: Place) -> None:
    specification = {
        "events": {"orders": {"source": str(place.outside / "table.csv"), "id": "a", "time": "t"}},
        "cutoffs": {"last": "2025-01-01"},
    }
    (place.run / "events.json").write_text(json.dumps({"specification": specification}))
    run = _command(score, "score", "run={run}", "at=2025-01-01", "out={out}/s.csv")
    assert "expected a place" in refused(place, run) or "events" in refused(place, run)
