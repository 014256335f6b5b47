"""The Lightning module of gradient descent: penalised, weighted cross-entropy of a net's logits."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torchmetrics import Metric

from churn_torch.errors import InputError
from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.models.nets.ensemble import Ensemble
from churn_torch.models.nets.uplift import own_logits
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.scorer import Scorer
from churn_torch.training.rows.batches import Batches, RowRange, rows_to_expand
from churn_torch.training.rows.store import Block

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer], Any]
MONITOR = "validation/log_loss"

# Lightning 2.6 calls torch 2.13 in a way that warns on every fit, and a user can do nothing about
# it. The filter is here because every process that fits a module imports this file.
warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)")


class FitModule(pl.LightningModule):
    """The base of the modules that fit a scorer's net: features, loss curve and validation.

    Args:
        scorer: The scorer; its net is trained, its preprocessing stays as it is.
        positive_weight: Weight of a positive row.
    """

    monitor = MONITOR  # the name that the validation loss is logged by

    def __init__(self, scorer: Scorer, *, positive_weight: float) -> None:
        super().__init__()
        # One training step is a block of many minibatches, which share Lightning's cost of a step.
        self.automatic_optimization = False
        self.scorer = scorer
        self.expansion = Expansion(scorer.preprocess)
        self.positive_weight = float(positive_weight)
        scorer.prior_shift.fill_(math.log(positive_weight))
        self.validation_loss: Metric = LogLoss()
        self.history: list[dict[str, float]] = []

    def features(self, block: Block) -> Tensor:
        """Return the model-space rows of compact ones."""
        return self.expansion(block.dense, block.codes)  # type: ignore[no-any-return]

    @property
    def kept_net(self) -> nn.Module:
        """The net that is validated, and whose weights the scorer ends with."""
        return self.scorer.learner

    def validation_step(self, rows: RowRange, batch_idx: int) -> None:
        """Add one block to the validation log-loss."""
        chunk_rows = min(rows_to_expand(self.expansion.n_features), self.scorer.chunk_rows)
        for chunk in rows.block.in_chunks(chunk_rows):
            logit = own_logits(self.kept_net, self.features(chunk), chunk.treatment)
            self.validation_loss.update(logit - self.scorer.prior_shift, chunk.label, chunk.weight)

    def on_validation_epoch_end(self) -> None:
        """Log the loss of the whole validation split."""
        self.log(self.monitor, self.validation_loss.compute().float(), sync_dist=True)
        self.validation_loss.reset()

    def sum_over_processes(self, tensor: Tensor) -> Tensor:
        """Return the sum of every process's tensor, in place."""
        if self.trainer.world_size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor

    def keep_losses(self, train_loss: float) -> None:
        """Log the training loss of the epoch, and add both losses to the curve."""
        self.log("train/loss", train_loss, sync_dist=True)
        loss = float(self.trainer.callback_metrics[self.monitor])
        self.history.append({"train_loss": train_loss, self.monitor.replace("/", "_"): loss})

    @property
    def validation_losses(self) -> list[float]:
        """The monitored loss of each epoch."""
        return [epoch[self.monitor.replace("/", "_")] for epoch in self.history]

    def get_extra_state(self) -> dict[str, Any]:
        """Save the loss curve with the weights, for a resume and for the main process."""
        return {"history": self.history}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the loss curve."""
        self.history = state["history"]


class ChurnModule(FitModule):
    """Train a scorer's net by gradient descent.

    The training loss is ``mean(s * w * BCE) + l2 / 2 * sum(v^2) + l1 * sum(|v|)`` over weight
    matrices ``v`` (biases, scales and normalisation parameters are not penalised), with the sample
    weights s, which average 1 over all training rows, and w = ``positive_weight`` for positives. Of
    a net with many members it is the mean of their losses. The loss of a minibatch is divided by
    its number of rows, not by its weights: on average over the minibatches that is the gradient of
    all rows, and processes need not add up weights. Validation log-loss is weighted by the sample
    weights alone, at the true base rate.

    Args:
        scorer: The scorer; its net is trained, its preprocessing stays as it is.
        optimizer: Makes the optimizer from the parameters.
        scheduler: Makes the learning-rate scheduler from the optimizer; None keeps the rate.
        l1: L1 penalty.
        l2: L2 penalty. ``scikit-learn``'s C corresponds to ``l2 = 1 / (C * n_train)``, with sample
            weights to ``1 / (C * their sum)``.
        positive_weight: Weight of a positive row.
        gradient_clip: Largest norm of the gradient; None leaves it as it is.
        ema_decay: Share that an average of the weights keeps of itself at each step, in [0, 1);
            the average is what is validated and kept. 0 is the weights themselves. (Polyak &
            Juditsky 1992, "Acceleration of stochastic approximation by averaging".)
        compiled: Run the net through ``torch.compile``.
        seed: Seed of dropout; each epoch has its own, so that a resumed run continues as if it
            had not been interrupted.

    Raises:
        InputError: A penalty, the clip or the decay is out of range.
    """

    row_weight: Tensor | None

    def __init__(
        self,
        scorer: Scorer,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler | None,
        l1: float,
        l2: float,
        positive_weight: float,
        gradient_clip: float | None,
        ema_decay: float,
        compiled: bool,
        seed: int,
    ) -> None:
        super().__init__(scorer, positive_weight=positive_weight)
        if l1 < 0 or l2 < 0:
            raise InputError(
                "penalty",
                expected="l1 and l2 of 0 or above",
                got=f"l1={l1} and l2={l2}",
                fix="set penalty.l1 and penalty.l2",
            )
        if gradient_clip is not None and not gradient_clip > 0:
            got = str(gradient_clip)
            raise InputError("gradient_clip", expected="a number above 0 or null", got=got)
        if not 0 <= ema_decay < 1:
            expected = "a number from 0 to below 1, such as 0.98"
            raise InputError("ema_decay", expected=expected, got=str(ema_decay))
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.gradient_clip = gradient_clip
        self.seed = seed
        self.learner = net = scorer.learner  # which is made anew each time it is asked for
        self.ema_decay = ema_decay
        self.average = copy.deepcopy(net).requires_grad_(False) if ema_decay else None
        self.n_averaged = 0
        self.run_net: Callable[..., Tensor] = torch.compile(net) if compiled else net
        # In a mean over nets, a net's penalty is divided by their number, as its loss is.
        n_nets = len(net.members) if isinstance(net, Ensemble) else 1
        self.l1, self.l2 = l1 / n_nets, l2 / n_nets
        self.weights = [
            p for name, p in net.named_parameters() if name.endswith("weight") and p.ndim > 1
        ]
        row_weight = None if self.positive_weight == 1 else torch.tensor(self.positive_weight)
        self.register_buffer("row_weight", row_weight, persistent=False)
        self._loss_sum = torch.zeros(())
        self._n_rows = 0

    @property
    def kept_net(self) -> nn.Module:
        """The average of the weights, if there is one."""
        return self.learner if self.average is None else self.average

    def on_train_epoch_start(self) -> None:
        """Seed the epoch's randomness by seed, epoch and process."""
        torch.manual_seed((self.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)
        self._loss_sum = torch.zeros((), device=self.device)
        self._n_rows = 0

    def training_step(self, batches: Batches, batch_idx: int) -> None:
        """Take one step of gradient descent for each minibatch."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        start = 0
        for end, n_rows in zip(batches.ends, batches.sizes, strict=True):
            optimizer.zero_grad()
            loss = self._loss(batches.rows.take(slice(start, end)), n_rows)
            torch.autograd.backward(loss)
            self._share_gradients()
            self._add_penalty_gradients()
            if self.gradient_clip is not None:
                nn.utils.clip_grad_norm_(self.learner.parameters(), self.gradient_clip)
            optimizer.step()
            self._average_weights()
            start = end
            self._n_rows += n_rows

    def _loss(self, rows: Block, n_rows: int) -> Tensor:
        """Return this process's part of the mean loss of a minibatch, without penalties."""
        with torch.no_grad():
            x = self.features(rows)
        loss = self.summed_loss(own_logits(self.run_net, x, rows.treatment), rows)
        # Summed here and logged once an epoch: Lightning's logging is slower than a small step.
        self._loss_sum += loss.detach()
        return loss / n_rows

    def summed_loss(self, logit: Tensor, rows: Block) -> Tensor:
        """Return the sum of the rows' losses; each member of an ensemble has its own."""
        label, weight = rows.label, rows.weight
        if logit.ndim == 2:
            label = label.unsqueeze(1).expand_as(logit)
            weight = None if weight is None else weight.unsqueeze(1)
        loss = binary_cross_entropy_with_logits(
            logit, label, weight=weight, pos_weight=self.row_weight, reduction="sum"
        )
        return loss if logit.ndim == 1 else loss / logit.shape[1]

    def _add_penalty_gradients(self) -> None:
        """Add the penalties' gradients directly, which is several times faster than autograd."""
        for weight in self.weights:
            assert weight.grad is not None
            if self.l2:
                weight.grad.add_(weight.detach(), alpha=self.l2)
            if self.l1:
                weight.grad.add_(weight.detach().sign(), alpha=self.l1)

    def _average_weights(self) -> None:
        """Move the average towards the weights; after the first steps it is the plain mean."""
        if self.average is None:
            return
        self.n_averaged += 1
        decay = min(self.ema_decay, 1 - 1 / self.n_averaged)
        kept, net = self.average, self.learner
        move: Any = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        move(list(kept.parameters()), list(net.parameters()), self.n_averaged)
        for of_kept, of_net in zip(kept.buffers(), net.buffers(), strict=True):
            of_kept.copy_(of_net)

    def get_extra_state(self) -> dict[str, Any]:
        """Save also how many steps are averaged."""
        return {**super().get_extra_state(), "n_averaged": self.n_averaged}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore also how many steps are averaged."""
        super().set_extra_state(state)
        self.n_averaged = state["n_averaged"]

    def _share_gradients(self) -> None:
        if self.trainer.world_size > 1:
            gradients = [p.grad for p in self.learner.parameters() if p.grad is not None]
            flat = self.sum_over_processes(torch.cat([g.flatten() for g in gradients]))
            start = 0
            for gradient in gradients:
                gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
                start += gradient.numel()

    def on_train_epoch_end(self) -> None:
        """Keep the losses of the epoch and step the scheduler."""
        loss_sum = self.sum_over_processes(self._loss_sum)
        self.keep_losses(float(loss_sum) / max(self._n_rows, 1))
        scheduler: Any = self.lr_schedulers()
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(self.validation_losses[-1])
        elif scheduler is not None:
            scheduler.step()

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with its scheduler stepped once an epoch.

        Raises:
            InputError: torch refuses one of their values.
        """
        try:
            optimizer = self.make_optimizer(self.learner.parameters())
            if self.make_scheduler is None:
                return optimizer
            scheduler = self.make_scheduler(optimizer)
        except (TypeError, ValueError) as error:
            raise InputError(
                "optimizer or scheduler",
                expected="values that torch takes",
                got=f"its error: {error}".rstrip("."),
                fix="see the keys in conf/optimizer/ and conf/scheduler/",
            ) from error
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler}}
