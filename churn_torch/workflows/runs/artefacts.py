"""The files of a run folder: what each holds and when it is written."""

from __future__ import annotations

from typing import NamedTuple

CONFIG = "config.yaml"
SCHEMA = "schema.json"
WEIGHTS = "weights.pt"
METRICS = "metrics.json"
PREDICTIONS = "predictions.parquet"
MODEL = "model.onnx"
LEAN_MODEL = "model.lean.onnx"
LOG = "train.log"
EVENTS, EVENTS_SQL, FEATURE_TABLES = "events.json", "events.sql", "feature_tables"
CHECKPOINT = "last.ckpt"
SCORECARD, SCORECARD_PAGE = "scorecard.csv", "scorecard.html"
SHAPES, SHAPES_PAGE = "shapes.csv", "shapes.html"
UPLIFT_PAGE = "uplift.html"
SURVIVAL_PAGE = "survival.html"
REPORT_PAGE = "report.html"


class Artefact(NamedTuple):
    """A file of a run folder.

    Attributes:
        name: The file.
        content: What is in it.
        writer: The function that writes it.
        condition: When it is there; empty for always.
    """

    name: str
    content: str
    writer: str
    condition: str = ""


# In the order in which they are written; metrics.json marks a run as finished.
ARTEFACTS = (
    Artefact(CONFIG, "every choice made", "workflows.runs.run_start.start_run"),
    Artefact(LOG, "what was shown on the terminal", "console.show", "from the command line"),
    Artefact(
        FEATURE_TABLES,
        "the rows made of events, one file a cut-off",
        "workflows.rows.event_rows.make_event_rows",
        "events=...",
    ),
    Artefact(
        EVENTS,
        "how rows are made of events: what churn-torch score at=... needs",
        "workflows.rows.event_rows.make_event_rows",
        "events=...",
    ),
    Artefact(
        EVENTS_SQL,
        "the queries that made them",
        "workflows.rows.event_rows.make_event_rows",
        "events=...",
    ),
    Artefact(
        CHECKPOINT,
        "where a resumed training starts",
        "training.callbacks.LastCheckpoint",
        "unless trainer.enable_checkpointing=false",
    ),
    Artefact(
        PREDICTIONS, "test rows: carried columns, label, probability", "workflows.train.train"
    ),
    Artefact(
        MODEL,
        "the verified ONNX file",
        "workflows.runs.publish.write_model",
        "unless it did not answer as PyTorch does (the command then fails and says so)",
    ),
    Artefact(
        LEAN_MODEL,
        "the same without reasons",
        "workflows.runs.publish.write_model",
        "where reasons take more than one pass through the net",
    ),
    Artefact(
        SCORECARD,
        "the points of every bin",
        "workflows.explanation.additive_files.write_terms",
        "model=scorecard",
    ),
    Artefact(
        SCORECARD_PAGE,
        "the same as a page",
        "workflows.explanation.additive_files.write_terms",
        "model=scorecard",
    ),
    Artefact(
        SHAPES,
        "what each value of a column adds",
        "workflows.explanation.additive_files.write_terms",
        "model=logreg or gam",
    ),
    Artefact(
        SHAPES_PAGE,
        "the same as a page",
        "workflows.explanation.additive_files.write_terms",
        "model=logreg or gam",
    ),
    Artefact(
        UPLIFT_PAGE,
        "how the predicted uplift ranks and is calibrated on the test rows",
        "workflows.measurement.uplift.measured_uplift",
        "model=uplift",
    ),
    Artefact(
        SURVIVAL_PAGE,
        "when the test customers left, beside what was predicted",
        "workflows.measurement.survival.measured_survival",
        "model=survival",
    ),
    Artefact(SCHEMA, "every column: kind, vocabulary, range", "workflows.runs.run_folder.save_run"),
    Artefact(WEIGHTS, "the weights, as tensors only", "workflows.runs.run_folder.save_run"),
    Artefact(
        METRICS,
        "every metric, the loss curve, the fingerprint",
        "workflows.runs.run_folder.save_run",
    ),
    Artefact(
        REPORT_PAGE,
        "what the model is worth, why, and when not to use it",
        "workflows.report.report_training",
        "unless report=false or model=uplift",
    ),
)
