"""Every bad input: one sentence with the mend, exit code 1, no traceback, nothing half-written."""

from __future__ import annotations

import errno
import gzip
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from churn_torch.cli.commands import run_workflow
from churn_torch.cli.compose import compose
from churn_torch.cli.error_messages import explain
from churn_torch.errors import InputError
from churn_torch.training.callbacks import CHECKPOINT, LastCheckpoint
from churn_torch.whole_files import PRIVATE
from churn_torch.workflows.runs.claim import remove_if_useless
from tests.composing import composed
from tests.stderr import own
from tests.warm_processes import WarmProcess

Table = pd.DataFrame


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its bytes (None for folders), so that nothing goes unseen."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink() or path.is_file()
    }


def check_sentence(code: int, err: str, *fragments: str) -> str:
    """Check that an error is one sentence on stderr, and that it says what it must."""
    err = own(err)
    assert code == 1, err
    assert err.startswith("Error: "), err
    assert err.count("\n") == 1, err
    assert err.endswith("\n"), err
    for fragment in fragments:
        assert re.search(fragment, err), f"{fragment!r} is not in {err!r}"
    return err


@pytest.fixture
def refused_command(command, tmp_path) -> Callable[..., str]:
    """Return a function that runs a command that must be refused, and checks what it leaves."""
    (tmp_path / "outputs").mkdir(exist_ok=True)

    def run(name: str, arguments: list[object], *fragments: str) -> str:
        before = contents(tmp_path)
        more = [f"outputs={tmp_path / 'outputs'}"] if name == "train" else []
        code, out, err = command(name, *more, *arguments)
        assert "Traceback" not in out + err
        check_sentence(code, err, *fragments)
        assert contents(tmp_path) == before
        return err

    return run


@pytest.fixture
def refused(tmp_path) -> Callable[..., None]:
    """Return a function that does what a command does below the command line; see the other."""
    (tmp_path / "outputs").mkdir(exist_ok=True)

    def run(name: str, arguments: list[object], *fragments: str) -> None:
        before = contents(tmp_path)
        folder = tmp_path / "outputs" / "run"
        with pytest.raises(Exception) as raised:  # noqa: PT011
            run_workflow(name, composed(name, [*map(str, arguments)]), folder, Path)
        remove_if_useless(folder, raised.value)
        folder.parent.mkdir(exist_ok=True)
        sentence = explain(raised.value, name)
        assert sentence is not None, repr(raised.value)
        check_sentence(1, f"Error: {sentence}\n", *fragments)
        assert contents(tmp_path) == before

    return run


@pytest.fixture
def train_on(refused, table_keys, tmp_path) -> Callable[..., None]:
    """Return a function that trains on a table written as CSV and must be refused."""

    def run(table: Table, *fragments: str, keys: tuple[str, ...] = ()) -> None:
        source = tmp_path / "customers.csv"
        table.to_csv(source, index=False)
        refused("train", [*table_keys, *keys, f"data.source={source}"], *fragments)

    return run


# From Python


def test_a_refused_training_leaves_no_folder(train_run, table_keys, customers, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="churn"):
        train_run(folder, *table_keys, source=customers.assign(churned="yes"))
    assert not folder.exists()
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="churn"):
        train_run(folder, *table_keys, source=customers.assign(churned="yes"))
    assert (folder / "notes.txt").read_text() == "mine"


# Keys in a form that they cannot have


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("train", "cv=5", r"cv: expected keys below it \(cv.folds"),
        ("tune", "+seed=5", "seed: expected seed=VALUE for a key that is there, got .seed"),
        ("train", "trust.name=x", "trust.name: expected a key of train, got an unknown one"),
        ("train", "scheduler@x=null", "scheduler@x: expected a key of train, got an unknown one"),
        ("train", "resume=true", "run: expected a run folder, got 'true', which is not there"),
    ],
)
def test_keys_of_another_form(refused_command, monkeypatch, tmp_path, name, key, said):
    monkeypatch.chdir(tmp_path)
    refused_command(name, [key], said)


# Folds and features


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["cv.folds=1"], "cv.folds: expected 2 or more folds"),
        (["cv.folds=-3"], "cv.folds: expected 2 or more folds"),
        (["cv.folds=two"], "cv.folds: expected a whole number, got 'two'"),
        (["cv.folds=1000"], "cv.folds: expected at least 1000 rows"),
        (["cv.folds=3", "cv.repeats=0"], "cv.repeats: expected a whole number above 0, got 0"),
        (
            ["cv.folds=3", "data.streaming=true"],
            "data.streaming: expected a table that fits into memory",
        ),
        (["cv.folds=3", "data.test_source=x.csv"], "data.test_source: expected none"),
        (
            ["cv.folds=3", "optimizer=newton", "model=mlp"],
            "optimizer: .* got MLP; set model=logreg",
        ),
        (["features.select=chi"], r"features.select: expected one of .* \(did you mean 'chi2'"),
        (["features.select=l1", "features.k=0"], "features.k: expected a whole number above 0"),
        (["features.select=chi2", "features.k=7"], "expected at most the 6 columns there are"),
        (["features.select=chi2", "data.streaming=true"], "features.select: expected a table in"),
    ],
)
def test_folds_and_features_that_cannot_be(train_on, customers, keys, said):
    train_on(customers, said, keys=tuple(keys))


