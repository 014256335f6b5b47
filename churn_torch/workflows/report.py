"""The order of a report: read what a run has left, explain it, write one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_torch.console import show
from churn_torch.errors import InputError
from churn_torch.report.model_report import RunsReport
from churn_torch.report.report_page import report_page, runs_page, survival_report_page
from churn_torch.tables.labelled.rows import LabelledTable, Rows
from churn_torch.whole_files import write_text
from churn_torch.workflows.artefacts import REPORT_PAGE
from churn_torch.workflows.compare import compare_runs
from churn_torch.workflows.metrics_shape import Compared, check_metrics
from churn_torch.workflows.own_rows import own_rows, refuse_averaged
from churn_torch.workflows.report_content import (
    measured_run,
    report_content,
    run_factors,
    survival_content,
)
from churn_torch.workflows.row_counts import watched
from churn_torch.workflows.run_folder import Run, load_run
from churn_torch.workflows.run_names import differing, run_names
from churn_torch.workflows.tested_runs import read_tested_run, read_tested_runs
from churn_torch.workflows.typed_config import plain_config, read_options

if TYPE_CHECKING:
    from omegaconf import DictConfig

# More lines in one chart cannot be told apart.
MOST_RUNS = 4


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """All of conf/report.yaml.

    Attributes:
        run: The run folder.
        runs: Two to four run folders to show side by side in place of ``run``.
        out: The page; None for report.html in the run folder, or here for several runs.
        trust: Dotted names of classes outside churn_torch that the folders may use.
    """

    run: str = "outputs/latest"
    runs: Sequence[str] = ()
    out: str | None = None
    trust: Sequence[str] = ()


def report(config: DictConfig | Mapping[str, Any]) -> Path:
    """Write the report of a run, or of several side by side.

    Args:
        config: The composed configuration (conf/report.yaml).

    Returns:
        The page.

    Raises:
        InputError: A run is not finished or held no test rows back, its table has changed, runs
            were tested on different rows, or the page cannot be written there.
    """
    options = read_options(ReportOptions, plain_config(config))
    default = Path(REPORT_PAGE) if options.runs else Path(options.run) / REPORT_PAGE
    out = default if options.out is None else Path(options.out)
    _check_out(out)
    if options.runs:
        text = _of_runs(options)
    else:
        run = load_run(options.run, trust=options.trust)
        refuse_averaged(run, None)
        check_metrics(run.metrics, run.folder)
        text = _page(run, own_rows(run, None, instead=None))
    write_text(out, text)
    show(f"Report: {out}")
    return out


def report_training(run: Run, table: LabelledTable) -> None:
    """Write the report of a run that has just been trained into its folder, and say where it is.

    A run without an ONNX file has none: it is the file that a report explains.

    Args:
        run: The run.
        table: Its table.
    """
    if not run.model.exists():
        return
    path = run.folder / REPORT_PAGE
    write_text(path, _page(run, watched(table.chunks(), table, "Report")))
    show(f"Report: {path}")


def _page(run: Run, chunks: Iterable[Rows]) -> str:
    if run.options.learns_survival:
        return survival_report_page(survival_content(run, chunks))
    tested = read_tested_run(str(run.folder), key="run")
    return report_page(report_content(run, tested, chunks))


def _of_runs(options: ReportOptions) -> str:
    if len(options.runs) > MOST_RUNS:
        raise InputError(
            "runs",
            expected=f"two to {MOST_RUNS} run folders",
            got=f"{len(options.runs)}",
            fix="churn-torch compare takes more",
        )
    tested = read_tested_runs(options.runs)
    for run in tested:
        if run.is_cross_validation:
            raise InputError(
                "runs",
                expected="runs of one model each",
                got=f"a cross-validation in {run.folder!r}",
                fix="churn-torch compare takes cross-validations",
            )
        if run.observed is not None:
            raise InputError(
                "runs",
                expected="models of churn",
                got=f"one of time to churn in {run.folder!r}",
                fix="churn-torch compare takes them, and churn-torch report run=... shows each",
            )
    configs = [run.config for run in tested]
    names = run_names(options.runs, configs)
    compared = compare_runs(options.runs, names=names)
    measured = []
    for run, name in zip(tested, names, strict=True):
        check_metrics(run.metrics, Path(run.folder), Compared)
        measured.append(measured_run(run, name))
    factors = [
        run_factors(folder, name, trust=options.trust)
        for folder, name in zip(options.runs, names, strict=True)
    ]
    return runs_page(RunsReport(measured, compared, factors, differing(configs)))


def _check_out(out: Path) -> None:
    if out.suffix.lower() != ".html" or out.is_dir():
        raise InputError("out", expected="an .html file", got=repr(str(out)), fix="name one")
