"""What each column adds, of models that add up their columns: as a table and as a page."""

from __future__ import annotations

from churn_torch.explanation.additive_terms import AdditiveTerm
from churn_torch.explanation.scorecard_points import read_scorecard
from churn_torch.explanation.shape_functions import read_shape_functions
from churn_torch.models.scorecard.features import ScorecardFeatures
from churn_torch.models.scorer import Scorer
from churn_torch.report.additive_tables import terms_frame
from churn_torch.report.pages.additive_pages import scorecard_page, shapes_page
from churn_torch.training.inference import cell_shares
from churn_torch.training.rows.batches import spread_sample
from churn_torch.training.rows.materialize import Store
from churn_torch.whole_files import write_text
from churn_torch.workflows.csv_tables import csv_text
from churn_torch.workflows.runs import artefacts
from churn_torch.workflows.runs.run_folder import Run

# Training rows that show where the values of a column lie, at most.
SHAPE_ROWS = 65_536

Terms = tuple[list[AdditiveTerm], float]


def is_scorecard(scorer: Scorer) -> bool:
    """Whether the terms are bins with points."""
    return isinstance(scorer.preprocess, ScorecardFeatures)


def read_terms(run: Run, store: Store) -> Terms | None:
    """Return what each column adds, and the base; None where columns do not add up."""
    if run.schema.sequences:  # what a list adds depends on the lists beside it
        return None
    scorer, train = run.scorer, store.parts["train"]
    if is_scorecard(scorer):
        return read_scorecard(scorer, run.schema, cell_shares(scorer, train))
    if run.attribution.n_points == 1:
        rows = spread_sample(train, SHAPE_ROWS)
        return read_shape_functions(run.attribution, run.schema, rows.dense, rows.codes)
    return None


def write_terms(run: Run, terms: Terms) -> None:
    """Write the terms into the run folder, as a table and as a page."""
    table, page, make_page = artefacts.SHAPES, artefacts.SHAPES_PAGE, shapes_page
    if is_scorecard(run.scorer):
        table, page, make_page = artefacts.SCORECARD, artefacts.SCORECARD_PAGE, scorecard_page
    write_text(run.folder / table, csv_text(terms_frame(*terms)))
    write_text(run.folder / page, make_page(*terms))
