"""The Lightning module: penalised, weighted binary cross-entropy on a scorer's logits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.errors import InputError
from churn_torch.evaluation.metrics import LogLoss
from churn_torch.models.scorer import Scorer
from churn_torch.training.batches import Batch, Features

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer], Any]

MONITOR = "validation/log_loss"


class ChurnModule(pl.LightningModule):
    """Train a scorer's net by gradient descent.

    The training loss is ``mean(w * BCE) + l2 / 2 * sum(v^2) + l1 * sum(|v|)`` over weight
    matrices ``v`` (biases and normalisation parameters go free), with w = ``positive_weight`` for
    positives. Validation log-loss is measured unweighted, at the true base rate.

    Args:
        scorer: The scorer; its net is trained, its preprocessing stays fixed.
        optimizer: Makes the optimizer from the parameters.
        scheduler: Makes the learning-rate scheduler from the optimizer; None keeps the rate.
        l1: L1 penalty.
        l2: L2 penalty. ``scikit-learn``'s C corresponds to ``l2 = 1 / (C * n_train)``.
        positive_weight: Weight of a positive row.
        seed: Seed of dropout, drawn anew for each epoch so that a resumed run goes on as if
            unbroken.

    Raises:
        InputError: A penalty is negative.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler | None,
        l1: float,
        l2: float,
        positive_weight: float,
        seed: int,
    ) -> None:
        super().__init__()
        if l1 < 0 or l2 < 0:
            raise InputError(f"penalty: expected l1 >= 0 and l2 >= 0, got l1={l1} and l2={l2}.")
        self.scorer = scorer
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.l1, self.l2 = l1, l2
        self.seed = seed
        self.register_buffer("positive_weight", torch.tensor(float(positive_weight)))
        scorer.prior_shift.fill_(math.log(positive_weight))
        self.validation_loss = LogLoss()
        self.history: list[dict[str, float]] = []
        self._loss_sum = torch.zeros(())
        self._n_rows = 0

    def on_train_epoch_start(self) -> None:
        """Make the epoch's randomness a function of seed, epoch and process."""
        torch.manual_seed((self.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)
        self._loss_sum = torch.zeros((), device=self.device)
        self._n_rows = 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the penalised loss of one batch."""
        logit = self._raw_logit(batch)
        loss = binary_cross_entropy_with_logits(
            logit, batch.label, pos_weight=self.get_buffer("positive_weight")
        )
        # Summed here and logged once an epoch: Lightning's logging costs more than a small step.
        self._loss_sum += loss.detach() * len(batch.label)
        self._n_rows += len(batch.label)
        return loss + self._penalty()

    def _raw_logit(self, batch: Batch) -> Tensor:
        if isinstance(batch.columns, Features):
            logit: Tensor = self.scorer.net(batch.columns.x)
            return logit
        return self.scorer.raw_logit(*batch.columns)

    def _penalty(self) -> Tensor | float:
        weights = [p for p in self.scorer.net.parameters() if p.ndim > 1]
        penalty: Tensor | float = 0.0
        if self.l2:
            penalty = penalty + self.l2 / 2 * sum(w.square().sum() for w in weights)
        if self.l1:
            penalty = penalty + self.l1 * sum(w.abs().sum() for w in weights)
        return penalty

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the validation log-loss."""
        logit = self._raw_logit(batch) - self.scorer.prior_shift
        self.validation_loss.update(logit, batch.label)

    def on_validation_epoch_end(self) -> None:
        """Log the log-loss of the whole validation split."""
        self.log(MONITOR, self.validation_loss.compute().float(), sync_dist=True)
        self.validation_loss.reset()

    def on_train_epoch_end(self) -> None:
        """Log the training loss of the epoch and keep the curve."""
        sums = torch.stack([self._loss_sum, self._loss_sum.new_tensor(float(self._n_rows))])
        gathered = self.all_gather(sums)  # every process has seen its share of the rows
        assert isinstance(gathered, Tensor)
        loss_sum, n_rows = gathered.reshape(-1, 2).sum(0)
        train_loss = loss_sum / n_rows.clamp(min=1)
        self.log("train/loss", train_loss, sync_dist=True)
        log_loss = self.trainer.callback_metrics[MONITOR]
        self.history.append(
            {"train_loss": float(train_loss), "validation_log_loss": float(log_loss)}
        )

    def get_extra_state(self) -> dict[str, Any]:
        """Keep the loss curve with the weights: across a resume, and back from other processes."""
        return {"history": self.history}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the loss curve up again."""
        self.history = state["history"]

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with its scheduler stepped once an epoch.

        Raises:
            InputError: torch refuses one of their values.
        """
        try:
            optimizer = self.make_optimizer(self.scorer.net.parameters())
            if self.make_scheduler is None:
                return optimizer
            scheduler = self.make_scheduler(optimizer)
        except (TypeError, ValueError) as error:
            raise InputError(f"optimizer or scheduler: {error}.") from error
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "monitor": MONITOR},
        }
