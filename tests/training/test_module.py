from __future__ import annotations

import copy
import math
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from churn_torch.errors import InputError
from churn_torch.models.nets.ensemble import Ensemble
from churn_torch.training.build import build_module
from churn_torch.training.callbacks import BestWeights
from churn_torch.training.inference import sampled_logits
from churn_torch.training.module import MONITOR, ChurnModule
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.rows.store import Block
from churn_torch.training.sizes import with_sizes

SGD = partial(torch.optim.SGD, lr=0.1)


def make(prepared, **options) -> ChurnModule:
    plain = {
        "optimizer": SGD, "scheduler": None, "l1": 0.0, "l2": 0.0, "positive_weight": 1.0,
        "gradient_clip": None, "ema_decay": 0.0, "compiled": False, "seed": 0,
    }  # fmt: skip
    return ChurnModule(prepared.scorer, **{**plain, **options})


def fit(prepared, module: ChurnModule, *callbacks: pl.Callback, epochs: int, batch_size=64):
    """Train; ``batch_size`` None takes all rows."""
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=epochs, num_sanity_val_steps=0, log_every_n_steps=1,
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=list(callbacks), use_distributed_sampler=False,
    )  # fmt: skip
    data = ChurnDataModule(
        prepared.train, prepared.validation, batch_size=batch_size or prepared.train.n_rows, seed=0
    )
    trainer.fit(module, data)
    return trainer


def loss_of(module: ChurnModule, rows: Block, *, of: int | None = None):
    """The loss of one minibatch, of which other processes may hold rows too."""
    return module._loss(rows, of or len(rows.label))


def cross_entropy(logit: np.ndarray, label: np.ndarray, weight: float = 1.0) -> float:
    """The textbook formula, in float64."""
    p = 1 / (1 + np.exp(-logit))
    return float(np.mean(-weight * label * np.log(p) - (1 - label) * np.log(1 - p)))


def set_weights(prepared) -> tuple[np.ndarray, float]:
    linear = prepared.scorer.net.linear
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(linear.weight.shape, generator=generator))
        linear.bias.fill_(0.7)
    return linear.weight.detach().double().numpy()[0], linear.bias.item()


@pytest.mark.parametrize("l1", [0.0, 0.02])
@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("positive_weight", [1.0, 2.75, 0.5])
def test_loss_and_gradient_are_the_formula(prepare, l1, l2, positive_weight):
    prepared = prepare("model=logreg")
    weight, bias = set_weights(prepared)
    module = make(prepared, l1=l1, l2=l2, positive_weight=positive_weight)
    loss = loss_of(module, prepared.train.block)
    loss.backward()
    module._add_penalty_gradients()

    x, y = prepared.features(), prepared.label()
    expected = cross_entropy(x @ weight + bias, y, positive_weight)
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    p = 1 / (1 + np.exp(-(x @ weight + bias)))
    residual = p * (1 - y) - positive_weight * (1 - p) * y
    expected = x.T @ residual / len(y) + l2 * weight + l1 * np.sign(weight)  # none for the bias
    linear = prepared.scorer.net.linear
    np.testing.assert_allclose(linear.weight.grad[0].numpy(), expected, atol=1e-5)
    assert linear.bias.grad.item() == pytest.approx(residual.mean(), abs=1e-5)


