from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.events.other_sources import with_sources_of
from churn_torch.events.specification import EventSpecification

CONTENT = {
    "customers": {"source": "a.csv", "id": "who"},
    "events": {"orders": {"source": "b.csv", "id": "who", "time": "on"}},
    "features": {"orders": {"windows": ["30d"], "by": {"shop": ["web", "phone"]}}},
    "label": {"none_of": ["orders"], "within": "30d"},
}


def specification(**changed: object) -> EventSpecification:
    return EventSpecification.from_mapping({**CONTENT, **changed})


def test_sources_change_and_chosen_values_stay():
    given = specification(
        customers={"source": "c.csv", "id": "who"},
        events={"orders": {"source": "d.csv", "id": "who", "time": "on"}},
        features={"orders": {"windows": ["30d"], "by": {"shop": 5}}},
        cutoffs={"at": ["2025-01-01"]},
    )
    found = with_sources_of(given, specification(), "run")
    assert found.customers is not None
    assert (found.customers.source, found.events["orders"].source) == ("c.csv", "d.csv")
    assert found.features["orders"].by == {"shop": ("web", "phone")}


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"label": {"none_of": ["orders"], "within": "31d"}}, "label.within"),
        ({"customers": None}, "customers"),
        ({"features": {"orders": {"windows": ["30d"], "by": {"x": 2}}}}, "features.orders.by"),
        ({"population": {"tenure": "30d"}}, "population"),
        ({"events": {"orders": {"source": "b", "id": "id", "time": "on"}}}, "events.orders.id"),
    ],
)
def test_other_features_are_refused(changed, key):
    with pytest.raises(InputError, match=rf"^events\.{key}: expected what the run in 'r' was"):
        with_sources_of(specification(**changed), specification(), "r")
