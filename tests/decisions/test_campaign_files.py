from __future__ import annotations

import csv
import hashlib
import json

import pandas as pd
import pytest

from churn_torch.decisions.call_list import ListRows
from churn_torch.decisions.campaign_files import CampaignFiles
from churn_torch.errors import InputError
from churn_torch.tables.readers.sources import PLAINLY

SOURCE = pd.DataFrame({"a": [1]})


def rows(**columns):
    calls = pd.DataFrame({"id": ["a", "b"], "rank": [1, 2], "net": [-1.5, 2.5], **columns})
    return ListRows(calls, calls[:1])


def test_every_file_is_written_with_its_hash(tmp_path):
    files = CampaignFiles(tmp_path / "june" / "calls.csv")
    files.check(SOURCE, PLAINLY, overwrite=False)
    files.write(rows(), "<p>page", {"format": 1})
    assert sorted(p.name for p in (tmp_path / "june").iterdir()) == [
        "calls.csv",
        "campaign.html",
        "campaign.json",
        "control.csv",
    ]
    assert files.page.read_text(encoding="utf-8") == "<p>page"
    content = json.loads(files.campaign.read_text(encoding="utf-8"))
    assert content["format"] == 1
    for key, n in (("calls", 2), ("control", 1)):
        entry = content["files"][key]
        path = tmp_path / "june" / entry["name"]
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entry["rows"] == n == len(pd.read_csv(path))


def test_folders_are_no_files(tmp_path):
    with pytest.raises(InputError, match=r"name it june/calls\.csv"):
        CampaignFiles("june")
    (tmp_path / "calls.csv").mkdir()
    files = CampaignFiles(tmp_path / "calls.csv")
    with pytest.raises(InputError, match="which is a folder; name a file in it"):
        files.check(SOURCE, PLAINLY, overwrite=True)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 170", "-2+3|cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]
)
def test_formulas_are_defused_in_csv(tmp_path, cell):
    files = CampaignFiles(tmp_path / "calls.csv")
    files.write(rows(note=[cell, "-5.5"], **{"=name": ["plain", None]}), "", {})
    with files.calls.open(encoding="utf-8", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["id", "rank", "net", "note", "'=name"]
    assert first == ["a", "1", "-1.5", "'" + cell.replace("\r", " "), "plain"]
    assert second == ["b", "2", "2.5", "-5.5", ""]  # a number is no formula


def test_parquet_keeps_cells_as_they_are(tmp_path):
    files = CampaignFiles(tmp_path / "calls.parquet")
    files.write(rows(note=["=1+1", "x"]), "", {})
    assert pd.read_parquet(files.calls)["note"].tolist() == ["=1+1", "x"]
    assert files.control == tmp_path / "control.parquet"


@pytest.mark.parametrize("name", ["calls.csv", "control.csv", "campaign.html", "campaign.json"])
def test_another_campaign_is_not_written_over(tmp_path, name):
    (tmp_path / name).write_text("of last month")
    files = CampaignFiles(tmp_path / "calls.csv")
    with pytest.raises(InputError, match=rf"^out: .*{name}', which is there already; .*overwrite"):
        files.check(SOURCE, PLAINLY, overwrite=False)
    files.check(SOURCE, PLAINLY, overwrite=True)
    with pytest.raises(InputError, match="which is there already"):  # it came after the check
        files.write(rows(), "", {})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "of last month"
    files.write(rows(), "", {}, overwrite=True)
    assert (tmp_path / name).read_text() != "of last month"


def test_a_list_in_the_place_of_the_source_is_refused(tmp_path):
    source = tmp_path / "control.csv"
    SOURCE.to_csv(source, index=False)
    with pytest.raises(InputError, match=r"^out: expected a file other than what is read"):
        CampaignFiles(tmp_path / "calls.csv").check(str(source), PLAINLY, overwrite=True)


@pytest.mark.parametrize("name", ["calls.xlsx", "calls", "control.csv"])
def test_names_that_cannot_be_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"^out: expected a file that ends in \.csv"):
        CampaignFiles(tmp_path / name)


def test_where_one_file_fails_none_is_left(tmp_path):
    files = CampaignFiles(tmp_path / "deep" / "calls.csv")
    with pytest.raises(ValueError, match="JSON"):
        files.write(rows(), "", {"net": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^out: expected a folder that can be written to, got "):
        CampaignFiles(tmp_path / "file" / "calls.csv").write(rows(), "", {})
