"""Encodings of text files: UTF-8 first, others found by their letters, and always named."""

from __future__ import annotations

import codecs
import encodings.aliases
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from charset_normalizer import from_bytes

from churn_torch.errors import InputError, suggest

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
_OLD = 2.5
# Of fewer letters no script can be told.
_FEW_LETTERS = 4
_SAMPLE_BYTES = 1 << 14
_TWO_BYTES = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
_OTHER_SCRIPTS = ("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", *_TWO_BYTES)
# Letters beyond a to z, by language. An encoding is judged by how well one language explains the
# letters that it gives; where two explain as much, the one that stands first is taken.
_WEST = {
    "Spanish": "áéíóúüñ",
    "Portuguese": "ãõáéíóúâêôàç",
    "French": "éèêëàâçôûùîïœ",
    "German": "äöüß",
    "Italian": "àèéìòù",
    "Swedish or Finnish": "åäö",
    "Danish or Norwegian": "æøå",
    "Dutch": "éëïö",
    "Catalan": "àèéíïòóúüç",
}
_ICELANDIC = {"Icelandic": "áéíóúýþæöð"}
_CENTRAL = {
    "Polish": "ąćęłńóśźż",
    "Czech": "áčďéěíňóřšťúůýž",
    "Hungarian": "áéíóöőúüű",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Croatian or Slovenian": "čćđšž",
    "Romanian": "ăâîşţșț",
}
_TURKISH = {"Turkish": "çğ\u0131öşüâî"}
_BALTIC = {"Lithuanian": "ąčęėįšųūž", "Latvian": "āčēģīķļņšūž", "Estonian": "äõöüšž"}
_LATIN = (
    ("cp1252", _WEST),
    ("cp1250", _CENTRAL),
    ("cp1254", _TURKISH),
    ("iso8859_2", _CENTRAL),
    ("cp1257", _BALTIC),
    ("cp850", _WEST),
    ("mac_roman", _WEST),
    ("cp852", _CENTRAL),
    ("cp857", _TURKISH),
    ("cp1252", _ICELANDIC),
)
_WINDOWS = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2")
# Signs that any text may hold.
_SIGNS = frozenset("€£§°ºª«»–—’“”„…•™®©·\u00a0\u00b4\u2018\u201a")
_CELL = re.compile(rb"[^\x00-\x1f,;\"]+")
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
            got=f"{name!r}{suggest(name, known)}",
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
    alphabets. The rest is decided by charset-normalizer.
    """
    # The words with such letters, each once: the same few categories fill most columns.
    # The second byte of a Chinese or Japanese sign may be any of ASCII from 0x40 on.
    cells = [cell for line in lines for cell in _CELL.findall(line) if not cell.isascii()]
    words = Counter(cells)
    # With repeats: of a short text charset-normalizer judges no language.
    text = b" ".join(cells)[:_SAMPLE_BYTES]
    best = from_bytes(text, cp_isolation=[*_OTHER_SCRIPTS, *_WINDOWS], threshold=0.9).best()
    guess = None if best is None else best.encoding
    ranked = _ranked(words, guess)
    n_letters = sum(len(run) for word in words for run in _HIGH_RUN.findall(word))
    if (
        guess in _OTHER_SCRIPTS
        and n_letters >= _FEW_LETTERS
        and not _is_accented(words, guess in _TWO_BYTES)
    ):
        found, sure = str(guess), True
    else:
        found = ranked[0][1]
        rivals = {name for score, name in ranked[1:] if score >= ranked[0][0]}
        differ = any(_decoded(text, name) != _decoded(text, found) for name in rivals)
        sure = ranked[0][0] > 0 and not differ and guess not in _OTHER_SCRIPTS
    shown = [
        "".join(char if char.isprintable() else "\ufffd" for char in _decoded(word, found))
        for word, _ in words.most_common(4)
    ]
    return Encoding(found, sure=sure, words=tuple(shown))


def _is_accented(words: Counter[bytes], two_bytes: bool) -> bool:
    """Tell whether the letters stand alone between letters of ASCII, as accents do.

    Where the text may be of signs of two bytes, the second of which is one of ASCII, only longer
    words count as such.
    """
    latin = re.compile(rb"[A-Za-z]{3}" if two_bytes else rb"[A-Za-z]")
    alone = sum(
        len(run) == 1 and latin.search(word) is not None
        for word in words
        for run in _HIGH_RUN.findall(word)
    )
    return alone > 0.6 * sum(len(_HIGH_RUN.findall(word)) for word in words)


def _ranked(words: Counter[bytes], guess: str | None) -> list[tuple[float, str]]:
    """Return the encodings of Latin letters with their scores, the most probable first."""
    scores = []
    for place, (name, languages) in enumerate(_LATIN):
        chars: Counter[str] = Counter()
        for word, n in words.items():
            for char in _decoded(word, name):
                if not char.isascii() and char not in _SIGNS:
                    chars[char.lower() if char != "İ" else "\u0131"] += n
        weights = {char: 1 + math.log(n) for char, n in chars.items()}
        score = max(
            sum(weight if char in alphabet else -weight for char, weight in weights.items())
            for alphabet in languages.values()
        )
        if name not in (
            *_WINDOWS,
            "iso8859_2",
        ):  # systems of long ago: only where all speaks for it
            score -= _OLD
        scores.append((-score, name != guess, place, name))
    return [(-score, name) for score, _, _, name in sorted(scores)]


def _decoded(text: bytes, name: str) -> str:
    return text.decode(name, errors="replace")


def transcoded(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """Turn bytes into UTF-8; what is not valid becomes the sign U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")
