from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import churn_torch
from churn_torch.workflows.runs.artefacts import ARTEFACTS, CHECKPOINT, LOG, MODEL

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run

ROOT = Path(churn_torch.__file__).parent


def test_a_run_folder_holds_the_files_of_the_list_and_no_others(customers_run: Run) -> None:
    conditional = {artefact.name for artefact in ARTEFACTS if artefact.condition}
    always = {artefact.name for artefact in ARTEFACTS} - conditional
    there = {path.name for path in customers_run.folder.iterdir()}
    # Trained from Python, logistic regression: no log, a checkpoint, shapes, no lean file.
    assert there == always | {MODEL, CHECKPOINT, "shapes.csv", "shapes.html"}
    assert LOG not in there


def test_each_writer_is_there() -> None:
    for artefact in ARTEFACTS:
        module, _, name = artefact.writer.rpartition(".")
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert f"def {name}(" in source or f"class {name}(" in source, artefact


def test_names_are_listed_once() -> None:
    names = [artefact.name for artefact in ARTEFACTS]
    assert len(set(names)) == len(names)
