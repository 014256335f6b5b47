"""Folders and files of other formats: read, or one sentence that says what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churn_torch.cli.overrides import quote_overrides
from churn_torch.errors import InputError
from churn_torch.tables.readers import arrow
from churn_torch.tables.readers.sources import read

FRAME = pd.DataFrame(
    {"plan": ["basic", "plus"] * 20, "age": np.arange(40), "churn": ["Yes", "No"] * 20}
)


@pytest.mark.parametrize("first", ["category", "str"])
def test_parquet_files_with_codes_and_with_text_are_one_table(tmp_path: Path, first: str) -> None:
    second = "str" if first == "category" else "category"
    FRAME[:20].astype({"plan": first}).to_parquet(tmp_path / "1.parquet")
    FRAME[20:].astype({"plan": second}).to_parquet(tmp_path / "2.parquet")
    pd.testing.assert_frame_equal(read(tmp_path), FRAME)


def test_names_of_parquet_files_are_stripped(tmp_path: Path) -> None:
    FRAME[:20].rename(columns={"plan": "plan "}).to_parquet(tmp_path / "1.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "1.parquet"), FRAME[:20])
    narrow = read(tmp_path / "1.parquet", columns=["churn", "plan"])
    pd.testing.assert_frame_equal(narrow, FRAME[:20][["churn", "plan"]])


@pytest.mark.parametrize(
    ("mark", "kind"),
    [("_delta_log/0.json", "Delta"), ("metadata/v1.metadata.json", "Iceberg")],
)
def test_a_lake_table_is_not_read_by_its_files(tmp_path: Path, mark: str, kind: str) -> None:
    (tmp_path / mark).parent.mkdir()
    (tmp_path / mark).write_text("{}")
    FRAME.to_parquet(tmp_path / "part.parquet")
    with pytest.raises(InputError, match=f"a table of {kind}, whose folder also holds rows that w"):
        read(tmp_path)


@pytest.mark.parametrize("key", ["data.source", "outputs", "source", "run"])
def test_a_reference_in_a_path_is_text(key: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    (argument,) = quote_overrides([f"{key}=d${{x}}/a.csv"])
    value = OverridesParser.create().parse_override(argument).value()
    assert OmegaConf.create({"value": value}).value == "d${x}/a.csv"


def test_a_lack_of_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise pa.ArrowMemoryError("realloc of size 1048640 failed")

    FRAME.to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.setattr(arrow, "to_pandas", refuse)
    with pytest.raises(InputError, match=r"fits into memory, got too large a one; stream it"):
        read(tmp_path / "t.csv")
