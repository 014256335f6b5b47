"""Identifiers and codes: whole numbers that name something, so that their size means nothing."""

from __future__ import annotations

import re

import numpy as np

from churn_torch.tables.inference.column_profile import ColumnProfile, override

_TOKENS = re.compile(r"[^\W\d_a-z]+(?![a-zß-ÿ])|[^\W\d_]?[^\W\d_A-Z]+|[^\W\d_]+|\d+")

_ID_TOKENS = frozenset({"id", "ids", "uuid", "guid", "identifier", "identifiant", "kennung"})
# Identifiers are called so, but house numbers are too.
_NUMBER_TOKENS = frozenset({"no", "nr", "number", "key", "num", "numero", "numéro", "número"})
_NUMBER_TOKENS |= {"nummer", "numer", "номер"}
_PERSON = (
    r"(user|cust|customer|client|account|acct|member|subscriber|msisdn|person|patient|employee|staff"
    r"|kunde|kunden|konto|mitglied|mitglieds|vertrag|vertrags|contract|policy|klient|klienta|klienci"
    r"|umowa|umowy|abonné|abonne|abonnement|adhérent|cliente|socio|usuario|клиент|клиента|row|record)"
)
_PERSON_TOKEN = re.compile(_PERSON)
_ID_COMPOUND = re.compile(rf"{_PERSON}(id|nr|no|nummer|number)")
_TIME_TOKENS = frozenset({"time", "timestamp", "date", "ts", "at", "epoch", "seconds", "unix"})
_CODE_WORDS = (
    "zip zipcode postal postcode postalcode plz postleitzahl cp kod code codes codigo código "
    "codice branch filiale filial oddział oddzial agence sucursal area areacode region "
    "regioncode district department dept abteilung dział dzial département departement "
    "departamento store shop outlet sector channel category segment cluster zone county state "
    "province prefix country регион код отдел"
)
_NUMBER_SIGN = re.compile("#|\u2116|\\b[Nn][\u00ba\u00b0]")
_CODE_TOKENS = frozenset(_CODE_WORDS.split())
# After these words a number is a size: area in square metres, days of a zone.
_SIZE_WORDS = "size count counts total sum avg mean share rate m2 sqm sqft spend sales"
_SIZES = frozenset(_SIZE_WORDS.split())

ROWS_TO_JUDGE_IDS = 20
# A name that says id needs fewer rows.
ROWS_OF_NAMED_IDS = 10
_ID_DIGITS = 6
_LONG_DIGITS = 8
# More different values than this, in more than this share of the rows, are names or free text.
FEW_VALUES = 50
FREE_TEXT_SHARE = 0.2
_NEARLY_ALL = 0.95
_FEW_BLANKS = 0.05
_ROWS_PER_CODE = 3


def integer_id(profile: ColumnProfile) -> str:
    """Say why whole numbers look like an identifier, or return ``""``.

    An identifier has no fraction. In addition, it is called an id, or it never repeats, is never
    missing, and either counts the rows or has long values of one length.
    """
    levels, n_distinct, present = profile.levels, profile.n_distinct, profile.present
    tokens = tokens_of(profile.name)
    numbered = bool(tokens) and tokens[-1] in _NUMBER_TOKENS
    named = is_id_name(profile.name)
    enough_rows = ROWS_OF_NAMED_IDS if named else ROWS_TO_JUDGE_IDS
    if profile.rows < enough_rows or profile.missing > _FEW_BLANKS * profile.rows:
        return ""
    if not _whole(profile):
        return ""
    different = "a different number in every row"
    if n_distinct < present:
        # A customer may have several rows; then a number called an id is judged like text.
        if named and n_distinct >= _NEARLY_ALL * present:
            return (
                "looks like an identifier (named like one, a different number in nearly every row)"
            )
        several = n_distinct > FEW_VALUES or any(map(_PERSON_TOKEN.fullmatch, tokens))
        many = n_distinct / present > FREE_TEXT_SHARE
        if (named and several and many) or names_customers(profile):
            return f"looks like an identifier (named like one, {n_distinct:,} different numbers)"
        if n_distinct < 0.99 * present or _digits(profile) < _LONG_DIGITS:
            return ""
        different = "a different number in nearly every row"
    elif not profile.missing and levels.max() - levels.min() + 1 == profile.rows:
        return "looks like a row number (consecutive whole numbers)"
    if named or (numbered and n_distinct == present):
        return f"looks like an identifier (named like one, {different})"
    # Seconds since 1970 all have ten digits too, so a name about time decides.
    enough = _LONG_DIGITS if profile.missing else _ID_DIGITS
    if _digits(profile) >= enough and not _TIME_TOKENS.intersection(tokens):
        every = "nearly every" if n_distinct < present else "every"
        return f"looks like an identifier (a different long number in {every} row)"
    return ""


