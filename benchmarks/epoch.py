"""One epoch of minibatch gradient descent for logistic regression, against other ways to run it.

    python benchmarks/epoch.py [ROWS] [BATCH_SIZE]

All sides learn the same 64 float32 columns with Adam, in the same run: churn_torch through
Lightning; a bare torch loop over shuffled slices, which is the speed to reach;
DataLoader(TensorDataset) under Lightning, as tutorials show it, with a tenth of the rows;
scikit-learn's SGDClassifier, which learns row by row. The time of an epoch is the difference
between fits of different length, so set-up does not count.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import pytorch_lightning as pl
import torch
from exact_fit import Array, make
from sklearn.linear_model import SGDClassifier
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

from churn_torch.models.calibration import Calibrator
from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.preprocess import Preprocess
from churn_torch.models.preprocessing.statistics import PreprocessOptions
from churn_torch.models.scorer import Scorer
from churn_torch.tables.schema import Column, Kind, Schema, Storage
from churn_torch.training.module import ChurnModule
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.store import Block, MemoryPart

LR, L2 = 0.01, 1e-4
SHORT, LONG = 1, 4


def trainer(epochs: int, accelerator: str = "cpu") -> pl.Trainer:
    """Return a trainer with nothing but the loop."""
    return pl.Trainer(
        accelerator=accelerator,
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def ours(
    x: Array,
    y: Array,
    batch_size: int,
    epochs: int,
    *,
    accelerator: str = "cpu",
    make_net: Callable[..., nn.Module] = Linear,
    compiled: bool = False,
) -> None:
    """Fit with churn_torch."""
    columns = [Column(f"x{i}", Kind.NUMERIC, Storage.NUMBER) for i in range(x.shape[1])]
    schema = Schema((*columns, Column("y", Kind.TARGET, Storage.NUMBER)), "y", "1", "0")
    preprocess = Preprocess(schema, PreprocessOptions())
    scorer = Scorer(preprocess, make_net(n_features=x.shape[1]), Calibrator())
    module = ChurnModule(
        scorer,
        optimizer=partial(torch.optim.Adam, lr=LR, fused=True),  # as conf/optimizer/adam.yaml
        scheduler=None,
        l1=0.0,
        l2=L2,
        positive_weight=1.0,
        gradient_clip=None,
        ema_decay=0.0,
        compiled=compiled,
        seed=0,
    )
    codes = torch.empty(len(x), 0, dtype=torch.int32)
    block = Block(torch.from_numpy(x), codes, torch.from_numpy(y))
    validation = MemoryPart(block.take(slice(0, 1000)))
    data = ChurnDataModule(MemoryPart(block), validation, batch_size=batch_size, seed=0)
    trainer(epochs, accelerator).fit(module, data)


def bare_loop(
    x: Array,
    y: Array,
    batch_size: int,
    epochs: int,
    *,
    device: str = "cpu",
    make_net: Callable[..., nn.Module] | None = None,
) -> None:
    """Fit with torch alone: shuffle, slice, step."""
    features, label = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    make = make_net or (lambda n_features: nn.Sequential(nn.Linear(n_features, 1), nn.Flatten(0)))
    net = make(n_features=x.shape[1]).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR, weight_decay=L2)
    for _ in range(epochs):
        order = torch.randperm(len(x), device=device)
        for rows in order.split(batch_size):
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(net(features[rows]), label[rows]).backward()
            optimizer.step()


class Tutorial(pl.LightningModule):
    """Logistic regression as a first Lightning tutorial writes it."""

    def __init__(self, n_columns: int) -> None:
        super().__init__()
        self.net = nn.Linear(n_columns, 1)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Return the loss."""
        x, y = batch
        return binary_cross_entropy_with_logits(self.net(x).squeeze(1), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=LR, weight_decay=L2)


def tutorial(x: Array, y: Array, batch_size: int, epochs: int) -> None:
    """Fit with Lightning and a DataLoader of single rows."""
    rows = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = DataLoader(rows, batch_size=batch_size, shuffle=True)
    trainer(epochs).fit(Tutorial(x.shape[1]), loader)


def sgd_classifier(x: Array, y: Array, batch_size: int, epochs: int) -> None:
    """Fit with scikit-learn's stochastic gradient descent."""
    model = SGDClassifier(loss="log_loss", alpha=L2, max_iter=epochs, tol=None, random_state=0)
    model.fit(x, y)


def epoch_seconds(fit: Callable[[int], None]) -> float:
    """Return the seconds of an epoch: what a longer fit takes more than a short one."""
    fit(SHORT)
    seconds = []
    for _ in range(3):
        lengths = []
        for epochs in (SHORT, LONG):
            start = time.perf_counter()
            fit(epochs)
            lengths.append(time.perf_counter() - start)
        seconds.append((lengths[1] - lengths[0]) / (LONG - SHORT))
    return sorted(seconds)[1]


def main() -> None:
    """Run every side and print the table."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    batch_size = int(sys.argv[2]) if len(sys.argv) > 2 else 8192
    x, y = make(n_rows, 64, "plain")
    print(f"{n_rows:,} x 64, batches of {batch_size:,}")
    print("                                 seconds  M rows/s  of the bare loop")
    n_threads = torch.get_num_threads()
    rates: dict[str, float] = {}
    for name, fit, share, threads in (
        ("bare torch loop", bare_loop, 1, n_threads),
        ("bare torch loop, one thread", bare_loop, 1, 1),
        ("churn_torch", ours, 1, 1),
        ("DataLoader under Lightning", tutorial, 10, n_threads),
        ("SGDClassifier", sgd_classifier, 1, n_threads),
    ):
        torch.set_num_threads(threads)
        n = n_rows // share
        seconds = epoch_seconds(partial(fit, x[:n], y[:n], batch_size))
        rates[name] = n / seconds
        best = max(rate for side, rate in rates.items() if side.startswith("bare"))
        print(f"{name:32} {seconds:7.3f}  {n / seconds / 1e6:8.2f}  {rates[name] / best:8.2f}")


if __name__ == "__main__":
    main()
