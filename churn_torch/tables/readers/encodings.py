"""Encodings of text files: UTF-8 first, others found by their letters, and always named."""

from __future__ import annotations

import codecs
import encodings.aliases
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from charset_normalizer import from_bytes

from churn_torch.errors import InputError, suggest
from churn_torch.tables.readers.alphabets import (
    LATIN,
    ONLY_SIGNS,
    SCRIPTS,
    SIGNS,
    TWO_BYTES,
    WINDOWS,
    rarity,
)

UTF8 = "utf-8"
_MARKS = (  # UTF-32 first: its mark starts like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Lines with letters outside ASCII that are looked at.
_SAMPLE_LINES = 2000
# Systems of long ago, only taken where the letters speak for them.
_OLD = 2.5
_ODD_CAPITALS = 20.0
_FEW_LETTERS = 4  # of fewer, no script can be told
# Bytes of signs of two bytes, of which one cannot be sure.
_FEW_SIGNS = 12
_SAMPLE_BYTES = 1 << 14
# Rarities: of what is too rare to be a language, and what stands out.
_RARE = 3.6
_CLEAR = 0.15
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_CELL = re.compile(rb"[^\x00-\x1f,;\"]+")
# Japanese letters of half the width, as which Cyrillic may be misread: next to no text has them.
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True)
class Encoding:
    """The encoding of a file.

    Attributes:
        name: A codec of Python.
        sure: Whether the letters leave no doubt about it.
        n_bad: Places that are not valid in it; they are read as the sign U+FFFD.
        bad_at: The byte at which the first of them stands.
        words: Some words with letters outside ASCII, as they are read.
    """

    name: str
    sure: bool = True
    n_bad: int = 0
    bad_at: int = 0
    words: tuple[str, ...] = ()

    @property
    def is_utf8(self) -> bool:
        """Tell whether the bytes can be taken as UTF-8 without looking at them again."""
        return self.name in (UTF8, "utf-8-sig") and not self.n_bad


def named(name: str, key: str) -> str:
    """Return the codec that a user named.

    Raises:
        InputError: Python has none of that name.
    """
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)  # not all codecs are of text
    except (LookupError, TypeError, ValueError):
        known = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
        raise InputError(
            key,
            expected="an encoding that Python knows, such as utf-8, cp1252 or gbk",
            got=f"{name!r}{suggest(name, known - {name})}",
            fix="docs.python.org/3/library/codecs.html#standard-encodings lists them",
        ) from None
    return codec.name


