"""Every file in conf/ composes, is read, and does what it says (its comments: cli/test_help.py)."""

from __future__ import annotations

import csv
import itertools
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import CONF
from churn_torch.training.optimizer_choice import is_exact, with_optimizer
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options
from churn_torch.workflows.configuration.typed_config import plain_config
from churn_torch.workflows.runs.run_folder import load_run
from tests.warm_processes import preload

FILES = sorted(CONF.rglob("*.yaml"))
PRIMARY = sorted(CONF.glob("*.yaml"))
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())
# Search spaces are chosen by another script: tests/training/test_space.py.
OPTIONS = [
    f"{path.parent.name}={path.stem}"
    for path in FILES
    # Specifications of events: tests/events/test_specification.py.
    if path.parent not in (CONF, CONF / "tune", CONF / "events")
]
# The options that change what a training does: the others are composed and read, below. Nets and
# calibrators train in tests/test_exportable.py, optimizers and schedulers in tests/training.
TRAINED = ["model=gam", "optimizer=sgd", "scheduler=plateau", "data=telco", "callbacks=none"]


def relative(path: Path) -> str:
    return str(path.relative_to(CONF))


@pytest.fixture
def keys(table_keys, customers_csv):
    """Overrides for a short training on `customers`."""
    return (*table_keys, f"data.source={customers_csv}", "trainer.max_epochs=2")


def choice(option: str) -> list[str]:
    """The overrides that choose an option."""
    group, _, name = option.partition("=")
    if name.startswith("auto_"):  # of the optimizer's own keys
        return [f"model={name.removeprefix('auto_')}", "optimizer=auto"]
    if group == "recipe":  # chosen by the optimizer's file
        return (
            [f"optimizer={name}"]
            if name in ("newton", "lbfgs")
            else [*choice(f"model={name}"), "optimizer=adam"]
        )
    if option == "data=table":
        return []
    if option in ("net=gru", "net=event_transformer"):
        lists = "data.sequences.orders.columns=[orders_amount]"
        return ["model=survival", option, "data.duration=tenure", lists]
    if group == "net":
        return ["model=survival", option, "data.duration=tenure"]
    if option in ("model=gru", "model=event_transformer"):
        return [option, "data.sequences.orders.columns=[orders_amount]"]
    if option == "model=uplift":
        return [option, "data.treatment=phone"]
    if option == "model=survival":
        return [option, "data.duration=household", "data.ignore=[]", "data.period=10"]
    if group == "data":
        keys = [option, "data.target=churn", "data.source=sample:telco", "data.id=null"]
        # What a specification of events fills in.
        filled = ["data.period=1", "data.horizon=1", "data.split.censor=false"]
        return keys + (filled if option == "data=events" else [])
    if group == "offer":
        return [option, "data.value=200"]
    return [option]


# Every option of every group


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_composed_and_read(option, table_keys):
    """Every key of the file arrives in the configuration, and is a key of the typed options."""
    group, _, name = option.partition("=")
    config = compose("train", [*table_keys, "data.source=sample:telco", *choice(option)])
    check_choices(train_options(config))
    presets = ("debug", "experiment", "recipe")
    into = config if group in presets else config[group]
    into = config.optimizer if name.startswith("auto_") else into
    suited = {key for path in CONF.glob("recipe/*.yaml") for key, _ in leaves(content_of(path))}
    for key, value in leaves(content_of(CONF / group / f"{name}.yaml")):
        dotted = key if into is config else f"{group}.{key}"
        set_by_others = dotted in suited and group not in presets
        if group != "data" and not set_by_others and "${" not in str(value):
            assert OmegaConf.select(into, key) == value, key


