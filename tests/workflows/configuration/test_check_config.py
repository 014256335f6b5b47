from __future__ import annotations

import multiprocessing
import sys

import pytest

from churn_torch.cli.compose import compose
from churn_torch.errors import InputError
from churn_torch.workflows.configuration.check_config import check_choices
from churn_torch.workflows.configuration.options import train_options


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=-1"], r"^seed: expected a whole number from 0 to 4294967295, got -1\."),
        (["train_rows=0"], r"^train_rows: expected a whole number above 0 or null, got 0"),
        (["ensemble=0"], r"^ensemble: expected a whole number above 0, got 0"),
        (["ensemble=2", "optimizer=newton"], r"^ensemble: expected 1 with optimizer=newton"),
        (["cv.average=true"], r"^cv\.average: expected false without a cross-validation"),
        (["patience=-1"], r"^patience: expected 0 or more epochs, got -1"),
        (["threshold=f2"], r"threshold"),
        (["threshold=top_share", "top_share=0"], r"top_share"),
        (["features.select=chi"], r"^features\.select: .*did you mean 'chi2'"),
        (["features.k=0"], r"^features\.k: expected a whole number above 0"),
    ],
    ids=str,
)
def test_a_choice_that_cannot_work_is_refused(overrides: list[str], message: str) -> None:
    options = train_options(compose("train", overrides))
    with pytest.raises(InputError, match=message):
        check_choices(options)


def test_the_defaults_pass() -> None:
    check_choices(train_options(compose("train")))


def test_several_processes_are_refused_where_python_has_no_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = train_options(compose("train", ["trainer=ddp"]))
    check_choices(options)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(InputError, match=r"^trainer: expected one process .* in a notebook .* ddp"):
        check_choices(options)


def test_a_process_that_imports_its_script_starts_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = multiprocessing.current_process()
    monkeypatch.setattr(process, "_inheriting", True, raising=False)
    check_choices(train_options(compose("train")))
    with pytest.raises(SystemExit):
        check_choices(train_options(compose("train", ["trainer=ddp"])))
