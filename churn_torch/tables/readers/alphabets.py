"""Letters beyond a to z by language, and the encodings that hold them.

An encoding is judged by the letters that it gives: how well those of one language explain them.
"""

from __future__ import annotations

import math
import re

# Signs of two bytes, told apart by charset-normalizer.
TWO_BYTES = ("gb18030", "big5", "cp932", "euc_jp", "cp949")

# Languages with Latin letters, by the letters that they add to those of ASCII. Where two explain a
# text equally well, the encoding that stands first is taken.
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
LATIN = (
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
# Of these, the ones in use today.
WINDOWS = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2")

# Languages with letters of their own, the most frequent letters first.
_CYRILLIC = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оаинівтерсклудмпзяьбгйчхжїцюєфшщґ",
    "Bulgarian": "аиеотнрсвлкдпмзягбуъчщцжйхшюфь",
    "Serbian": "аиоенртсјукдвмплзгбшчцжњљхћђфџ",
}
_GREEK = {"Greek": "αοιετσνηυρπκμλωςδγχάίόέθήφύβώξζψϊϋΐΰ"}
_HEBREW = {"Hebrew": "יוהלאתרמבשנעדםקחכטפגצסזןךףץ"}
_ARABIC = {"Arabic or Persian": "اليمنورتبةعدسفهكقأحجشطصخإذىضثغئءزؤآظپچژگیک"}
_THAI = {"Thai": "านรอกเงยลวมดทสตัี่้ะปบคหแจิุูพชขใไืโถผ็ณซธึำ์ศษภญฟฉฐฎ"}
SCRIPTS = (
    ("cp1251", _CYRILLIC),
    ("koi8_r", _CYRILLIC),
    ("koi8_u", _CYRILLIC),
    ("cp866", _CYRILLIC),
    ("iso8859_5", _CYRILLIC),
    ("mac_cyrillic", _CYRILLIC),
    ("cp1253", _GREEK),
    ("iso8859_7", _GREEK),
    ("cp1255", _HEBREW),
    ("cp1256", _ARABIC),
    ("iso8859_6", _ARABIC),
    ("cp874", _THAI),
)
# Signs that any text may hold.
SIGNS = frozenset("€£§°ºª«»–—’“”„…•™®©№·\u00a0\u00b4\u2018\u201a")
# Signs of cp1252 where they belong: blanks, money and degrees apart from words, an apostrophe
# inside a word, a dash between blanks or digits, quotation marks in pairs.
_NO_LETTER = rb"A-Za-z\x80-\x9f\xa1-\xff"
ONLY_SIGNS = re.compile(
    rb"(?:[\x00-\x7f\xa0]|(?<![%b])(?:[\x80\xa2\xa3\xa5\xa7\xb1-\xb3]|\xb0[CF]?)(?![%b])"
    rb"|(?<=[A-Za-z])\x92(?=[A-Za-z])|(?<=[ 0-9])[\x96\x97](?=[ 0-9])|\x93[\x00-\x7f\xa0]*\x94)*"
    % (_NO_LETTER, _NO_LETTER)
)
# The rarity of a sign that is no letter of a language.
_FOREIGN = 6.0


def rarity(char: str, alphabet: str) -> float:
    """Return how rare a letter is: the logarithm of its place among the letters of a language."""
    place = alphabet.find(char)
    return _FOREIGN if place < 0 else math.log(place + 3)
