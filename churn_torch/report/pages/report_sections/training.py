"""How the model was made: the training curves and every choice."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from churn_torch.errors import without_secrets
from churn_torch.report.charts.line_charts import Kind, Line, line_chart
from churn_torch.report.charts.scales import Axis
from churn_torch.report.fit_summary import fit_sentence
from churn_torch.report.pages.model_report import ExplainedRun
from churn_torch.report.pages.page_text import paragraphs

# Of a history line: the key, its name and its kind.
_CURVES: tuple[tuple[str, str, Kind], ...] = (
    ("train_loss", "training loss, with its penalty", "second"),
    ("validation_log_loss", "validation log-loss", "main"),
)


def training(report: ExplainedRun) -> Iterator[str]:
    """Write how the fit went."""
    fit = report.run.metrics["fit"]
    yield "<section id=training><h2>Training</h2>"
    yield from paragraphs([fit_sentence(fit)])
    history = fit.get("history", [])
    if len(history) > 1:
        epochs = [float(epoch) for epoch in range(1, len(history) + 1)]
        lines = []
        for key, name, kind in _CURVES:
            points = [(x, one[key]) for x, one in zip(epochs, history, strict=True) if key in one]
            if points:
                x, y = zip(*points, strict=True)
                lines.append(Line(name, x, y, kind=kind))
        yield line_chart(
            "Training curves",
            f"Loss by epoch. The weights of epoch {fit['best_epoch']} were kept.",
            Axis("epoch", lambda value: f"{value:.0f}"),
            Axis("loss", lambda value: f"{value:.3g}"),
            lines,
            vertical=[(float(fit["best_epoch"]), "kept")],
        )
    yield "</section>"


def configuration(report: ExplainedRun) -> Iterator[str]:
    """Write every choice of the run."""
    yield "<section id=configuration><h2>Configuration</h2>"
    yield f"<p>Trained with churn_torch {html.escape(str(report.run.metrics['version']))}. "
    yield "config.yaml of the run folder has the same.</p>"
    yield "<details><summary>Every choice</summary><pre>"
    yield "\n".join(html.escape(without_secrets(line)) for line in choices(report.run.choices))
    yield "</pre></details></section>"


def choices(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield each choice as the command line takes it: ``key=value``."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from choices(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{key}={text}"
