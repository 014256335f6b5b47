from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from churn_torch.cli import run_folders
from churn_torch.workflows.runs.claim import remove_if_useless


@pytest.fixture
def one_second(monkeypatch):
    """Stop the clock but for its microseconds."""

    class Clock(run_folders.datetime):
        moment = 0

        @classmethod
        def now(cls, tz=None):
            cls.moment += 1
            return cls(2026, 1, 31, 12, 0, 0, cls.moment)

    monkeypatch.setattr(run_folders, "datetime", Clock)


@pytest.mark.usefixtures("without_export", "one_second")
def test_runs_of_the_same_second_have_folders_of_their_own(
    command, customers_csv, table_keys, tmp_path
):
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={tmp_path}"]
    for _ in range(2):
        assert command("train", *keys).code == 0
    (day,) = (path for path in tmp_path.iterdir() if path.name != "latest")
    assert day.name == "2026-01-31"
    first, second = sorted(path.name for path in day.iterdir())
    assert first == "12-00-00"
    assert second.startswith("12-00-00-")
    assert (tmp_path / "latest").resolve() == day / second


@pytest.mark.usefixtures("one_second")
def test_sweeps_of_the_same_second_have_folders_of_their_own(monkeypatch, tmp_path):
    folders = []
    for _ in range(2):  # two processes
        monkeypatch.setattr(run_folders, "SWEEP", [])
        folders += [run_folders.choose_sweep(str(tmp_path)) for _ in range(2)]  # two members
    first = str(tmp_path / "sweeps" / "2026-01-31" / "12-00-00")
    assert folders[:2] == [first, first]
    assert folders[2] == folders[3] != first


def test_a_failed_run_takes_only_its_own_folder_away(command, table_keys, tmp_path):
    """Neither the other runs of the day, nor a folder that was there before."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("precious: true\n")
    keys = [*table_keys, "data.source=nothing.csv"]
    code, _, _ = command("train", *keys, f"outputs={tmp_path / 'outputs'}", f"hydra.run.dir={mine}")
    assert code == 1
    assert mine.is_dir()
    # What was not there goes again, with the folders above it that were made for it.
    for place in ("", f"hydra.run.dir={tmp_path / 'a' / 'b'}"):
        more = [place] if place else []
        assert command("train", *keys, f"outputs={tmp_path / 'new' / 'outputs'}", *more).code == 1
        assert not {"new", "a"} & {path.name for path in tmp_path.iterdir()}
    for name in ("first", "second"):
        (tmp_path / "day" / name).mkdir(parents=True)
    remove_if_useless(tmp_path / "day" / "second", RuntimeError())
    assert [path.name for path in (tmp_path / "day").iterdir()] == ["first"]


@pytest.mark.parametrize("first", ["train.log", "metrics.json"])
def test_an_interrupted_sweep_goes_where_no_member_has_been_trained(tmp_path, first):
    sweep = tmp_path / "sweeps" / "2026-01-31" / "12-00-00"
    for member, name in (("0", first), ("1", "config.yaml")):
        (sweep / member).mkdir(parents=True)
        (sweep / member / name).touch()
    (sweep / "multirun.yaml").touch()
    run_folders.remove_useless_member(sweep / "1", KeyboardInterrupt())
    assert not (sweep / "1").exists()
    run_folders.remove_useless_member(sweep / "0", KeyboardInterrupt())
    assert [path.name for path in tmp_path.iterdir()] == ["sweeps"] * (first == "metrics.json")
    assert (sweep / "multirun.yaml").exists() == (first == "metrics.json")


@pytest.mark.parametrize("key", ["outputs", "hydra.run.dir"])
def test_a_name_that_is_too_long_is_said(command, table_keys, tmp_path, key):
    code, _, error = command(
        "train", *table_keys, "data.source=x.csv", f"{key}={tmp_path / ('x' * 300)}"
    )
    assert code == 1
    assert "got File name too long" in error


def test_a_folder_that_looks_like_a_reference_stands_as_it_is():
    config = OmegaConf.create({"hydra": {"runtime": {}}})
    config.hydra.runtime.output_dir = "/somewhere/d${x}/o"
    assert run_folders.as_it_stands(_root_=config) == "/somewhere/d${x}/o"