@pytest.mark.parametrize("method", ["chi2", "mutual_info", "l1", "permutation"])
def test_features_that_tell_nothing(train_on, customers, method):
    table = customers[["customer id", "household", "churned"]].assign(one=1.0)
    keys = ("data.kinds.one=numeric", f"features.select={method}", "optimizer=newton")
    train_on(table, f"expected a column that {method} scores above 0, got none in 1", keys=keys)


# Sample weights


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (-1, "'-1' in row 6"),
        (np.inf, "'inf' in row 6"),
        (np.nan, "a missing cell in row 6"),
        ("much", "'much' in row 6"),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_weights_that_are_none(train_on, customers, cell, said, streaming):
    worth = customers["add"].astype(object)
    worth[5] = cell
    keys = ("data.weight=worth", f"data.streaming={streaming}")
    expected = r"^Error: data\.weight: expected .* 0 or more in every row of column 'worth'"
    got = rf"got {said} \(1 such rows\); correct the values .*data\.weight=null"
    train_on(customers.assign(worth=worth), expected, got, keys=keys)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("who", "label"), [("churners", "yes"), ("customers who stay", "no")])
def test_weights_all_zero(train_on, customers, who, label, streaming):
    table = customers.assign(worth=(customers["churned"] != label).astype(int))
    keys = ("data.weight=worth", f"data.streaming={streaming}")
    expected = r"^Error: data\.weight: expected train rows of both classes .* column 'worth'"
    got = rf"got the weight 0 for all {who}; correct the values, or set data\.weight=null"
    train_on(table, expected, got, keys=keys)


@pytest.mark.parametrize(
    ("keys", "fragments"),
    [
        (
            ("data.weight=ad",),
            [r"data\.weight: expected a column of", "'ad' .did you mean 'add'", "name one of"],
        ),
        (
            ("data.weight=churned",),
            [
                r"data\.weight: expected another column than the target, got 'churned'",
                r"remove it from data\.weight",
            ],
        ),
        (
            ("data.weight=customer id",),
            ["column 'customer id': expected one use", "the weight and also the id; remove one"],
        ),
        (
            ("data.weight=add", "data.kinds.add=numeric"),
            [r"it is the weight and also of the kind numeric in data\.kinds; remove one"],
        ),
        (
            ("data.weight=add", "data.split.by=time", "data.split.column=add"),
            ["it is the weight and also the split's time"],
        ),
        (("data.kinds.add=weight",), ["expected one of numeric", "got 'weight'"]),
    ],
)
def test_weight_column_is_none(train_on, customers, keys, fragments):
    train_on(customers, *fragments, keys=keys)


# The source


def test_source_is_missing(refused_command, table_keys, tmp_path):
    (tmp_path / "customers.csv").write_text("a\n1\n")
    keys = [*table_keys, f"data.source={tmp_path}/custmers.csv"]
    refused_command(
        "train",
        keys,
        "source: expected a file, a folder, a glob or SELECT",
        r"custmers\.csv', which is not there .did you mean 'customers\.csv'\?.; check the path",
    )


def test_source_folder_is_missing(refused, table_keys, tmp_path):
    keys = [*table_keys, f"data.source={tmp_path}/no/where.csv"]
    refused("train", keys, "which is not there, nor its folder", "check the path")


def test_glob_without_files(refused, table_keys, tmp_path):
    keys = [*table_keys, f"data.source={tmp_path}/*.parquet"]
    refused(
        "train",
        keys,
        r"source: expected files that match '.*\*\.parquet', got none",
        "check the folder and the pattern",
    )


GARBAGE = bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8))
PACKED = gzip.compress(GARBAGE, mtime=0)  # the same in every process


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        ("empty.csv", b"", ["expected a table, got an empty file", "check the source"]),
        ("empty.parquet", b"", ["expected a table, got an empty file", "check the source"]),
        ("blank.csv", b"\n \n", ["check the source"]),
        ("header.csv", b"plan,churned\n", ["columns but no rows", "check the source"]),
        ("garbage.csv", GARBAGE, ["binary", "name a CSV, Parquet, Excel, JSON"]),
        ("garbage.csv.gz", PACKED, ["binary", "name a CSV, Parquet, Excel"]),
        ("cut.csv.gz", PACKED[:2000], ["ended before", "write it again"]),
        ("garbage.parquet", GARBAGE, ["does not start like Parquet", "write it again"]),
        ("cut.parquet", b"PAR1" + GARBAGE, ["cannot be read .Parquet magic", "write it again"]),
        ("sheet.xlsx", b"PK\x03\x04" + GARBAGE, ["not a zip file", "write it again"]),
        (
            "uneven.csv",
            b"plan,churned\na,yes\nb,no,3\n",
            ["2 cells in every row", "3 in line 3; correct that line"],
        ),
    ],
)
def test_source_is_no_table(refused, table_keys, tmp_path, name, content, fragments):
    (tmp_path / name).write_bytes(content)
    keys = [*table_keys, f"data.source={tmp_path / name}"]
    refused("train", keys, re.escape(name), *fragments)


def test_source_is_not_named(refused_command):
    keys = ["data=table", "data.target=churned"]
    refused_command("train", keys, r"data\.source: expected a table, got nothing; name one")


def test_query_that_does_not_run(refused_command, table_keys):
    keys = [*table_keys, "data.source=SELECT nothing FROM nowhere"]
    refused_command(
        "train",
        keys,
        "data.source: expected a SELECT that DuckDB can run, got",
        "Table with name nowhere",
        "correct the query or the database",
    )


