"""Training on expected profit, against its formula in NumPy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.training.fit import fit_net
from churn_torch.training.profit_module import PayoffScale, ProfitModule, payoff_scale
from churn_torch.training.rows.store import MemoryPart

SCALE = PayoffScale(size=7.0, break_even=-1.5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def with_payoffs(prepared):
    """The same rows: a leaver brings 0 to 40, and a call to one who stays costs 3."""
    generator = torch.Generator().manual_seed(0)
    for name, part in prepared.store.parts.items():
        label = part.block.label
        gain = 40 * torch.rand(part.n_rows, generator=generator)
        payoff = torch.where(label == 1, gain, -3.0)
        prepared.store.parts[name] = MemoryPart(part.block._replace(payoff=payoff))
    return prepared


def make(prepared, scale: PayoffScale = SCALE) -> ProfitModule:
    return ProfitModule(
        prepared.scorer, scale=scale, optimizer=torch.optim.Adam, scheduler=None, l1=0.0, l2=0.0,
        gradient_clip=None, ema_decay=0.0, compiled=False, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_members", [None, 3])
def test_loss_and_gradient_of_a_batch(prepare, weighted, n_members):
    prepared = with_payoffs(prepare().weighted() if weighted else prepare())
    module, block = make(prepared), prepared.train.block
    shape = (len(block.label),) if n_members is None else (len(block.label), n_members)
    logit = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    logit.requires_grad_()
    block = block._replace(
        payoff=block.payoff.double(), weight=block.weight.double() if weighted else None
    )
    loss = module.summed_loss(logit, block)
    (gradient,) = torch.autograd.grad(loss, logit)
    # s * payoff, in units of the size; each member of an ensemble has its own share of a contact.
    each = prepared.weight() * block.payoff.numpy() / 7.0
    each = each if n_members is None else each[:, None] / n_members
    contacted = sigmoid(logit.detach().numpy() + 1.5)
    assert loss.item() == pytest.approx(-(contacted * each).sum())
    np.testing.assert_allclose(gradient.numpy(), -each * contacted * (1 - contacted), rtol=1e-9)
    few, first = logit[:5].detach().requires_grad_(), block.take(slice(0, 5))
    assert torch.autograd.gradcheck(lambda z: module.summed_loss(z, first), few)  # differences


@pytest.mark.parametrize("weighted", [False, True])
def test_the_scale_is_that_of_the_training_rows(prepare, weighted):
    prepared = with_payoffs(prepare().weighted() if weighted else prepare())
    payoff, w = prepared.train.block.payoff.double().numpy(), prepared.weight()
    pays = payoff > 0
    scale = payoff_scale(prepared.train)
    assert scale.size == pytest.approx(np.average(np.abs(payoff), weights=w))
    gain, cost = (np.average(np.abs(payoff[m]), weights=w[m]) for m in (pays, ~pays))
    # At these odds a contact neither brings nor costs anything.
    assert np.exp(scale.break_even) * gain == pytest.approx(cost)


@pytest.mark.parametrize(("payoff", "who"), [(-1.0, "none"), (1.0, "all"), (0.0, "none")])
def test_payoffs_that_leave_no_choice_are_refused(prepare, payoff, who):
    block = prepare().train.block
    part = MemoryPart(block._replace(payoff=torch.full_like(block.label, payoff)))
    with pytest.raises(InputError, match=rf"^offer: expected .* it pays for {who}; check"):
        payoff_scale(part)


def test_a_fit_keeps_the_epoch_that_earns_most_on_validation(prepare):
    keys = ("loss=profit", "trainer.max_epochs=5", "optimizer.lr=0.05", "batch_size=100")
    prepared = with_payoffs(prepare(*keys).weighted())
    record = fit_net(
        prepared.options, None, prepared.scorer.train(), prepared.store, class_weights=np.ones(2),
        fingerprint="", checkpoint=None, n_threads=1, announce=pytest.fail,
    )  # fmt: skip
    losses = [epoch["validation_profit_loss"] for epoch in record["history"]]
    assert record["best_epoch"] == 1 + losses.index(min(losses))
    scale, rows = payoff_scale(prepared.train), prepared.validation.block
    x = torch.from_numpy(prepared.features("validation")).float()
    logit = prepared.scorer.net(x).detach().double().numpy()
    earned = sigmoid(logit - scale.break_even) * rows.payoff.double().numpy()
    mean = np.average(earned, weights=prepared.weight("validation"))
    assert record["validation_profit"] == pytest.approx(mean, rel=1e-5)
    assert min(losses) == pytest.approx(-mean / scale.size, rel=1e-5)
