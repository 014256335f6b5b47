"""The uplift of a run, measured on new rows of an experiment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from churn_torch.console import show
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.labelled.read import located
from churn_torch.tables.labelled.treatment import read_chances, read_treatment
from churn_torch.tables.labels import read_target
from churn_torch.tables.options import ReadOptions
from churn_torch.tables.readers import sources
from churn_torch.training.inference import Scored
from churn_torch.workflows.measurement.uplift import MeasuredUplift, UpliftRows
from churn_torch.workflows.runs.run_folder import Run


def new_uplift(run: Run, source: Any, reading: ReadOptions) -> MeasuredUplift | None:
    """Measure the uplift on new labelled rows, of customers who were contacted and of others.

    It reads the source once more: the probability is measured on the others alone. Chances of
    having been contacted are those of the training, or a column of the same name.

    Args:
        run: Of ``model=uplift``.
        source: As for `churn_torch.workflows.rows.new_rows.new_rows`.
        reading: How the source is read.

    Returns:
        The metrics; None, with a sentence, where the rows do not say whom a contact reached, or
        all or none were contacted.

    Raises:
        InputError: A treatment or chance cannot be read, or more or fewer customers were contacted
            than their chances allow.
    """
    schema, name = run.schema, str(run.schema.treatment)
    chance = run.options.data.treatment_probability
    kept, n_by_arm, first_row = UpliftRows(chance), np.zeros(2, np.int64), 0
    for frame in sources.read_chunks(located(source), reading=reading):
        if name not in frame.columns:
            show(f"The new rows lack {name!r}, so the uplift is not measured on them.")
            return None
        label, _ = read_target(frame, schema, first_row=first_row)
        labelled = ~np.isnan(label)
        treatment = read_treatment(frame, schema, labelled, first_row=first_row)[labelled]
        chances = {}
        if isinstance(chance, str):
            chances[chance] = read_chances(frame, schema, labelled, first_row=first_row)[labelled]
        parsed = parse(frame, schema, first_row=first_row).loc[labelled]
        probability, uplift = run.scorer.score_uplift(Columns.from_arrays(encode(parsed, schema)))
        n_by_arm += np.bincount(treatment.astype(np.int64), minlength=2)
        outcome, treated = torch.from_numpy(label[labelled]), torch.from_numpy(treatment)
        kept.add(Scored(probability, outcome, uplift, treated), pd.DataFrame(chances))
        first_row += len(frame)
    if not n_by_arm.all():
        who = "none" if n_by_arm[0] else "all"
        show(f"{name}: of the new rows {who} were contacted, so the uplift is not measured.")
        return None
    return kept.measure()
