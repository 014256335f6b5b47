"""Whether a name or a label speaks of customers who leave or of customers who stay."""

from __future__ import annotations

import itertools
import re
from typing import Literal

from churn_torch.tables.truth_words import folded

Sense = Literal["leaving", "staying"]

# As `folded` leaves them: without case and accents. English, German, French, Spanish, Italian,
# Portuguese, Polish, Dutch; some of Turkish, Russian, Chinese, Japanese and Korean.
_WORDS_FOR_LEAVING = """
churn churned churner churners churns attrition attrited attriter left leave leaves leaving leaver
leavers exit exited exits lost loss lapse lapsed lapsing cancel cancels cancelled canceled
cancellation cancelation canceller quit quits terminated termination terminate closed closure gone
inactive dropout dropped defected defection expired deactivated deactivation resigned withdrew
withdrawn withdrawal ended unsubscribed unsubscribe departed departure dead died dormant
disconnected disconnect stopped ceased abandoned switched former gekundigt gekuendigt kundigung
kuendigung kundiger abgewandert abwanderung verloren ausgetreten austritt storniert storno inaktiv
ausgeschieden beendet abgemeldet resilie resiliee resiliation resilier parti partie partis perdu
perdue depart annule annulee desabonne desabonnee desabonnement inactif baja bajas cancelado
cancelada cancelacion abandono abandonado abandonada perdido perdida fuga fugado inactivo inactiva
desertor desercion disdetto disdetta disdetti abbandono abbandonato perso persa cessato cessata
recesso inattivo inattiva cancellato cancellata cancelou cancelamento saiu evasao evadiu evadido
inativo inativa desligado desligada perdeu encerrado encerrada odszedl odeszla odejscie odejscia
rezygnacja zrezygnowal zrezygnowala utracony utracona nieaktywny nieaktywna rezygnujacy
wypowiedzial opgezegd vertrokken inactief beeindigd verloop kayip ayrildi iptal pasif отток ушел
ушёл ушла ушли отказ отключен отключён 流失 已流失 离网 已离网 退订 注销 解約 解約済 退会 離脱 休眠
이탈 해지 탈퇴
"""
_WORDS_FOR_STAYING = """
subscriber subscribers subscribed subscribes subscribe subscription subscribing active actives
retained retain retains retaining retention renewed renew renews renewal renewals renewing stayed
stay stays staying stayer alive survived survival survivor current existing loyal loyalty remained
remain remains remaining kept keep keeps continued continue continues continuing returning
enrolled engaged ongoing aktiv aktive aktiver abonnent abonnentin abonniert bestandskunde
bestandskunden geblieben bleibt bleiben verlangert verlaengert verlangerung verlaengerung treu
treue gehalten kundenbindung kundentreue bestehend bestehender actif actifs abonne abonnee abonnes
fidele fidelite fidelise fidelisee reste restee renouvele renouvelee renouvellement retenu retenue
activo activa activos suscriptor suscriptora suscrito suscrita abonado abonada renovado renovada
renovacion retenido retenida retencion fiel leal permanece permanecio vigente attivo attiva attivi
abbonato abbonata rinnovato rinnovata rinnovo fedele fedelta rimasto rimasta trattenuto ritenzione
fidelizzato fidelizzata iscritto iscritta ativo ativa ativos assinante renovou renovacao retido
retida retencao permaneceu ficou fidelizado fidelizada aktywny aktywna aktywni aktywne abonent
abonenta subskrybent odnowiony odnowiona odnowienie odnowil przedluzyl przedluzony utrzymany
utrzymana utrzymanie lojalny lojalna pozostal pozostala retencja obecny obecna actief gebleven
verlengd trouw behouden still here member members employed open aktif devam kaldi остался осталась
остались активен активна активный активные действующий продлил продлен продлён 在网 留存 活跃 续费
継続 継続中 在籍 利用中 유지
"""
_WORDS_FOR_NOT = """
not no non never without nicht kein keine ne pas sans sin mai senza nao sem nunca nie bez niet
geen didnt isnt wont не без
"""
# Parts of words that name what happens when a customer leaves, and words for why, and for how sure
# somebody was of it. Such columns are often filled afterwards.
_PARTS_OF_THE_END = """
churn cancel cancelac terminat attrit unsubscri deactivat offboard winback kundig kuendig abwander
storn resili desabonn disdett rezygn wypowied opzeg opgezegd vertrokken encerra desligad cessat
"""
_WORDS_OF_THE_END = """
reason reasons motive grund motif raison motivo razon causa powod przyczyna reden score scores
exit exited exits closed closing closure departure departed austritt ausgetreten cloture fermeture
baja bajas cierre chiusura saida saiu odejscie odejscia retention
"""
# Beside these words a score or a reason is of something else.
_OTHER_MATTERS = {
    "credit",
    "fico",
    "bureau",
    "schufa",
    "kredit",
    "risk",
    "call",
    "contact",
    "visit",
}
# A date that a row was made at. Two words are looked for one behind the other.
_CUT_OFFS = {"cutoff", "snapshot", "stichtag", "asof", "observed", "reference"}
_CUT_OFF_PAIRS = {("cut", "off"), ("as", "of")}
_OF_THE_END = frozenset(_WORDS_OF_THE_END.split())
_END_PARTS = tuple(_PARTS_OF_THE_END.split())
_LEAVING = frozenset(_WORDS_FOR_LEAVING.split())
_STAYING = frozenset(_WORDS_FOR_STAYING.split())
_NOT = frozenset(_WORDS_FOR_NOT.split())
# Prefixes that turn one sense into the other: inactive, unsubscribed, nonrenewal, nieaktywny.
_TURNING = ("non", "not", "un", "in", "nicht", "nie", "des", "dis", "no", "не", "未", "不")
# Prefixes that change nothing: isactive, hasleft.
_PLAIN = ("is", "has", "was", "will", "ist", "est", "es", "czy")
_WORDS = re.compile(r"[^\W\d_]+")
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def sense_of(text: str) -> Sense | None:
    """Tell whether a column's name, or a label, speaks of leaving or of staying.

    A word for leaving decides (``subscriber_churn``); "not" turns the sense around
    (``not_renewed``, ``is_inactive``, ``no churn``).
    """
    words = _words(text)
    found: list[Sense] = []
    turned = False
    for word in words:
        if word in _NOT:
            turned = not turned
            continue
        sense = _of_word(word)
        if sense is not None:
            found.append(_other(sense) if turned else sense)
            turned = False
    if not found:
        return None
    return "leaving" if "leaving" in found else "staying"