@pytest.mark.parametrize("clip", [1e-3, 0.1, 1e3])
def test_a_step_is_clipped_to_its_norm(prepare, clip):
    """One step of plain descent on one minibatch: the weights move by the clipped gradient."""
    prepared = prepare("model=logreg")
    weight, bias = set_weights(prepared)
    module = make(prepared, gradient_clip=clip, l2=0.3)
    fit(prepared, module, epochs=1, batch_size=None)
    x, y = prepared.features(), prepared.label()
    residual = 1 / (1 + np.exp(-(x @ weight + bias))) - y
    gradient = np.append(x.T @ residual / len(y) + 0.3 * weight, residual.mean())
    norm = np.linalg.norm(gradient)
    assert (norm > clip) == (clip < 1)
    linear = prepared.scorer.net.linear
    moved = np.append(
        linear.weight.detach().double().numpy()[0] - weight, linear.bias.item() - bias
    )
    np.testing.assert_allclose(moved, -0.1 * gradient * min(1, clip / norm), atol=1e-6)


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_shares_of_all_processes_add_up_to_the_minibatch(prepare, world_size):
    prepared = prepare("model=mlp", "model.width=8", "model.dropout=0")
    rows = prepared.train.block.take(slice(0, 64))
    module = make(prepared, positive_weight=2.0)
    loss = loss_of(module, rows)
    loss.backward()
    whole = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    total = 0.0
    for rank in range(world_size):
        share = rows.take(torch.arange(64)[rank::world_size])
        part = loss_of(module, share, of=64)
        part.backward()  # gradients add up, as the processes' do
        total += part.item()
    assert total == pytest.approx(loss.item(), rel=1e-6)
    for parameter, expected in zip(module.parameters(), whole, strict=True):
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_a_process_without_rows_adds_nothing(prepare, normalization):
    """The last minibatch of an epoch may have fewer rows than there are processes."""
    prepared = prepare("model=mlp", "model.width=4", f"model.normalization={normalization}")
    module = make(prepared, l2=0.3)
    loss = loss_of(module, prepared.train.block.take(slice(0, 0)), of=1)
    loss.backward()
    assert loss.item() == 0
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name  # as many numbers to add up as elsewhere
        assert not parameter.grad.any(), name
    for name, tensor in module.scorer.net.state_dict().items():
        assert tensor.isfinite().all(), name


def test_weighted_rows_converge_to_scikit_learns_optimum(prepare):
    prepared = prepare("model=logreg").weighted()
    adam = partial(torch.optim.Adam, lr=0.1)
    cosine = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=200)
    module = make(prepared, optimizer=adam, scheduler=cosine, l2=0.1, positive_weight=2.0)
    fit(prepared, module, epochs=200, batch_size=None)
    x, y, w = prepared.features(), prepared.label(), prepared.weight()
    optimum = LogisticRegression(
        C=1 / (0.1 * w.sum()), class_weight={0: 1.0, 1: 2.0}, tol=1e-10, max_iter=10_000
    ).fit(x, y, sample_weight=w)
    linear = prepared.scorer.net.linear
    np.testing.assert_allclose(linear.weight.detach()[0], optimum.coef_[0], atol=2e-4)
    np.testing.assert_allclose(linear.bias.detach(), optimum.intercept_, atol=2e-4)
    # The validation that steers it is weighted too, at the true base rate.
    z = prepared.features("validation") @ linear.weight.detach().double().numpy()[0]
    z += linear.bias.item() - np.log(2)
    each = np.logaddexp(0, z) - prepared.label("validation") * z
    expected = np.average(each, weights=prepared.weight("validation"))
    assert module.history[-1]["validation_log_loss"] == pytest.approx(expected, abs=1e-5)


def test_minibatches_of_an_epoch_add_up_to_the_weighted_gradient(prepare):
    """None is favoured for its weights: on average they are the gradient of all rows."""
    prepared = prepare("model=logreg").weighted()
    module = make(prepared)
    rows, sizes = prepared.train.block, []
    gradients = []
    for chunk in [rows, *rows.in_chunks(40)]:
        module.zero_grad()
        loss_of(module, chunk).backward()
        gradients.append(module.scorer.net.linear.weight.grad.clone())
        sizes.append(len(chunk.label))
    whole, *parts = gradients
    average = sum(n * part for n, part in zip(sizes[1:], parts, strict=True)) / sizes[0]
    torch.testing.assert_close(average, whole, rtol=1e-4, atol=1e-6)


