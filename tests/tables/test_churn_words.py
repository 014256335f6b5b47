"""Names and labels that speak of leaving or of staying."""

from __future__ import annotations

import pytest

from churn_torch.tables.churn_words import names_a_cut_off, sense_of, speaks_of_the_end


@pytest.mark.parametrize(
    "text",
    [
        *("churn", "Churn?", "Exited", "Attrition_Flag", "LeaveOrNot", "Attrited Customer", "LOST"),
        *("is_inactive", "inactive_30d", "not_renewed", "non_active", "unsubscribed", "nonrenewal"),
        *("NotRetained", "no longer active", "disloyal", "subscriber_churn", "lost_subscriber"),
        *("gekündigt", "Kündigung", "nicht_verlängert", "résiliation", "inactif", "désabonné"),
        *("cancelado", "baja", "inactivo", "no_renovado", "disdetta", "inattivo", "inativo"),
        *("não_renovou", "odejście", "nieaktywny", "nie_przedłużył", "NIEAKTYWNA"),
        *("отток", "не активен", "неактивен", "Kayip", "İptal", "已流失", "解約", "해지"),
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
        *("still_customer", "is_member", "остался", "Aktif", "未流失", "在网", "継続", "유지"),
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


@pytest.mark.parametrize(
    "name",
    [
        *(
            "cancel_reason",
            "ChurnScore",
            "closed_on",
            "exit_date",
            "Termination Code",
            "churnvalue",
        ),
        *("Kündigungsgrund", "kuendigungsdatum", "motif_resiliation", "motivo_baja", "fecha_baja"),
        *("data_disdetta", "motivo_cancelamento", "powód", "opzegdatum", "retention_offer"),
    ],
)
def test_names_of_what_is_known_afterwards(name: str) -> None:
    assert speaks_of_the_end(name)


@pytest.mark.parametrize(
    "name",
    [
        *("CreditScore", "tenure", "status", "is_active", "days_inactive", "dropped_calls"),
        *("contract", "Call  Failure", "Subscription  Length", "call_reason", "lost_packets", ""),
    ],
)
def test_names_of_what_may_be_known_before(name: str) -> None:
    assert not speaks_of_the_end(name)


def test_names_of_cut_offs() -> None:
    assert all(map(names_a_cut_off, ["snapshot_date", "asOf", "Stichtag", "cut-off", "cutoff"]))
    assert not any(map(names_a_cut_off, ["last_date", "signup", "off_cut", "created_as"]))
