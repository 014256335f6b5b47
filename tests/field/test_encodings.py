"""Files in the encodings of their country: the right letters, one line about it, one way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.tables.labelled.read import read_labelled
from churn_torch.tables.options import DataOptions, ReadOptions
from churn_torch.tables.readers.sources import read, read_chunks

PLANS = {
    "cp1251": ["Базовый", "Плюс", "Премиум"],
    "cp1252": ["Básico", "Avançado", "Prêmio"],
    "cp1254": ["Aylık", "Yıllık", "Gümüş"],
    "cp1256": ["أساسي", "مميز", "سنوي"],
    "gbk": ["基础套餐", "增值套餐", "年付"],
}


def customers(plans: list[str], n: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "id": [f"C{i:05d}" for i in range(n)],
            "plan": rng.choice(plans, n),
            "age": rng.integers(18, 80, n),
            "churn": rng.choice(["Yes", "No"], n),
        }
    )


@pytest.mark.parametrize("rows", [14, 600])
@pytest.mark.parametrize("encoding", PLANS)
def test_a_file_has_the_words_of_its_utf8_twin(tmp_path: Path, encoding: str, rows: int) -> None:
    frame = customers(PLANS[encoding], rows)
    frame.to_csv(tmp_path / "own.csv", index=False, sep=";", encoding=encoding)
    frame.to_csv(tmp_path / "utf8.csv", index=False, sep=";")
    said: list[str] = []
    own = read(tmp_path / "own.csv", announce=said.append)
    pd.testing.assert_frame_equal(own, read(tmp_path / "utf8.csv"))
    (sentence,) = said
    assert sentence.startswith("own.csv is not UTF-8: read as ")
    assert sentence.endswith("if letters look wrong, set data.encoding=NAME.")
    assert any(plan in sentence for plan in PLANS[encoding])


def test_the_users_word_overrules(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    customers(PLANS["cp1251"], 20).to_csv(path, index=False, encoding="cp1251")
    said: list[str] = []
    frame = read(path, reading=ReadOptions(encoding="koi8-r"), announce=said.append)
    assert not set(frame["plan"]) & set(PLANS["cp1251"])
    assert not said
    with pytest.raises(InputError, match=r"^encoding: expected an encoding .* got 'cp12251'"):
        read(path, reading=ReadOptions(encoding="cp12251", prefix=""))


@pytest.mark.parametrize("rows", [14, 600, 9000])
def test_one_bad_byte_changes_nothing_else(tmp_path: Path, rows: int) -> None:
    frame = customers(["São Paulo", "Brasília", "Goiânia"], rows)
    lines = frame.to_csv(index=False).encode().split(b"\n")
    (tmp_path / "clean.csv").write_bytes(b"\n".join(lines))
    lines[8] = lines[8].replace(b"C00007", b"C\xe9")
    (tmp_path / "bad.csv").write_bytes(b"\n".join(lines))
    said: list[str] = []
    bad = read(tmp_path / "bad.csv", announce=said.append)
    clean = read(tmp_path / "clean.csv")
    assert bad["id"].iloc[7] == "C\ufffd"
    bad.loc[7, "id"] = "C00007"
    pd.testing.assert_frame_equal(bad, clean)
    (sentence,) = said
    assert "1 place is not valid in utf-8, in line 9" in sentence
    assert len(pd.concat(list(read_chunks(tmp_path / "bad.csv", rows=1000)))) == rows


def test_a_missing_column_names_the_encoding_as_a_cause(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame = customers(PLANS["gbk"], 30).rename(columns={"churn": "是否流失", "id": "客户编号"})
    frame.to_csv(path, index=False, encoding="gbk")
    assert "是否流失" in read(path).columns
    data = DataOptions(source=str(path), target="流失")
    with pytest.raises(InputError, match=r"data.target: .* t.csv is not UTF-8: read as gb18030"):
        read_labelled(data, seed=0)
    data = DataOptions(source=str(path), target="是否流失", positive="是", encoding="cp1252")
    with pytest.raises(InputError, match=r"data\.target"):
        read_labelled(data, seed=0)


def test_a_query_over_such_a_file_reads_it_or_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    customers(PLANS["cp1252"], 30).to_csv(path, index=False, encoding="cp1252")
    assert read(f"SELECT * FROM '{path}'").equals(read(path).astype({"age": "int64"}))
    with pytest.raises(InputError, match=r"not utf-8 encoded.* name the file itself as the"):
        read(f"SELECT * FROM read_csv('{path}', header=true)")
    assert len(read(f"SELECT * FROM read_csv('{path}', encoding='latin-1')")) == 30
    with pytest.raises(InputError, match=r"got 'cp1252'; leave out .*data\.encoding=cp1252"):
        read(f"SELECT * FROM read_csv('{path}', encoding='cp1252')")
    by_key = read(f"SELECT * FROM '{path}'", reading=ReadOptions(encoding="cp1252"))
    assert by_key["plan"].tolist() == read(path)["plan"].tolist()