def of_mark(head: bytes) -> str | None:
    """Return the encoding that the first bytes of a file tell, None where they do not."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[:512:2], head[1:512:2]
    if len(odd) > 1 and b"\x00" not in even and odd.count(0) > 0.7 * len(odd):
        return "utf-16-le"
    if len(odd) > 1 and b"\x00" not in odd and even.count(0) > 0.7 * len(even):
        return "utf-16-be"
    return None


class Utf8Check:
    """Counts what is UTF-8 and what is not in the bytes of a file, and samples the latter."""

    def __init__(self) -> None:
        self.n_good = 0
        self.n_bad = 0
        self.bad_at = 0
        self.sample: list[bytes] = []
        self._rest = b""
        self._seen = 0

    def update(self, block: bytes) -> None:
        """Look at the next bytes."""
        if block.isascii() and not self._rest:
            self._seen += len(block)
            return
        block = self._rest + block
        # A sequence that goes on in the next block, of at most three bytes so far.
        cut = len(block)
        for back in range(1, min(4, len(block) + 1)):
            if block[-back] >= 0xC0:
                cut = len(block) - back
                break
            if block[-back] < 0x80:
                break
        self._rest = block[cut:]
        self._count(block[:cut])

    def finish(self) -> None:
        """Look at what is left at the end of the file."""
        self._count(self._rest)
        self._rest = b""

    def _count(self, block: bytes) -> None:
        try:
            text = block.decode()
            bad = 0
        except UnicodeDecodeError as error:
            if not self.n_bad:
                self.bad_at = self._seen + error.start
            text = block.decode(errors="surrogateescape")
            bad = len(re.findall("[\udc80-\udcff]+", text))
        if self.n_good < 1 << 20:  # enough to decide
            self.n_good += len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
        self.n_bad += bad
        self._seen += len(block)
        if len(self.sample) < _SAMPLE_LINES and not block.isascii():
            lines = (line for line in block.splitlines() if not line.isascii())
            self.sample += [
                line[:1000] for line, _ in zip(lines, range(_SAMPLE_LINES), strict=False)
            ]

    def encoding(self) -> Encoding:
        """Return the encoding of a file without a mark.

        It is UTF-8 as long as the valid sequences outnumber the others: text in another encoding
        has next to no valid ones.
        """
        if self.n_bad <= self.n_good:
            return Encoding(UTF8, n_bad=self.n_bad, bad_at=self.bad_at)
        return detect(self.sample)


def detect(lines: Iterable[bytes]) -> Encoding:
    """Find the encoding of lines that are not UTF-8 by the letters they give.

    Languages with Latin letters differ in a few letters only, and are told apart by their
    alphabets; others by how frequent the letters are. Signs of two bytes are left to
    charset-normalizer.
    """
    # The second byte of a Chinese or Japanese sign may be any of ASCII from 0x40 on.
    cells = [cell for line in lines for cell in _CELL.findall(line) if not cell.isascii()]
    words = Counter(cells)
    signs = {word for word in words if ONLY_SIGNS.fullmatch(word)}
    if words and len(signs) == len(words):
        return Encoding("cp1252", words=_shown(words, "cp1252"))
    # With repeats: of a short text charset-normalizer judges no language.
    text = b" ".join(cells)[:_SAMPLE_BYTES]
    known = {*TWO_BYTES, *dict(SCRIPTS), *WINDOWS} - {"cp874"}  # takes Chinese for Thai
    guesses = [one.encoding for one in from_bytes(text, cp_isolation=sorted(known), threshold=0.9)]
    guess = guesses[0] if guesses else None
    n_letters = sum(len(run) for word in words for run in _HIGH_RUN.findall(word))
    if n_letters < _FEW_LETTERS or _is_accented(words, guess in TWO_BYTES):
        lettered = Counter({word: n for word, n in words.items() if word not in signs})
        found, sure = _best_latin(lettered, text, guess, old=not signs)
    elif guess in TWO_BYTES and not _HALF_WIDTH.search(_decoded(text, str(guess))):
        found, sure = str(guess), n_letters >= _FEW_SIGNS
    else:
        found, sure = _best_script(words, text, guess)
        others = [one for one in guesses[1:] if one in TWO_BYTES]
        if found == LATIN[0][0] and guess in TWO_BYTES and others:
            found, sure = others[0], False  # no letters of one byte, nor of half the width
    return Encoding(found, sure=sure, words=_shown(words, found))


def _shown(words: Counter[bytes], name: str) -> tuple[str, ...]:
    """Return the most frequent words as an encoding reads them."""
    return tuple(
        "".join(char if char.isprintable() or char == "\xa0" else "\ufffd" for char in text)
        for text in (_decoded(word, name) for word, _ in words.most_common(4))
    )


def _is_accented(words: Counter[bytes], two_bytes: bool) -> bool:
    """Tell whether most words mix the letters with those of ASCII, as accented words do.

    The second byte of a sign of two bytes may be a letter of ASCII as well. Where the text may be
    of such signs, the letters must stand alone, in longer words.
    """
    if two_bytes:
        long = [word for word in words if re.search(rb"[A-Za-z]{3}", word)]
        alone = sum(len(run) == 1 for word in long for run in _HIGH_RUN.findall(word))
        return alone > 0.6 * sum(len(_HIGH_RUN.findall(word)) for word in words)
    parts = [part for word in words for part in _WORD.findall(word) if not part.isascii()]
    parts = [part for part in parts if len(part) > 1]  # one alone may be a sign of money
    return sum(re.search(rb"[A-Za-z]", part) is not None for part in parts) >= 0.6 * len(parts)


def _best_latin(
    words: Counter[bytes], text: bytes, guess: str | None, *, old: bool
) -> tuple[str, bool]:
    """Return the encoding of Latin letters that explains most, and whether no other does.

    Those of systems of long ago are only looked at with `old`: they have no euro and no quotes.
    """
    scores = []
    for place, (name, languages) in enumerate(LATIN):
        if name not in WINDOWS and not old:
            continue
        weights = {char: 1 + math.log(n) for char, n in _letters(words, name).items()}
        score = max(
            sum(weight if char in alphabet else -weight for char, weight in weights.items())
            for alphabet in languages.values()
        )
        score -= _ODD_CAPITALS * _odd_capitals(words, name)
        scores.append((_OLD * (name not in WINDOWS) - score, place, name))
    lowest, _, found = min(scores)
    rivals = {name for score, _, name in scores if score <= lowest}
    differ = any(_decoded(text, name) != _decoded(text, found) for name in rivals)
    return found, lowest < 0 and not differ and guess in (None, *WINDOWS)


def _best_script(words: Counter[bytes], text: bytes, guess: str | None) -> tuple[str, bool]:
    """Return the encoding whose letters are as frequent as in a language, and if it stands out."""
    scores = []
    for place, (name, languages) in enumerate(SCRIPTS):
        letters, odd = _letters(words, name), _odd_capitals(words, name)
        weights = {char: 1 + math.log(n) for char, n in letters.items()}
        score = min(
            sum(weight * rarity(char, alphabet) for char, weight in weights.items())
            for alphabet in languages.values()
        ) / max(1e-9, sum(weights.values()))
        scores.append((score + odd, name != guess, place, name))
    for name, _ in LATIN[:1]:  # capitals and rare words of Latin letters are runs of accents too
        scores.append((_RARE, name != guess, len(SCRIPTS), name))
    scores.sort()
    lowest, _, _, found = scores[0]
    rivals = {name for score, _, _, name in scores if score < lowest + _CLEAR}
    return found, not any(_decoded(text, name) != _decoded(text, found) for name in rivals)


def _odd_capitals(words: Counter[bytes], name: str) -> float:
    """Return the share of capitals that follow a small letter; KOI8 turns all letters round."""
    texts = [_decoded(word, name) for word in words]
    pairs = [(a, b) for text in texts for a, b in pairwise(text) if a.isalpha() and b.isalpha()]
    odd = sum(a.islower() and b.isupper() for a, b in pairs)
    return odd / max(1, len(pairs))


def _letters(words: Counter[bytes], name: str) -> Counter[str]:
    """Count the letters that an encoding gives, without those of ASCII and the usual signs."""
    letters: Counter[str] = Counter()
    for word, n in words.items():
        for char in _decoded(word, name):
            if not char.isascii() and char not in SIGNS:
                # The capital I with a dot becomes two letters.
                letters[char.lower() if char != "\u0130" else "\u0131"] += n
    return letters


def _decoded(text: bytes, name: str) -> str:
    return text.decode(name, errors="replace")


def transcoded(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """Turn bytes into UTF-8; what is not valid becomes the sign U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")
