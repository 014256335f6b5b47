"""churn_torch: a customer table goes in, one self-contained ONNX churn model comes out.

The names below are loaded when first used, so that ``import churn_torch`` (and ``--help`` of
every script) costs no import of torch.
"""

from __future__ import annotations

import os

# onnxruntime would report to Microsoft what runs here (names and hashes of models, an identifier of
# the machine) from 1.29 on, and leave a file of a known name in /tmp. It reads this when it starts.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# A command imports this before it can handle Ctrl-C, and `typing` takes longer than all else.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from churn_torch.cli.compose import compose
    from churn_torch.sklearn import ChurnClassifier
    from churn_torch.workflows.cross_validate import cross_validate
    from churn_torch.workflows.runs.run_folder import load_run
    from churn_torch.workflows.train import train

__all__ = ["ChurnClassifier", "__version__", "compose", "cross_validate", "load_run", "train"]

__version__ = "0.1.0"

_HOMES = {
    "ChurnClassifier": "churn_torch.sklearn",
    "compose": "churn_torch.cli.compose",
    "cross_validate": "churn_torch.workflows.cross_validate",
    "load_run": "churn_torch.workflows.runs.run_folder",
    "train": "churn_torch.workflows.train",
}


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
