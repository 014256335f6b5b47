"""The names of months and weekdays in European languages, full and abbreviated."""

# ruff: noqa: RUF001 - the letters of other languages are meant

from __future__ import annotations

import unicodedata

# One language a line, January to December; several spellings of a month are separated by a slash.
# Croatian is not here: its srpanj and listopad are other months than in Czech and Polish.
_MONTHS = """
january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept
 october/oct november/nov december/dec
januar/jänner/jän februar/feber märz/maerz/mrz/mär april mai juni juli august september oktober/okt
 november dezember/dez
janvier/janv/jan février/févr/fév/fevr mars avril/avr mai juin juillet/juil août/aou septembre
 octobre novembre décembre/déc
enero/ene febrero marzo abril/abr mayo/may junio julio agosto/ago septiembre/setiembre/set octubre
 noviembre diciembre/dic
gennaio/gen febbraio marzo aprile maggio/mag giugno/giu luglio/lug agosto settembre/set ottobre/ott
 novembre dicembre
janeiro fevereiro/fev março abril maio junho julho agosto setembro outubro/out novembro dezembro
januari februari/febr maart/mrt april mei juni juli augustus/aug september oktober november
 december
styczeń/stycznia/sty luty/lutego/lut marzec/marca kwiecień/kwietnia/kwi maj/maja
 czerwiec/czerwca/cze
 lipiec/lipca/lip sierpień/sierpnia/sie wrzesień/września/wrz październik/października/paź
 listopad/listopada/lis grudzień/grudnia/gru
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
január/januára február/februára marec/marca apríl/apríla máj/mája jún/júna júl/júla august/augusta
 september/septembra október/októbra november/novembra december/decembra
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
"""


def key(name: str) -> str:
    """Return a name without case, accents and the dot of an abbreviation."""
    letters = unicodedata.normalize("NFD", name.rstrip(".").casefold().replace("ı", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _table() -> dict[str, int]:
    table: dict[str, int] = {}
    for language in _MONTHS.strip().replace("\n ", " ").splitlines():
        for month, spellings in enumerate(language.split(), start=1):
            for spelling in spellings.split("/"):
                if table.setdefault(key(spelling), month) != month:
                    raise AssertionError(f"{spelling} is the name of two months")
    return table


MONTHS = _table()
WEEKDAYS = frozenset(map(key, _WEEKDAYS.split()))


def month_of(name: str) -> int:
    """Return the month of a name in any of the languages, 0 for other words."""
    return MONTHS.get(key(name), 0)
