from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from churn_torch import samples
from churn_torch.errors import InputError

ORIGINAL = Path(__file__).parents[3] / "shared/data/wa_churn_modeldata/wa_churn.csv"
CDNOW = Path(__file__).parents[3] / "shared/data/cdnow_events/cdnow_master.csv.gz"
NUMBERS = {
    **dict.fromkeys(["female", "senior_citizen", "partner", "dependents", "tenure"], "int64"),
    **dict.fromkeys(["phone_service", "paperless_billing"], "int64"),
    **dict.fromkeys(["monthly_charges", "total_charges"], "float64"),
}


@pytest.fixture(scope="module")
def telco() -> pd.DataFrame:
    return pd.read_parquet(samples.path("telco"))


def test_telco_shape_and_types(telco):
    assert telco.shape == (7043, 20)
    assert telco.columns[0] == "churn"
    types = {name: str(dtype) for name, dtype in telco.dtypes.items()}
    texts = dict.fromkeys(telco.columns.difference(list(NUMBERS)), "str")
    assert types == NUMBERS | texts


def test_telco_target(telco):
    assert telco["churn"].value_counts().to_dict() == {"No": 5174, "Yes": 1869}
    assert (telco["churn"] == "Yes").mean() == pytest.approx(0.2654, abs=5e-5)


def test_telco_values(telco):
    """Sums taken from the CSV it was packed from: they hold where that CSV is not at hand."""
    assert telco["tenure"].sum() == 227_990
    assert telco["monthly_charges"].sum() == pytest.approx(456_116.60, abs=5e-3)
    assert telco["total_charges"].sum() == pytest.approx(16_056_168.70, abs=5e-3)
    assert telco.loc[0, ["contract", "payment_method"]].tolist() == [
        "Month-to-month",
        "Electronic check",
    ]


def test_telco_misses_only_the_total_of_new_customers(telco):
    assert telco.isna().sum().loc[lambda count: count > 0].to_dict() == {"total_charges": 11}
    assert telco["total_charges"].isna().equals(telco["tenure"] == 0)


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original CSV is not beside the repository")
def test_telco_equals_the_csv_it_was_packed_from(telco):
    pd.testing.assert_frame_equal(telco, pd.read_csv(ORIGINAL))


def test_cdnow():
    """Sums taken from the file of the package lifetimes: 255 rows stand twice, 80 cost nothing."""
    log = pd.read_parquet(samples.path("cdnow"))
    assert log.columns.tolist() == ["customer_id", "date", "number_of_cds", "dollar_value"]
    assert (len(log), log["customer_id"].nunique()) == (69_659, 23_570)
    assert log["customer_id"].str.fullmatch(r"\d{5}").all()
    assert (f"{log['date'].min()}", f"{log['date'].max()}") == ("1997-01-01", "1998-06-30")
    assert log["number_of_cds"].sum() == 167_881
    assert log["dollar_value"].sum() == pytest.approx(2_500_315.63, abs=5e-3)
    assert (log.duplicated().sum(), (log["dollar_value"] == 0).sum()) == (255, 80)
    assert log.isna().sum().sum() == 0


@pytest.mark.skipif(not CDNOW.exists(), reason="the original CSV is not beside the repository")
def test_cdnow_equals_the_csv_it_was_packed_from():
    log, original = pd.read_parquet(samples.path("cdnow")), pd.read_csv(CDNOW, dtype={0: "str"})
    original["date"] = pd.to_datetime(original["date"]).dt.date
    pd.testing.assert_frame_equal(log, original)


def test_samples_stay_small():
    assert samples.path("telco").stat().st_size < 150_000
    assert samples.path("cdnow").stat().st_size < 300_000


def test_every_sample_states_its_origin_and_licence():
    readme = samples.path("telco").with_name("README.md").read_text(encoding="utf-8")
    for file in samples.path("telco").parent.glob("*.parquet"):
        assert f"## `{file.name}`" in readme
    assert "Fictional data" in readme
    assert "Copyright (c) 2019 Max Kuhn, RStudio" in readme
    assert "Copyright (c) 2015, Cameron Davidson-Pilon" in readme
    assert "Permission is hereby granted, free of charge" in readme


def test_unknown_sample_names_the_samples_there_are():
    sentence = r"sample: expected .*\(cdnow, telco\), got 'telko' \(did you mean 'telco'\?\)\.$"
    with pytest.raises(InputError, match=sentence):
        samples.path("telko")


@pytest.mark.parametrize("name", ["", "../samples/telco", "telco.parquet", "README"])
def test_only_names_of_samples_are_taken(name):
    with pytest.raises(
        InputError, match=rf"sample: expected .*\(cdnow, telco\), got '{re.escape(name)}'"
    ):
        samples.path(name)


def test_a_sample_is_found_without_importing_torch():
    code = "from churn_torch import samples; import sys; samples.path('telco'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "pandas", "pyarrow"}.isdisjoint(done.stdout.split())
