"""What the tests of serving share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from omegaconf import OmegaConf

from tests.export.elsewhere import MODELS

if TYPE_CHECKING:
    from churn_torch.workflows.run_folder import Run


@pytest.fixture(scope="session")
def run_of(
    request: pytest.FixtureRequest,
    train_run: Callable[..., Run],
    customers_csv: Path,
    table_keys: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Run]:
    """Return a function that gives one of `elsewhere.RUNS`; each is trained once."""
    trained: dict[str, Run] = {}

    def give(name: str) -> Run:
        table, model = name.split()
        if model == "logreg":
            found: Run = request.getfixturevalue(f"{table}_run")
            return found
        if name not in trained:
            folder = tmp_path_factory.mktemp("elsewhere") / "run"
            keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"model={model}"]
            if "width" in OmegaConf.load(MODELS[model]):
                keys.append("model.width=16")
            trained[name] = train_run(folder, *keys)
        return trained[name]

    return give
