from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from churn_torch import ChurnClassifier, samples
from churn_torch.errors import InputError

EXACT = ChurnClassifier(overrides=["optimizer=newton"])
NET = ChurnClassifier(
    "mlp",
    overrides=[
        *("model.width=16", "model.dropout=0", "scheduler=none"),
        *("optimizer.lr=0.02", "batch_size=32", "trainer.max_epochs=12"),
    ],
)

# The checks that cannot apply, and why.
NOT_EQUIVALENT = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows are held back for early stopping and the threshold, and medians, scales and "
        "vocabularies count every row once: a repeated row is not a row of twice the weight"
    ),
}
NOT_ASKED = {"check_array_api_input": "of arrays on a GPU, which needs a setting of SciPy's"}
# Fits are what takes time: a net passes the checks that look at more than the arguments.
OF_NETS = {
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_classifiers_train",
    "check_fit_idempotent",
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_sample_weights_not_overwritten",
    "check_fit2d_1feature",
}


def checks(estimator: ChurnClassifier) -> dict[str, list[Callable[..., None]]]:
    """Scikit-learn's checks by name."""
    found: dict[str, list[Callable[..., None]]] = {}
    for _, check in estimator_checks_generator(estimator):
        found.setdefault(getattr(check, "func", check).__name__, []).append(check)
    return found


def test_the_checks_named_here_are_there():
    assert {*NOT_EQUIVALENT, *NOT_ASKED, *OF_NETS} <= set(checks(EXACT))


@pytest.mark.parametrize("name", sorted(set(checks(EXACT)) - {*NOT_EQUIVALENT, *NOT_ASKED}))
def test_scikit_learns_checks(name):
    for check in checks(EXACT)[name]:
        check(clone(EXACT))


def test_scikit_learns_checks_of_a_net():
    for name in OF_NETS:
        for check in checks(NET)[name][:1]:
            check(clone(NET))


@pytest.fixture(scope="module")
def telco() -> tuple[pd.DataFrame, pd.Series]:
    frame = pd.read_parquet(samples.path("telco")).iloc[:1500]
    return frame.drop(columns="churn"), frame["churn"]


@pytest.fixture(scope="module")
def learned(telco) -> ChurnClassifier:
    return clone(EXACT).fit(*telco)