def test_database_is_missing(refused, table_keys, tmp_path):
    keys = [*table_keys, "data.source=SELECT 1", f"data.database={tmp_path}/crm.duckdb"]
    refused(
        "train",
        keys,
        r"database: expected .* got '.*crm\.duckdb', which is not there; check the path",
    )


# The target and the columns

CORRECT = "correct them or leave the cells empty"


def test_target_is_missing(train_on, customers):
    train_on(
        customers, r"data\.target: expected a column of the table, got 'churnd'",
        "'churnd' .did you mean 'churned'", "name one of .*'churned'", keys=("data.target=churnd",),
    )  # fmt: skip


TWO_VALUES = "target column 'churned': expected two different values, got"


def test_target_with_one_class(train_on, customers):
    train_on(
        customers.assign(churned="yes"), f"{TWO_VALUES} one value .'yes' \\d+.", "check the column"
    )


def test_target_with_three_classes(train_on, customers):
    values = np.resize(["yes", "no", "maybe"], len(customers))
    three = customers.assign(churned=values)
    said = rf"{TWO_VALUES} 3 values .'yes' 134, 'maybe' 133, 'no' 133."
    train_on(three, said, r"set data\.positive=yes and data\.negative=rest if all other values")
    train_on(three, said, r"set data\.negative=rest .* data\.negative=\[no\] to leave out the rows",
             keys=("data.positive=yes",))  # fmt: skip


def test_target_with_nothing_but_blanks(train_on, customers):
    train_on(customers.assign(churned=" "), f"{TWO_VALUES} no value", "check the column")


def test_blanks_in_the_target_do_not_count_as_a_class(train_on, customers):
    blanks = customers.assign(churned=np.resize(["yes", "", " "], len(customers)))
    train_on(blanks, f"{TWO_VALUES} one value .'yes' ", "check the column")


def test_positive_is_not_found(train_on, customers):
    train_on(
        customers, r"data\.positive: expected one of the two values of the target column 'churned'",
        r"'no' \d+, 'yes' \d+.., got 'left'", "set it to the one that means churn",
        keys=("data.positive=left",),
    )  # fmt: skip


def test_positive_is_not_clear(train_on, customers):
    renamed = customers.assign(churned=customers["churned"].map({"yes": "a", "no": "b"}))
    said = r"data\.positive: expected the value of .*'churned' that means churn, got no value"
    train_on(renamed, said, "guess it from 'a' and 'b'", "set it to one of the two")


def test_duplicate_column_names(refused, table_keys, tmp_path):
    source = tmp_path / "twice.csv"
    source.write_text("plan,age,plan,churned\n" + "a,1,b,yes\nc,2,d,no\n" * 20)
    keys = [*table_keys, f"data.source={source}"]
    refused(
        "train", keys, "columns: expected a different name for each, got 'plan' more than", "rename"
    )


def test_duplicate_column_names_of_a_query(refused_command, table_keys):
    keys = ["data.source=SELECT 1 AS a, 2 AS a, 3 AS churned", *table_keys]
    refused_command(
        "train", keys, "columns: expected a different name for each, got 'a' more", "rename"
    )


def test_infinite_values(train_on, customers):
    infinite = customers.copy()
    infinite.loc[[4, 9], "add"] = [np.inf, -np.inf]
    train_on(
        infinite, "column 'add': expected finite numbers", "got 2 .*the first in row 5", CORRECT
    )


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        (
            "data.id=customer_id",
            [
                r"data\.id: expected a column of .* 'customer_id' .did you mean 'customer id'",
                "name one",
            ],
        ),
        (
            "data.ignore=[planet]",
            [r"data\.ignore: expected a column of .* 'planet' .did you mean 'plan'", "name one"],
        ),
        ("data.ignore=plan", [r"data\.ignore: expected a list", "got 'plan'"]),
        (
            "data.kinds.planet=numeric",
            [r"data\.kinds: expected a column of .* 'planet' .did you mean 'plan'", "name one"],
        ),
        (
            "data.kinds.plan=number",
            [r"data\.kinds\.plan: expected one of .* got 'number' .did you mean 'numeric'"],
        ),
        (
            "data.kinds.plan=numeric",
            ["'plan': expected numeric values, got 'basic'", r"data\.kinds\.plan="],
        ),
        ("data.split.by=date", [r"data\.split\.by: expected random, hash, .* got 'date'"]),
        ("data.split.by=time", [r"data\.split\.column: expected the column", "name it"]),
        ("data.split.validation=0.9", ["both together below 1", r"validation=0\.9"]),
        ("data.split.validation=0", ["validation above 0"]),
    ],
)
def test_names_and_kinds(train_on, customers, key, fragments):
    train_on(customers, *fragments, keys=(key,))


def test_split_column_is_missing(train_on, customers):
    keys = ("data.split.by=group", "data.split.column=houshold")
    said = r"data\.split\.column: expected a column of .* got 'houshold' .did you mean 'household'"
    train_on(customers, said, "name one of", keys=keys)


def test_every_column_is_ignored(train_on, customers):
    keys = ("data.ignore=[plan,cat,add,joined,is member,household]",
            "data.kinds.Größe/Call  Failure=ignored")  # fmt: skip
    train_on(
        customers, "at least one column to learn from", "'plan' left out: asked for",
        r"data\.kinds\.COLUMN", keys=keys,
    )  # fmt: skip


def test_fewer_rows_than_the_split_needs(train_on, customers):
    churned = customers["churned"] == "yes"
    few = pd.concat([customers[churned][:2], customers[~churned][:40]])
    train_on(few, "at least 3 positive rows", "got 2", "add rows of that class")


