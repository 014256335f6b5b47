"""A training told to MLflow, and the model loaded back by MLflow alone."""

from __future__ import annotations

import contextlib
import io
import math
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_torch.cli.compose import compose
from churn_torch.serving.model_file import ModelFile
from churn_torch.workflows.runs.run_folder import Run
from churn_torch.workflows.train import train

# MLflow's own code warns, at its import and later.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def told(
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Run, str]:
    """Return a run that was trained with ``logger=mlflow``, and the address of the store."""
    folder = tmp_path_factory.mktemp("mlflow")
    run_folder = folder / "outputs" / "day" / "run"
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", "calibration=platt"]
    keys += ["logger=mlflow", f"outputs={folder / 'outputs'}"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), redirect_stdout(out), redirect_stderr(err):
        config = compose("train", keys)
        run = train(config, run_folder)
    assert err.getvalue() == ""
    assert "MLflow has it as models:/" in out.getvalue()
    # What MLflow keeps stands beside the run folders, not in them and not where the script ran.
    assert [path.name for path in folder.iterdir()] == ["outputs"]
    assert {path.name for path in (folder / "outputs").iterdir()} >= {"mlflow.db", "mlflow"}
    return run, f"sqlite:///{folder / 'outputs' / 'mlflow.db'}"


@pytest.fixture
def stored(told: tuple[Run, str]) -> Any:
    """Return MLflow's record of the run."""
    import mlflow

    run, address = told
    mlflow.set_tracking_uri(address)
    return mlflow.get_run(run.metrics["fit"]["mlflow_run"])


def test_the_choices_are_its_parameters(told: tuple[Run, str], stored: Any):
    run, _ = told
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "/".join(run.folder.resolve().parts[-2:])
    params = stored.data.params
    assert params["seed"] == "0"
    assert params["model/_target_"].endswith("Linear")
    assert params["penalty/l2"] == str(run.options.penalty.l2)
    assert params["data/target"] == "churned"


def test_the_curve_and_the_final_metrics_are_its_metrics(told: tuple[Run, str], stored: Any):
    import mlflow

    run, address = told
    client = mlflow.MlflowClient(address)
    history = run.metrics["fit"]["history"]
    for name, key in (
        ("validation/log_loss", "validation_log_loss"),
        ("train/loss", "train_loss"),
    ):
        curve = [m.value for m in client.get_metric_history(stored.info.run_id, name)]
        assert curve == pytest.approx([epoch[key] for epoch in history])
    for part in ("validation", "test"):
        for name, value in run.metrics[part].items():
            if isinstance(value, int | float):
                assert stored.data.metrics[f"final/{part}/{name}"] == value


def loaded(stored: Any) -> Any:
    import mlflow

    (output,) = stored.outputs.model_outputs
    return mlflow.pyfunc.load_model(f"models:/{output.model_id}")


def test_mlflow_predicts_what_torch_does(
    told: tuple[Run, str], stored: Any, customers: pd.DataFrame
):
    run, _ = told
    file = ModelFile(run.model)
    feed = file.feed(customers)
    rows = pd.DataFrame({name: array[:, 0] for name, array in feed.items()})
    assert rows.isna().any().any(), "missing values must be part of it"
    found = loaded(stored).predict(rows)
    expected = run.predict_proba(customers)
    np.testing.assert_allclose(found["churn_probability"], expected, rtol=0, atol=1e-6)
    for name, values in file.run(feed).items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6, err_msg=name)
    # In whatever number types and whichever order a table comes.
    rows = rows[rows.columns[::-1]].astype({"Größe/Call  Failure": np.float64, "add": object})
    again = loaded(stored).predict(rows)
    np.testing.assert_array_equal(again["churn_probability"], found["churn_probability"])


def test_a_missing_column_is_refused_by_name(
    told: tuple[Run, str], stored: Any, customers: pd.DataFrame
):
    from mlflow.exceptions import MlflowException

    feed = ModelFile(told[0].model).feed(customers.head(2))
    rows = pd.DataFrame({name: array[:, 0] for name, array in feed.items() if name != "plan"})
    with pytest.raises(MlflowException, match="plan"):
        loaded(stored).predict(rows)


def test_the_signature_is_the_file_s(told: tuple[Run, str], stored: Any):
    file = ModelFile(told[0].model)
    signature = loaded(stored).metadata.signature
    assert signature.inputs.input_names() == file.names
    assert signature.outputs.input_names() == file.outputs
    types = {"float32": np.float32, "float64": np.float64, "string": object}
    for spec, column in zip(signature.inputs.inputs, file.columns, strict=True):
        assert (spec.type, spec.shape) == (np.dtype(types[column["type"]]), (-1, 1))


def test_the_example_is_a_row_of_typical_values_and_nobody_s(told: tuple[Run, str], stored: Any):
    model, file = loaded(stored), ModelFile(told[0].model)
    example = model.input_example
    assert {name: array[0, 0] for name, array in example.items()} == {
        c["name"]: pytest.approx(c["typical"]) for c in file.columns
    }
    (probability,) = model.predict(example)["churn_probability"]
    assert math.isfinite(probability)


def test_the_model_asks_for_the_runtime_only(stored: Any):
    import mlflow

    needed = mlflow.pyfunc.get_model_dependencies(
        f"models:/{stored.outputs.model_outputs[0].model_id}", format="pip"
    )
    lines = Path(needed).read_text().splitlines()
    names = {line.partition("==")[0] for line in lines}
    assert "onnxruntime" in names
    assert not {"torch", "churn-torch", "churn_torch"} & names


def test_without_mlflow_one_sentence_says_what_to_install(
    command: Any,
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    code, _, err = command(
        "train", *table_keys, f"data.source={customers_csv}", "logger=mlflow", f"outputs={tmp_path}"
    )
    assert code == 1
    assert err.count("\n") == 1
    assert "pip install 'churn-torch[mlflow]'" in err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
