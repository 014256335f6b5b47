"""Training and validation rows as a Lightning data module."""

from __future__ import annotations

import pytorch_lightning as pl
import torch

from churn_torch.errors import InputError
from churn_torch.training.rows.batches import InOrder, Shuffled
from churn_torch.training.rows.store import MemoryPart, Part

# Rows are kept on a GPU as long as they leave this share of its free memory to the training.
FREE_SHARE = 0.4


class ChurnDataModule(pl.LightningDataModule):
    """Serve the training and validation rows, on the training device where they fit it.

    Args:
        train: Training rows.
        validation: Validation rows.
        batch_size: Training rows a step over all processes; None serves blocks in table order (for
            the exact solvers, which go through all rows for a step).
        seed: Seed of the training order; None keeps the table's order.

    Raises:
        InputError: ``batch_size`` is not a positive number, or asks for rows on disk all at once.
    """

    def __init__(
        self, train: Part, validation: Part, *, batch_size: int | None, seed: int | None
    ) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise InputError(
                f"batch_size: expected a positive number, auto, or null (all rows), got "
                f"{batch_size}."
            )
        if batch_size is not None and batch_size >= train.n_rows and not train.in_memory:
            raise InputError(
                f"batch_size: expected fewer than the {train.n_rows:,} training rows, which do not "
                f"fit into memory, got {batch_size:,}; choose a number, or optimizer=lbfgs."
            )
        self.train = train
        self.validation = validation
        self.batch_size = batch_size
        self.seed = seed

    def train_dataloader(self) -> Shuffled | InOrder:
        """Return training blocks, shuffled by the seed."""
        part, pin = self._placed(self.train)
        if self.batch_size is None:
            return InOrder(part, pin=pin)
        return Shuffled(part, batch_size=self.batch_size, seed=self.seed, pin=pin)

    def val_dataloader(self) -> InOrder:
        """Return validation blocks in table order."""
        part, pin = self._placed(self.validation)
        return InOrder(part, pin=pin)

    def _placed(self, part: Part) -> tuple[Part, bool]:
        """Return the rows on the training device if they fit it, and else whether to pin them."""
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        if device.type != "cuda":
            return part, False
        free, _ = torch.cuda.mem_get_info(device)
        if isinstance(part, MemoryPart) and part.n_rows * part.row_bytes < (1 - FREE_SHARE) * free:
            return part.to(device), False
        return part, True