def code_note(profile: ColumnProfile) -> tuple[bool, str]:
    """Tell whether whole numbers are codes, which are categories, and what to say to the user.

    Codes are called so (zip, branch, area, department, store id) and not negative. Where they have
    many different values they stay numbers, with a hint.
    """
    called = is_code_name(profile.name) or _is_named_id(tokens_of(profile.name))
    if not _whole(profile) or float(profile.levels.min()) < 0 or len(profile.levels) < 3:
        return False, ""
    repeats = profile.n_distinct * _ROWS_PER_CODE <= profile.present
    hint = f"{override(f'data.kinds.{profile.name}=categorical')} if these are codes"
    if not called:
        few = len(profile.levels) <= ROWS_TO_JUDGE_IDS and repeats
        return False, f"; {hint}" if few and _digits(profile) >= 3 else ""
    if profile.n_distinct > FEW_VALUES or not repeats:
        return False, f"; named like a code: {hint}"
    number = override(f"data.kinds.{profile.name}=numeric")
    return True, f"named like a code; {number} if its size counts"


def repeated_note(profile: ColumnProfile) -> str:
    """Suggest to split by customers where an identifier names several rows."""
    if profile.n_distinct >= profile.present:
        return ""
    column = override(f"data.split.column={profile.name}")
    note = (
        f"; {profile.n_distinct:,} different in {profile.present:,} rows: data.split.by=group "
        f"{column} keeps the rows of one together"
    )
    if profile.n_distinct * _ROWS_PER_CODE <= profile.present:
        note += "; if the rows are events, churn-torch features makes a row of each customer"
    return note


def tokens_of(name: str) -> list[str]:
    """Return the words of a column's name: ``CustomerId`` has ``customer`` and ``id``."""
    return [token.lower() for token in _TOKENS.findall(_NUMBER_SIGN.sub(" no ", name))]


def _is_named_id(tokens: list[str]) -> bool:
    if not tokens:
        return False
    first, last = tokens[0], tokens[-1]
    return (
        last in _ID_TOKENS
        or (first in _ID_TOKENS and len(tokens) == 2 and last != "count")
        or (_ID_COMPOUND.fullmatch(last) is not None)
    )


def _is_persons_number(tokens: list[str]) -> bool:
    """Tell whether a name is one such as ``customer number`` or ``nr klienta``."""
    numbered = any(token in _NUMBER_TOKENS for token in (tokens[:1] + tokens[-1:]))
    return numbered and any(map(_PERSON_TOKEN.fullmatch, tokens))


def is_id_name(name: str) -> bool:
    """Tell whether a column is called an identifier: customer_id, Kundennummer, Account #."""
    tokens = tokens_of(name)
    return _is_named_id(tokens) or _is_persons_number(tokens)


def names_customers(profile: ColumnProfile) -> bool:
    """Tell whether a column names customers, who may have many rows each: customer_id, user id, id.

    Ids of shops, plans and products are codes: a model can learn from them.
    """
    of_customers = len(tokens_of(profile.name)) == 1 or names_person(profile.name)
    return profile.n_distinct > FEW_VALUES and is_id_name(profile.name) and of_customers


def names_person(name: str) -> bool:
    """Tell whether a column is called after somebody: user, Account #, Kunde."""
    return any(map(_PERSON_TOKEN.fullmatch, tokens_of(name)))


def is_code_name(name: str) -> bool:
    """Tell whether a column is called a code: zip, branch, area, department."""
    tokens = tokens_of(name)
    return bool(_CODE_TOKENS.intersection(tokens)) and not _SIZES.intersection(tokens)


def _whole(profile: ColumnProfile) -> bool:
    levels = profile.levels
    return bool(np.isfinite(levels).all() and not (levels % 1 != 0).any())


def _digits(profile: ColumnProfile) -> int:
    """Return how many digits all the numbers have, 0 where they have different ones."""
    sizes = profile.levels.abs()
    shortest, longest = (len(f"{size:.0f}") for size in (sizes.min(), sizes.max()))
    return shortest if shortest == longest else 0
