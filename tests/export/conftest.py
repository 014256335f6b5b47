"""What the tests of the export share: each model is trained and exported once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from omegaconf import OmegaConf

from tests.export.elsewhere import MODELS, SIZES

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run


@pytest.fixture(scope="session")
def run_of(
    request: pytest.FixtureRequest,
    shared_run: Callable[..., Run],
    customers_csv: Path,
    table_keys: tuple[str, ...],
) -> Callable[[str], Run]:
    """Return a function from one of `elsewhere.RUNS` to its run; each is trained once."""

    @functools.cache
    def give(name: str) -> Run:
        table, model = name.split()
        if model == "logreg":
            run: Run = request.getfixturevalue(f"{table}_run")
            return run
        keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"model={model}"]
        if model == "uplift":
            keys.append("data.treatment=is member")
        if model == "survival":
            keys += ["data.duration=household", "data.ignore=[]", "data.period=10"]
        known = OmegaConf.load(MODELS[model])
        keys += [f"model.{key}={size}" for key, size in SIZES[model].items() if key in known]
        return shared_run(name, *keys)

    return give


@pytest.fixture
def built_before(customers_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let exports of `customers_run` take its own graph: torch need not trace it once more."""

    def build(*_: Any, metadata: dict[str, str], **__: Any) -> onnx.ModelProto:
        model = onnx.load(customers_run.model)
        onnx.helper.set_model_props(model, metadata)
        return model

    monkeypatch.setattr("churn_torch.export.verified_files.build_onnx", build)
