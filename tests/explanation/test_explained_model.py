from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest

from churn_torch.errors import InputError
from churn_torch.explanation.explained_model import ExplainedModel
from churn_torch.tables.encode import parse


@pytest.fixture(scope="module")
def parsed(customers_run, customers) -> pd.DataFrame:
    return parse(customers, customers_run.schema)


def test_answers_are_those_of_the_run(customers_run, customers, parsed):
    model = ExplainedModel(customers_run.model)
    probability = model.probability(parsed)
    assert probability == pytest.approx(customers_run.predict_proba(customers), abs=1e-5)
    assert 1 / (1 + np.exp(-model.logit(parsed))) == pytest.approx(probability, abs=1e-6)
    reasons = customers_run.reasons(customers)
    assert model.names == list(reasons.columns)
    assert model.reasons(parsed) == pytest.approx(reasons.to_numpy(), abs=1e-4)
    assert model.quality(parsed).shape == reasons.shape


def test_text_may_be_categories_even_those_that_no_row_has(customers_run, parsed):
    model = ExplainedModel(customers_run.model)
    words = {column.name: "category" for column in model.schema.text}
    some = parsed.astype(words).iloc[5:40]
    assert np.array_equal(model.probability(some), model.probability(parsed.iloc[5:40]))


def test_a_file_without_reasons_says_so(customers_run, parsed, tmp_path):
    whole = onnx.load(customers_run.model)
    kept = [value for value in whole.graph.output if value.name != "reasons"]
    del whole.graph.output[:]
    whole.graph.output.extend(kept)
    onnx.save(whole, tmp_path / "lean.onnx")
    model = ExplainedModel(tmp_path / "lean.onnx")
    model.probability(parsed)
    with pytest.raises(InputError, match=r"expected an ONNX file with the output reasons, got"):
        model.reasons(parsed)