@pytest.mark.usefixtures("without_export")
@pytest.mark.parametrize("option", TRAINED)
def test_an_option_trains(option, train_run, keys, tmp_path):
    """Through the whole pipeline; the ONNX file of every model is in tests/test_exportable.py."""
    base = ["trainer.max_epochs=2"] if option == "data=telco" else list(keys)
    run = train_run(tmp_path / "run", *base, *choice(option))
    assert all(math.isfinite(value) for value in run.metrics["test"].values() if value is not None
               and not isinstance(value, dict))  # fmt: skip
    assert len(run.metrics["fit"]["history"]) == run.metrics["fit"]["epochs"] > 0
    assert load_run(run.folder).metrics["test"]["n"] == run.metrics["test"]["n"]


NETS = dict.fromkeys(("mlp", "tabm", "wide_deep"), ("robust", 0, 0.006, 0.002, 128, 0.98, 30, 400))
CONVEX = dict.fromkeys(("logreg", "scorecard"), ("standard", 0, 0.2, 0.0001, 8192, 0.0, 50, "auto"))
ADAM = {**NETS, **CONVEX, "gam": ("standard", 16, 0.005, 0.001, 256, 0.0, 20, 100)}
ANY = ("standard", 0, None, 0.0001, 256, 0.0, 15)
SUITED = {
    **{(model, optimizer): values for model, values in ADAM.items()
       for optimizer in ("adam", "adamw")},
    **{(model, "auto"): values if model not in CONVEX else (*values[:2], None, *values[3:])
       for model, values in ADAM.items()},
    **{(model, "sgd"): (*ANY[:2], 0.1, *ANY[3:], 60) for model in ADAM},
    **{(model, "newton"): (*ANY, 100) for model in CONVEX},
    **{(model, "lbfgs"): (*ANY, 500) for model in CONVEX},
}  # fmt: skip


@pytest.mark.parametrize("net", ["logreg", "mlp", "tabm", "gam"])
@pytest.mark.parametrize("model", ["uplift", "survival"])
def test_what_suits_a_net_suits_what_wraps_it(net, model):
    alone, wrapped = (
        plain_config(compose("train", [*keys, "optimizer=adam"]))
        for keys in ([f"model={net}"], [f"model={model}", f"net={net}"])
    )
    assert wrapped.pop("net") == alone.pop("model")
    assert wrapped.pop("model")["_target_"].endswith(f".{model.capitalize()}")
    penalties = wrapped.pop("penalty"), alone.pop("penalty")
    if model == "uplift":  # a penalty that suits churn leaves nothing of an effect
        assert penalties[0]["l2"] == 0.0001
    else:
        assert penalties[0] == penalties[1]
    assert wrapped == alone


@pytest.mark.parametrize(
    ("keys", "exact"),
    [
        (["net=logreg"], True),
        (["net=scorecard"], True),
        (["net=mlp"], False),
        (["net=logreg", "optimizer.lr=0.1"], False),
        (["net=logreg", "penalty.l1=0.1"], False),
        (["net=logreg", "batch_size=64"], False),
    ],
)
def test_survival_is_solved_where_its_net_is(keys, exact):
    options = with_optimizer(train_options(compose("train", ["model=survival", *keys])), 10)
    assert is_exact(options) == exact
    if not exact:
        assert options.optimizer.arguments["lr"] in (0.2, 0.1, 0.006)


@pytest.mark.parametrize(("model", "optimizer"), SUITED)
def test_what_suits_a_model_and_an_optimizer(model, optimizer):
    """Recipes are written once and chosen by the optimizer's file; what is set wins over them."""
    config = compose("train", [f"model={model}", f"optimizer={optimizer}"])
    assert (
        config.preprocess.scaling,
        config.preprocess.bins,
        config.optimizer.get("lr"),
        config.penalty.l2,
        config.smallest_batch,
        config.ema_decay,
        config.patience,
        config.trainer.max_epochs,
    ) == SUITED[model, optimizer]


def test_what_is_set_wins_over_what_suits():
    keys = ["model=mlp", "optimizer.lr=9", "patience=7", "trainer=cpu", "debug=overfit"]
    config = compose("train", keys)
    assert (config.optimizer.lr, config.patience, config.ema_decay) == (9, 7, 0.98)
    assert (config.trainer.max_epochs, config.penalty.l2) == (200, 0.0)  # of the debug file
    assert compose("tune", ["model=mlp"]).optimizer.lr == 0.006


