"""A logger that writes a training to MLflow."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

from pytorch_lightning.loggers import MLFlowLogger


class MlflowLogger(MLFlowLogger):
    """Lightning's logger without its messages, with its MLflow run started at once.

    The run starts at once because several processes share the run of the first one.

    Args:
        save_dir: The run folder; its name becomes the MLflow run's.
        experiment_name: The MLflow experiment.
        tracking_uri: The store: an SQLite file or a server.
        artifact_location: Where a new experiment keeps its files; null: the store decides.
    """

    def __init__(
        self,
        save_dir: Path,
        experiment_name: str,
        tracking_uri: str,
        artifact_location: str | None,
    ) -> None:
        # MLflow would report its use to its makers.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        logging.getLogger(MLFlowLogger.__module__).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about MLflow's own code
            import mlflow

            logging.getLogger(mlflow.__name__).setLevel(logging.WARNING)
            super().__init__(
                experiment_name,
                run_name="/".join(save_dir.absolute().parts[-2:]),
                tracking_uri=tracking_uri,
                artifact_location=artifact_location,
            )
            _ = self.run_id
