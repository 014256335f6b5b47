from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch

from churn_torch.errors import InputError
from churn_torch.models.preprocess import Columns
from churn_torch.training.batches import Batch, Batches
from churn_torch.training.datamodule import VALIDATION_ROWS, ChurnDataModule


def split(n_rows: int, first: int = 0) -> Batch:
    row = torch.arange(first, first + n_rows)
    nothing = torch.empty(n_rows, 0)
    return Batch(
        Columns(row.float().unsqueeze(1), nothing.double(), nothing.long()), row.float() % 2
    )


def rows(batches: Batches) -> list[list[float]]:
    return [batch.columns.numeric[:, 0].tolist() for batch in batches]


def test_training_rows_are_shuffled_by_the_seed_and_validation_rows_are_not():
    data = ChurnDataModule(split(50), split(9, first=50), batch_size=16, seed=3)
    expected = Batches(*split(50), batch_size=16, seed=3)
    assert rows(data.train_dataloader()) == rows(expected)
    assert rows(data.val_dataloader()) == [list(range(50, 59))]


def test_validation_batches_are_large_but_bounded():
    n_rows = VALIDATION_ROWS + 5
    data = ChurnDataModule(split(4), split(n_rows), batch_size=1, seed=0)
    assert [len(batch) for batch in rows(data.val_dataloader())] == [VALIDATION_ROWS, 5]


def test_no_batch_size_takes_all_rows():
    data = ChurnDataModule(split(50), split(9), batch_size=None, seed=0)
    assert [len(batch) for batch in rows(data.train_dataloader())] == [50]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_positive(batch_size):
    with pytest.raises(
        InputError, match=rf"^batch_size: .* null \(all rows\), got {batch_size}\.$"
    ):
        ChurnDataModule(split(4), split(4), batch_size=batch_size, seed=0)


class Recorder(pl.LightningModule):
    """A module that learns nothing and writes down the rows it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs: list[list[list[float]]] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        assert isinstance(batch, Batch)
        self.epochs[-1].append(batch.columns.numeric[:, 0].tolist())
        return self.weight * 1.0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        assert batch.columns.numeric[:, 0].tolist() == list(range(50, 59))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_lightning_announces_the_epochs(tmp_path):
    """Every epoch has its own order, the one that `Batches` gives for it."""
    module = Recorder()
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=3, num_sanity_val_steps=0, log_every_n_steps=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, default_root_dir=tmp_path,
    )  # fmt: skip
    data = ChurnDataModule(split(50), split(9, first=50), batch_size=16, seed=3)
    trainer.fit(module, data)
    expected = []
    for epoch in range(3):
        batches = Batches(*split(50), batch_size=16, seed=3)
        batches.set_epoch(epoch)
        expected.append(rows(batches))
    assert module.epochs == expected
    assert expected[0] != expected[1] != expected[2]
