"""A run folder from a stranger: nothing in it is executed, imported or resolved."""

from __future__ import annotations

import io
import pickle
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from omegaconf import OmegaConf

import churn_torch
from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.serving.model_path import find_model
from churn_torch.workflows.configuration.stored_config import load_config
from churn_torch.workflows.evaluate import evaluate
from churn_torch.workflows.export import export
from churn_torch.workflows.runs.run_folder import load_run

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run


class Sung:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(customers_run: Run, tmp_path: Path) -> Path:
    """Return a copy of a run folder, to be made hostile."""
    return Path(shutil.copytree(customers_run.folder, tmp_path / "stranger"))


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Return a file that a payload would create; fail if one did."""
    path = tmp_path / "canary"
    modules = set(sys.modules)
    yield path
    assert not path.exists(), "a payload was executed"
    assert not {"hostile_module"} & (set(sys.modules) - modules), "a stranger's module was imported"


def change(folder: Path, key: str, value: object) -> None:
    """Write another value into config.yaml."""
    config = OmegaConf.load(folder / "config.yaml")
    OmegaConf.update(config, key, value)
    OmegaConf.save(config, folder / "config.yaml")


def test_the_canary_sings_where_it_may(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Sung(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


WAYS: dict[str, Callable[[Path], object]] = {
    "load_run": load_run,
    "evaluate": lambda folder: evaluate(compose("evaluate", [f"run={folder}"])),
    "export": lambda folder: export(compose("export", [f"run={folder}"])),
}
CALLABLES = (
    "pandas.read_pickle",
    "torch.load",
    "joblib.load",
    "os.system",
    "builtins.eval",
    "hydra.utils.call",
    "hostile_module.Net",
    "churn_torch.models.nets.mlp.torch.load",
    "torch.optim.optimizer.Path",
    "churn_torch.workflows.runs.run_folder.load_run",
)


@pytest.mark.parametrize("group", ["model", "calibration", "optimizer", "scheduler"])
@pytest.mark.parametrize("target", CALLABLES)
def test_a_callable_that_is_not_ours_is_refused(
    folder: Path,
    canary: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    target: str,
) -> None:
    (tmp_path / "hostile_module.py").write_text(f"open({str(canary)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    change(folder, group, {"_target_": target, "filepath_or_buffer": "x.pkl", "command": "true"})
    with pytest.raises(
        InputError, match=rf"^config\.yaml in .*: {group}: expected a class of churn_torch"
    ):
        load_run(folder)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_open_a_folder_refuses_it(folder: Path, way: str) -> None:
    change(folder, "model", {"_target_": "os.system", "command": "true"})
    with pytest.raises(
        InputError, match=r"^config\.yaml in .*: model: expected a class of churn_torch"
    ):
        WAYS[way](folder)


@pytest.mark.parametrize(
    "group",
    [
        "trainer",
        "callbacks.early_stopping",
        "logger.csv",
        "logger",
        "data",
        "preprocess",
        "model.x",
    ],
)
def test_a_target_elsewhere_is_refused(folder: Path, group: str) -> None:
    change(folder, f"{group}._target_", "os.system")
    with pytest.raises(InputError, match="_target_"):
        load_run(folder)


@pytest.mark.parametrize("value", [{"_target_": "mine.Callback"}, "mine.Callback", ["mine"], 3])
def test_a_callback_elsewhere_is_told_in_a_sentence(folder: Path, value: object) -> None:
    change(folder, "callbacks.mine", value)
    with pytest.raises(
        InputError, match=r"^config\.yaml in '.*': callbacks\.mine: expected one of .*; train again"
    ) as raised:
        load_run(folder)
    assert "help" not in str(raised.value)  # nobody can type it on a command line


def test_a_resumed_folder_is_a_strangers_too(folder: Path, tmp_path: Path) -> None:
    (folder / "metrics.json").unlink()
    change(folder, "model", {"_target_": "os.system", "command": "true"})
    config = compose("train", [f"resume={folder}", f"outputs={tmp_path}"])
    with pytest.raises(
        InputError, match=r"^config\.yaml in .*: model: expected a class of churn_torch"
    ):
        churn_torch.train(config, folder)


def test_references_are_left_as_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "swordfish")
    change(folder, "data.source", "${oc.env:SECRET}")
    change(folder, "outputs", "${oc.env:HOME}")
    run = load_run(folder)
    assert run.options.data.source == "${oc.env:SECRET}"
    assert "swordfish" not in str(run.config)


def test_pickled_weights_are_refused(folder: Path, canary: Path) -> None:
    torch.save({"net.linear.weight": Sung(canary)}, folder / "weights.pt")
    with pytest.raises(InputError, match=r"weights\.pt cannot be read"):
        load_run(folder)
    (folder / "weights.pt").write_bytes(pickle.dumps(Sung(canary)))
    with pytest.raises(InputError, match=r"weights\.pt cannot be read"):
        load_run(folder)


@pytest.mark.parametrize("choice", [torch.tensor(99), torch.zeros(3), "churn_torch"])
def test_a_choice_of_a_calibrator_that_is_none_is_refused(folder: Path, choice: object) -> None:
    state = torch.load(folder / "weights.pt", weights_only=True)
    torch.save(state | {"calibrator._extra_state": choice}, folder / "weights.pt")
    with pytest.raises(InputError, match=r"^run: expected whole files"):
        load_run(folder)


def test_a_pickled_checkpoint_is_refused(folder: Path, canary: Path, tmp_path: Path) -> None:
    (folder / "metrics.json").unlink()
    content = io.BytesIO()
    torch.save({"epoch": 1, "callbacks": Sung(canary)}, content)
    (folder / "last.ckpt").write_bytes(content.getvalue())
    config = compose("train", [f"resume={folder}", f"outputs={tmp_path}"])
    with pytest.raises(InputError, match="resume: expected a whole checkpoint"):
        churn_torch.train(config, folder)


def test_a_class_of_the_users_own_is_trusted_by_name(folder: Path) -> None:
    change(folder, "model", {"_target_": "tests.workflows.own_net.OwnLinear"})
    with pytest.raises(InputError, match="trust="):
        load_run(folder)
    run = load_run(folder, trust=["tests.workflows.own_net.OwnLinear"])
    assert type(run.scorer.net).__name__ == "OwnLinear"


@pytest.mark.parametrize("threshold", ["NaN", "1e400", "-0.1", "7"])
@pytest.mark.parametrize("way", WAYS)
def test_a_threshold_that_is_no_probability_is_refused(
    folder: Path, way: str, threshold: str
) -> None:
    text = (folder / "metrics.json").read_text()
    text = re.sub(r'"threshold": [0-9.e-]+', f'"threshold": {threshold}', text)
    (folder / "metrics.json").write_text(text)
    with pytest.raises(InputError, match=r"^run: expected whole files"):
        WAYS[way](folder)


def test_a_choice_that_is_none_names_the_file_it_stands_in(folder: Path) -> None:
    change(folder, "export.outputs", ["nothing"])
    with pytest.raises(InputError, match=r"^config\.yaml in '.*': export\.outputs: expected some"):
        load_run(folder)


@pytest.mark.parametrize("name", ["config.yaml", "model.onnx"])
def test_a_link_to_a_device_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match=rf"{name}', a link to '/dev/zero'"):
        load_config(folder) if name == "config.yaml" else find_model(str(folder))


def test_a_long_place_is_cut_in_the_message(folder: Path) -> None:
    change(folder, "data.source", "x" * 5000)
    with pytest.raises(InputError, match=r"got 'x{200}', which .*trust=\[?PLACE"):
        load_run(folder).check_table()