def test_penalty_spares_biases_and_normalisation(prepare):
    prepared = prepare(
        "model=mlp", "model.normalization=layer", "model.width=4", "model.n_frequencies=0"
    )
    module = make(prepared, l1=0.1, l2=0.2)
    penalised = [layer.weight for layer in module.modules() if isinstance(layer, nn.Linear)]
    assert len(penalised) == 3
    assert any(isinstance(layer, nn.LayerNorm) for layer in module.modules())
    module.eval()  # no dropout: both gradients see the same rows
    loss_of(module, prepared.train.block).backward()
    without = {name: p.grad.clone() for name, p in module.named_parameters()}
    module._add_penalty_gradients()
    for name, parameter in module.named_parameters():
        value = parameter.detach()
        free = all(parameter is not weight for weight in penalised)
        expected = 0 * value if free else 0.2 * value + 0.1 * value.sign()
        torch.testing.assert_close(parameter.grad - without[name], expected, msg=name)


def test_a_net_among_three_learns_as_it_does_alone(prepare):
    """Its loss counts a third in the mean, and so must its penalty: Adam takes the same steps."""
    weights = []
    adam = partial(torch.optim.Adam, lr=0.01, eps=1e-30)
    for n_nets in (1, 3):
        prepared = prepare()
        net = prepared.scorer.net
        if n_nets > 1:
            prepared.scorer.net = Ensemble([copy.deepcopy(net) for _ in range(n_nets)])
            net = prepared.scorer.net.members[0]
        module = make(prepared, optimizer=adam, l1=0.01, l2=0.3)
        fit(prepared, module, epochs=3)
        weights.append(net.linear.weight.detach())
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("penalty", [{"l1": -0.1}, {"l2": -1e-9}])
def test_negative_penalty_is_refused(prepare, penalty):
    with pytest.raises(InputError, match=r"^penalty: expected l1 and l2 of 0 or above, got l1="):
        make(prepare(), **penalty)


def test_class_weight_shifts_the_logit_back(prepare):
    prepared = prepare()
    make(prepared, positive_weight=2.5)
    assert prepared.scorer.prior_shift.item() == pytest.approx(math.log(2.5))
    logit, *_ = sampled_logits(prepared.scorer, prepared.train, 10**6)  # untrained: raw odds are 1
    half = prepared.scorer.calibrated(logit)
    np.testing.assert_allclose(half.numpy(), 1 / 3.5, atol=1e-6)


def test_curve_holds_the_loss_of_all_rows_of_the_epoch(prepare):
    """Training loss without penalty and with class weight, validation loss at the base rate."""
    prepared = prepare("model=logreg")
    linear = prepared.scorer.net.linear
    with torch.no_grad():
        linear.weight.fill_(0.1)
    # A rate of zero: the weights stay, and uneven batches must add up to the whole split.
    module = make(prepared, optimizer=partial(torch.optim.SGD, lr=0.0), positive_weight=3.0, l2=9.0)
    trainer = fit(prepared, module, epochs=2, batch_size=100)
    (first, second) = module.history
    train = cross_entropy(prepared.features().sum(1) * 0.1, prepared.label(), 3.0)
    logit = prepared.features("validation").sum(1) * 0.1 - math.log(3.0)
    validation = cross_entropy(logit, prepared.label("validation"))
    for epoch in (first, second):
        assert epoch == {
            "train_loss": pytest.approx(train, abs=1e-5),
            "validation_log_loss": pytest.approx(validation, abs=1e-5),
        }
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(train, abs=1e-5)
    assert trainer.callback_metrics[MONITOR].item() == second["validation_log_loss"]