def speaks_of_the_end(name: str) -> bool:
    """Tell whether a column's name speaks of what is known once a customer has left.

    Such as ``cancel_reason``, ``churnScore``, ``closed_on`` or ``Kündigungsgrund``.
    """
    words = _words(name)
    if not _OTHER_MATTERS.isdisjoint(words):
        return False
    return any(word in _OF_THE_END or any(part in word for part in _END_PARTS) for word in words)


def names_a_cut_off(name: str) -> bool:
    """Tell whether a date's name says that the row was made then: ``snapshot_date``, ``as_of``."""
    words = _words(name)
    pairs = itertools.pairwise(words)
    return not _CUT_OFFS.isdisjoint(words) or not _CUT_OFF_PAIRS.isdisjoint(pairs)


def _words(text: str) -> list[str]:
    return _WORDS.findall(folded(_CAPITALS.sub(" ", text)))


def _of_word(word: str) -> Sense | None:
    if word in _LEAVING:
        return "leaving"
    if word in _STAYING:
        return "staying"
    for prefix in _TURNING:
        rest = word.removeprefix(prefix)
        if rest != word and (rest in _LEAVING or rest in _STAYING):
            return "staying" if rest in _LEAVING else "leaving"
    for prefix in _PLAIN:
        rest = word.removeprefix(prefix)
        if rest != word and (rest in _LEAVING or rest in _STAYING):
            return "leaving" if rest in _LEAVING else "staying"
    return None


def _other(sense: Sense) -> Sense:
    return "staying" if sense == "leaving" else "leaving"
