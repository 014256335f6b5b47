"""Training and validation rows as a Lightning data module."""

from __future__ import annotations

import pytorch_lightning as pl

from churn_torch.errors import InputError
from churn_torch.training.batches import Batch, Batches

# Validation only sums losses: large batches, bounded memory.
VALIDATION_ROWS = 16_384


class ChurnDataModule(pl.LightningDataModule):
    """Serve the training and validation rows as `Batches`.

    Args:
        train: Training rows.
        validation: Validation rows.
        batch_size: Training rows a step; None takes them all (plain gradient descent).
        seed: Seed of the training order; None keeps the table's order.

    Raises:
        InputError: ``batch_size`` is not a positive number.
    """

    def __init__(
        self, train: Batch, validation: Batch, *, batch_size: int | None, seed: int | None
    ) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise InputError(
                f"batch_size: expected a positive number or null (all rows), got {batch_size}."
            )
        self.train = train
        self.validation = validation
        self.batch_size = batch_size
        self.seed = seed

    def train_dataloader(self) -> Batches:
        """Return training batches, shuffled by the seed."""
        return Batches(*self.train, batch_size=self.batch_size, seed=self.seed)

    def val_dataloader(self) -> Batches:
        """Return validation batches in table order."""
        return Batches(*self.validation, batch_size=VALIDATION_ROWS, seed=None)
