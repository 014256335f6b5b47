"""The comparison with torch must refuse a file that differs in any way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import numpy_helper
from onnx.utils import Extractor
from torch import nn

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import explain
from churn_torch.errors import InputError, ParityError
from churn_torch.export import parity, rounding, verified_files
from churn_torch.export.graph import build_onnx
from churn_torch.export.output_parity import TOLERANCE
from churn_torch.export.parity import (
    BATCH_SIZES,
    HOSTILE_NUMBERS,
    HOSTILE_TEXTS,
    Parity,
    check_parity,
    hostile_rows,
)
from churn_torch.export.rounding import REASON_TOLERANCE, reason_tolerance
from churn_torch.models.attribution import Attribution
from churn_torch.models.nets.linear import Linear
from churn_torch.models.nets.mlp import MLP
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import OUTPUTS, PROBABILITY, QUALITY, REASONS
from churn_torch.serving.session import Feed, open_session
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.schema import Schema
from churn_torch.whole_files import PRIVATE
from churn_torch.workflows import export as exporting
from churn_torch.workflows.runs.run_folder import Run

THRESHOLD = 0.5


def full_file(scorer: Scorer, schema: Schema, n_points: int = 1) -> onnx.ModelProto:
    """A file with all four outputs."""
    return build_onnx(
        scorer,
        schema,
        threshold=THRESHOLD,
        metadata={},
        outputs=list(OUTPUTS.values()),
        n_points=n_points,
    )


@pytest.fixture(scope="module")
def model(customers_run: Run) -> onnx.ModelProto:
    return full_file(customers_run.scorer, customers_run.schema)


@pytest.fixture(scope="module")
def parsed(customers_run: Run, customers: pd.DataFrame) -> pd.DataFrame:
    return parse(customers, customers_run.schema)


def check(run: Run, model: onnx.ModelProto, parsed: pd.DataFrame) -> Parity:
    return check_parity(
        model.SerializeToString(),
        run.scorer,
        run.schema,
        parsed,
        threshold=THRESHOLD,
        attribution=run.attribution,
    )


def tampered(
    model: onnx.ModelProto, position: int, change: float, rows: slice = slice(1)
) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    tensor = copy.graph.initializer[position]
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[rows] += values.dtype.type(change)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return copy


def changed_by(
    function: Callable[[np.ndarray], np.ndarray], output: str = PROBABILITY
) -> Callable[[bytes], Any]:
    """Return an `open_session` whose sessions answer with one output changed."""

    class Changed:
        def __init__(self, model: bytes) -> None:
            self.session = open_session(model)
            self.get_outputs = self.session.get_outputs

        def run(self, names: None, feed: Feed) -> list[np.ndarray]:
            outputs = [value.name for value in self.session.get_outputs()]
            made = dict(zip(outputs, self.session.run(names, feed), strict=True))
            return list((made | {output: function(made[output])}).values())

    return Changed


def test_a_true_copy_passes(customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame):
    passed = check(customers_run, model, parsed)
    assert passed.n_rows == 2 * sum(BATCH_SIZES) == 2020
    assert (passed.n_kinks, passed.n_rounded) == (0, 0)
    assert passed.tolerances["reasons"].startswith("0.0001, or 1e-06 of the largest reason")
    assert passed.max_difference <= 1e-6
    assert passed.max_difference_reasons is not None
    assert passed.max_difference_reasons <= 1e-5


@pytest.mark.parametrize("n", [1, 3])
def test_few_real_rows_are_enough(
    n: int, customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    assert check(customers_run, model, parsed.head(n)).n_rows == 2020


@pytest.mark.parametrize("net", [Linear, MLP])
def test_a_changed_weight_is_found(net: type[nn.Module], customers_run: Run, parsed: pd.DataFrame):
    schema, preprocess = customers_run.schema, customers_run.scorer.preprocess
    torch.manual_seed(0)
    made = net(n_features=preprocess.n_features)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    scorer = Scorer(preprocess, made, customers_run.scorer.calibrator).eval()
    # The probability alone must show it: what the reasons need is not in the file.
    model = build_onnx(scorer, schema, threshold=THRESHOLD, metadata={})
    attribution = Attribution(scorer, 1)
    positions = [
        i
        for i, tensor in enumerate(model.graph.initializer)
        if re.search(r"(scorer|folded)\.", tensor.name)
        and tensor.data_type == onnx.TensorProto.FLOAT
    ]
    assert len(positions) > 4
    for position in positions:
        name = model.graph.initializer[position].name
        # Limits of numbers matter only beyond them: move them well into the rows.
        limit = re.search(r"[._](lower|upper)_?$", name)
        change = {"lower": 1e6, "upper": -1e6}[limit[1]] if limit else 0.25
        # Not every day of four years is among the rows.
        rows = slice(None) if name.endswith("of_cycle") else slice(1)
        with pytest.raises(
            ParityError, match=r"to agree to 1e-05 in churn_probability, got .* nothing was"
        ):
            check_parity(
                tampered(model, position, change, rows).SerializeToString(),
                scorer,
                schema,
                parsed,
                threshold=THRESHOLD,
                attribution=attribution,
            )


def test_a_changed_vocabulary_is_found(
    customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    encoder = next(n for n in copy.graph.node if n.input[0] == "plan")
    keys = next(a for a in encoder.attribute if a.name == "keys_strings")
    keys.strings[-1] += b" "
    with pytest.raises(ParityError):
        check(customers_run, copy, parsed)


def test_a_changed_threshold_is_found(
    customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    position = [t.name for t in model.graph.initializer].index("core.threshold")
    with pytest.raises(
        ParityError, match="the decision of the file does not follow from its probability"
    ):
        check(customers_run, tampered(model, position, -0.3), parsed)


def test_the_scorer_of_another_run_is_found(
    customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    shift = customers_run.scorer.prior_shift
    try:
        shift.fill_(0.01)
        with pytest.raises(ParityError):
            check(customers_run, model, parsed)
    finally:
        shift.zero_()


@pytest.mark.parametrize(("difference", "passes"), [(0.8 * TOLERANCE, True), (2e-5, False)])
def test_tolerance(
    difference: float,
    passes: bool,
    customers_run: Run,
    model: onnx.ModelProto,
    parsed: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    def moved(probability: np.ndarray) -> np.ndarray:
        # Not across the threshold: the decision would be found wrong.
        return np.where(probability < THRESHOLD, probability - difference, probability)

    monkeypatch.setattr(parity, "open_session", changed_by(moved))
    if passes:
        passed = check(customers_run, model, parsed)
        assert passed.max_difference == pytest.approx(difference, rel=0.1)
    else:
        with pytest.raises(ParityError, match="to agree to 1e-05"):
            check(customers_run, model, parsed)


@pytest.mark.parametrize(
    ("difference", "passes"), [(0.8 * REASON_TOLERANCE, True), (1.2 * REASON_TOLERANCE, False)]
)
def test_tolerance_of_reasons(
    difference: float,
    passes: bool,
    customers_run: Run,
    model: onnx.ModelProto,
    parsed: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    def moved(reasons: np.ndarray) -> np.ndarray:
        reasons = reasons.copy()
        reasons[-1, -1] += difference
        return reasons

    monkeypatch.setattr(parity, "open_session", changed_by(moved, REASONS))
    if passes:
        largest = check(customers_run, model, parsed).max_difference_reasons
        assert largest == pytest.approx(difference, rel=0.1)
    else:
        with pytest.raises(ParityError, match=r"to agree to 0\.0001 in reasons"):
            check(customers_run, model, parsed)


def test_large_reasons_may_differ_by_what_float32_rounds():
    reasons = np.array([[0.5, -3.0], [2_000.0, 1.0], [-50.0, np.nan]], np.float32)
    tolerance = reason_tolerance(reasons)
    assert tolerance[:2].ravel() == pytest.approx([REASON_TOLERANCE, 2e-3])
    assert np.isnan(tolerance[2])  # which no difference passes


def test_an_honest_file_with_large_log_odds_passes(
    customers_run: Run, parsed: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    """Its reasons are off by a few steps of float32, each of them larger than the tolerance."""
    preprocess, calibrator = customers_run.scorer.preprocess, customers_run.scorer.calibrator
    net = Linear(n_features=preprocess.n_features)
    with torch.no_grad():
        net.linear.weight.fill_(2_000.0)
    scorer = Scorer(preprocess, net, calibrator).eval()
    attribution = Attribution(scorer, 1)
    model = full_file(scorer, customers_run.schema).SerializeToString()
    arguments = (model, scorer, customers_run.schema, parsed)
    for n_steps in (4, 20):
        off = changed_by(
            lambda reasons, n=n_steps: reasons + n * np.spacing(np.abs(reasons)), REASONS
        )
        monkeypatch.setattr(parity, "open_session", off)
        if n_steps == 4:
            passed = check_parity(*arguments, threshold=THRESHOLD, attribution=attribution)
            assert passed.max_difference_reasons is not None
            assert passed.max_difference_reasons > REASON_TOLERANCE
        else:
            with pytest.raises(ParityError, match=r"in reasons, got .* raise penalty\.l2"):
                check_parity(*arguments, threshold=THRESHOLD, attribution=attribution)


class Kinked(MLP):
    """``|w x|`` by two relus; the one point of the integral is half way to the row."""

    def __init__(self, *, n_features: int) -> None:
        super().__init__(
            n_features=n_features, width=2, depth=1, dropout=0, activation="relu", n_frequencies=0
        )
        with torch.no_grad():
            weight = torch.linspace(1, 2, n_features)
            self.blocks[0][0].weight.copy_(torch.stack([weight, -weight]))
            self.blocks[0][0].bias.zero_()
            self.head.weight.fill_(0.5)


def test_reasons_on_a_kink_may_be_of_either_side(customers_run: Run, parsed: pd.DataFrame):
    preprocess = customers_run.scorer.preprocess
    columns = Columns.from_arrays(encode(parsed.head(100), customers_run.schema))
    rows = preprocess(*columns)
    net, calibrator = Kinked(n_features=preprocess.n_features), customers_run.scorer.calibrator
    scorer = Scorer(preprocess, net, calibrator).eval()
    scorer.baseline.copy_(-rows[0])
    attribution, decided = Attribution(scorer, 1), rounding.rows_that_rounding_decides
    expected = attribution.explain(columns).numpy()
    sides = [attribution(rows[:1] * (1 + move)).detach().numpy()[0] for move in (-1e-6, 1e-6)]
    assert np.abs(sides[0] - sides[1]).max() > 1
    for side in sides:
        got = np.concatenate([[side], expected[1:]])
        assert decided(REASONS, got, expected, attribution, columns) == [0]
        # Neither side, and a row that is on no kink.
        assert decided(REASONS, 2 * got, expected, attribution, columns) == []
        got[[0, 1]] = expected[0], -expected[1]
        assert decided(REASONS, got, expected, attribution, columns) == []


def test_a_probability_of_huge_numbers_that_cancel_out_may_be_rounded(
    customers_run: Run, parsed: pd.DataFrame
):
    """float32 keeps 3000.0002, so the sum of such terms is off by as much, and so is torch's."""
    preprocess, calibrator = customers_run.scorer.preprocess, customers_run.scorer.calibrator
    columns = Columns.from_arrays(encode(parsed.head(100), customers_run.schema))
    rows = preprocess(*columns)
    first, second = rows[0].abs().argsort(descending=True)[:2]
    net = Linear(n_features=preprocess.n_features)
    with torch.no_grad():
        net.linear.weight.zero_()
        net.linear.weight[0, first] = 3_000 / rows[0, first]
        net.linear.weight[0, second] = -3_000 / rows[0, second]
    scorer = Scorer(preprocess, net, calibrator).eval()
    attribution = Attribution(scorer, 1)
    expected = scorer.score(columns).numpy()
    assert abs(expected[0] - 0.5) < 1e-3
    sure = int((rows @ net.linear.weight[0].detach()).abs().argmax())
    for row, off, decided in ((0, 5e-5, [0]), (0, 0.01, []), (sure, 5e-5, [])):
        got = expected.copy()
        got[row] += off
        found = rounding.rows_that_rounding_decides(
            PROBABILITY, got, expected, attribution, columns
        )
        assert found == decided, (row, off)


