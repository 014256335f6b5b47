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
from churn_torch.export.output_parity import TOLERANCE
from churn_torch.export.parity import BATCH_SIZES, check_parity
from churn_torch.export.rounding import REASON_TOLERANCE
from churn_torch.models.attribution import Attribution, fit_attribution
from churn_torch.models.input_quality import InputQuality
from churn_torch.models.nets.mlp import ACTIVATIONS, NORMALIZATIONS
from churn_torch.models.preprocessing.event_lists import fit_events
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.preprocessing.statistics import fit_statistics
from churn_torch.models.scorecard.fit import fit_scorecard
from churn_torch.models.scorer import Scorer
from churn_torch.serving.outputs import (
    DECISION,
    MEDIAN_PERIODS,
    OUTPUTS,
    PROBABILITY,
    QUALITY,
    REASONS,
    SURVIVAL,
    UPLIFT,
)
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.inference.infer import infer
from churn_torch.tables.labelled.lifetimes import LifetimeColumns
from churn_torch.tables.options import ColumnRoles
from churn_torch.tables.schema import Kind, Schema, SequenceGroup
from churn_torch.tables.sequence_options import SequenceOptions
from churn_torch.training.build import build_scorer, scorecard_options
from churn_torch.workflows.configuration.options import train_options

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

# The models that read events get these columns of lists beside those of any table.
READS_EVENTS = ("gru", "event_transformer")
LAST = 4


def events(rng: np.random.Generator) -> dict[str, Any]:
    """Two groups: one of every kind of column, some rows longer than is read; one without times."""
    lengths = rng.integers(0, 2 * LAST, N)
    amounts = [holes_in(rng, rng.gamma(2.0, 30.0, n)) for n in lengths]
    return {
        "paid": [None if n == 0 and i % 2 else amounts[i] for i, n in enumerate(lengths)],
        "way": [list(rng.choice(np.array(["web", "shop", "", None], object), n)) for n in lengths],
        "at": [1.7e9 + rng.random(n) for n in lengths],
        "ago": [np.sort(rng.integers(0, 400, n))[::-1].tolist() for n in lengths],
        "words": [[*"ab"][: rng.integers(0, 3)] for _ in range(N)],
    }


