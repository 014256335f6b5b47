"""Every model and every calibrator, on odd tables, is exported as one ONNX file.

The files in conf/model and conf/calibration are read from their folders: a new one is tested here
without a change. The export of a graph takes a second or two, so the cases cover every model, every
calibrator and every table at least once, and not their product.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from churn_torch.cli.compose import compose
from churn_torch.export import tensor_graph
from churn_torch.export.graph import build_onnx
from churn_torch.export.parity import BATCH_SIZES, REASON_TOLERANCE, TOLERANCE, check_parity
from churn_torch.models.attribution import Attribution, fit_attribution
from churn_torch.models.input_quality import InputQuality
from churn_torch.models.nets.mlp import ACTIVATIONS, NORMALIZATIONS
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import fit_statistics
from churn_torch.models.scorecard.fit import fit_scorecard
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    DECISION,
    OUTPUTS,
    PROBABILITY,
    QUALITY,
    REASONS,
    UPLIFT,
)
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind, Schema
from churn_torch.training.build import build_scorer, scorecard_options
from churn_torch.workflows.options import train_options

CONF = Path(__file__).resolve().parents[1] / "conf"
N = 240
MOST_POINTS = 4


# Odd tables


def words(rng: np.random.Generator, *choice: str) -> np.ndarray:
    return rng.choice(np.array(choice, dtype=object), N)


def holes(rng: np.random.Generator, values: Any, share: float = 0.3) -> pd.Series:
    return pd.Series(values).mask(rng.random(N) < share)


def mixed(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "plan": words(rng, "basic", "plus", "pro"),
        "usage": holes(rng, rng.gamma(2.0, 30.0, N)),
        "seen": 1.7e9 + rng.integers(0, 10**4, N) + 0.5,
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D"),
        "paper": rng.integers(0, 2, N),
        "calls": rng.integers(0, 12, N),
        "card": holes(rng, words(rng, "yes", "no")),
    }


def only_text(rng: np.random.Generator) -> dict[str, Any]:
    return {"one": words(rng, "a", "b"), "two": words(rng, "c", "d", "e")}


def one_text(rng: np.random.Generator) -> dict[str, Any]:
    return {"plan": words(rng, "a", "b", "c")}


def only_numbers(rng: np.random.Generator) -> dict[str, Any]:
    return {"a": rng.normal(size=N), "b": rng.integers(0, 5, N), "c": rng.random(N) * 1e-6}


def one_number(rng: np.random.Generator) -> dict[str, Any]:
    return {"a": rng.normal(size=N)}


def only_dates(rng: np.random.Generator) -> dict[str, Any]:
    days = pd.Timestamp("1960-02-28") + pd.to_timedelta(rng.integers(0, 40_000, N), "D")
    times = pd.Timestamp("2024-02-28T23:00Z") + pd.to_timedelta(rng.integers(0, 10**6, N), "s")
    return {
        "native": days,
        "zoned": holes(rng, times.tz_convert("Asia/Tokyo")),
        "text": pd.Series(days).dt.strftime("%d.%m.%Y"),
    }


def wide_numbers(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "unix seconds": 1.7e9 + rng.integers(0, 10**5, N) + 0.25,
        "milliseconds": holes(rng, 1.7e12 + rng.integers(0, 10**7, N).astype(float)),
        "large": 9e15 + rng.integers(0, 10**5, N) * 2.0,
        "minus": -5e6 - rng.random(N),
    }


# Names of ONNX operators, of our own graph's values, of torch.fx attributes, and worse.
NAMES = [
    *["cat", "add", "linear", "mul", "concat", "sigmoid", "code", "input", "x", "arg0", "forward"],
    *["core.x", "core.raw_numeric", "core.threshold", "_core.x", "numeric", "wide", "codes", "N"],
    *["Call  Failure", "a/b", "a.b.c", " leading", "trailing ", "tab\there", "line\nbreak", "'\""],
    *["Größe", "日本語", "🙂", "%s{}", "weights", "0", "x" * 300, "val_0"],
    *["scorer.net.linear.weight", "getitem", "_to_copy", "churned?", "None"],
]


def odd_names(rng: np.random.Generator) -> dict[str, Any]:
    kinds: list[Callable[[], Any]] = [
        lambda: rng.normal(size=N),
        lambda: words(rng, "u", "v", "w"),
        lambda: 1.7e9 + rng.integers(0, 10**5, N) + 0.5,
    ]
    return {name: kinds[i % 3]() for i, name in enumerate(NAMES)}


def odd_words(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "unicode": words(rng, "Größe", "日本語", "🙂🙃", "e\u0301", "é"),  # two ways to write é
        "quotes": words(rng, '"', "'", "\\", 'a "b" c', "a,b;c", "{}", "%d"),
        "spaces": words(rng, "a", " a", "a ", "a\tb", "a\nb", "\u00a0a"),
        "long": words(rng, "x" * 5000, "x" * 5001, "y"),
        "nearly missing": words(rng, "nan.", "none", "NONE", "null?", "-", "N.A."),
        "numbers": words(rng, "1", "1.0", "01", "1e0", "x"),
    }


def high_cardinality(rng: np.random.Generator) -> dict[str, Any]:
    common = rng.integers(0, 40, N)
    return {
        "town": [f"town {i}" for i in common],
        "street": [f"street {i}" for i in np.where(rng.random(N) < 0.8, common, common + 100)],
        "usage": rng.normal(size=N),
    }


def booleans(rng: np.random.Generator) -> dict[str, Any]:
    bits = rng.integers(0, 2, (6, N))
    return {
        "native": bits[0].astype(bool),
        "nullable": pd.array(holes(rng, bits[1].astype(bool)), dtype="boolean"),
        "number": bits[2],
        "float": holes(rng, bits[3].astype(float)),
        "yes": np.where(bits[4], "Yes", "No"),
        "true": holes(rng, np.where(bits[5], "TRUE", "FALSE")),
    }


def missing_everywhere(rng: np.random.Generator) -> dict[str, Any]:
    table = {name: holes(rng, values, 0.6) for name, values in mixed(rng).items()}
    # These two are empty in the training rows (the first 200).
    late = pd.Series(np.arange(N) >= 200)
    return {
        **table,
        "late number": pd.Series(rng.normal(size=N)).where(late),
        "late word": pd.Series(words(rng, "a", "b")).where(late),
    }


def many_columns(rng: np.random.Generator) -> dict[str, Any]:
    table: dict[str, Any] = {f"number {i}": rng.normal(size=N) for i in range(60)}
    return table | {f"word {i}": words(rng, "a", "b", "c") for i in range(60)}


TABLES: dict[str, Callable[[np.random.Generator], dict[str, Any]]] = {
    table.__name__: table
    for table in (
        *(mixed, only_text, one_text, only_numbers, one_number, only_dates, wide_numbers),
        *(odd_names, odd_words, high_cardinality, booleans, missing_everywhere, many_columns),
    )
}

# What inference would take for an identifier.
KINDS = {"large": "numeric", "street": "categorical"}


# Models, calibrators, preprocessing

# Sizes that a net may have, made small: the graph is the same.
SMALL = {"width": 8, "n_members": 3}
MODELS = {
    file.stem: (
        f"model={file.stem}",
        *(f"model.{key}={size}" for key, size in SMALL.items() if key in OmegaConf.load(file)),
    )
    for file in sorted(CONF.glob("model/*.yaml"))
}
MODELS |= {
    name: ("model=mlp", "model.width=8", *(f"model.{option}" for option in options))
    for name, options in {
        "mlp residual batch": ("residual=true", "normalization=batch", "activation=relu"),
        "mlp residual layer": ("residual=true", "normalization=layer", "activation=gelu"),
        "mlp residual flat": ("residual=true", "depth=0", "n_frequencies=0"),
        "mlp batch": ("normalization=batch", "activation=selu"),
        "mlp layer": ("normalization=layer", "activation=tanh"),
        "mlp flat": ("depth=0", "n_frequencies=0"),
        "mlp waves": ("n_frequencies=4", "frequency_scale=0.3"),
        "mlp deep": ("depth=5", "activation=silu"),
    }.items()
}
for name in ("mlp", "tabm"):
    MODELS[f"uplift {name}"] = ("model=uplift", f"net={name}", "net.width=8")
MODELS["mlp twice"] = ("model=mlp", "model.width=8", "ensemble=2")
CALIBRATIONS = {
    file.stem: (f"calibration={file.stem}",) for file in sorted(CONF.glob("calibration/*.yaml"))
}
CALIBRATIONS["isotonic 2"] = ("calibration=isotonic", "calibration.n_knots=2")
PREPROCESSING: dict[str, tuple[str, ...]] = {
    "plain": (),
    "quantile": ("preprocess.outliers=quantile",),
    "robust": ("preprocess.scaling=robust", "preprocess.min_count=20"),
    "both": ("preprocess.outliers=quantile", "preprocess.scaling=robust"),
    "bins": ("preprocess.bins=4",),
}


@dataclass(frozen=True)
class Case:
    """What is exported."""

    table: str
    model: str
    calibration: str
    preprocessing: str

    def __str__(self) -> str:
        return f"{self.table}, {self.model}, {self.calibration}, {self.preprocessing}"


def covering_cases() -> list[Case]:
    """Each choice at least once: the four lists run through side by side."""
    lists = (TABLES, MODELS, CALIBRATIONS, PREPROCESSING)
    longest = max(map(len, lists))
    columns = (itertools.islice(itertools.cycle(names), longest) for names in lists)
    return [Case(*names) for names in zip(*columns, strict=True)]


CASES = [
    *covering_cases(),
    # Pairs that matter. Tables with every kind of column go through every shipped model as a whole
    # training too (the runs of tests/export/elsewhere.py).
    Case("mixed", "logreg", "isotonic", "both"),
    Case("missing_everywhere", "logreg", "platt", "plain"),
    Case("odd_names", "logreg", "temperature", "robust"),
    Case("missing_everywhere", "scorecard", "isotonic", "both"),
]


@dataclass(frozen=True)
class Built:
    """An exported case with everything it was made from."""

    scorer: Scorer
    schema: Schema
    parsed: pd.DataFrame
    threshold: float
    attribution: Attribution
    model: onnx.ModelProto

    def session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(self.model.SerializeToString(), options)


def build(case: Case) -> Built:
    trace = tensor_graph._traced
    rng = np.random.default_rng(0)
    raw = pd.DataFrame(TABLES[case.table](rng))
    raw["churned"] = words(rng, "yes", "no")
    config = compose(
        "train",
        [
            *MODELS[case.model],
            *CALIBRATIONS[case.calibration],
            *PREPROCESSING[case.preprocessing],
        ],
    )
    schema = infer(
        raw, ColumnRoles(target="churned", kinds={n: k for n, k in KINDS.items() if n in raw})
    )
    names = {name.strip() for name in raw} - {"churned"}
    assert {c.name for c in schema.features} == names, "a column was left out"
    parsed = parse(raw, schema)
    schema, statistics = fit_statistics(
        [parsed.iloc[:200]], schema, train_options(config).preprocess
    )
    card = scorecard_options(train_options(config))
    if card is not None:
        rows = Columns.from_arrays(encode(parsed.iloc[:200], schema))
        label = torch.from_numpy((raw["churned"].iloc[:200] == "yes").to_numpy(np.float32))
        schema, statistics = fit_scorecard(rows, label, None, schema, statistics, card, n_train=200)
    torch.manual_seed(0)
    scorer = build_scorer(train_options(config), schema)
    scorer.preprocess.load_statistics(statistics)
    columns = Columns.from_arrays(encode(parsed, schema))
    as_if_trained(scorer, columns)
    # Both decisions occur, and no probability lies so near that rounding decides.
    levels = scorer.score(columns).double().unique().numpy()
    assert len(levels) > 1, "every row has the same probability"
    threshold = float(levels[len(levels) // 2 - 1 :][:2].mean())
    metadata = {"schema": schema.to_json(), "threshold": repr(threshold)}
    # Few points are enough here: torch and the file must agree on the same sum, however coarse.
    n_points = min(fit_attribution(scorer, columns.take(slice(0, 20))).n_points, MOST_POINTS)
    attribution = Attribution(scorer, n_points)
    with pytest.MonkeyPatch.context() as patch:
        traced = []
        patch.setattr(tensor_graph, "_traced", lambda *a, **k: traced.append(k) or trace(*a, **k))
        model = build_onnx(
            scorer,
            schema,
            threshold=threshold,
            metadata=metadata,
            outputs=[*OUTPUTS.values(), *([] if scorer.effect is None else [UPLIFT])],
            n_points=n_points,
        )
    assert traced == [{"any_number": False}], "it was traced twice"
    return Built(scorer, schema, parsed, threshold, attribution, model)


def as_if_trained(scorer: Scorer, columns: Columns) -> None:
    """Give every part numbers that matter: weights, batch statistics, calibrator, prior."""
    for parameter in scorer.learner.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1.5 / parameter.shape[1] ** 0.5)
        else:
            with torch.no_grad():
                parameter.add_(torch.randn_like(parameter) * 0.3)
    scorer.prior_shift.fill_(0.4)
    with torch.no_grad():
        scorer.train()
        for _ in range(20):
            scorer.raw_logit(*columns)
    scorer.eval()
    with torch.no_grad():
        logit = (scorer.raw_logit(*columns) - scorer.prior_shift).double().numpy()
    chance = 1 / (1 + np.exp(-(0.6 * logit - 0.3)))
    label = np.random.default_rng(1).random(len(logit)) < chance
    scorer.calibrator.fit(logit, label.astype(float))
    with torch.no_grad():
        scorer.baseline.copy_(scorer.preprocess(*columns).mean(0))


# The contract


def test_the_cases_cover_everything_that_is_shipped():
    assert {case.table for case in CASES} == set(TABLES)
    assert {case.model for case in CASES} == set(MODELS)
    assert {case.calibration for case in CASES} == set(CALIBRATIONS)
    assert {case.preprocessing for case in CASES} == set(PREPROCESSING)
    chosen = {option for options in MODELS.values() for option in options}
    default = compose("train", ["model=mlp"]).model
    for key, values in (("activation", ACTIVATIONS), ("normalization", NORMALIZATIONS)):
        named = {f"model.{key}={value}" for value in values if value != default[key]}
        assert named <= chosen


@pytest.mark.parametrize("case", CASES, ids=str)
def test_is_exported(case: Case):
    built = build(case)
    check_signature(built)
    check_graph(built)
    certificate = check_parity(
        built.model.SerializeToString(),
        built.scorer,
        built.schema,
        built.parsed,
        threshold=built.threshold,
        attribution=built.attribution,
    )
    assert certificate.n_rows == 2 * sum(BATCH_SIZES)
    assert certificate.max_difference <= TOLERANCE
    assert certificate.max_difference_reasons is not None
    assert certificate.max_difference_reasons <= REASON_TOLERANCE
    check_by_hand(built)
    check_missing(built)


def check_signature(built: Built) -> None:
    """Inputs are the feature columns, outputs the promised four, with a symbolic batch."""
    session = built.session()
    expected = {}
    for column in built.schema.features:
        if built.schema.is_text(column):
            kind = "tensor(string)"
        else:
            float64 = column.needs_float64 or column.kind is Kind.DATETIME
            kind = "tensor(double)" if float64 else "tensor(float)"
        expected[column.name] = (kind, ["N", 1])
    assert {i.name: (i.type, i.shape) for i in session.get_inputs()} == expected
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [
        (PROBABILITY, "tensor(float)", ["N"]),
        (DECISION, "tensor(int64)", ["N"]),
        (REASONS, "tensor(float)", ["N", len(expected)]),
        (QUALITY, "tensor(int64)", ["N", len(expected)]),
        *([] if built.scorer.effect is None else [(UPLIFT, "tensor(float)", ["N"])]),
    ]
    # The order in which reasons and quality name the columns.
    assert [i.name for i in session.get_inputs()] == list(built.scorer.preprocess.columns)
    stored = session.get_modelmeta()
    assert Schema.from_json(stored.custom_metadata_map["schema"]) == built.schema
    assert float(stored.custom_metadata_map["threshold"]) == built.threshold
    assert stored.producer_name == "churn_torch"


def check_graph(built: Built) -> None:
    """Standard operators only, each domain once, nothing of this machine in the file."""
    model = built.model
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 20), ("ai.onnx.ml", 3)]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx", "ai.onnx.ml"}
    assert not model.functions
    assert not {"ZipMap", "Loop", "If", "Scan"} & {node.op_type for node in model.graph.node}
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)
    content = model.SerializeToString()
    for trace in (str(CONF.parent), sys.prefix, ".py"):
        assert trace.encode() not in content
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def check_by_hand(built: Built) -> None:
    """Plain lists in, the torch scorer's numbers out; no function of ours makes the feed."""
    session = built.session()
    for n in (0, 1, 2, 7, 1000):
        rows = np.arange(n) % N
        feed: dict[str, Any] = {}
        for column in built.schema.features:
            values = built.parsed[column.name].iloc[rows]
            if built.schema.is_text(column):
                feed[column.name] = np.array([[v] for v in values], dtype=object).reshape(n, 1)
            else:
                float64 = column.needs_float64 or column.kind is Kind.DATETIME
                dtype = np.float64 if float64 else np.float32
                feed[column.name] = np.array([[v] for v in values], dtype=dtype).reshape(n, 1)
        probability, decision, reasons, quality, *uplift = session.run(None, feed)
        columns = Columns.from_arrays(encode(built.parsed.iloc[rows], built.schema))
        expected = built.scorer.score(columns).numpy()
        assert probability.shape == decision.shape == (n,)
        assert reasons.shape == quality.shape == (n, len(feed))
        np.testing.assert_allclose(
            reasons, built.attribution.explain(columns).numpy(), atol=REASON_TOLERANCE
        )
        np.testing.assert_array_equal(quality, InputQuality(built.schema)(*columns).numpy())
        with torch.no_grad():
            logit = (built.scorer.raw_logit(*columns) - built.scorer.prior_shift).numpy()
        summed = reasons.sum(1) + built.attribution.base()
        np.testing.assert_allclose(summed, logit, rtol=1e-5, atol=3e-5)
        np.testing.assert_allclose(probability, expected, atol=TOLERANCE)
        for values in uplift:
            contacted = probability - values
            assert values.shape == (n,)
            assert ((contacted >= -1e-6) & (contacted <= 1 + 1e-6)).all()
            torch_s = built.scorer.score_uplift(columns)[1].numpy()
            np.testing.assert_allclose(values, torch_s, atol=TOLERANCE)
            assert n < 1000 or values.std() > 0.001
        np.testing.assert_array_equal(decision, probability >= np.float32(built.threshold))
        if n == 1000:
            assert set(decision) == {0, 1}