def test_a_single_wrong_quality_is_found(
    customers_run: Run,
    model: onnx.ModelProto,
    parsed: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    def wrong(quality: np.ndarray) -> np.ndarray:
        quality = quality.copy()
        quality[-1, 0] = (quality[-1, 0] + 1) % 4
        return quality

    monkeypatch.setattr(parity, "open_session", changed_by(wrong, QUALITY))
    with pytest.raises(ParityError, match="disagree on the quality"):
        check(customers_run, model, parsed)


def test_a_file_without_reasons_has_no_certificate_of_them(
    customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    names = [value.name for value in model.graph.input]
    without = Extractor(model).extract_model(names, [PROBABILITY])
    assert check(customers_run, without, parsed).max_difference_reasons is None


@pytest.mark.parametrize("row", [0, -1])
def test_a_single_wrong_row_is_found_and_shown(
    row: int,
    customers_run: Run,
    model: onnx.ModelProto,
    parsed: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    def wrong(probability: np.ndarray) -> np.ndarray:
        if len(probability) == 7:
            probability = probability.copy()
            probability[row] = np.nan
        return probability

    monkeypatch.setattr(parity, "open_session", changed_by(wrong))
    # Real rows come first, in batches of 1, 2 and 7.
    shown = str(parsed.iloc[3 if row == 0 else 9].to_dict())
    with pytest.raises(ParityError) as caught:
        check(customers_run, model, parsed)
    assert "got nan and " in str(caught.value)
    assert shown[:200] in str(caught.value)


def test_a_model_that_gives_nan_is_refused_though_both_agree(
    customers_run: Run, model: onnx.ModelProto, parsed: pd.DataFrame
):
    bias = customers_run.scorer.get_parameter("net.linear.bias")
    before = bias.detach().clone()
    try:
        with torch.no_grad():
            bias.fill_(torch.nan)
        position = [t.name for t in model.graph.initializer].index("core.folded.base")
        with pytest.raises(ParityError, match="got nan and nan"):
            check(customers_run, tampered(model, position, np.nan), parsed)
    finally:
        with torch.no_grad():
            bias.copy_(before)


def test_a_frozen_batch_is_refused(
    customers_run: Run,
    model: onnx.ModelProto,
    parsed: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(parity, "open_session", changed_by(lambda probability: probability[:1]))
    with pytest.raises(ParityError, match=r"churn_probability in the shape \(2,\), got \(1,\)"):
        check(customers_run, model, parsed)


def test_a_parity_error_is_a_fault_of_ours_in_one_line():
    error = ParityError("the decision does not follow", hint="Lower optimizer.lr.")
    assert not isinstance(error, InputError)
    sentence = explain(error)
    assert sentence is not None
    assert "\n" not in sentence
    assert sentence.startswith(
        "export: the decision does not follow. This is a fault of churn_torch"
    )
    assert "Please report it" in sentence
    assert sentence.endswith("Lower optimizer.lr.")


@pytest.mark.parametrize(("bias", "has_hint"), [(0.0, False), (5_000.0, True), (torch.nan, True)])
def test_large_weights_are_named_only_where_they_may_be_the_cause(
    bias: float, has_hint: bool, customers_run: Run, parsed: pd.DataFrame
):
    preprocess, calibrator = customers_run.scorer.preprocess, customers_run.scorer.calibrator
    net = Linear(n_features=preprocess.n_features)
    with torch.no_grad():
        net.linear.bias.fill_(bias)
    scorer = Scorer(preprocess, net, calibrator).eval()
    columns = Columns.from_arrays(encode(parsed.head(3), customers_run.schema))
    got, expected = np.zeros(3, np.float32), np.ones(3, np.float32)
    wrong = np.array([False, True, False])
    error = parity._difference_error(
        PROBABILITY, got, expected, wrong, parsed.head(3), scorer, columns
    )
    assert ("lower optimizer.lr" in str(error)) == has_hint
    assert str(parsed.iloc[1].to_dict())[:200] in str(error)


# Hostile rows


def test_hostile_rows_hold_the_worst_there_is(customers_run: Run, parsed: pd.DataFrame):
    schema = customers_run.schema
    before = parsed.copy()
    rows = hostile_rows(parsed, schema, 4000, seed=0)
    pd.testing.assert_frame_equal(parsed, before)
    assert list(rows) == list(parsed)
    assert len(rows) == 4000
    assert schema.text
    assert schema.float64
    for column in schema.features:
        values = rows[column.name]
        if schema.is_text(column):
            assert set(HOSTILE_TEXTS) <= set(values)
            kept = values.isin(set(parsed[column.name]) - set(HOSTILE_TEXTS)).mean()
        else:
            assert set(HOSTILE_NUMBERS[1:]) <= set(values)
            assert values.isna().any()
            kept = values.isin(set(parsed[column.name].dropna()) - set(HOSTILE_NUMBERS)).mean()
        assert 0.3 < kept < 0.6


def test_hostile_rows_follow_the_seed(customers_run: Run, parsed: pd.DataFrame):
    schema = customers_run.schema
    one, again, other = (hostile_rows(parsed, schema, 50, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)


# Nothing is written


@pytest.fixture
def lying_build(model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every export build a file one of whose weights is not the scorer's."""
    position = next(
        i for i, t in enumerate(model.graph.initializer) if t.name.endswith("folded.factor")
    )
    lying = tampered(model, position, 0.01)
    monkeypatch.setattr(verified_files, "build_onnx", lambda *_, **__: lying)


@pytest.fixture
def copied_run(customers_run: Run, tmp_path: Path) -> Path:
    """A copy of the run folder that may be written into."""
    folder = tmp_path / "run"
    folder.mkdir()
    for file in customers_run.folder.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("out", [None, "elsewhere.onnx"])
def test_export_of_a_file_that_lies_writes_nothing(
    out: str | None, copied_run: Path, lying_build: None
):
    before = {file.name: file.read_bytes() for file in copied_run.iterdir()}
    keys = [f"out={copied_run / out}"] if out else []
    with pytest.raises(ParityError, match="nothing was written"):
        exporting.export(compose("export", [f"run={copied_run}", *keys]))
    assert {file.name: file.read_bytes() for file in copied_run.iterdir()} == before


def test_export_that_passes_replaces_the_file_whole(copied_run: Path, built_before: None):
    before = (copied_run / "model.onnx").read_bytes()
    (copied_run / "model.onnx").write_bytes(b"damaged")
    names = {file.name for file in copied_run.iterdir()}
    assert exporting.export(compose("export", [f"run={copied_run}"])) == copied_run / "model.onnx"
    assert onnx.load(copied_run / "model.onnx").graph == onnx.load_from_string(before).graph
    assert {file.name for file in copied_run.iterdir()} == names


def test_a_training_whose_file_is_not_verified_leaves_a_finished_run_without_the_file(
    customers: pd.DataFrame,
    table_keys: tuple[str, ...],
    train_run: Callable[..., Run],
    tmp_path: Path,
    lying_build: None,
):
    folder = tmp_path / "run"
    with pytest.raises(ParityError, match="the run is kept"):
        train_run(folder, *table_keys, "data.source=-", "debug=fast", source=customers)
    assert {"metrics.json", "weights.pt"} <= {f.name for f in folder.iterdir()}
    assert not [f for f in folder.iterdir() if f.suffix == ".onnx"]
    assert not [f for f in folder.iterdir() if PRIVATE in f.name]
