"""Results of a campaign: measured against known effects, all files written or none."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import yaml
from omegaconf import OmegaConf

from churn_torch.decisions.offers import BetaRate, Offer
from churn_torch.errors import InputError
from churn_torch.workflows.campaign import campaign as plan
from churn_torch.workflows.campaign_options import CampaignOptions
from churn_torch.workflows.campaign_results import campaign_results
from churn_torch.workflows.typed_config import read_options
from tests.composing import composed
from tests.decisions.made_campaign import made_campaign, record, written

NAMES = {"results.json", "results.csv", "results.html"}


@pytest.fixture
def campaign(tmp_path) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path / "june"
    folder.mkdir()
    return folder, made_campaign(folder)


def results_of(folder: Path, outcomes: pd.DataFrame, **keys: object) -> dict:
    return campaign_results(CampaignOptions(campaign=str(folder), **keys), outcomes=outcomes)


def test_a_campaign_is_measured_and_written(campaign, tmp_path, capsys):
    folder, outcomes = campaign
    path = tmp_path / "outcomes.csv"
    outcomes.drop(columns="revenue").to_csv(path, index=False)
    options = CampaignOptions(results=str(path), campaign=str(folder))
    results = campaign_results(options)
    assert {each.name for each in folder.iterdir()} >= NAMES
    stored = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert stored["campaign"]["data_fingerprint"] == "0123456789abcdef"
    assert stored["counts"] == {**results["counts"], "missing_treated": 0, "missing_control": 0}
    table = pd.read_csv(folder / "results.csv")
    assert table.columns.tolist() == list(results["effects"][0])
    whole = table.iloc[0]
    # 30 % of those who would leave were kept; the mean probability is 0.4.
    assert whole["difference_adjusted_low"] < 0.12 < whole["difference_adjusted_high"]
    assert whole["net_value_adjusted_low"] < whole["expected_net_value"]
    assert whole["expected_net_value"] < whole["net_value_adjusted_high"]
    assert whole["expected_kept"] == pytest.approx(0.12 * whole["treated"], rel=0.05)
    for rate in stored["keep_rates"].values():
        assert rate["mean"] == pytest.approx(0.3, abs=0.12)
        assert rate["measured_low"] < rate["measured"] < rate["measured_high"]
    assert stored["keep_rates"]["discount"]["prior"] == {"alpha": 6, "beta": 14}
    assert stored["warnings"] == []
    out = capsys.readouterr().out
    assert "What the campaign was worth" in out
    assert "decile 10" in out
    assert "keep_rate: {alpha:" in out


def test_the_offers_to_paste_are_offers(campaign):
    folder, outcomes = campaign
    results = results_of(folder, outcomes)
    for name, keys in yaml.safe_load(results["conf_offer"]).items():
        offer = read_options(Offer, OmegaConf.create(keys))
        offer.check(name)
        assert isinstance(offer.keep_rate, BetaRate)
        assert offer.keep_rate.mean == pytest.approx(results["keep_rates"][name]["mean"], rel=1e-3)


def test_revenue_takes_the_place_of_the_value(campaign):
    folder, outcomes = campaign
    by_revenue = results_of(folder, outcomes)["effects"][0]
    plain = outcomes.drop(columns="revenue")
    results = results_of(folder, plain, overwrite=True)
    assert results["net_value_from"] == "value"
    # The revenue of the made customers is their value, so both find the same up to chance.
    assert by_revenue["net_value_adjusted_low"] < results["effects"][0]["net_value_adjusted"]
    assert results["effects"][0]["net_value_adjusted"] < by_revenue["net_value_adjusted_high"]


def test_results_are_not_written_over(campaign):
    folder, outcomes = campaign
    (folder / "results.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"^campaign: expected a folder without results"):
        results_of(folder, outcomes)
    assert (folder / "results.csv").read_text(encoding="utf-8") == "mine"
    assert not (folder / "results.json").exists()
    results_of(folder, outcomes, overwrite=True)
    assert (folder / "results.json").exists()


def test_a_failure_leaves_nothing(campaign, monkeypatch):
    folder, outcomes = campaign
    before = sorted(folder.iterdir())
    monkeypatch.setattr(
        "churn_torch.workflows.campaign_results.results_page",
        lambda _: "\ud800",  # not in UTF-8
    )
    with pytest.raises(UnicodeEncodeError):
        results_of(folder, outcomes)
    assert sorted(folder.iterdir()) == before


def test_an_empty_file_of_outcomes_is_refused(campaign, tmp_path):
    folder, _ = campaign
    path = tmp_path / "outcomes.csv"
    path.write_text("id,churned\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"^results: expected a table with rows"):
        campaign_results(CampaignOptions(campaign=str(folder), results=str(path)))
    assert not NAMES & {each.name for each in folder.iterdir()}


def test_outcomes_of_another_campaign_are_refused(campaign):
    folder, outcomes = campaign
    other = outcomes.assign(id="x" + outcomes["id"])
    with pytest.raises(InputError, match=r"^results: .* none of whose ids"):
        results_of(folder, other)


def test_missing_outcomes_are_counted_and_named_where_they_are_of_one_group(campaign, capsys):
    folder, outcomes = campaign
    calls = pd.read_csv(folder / "calls.csv", dtype="str")["id"]
    left = outcomes["id"].isin(calls) & (outcomes["churned"] == "yes")
    results = results_of(folder, outcomes[~(left & (outcomes.index % 2 == 0))])
    assert results["counts"]["missing_treated"] > 100
    assert results["counts"]["missing_control"] == 0
    out = capsys.readouterr().out
    assert "Not to be trusted" in out
    assert "have no outcome" in out
    assert "Not to be trusted" in (folder / "results.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("there_was_one", [False, True])
def test_without_a_control_group_it_is_said_what_cannot_be_known(tmp_path, capsys, there_was_one):
    outcomes = made_campaign(tmp_path, n=300)
    calls = pd.read_csv(tmp_path / "calls.csv", dtype="str")
    if not there_was_one:
        files = {"calls": written(tmp_path, "calls", calls)}
        record(tmp_path, files=files, control={"share": 0.0, "salt": "made"})
    results = results_of(tmp_path, outcomes[outcomes["id"].isin(calls["id"])])
    assert results["keep_rates"] == {}
    text = capsys.readouterr().out
    assert "cannot be known how many customers would have stayed" in " ".join(text.split())
    start = "No outcome of the control group" if there_was_one else "The campaign has no control"
    assert start in text
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert stored["effects"][0]["net_value"] is None
    assert stored["effects"][0]["churn_rate_treated"] > 0


def test_a_campaign_that_is_too_small_is_told_what_it_could_see(tmp_path, capsys):
    results = results_of(tmp_path, made_campaign(tmp_path, n=120))
    assert 0.1 < results["size"]["effect_seen"] < 0.45
    assert "The interval holds 0" in capsys.readouterr().out


def test_an_offer_that_drives_customers_away_is_named(tmp_path, capsys):
    results_of(tmp_path, made_campaign(tmp_path, n=4000, keep=-0.3))
    assert "offer call: more of the treated left" in capsys.readouterr().out


def test_the_page_is_whole_and_names_are_text(tmp_path):
    outcomes = made_campaign(tmp_path, n=500)
    content = json.loads((tmp_path / "campaign.json").read_text(encoding="utf-8"))
    content["date"] = "<script>"
    (tmp_path / "campaign.json").write_text(json.dumps(content), encoding="utf-8")
    results_of(tmp_path, outcomes)
    page = (tmp_path / "results.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1  # that of the charts
    assert "&lt;script&gt;" in page
    assert "://" not in page
    assert "nan" not in page.lower()
    assert page.count("<svg") == 2 * 13
    HTMLParser().feed(page)


def test_a_campaign_of_another_run_is_refused(campaign, tmp_path):
    folder, outcomes = campaign
    model, other = tmp_path / "model.onnx", tmp_path / "other.onnx"
    model.write_bytes(b"one")
    other.write_bytes(b"another")
    told = json.loads((folder / "campaign.json").read_text(encoding="utf-8"))
    told["model_sha256"] = hashlib.sha256(b"one").hexdigest()
    (folder / "campaign.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(InputError, match=r"^run: expected the run of the campaign"):
        results_of(folder, outcomes, run=str(other))
    assert not NAMES & {each.name for each in folder.iterdir()}
    assert results_of(folder, outcomes, run=str(model))["counts"]["treated"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["results=o.csv", "campaign=june", "budget=5", "offer=call"], "with results= only keys"),
        (["source=customers.csv", "campaign=june"], "campaign: expected results="),
        (["source=customers.csv", "churned=left"], "churned: expected results="),
    ],
)
def test_a_key_that_says_nothing_about_what_is_asked_is_refused(keys, sentence):
    with pytest.raises(InputError, match=sentence):
        plan(composed("campaign", keys))
