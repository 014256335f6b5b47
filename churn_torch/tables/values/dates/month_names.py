"""The names of months and weekdays in European languages, full and abbreviated."""

# ruff: noqa: RUF001 - the letters of other languages are meant

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

# One language a line, January to December; several spellings of a month are separated by a slash.
# Croatian is not here: its srpanj and listopad are other months than in Czech and Polish.
_MONTHS = """
january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept
 october/oct november/nov december/dec
januar/jan/jänner/jän februar/feb/feber märz/mrz/mär/maerz april/apr mai juni/jun juli/jul
 august/aug september/sept/sep oktober/okt november/nov dezember/dez
janvier/janv/jan février/févr/fév/fevr mars avril/avr mai juin juillet/juil août/aou
 septembre/sept/sep octobre/oct novembre/nov décembre/déc
enero/ene febrero/feb marzo/mar abril/abr mayo/may junio/jun julio/jul agosto/ago
 septiembre/sep/sept/setiembre/set octubre/oct noviembre/nov diciembre/dic
gennaio/gen febbraio/feb marzo/mar aprile/apr maggio/mag giugno/giu luglio/lug agosto/ago
 settembre/set ottobre/ott novembre/nov dicembre/dic
janeiro/jan fevereiro/fev março/mar abril/abr maio/mai junho/jun julho/jul agosto/ago
 setembro/set outubro/out novembro/nov dezembro/dez
januari/jan februari/feb/febr maart/mrt april/apr mei juni/jun juli/jul augustus/aug
 september/sep/sept oktober/okt november/nov december/dec
styczeń/stycznia/sty luty/lutego/lut marzec/marca kwiecień/kwietnia/kwi maj/maja
 czerwiec/czerwca/cze lipiec/lipca/lip sierpień/sierpnia/sie wrzesień/września/wrz
 październik/października/paź listopad/listopada/lis grudzień/grudnia/gru
январь/января/янв февраль/февраля/фев/февр март/марта/мар апрель/апреля/апр май/мая июнь/июня/июн
 июль/июля/июл август/августа/авг сентябрь/сентября/сен/сент октябрь/октября/окт
 ноябрь/ноября/ноя/нояб декабрь/декабря/дек
січень/січня/січ лютий/лютого/лют березень/березня/бер квітень/квітня/квіт травень/травня/трав
 червень/червня/черв липень/липня серпень/серпня/серп вересень/вересня/вер жовтень/жовтня/жовт
 листопад/листопада грудень/грудня/груд
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts/mar april maj juni juli august september oktober november december
januar februar mars april mai juni juli august september oktober november desember/des
leden/ledna/led únor/února/úno březen/března/bře duben/dubna/dub květen/května/kvě
 červen/června/čvn červenec/července/čvc srpen/srpna/srp září/zář říjen/října/říj
 listopad/listopadu prosinec/prosince/pro
január/januára február/februára marec/marca apríl/apríla máj/mája jún/júna júl/júla
 august/augusta september/septembra október/októbra november/novembra december/decembra
január február/febr március/márc április/ápr május/máj június/jún július/júl augusztus
 szeptember/szept október november december
tammikuu/tammikuuta/tammi helmikuu/helmikuuta/helmi maaliskuu/maaliskuuta/maalis
 huhtikuu/huhtikuuta/huhti toukokuu/toukokuuta/touko kesäkuu/kesäkuuta/kesä
 heinäkuu/heinäkuuta/heinä elokuu/elokuuta/elo syyskuu/syyskuuta/syys lokakuu/lokakuuta/loka
 marraskuu/marraskuuta/marras joulukuu/joulukuuta/joulu
ianuarie/ian februarie martie aprilie mai iunie/iun iulie/iul august septembrie octombrie
 noiembrie/noi decembrie
ocak/oca şubat/şub mart nisan/nis mayıs haziran/haz temmuz/tem ağustos/ağu eylül/eyl ekim/eki
 kasım/kas aralık/ara
gener febrer/febr març abril maig juny juliol agost setembre octubre novembre desembre
ιανουάριος/ιανουαρίου/ιαν φεβρουάριος/φεβρουαρίου/φεβ μάρτιος/μαρτίου/μάρ απρίλιος/απριλίου/απρ
 μάιος/μαΐου ιούνιος/ιουνίου/ιούν ιούλιος/ιουλίου/ιούλ αύγουστος/αυγούστου/αύγ
 σεπτέμβριος/σεπτεμβρίου/σεπ οκτώβριος/οκτωβρίου/οκτ νοέμβριος/νοεμβρίου/νοέ
 δεκέμβριος/δεκεμβρίου/δεκ
"""
_WEEKDAYS = """
monday mon tuesday tue tues wednesday wed thursday thu thur thurs friday fri saturday sat sunday sun
montag mo dienstag di mittwoch mi donnerstag do freitag fr samstag sonnabend sa sonntag so
lundi lun mardi mar mercredi mer jeudi jeu vendredi ven samedi sam dimanche dim
lunes martes mié miércoles mie jueves jue viernes vie sábado sáb domingo dom
lunedì martedì mercoledì giovedì gio venerdì sabato sab domenica
segunda seg terça ter quarta qua quinta qui sexta sex
maandag ma dinsdag woensdag wo donderdag vrijdag vr zaterdag za zondag zo
poniedziałek pon wtorek wt środa śr czwartek czw piątek pt sobota sob niedziela niedz
понедельник пн вторник вт среда ср четверг чт пятница пт суббота сб воскресенье вс
måndag mån tisdag tis onsdag ons torsdag tors tor fredag fre lördag lör söndag sön
mandag man tirsdag lørdag lør søndag søn
pazartesi pzt salı sal çarşamba çar perşembe per cuma cum cumartesi cmt pazar paz
月 火 水 木 金 土 日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 월 화 수 목 금 토 일
星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天 周一 周二 周三 周四 周五 周六 周日
월요일 화요일 수요일 목요일 금요일 토요일 일요일
"""


