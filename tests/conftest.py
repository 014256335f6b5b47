"""What every test file shares."""

from __future__ import annotations

import gc
import logging
import math
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from churn_torch.bounded import THREAD as GIVEN_UP
from churn_torch.locks import locked_file

if TYPE_CHECKING:
    from churn_torch.workflows.runs.run_folder import Run

ROOT = Path(__file__).resolve().parents[1]

# The width of the terminal that the tests run in must not change what they read.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")  # readline, which pytest imports, sets it where os.environ does not see it

# What trainings note of the user is noted for the tests alone; workers have it from their parent.
if "PYTEST_XDIST_WORKER" not in os.environ:
    STATE = tempfile.TemporaryDirectory(prefix="churn_torch_state_")
    os.environ["XDG_STATE_HOME"] = STATE.name

# Speed is never proved by a test: a busy machine must not fail one. The searches are the same in
# every run: what one meets by chance must not fail a change that has nothing to do with it. `make
# fuzz` searches elsewhere each time, and longer.
settings.register_profile("fixed", deadline=None, max_examples=40, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=400, print_blob=True)
settings.load_profile("fixed")

# Exports and trainings make a million small objects, few of which are garbage.
gc.set_threshold(100_000, 50, 50)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked ``gpu`` where there is no GPU, and nowhere else."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no GPU on this machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest test there is, or the other workers wait for it at the end."""
    items.sort(key=lambda item: item.name != "test_every_block_works_in_order")


@pytest.fixture(autouse=True)
def _work_that_was_given_up_has_ended() -> Iterator[None]:
    """Wait for it: a thread that is in a library when Python ends can abort the process."""
    yield
    for thread in threading.enumerate():
        if thread.name == GIVEN_UP:
            thread.join()


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    """400 customers with every kind of column, names that need care, and a real signal."""
    rng = np.random.default_rng(0)
    n = 400
    calls = rng.poisson(3.0, n).astype(float)
    plan = rng.choice(["basic", "plus, more", 'the "best"'], n, p=[0.5, 0.3, 0.2])
    logit = 0.5 * calls - 2.5 + 1.2 * (plan == "basic")
    churned = rng.random(n) < 1 / (1 + np.exp(-logit))
    calls[rng.random(n) < 0.1] = np.nan
    joined = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), unit="D")
    return pd.DataFrame(
        {
            "customer id": [f"C-{i:05d}" for i in range(n)],
            "plan": plan,
            "Größe/Call  Failure": calls,
            "cat": rng.choice(["x", "y", "日本"], n),
            "add": rng.normal(1000.0, 3.0, n).round(3),
            "joined": joined,
            "is member": rng.choice(["yes", "no"], n),
            "household": rng.integers(0, 150, n),
            "churned": np.where(churned, "yes", "no"),
        }
    )


# The keys that make `customers` a table to learn from; `data.source` is still to be named.
CUSTOMERS = (
    "data=table",
    "data.target=churned",
    "data.id=customer id",
    "data.ignore=[household]",
)


@pytest.fixture(scope="session")
def table_keys() -> tuple[str, ...]:
    """Return the overrides that go with `customers`, all but ``data.source``."""
    return CUSTOMERS


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this session have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def customers_csv(customers: pd.DataFrame, shared_folder: Path) -> Path:
    """Return `customers` as a CSV file."""
    path = shared_folder / "customers.csv"
    with locked_file(shared_folder / "customers.lock", wait=math.inf):
        if not path.exists():
            customers.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def train_run() -> Callable[..., Run]:
    """Return a function that trains in this process: run folder, then overrides; no report."""

    def train(folder: Path, *overrides: str, source: pd.DataFrame | None = None) -> Run:
        from churn_torch.workflows import train as workflow
        from tests.composing import composed

        config = composed("train", ("report=false", *overrides))
        config.outputs = str(folder.parent)
        return workflow.train(config, folder, source=source)

    return train