def content_of(path: Path) -> dict:
    """The keys of a file, those of the files of its folder that it takes over included."""
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    named = [name for name in content.pop("defaults", []) if isinstance(name, str)]
    named = [name for name in named if name != "_self_" and "/" not in name]
    for name in named:
        content = {**content_of(path.with_name(f"{name}.yaml")), **content}
    return content


def leaves(content: dict, prefix: str = "") -> list[tuple[str, object]]:
    pairs = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            pairs += leaves(value, f"{prefix}{key}.")
        elif value != {}:
            pairs.append((f"{prefix}{key}", value))
    return pairs


@pytest.mark.parametrize("path", PRIMARY, ids=relative)
def test_every_primary_file_composes(path):
    needed = {"score": ["source=a", "out=b"], "evaluate": ["data=table", "data.source=a"]}
    config = compose(path.stem, needed.get(path.stem, []))
    assert OmegaConf.to_container(config, resolve=True, throw_on_missing=False)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_is_chosen_by_name_is_in_the_defaults(group):
    file = {"tune": "tune", "recipe": "optimizer/adam", "events": "features"}.get(group, "train")
    defaults = yaml.safe_load((CONF / f"{file}.yaml").read_text())["defaults"]
    named = {key.removeprefix("optional /").removesuffix("@_global_")
             for entry in defaults if isinstance(entry, dict) for key in entry}  # fmt: skip
    assert group in named


def test_the_comments_on_the_defaults_name_every_option():
    text = (CONF / "train.yaml").read_text()
    for group in GROUPS:
        # Chosen by others, open lists, and a group of another command.
        if group in ("recipe", "experiment", "tune", "events"):
            continue
        comment = rf"^  - {group}: \w+ +# (.+(?:\n +# .+)*)$"
        (lines,) = re.findall(comment, text, re.MULTILINE)
        line = re.sub(r"\n +# ", " ", lines)
        listed = {re.sub(r" \(.*?\)", "", word).strip() for word in re.split("[,;]", line)}
        assert {path.stem for path in (CONF / group).glob("*.yaml")} <= listed | {"none"}
        assert listed <= {path.stem for path in (CONF / group).glob("*.yaml")}


# What the presets do


@pytest.fixture
def steps(monkeypatch):
    """The rows of every minibatch, told by the blocks themselves."""
    from churn_torch.training.module import ChurnModule

    seen: list[torch.Tensor] = []
    original = ChurnModule.training_step

    def record(self, batches, batch_idx):
        for start, end in itertools.pairwise([0, *batches.ends]):
            seen.append(batches.rows.dense[start:end])
        return original(self, batches, batch_idx)

    monkeypatch.setattr(ChurnModule, "training_step", record)
    return seen


@pytest.mark.usefixtures("without_export")
def test_debug_fast_takes_two_short_epochs(train_run, steps, tmp_path):
    run = train_run(tmp_path / "run", "debug=fast", "batch_size=100")
    assert run.metrics["fit"]["epochs"] == 2
    assert run.metrics["data"]["n_train"] > 1024
    assert [len(rows) for rows in steps] == [*[100] * 10, 24] * 2


@pytest.mark.usefixtures("without_export")
def test_debug_overfit_learns_one_batch_by_heart(train_run, steps, tmp_path):
    run = train_run(tmp_path / "run", "debug=overfit", "model=mlp")
    assert len(steps) == run.metrics["fit"]["epochs"] == 200
    sums = [rows.double().sum(0) for rows in steps]  # the same rows, in any order
    assert all(torch.allclose(rows, sums[0]) for rows in sums)
    assert len(steps[0]) == 64
    assert run.metrics["fit"]["history"][-1]["train_loss"] < 0.01


@pytest.mark.usefixtures("without_export")
def test_debug_profile_shows_where_the_time_goes(train_run, keys, tmp_path, capsys):
    run = train_run(tmp_path / "run", *keys[:-1], "debug=profile", "optimizer=adam")
    assert run.metrics["fit"]["epochs"] == 5
    out = capsys.readouterr().out
    assert "Profiler Report" in out
    assert "run_training_epoch" in out
    assert "Percentage" in out


