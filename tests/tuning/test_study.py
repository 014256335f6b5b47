from __future__ import annotations

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from churn_torch.errors import InputError
from churn_torch.tuning.study import Study


@pytest.fixture
def opened(tmp_path):
    """A function that opens the study in `tmp_path`, as another process would."""
    studies = []

    def open_study() -> Study:
        studies.append(
            Study(
                tmp_path,
                space={"x": FloatDistribution(0.0, 1.0)},
                first={"x": 0.5},
                fingerprint="f",
                choices={},
                seed=0,
                prune_after=None,
            )
        )
        return studies[-1]

    yield open_study
    for one in studies:
        one.close()


def die(study: Study) -> None:
    """What the kernel does when a process dies."""
    study.process._alive.close()


def states(study: Study) -> list[str]:
    return [row["state"] for row in study.rows()]


def test_the_first_trial_is_the_default_and_then_others_are_proposed(opened):
    study = opened()
    values = []
    while (trial := study.next(12)) is not None:
        values.append(trial.params["x"])
        study.finish(trial, (trial.params["x"] - 0.3) ** 2, epochs=2)
    assert values[0] == 0.5
    assert len(set(values)) == 12
    assert study.best().value == min((value - 0.3) ** 2 for value in values)
    assert study.importance() == {"x": 1.0}


def test_what_is_proposed_depends_on_seed_and_trials_alone(opened, tmp_path):
    one, other = opened(), opened()
    first = one.next(9)
    second = other.next(9)  # while the first one runs
    assert (first.number, second.number) == (0, 1)
    assert first.params != second.params
    assert states(one) == ["running", "running"]
    assert one.next(2) is None  # those of others count


def test_an_orphan_is_tried_again_and_nothing_else(opened):
    dead, alive = opened(), opened()
    lost, kept = dead.next(9), alive.next(9)
    die(dead)
    study = opened()
    assert states(study) == ["interrupted", "running", "waiting"]
    again = study.next(2)  # the third trial is the first one again
    assert again.params == lost.params
    assert kept.params != lost.params
    assert study.next(2) is None


def test_a_trial_of_a_process_with_a_name_that_is_none_is_an_orphan(opened, tmp_path):
    """A stranger's journal: nothing outside the folder of the study is locked or removed."""
    study = opened()
    ours = tmp_path.parent / f"{tmp_path.name}.lock"
    ours.touch()
    (tmp_path / "worker-x").mkdir()
    study.next(9).set_user_attr("worker", f"x/../../{tmp_path.name}")
    assert states(opened()) == ["interrupted", "waiting"]
    assert ours.exists()


def test_what_takes_its_process_down_three_times_has_failed(opened):
    for _ in range(3):
        study = opened()
        assert study.next(1).params == {"x": 0.5}
        die(study)
    study = opened()
    assert states(study) == ["interrupted", "interrupted", "failed"]
    assert study.rows()[2]["note"] == "its process ended before it did"
    with pytest.raises(InputError, match="got 3 that did not, the first because: its process"):
        study.best()


def test_the_last_process_trains_the_best(opened, tmp_path):
    one, other = opened(), opened()
    trials = one.next(2), other.next(2)
    one.finish(trials[0], 0.1, epochs=1)
    assert not one.claim()  # the other is still at it
    other.finish(trials[1], 0.2, epochs=1)
    assert other.claim()
    assert not one.claim()
    assert one.run_of(2) is None
    die(other)
    assert one.claim()  # it has died over it
    one.note_run(tmp_path)
    assert not opened().claim()
    assert opened().run_of(2) == str(tmp_path)
    assert opened().run_of(3) is None


def test_a_trial_of_a_stranger_sets_no_keys_but_those_of_the_space(opened, tmp_path):
    study = opened()
    classes = CategoricalDistribution(["pandas.read_pickle", "os.system"])
    study._study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params={"x": 0.1, "model._target_": "os.system"},
            distributions={"x": FloatDistribution(0.0, 1.0), "model._target_": classes},
        )
    )
    before = (tmp_path / "study.journal").read_bytes()
    with pytest.raises(InputError, match=r"^tune\.study: .*trial 1 has other keys or ranges than"):
        opened()
    assert (tmp_path / "study.journal").read_bytes() == before


@pytest.mark.parametrize("started", ["text", {"fingerprint": "f"}, {"space": 3}])
def test_a_record_of_the_start_that_is_damaged_is_named(opened, started):
    study = opened()
    study._study.set_user_attr("started", started)
    with pytest.raises(
        InputError, match=r"^tune\.study: expected a whole journal .* a damaged one"
    ):
        opened()


def test_a_study_that_is_refused_is_as_it_was_and_long_values_are_cut(opened, tmp_path):
    opened().close()
    journal = tmp_path / "study.journal"
    text = journal.read_text().replace('"choices":{}', '"choices":{"a":"' + "x" * 5000 + '"}')
    journal.write_text(text)
    with pytest.raises(InputError, match=r"^a: expected 'xxx") as raised:
        opened()
    assert len(str(raised.value)) < 500
    assert journal.read_text() == text