def test_raw_columns_and_text_labels(telco, learned):
    X, y = telco
    assert learned.classes_.tolist() == ["No", "Yes"]
    assert learned.feature_names_in_.tolist() == list(X.columns)
    assert X["total_charges"].isna().any()
    probability = learned.predict_proba(X)
    assert probability.shape == (len(X), 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert probability[:, 1].mean() == pytest.approx((y == "Yes").mean(), abs=0.03)
    assert set(learned.predict(X)) == {"No", "Yes"}
    assert learned.score(X, y) > 0.78
    assert learned.metrics_["fit"]["exact"]["converged"]


def test_it_is_the_logistic_regression_of_its_own_features(telco, learned):
    """Of the rows that are not held back: the one order of a fit, seen from outside."""
    X, y = telco
    held_back = learned.metrics_["data"]["n_validation"]
    assert learned.metrics_["data"]["n_test"] == 0
    assert learned.metrics_["data"]["n_train"] + held_back == len(X)
    with torch.no_grad():
        features = learned.scorer_.preprocess(*learned._columns(X)).double().numpy()
    n_train = learned.metrics_["data"]["n_train"]
    reference = LogisticRegression(C=1 / (1e-4 * n_train), tol=1e-8, max_iter=1000)
    reference.fit(features, y)
    ours = learned.predict_proba(X)[:, 1]
    assert np.abs(ours - reference.predict_proba(features)[:, 1]).mean() < 0.02


def test_cross_validation_and_grid_search(telco):
    scores = cross_val_score(EXACT, *telco, cv=3, scoring="roc_auc")
    assert scores.min() > 0.8
    grid = {"overrides": [["optimizer=newton", "penalty.l2=100"], ["optimizer=newton"]]}
    search = GridSearchCV(ChurnClassifier(), grid, cv=2, scoring="neg_log_loss").fit(*telco)
    assert search.best_params_ == {"overrides": ["optimizer=newton"]}
    assert search.predict_proba(telco[0]).shape == (len(telco[0]), 2)


def test_a_pickled_and_a_cloned_one_are_the_same(telco, learned):
    X, y = telco
    expected = learned.predict_proba(X)
    assert np.array_equal(pickle.loads(pickle.dumps(learned)).predict_proba(X), expected)
    assert np.array_equal(clone(learned).fit(X, y).predict_proba(X), expected)
    assert not hasattr(clone(learned), "scorer_")


def test_random_state_decides_and_nothing_else_is_touched():
    X, y = make_classification(200, random_state=0)
    np.random.seed(7)  # noqa: NPY002
    torch.manual_seed(7)
    numpy_next, torch_next = np.random.RandomState(7).rand(), torch.rand(1)
    torch.manual_seed(7)
    fits = [clone(NET).set_params(random_state=s).fit(X, y).predict_proba(X) for s in (0, 0, 1)]
    assert np.array_equal(fits[0], fits[1])
    assert not np.allclose(fits[0], fits[2])
    assert np.random.rand() == numpy_next  # noqa: NPY002
    assert torch.equal(torch.rand(1), torch_next)
    assert torch.get_num_threads() >= 1
    drawn = ChurnClassifier(random_state=np.random.RandomState(3), overrides=EXACT.overrides)
    assert drawn.fit(X, y).predict_proba(X).shape == (200, 2)


def test_sample_weight_counts(telco):
    X, y = telco
    plain, even = (clone(EXACT).fit(X, y, w) for w in (None, np.full(len(y), 3.0)))
    np.testing.assert_allclose(plain.predict_proba(X), even.predict_proba(X), atol=1e-6)
    churners = clone(EXACT).fit(X, y, np.where(y == "Yes", 5.0, 1.0))
    odds = plain.predict_proba(X)[:, 1].mean(), churners.predict_proba(X)[:, 1].mean()
    assert odds[1] > odds[0] + 0.2
    with pytest.raises(
        InputError, match=r"data.weight: expected a finite number of 0 or more in every row"
    ):
        clone(EXACT).fit(X, y, np.where(y == "Yes", -1.0, 1.0))


def test_columns_of_an_array_are_numbers_whatever_they_look_like():
    X = np.stack([np.arange(100.0), np.tile([1.0, 1.0], 50)], axis=1)  # row numbers, a constant
    y = X[:, 0] > 50
    model = clone(EXACT).fit(X, y)
    assert [column.name for column in model.schema_.features] == ["x0", "x1"]
    assert model.score(X, y) > 0.95
    with pytest.raises(InputError, match="at least one column to learn from"):
        clone(EXACT).fit(pd.DataFrame(X), y)


def test_a_column_may_be_named_like_ours():
    X = pd.DataFrame({"target": np.arange(60) % 7, "sample_weight": np.arange(60) % 3})
    y = X["target"] > 3
    model = clone(EXACT).fit(X, y, sample_weight=np.ones(60))
    assert [column.name for column in model.schema_.features] == ["target", "sample_weight"]
    assert model.score(X, y) > 0.9


def test_the_exported_file_gives_the_same(telco, learned, tmp_path):
    X, _ = telco
    (said,) = learned.export(tmp_path / "model.onnx", X)
    assert "matches PyTorch" in said
    session = ort.InferenceSession(tmp_path / "model.onnx")
    feed = {}
    for node in session.get_inputs():
        column = X[node.name]
        values = column.fillna("").to_numpy(object) if "string" in node.type else column
        dtype = object if "string" in node.type else np.float32
        feed[node.name] = np.asarray(values, dtype=dtype).reshape(-1, 1)
    probability, decision = session.run(["churn_probability", "churn_decision"], feed)
    np.testing.assert_allclose(probability, learned.predict_proba(X)[:, 1], atol=1e-6)
    assert np.array_equal(learned.classes_[decision], learned.predict(X))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "mpl"}, r"model: expected one of .*, got 'mpl' \(did you mean 'mlp'\?\)"),
        ({"overrides": ["lr=0.1"]}, r"lr: .*did you mean 'optimizer.lr'"),
        ({"overrides": ["threshold=2"]}, r"threshold"),
        ({"overrides": ["cv.folds=5"]}, r"cv\.folds: expected 0 for a classifier"),
        ({"overrides": ["data.kinds.x0=number"]}, r"data.kinds.x0: expected one of numeric"),
    ],
)
def test_a_choice_that_cannot_be_used_is_named(changes, message):
    X, y = make_classification(60, random_state=0)
    with pytest.raises(InputError, match=message):
        ChurnClassifier(**changes).fit(X, y)


def test_labels_that_cannot_be_used_are_named(telco):
    X, y = telco
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        clone(EXACT).fit(X, np.arange(len(y)) % 3)
    with pytest.raises(ValueError, match="one class, 'Yes'"):
        clone(EXACT).fit(X, np.full(len(y), "Yes"))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(EXACT).fit(X, y[:-1])
    with pytest.raises(ValueError, match="feature names should match"):
        clone(EXACT).fit(X[:200], y[:200]).predict(X.drop(columns="tenure"))


# Labels


def test_the_file_models_churn_where_the_labels_say_which_it_is(telco, learned, tmp_path):
    X, y = telco
    words = y.map({"Yes": "Churned", "No": "Stayed"}).rename("outcome")
    model = clone(EXACT).fit(X, words)
    assert (model.classes_.tolist(), model.churn_class_) == (["Churned", "Stayed"], "Churned")
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], learned.predict_proba(X)[:, 1])
    assert np.array_equal(model.predict(X) == "Churned", learned.predict(X) == "Yes")
    assert model.score(X, words) == learned.score(X, y)
    model.export(tmp_path / "model.onnx", X)
    session = ort.InferenceSession(tmp_path / "model.onnx")
    stored = session.get_modelmeta().custom_metadata_map
    schema = json.loads(stored["schema"])
    assert [schema[key] for key in ("target", "positive", "negative")] == [
        *("outcome", "Churned", "Stayed")
    ]
    assert float(stored["base_rate"]) == pytest.approx((y == "Yes").mean(), abs=0.01)


