"""The parts of a fit that are not the module's or the trainer's: rows, threads, checkpoints."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from churn_torch.errors import InputError
from churn_torch.training.fit import _training_rows, fit_net
from churn_torch.training.rows.batches import spread_sample


def fit(prepared, folder: Path | None = None, checkpoint: Path | None = None, **keywords):
    n_positive = prepared.label().sum()
    class_weights = np.array([len(prepared.label()) - n_positive, n_positive])
    return fit_net(
        prepared.options, folder, prepared.scorer.train(), prepared.store,
        class_weights=class_weights, fingerprint="data", checkpoint=checkpoint, n_threads=1,
        announce=pytest.fail, **keywords,
    )  # fmt: skip


def test_the_record_of_a_fit(prepare):
    record = fit(prepare("trainer.max_epochs=3", "batch_size=100"))
    losses = [epoch["validation_log_loss"] for epoch in record["history"]]
    assert record["epochs"] == len(losses) == 3
    assert record["best_epoch"] == 1 + losses.index(min(losses))
    assert record["batch_size"] == 100
    assert "exact" not in record


def test_a_batch_is_no_larger_than_the_table_and_an_exact_fit_has_none(prepare):
    assert fit(prepare("trainer.max_epochs=1", "batch_size=100_000"))["batch_size"] == 280
    record = fit(prepare("optimizer=newton"))
    assert record["batch_size"] is None
    assert record["exact"]["converged"]


def test_a_function_sees_every_epoch_and_can_stop_the_fit(prepare):
    seen = []
    record = fit(
        prepare("trainer.max_epochs=9"),
        after_epoch=lambda epoch, loss: seen.append((epoch, loss)) or epoch == 1,
    )
    assert seen == [(i, e["validation_log_loss"]) for i, e in enumerate(record["history"])]
    assert len(seen) == 2


# A part of the training rows


def test_all_rows_are_taken_unless_asked_for_fewer(prepare):
    prepared = prepare()
    weights = np.array([1.0, 2.0])
    rows, kept = _training_rows(prepared.options, prepared.store, weights)
    assert rows is prepared.train
    assert kept is weights


@pytest.mark.parametrize("weighted", [False, True])
def test_fewer_rows_have_class_weights_of_their_own(prepare, weighted):
    prepared = prepare("train_rows=100")
    prepared = prepared.weighted() if weighted else prepared
    part, sums = _training_rows(prepared.options, prepared.store, np.array([7.0, 7.0]))
    block, sample = part.read([slice(0, part.n_rows)]), spread_sample(prepared.train, 100)
    assert torch.equal(block.dense, sample.dense)
    label = block.label.numpy()
    weight = np.ones(len(label)) if block.weight is None else block.weight.double().numpy()
    assert (block.weight is not None) == weighted
    assert weight.mean() == pytest.approx(1, rel=1e-6)
    expected = [weight[label == value].sum() for value in (0, 1)]
    np.testing.assert_allclose(sums, expected, rtol=1e-6)


def test_fewer_rows_need_both_classes(prepare):
    prepared = prepare("train_rows=1")
    with pytest.raises(InputError, match=r"^train_rows: expected rows of both classes, got \d chu"):
        fit(prepared)


# Checkpoints


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


@pytest.mark.parametrize("form", ["torch", "pickle", "inside"])
def test_a_checkpoint_from_a_stranger_runs_no_code(prepare, tmp_path, form):
    mark, checkpoint = tmp_path / "mark", tmp_path / "last.ckpt"
    if form == "torch":
        torch.save(Payload(mark), checkpoint)
    elif form == "pickle":
        checkpoint.write_bytes(pickle.dumps(Payload(mark)))
    else:
        torch.save({"epoch": 0, "state_dict": {}, "callbacks": {"x": Payload(mark)}}, checkpoint)
    with pytest.raises(InputError, match=r"^resume: expected a whole checkpoint .* could run code"):
        fit(prepare(), tmp_path / "run", checkpoint)
    assert not mark.exists()
    if form == "pickle":  # or the test would prove nothing
        pickle.loads(checkpoint.read_bytes())
        assert mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"text\n"])
def test_a_damaged_checkpoint_is_named(prepare, tmp_path, content):
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_bytes(content)
    with pytest.raises(InputError, match=r"^resume: .*last\.ckpt', got the error \w+; start a new"):
        fit(prepare(), tmp_path / "run", checkpoint)


def test_a_checkpoint_that_lacks_a_part_is_named(prepare, tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match=r"^resume: .*got no callbacks; start a new run"):
        fit(prepare(), tmp_path / "run", tmp_path / "last.ckpt")