def test_test_source_with_one_class(train_on, customers, tmp_path):
    one = tmp_path / "test.csv"
    customers[customers["churned"] == "no"].to_csv(one, index=False)
    keys = (f"data.test_source={one}",)
    train_on(customers, "labelled rows of both classes", "0 churners", "name a larger", keys=keys)


def test_test_source_lacks_a_column(train_on, customers, tmp_path):
    test = tmp_path / "test.csv"
    customers.drop(columns="plan").to_csv(test, index=False)
    said = "table: expected every column .* learned from, got none called 'plan'; add or rename"
    train_on(customers, said, keys=(f"data.test_source={test}",))


def test_a_column_named_like_an_output(train_on, customers):
    named = customers.rename(columns={"add": "churn_probability"})
    train_on(named, "'churn_probability'", r"rename it or add it to data\.ignore")


# Choices and keys


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("model=logrg", ["^Error: model: expected one of event_transformer, gam, gru", "'logreg'"]),
        ("debug=quick", ["expected one of fast, overfit, profile, got 'quick'"]),
        ("data=some/c.csv", ["data: expected one of events, table, telco, got 'some/c.csv'"]),
        ("modle=mlp", ["modle: expected a key of train", "did you mean 'model'", "--help"]),
        ("lr=0.1", ["lr: expected a key of train", "did you mean 'optimizer.lr'"]),
        ("model.width=64", ["model.width: .*one that belongs to .* model=gam .* or model=mlp"]),
        ("seed=null", ["seed: expected a whole number, got None"]),
        ("batch_size=0", ["batch_size: expected a whole number above 0, auto, or null .* got 0"]),
        ("optimizer.lr", ["expected key=value on the command line, got 'optimizer.lr'"]),
        ("optimizer.betas=[0.9", [r"got 'optimizer\.betas=\[0\.9'; put quotes around"]),
    ],
)  # fmt: skip
def test_keys_and_choices_of_a_command(refused_command, table_keys, customers_csv, key, fragments):
    refused_command("train", [*table_keys, f"data.source={customers_csv}", key], *fragments)


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("optimizer=adamm", ["one of adam, adamw, auto, lbfgs, newton,", "did you mean 'adam'"]),
        ("experiment=plain", ["did you mean 'plain_gradient_descent'"]),
        ("data=customers.csv", ["data: expected one of events, table, telco, got 'customers.csv'"]),
        ("optimizer.learning_rate=0.1", ["learning_rate: .*did you mean 'optimizer.lr'"]),
        ("batchsize=3", ["did you mean 'batch_size'"]),
        ("data.sorce=x.csv", ["did you mean 'data.source'"]),
        ("max_epochs=5", ["did you mean 'trainer.max_epochs'"]),
        ("epochs=5", ["did you mean 'trainer.max_epochs'"]),
        ("test_size=0.2", ["did you mean 'data.split.test'"]),
        ("random_state=1", ["did you mean 'seed'"]),
        ("target=churn", ["did you mean 'data.target'"]),
    ],
)  # fmt: skip
def test_keys_that_do_not_compose(table_keys, key, fragments):
    with pytest.raises(InputError) as raised:
        compose("train", [*table_keys, key])
    check_sentence(1, f"Error: {raised.value}\n", *fragments)


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("batch_size=1.5", ["batch_size: expected a whole number or auto or null, got 1.5"]),
        ("batch_size=large", ["batch_size: expected a whole number or auto .* got 'large'"]),
        ("seed=-1", ["seed: expected a whole number from 0 to 4294967295, got -1"]),
        ("seed=5000000000", ["seed: expected a whole number from 0 to"]),
        ("trainer.deterministic=7", ["trainer.deterministic: expected true or false, got 7"]),
        ("trainer.max_epochs=0", ["max_epochs: expected a whole number above 0 or auto, got 0"]),
        ("trainer.max_epochs=2.5", ["trainer.max_epochs: expected a whole number or auto"]),
        ("trainer.max_epochs=many", ["expected a whole number or auto, got 'many'"]),
        ("gradient_clip=0", ["gradient_clip: expected a number above 0 or null, got 0"]),
        ("train_rows=0", ["train_rows: expected "]),
        ("data.streaming=maybe", [r"data\.streaming: expected true or false or auto, got 'maybe'"]),
        ("cache.max_gb=much", [r"cache\.max_gb: expected a number, got 'much'"]),
        ("penalty=0.1", [r"keys below it \(penalty\.l2, penalty\.l1, penalty\.folds\), got 0"]),
        (
            "penalty.l2=-1",
            ["penalty: expected l1 and l2 of 0 or above, got .*l2=-1; set penalty.l1"],
        ),
        ("class_weight=much", ["class_weight: expected none, balanced or a positive number"]),
        ("patience=-1", ["patience: expected 0 or more epochs, got -1"]),
        ("data.split.test=0", [r"data\.split\.test: expected a share above 0"]),
        ("threshold=best", ["got 'best'"]),
        ("threshold=1.5", ["1.5"]),
        ("optimizer.lr=-1", ["Invalid learning rate"]),
        ("optimizer.lr=abc", ["optimizer.lr: expected a number, got 'abc'"]),
        ("optimizer.lr=true", ["optimizer.lr: expected a number, got True"]),
        ("optimizer.lr=[1,2]", ["optimizer.lr: expected a number, got"]),
        ("trainer.precision=7", ["^Error: trainer.*precision"]),
        ("trainer.accelerator=tpu", ["^Error: trainer: "]),
        ("preprocess.outliers=drop", [r"preprocess\.outliers: expected auto or none or quantile"]),
        ("preprocess.quantiles=[0.9,0.1]", [r"preprocess\.quantiles: expected 0 <= low < high"]),
        ("preprocess.quantiles=0.1", [r"preprocess\.quantiles: expected a list"]),
        ("preprocess.quantiles=[0.1]", [r"preprocess\.quantiles: expected"]),
        ("preprocess.min_count=0", ["min_count >= 1"]),
    ],
)
def test_keys_and_choices(train_on, customers, key, fragments):
    train_on(customers, *fragments, keys=(key,))


