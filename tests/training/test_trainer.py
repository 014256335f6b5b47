from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from churn_torch.errors import InputError
from churn_torch.training.callbacks import AfterEpoch, BestWeights, EpochProgress, LastCheckpoint
from churn_torch.training.trainer import build_trainer
from tests.training.conftest import options_of


def test_trainer_keeps_best_weights_and_checkpoint_whatever_the_callbacks(tmp_path):
    for keys, expected in (
        ([], [BestWeights, EarlyStopping, EpochProgress, LastCheckpoint]),
        (["callbacks=none"], [BestWeights, LastCheckpoint]),
    ):
        trainer = build_trainer(options_of(*keys), tmp_path, "mark")
        assert [type(callback) for callback in trainer.callbacks] == expected
        assert trainer.loggers == []
        assert trainer.default_root_dir == str(tmp_path)


def test_loggers_write_into_the_run_folder(tmp_path):
    trainer = build_trainer(options_of("logger=csv"), tmp_path, "mark")
    (logger,) = trainer.loggers
    assert isinstance(logger, CSVLogger)
    assert Path(logger.log_dir) == tmp_path / "csv"
    trainer = build_trainer(options_of("logger=tensorboard"), tmp_path, "mark")
    (logger,) = trainer.loggers
    assert isinstance(logger, TensorBoardLogger)
    assert Path(logger.log_dir) == tmp_path / "tensorboard"


def test_loggers_get_no_password_of_an_address(tmp_path):
    described = {
        "data": {"source": "https://me:secret@host/t.csv"},
        "several": ["s3://b?key=secret"],
    }
    (logger,) = build_trainer(
        options_of("logger=csv"), tmp_path, "mark", described=described
    ).loggers
    assert logger.experiment.hparams == {
        "data": {"source": "https://***@host/t.csv"},
        "several": ["s3://b?***"],
    }


def test_an_exact_solver_knows_itself_when_to_stop(tmp_path):
    """No early stopping, no best weights."""
    trainer = build_trainer(options_of("optimizer=newton"), tmp_path, "mark")
    assert [type(callback) for callback in trainer.callbacks] == [EpochProgress, LastCheckpoint]


def test_without_a_folder_nothing_is_left_behind():
    trainer = build_trainer(options_of("logger=csv"), None, "mark", after_epoch=lambda *_: False)
    assert [type(callback) for callback in trainer.callbacks] == [
        *(BestWeights, EarlyStopping, AfterEpoch)
    ]
    assert trainer.loggers == []


def test_an_unknown_logger_gets_the_nearest_name(tmp_path):
    options = replace(options_of(), logger={"tensorbord": {}})
    with pytest.raises(InputError, match=r"^logger: expected one of csv, .*mean 'tensorboard'\?"):
        build_trainer(options, tmp_path, "mark")


def test_what_lightning_refuses_is_named(tmp_path):
    options = options_of()
    options = replace(options, trainer=replace(options.trainer, precision="8-bit"))
    with pytest.raises(InputError, match=r"^trainer: expected values .* error: .*conf/trainer/"):
        build_trainer(options, tmp_path, "mark")


@pytest.mark.parametrize("key", ["trainer.devices=2", "trainer.num_nodes=2"])
def test_several_devices_need_a_strategy_that_does_not_start_the_script_again(key, tmp_path):
    message = r"^trainer\.strategy: expected ddp for several devices, got auto; choose trainer=ddp"
    with pytest.raises(InputError, match=message):
        build_trainer(options_of("trainer.accelerator=cpu", key), tmp_path, "mark")