@pytest.mark.parametrize("seed", [0, 7])
def test_dropout_is_a_function_of_seed_and_epoch(prepare, seed):
    """The random state before the fit, or an epoch trained before, changes nothing."""
    curves = []
    for noise in (1, 2):
        prepared = prepare("model=mlp", "model.dropout=0.5", "model.width=8")
        torch.manual_seed(noise)
        module = make(prepared, seed=seed)
        fit(prepared, module, epochs=2)
        curves.append(module.history)
    assert curves[0] == curves[1]
    other = prepare("model=mlp", "model.dropout=0.5", "model.width=8")
    module = make(other, seed=seed + 1)
    fit(other, module, epochs=2)
    assert module.history != curves[0]


def test_dropout_differs_between_epochs(prepare):
    prepared = prepare("model=mlp", "model.dropout=0.5", "model.width=8")
    module = make(prepared, optimizer=partial(torch.optim.SGD, lr=0.0))
    fit(prepared, module, epochs=2, batch_size=None)
    assert module.history[0]["train_loss"] != module.history[1]["train_loss"]
    assert module.history[0]["validation_log_loss"] == module.history[1]["validation_log_loss"]


class Rates(pl.Callback):
    """The learning rate that each epoch was trained with."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


def fit_with_scheduler(prepared, epochs: int) -> tuple[list[float], ChurnModule]:
    rates = Rates()
    options = with_sizes(prepared.options, prepared.train.n_rows)
    module = build_module(options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1)
    fit(prepared, module, rates, epochs=epochs)
    return rates.seen, module


def test_without_a_scheduler_the_rate_stays(prepare):
    rates, _ = fit_with_scheduler(prepare("scheduler=none", "optimizer.lr=0.02"), 4)
    assert rates == [0.02] * 4


def test_cosine_steps_once_an_epoch(prepare):
    prepared = prepare("scheduler=cosine", "optimizer.lr=0.02", "trainer.max_epochs=8",
                       "scheduler.eta_min=0.004")  # fmt: skip
    rates, _ = fit_with_scheduler(prepared, 8)
    expected = [0.004 + 0.008 * (1 + math.cos(math.pi * epoch / 8)) for epoch in range(8)]
    assert rates == pytest.approx(expected, rel=1e-6)


def test_plateau_follows_the_validation_loss(prepare):
    prepared = prepare("scheduler=plateau", "scheduler.patience=0", "optimizer=sgd",
                       "optimizer.lr=8.0")  # fmt: skip
    rates, module = fit_with_scheduler(prepared, 10)
    weight = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], lr=8.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=0)
    expected = []
    for epoch in module.history:
        expected.append(optimizer.param_groups[0]["lr"])
        reference.step(epoch["validation_log_loss"])
    assert rates == expected
    assert rates[-1] < rates[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            ["optimizer.lr=-1", "scheduler=none"],
            r"^optimizer or scheduler: .*Invalid learning rate: -1; see",
        ),
        (
            ["optimizer=sgd", "optimizer.nesterov=true", "optimizer.momentum=0", "scheduler=none"],
            "Nesterov",
        ),
        (["scheduler=plateau", "scheduler.factor=2"], "Factor should be < 1"),
    ],
)
def test_values_that_torch_refuses_are_the_users(prepare, keys, message):
    prepared = prepare(*keys)
    module = build_module(
        prepared.options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1
    )
    with pytest.raises(InputError, match=message):
        module.configure_optimizers()


def test_only_the_net_is_trained(prepare):
    prepared = prepare("model=mlp", "model.width=4")
    before = {name: tensor.clone() for name, tensor in prepared.scorer.state_dict().items()}
    module = make(prepared, positive_weight=1.0)
    fit(prepared, module, BestWeights(), epochs=1)
    changed = {
        name for name, tensor in prepared.scorer.state_dict().items()
        if not torch.equal(tensor, before[name])
    }  # fmt: skip
    assert changed == {name for name in before if name.startswith("net.")}


def test_the_curve_travels_with_the_state(prepare):
    """A checkpoint, and a worker of a distributed fit, hand it on in the state dict."""
    module = make(prepare())
    module.history = [{"train_loss": 0.5, "validation_log_loss": 0.25}]
    state = module.state_dict()
    fresh = make(prepare())
    fresh.load_state_dict(state)
    assert fresh.history == module.history


def test_blocks_are_an_arrangement_and_nothing_else(prepare, monkeypatch):
    """The order of the rows apart: a batch of all rows in one block, or in pieces of three."""
    curves = []
    for size in (2**24, 1):
        monkeypatch.setattr("churn_torch.training.rows.batches.BLOCK_BYTES", size)
        monkeypatch.setattr("churn_torch.training.rows.batches.PIECE_BYTES", size)
        prepared = prepare("model=mlp", "model.width=8", "model.dropout=0")
        module = make(prepared, l2=0.01)
        fit(prepared, module, epochs=3, batch_size=None)
        curves.append(module.history)
    for one, other in zip(*curves, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


class Weights(pl.Callback):
    """The weights at the end of each epoch, and the averages."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]] = []

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        copies = (pl_module.scorer.net, pl_module.kept_net)
        self.seen.append(
            tuple({k: v.clone() for k, v in net.state_dict().items()} for net in copies)
        )


