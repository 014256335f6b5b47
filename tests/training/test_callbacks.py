from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping

from churn_torch.errors import InputError
from churn_torch.training.build import build_module
from churn_torch.training.callbacks import CHECKPOINT, BestWeights, EpochProgress, LastCheckpoint
from churn_torch.training.module import ChurnModule
from churn_torch.training.optimizer_choice import is_exact
from churn_torch.training.rows.datamodule import ChurnDataModule
from churn_torch.training.sizes import with_sizes
from churn_torch.training.trainer import build_trainer

# A rate far too high: the validation loss jumps about, so the best epoch is not the last.
JUMPY = (
    "model=mlp", "model.width=8", "optimizer=sgd", "optimizer.lr=2.0", "scheduler=none",
    "callbacks=none",
)  # fmt: skip


class Epochs(pl.Callback):
    """The net's weights after each epoch."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, ChurnModule)
        state = pl_module.scorer.net.state_dict()
        self.weights.append({name: tensor.to("cpu", copy=True) for name, tensor in state.items()})


def fit(prepared, folder: Path, *more: pl.Callback, mark="data", checkpoint: Path | None = None):
    options = with_sizes(prepared.options, prepared.train.n_rows)
    module = build_module(options, prepared.scorer, n_negative=1, n_positive=1, n_threads=1)
    trainer = build_trainer(options, folder, mark)
    trainer.callbacks = [*more, *trainer.callbacks]
    batch_size = None if is_exact(options) else options.batch_size
    data = ChurnDataModule(prepared.train, prepared.validation, batch_size=batch_size, seed=0)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    return module, trainer


def best_epoch(module: ChurnModule) -> int:
    losses = [epoch["validation_log_loss"] for epoch in module.history]
    return losses.index(min(losses))


def test_the_best_epochs_weights_are_restored(prepare, tmp_path):
    epochs = Epochs()
    module, _ = fit(prepare(*JUMPY, "trainer.max_epochs=8"), tmp_path, epochs)
    best = best_epoch(module)
    assert len(module.history) == 8
    assert best != 7  # or the test would prove nothing
    for name, tensor in module.scorer.net.state_dict().items():
        assert torch.equal(tensor, epochs.weights[best][name])
        assert not torch.equal(tensor, epochs.weights[-1][name])


def test_batch_normalisation_is_restored_with_the_weights(prepare, tmp_path):
    epochs = Epochs()
    prepared = prepare(*JUMPY, "trainer.max_epochs=8", "model.normalization=batch")
    module, _ = fit(prepared, tmp_path, epochs)
    best = epochs.weights[best_epoch(module)]
    running = [name for name in best if name.endswith("running_mean")]
    assert running
    for name, tensor in module.scorer.net.state_dict().items():
        assert torch.equal(tensor, best[name])


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_training(prepare, tmp_path, loss):
    class Spoiler(pl.Callback):
        def on_validation_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.callback_metrics["validation/log_loss"].fill_(loss)

    # The spoiler goes first; a diverged net is the same to the callback.
    message = rf"^training: expected a finite .* got {loss} in epoch 1; lower optimizer\.lr or "
    with pytest.raises(InputError, match=message):
        fit(prepare("callbacks=none", "trainer.max_epochs=4"), tmp_path, Spoiler())


def test_divergence_is_the_users_to_mend(prepare, tmp_path):
    prepared = prepare("model=mlp", "optimizer=sgd", "optimizer.lr=1e30", "callbacks=none")
    with pytest.raises(InputError, match=r"lower optimizer\.lr"):
        fit(prepared, tmp_path)


def test_early_stopping_waits_as_long_as_its_patience(prepare, tmp_path):
    keys = [key for key in JUMPY if key != "callbacks=none"]
    prepared = prepare(*keys, "patience=2", "trainer.max_epochs=50")
    module, trainer = fit(prepared, tmp_path)
    losses = [epoch["validation_log_loss"] for epoch in module.history]
    assert len(losses) < 50
    assert len(losses) == best_epoch(module) + 1 + 2
    for epoch in range(2, len(losses) - 1):  # nowhere before was it two epochs without progress
        best_before = min(losses[: epoch - 1])
        assert min(losses[epoch - 1 : epoch + 1]) < best_before
    (stopping,) = (c for c in trainer.callbacks if isinstance(c, EarlyStopping))
    assert stopping.wait_count == 2


def test_checkpoint_is_whole_and_needs_no_pickled_code(prepare, tmp_path):
    module, trainer = fit(prepare("callbacks=none", "trainer.max_epochs=3"), tmp_path, mark="abc")
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert content["epoch"] == 2
    assert content["callbacks"]["LastCheckpoint"] == {"fingerprint": "abc"}
    assert content["callbacks"]["BestWeights"]["epoch"] == best_epoch(module)
    assert content["state_dict"]["_extra_state"] == {"history": module.history, "n_averaged": 0}
    assert isinstance(trainer.callbacks[-1], LastCheckpoint)


@pytest.mark.parametrize(("pause", "saved"), [(0.0, [0, 1, 2, 3]), (1e9, [0, 3])])
def test_the_first_and_the_last_epoch_are_saved_and_others_now_and_then(
    prepare, tmp_path, monkeypatch, pause, saved
):
    monkeypatch.setattr("churn_torch.training.callbacks.PAUSE_SECONDS", pause)
    epochs, save = [], pl.Trainer.save_checkpoint

    def noted(trainer, *arguments, **keys):
        epochs.append(trainer.current_epoch)
        save(trainer, *arguments, **keys)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", noted)
    module, _ = fit(prepare("callbacks=none", "trainer.max_epochs=4"), tmp_path)
    assert epochs == saved
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert content["state_dict"]["_extra_state"]["history"] == module.history


@pytest.mark.parametrize("fails_at", ["write", "rename"])
def test_a_full_disk_leaves_the_checkpoint_before(prepare, tmp_path, monkeypatch, fails_at):
    calls = 0
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail_the_third_time(write, *arguments, **keys):
        nonlocal calls
        calls += 1
        if calls == 3:
            if fails_at == "write":
                Path(arguments[1]).write_bytes(b"half a checkpoint")
            raise full
        return write(*arguments, **keys)

    owner, name = (pl.Trainer, "save_checkpoint") if fails_at == "write" else (os, "replace")
    original = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *a, **k: fail_the_third_time(original, *a, **k))
    monkeypatch.setattr("churn_torch.training.callbacks.PAUSE_SECONDS", 0.0)
    with pytest.raises(OSError, match="No space"):
        fit(prepare("callbacks=none", "trainer.max_epochs=5"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["epoch"] == 1


def test_a_checkpoint_of_other_data_is_refused(prepare, tmp_path):
    fit(prepare("callbacks=none", "trainer.max_epochs=1"), tmp_path, mark="old")
    message = (
        r"^resume: .*\(fingerprint old\), got new; the source has changed, so start a new run\.$"
    )
    with pytest.raises(InputError, match=message):
        fit(
            prepare("callbacks=none", "trainer.max_epochs=2"), tmp_path, mark="new",
            checkpoint=tmp_path / CHECKPOINT,
        )  # fmt: skip


class FakeConsole:
    is_terminal = True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("churn_torch.training.callbacks.Console", FakeConsole)
    bars = []
    from rich.progress import Progress

    class Bar(Progress):
        def __init__(self, *columns):
            super().__init__(*columns, auto_refresh=False)
            self.states: list[str] = []
            bars.append(self)

        def start(self):
            self.states.append("started")

        def stop(self):
            self.states.append("stopped")

    monkeypatch.setattr("churn_torch.training.callbacks.Progress", Bar)
    return bars


def test_the_bar_counts_epochs_and_shows_the_loss(prepare, tmp_path, terminal):
    module, _ = fit(prepare("trainer.max_epochs=3", "patience=9"), tmp_path)
    (bar,) = terminal
    (task,) = bar.tasks
    assert (task.completed, task.total) == (3, 3)
    loss = module.history[-1]["validation_log_loss"]
    assert task.fields["losses"] == f"validation log-loss {loss:.4f}"
    assert bar.states == ["started", "stopped"]


def test_a_resumed_bar_starts_where_the_run_was(prepare, tmp_path, terminal):
    keys = "patience=9"
    fit(prepare("trainer.max_epochs=2", keys), tmp_path)
    fit(prepare("trainer.max_epochs=5", keys), tmp_path, checkpoint=tmp_path / CHECKPOINT)
    (task,) = terminal[1].tasks
    assert (task.completed, task.total) == (5, 5)


def test_the_bar_is_closed_on_an_error(prepare, tmp_path, terminal):
    class Failure(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fit(prepare("trainer.max_epochs=3"), tmp_path, Failure())
    assert terminal[0].states == ["started", "stopped"]


def test_without_a_terminal_there_is_no_bar(prepare, tmp_path, capfd):
    _, trainer = fit(prepare("trainer.max_epochs=2"), tmp_path)
    (bar,) = (c for c in trainer.callbacks if isinstance(c, EpochProgress))
    assert bar.progress is None
    assert capfd.readouterr() == ("", "")


def test_best_weights_state_makes_the_round_trip():
    callback = BestWeights()
    callback.loss, callback.epoch, callback.weights = 0.25, 4, {"w": torch.ones(2)}
    fresh = BestWeights()
    fresh.load_state_dict(callback.state_dict())
    assert (fresh.loss, fresh.epoch, fresh.weights) == (0.25, 4, callback.weights)


def test_a_solver_that_has_ended_can_be_resumed_from_its_end(prepare, tmp_path):
    first, _ = fit(prepare("optimizer=newton"), tmp_path)
    again, trainer = fit(prepare("optimizer=newton"), tmp_path, checkpoint=tmp_path / CHECKPOINT)
    assert again.history == first.history
    assert again.outcome == first.outcome
    assert trainer.current_epoch == len(first.history)
    for name, tensor in first.scorer.state_dict().items():
        assert torch.equal(tensor, again.scorer.state_dict()[name]), name
