"""The strategy of `trainer=ddp`: the modules add up gradients themselves."""

from __future__ import annotations

import logging

import torch
from pytorch_lightning.strategies import DDPStrategy


class SummedProcesses(DDPStrategy):
    """Distributed data parallel without torch's wrapper around the module.

    The wrapper adds up gradients after one backward pass a step. Here one step of the trainer is
    many minibatches, or a part of a pass of the exact solvers, so the modules add up gradients and
    sums themselves.
    """

    def __init__(self) -> None:
        # Only the fit runs in several processes; the main one reads, evaluates and writes.
        super().__init__(start_method="spawn")

    def setup_environment(self) -> None:
        """Make a new process as quiet as the main one, with one torch thread."""
        for name in ("pytorch_lightning", "lightning_fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        torch.set_num_threads(1)
        super().setup_environment()

    def configure_ddp(self) -> None:
        """Leave the module as it is."""