@pytest.fixture(scope="session")
def shared_run(train_run: Callable[..., Run], shared_folder: Path) -> Callable[..., Run]:
    """Return a function from a name and overrides to a finished run that one worker trains.

    Look at it and load it; do not write into it.
    """

    def give(name: str, *overrides: str) -> Run:
        from churn_torch.workflows.runs.run_folder import load_run

        folder = shared_folder / name / "run"
        folder.parent.mkdir(exist_ok=True)
        with locked_file(folder.parent / "lock", wait=math.inf):
            if not (folder / "metrics.json").exists():
                train_run(folder, *overrides)
        return load_run(folder)

    return give


@pytest.fixture(scope="session")
def customers_run(shared_run: Callable[..., Run], customers_csv: Path) -> Run:
    """Return a finished run on `customers`, to look at and to load; do not write into it."""
    return shared_run("customers", *CUSTOMERS, f"data.source={customers_csv}", "debug=fast")


@pytest.fixture(scope="session")
def events_csv(shared_folder: Path) -> Path:
    """Return a log of the orders of 500 customers, who leave at some time, as a CSV file."""
    path = shared_folder / "orders.csv"
    with locked_file(shared_folder / "orders.lock", wait=math.inf):
        if not path.exists():
            rng = np.random.default_rng(0)
            orders = []
            for customer in range(500):
                day, leaves = rng.integers(0, 60), rng.integers(60, 900)
                while day < min(leaves, 545):
                    shop = rng.choice(["web", "phone", "store"], p=[0.6, 0.3, 0.1])
                    orders.append((f"C{customer:03d}", day, round(rng.gamma(2, 20), 2), shop))
                    day += 1 + int(rng.exponential(25))
            frame = pd.DataFrame(orders, columns=["who", "day", "amount", "shop"])
            frame.insert(1, "on", pd.Timestamp("2023-01-01") + pd.to_timedelta(frame["day"], "D"))
            # Words that tests/workflows/planted_words.py looks for in what a run writes.
            frame["who"] = "Numbat" + frame["who"]
            frame["remark"] = "Ocelot called"
            frame.loc[[3, 4], "shop"] = "Pangolin"
            frame.drop(columns="day").to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def events_keys(events_csv: Path) -> tuple[str, ...]:
    """Return the overrides of a training on `events_csv`."""
    return (
        "events=cdnow", f"events.events.orders.source={events_csv}",
        "events.events.orders.id=who", "events.events.orders.time=on",
        "events.features.orders.sum=[amount]", "events.features.orders.mean=[]",
        "+events.features.orders.by={shop:2}", "events.label.spend.orders=amount",
    )  # fmt: skip


@pytest.fixture(scope="session")
def events_run(shared_run: Callable[..., Run], events_keys: tuple[str, ...]) -> Run:
    """Return a finished run on events; do not write into it."""
    return shared_run("events", *events_keys)


@pytest.fixture(scope="session")
def telco_run(shared_run: Callable[..., Run]) -> Run:
    """Return the run of the defaults: logistic regression on Telco; do not write into it."""
    return shared_run("telco", "report=true")


@pytest.fixture
def without_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the ONNX file out of a training, where it takes most of a short run's time."""
    monkeypatch.setattr(
        "churn_torch.workflows.runs.publish.write_model", lambda *arguments, **options: []
    )


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """Return a function that runs a script's command in this process: name, then arguments."""
    from hydra.core.global_hydra import GlobalHydra

    from churn_torch.cli.run_command import run_command

    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # run_command sets it: undone after the test
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(name: str, *arguments: object) -> Outcome:
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        capfd.readouterr()
        code: int | str | None = 0
        try:
            run_command(name)
        except SystemExit as stop:
            code = stop.code
        finally:
            for handler in root.handlers:
                if handler not in handlers:
                    handler.close()
            root.handlers[:] = handlers
            root.setLevel(level)
        out, err = capfd.readouterr()
        if isinstance(code, str):  # Python itself prints it and ends with 1
            return Outcome(1, out, f"{err}{code}\n")
        return Outcome(code or 0, out, err)

    yield run
    GlobalHydra.instance().clear()
