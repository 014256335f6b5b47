"""Several processes that add up their sums themselves."""

from __future__ import annotations

import logging

import torch
from pytorch_lightning.strategies import DDPStrategy


class SummedProcesses(DDPStrategy):
    """Distributed data parallel without the wrapper that would add up gradients on its own.

    The modules add up gradients, or sums of a pass, at the end of each minibatch or pass: many
    minibatches are one step to the trainer, and the wrapper knows one backward pass a step only.
    """

    def __init__(self) -> None:
        # Only the fit runs in several processes: one reads, evaluates and writes.
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Make the new process what the one is that started it: quiet, and on one torch thread."""
        for name in ("pytorch_lightning", "lightning_fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        torch.set_num_threads(1)
        super().setup_environment()

    def configure_ddp(self) -> None:
        """Leave the module as it is."""
