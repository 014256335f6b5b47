from __future__ import annotations

import itertools

import pytest
import pytorch_lightning as pl
import torch

from churn_torch.errors import InputError
from churn_torch.training.rows.batches import Batches, InOrder, RowRange, Shuffled
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.store import Block, MemoryPart


def part(n_rows: int, first: int = 0) -> MemoryPart:
    row = torch.arange(first, first + n_rows)
    return MemoryPart(
        Block(row.float().unsqueeze(1), torch.empty(n_rows, 0, dtype=torch.int32), row.float() % 2)
    )


def rows(batches: Batches) -> list[list[float]]:
    """The rows of each minibatch."""
    row = batches.rows.dense[:, 0].tolist()
    return [row[a:b] for a, b in itertools.pairwise([0, *batches.ends])]


def test_training_rows_are_shuffled_by_the_seed_and_validation_rows_are_not():
    data = ChurnDataModule(part(50), part(9, first=50), batch_size=16, seed=3)
    (made,) = data.train_dataloader()
    (expected,) = Shuffled(part(50), batch_size=16, seed=3)
    assert rows(made) == rows(expected)
    (validation,) = data.val_dataloader()
    assert validation.block.dense[:, 0].tolist() == list(range(50, 59))


def test_the_exact_solvers_get_blocks_in_the_tables_order():
    loader = ChurnDataModule(part(50), part(9), batch_size=None, seed=3).train_dataloader()
    assert isinstance(loader, InOrder)
    (made,) = loader
    assert made.first_row == 0
    assert made.block.dense[:, 0].tolist() == list(range(50))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_positive(batch_size):
    message = rf"^batch_size: expected a whole number .* null \(all rows\), got {batch_size}\.$"
    with pytest.raises(InputError, match=message):
        ChurnDataModule(part(4), part(4), batch_size=batch_size, seed=0)


def test_all_rows_at_once_are_refused_where_they_are_on_disk():
    train = part(40)
    train.in_memory = False
    ChurnDataModule(train, part(4), batch_size=39, seed=0)
    with pytest.raises(InputError, match=r"^batch_size: expected fewer than the 40 training rows"):
        ChurnDataModule(train, part(4), batch_size=40, seed=0)


class Recorder(pl.LightningModule):
    """A module that learns nothing and writes down the rows it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs: list[list[list[float]]] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batches: Batches, batch_idx: int) -> None:
        assert isinstance(batches, Batches)
        assert isinstance(batches.rows, Block)  # also after Lightning has moved it to a device
        self.epochs[-1] += rows(batches)

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        assert isinstance(rows, RowRange)
        assert rows.block.dense[:, 0].tolist() == list(range(50, 59))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_lightning_announces_the_epochs(tmp_path):
    """Every epoch has its own order, the one that `Shuffled` gives for it."""
    module = Recorder()
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=3, num_sanity_val_steps=0, log_every_n_steps=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, ChurnDataModule(part(50), part(9, first=50), batch_size=16, seed=3))
    expected = []
    for epoch in range(3):
        loader = Shuffled(part(50), batch_size=16, seed=3)
        loader.set_epoch(epoch)
        expected.append([batch for block in loader for batch in rows(block)])
    assert module.epochs == expected
    assert expected[0] != expected[1] != expected[2]


@pytest.mark.gpu
def test_rows_that_fit_live_on_the_gpu(tmp_path):
    data = ChurnDataModule(part(50), part(9), batch_size=16, seed=3)
    data.trainer = pl.Trainer(accelerator="gpu", devices=1, logger=False, default_root_dir=tmp_path)
    (made,) = data.train_dataloader()
    assert all(array.is_cuda for array in made.rows.arrays())
    (expected,) = Shuffled(part(50), batch_size=16, seed=3)
    assert rows(made) == rows(expected)


@pytest.mark.gpu
def test_rows_that_do_not_fit_are_pinned(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 100))
    data = ChurnDataModule(part(50), part(9), batch_size=16, seed=3)
    data.trainer = pl.Trainer(accelerator="gpu", devices=1, logger=False, default_root_dir=tmp_path)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        (made,) = loader
        assert all(array.is_pinned() for array in made.rows.arrays() if array.numel())