def test_labels_that_do_not_say_are_learned_and_not_exported(telco, learned, tmp_path):
    X, y = telco
    letters = y.map({"Yes": "a", "No": "b"})
    model = clone(EXACT).fit(X, letters)
    assert model.churn_class_ is None
    message = r"^positive: .*'a' or 'b', got none, .*; fit ChurnClassifier\(positive='b'\) or"
    with pytest.raises(InputError, match=message):
        model.export(tmp_path / "model.onnx", X)
    assert not list(tmp_path.iterdir())
    named = clone(EXACT).set_params(positive="a").fit(X, letters)
    assert named.churn_class_ == "a"
    np.testing.assert_allclose(named.predict_proba(X)[:, 0], learned.predict_proba(X)[:, 1])
    assert "matches PyTorch" in named.export(tmp_path / "model.onnx", X)[0]


# Tables of any kind


@pytest.mark.parametrize(
    "kind", [pl.from_pandas, pa.Table.from_pandas, lambda t: t.to_dict("list")]
)
def test_names_and_types_of_other_tables_are_kept(telco, learned, kind):
    X, y = telco
    model = clone(EXACT).fit(kind(X), kind(y.to_frame())["churn"])
    assert model.feature_names_in_.tolist() == list(X.columns)
    assert model.schema_.features == learned.schema_.features
    expected = learned.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(kind(X)), expected)
    np.testing.assert_allclose(model.predict_proba(X), expected)


def test_rows_in_other_shapes_get_what_the_frame_gets(telco, learned):
    X, _ = telco
    expected = learned.predict_proba(X.head(2))
    backwards = [dict(reversed(row.items())) for row in X.head(2).to_dict("records")]
    np.testing.assert_allclose(learned.predict_proba(backwards), expected)
    np.testing.assert_allclose(learned.predict_proba(X.iloc[0]), expected[:1])
    np.testing.assert_allclose(learned.predict_proba(X.iloc[1].to_dict()), expected[1:])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_allclose(learned.predict_proba(X.head(2).to_numpy()), expected)
    with (
        pytest.warns(UserWarning, match="X does not have valid feature names"),
        pytest.raises(ValueError, match="X has 3 features, but ChurnClassifier is expecting"),
    ):
        learned.predict_proba(np.ones((1, 3)))


def test_a_frame_after_an_array_is_taken_by_position():
    X, y = make_classification(100, 4, random_state=0)
    model = clone(EXACT).fit(X, y)
    with pytest.warns(UserWarning, match="X has feature names, but ChurnClassifier was fitted"):
        of_frame = model.predict_proba(pd.DataFrame(X, columns=list("dcba")))
    np.testing.assert_allclose(of_frame, model.predict_proba(X))


def test_masked_cells_are_missing():
    X, y = make_classification(100, 4, random_state=0)
    model = clone(EXACT).fit(np.ma.array(X, mask=X > 1), y)
    assert model.schema_["x0"].missing_share == (X[:, 0] > 1).mean() > 0


def test_what_is_no_table_is_refused_before_it_is_learned_from():
    X = pd.DataFrame(np.eye(4), columns=list("abca"))
    with pytest.raises(InputError, match=r"^X: expected a table .* got a str; read it first"):
        clone(EXACT).fit("customers.csv", [0, 1])
    with pytest.raises(InputError, match="a different name for each, got 'a' more than once"):
        clone(EXACT).fit(X, [0, 1, 0, 1])


# Warnings


def test_columns_left_out_are_warned_of_unless_asked_for(telco):
    X, y = telco[0].head(300), telco[1].head(300)
    X = X.assign(branch="north", tags=[["a"]] * 300)
    message = r"left out: 'branch' \(constant\), 'tags' \(nested values \(list\), neither"
    with pytest.warns(UserWarning, match=message):
        clone(EXACT).fit(X, y)
    asked = ["optimizer=newton", "data.ignore=[branch,tags]"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ChurnClassifier(overrides=asked).fit(X, y)


def test_a_solver_that_has_not_converged_warns(telco):
    X, y = telco
    leak = X.assign(cancelled=(y == "Yes").astype(float))
    model = ChurnClassifier(overrides=["optimizer=newton", "penalty.l2=0"])
    with pytest.warns(ConvergenceWarning, match="No unique optimum"):
        model.fit(leak, y)


# Threads


def test_fits_in_threads_are_the_fits_alone():
    X, y = make_classification(200, random_state=0)

    def probability(seed: int) -> np.ndarray:
        return clone(NET).set_params(random_state=seed).fit(X, y).predict_proba(X)

    alone = [probability(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(probability, range(3)))
    assert all(map(np.array_equal, alone, together))


def test_predictions_in_threads_are_the_same_and_threads_are_set_back(telco, learned):
    X, _ = telco
    before, expected = torch.get_num_threads(), learned.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(p, expected) for p in pool.map(learned.predict_proba, [X] * 8))
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {before}
    assert torch.get_num_threads() == before
