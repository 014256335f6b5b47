"""What a file says of itself, as tables, as JSON, and as one sentence where it cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from churn_torch.serving.__main__ import main
from churn_torch.serving.describe import inputs_table
from tests.serving.made_file import COLUMNS, METADATA, column, write_file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_file(tmp_path / "model.onnx")


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    """The one sentence that a file is refused with; with ``--json`` it is the same."""
    sentences = set()
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as caught:
            main([str(path), *more])
        assert isinstance(caught.value.code, str)  # Python prints it and ends with 1
        sentences.add(caught.value.code)
        assert capsys.readouterr().out == ""
    (sentence,) = sentences
    assert re.fullmatch(r"Error: model: expected [^\n]+\.", sentence), sentence
    return sentence


def words(text: str) -> str:
    """The text of tables without their frames, each cell's lines put together by the spaces."""
    return " ".join(re.sub(r"[│┃┏┓┗┛┡┩┠━─├┤└┘┌┐┬┴┼╇╈┳┻]", " ", text).split())


def test_everything_is_said(model: Path, capsys: pytest.CaptureFixture[str]):
    said = words(shown(capsys, model))
    for expected in (
        str(model),
        # Inputs
        "minutes numeric float32 0 to 1,234.5 170.25 never",
        "joined [day] datetime float64 2020-01-01 to 2022-01-08 12:00 2021-01-01 seen",
        "plan categorical string basic, plus, more basic never",
        "The output quality flags both.",
        # Outputs
        "churn_probability float [N] probability of churn, calibrated (platt)",
        "churn_decision int64 [N] 1 where the probability is 0.31 or more, else 0",
        "reasons float [N, 3] log-odds that each input adds; their sum plus -1.25 is the",
        "integrated gradients with 16 points, 4.0e-02 at most spread over columns, "
        "completeness error 3.2e-07",
        "quality int64 [N, 3] 0 fine, 1 missing, 2 unseen category, 3 outside the training range",
        # Metrics
        "AUROC 0.8100 0.7900 [0.7700 to 0.8200]",
        # Origin
        "decision threshold 0.31",
        "churn rate in training 26.54%",
        "rows 4,930 train, 1,056 validation, 1,057 test",
        "trained 2026-11-24T10:00:00+00:00",
        "time span 2020-01-01 to 2024-02-09",
        "matches PyTorch within 1.2e-07 in probability, 4.5e-06 in reasons, on 2,020 rows "
        "(2026-11-24)",
        "data fingerprint 5f1c0ffee",
        "churn_torch 0.1.0",
        "format, opset 1, 20",
        f"size {model.stat().st_size:,} bytes",
    ):
        assert expected in said, f"{expected!r} is not in\n{said}"


def test_a_lean_file_says_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    parity = {"n_rows": 20, "max_difference": 0.0, "max_difference_reasons": None, "date": "today"}
    training = {**METADATA["training"], "first_time": None, "last_time": None}
    path = write_file(
        tmp_path / "lean.onnx", reasons=None, quality=None, parity=parity, training=training,
        calibration={"method": "none"},
    )  # fmt: skip
    said = words(shown(capsys, path))
    assert "log-odds" not in said
    assert "quality" not in said
    assert "not calibrated" in said
    assert "not split by time" in said
    assert "0.0e+00 in probability, on 20 rows" in said


def test_rows_that_the_proof_left_out_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = []
    for n_kinks in (0, 3):
        parity = {**METADATA["parity"], "n_kinks": n_kinks}
        said.append(words(shown(capsys, write_file(tmp_path / f"{n_kinks}.onnx", parity=parity))))
    assert "kink" not in said[0]
    assert "4.5e-06 in reasons (except 3 rows on a kink of the net), on 2,020 rows" in said[1]


def test_correlated_columns_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    groups = [{"columns": ["a", "b"], "strength": 0.9, "sentence": "read a and b as one"}]
    said = words(shown(capsys, write_file(tmp_path / "model.onnx", correlated_columns=groups)))
    assert "read a and b as one" in said


