"""How a fit went: a sentence, the table of a regularisation path, the table of chosen columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from churn_torch.report.formats import score

_SOLVERS = {"newton": "Newton", "lbfgs": "L-BFGS"}


def fit_sentence(fit: Mapping[str, Any]) -> str:
    """Say in a sentence or two how the fit went, and what to do if it did not converge.

    Args:
        fit: The entry ``fit`` of metrics.json.
    """
    exact = fit.get("exact")
    if exact is None:
        best = "the lowest validation log-loss"
        if "validation_profit" in fit:
            profit = f"{fit['validation_profit']:.4g}"
            best = f"the highest expected profit on validation, {profit} a customer"
        return (
            f"Trained for {fit['epochs']} epochs ({fit['seconds']:.1f} s); kept the weights of "
            f"epoch {fit['best_epoch']}, which had {best}."
        )
    passes = f"{exact['passes']} {'pass' if exact['passes'] == 1 else 'passes'}"
    solver = _SOLVERS.get(exact["solver"], exact["solver"])
    details = f"({solver}, {passes}, {fit['seconds']:.1f} s)"
    if exact["separable"]:
        said = (
            f"No unique optimum {details}: the model separates the two classes of the training "
            "rows without error, so the coefficients grow without limit and those kept are "
            "arbitrary. Set penalty.l2 above 0."
        )
    elif exact["converged"]:
        said = f"Converged {details}."
    else:
        said = (
            f"Did not converge {details}: the largest gradient is {exact['gradient_norm']:.1e}. "
            "Raise trainer.max_epochs or penalty.l2."
        )
    n_tried = len(exact["path"])
    if n_tried > 1:
        said += f" Chose penalty.l2={exact['l2']:g} out of {n_tried} values."
    return said


def rare_sentence(names: Sequence[str], min_count: int) -> str:
    """Say that all categories of some columns are rare, so that nothing is learned from them.

    Args:
        names: The columns.
        min_count: A category in fewer training rows is rare.
    """
    *first, last = map(repr, names)
    return (
        f"Nothing is learned from the texts of {', '.join(first)}{' and ' if first else ''}{last}: "
        f"each is in fewer than {min_count} training rows, so all count as rare. "
        f"preprocess.min_count={max(1, min_count // 2)} keeps more of them."
    )


def calibration_sentence(choice: Mapping[str, Any]) -> str:
    """Say which calibrator `calibration=auto` chose, and what it gains.

    Args:
        choice: ``fit.calibration`` of metrics.json.
    """
    chosen, losses = choice["chosen"], choice["log_loss"]
    rows = f"{choice['rows']:,} validation rows"
    if not losses:
        return f"Calibration: none, as {rows} have too few of a class to compare calibrators on."
    if chosen == "none":
        others = [name for name in losses if name != "none"]
        none = f"none of {', '.join(others)} lowers"
        lowers = none if len(others) > 1 else f"{others[0]} does not lower"
        return f"Calibration: none; on {rows} {lowers} the held-out log-loss beyond noise."
    return (
        f"Calibration: {chosen}, which lowers the log-loss of held-out validation rows from "
        f"{losses['none']:.4f} to {losses[chosen]:.4f} (standard error of the gain "
        f"{choice['error']:.4f})."
    )


def path_table(path: Sequence[Mapping[str, Any]], chosen: float) -> Table:
    """Lay out a regularisation path, one line for each strength, and mark the chosen one.

    Args:
        path: For each strength ``l2``, ``validation_log_loss``, ``converged`` and, where folds
            were held out, ``held_out_log_loss``.
        chosen: The ``l2`` of the final model.
    """
    held_out = any("held_out_log_loss" in entry for entry in path)
    table = Table("l2")
    table.add_column("validation log-loss", justify="right")
    if held_out:
        table.add_column("held-out log-loss", justify="right")
    table.add_column("")
    for entry in path:
        cells = [f"{entry['l2']:g}", score(entry["validation_log_loss"])]
        if held_out:
            cells.append(score(entry["held_out_log_loss"]))
        remarks = ["chosen"] * (entry["l2"] == chosen)
        remarks += ["not converged"] * (not entry["converged"])
        table.add_row(*cells, ", ".join(remarks))
    return table


def features_table(method: str, scores: Mapping[str, float], chosen: Sequence[str]) -> Table:
    """Lay out the columns by their scores, best first, and mark the chosen ones.

    Args:
        method: How they were scored.
        scores: By column, best first.
        chosen: The columns kept.
    """
    table = Table("column", caption=f"{len(chosen)} of {len(scores)} columns chosen by {method}")
    table.add_column("score", justify="right")
    table.add_column("")
    for name, value in scores.items():
        kept = name in chosen
        cells = (name, f"{value:.3g}", "chosen" if kept else "left out")
        table.add_row(*map(Text, cells), style=None if kept else "dim")
    return table
