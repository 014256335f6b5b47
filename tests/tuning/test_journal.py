"""The journal of a study: whole or named, and without code."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileBackend

from churn_torch.errors import InputError
from churn_torch.locks import locked_file
from churn_torch.tuning import journal
from churn_torch.tuning.journal import JOURNAL, Process, StudyLock, open_study


def opened(folder: Path):
    lock = StudyLock(folder)
    with lock:
        return open_study(folder, lock)


def test_what_is_written_is_there_when_it_is_opened_again(tmp_path):
    study = opened(tmp_path)
    study.tell(study.ask(), 0.25)
    study.set_user_attr("x", [1, "two"])
    again = opened(tmp_path)
    assert [trial.value for trial in again.trials] == [0.25]
    assert again.user_attrs == {"x": [1, "two"]}
    lines = (tmp_path / JOURNAL).read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line) for line in lines)


def test_a_line_that_was_cut_short_is_removed(tmp_path):
    opened(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code"')
    opened(tmp_path).set_user_attr("x", 1)
    content = path.read_bytes()
    assert content.startswith(whole)
    assert all(json.loads(line) for line in content.splitlines())
    assert opened(tmp_path).user_attrs == {"x": 1}


class Payload:
    def __reduce__(self):
        return os.system, ("touch mark",)


STUDY = b'{"op_code":0,"worker_id":"x","study_name":"study","directions":[1]}\n'
DAMAGE = {
    "bytes": b"\x00\xff{}\n",
    "pickle": pickle.dumps(Payload(), protocol=0) + b"\n",
    "list": b"[1]\n",
    "first line": b'{"op_code":2,"worker_id":"x","study_id":0,"user_attr":{"a":1}}\n',
    "no such trial": STUDY + b'{"op_code":6,"worker_id":"x","trial_id":0,"state":1,"values":[1]}\n',
    "operation": b'{"op_code":99,"worker_id":"x"}\n',
    "no study": b'{"op_code":0}\n',
    "directions": STUDY.replace(b"[1]", b'["os.system"]'),
    "trial": STUDY
    + b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":"__import__(1)"}\n',
    "choice": STUDY
    + b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":null,"params":{"a":7},'
    b'"distributions":{"a":"{\\"name\\":\\"CategoricalDistribution\\",\\"attributes\\":'
    b'{\\"choices\\":[1]}}"}}\n',
    "distribution": STUDY + b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":null,'
    b'"distributions":{"a":"{\\"name\\":\\"Popen\\",\\"attributes\\":{}}"}}\n',
}


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_or_hostile_journal_is_named_and_runs_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(InputError, match=r"^tune\.study: expected a whole journal in .*a damaged"):
        opened(tmp_path)
    assert not Path("mark").exists()


def test_optuna_reads_no_pickled_snapshot_beside_a_file():
    """Backends that keep snapshots unpickle them; one of a file must not become such."""
    assert not hasattr(JournalFileBackend, "load_snapshot")


def test_a_lock_that_stays_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    with (
        locked_file(tmp_path / "study.lock"),
        pytest.raises(InputError, match=r"to be free within 0\.05 s, got it held"),
    ):
        opened(tmp_path)


def test_optuna_writes_under_the_lock_of_the_study(tmp_path, monkeypatch):
    study = opened(tmp_path)
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    with locked_file(tmp_path / "study.lock"), pytest.raises(InputError, match="to be free within"):
        study.set_user_attr("x", 1)


def test_a_process_is_alive_while_it_holds_its_lock(tmp_path):
    one, other = Process(tmp_path), Process(tmp_path)
    one.enter()
    one.scratch.mkdir()
    other.enter()
    assert other.is_alive(one.name)
    one._alive.close()  # as the kernel does when it dies
    assert not other.is_alive(one.name)
    assert not one.scratch.exists()
    other.leave()
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["x/../../../ours", "x/../../../ours/kept", "", "ABCDEF12", "*"])
def test_a_process_of_a_strangers_journal_names_no_other_files(tmp_path, name):
    folder, ours = tmp_path / "a" / "study", tmp_path / "ours"
    for made in (folder / "worker-x", ours):
        made.mkdir(parents=True)
    for name_of_lock in ("ours.lock", "ours/kept.lock", "a/study/worker-.lock"):
        (tmp_path / name_of_lock).touch()
    for capitals in ("ABCDEF12.lock", "*.lock"):
        (folder / f"worker-{capitals}").touch()
    before = sorted(tmp_path.rglob("*"))
    assert not Process(folder).is_alive(name)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_of_a_dead_process_lead_to_no_other_files(tmp_path):
    folder, ours = tmp_path / "study", tmp_path / "ours"
    for made in (folder, ours):
        made.mkdir()
    (ours / "kept").touch()
    (folder / "worker-0123abcd").symlink_to(ours)
    (folder / "worker-0123abcd.lock").touch()
    process = Process(folder)
    process.enter()
    process.leave()
    assert (ours / "kept").exists()


def test_a_journal_that_is_a_link_is_refused(tmp_path):
    """Its last line would be cut, and more written behind it."""
    ours, folder = tmp_path / "ours", tmp_path / "study"
    folder.mkdir()
    for content in (b"", b"no line end", STUDY):
        ours.write_bytes(content)
        (folder / JOURNAL).unlink(missing_ok=True)
        (folder / JOURNAL).symlink_to(ours)
        with pytest.raises(InputError, match=r"a damaged one \(a link to another file\)"):
            opened(folder)
        assert ours.read_bytes() == content


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_journal_that_is_refused_is_as_it_was(tmp_path, end):
    content = b"no journal\n of ours" + end
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(InputError, match="expected a whole journal"):
        opened(tmp_path)
    assert (tmp_path / JOURNAL).read_bytes() == content


def test_to_open_a_journal_writes_nothing_into_it(tmp_path):
    opened(tmp_path)
    before = (tmp_path / JOURNAL).read_bytes()
    opened(tmp_path)
    assert (tmp_path / JOURNAL).read_bytes() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [("epochs", "x"), ("epochs", 2**70), ("origin", 0.5), ("worker", ["x"]), ("retry_of", {})],
)
def test_notes_of_another_kind_are_damage(tmp_path, key, value):
    study = opened(tmp_path)
    study.ask().set_user_attr(key, value)
    with pytest.raises(InputError, match=rf"a damaged one \(trial 0: {key} is "):
        opened(tmp_path)


@pytest.mark.parametrize("final", [{"trials": 1}, {"trials": 1, "worker": 3, "folder": None}, 7])
def test_a_final_run_of_another_kind_is_damage(tmp_path, final):
    opened(tmp_path).set_user_attr("final", final)
    with pytest.raises(InputError, match="a damaged one"):
        opened(tmp_path)