def test_exact_reasons_have_no_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    exact = {**METADATA["reasons"], "method": "exact", "points": 1}
    said = words(shown(capsys, write_file(tmp_path / "model.onnx", reasons=exact)))
    assert "(exact, completeness error 3.2e-07)" in said
    assert "points" not in said


def test_json_is_the_metadata(model: Path, capsys: pytest.CaptureFixture[str]):
    assert json.loads(shown(capsys, model, "--json")) == METADATA


def test_a_long_vocabulary_is_cut():
    vocabulary = [f"category {i}" for i in range(1000)]
    entry = column("code", "categorical", "string", vocabulary=vocabulary, typical="category 7")
    said = words(rendered([entry]))
    assert "category 0, category 1, category 2, category 3, category 4, 995 more" in said
    entry = column("code", "categorical", "string", vocabulary=["x" * 10**6], typical="y" * 10**6)
    said = words(rendered([entry]))
    assert "xxx…" in said
    assert len(said) < 1000


def rendered(columns: list[dict[str, Any]]) -> str:
    console = Console(file=StringIO(), width=140)
    console.print(inputs_table(columns, has_quality=False))
    return console.file.getvalue()  # type: ignore[attr-defined]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    name=st.text(),
    kind=st.sampled_from(["numeric", "datetime"]),
    ends=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    vocabulary=st.lists(st.text(), max_size=5),
)
def test_any_column_can_be_shown(
    name: str, kind: str, ends: tuple[float, float, float], vocabulary: list[str]
):
    low, high, typical = ends
    rendered(
        [
            column(name, kind, "float64", minimum=low, maximum=high, typical=typical),
            column(name, "categorical", "string", vocabulary=vocabulary, typical=name),
            column(name, "numeric", "float32", typical=None),  # a column that is always missing
        ]
    )


# What cannot be read


def test_a_missing_file_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "got nothing at" in refused(capsys, tmp_path / "absent.onnx")
    assert "got a folder at" in refused(capsys, tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(model: Path, capsys: pytest.CaptureFixture[str], share: float):
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * share)])
    assert "model.onnx" in refused(capsys, model)


def test_a_foreign_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "table.onnx").write_bytes(b"PAR1 no model")
    assert "table.onnx" in refused(capsys, tmp_path / "table.onnx")
    foreign = write_file(tmp_path / "foreign.onnx", **dict.fromkeys(METADATA))
    assert "without its metadata" in refused(capsys, foreign)


def test_a_newer_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_file(tmp_path / "newer.onnx", format=2, churn_torch_version="9.9")
    assert "churn_torch 9.9" in refused(capsys, path)


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in METADATA if name not in ("format", "reasons", "quality")),
        {"columns": [{"name": "minutes"}]},
        {"columns": "text"},
        {"metrics": {"validation": {}}},
        {"metrics": {}},
        {"training": []},
        {"threshold": "high"},
        {"schema": "{}"},
    ],
    ids=str,
)
def test_metadata_with_a_hole(
    changed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = write_file(tmp_path / "model.onnx", **changed)
    with pytest.raises(SystemExit) as caught:
        main([str(path)])
    assert re.fullmatch(r"Error: model: expected [^\n]+\.", str(caught.value.code))
    assert capsys.readouterr().out == ""


# The command


def test_the_command_starts_without_torch(model: Path):
    script = "import sys, runpy; runpy.run_module('churn_torch.serving', run_name='__main__')"
    script += "; assert not {'torch', 'pytorch_lightning', 'onnx'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, model], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "minutes" in done.stdout


def test_the_command_ends_with_one_sentence_and_1(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "churn_torch.serving", tmp_path / "absent.onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"Error: model: expected [^\n]+\.\n", done.stderr)
    assert done.stdout == ""


def test_the_columns_of_the_hand_made_file_are_its_inputs(model: Path):
    import onnxruntime as ort

    session = ort.InferenceSession(str(model))
    assert [i.name for i in session.get_inputs()] == [entry["name"] for entry in COLUMNS]
