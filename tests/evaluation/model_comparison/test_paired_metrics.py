"""Metrics of several models and their covariance, against definitions and bootstraps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from churn_torch.evaluation.model_comparison.paired_metrics import (
    auroc_estimates,
    lift_estimates,
    loss_estimates,
    mean_estimates,
    ranked,
)
from churn_torch.evaluation.split_metrics import SplitMetrics
from tests.reference.auroc_variance import delong, delong_covariance, obuchowski


def made(seed: int, n: int = 60, decimals: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of both classes, and three models with ties."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3 == 0
    shared = rng.normal(size=n) + label
    score = shared + rng.normal(size=(3, n)) * np.array([[0.2], [0.5], [2.0]])
    return label, np.round(1 / (1 + np.exp(-score)), decimals)


def models(label: np.ndarray, probability: np.ndarray) -> list:
    return [ranked(label, one) for one in probability]


@given(st.integers(0, 10**6), st.integers(6, 40), st.sampled_from([1, 2, 8]))
@settings(max_examples=30, deadline=None)
def test_auroc_has_the_covariance_of_delong(seed: int, n: int, decimals: int) -> None:
    label, probability = made(seed, n, decimals)
    found = auroc_estimates(label, models(label, probability))
    np.testing.assert_allclose(found.covariance, delong_covariance(probability, label), atol=1e-10)
    areas = [delong(one, label)[0] for one in probability]
    np.testing.assert_allclose(found.value, areas, atol=1e-10)


@given(st.integers(0, 10**6), st.integers(3, 15))
@settings(max_examples=20, deadline=None)
def test_clustered_rows_have_the_covariance_of_obuchowski(seed: int, n_clusters: int) -> None:
    label, probability = made(seed, 40)
    cluster = np.random.default_rng(seed).permutation(np.arange(40) % n_clusters)
    found = auroc_estimates(label, models(label, probability), cluster)
    expected = obuchowski(probability, label, cluster)
    np.testing.assert_allclose(found.covariance, expected, atol=1e-10)


def test_clusters_of_one_row_change_nothing() -> None:
    label, probability = made(1)
    alone, each = np.arange(len(label))[::-1], models(label, probability)
    for estimate, given_ in ((auroc_estimates, each), (lift_estimates, each)):
        plain, clustered = estimate(label, given_), estimate(label, given_, alone)
        np.testing.assert_allclose(clustered.covariance, plain.covariance, rtol=1e-9)
    for plain, clustered in zip(
        loss_estimates(label, probability), loss_estimates(label, probability, alone), strict=True
    ):
        np.testing.assert_allclose(clustered.covariance, plain.covariance, rtol=1e-9)


def test_copied_rows_in_clusters_are_as_sure_as_the_rows_alone() -> None:
    label, probability = made(2, 90, 8)
    alone = loss_estimates(label, probability)[0]
    copies = loss_estimates(label.repeat(3), probability.repeat(3, 1), np.arange(90).repeat(3))[0]
    np.testing.assert_allclose(copies.covariance, alone.covariance, rtol=1e-9)
    assert [freedom for _, freedom in copies.parts] == [89]
    assert [freedom for _, freedom in alone.parts] == [29, 59]  # of churners, and of the others


def test_losses_are_those_of_scikit_learn_with_the_covariance_of_means() -> None:
    label, probability = made(3, decimals=1)  # 0 and 1 among them
    losses, squares = loss_estimates(label, probability)
    assert losses.value == pytest.approx([log_loss(label, one) for one in probability])
    assert squares.value == pytest.approx([brier_score_loss(label, one) for one in probability])
    np.testing.assert_allclose(
        squares.covariance, np.cov((probability - label) ** 2) / len(label), rtol=1e-10
    )


def test_values_are_those_of_a_run() -> None:
    """The numbers of metrics.json, so that a comparison contradicts no run."""
    label, probability = made(4, 157, 2)
    probability = probability.astype(np.float32)
    lifts = lift_estimates(label, models(label, probability))
    areas = auroc_estimates(label, models(label, probability))
    for number, one in enumerate(probability):
        split_metrics = SplitMetrics()
        split_metrics.update(torch.from_numpy(one), torch.from_numpy(label))
        measured = split_metrics.evaluate(0.5)
        assert lifts.value[number] == pytest.approx(measured["lift_at_10"])
        assert areas.value[number] == pytest.approx(measured["auroc"])


def test_the_error_of_a_difference_of_lifts_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    n = 2_000
    known = rng.normal(size=(2, n))
    label = rng.random(n) < 1 / (1 + np.exp(2 - known.sum(axis=0)))
    probability = 1 / (1 + np.exp(-known))
    found = lift_estimates(label, models(label, probability))
    drawn = []
    for _ in range(200):
        rows = rng.integers(0, n, n)
        one = lift_estimates(label[rows], models(label[rows], probability[:, rows]))
        drawn.append(one.value[0] - one.value[1])
    contrast = np.array([1, -1])
    error = np.sqrt(contrast @ found.covariance @ contrast)
    assert error == pytest.approx(np.std(drawn), rel=0.15)  # a bootstrap of 200 is right to 5 %


def test_a_mean_is_a_mean() -> None:
    found = mean_estimates("profit", np.array([[1.0, 2.0, 6.0], [1.0, 1.0, 1.0]]))
    assert found.value.tolist() == [3.0, 1.0]
    np.testing.assert_allclose(found.covariance, [[7 / 3, 0], [0, 0]])