def test_top_share_out_of_range(train_on, customers):
    keys = ("threshold=top_share", "top_share=0")
    train_on(customers, "top_share", "above 0 and up to 1", keys=keys)


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("model.activation=relo", [r"model\.activation: expected one of relu", "'relu'"]),
        ("model.width=0", ["model: expected width >= 1", "got width=0"]),
        ("model.dropout=1", ["dropout < 1"]),
        ("model.width=wide", [r"model\.width: expected a whole number, got 'wide'"]),
        ("model.widht=3", ["model.widht: expected", "did you mean 'model.width'"]),
    ],
)
def test_keys_of_the_mlp(train_on, customers, key, fragments):
    train_on(customers, *fragments, keys=("model=mlp", key))


def test_a_rate_too_high_leaves_no_run(train_on, customers):
    keys = ("model=mlp", "optimizer=sgd", "optimizer.lr=1e30")
    train_on(customers, "finite validation log-loss", r"lower optimizer\.lr", keys=keys)


@pytest.mark.parametrize("name", ["evaluate", "score", "export"])
def test_unknown_key_of_another_command(refused_command, customers_run, name):
    keys = [f"run={customers_run.folder}", "sorce=x.csv"]
    refused_command(name, keys, f"sorce: expected a key of {name}", "did you mean '(data.)?source'")


# Output folders and disks


