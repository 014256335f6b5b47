"""Training and validation rows as a Lightning data module."""

from __future__ import annotations

import pytorch_lightning as pl
import torch

from churn_torch.errors import InputError
from churn_torch.training.rows.batches import InOrder, Shuffled
from churn_torch.training.rows.store import MemoryPart, Part

# Rows are kept on a GPU if they leave this share of its free memory to the training.
FREE_SHARE = 0.4


class ChurnDataModule(pl.LightningDataModule):
    """Serve the training and validation rows, on the training device if it has room for them.

    Args:
        train: Training rows.
        validation: Validation rows.
        batch_size: Training rows of a step over all processes; None serves blocks in table order,
            for the exact solvers, which read all rows for a step.
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
                "batch_size",
                expected="a whole number above 0, auto, or null (all rows)",
                got=str(batch_size),
            )
        if batch_size is not None and batch_size >= train.n_rows and not train.in_memory:
            raise InputError(
                "batch_size",
                expected=f"fewer than the {train.n_rows:,} training rows, which are on disk",
                got=f"{batch_size:,}",
                fix="choose a smaller number, or optimizer=lbfgs",
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
        """Return the rows, on the training device if it has room, and whether to pin them."""
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        if device.type != "cuda":
            return part, False
        free, _ = torch.cuda.mem_get_info(device)
        if isinstance(part, MemoryPart) and part.n_rows * part.row_bytes < (1 - FREE_SHARE) * free:
            return part.to(device), False
        return part, True