def test_the_average_is_of_the_weights_after_each_step(prepare):
    """Batches of all rows, so an epoch is a step; the batch norm's past is that of the net."""
    prepared = prepare("model=mlp", "model.width=4", "model.normalization=batch", "model.dropout=0")
    weights = Weights()
    module = make(prepared, ema_decay=0.75)
    fit(prepared, module, weights, epochs=9, batch_size=None)
    expected: dict[str, torch.Tensor] = {}
    for step, (now, kept) in enumerate(weights.seen):
        share = max(0.25, 1 / (step + 1))
        for name, value in now.items():
            is_weight = name in dict(module.scorer.net.named_parameters())
            before = expected.get(name, value)
            expected[name] = before + share * (value - before) if is_weight else value
            torch.testing.assert_close(kept[name], expected[name])
    assert not torch.equal(kept["head.weight"], now["head.weight"])


def test_the_average_is_validated_and_kept(prepare):
    prepared = prepare("model=mlp", "model.width=4")
    best, weights = BestWeights(), Weights()
    module = make(prepared, ema_decay=0.9)
    fit(prepared, module, best, weights, epochs=4)
    kept = weights.seen[best.epoch][1]
    for name, value in module.scorer.net.state_dict().items():
        assert torch.equal(value, kept[name])
    validation = prepared.validation.block
    with torch.no_grad():
        logit = module.scorer.eval().net(module.features(validation))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, validation.label).item()
    assert loss == pytest.approx(best.loss, abs=1e-6)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_out_of_range_is_refused(prepare, decay):
    with pytest.raises(InputError, match=r"^ema_decay: expected a number from 0 to below 1"):
        make(prepare(), ema_decay=decay)


@pytest.mark.parametrize("clip", [0, -1.0, float("nan")])
def test_a_clip_that_is_not_above_zero_is_refused(prepare, clip):
    with pytest.raises(InputError, match=r"^gradient_clip: expected a number above 0"):
        make(prepare(), gradient_clip=clip)


def test_members_learn_each_by_its_own_loss(prepare):
    """The loss of a net with many logits a row is the mean of their losses, weighted alike."""
    prepared = prepare("model=tabm", "model.width=4", "model.n_members=3", "model.dropout=0")
    weight = torch.rand(len(prepared.train.block.label))
    rows = prepared.train.block._replace(weight=weight)
    loss = loss_of(make(prepared, positive_weight=2.0), rows).item()
    logits = prepared.scorer.net(torch.from_numpy(prepared.features()).float())
    p = 1 / (1 + np.exp(-logits.detach().double().numpy()))
    y = rows.label.double().numpy()[:, None]
    expected = weight.double().numpy()[:, None] * (-2 * y * np.log(p) - (1 - y) * np.log(1 - p))
    assert loss == pytest.approx(expected.mean(), abs=1e-6)