@pytest.mark.usefixtures("without_export")
def test_plain_gradient_descent_is_plain(train_run, keys, steps, tmp_path):
    run = train_run(tmp_path / "run", *keys, "experiment=plain_gradient_descent")
    assert run.metrics["fit"]["epochs"] == 2
    assert [len(rows) for rows in steps] == [run.metrics["data"]["n_train"]] * 2
    assert run.options.optimizer.target == "torch.optim.SGD"
    assert run.options.optimizer.arguments["momentum"] == 0
    assert not run.options.optimizer.arguments["nesterov"]
    assert run.options.scheduler is None
    assert run.options.callbacks.early_stopping is None
    assert run.options.model.target.endswith("Linear")


@pytest.mark.usefixtures("without_export")
def test_logger_csv_writes_the_curve(train_run, keys, tmp_path):
    run = train_run(tmp_path / "run", *keys, "logger=csv")
    with (run.folder / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    written = [float(row["validation/log_loss"]) for row in rows if row["validation/log_loss"]]
    curve = [epoch["validation_log_loss"] for epoch in run.metrics["fit"]["history"]]
    assert written == pytest.approx(curve)
    written = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert written == pytest.approx([e["train_loss"] for e in run.metrics["fit"]["history"]])


@pytest.mark.usefixtures("without_export")
def test_logger_tensorboard_writes_the_curve(train_run, keys, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train_run(tmp_path / "run", *keys, "logger=tensorboard")
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    written = [event.value for event in events.Scalars("validation/log_loss")]
    curve = [epoch["validation_log_loss"] for epoch in run.metrics["fit"]["history"]]
    assert written == pytest.approx(curve)


@pytest.mark.usefixtures("without_export")
def test_the_model_options_change_the_net(train_run, keys, tmp_path):
    run = train_run(
        tmp_path / "run", *keys, "model=mlp", "model.width=6", "model.depth=3",
        "model.residual=true", "model.normalization=batch", "model.activation=tanh",
    )  # fmt: skip
    net = run.scorer.net
    assert len(net.blocks) == 3
    assert net.head.in_features == 6
    assert net.residual
    assert any(isinstance(layer, torch.nn.BatchNorm1d) for layer in net.modules())
    assert any(isinstance(layer, torch.nn.Tanh) for layer in net.modules())


@pytest.mark.usefixtures("without_export")
def test_the_preprocessing_options_change_the_features(train_run, keys, tmp_path, customers):
    plain = train_run(tmp_path / "plain", *keys)
    other = train_run(
        tmp_path / "other", *keys, "preprocess.outliers=quantile", "preprocess.scaling=robust",
        "preprocess.quantiles=[0.1,0.9]", "preprocess.min_count=500",
    )  # fmt: skip
    assert plain.schema["cat"].vocabulary == ("x", "y", "日本")
    assert other.schema["cat"].vocabulary == ()
    upper = [run.scorer.preprocess.get_buffer("float32_upper_")[0].item() for run in (plain, other)]
    assert upper[1] == np.nanquantile(
        customers["Größe/Call  Failure"].iloc[_train_rows(other)], 0.9
    )
    assert upper[0] > upper[1]


def _train_rows(run):
    from churn_torch.tables.labelled.read import read_labelled

    return read_labelled(run.options.data, seed=run.options.seed).split.train


# Devices and processes


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: the next test trains on it")
def test_trainer_gpu_without_a_gpu_is_refused(command, customers_csv, table_keys, tmp_path):
    code, _, err = command(
        "train", *table_keys, f"data.source={customers_csv}", "trainer=gpu", f"outputs={tmp_path}"
    )
    assert code == 1
    assert re.fullmatch(r"Error: trainer: [^\n]*(gpu|GPU)[^\n]*trainer=cpu[^\n]*\n", err), err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.gpu
def test_trainer_gpu_gives_the_weights_of_the_cpu(train_run, keys, tmp_path):
    gpu = train_run(tmp_path / "gpu", *keys, "trainer=gpu", "model=logreg")
    cpu = train_run(tmp_path / "cpu", *keys, "trainer=cpu", "model=logreg")
    assert gpu.metrics["test"]["log_loss"] == pytest.approx(
        cpu.metrics["test"]["log_loss"], abs=1e-4
    )
    stored = torch.load(gpu.folder / "weights.pt", weights_only=True)
    assert {tensor.device.type for tensor in stored.values()} == {"cpu"}
    for name, tensor in torch.load(cpu.folder / "weights.pt", weights_only=True).items():
        torch.testing.assert_close(stored[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.fixture
def warm_processes(monkeypatch):
    """Let processes that are spawned be forked from one that has imported everything already."""
    preload()
    original = torch.multiprocessing.start_processes

    def start(*arguments, start_method, **keys):
        assert start_method == "spawn"
        return original(*arguments, start_method="forkserver", **keys)

    monkeypatch.setattr(torch.multiprocessing, "start_processes", start)


@pytest.mark.usefixtures("without_export", "warm_processes")
def test_trainer_ddp_trains_like_one_process(train_run, keys, tmp_path, customers, monkeypatch):
    """Two processes on the CPU: minibatches in memory, which MLflow hears of once; weighted files.

    That one process finds the optimum of the weighted rows: tests/workflows/test_train.py.
    """
    monkeypatch.setattr("churn_torch.workflows.train.log_model", lambda *_, **__: "models:/m")
    ddp = ["trainer=ddp", "trainer.accelerator=cpu"]
    keys = [*keys, "batch_size=64"]
    logger = ["logger=mlflow", f"logger.mlflow.tracking_uri=file:{tmp_path / 'mlflow'}"]
    shared = train_run(tmp_path / "shared", *keys, *ddp, *logger)
    assert shared.metrics["fit"]["epochs"] == 2
    agree(shared, train_run(tmp_path / "alone", *keys))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own code warns
        import mlflow

        client = mlflow.MlflowClient(f"file:{tmp_path / 'mlflow'}")
        (told,) = client.search_runs([client.get_experiment_by_name("churn").experiment_id])
        losses = client.get_metric_history(told.info.run_id, "validation/log_loss")
    assert told.info.run_id == shared.metrics["fit"].pop("mlflow_run")
    assert len(losses) == 2

    monkeypatch.setattr("churn_torch.training.rows.materialize.MEMORY_BYTES", 0)
    monkeypatch.setattr("churn_torch.tables.labelled.streamed.READ_ROWS", 90)
    worth = np.random.default_rng(1).exponential(3.0, len(customers))
    customers.assign(worth=np.where(worth < 0.6, 0, worth)).to_parquet(tmp_path / "c.parquet")
    keys += [
        f"data.source={tmp_path / 'c.parquet'}", "data.weight=worth", "data.split.by=hash",
        "data.streaming=true", "optimizer=newton", "penalty.l2=0.01", "class_weight=balanced",
        "trainer.max_epochs=50",
    ]  # fmt: skip
    alone = train_run(tmp_path / "one", *keys)
    agree(train_run(tmp_path / "two", *keys, *ddp), alone, rel=1e-5)


def agree(shared, alone, rel=1e-6):
    """Two runs are the same but for rounding."""
    history = (run.metrics["fit"]["history"] for run in (shared, alone))
    for one, other in zip(*history, strict=True):
        assert one == pytest.approx(other, rel=rel)
    losses = [run.metrics["test"]["log_loss"] for run in (shared, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=rel)
    stored = torch.load(shared.folder / "weights.pt", weights_only=True)
    for name, tensor in torch.load(alone.folder / "weights.pt", weights_only=True).items():
        torch.testing.assert_close(stored[name], tensor, rtol=rel, atol=rel)
    assert {path.name for path in shared.folder.iterdir()} == {
        path.name for path in alone.folder.iterdir()
    }