def holes_in(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    return np.where(rng.random(len(values)) < 0.2, np.nan, values)


SEQUENCES = {
    "orders": SequenceOptions(columns=["paid", "way", "at", "ago"], days_before="ago", last=LAST),
    "calls of it": SequenceOptions(columns=["words"], last=1),
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
MODELS["survival tabm"] = ("model=survival", "net=tabm", "net.width=8", "net.n_members=3")
# The column of each table that says how long a customer has stayed.
STAYED = {"mixed": "calls", "wide_numbers": "large"}
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
    plain = [name for name in MODELS if not name.startswith("survival")]
    lists = (TABLES, plain, CALIBRATIONS, PREPROCESSING)
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
    Case("mixed", "survival", "none", "plain"),
    Case("wide_numbers", "survival tabm", "none", "robust"),
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
    sequences = SEQUENCES if case.model in READS_EVENTS else {}
    if sequences:
        raw = raw.assign(**events(rng))
    config = compose(
        "train",
        [
            *MODELS[case.model],
            *CALIBRATIONS[case.calibration],
            *PREPROCESSING[case.preprocessing],
        ],
    )
    schema = infer(
        raw,
        ColumnRoles(
            target="churned",
            kinds={n: k for n, k in KINDS.items() if n in raw},
            sequences=sequences,
        ),
    )
    names = {name.strip() for name in raw} - {"churned"}
    assert set(schema.read) == names, "a column was left out"
    parsed = parse(raw, schema)
    preprocess, train = train_options(config).preprocess, parsed.iloc[:200]
    schema, statistics = fit_statistics([train], schema, preprocess)
    schema, statistics = fit_events(lambda: [train], schema, statistics, preprocess)
    card = scorecard_options(train_options(config))
    if card is not None:
        rows = Columns.from_arrays(encode(parsed.iloc[:200], schema))
        label = torch.from_numpy((raw["churned"].iloc[:200] == "yes").to_numpy(np.float32))
        schema, statistics = fit_scorecard(rows, label, None, schema, statistics, card, n_train=200)
    if case.model.startswith("survival"):
        periods = LifetimeColumns("duration", STAYED[case.table], 2.0, 3, ends=(1, 4, 5, 9))
        schema = periods.attach(schema)
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
            outputs=[*OUTPUTS.values(), *further_outputs(scorer)],
            n_points=n_points,
        )
    assert traced == [{"any_number": False}], "it was traced twice"
    return Built(scorer, schema, parsed, threshold, attribution, model)


def further_outputs(scorer: Scorer) -> dict[str, list[str | int]]:
    """The outputs that only some models have, with their shapes."""
    if scorer.hazard is not None:
        return {SURVIVAL: ["N", scorer.hazard.n_periods], MEDIAN_PERIODS: ["N"]}
    return {} if scorer.effect is None else {UPLIFT: ["N"]}


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
        for layout in scorer.preprocess.sequence_layouts:
            scorer.baseline[layout.start] = -1


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
    lengths = {}
    for group in built.schema.sequences:
        for column in group.columns:
            number = "tensor(double)" if column.needs_float64 else "tensor(float)"
            kind = "tensor(string)" if built.schema.is_text(column) else number
            expected[column.name] = (kind, ["N", f"{group.name}_events"])
        lengths[f"{group.name}_length"] = ("tensor(int64)", ["N", 1])
    inputs = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert inputs == expected | lengths
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [
        (PROBABILITY, "tensor(float)", ["N"]),
        (DECISION, "tensor(int64)", ["N"]),
        (REASONS, "tensor(float)", ["N", len(expected)]),
        (QUALITY, "tensor(int64)", ["N", len(expected)]),
        *((n, "tensor(float)", shape) for n, shape in further_outputs(built.scorer).items()),
    ]
    # The order in which reasons and quality name the columns.
    assert list(inputs) == [*built.scorer.preprocess.columns, *lengths]
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
        n_reasons = len(feed)
        for group in built.schema.sequences:
            n_reasons += len(group.columns)
            feed |= lists_by_hand(group, built.parsed.iloc[rows])
        probability, decision, reasons, quality, *further = session.run(None, feed)
        columns = Columns.from_arrays(encode(built.parsed.iloc[rows], built.schema))
        expected = built.scorer.score(columns).numpy()
        assert probability.shape == decision.shape == (n,)
        assert reasons.shape == quality.shape == (n, n_reasons)
        np.testing.assert_allclose(
            reasons, built.attribution.explain(columns).numpy(), atol=REASON_TOLERANCE
        )
        np.testing.assert_array_equal(quality, InputQuality(built.schema)(*columns).numpy())
        with torch.no_grad():
            logit = (built.scorer.raw_logit(*columns) - built.scorer.prior_shift).numpy()
        summed = reasons.sum(1) + built.attribution.base()
        np.testing.assert_allclose(summed, logit, rtol=1e-5, atol=3e-5)
        np.testing.assert_allclose(probability, expected, atol=TOLERANCE)
        if built.scorer.hazard is not None:
            check_survival(built.scorer, columns, probability, *further)
            further = []
        for values in further:
            contacted = probability - values
            assert values.shape == (n,)
            assert ((contacted >= -1e-6) & (contacted <= 1 + 1e-6)).all()
            torch_s = built.scorer.score_uplift(columns)[1].numpy()
            np.testing.assert_allclose(values, torch_s, atol=TOLERANCE)
            assert n < 1000 or values.std() > 0.001
        np.testing.assert_array_equal(decision, probability >= np.float32(built.threshold))
        if n == 1000:
            assert set(decision) == {0, 1}


def check_survival(
    scorer: Scorer,
    columns: Columns,
    probability: np.ndarray,
    survival: np.ndarray,
    median: np.ndarray,
) -> None:
    """The curves are torch's, fall, and agree with the probability and the median."""
    expected = scorer.score_survival(columns).numpy()
    np.testing.assert_allclose(survival, expected, atol=TOLERANCE)
    assert (np.diff(survival, axis=1) <= 1e-6).all()
    assert scorer.hazard is not None
    np.testing.assert_allclose(probability, 1 - survival[:, scorer.hazard.horizon - 1], atol=1e-6)
    for curve, periods in zip(survival, median, strict=True):
        below = np.flatnonzero(curve <= 0.5)
        assert np.isnan(periods) if not len(below) else periods == below[0] + 1


def lists_by_hand(group: SequenceGroup, rows: pd.DataFrame) -> dict[str, Any]:
    """One cell after the other; what stands behind the end of a list must not matter."""
    lengths = [len(cell) for cell in rows[group.columns[0].name]]
    feed: dict[str, Any] = {f"{group.name}_length": np.array(lengths, np.int64).reshape(-1, 1)}
    for column in group.columns:
        is_text = Schema.is_text(column)
        dtype = object if is_text else np.float64 if column.needs_float64 else np.float32
        cells = np.full((len(rows), LAST + 2), "web" if is_text else 7.0, dtype)
        for row, values in enumerate(rows[column.name]):
            for place, value in enumerate(values):
                cells[row, place] = value
        feed[column.name] = cells
    return feed


def check_missing(built: Built) -> None:
    """NaN and "" are missing, and so are infinities: as code 0 and NaN are to the scorer."""
    session, schema = built.session(), built.schema
    groups = [len(schema.float32), len(schema.float64), len(schema.text)]
    n_lists = sum(group.width for group in schema.sequences)
    lengths = {f"{group.name}_length": np.zeros((1, 1), np.int64) for group in schema.sequences}
    nothing = Columns(
        torch.full((1, groups[0]), torch.nan),
        torch.full((1, groups[1]), torch.nan, dtype=torch.float64),
        torch.zeros(1, groups[2], dtype=torch.int64),
        torch.zeros(1, n_lists, dtype=torch.float64) if n_lists else None,
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
        } | lengths
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
