"""The folder of a campaign: read whole, and refused where it is not what the campaign wrote."""

from __future__ import annotations

import os

import pytest

from churn_torch.decisions.campaign_record import read_lists, read_record
from churn_torch.errors import InputError
from tests.decisions.made_campaign import made_campaign, record


def test_both_lists_are_read_with_their_group(tmp_path):
    made_campaign(tmp_path, n=50)
    campaign = read_record(tmp_path)
    assert (campaign.id, campaign.share_control) == ("id", 0.2)
    assert campaign.offers["call"]["contact_cost"] == 10
    lists = read_lists(campaign)
    assert len(lists) == 50
    assert 0 < (~lists["treated"]).sum() < 25
    assert lists["churn_probability"].between(0, 1).all()
    assert "uplift" not in lists


def test_a_list_without_ids_is_keyed_by_the_row(tmp_path):
    record(tmp_path, id=None, files={}, control=None)
    campaign = read_record(tmp_path)
    assert (campaign.id, campaign.share_control) == ("row", 0.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "expected a folder that churn-torch campaign has written, with campaign.json, got"),
        ("{not json", "expected a campaign.json as churn-torch campaign writes it"),
        ("[1]", "expected a campaign.json as churn-torch campaign writes it"),
        ('{"format": 1}', "expected a campaign.json as churn-torch campaign writes it"),
        (
            '{"format": 1, "offers": {"call": 1}, "files": {}}',
            ".*offers.call is 1, not keys",
        ),
        (
            '{"format": 1, "offers": {}, "files": {"calls": {"name": 1}}}',
            ".*name is 1, not",
        ),
        (
            '{"format": 1, "offers": {}, "files": {}, "control": "x"}',
            ".*control is 'x', not",
        ),
        ('{"format": 1, "offers": {}, "files": {}, "control": {"share": 2.0}}', ".*share is 2.0"),
        ('{"format": 2, "offers": {}, "files": {}}', "expected a campaign.json of format 1, got"),
    ],
)
def test_another_folder_is_refused(tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "campaign.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"^campaign: {sentence}"):
        read_record(tmp_path)


def test_a_record_without_lists_is_refused(tmp_path):
    record(tmp_path, files={})
    with pytest.raises(InputError, match="files names no list"):
        read_lists(read_record(tmp_path))


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder; name the folder"):
        read_record(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["campaign.json", "calls.csv"])
def test_a_file_that_is_no_file_of_the_folder_is_refused(tmp_path, name):
    folder = tmp_path / "campaign"
    folder.mkdir()
    made_campaign(folder, n=50)
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(InputError, match=r"^campaign: expected files in the folder itself, got"):
        read_lists(read_record(folder))
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match=r"^campaign: .*, which is a pipe or a device"):
        read_lists(read_record(folder))


def test_a_list_that_was_changed_is_refused(tmp_path):
    made_campaign(tmp_path, n=50)
    path = tmp_path / "calls.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputError, match=r"^campaign: expected calls.csv as the campaign wrote it"):
        read_lists(read_record(tmp_path))


def test_a_list_that_is_missing_is_refused(tmp_path):
    made_campaign(tmp_path, n=50)
    (tmp_path / "control.csv").unlink()
    with pytest.raises(InputError, match=r"^campaign: expected control.csv, which campaign.json"):
        read_lists(read_record(tmp_path))


def test_a_path_in_the_record_does_not_lead_out_of_the_folder(tmp_path):
    files = {"calls": {"name": "../../etc/passwd", "sha256": "0", "rows": 1}}
    record(tmp_path, files=files, control=None)
    assert read_record(tmp_path).list_file("calls") == tmp_path / "passwd"