def check_missing(built: Built) -> None:
    """NaN and "" are missing, and so are infinities: as code 0 and NaN are to the scorer."""
    session, schema = built.session(), built.schema
    groups = [len(schema.float32), len(schema.float64), len(schema.text)]
    nothing = Columns(
        torch.full((1, groups[0]), torch.nan),
        torch.full((1, groups[1]), torch.nan, dtype=torch.float64),
        torch.zeros(1, groups[2], dtype=torch.int64),
    )
    expected = built.scorer.score(nothing).numpy()
    for number, text in itertools.product((np.nan, np.inf, -np.inf), ("", "NA", "null")):
        feed: dict[str, Any] = {
            i.name: np.array(
                [[text]] if i.type == "tensor(string)" else [[number]],
                dtype={"tensor(float)": np.float32, "tensor(double)": np.float64}.get(
                    i.type, object
                ),
            )
            for i in session.get_inputs()
        }
        np.testing.assert_allclose(session.run(None, feed)[0], expected, atol=TOLERANCE)


def test_a_vocabulary_of_thousands():
    rng = np.random.default_rng(0)
    n = 1500
    raw = pd.DataFrame(
        {
            "code": [f"code {i} ü" for i in rng.permutation(n)],
            "usage": rng.normal(size=n),
            "churned": rng.choice(["yes", "no"], n),
        }
    )
    schema = infer(raw, ColumnRoles(target="churned", kinds={"code": "categorical"}))
    config = compose("train", ["preprocess.min_count=1", "preprocess.max_categories=5000"])
    parsed = parse(raw, schema)
    schema, statistics = fit_statistics([parsed], schema, train_options(config).preprocess)
    assert len(schema["code"].vocabulary or ()) == 1500
    scorer = build_scorer(train_options(config), schema)
    scorer.preprocess.load_statistics(statistics)
    as_if_trained(scorer, Columns.from_arrays(encode(parsed, schema)))
    model = build_onnx(scorer, schema, threshold=0.5, metadata={})
    certificate = check_parity(
        model.SerializeToString(),
        scorer,
        schema,
        parsed,
        threshold=0.5,
        attribution=Attribution(scorer, 1),
    )
    assert certificate.max_difference <= TOLERANCE


def test_a_table_with_a_column_the_model_does_not_use_is_not_asked_for_it():
    rng = np.random.default_rng(0)
    raw = pd.DataFrame({**one_number(rng), "left out": 1, "churned": words(rng, "yes", "no")})
    schema = infer(raw, ColumnRoles(target="churned"))
    config = compose("train")
    parsed = parse(raw, schema)
    schema, statistics = fit_statistics([parsed], schema, train_options(config).preprocess)
    # Facts of a column that is ignored must not matter, whatever they say.
    schema = schema.with_columns({"left out": replace(schema["left out"], needs_float64=True)})
    scorer = build_scorer(train_options(config), schema)
    scorer.preprocess.load_statistics(statistics)
    model = build_onnx(scorer, schema, threshold=0.5, metadata={})
    assert [value.name for value in model.graph.input] == ["a"]
