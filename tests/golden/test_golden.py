"""Seeded loss curves on Telco: a refactor must not move them.

Where a change is meant to move them, say so in its commit and write the curves anew:

    python tests/golden/test_golden.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from churn_torch.cli.compose import compose
from churn_torch.workflows import train as pipeline

HERE = Path(__file__).parent
# Everything that decides the curve is spelled out: another default is no reason for new curves.
PINNED = (
    "seed=0", "batch_size=256", "class_weight=none", "penalty.l1=1e-5", "penalty.l2=1e-4",
    "preprocess.outliers=none", "preprocess.scaling=standard", "preprocess.min_count=5",
    "optimizer=adam", "optimizer.lr=0.003", "optimizer.betas=[0.9,0.999]", "scheduler=none",
    "callbacks=none", "trainer=cpu", "trainer.max_epochs=5", "trainer.precision=32-true",
    "ema_decay=0",
)  # fmt: skip
MODELS = {
    "logreg": ("model=logreg",),
    "mlp": (
        "model=mlp", "model.width=32", "model.depth=2", "model.dropout=0.1",
        "model.activation=relu", "model.normalization=none", "model.residual=false",
        "model.n_frequencies=0",
    ),
}  # fmt: skip


def curve(model: str) -> list[dict[str, float]]:
    """Train five epochs and return the losses of each."""
    with tempfile.TemporaryDirectory() as folder:
        config = compose("train", [*MODELS[model], *PINNED, f"outputs={folder}"])
        history: list[dict[str, float]] = pipeline.train(config, Path(folder) / "run").metrics[
            "fit"
        ]["history"]
        return history


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("model", MODELS)
def test_the_loss_curve_has_not_moved(model):
    golden = json.loads((HERE / f"{model}.json").read_text())
    assert len(golden) == 5
    assert curve(model) == [pytest.approx(epoch, abs=1e-5, rel=0) for epoch in golden]


if __name__ == "__main__":
    for name in MODELS:
        (HERE / f"{name}.json").write_text(json.dumps(curve(name), indent=1) + "\n")