def test_outputs_below_a_file(command, customers_csv, table_keys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    before = contents(tmp_path)
    keys = [*table_keys, f"data.source={customers_csv}", f"outputs={tmp_path}/file/outputs"]
    code, _, err = command("train", *keys)
    check_sentence(code, err, "Not a directory", r"choose another place \(outputs=FOLDER\)")
    assert contents(tmp_path) == before


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["config.yaml", "model.onnx", "schema.json", "weights.pt"])
def test_a_full_disk_while_writing_a_file(
    command, customers_csv, table_keys, tmp_path, name, monkeypatch
):
    """Half the bytes arrive, then the disk is full: the file does not take its name."""

    def full(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: Path, content: Any, *arguments: Any, **keys: Any) -> Any:
            if not (self.name == name and self.parent.name.startswith(PRIVATE)):
                return original(self, content, *arguments, **keys)
            original(self, content[: len(content) // 2], *arguments, **keys)
            raise FULL

        return write

    write_text, write_bytes = Path.write_text, Path.write_bytes
    if name != "model.onnx":
        monkeypatch.setattr(
            "churn_torch.workflows.runs.publish.write_model", lambda *arguments, **options: []
        )
    monkeypatch.setattr(Path, "write_text", full(write_text))
    monkeypatch.setattr(Path, "write_bytes", full(write_bytes))
    outputs = tmp_path / "outputs"
    keys = [*table_keys, f"data.source={customers_csv}", "debug=fast", f"outputs={outputs}"]
    code, _, err = command("train", *keys)
    check_sentence(code, err, "No space left on device", "free the disk")
    left = [path for path in outputs.rglob("*") if path.is_file()]
    assert name not in {path.name for path in left}
    assert not [path for path in left if PRIVATE in str(path)]
    assert not (outputs / "latest").exists()
    if name == "config.yaml":
        assert left == []
    else:  # what was trained is kept, and can be gone on with
        assert {"config.yaml", CHECKPOINT} <= {path.name for path in left}
        monkeypatch.setattr(Path, "write_text", write_text)
        monkeypatch.setattr(Path, "write_bytes", write_bytes)
        assert command("train", f"resume={left[0].parent}").code == 0
        assert (left[0].parent / name).exists()


def test_a_full_disk_at_the_first_checkpoint(
    command, customers_csv, table_keys, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise FULL

    monkeypatch.setattr(LastCheckpoint, "on_train_epoch_end", fail)
    keys = [*table_keys, f"data.source={customers_csv}", f"outputs={tmp_path / 'outputs'}"]
    code, _, err = command("train", *keys)
    check_sentence(code, err, "No space left on device", "free the disk")
    assert contents(tmp_path) == {}


# Resuming


def test_resume_of_a_missing_run(refused_command, tmp_path):
    keys = [f"resume={tmp_path / 'outputs' / 'nothing'}"]
    refused_command(
        "train", keys, "expected a run folder, got '.*nothing', which is not there", "train"
    )


def test_resume_of_a_finished_run(refused_command, customers_run, tmp_path):
    folder = shutil.copytree(customers_run.folder, tmp_path / "outputs" / "finished")
    refused_command(
        "train", [f"resume={folder}"], "expected an interrupted run", "which is finished"
    )


def test_resume_without_a_checkpoint(refused_command, customers_run, tmp_path):
    """The folder is the user's, however little is in it: it stays."""
    folder = tmp_path / "outputs" / "unstarted"
    folder.mkdir(parents=True)
    shutil.copy(customers_run.folder / "config.yaml", folder)
    refused_command("train", [f"resume={folder}"], r"expected last\.ckpt", "start anew")


def test_resume_of_changed_data(command, customers, table_keys, tmp_path):
    source, outputs = tmp_path / "customers.csv", tmp_path / "outputs"
    customers.to_csv(source, index=False)

    def fail(*arguments, **options):
        raise FULL

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn_torch.workflows.runs.publish.write_model", fail)
        keys = [*table_keys, f"data.source={source}", "debug=fast", f"outputs={outputs}"]
        assert command("train", *keys).code == 1
    (checkpoint,) = outputs.rglob(CHECKPOINT)
    customers[:-1].to_csv(source, index=False)
    before = contents(tmp_path)
    code, _, err = command("train", f"outputs={outputs}", f"resume={checkpoint.parent}")
    check_sentence(code, err, "the source has changed", "start a new run")
    log = str(checkpoint.with_name("train.log").relative_to(tmp_path))
    after = contents(tmp_path)
    assert after.pop(log).startswith(before.pop(log))  # the log alone has grown
    assert after == before


# Scoring


@pytest.fixture
def score(refused, customers_run, tmp_path) -> Callable[..., str]:
    """Return a function that scores a table and must be refused; the old scores stay."""

    def run(
        table: Table, *fragments: str, out: str = "scores.csv", keys: tuple[str, ...] = ()
    ) -> str:
        source = tmp_path / "new.csv"
        table.to_csv(source, index=False)
        existing = tmp_path / "scores.csv"
        existing.write_text("the scores of last month")
        arguments = [f"run={customers_run.folder}", f"source={source}", f"out={tmp_path / out}"]
        return refused("score", [*arguments, *keys], *fragments)

    return run


def test_score_lacks_a_column(score, customers):
    table = customers.rename(columns={"plan": "Plan"})
    score(table, r"none called 'plan' .did you mean 'Plan'\?.; add or rename the column")


def test_score_lacks_columns(score, customers):
    said = "table: expected every column the model learned from, got none called 'plan', 'add'"
    score(customers.drop(columns=["plan", "add"]), said, "add or rename")


@pytest.mark.parametrize("rows_before", [0, 300])
def test_score_finds_text_in_a_number(score, customers, rows_before):
    """The row is that of the table, also when its chunk is not the first."""
    table = customers.astype({"add": object})
    table.loc[[rows_before + 3, rows_before + 5], "add"] = ["n.a.?", "1,5"]
    score(
        table, "column 'add': expected numbers, got 2 other cells", CORRECT,
        rf"the first is 'n\.a\.\?' in row {rows_before + 4}", keys=("chunk_rows=100",),
    )  # fmt: skip


def test_score_finds_infinite_values(score, customers):
    table = customers.copy()
    table.loc[7, "Größe/Call  Failure"] = -np.inf
    score(table, "column 'Größe/Call  Failure': expected finite numbers", "got 1 .* row 8", CORRECT)


def test_score_finds_an_unreadable_date(score, customers):
    table = customers.astype({"joined": str})
    table.loc[2, "joined"] = "last summer"
    score(table, "column 'joined': expected dates", "'last summer' in row 3", CORRECT)


def test_score_of_duplicate_columns(score, customers):
    table = customers.rename(columns={"household": "plan"})
    score(table, "columns: expected a different name for each, got 'plan' more than once", "rename")


def test_score_of_a_table_without_rows(score, customers):
    score(customers[:0], "columns but no rows", "check the source")


def test_score_keeps_an_unknown_column(score, customers):
    score(customers, "keep: .* got 'plann'", "did you mean 'plan'", keys=("keep=[plann]",))


def test_score_of_scores(score, customers):
    scores = customers.assign(churn_probability=0.5)
    score(
        scores,
        "^Error: keep: .* got 'churn_probability'",
        r"\(keep=\[",
        "rename it",
        keys=("keep=all",),
    )


@pytest.mark.parametrize(
    ("out", "fragments"),
    [
        (
            "new.csv/scores.csv",
            ["out: expected a file that can be written", "Not a directory", "choose another"],
        ),
        ("scores.xlsx", [r"ends in \.csv, \.csv\.gz, \.tsv or \.parquet", "rename it"]),
        ("scores", [r"ends in \.csv", "rename it"]),
        ("folder.csv", ["out: expected a file that can be written", "directory.; choose another"]),
    ],
)
def test_score_cannot_write(score, customers, tmp_path, out, fragments):
    (tmp_path / "folder.csv").mkdir()
    score(customers, *fragments, out=out)


@pytest.mark.parametrize("out", ["scores.csv", "scores.csv.gz", "scores.parquet"])
def test_score_into_a_full_disk(score, customers, monkeypatch, out):
    """The disk is full after the first chunk."""

    def run(*arguments: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks > 1:
            raise FULL
        return original(*arguments)

    from churn_torch.serving.batch import BatchModel

    chunks, original = 0, BatchModel.compute
    monkeypatch.setattr(BatchModel, "compute", run)
    score(customers, "No space left on device", "choose another", out=out, keys=("chunk_rows=100",))


@pytest.mark.parametrize("rows", [0, -5])
def test_score_in_chunks_of_nothing(score, customers, rows):
    score(customers, f"chunk_rows: expected 1 or more, got {rows}", keys=(f"chunk_rows={rows}",))


def test_score_does_not_write_over_what_it_reads(score, customers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in ("new.csv", "./new.csv", "../" + tmp_path.name + "/new.csv"):
        score(customers, "a file other than what is read", "name another", out=out)


def test_score_of_a_missing_source(refused_command, customers_run, tmp_path):
    keys = [f"run={customers_run.folder}", f"source={tmp_path}/new.csv", f"out={tmp_path}/s.csv"]
    refused_command("score", keys, r"source: .*new\.csv', which is not there; check the path")


@pytest.mark.parametrize("given", ["source", "out"])
def test_score_needs_source_and_out(refused_command, customers_run, customers_csv, tmp_path, given):
    value = customers_csv if given == "source" else tmp_path / "s.csv"
    other = "out" if given == "source" else "source"
    keys = [f"run={customers_run.folder}", f"{given}={value}"]
    refused_command("score", keys, rf"expected {other}=\.\.\., got nothing", "name it")


# Run folders


def test_run_is_missing(refused_command, customers_run, customers_csv, tmp_path):
    shutil.copytree(customers_run.folder, tmp_path / "runs" / "best")
    run = f"run={tmp_path / 'runs' / 'bset'}"
    for name, keys in (
        ("evaluate", []),
        ("export", []),
        ("score", [f"source={customers_csv}", f"out={tmp_path}/s.csv"]),
    ):
        refused_command(
            name,
            [run, *keys],
            "run: expected a run folder.* '.*bset', which is not there",
            "did you mean '.*best'",
            "train first",
        )


def test_folder_is_no_run(refused, customers_csv, tmp_path):
    (tmp_path / "folder").mkdir()
    run = f"run={tmp_path / 'folder'}"
    for name in ("evaluate", "export"):
        refused(name, [run], r"expected a run folder with config\.yaml", "name the folder")
    keys = [run, f"source={customers_csv}", f"out={tmp_path}/s.csv"]
    refused("score", keys, r"expected model\.onnx in", "write it with churn-torch export")


DAMAGES: dict[str, bytes] = {
    "garbage": GARBAGE[:200],
    "nothing": b"",
    "a list": b"[1, 2]",
    "foreign": b'{"version": 2, "columns": 3}',
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["config.yaml", "schema.json", "metrics.json", "weights.pt"])
def test_damaged_run(refused, customers_run, tmp_path, name, damage):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    (folder / name).write_bytes(DAMAGES[damage])
    for command in ("evaluate", "export"):
        refused(
            command,
            [f"run={folder}"],
            r"schema|damaged|expected",
            "train again|training wrote|--help explains",
        )


@pytest.mark.parametrize("left", [b"", b"seed: 1\n"])
def test_config_without_its_keys(refused_command, customers_run, tmp_path, left):
    """The file is to blame: what it lacks cannot be named on the command line."""
    folder = shutil.copytree(customers_run.folder, tmp_path / "outputs" / "run")
    (folder / "config.yaml").write_bytes(left)
    said = (
        r"^Error: run: expected whole files in '.*run', got damaged ones \(config\.yaml lacks \w+\)"
    )
    for name in ("evaluate", "export"):
        refused_command(name, [f"run={folder}"], said, "; train again\\.$")
    (folder / "metrics.json").unlink()
    (folder / CHECKPOINT).write_bytes(b"")
    refused_command("train", [f"resume={folder}"], said, "; train again\\.$")


def test_half_of_the_weights(refused_command, customers_run, tmp_path):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    weights = (folder / "weights.pt").read_bytes()
    (folder / "weights.pt").write_bytes(weights[: len(weights) // 2])
    refused_command(
        "evaluate", [f"run={folder}"], r"got damaged ones \(weights\.pt cannot be", "train again"
    )


def test_weights_of_another_run(refused, customers_run, tmp_path):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    weights = torch.load(folder / "weights.pt", weights_only=True)
    weights["net.linear.weight"] = torch.zeros(1, 3)
    torch.save(weights, folder / "weights.pt")
    refused("evaluate", [f"run={folder}"], "got damaged ones", "train again")


def test_weights_that_are_a_program_are_not_run(refused_command, customers_run, tmp_path):
    """A pickle can run code; nothing of the kind is loaded."""

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "pwned"),)

    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    torch.save({"net.linear.weight": Evil()}, folder / "weights.pt")
    refused_command("evaluate", [f"run={folder}"], "got damaged ones", "train again")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["schema.json", "weights.pt", "metrics.json"])
def test_unfinished_run(refused, customers_run, tmp_path, name):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    (folder / name).unlink()
    for command in ("evaluate", "export"):
        refused(command, [f"run={folder}"], f"got one without {name}", "churn-torch train resume=")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[]", r"the content is \[\], not keys"),
        ("{", ".*"),
        ('{"validation": {}}', "version is not there"),
    ],
)
def test_metrics_that_no_run_writes(refused, customers_run, tmp_path, content, fault):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    (folder / "metrics.json").write_text(content)
    got = rf"got damaged ones \(metrics\.json.*{fault}"
    refused("evaluate", [f"run={folder}"], got, "train again")


@pytest.mark.parametrize(
    ("damage", "fragments"),
    [
        ("missing", [r"expected model\.onnx in", "churn-torch export run="]),
        ("half", ["expected an ONNX file that onnxruntime can open", r"model\.onnx", "export"]),
        ("garbage", ["expected an ONNX file that onnxruntime can open", "export"]),
        ("empty", ["expected an ONNX file that onnxruntime can open", "export"]),
        ("foreign", ["expected an ONNX file of churn_torch", "without its metadata"]),
        ("newer", ["format 1 or older", "format '2'", "install that version or newer"]),
    ],
)
def test_damaged_model(refused, customers_run, customers_csv, tmp_path, damage, fragments):
    folder = shutil.copytree(customers_run.folder, tmp_path / "run")
    model = folder / "model.onnx"
    whole = model.read_bytes()
    if damage == "missing":
        model.unlink()
    elif damage == "foreign":
        proto = onnx.load_from_string(whole)
        proto.ClearField("metadata_props")
        onnx.save(proto, str(model))
    elif damage == "newer":
        proto = onnx.load_from_string(whole)
        next(entry for entry in proto.metadata_props if entry.key == "format").value = "2"
        onnx.save(proto, str(model))
    else:
        bad = {"half": whole[: len(whole) // 2], "garbage": GARBAGE, "empty": b""}
        model.write_bytes(bad[damage])
    out = tmp_path / "scores.csv"
    out.write_text("the scores of last month")
    refused("score", [f"run={folder}", f"source={customers_csv}", f"out={out}"], *fragments)


# Evaluating and exporting


@pytest.mark.parametrize(
    ("labels", "fragments"),
    [
        (["yes"], ["both classes|one class"]),
        ([None], ["none|no rows|labelled rows"]),
        (
            ["yes", "no", "perhaps"],
            ["expected 'yes' or 'no', got also 'perhaps' 133, first in row 3", "correct or drop"],
        ),
    ],
)
def test_evaluate_labels(refused, customers_run, customers, tmp_path, labels, fragments):
    source = tmp_path / "new.csv"
    customers.assign(churned=np.resize(np.array(labels, dtype=object), len(customers))).to_csv(
        source, index=False
    )
    keys = [f"run={customers_run.folder}", "data=table", f"data.source={source}"]
    refused("evaluate", keys, *fragments)


def test_evaluate_without_the_target(refused_command, customers_run, customers, tmp_path):
    source = tmp_path / "new.csv"
    customers.rename(columns={"churned": "Churned"}).to_csv(source, index=False)
    keys = [f"run={customers_run.folder}", "data=table", f"data.source={source}"]
    refused_command("evaluate", keys, "target column 'churned'", "did you mean 'Churned'", "add it")


@pytest.mark.parametrize(
    ("key", "fragments"),
    [
        ("threshold=1.5", ["threshold: expected a number from 0 to 1, got 1.5"]),
        ("threshold=f1", ["threshold: expected a number or null, got 'f1'"]),
        ("threshold=.nan", ["a number from 0 to 1, got nan"]),
        ("export.outputs=[probability,decisions]", ["got 'decisions' .did you mean 'decision'"]),
        ("export.outputs=[quality]", ["expected the probability among them", "add probability"]),
        ("export.outputs=decision", ["export.outputs: expected a list .*, got 'decision'"]),
        ("export.opset=19", ["from 20 to 23, got 19"]),
        ("export.opset=latest", ["export.opset: expected a whole number or null, got 'latest'"]),
        ("export.dtype=int4", ["float32, float16, int8, got 'int4'", "did you mean 'int8'"]),
        ("export.dtypes=int8", ["dtypes", "did you mean .*dtype"]),
    ],
)
def test_export_choices(refused, customers_run, tmp_path, key, fragments):
    refused("export", [f"run={customers_run.folder}", f"out={tmp_path}/m.onnx", key], *fragments)


@pytest.mark.parametrize("key", ["export.opset=19", "export.outputs=[reasons]", "export.dtype=x"])
def test_export_choices_are_refused_before_training(train_on, customers, key):
    train_on(customers, key.partition("=")[0].replace(".", r"\."), keys=(key,))


def test_export_below_a_file(refused_command, customers_run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    keys = [f"run={customers_run.folder}", f"out={tmp_path}/file/churn.onnx"]
    refused_command("export", keys, "Not a directory", "choose another place")


# The same in a process of its own, where nothing catches for us


def test_a_process_refuses_a_table_without_leaving_a_trace(tmp_path):
    keys = ("data=table", "data.source=no.csv", "data.target=churned")
    done = WarmProcess("train", *keys, cwd=tmp_path).finish()
    check_sentence(done.returncode, done.stderr, r"source: .*'no\.csv', which is not there; check")
    assert done.stdout == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert contents(tmp_path) == {}


def test_a_process_with_a_disk_that_fills_up_in_training(customers_csv, table_keys, tmp_path):
    keys = (*table_keys, f"data.source={customers_csv}", "outputs=out", "debug=fast")
    done = WarmProcess("train", *keys, "model=mlp", cwd=tmp_path, largest_file=20_000).finish()
    check_sentence(done.returncode, done.stderr, "File too large", "choose another place")
    assert contents(tmp_path) == {}


def test_a_process_with_a_disk_that_fills_up_in_scoring(customers_run, customers, tmp_path):
    source, out = tmp_path / "new.csv", tmp_path / "scores.csv"
    customers.to_csv(source, index=False)
    out.write_text("the scores of last month")
    before = contents(tmp_path)
    keys = (f"run={customers_run.folder}", f"source={source}", f"out={out}", "keep=all")
    done = WarmProcess("score", *keys, cwd=tmp_path, largest_file=9_000).finish()
    check_sentence(done.returncode, done.stderr, "File too large", "choose another folder")
    assert contents(tmp_path) == before
