"""How a fit went, in a sentence and in tables."""

from __future__ import annotations

from typing import Any

import pytest

from churn_torch.report.fit_summary import (
    calibration_sentence,
    features_table,
    fit_sentence,
    path_table,
    rare_sentence,
)
from tests.report.made_tables import rendered


@pytest.mark.parametrize("held_out", [False, True])
def test_path_table_marks_the_chosen_strength(held_out: bool) -> None:
    path = [
        {"l2": l2, "validation_log_loss": loss, "converged": l2 > 0.05}
        | ({"held_out_log_loss": loss + 0.1} if held_out else {})
        for l2, loss in ((0.1, 0.4321), (0.01, 0.4111))
    ]
    held = [["0.5321"], ["0.5111"]] if held_out else [[], []]
    assert rendered(path_table(path, chosen=0.01))[1:] == [
        ["0.1", "0.4321", *held[0], ""],
        ["0.01", "0.4111", *held[1], "chosen, not converged"],
    ]


def exact(**changed: Any) -> dict[str, Any]:
    told = {
        "solver": "newton",
        "passes": 1,
        "converged": True,
        "separable": False,
        "gradient_norm": 0.0012,
        "l2": 0.01,
        "path": [{}],
    }
    return {"seconds": 1.24, "exact": told | changed}


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (exact(), "Converged (Newton, 1 pass, 1.2 s)."),
        (
            exact(solver="lbfgs", passes=3, path=[{}, {}]),
            "Converged (L-BFGS, 3 passes, 1.2 s). Chose penalty.l2=0.01 out of 2 values.",
        ),
        (
            exact(converged=False),
            "Did not converge (Newton, 1 pass, 1.2 s): the largest gradient is 1.2e-03. "
            "Raise trainer.max_epochs or penalty.l2.",
        ),
        (
            {"epochs": 12, "seconds": 3.0, "best_epoch": 8},
            "Trained for 12 epochs (3.0 s); kept the weights of epoch 8, which had the lowest "
            "validation log-loss.",
        ),
    ],
)
def test_a_fit_in_a_sentence(fit: dict[str, Any], said: str) -> None:
    assert fit_sentence(fit) == said


def test_separable_classes_are_said_even_where_the_solver_stopped() -> None:
    said = fit_sentence(exact(separable=True, passes=9))
    assert said.startswith("No unique optimum (Newton, 9 passes, 1.2 s): the model separates")
    assert said.endswith("Set penalty.l2 above 0.")


def test_features_table_marks_the_chosen_columns() -> None:
    lines = rendered(features_table("l1", {"[a]": 2.0, "b": 0.5}, ["[a]"]))
    assert lines[1:] == [
        ["[a]", "2", "chosen"],
        ["b", "0.5", "left out"],
        ["1 of 2 columns chosen by l1"],
    ]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (
            {"chosen": "none", "rows": 60, "log_loss": {}, "error": 0.0},
            "Calibration: none, as 60 validation rows have too few of a class to compare "
            "calibrators on.",
        ),
        (
            {"chosen": "none", "rows": 1056, "log_loss": {"none": 0.4, "platt": 0.41}, "error": 0},
            "Calibration: none; on 1,056 validation rows platt does not lower the held-out "
            "log-loss beyond noise.",
        ),
        (
            {"chosen": "none", "rows": 1500, "log_loss": dict.fromkeys(("none", "platt", "beta"))},
            "Calibration: none; on 1,500 validation rows none of platt, beta lowers the held-out "
            "log-loss beyond noise.",
        ),
        (
            {
                "chosen": "beta",
                "rows": 2000,
                "log_loss": {"none": 0.41, "beta": 0.4},
                "error": 2e-3,
            },
            "Calibration: beta, which lowers the log-loss of held-out validation rows from 0.4100 "
            "to 0.4000 (standard error of the gain 0.0020).",
        ),
    ],
)
def test_calibration_is_told_with_what_it_gains(choice: dict[str, Any], said: str) -> None:
    assert calibration_sentence(choice) == said


def test_columns_of_rare_texts_are_named() -> None:
    assert rare_sentence(["agent"], 5) == (
        "Nothing is learned from the texts of 'agent': each is in fewer than 5 training rows, so "
        "all count as rare. preprocess.min_count=2 keeps more of them."
    )
    assert "of 'a', 'b' and 'c': each" in rare_sentence(["a", "b", "c"], 5)
