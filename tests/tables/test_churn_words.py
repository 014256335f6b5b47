"""Names and labels that speak of leaving or of staying."""

from __future__ import annotations

import pytest

from churn_torch.tables.churn_words import sense_of


@pytest.mark.parametrize(
    "text",
    [
        *("churn", "Churn?", "Exited", "Attrition_Flag", "LeaveOrNot", "Attrited Customer", "LOST"),
        *("is_inactive", "inactive_30d", "not_renewed", "non_active", "unsubscribed", "nonrenewal"),
        *("NotRetained", "no longer active", "disloyal", "subscriber_churn", "lost_subscriber"),
        *("gekündigt", "Kündigung", "nicht_verlängert", "résiliation", "inactif", "désabonné"),
        *("cancelado", "baja", "inactivo", "no_renovado", "disdetta", "inattivo", "inativo"),
        *("não_renovou", "odejście", "nieaktywny", "nie_przedłużył", "NIEAKTYWNA"),
    ],
)
def test_leaving(text: str) -> None:
    assert sense_of(text) == "leaving"


@pytest.mark.parametrize(
    "text",
    [
        *("Subscriber", "is_active", "IsActiveMember", "isactive", "still_active", "retention_7"),
        *("retained", "renewal", "Existing Customer", "no churn", "not_churned", "nonchurn"),
        *("alive", "loyal", "did_not_churn", "noChurn", "will_stay", "ist_aktiv", "verlängert"),
        *("nicht gekündigt", "Bestandskunde", "fidélisé", "abonnée", "renovación", "vigente"),
        *("rinnovato", "attivo", "assinante", "retenção", "aktywny", "czy_aktywny", "utrzymany"),
    ],
)
def test_staying(text: str) -> None:
    assert sense_of(text) == "staying"


@pytest.mark.parametrize(
    "text",
    ["target", "y", "label", "status", "Joined", "no", "yes", "policy_no", "", "5", "tenure"],
)
def test_neither(text: str) -> None:
    assert sense_of(text) is None