def key(name: str) -> str:
    """Return a name without case, accents and the dot of an abbreviation."""
    letters = unicodedata.normalize("NFD", name.rstrip(".").casefold().replace("ı", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


# The spellings of January to December, by language.
_LANGUAGES = tuple(
    tuple(tuple(spellings.split("/")) for spellings in language.split())
    for language in _MONTHS.strip().replace("\n ", " ").splitlines()
)


def _table() -> dict[str, int]:
    table: dict[str, int] = {}
    for language in _LANGUAGES:
        for month, spellings in enumerate(language, start=1):
            for spelling in spellings:
                if table.setdefault(key(spelling), month) != month:
                    raise AssertionError(f"{spelling} is the name of two months")
    return table


MONTHS = _table()
WEEKDAYS = frozenset(map(key, _WEEKDAYS.split()))


def month_of(name: str) -> int:
    """Return the month of a name in any of the languages, 0 for other words."""
    return MONTHS.get(key(name), 0)


def january(names: Iterable[str]) -> str:
    """Return January in the language and the spelling that most of the names of months have."""
    words = [key(name) for name in names]
    positions = [_positions(language, words) for language in _LANGUAGES]
    best = max(range(len(positions)), key=lambda i: len(positions[i]))
    # May has no abbreviation in many languages, so full names count less.
    short = Counter(position for position in positions[best] if position)
    often = short.most_common(1)[0][0] if 4 * short.total() > len(words) else 0
    spellings = _LANGUAGES[best][0]
    return spellings[min(often, len(spellings) - 1)]


def _positions(language: Sequence[Sequence[str]], words: Iterable[str]) -> list[int]:
    """Return which spelling of its month each word is; words of other languages are left out."""
    known = {key(name): i for month in language for i, name in reversed([*enumerate(month)])}
    return [known[word] for word in words if word in known]
