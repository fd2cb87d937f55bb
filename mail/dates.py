"""The Date field (RFC 5322 §3.3) and the other ways in which senders write a time."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

_TIME = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?:(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = r"(?P<zone>[+-]\s?\d{1,2}(?::?\d{2})?\b|[A-Za-z]{1,5}\b)?"
_OFFSET = r"\s*(?P<offset>[+-]\d{1,2}(?::?\d{2})?\b)?"
_DATE = re.compile(
    r"(?:[^\W\d_]{2,14}\.?,?\s*)?(?<!\d)(?P<day>\d{1,2})(?:\.|st|nd|rd|th)?[\s-]+(?:de\s+)?(?P<month>[^\W\d_]{3,10}|\w{1,2}月)\.?,?[\s-]+(?:de\s+)?"
    rf"(?P<year>\d{{2,4}}),?\s+{_TIME}\s*{_ZONE}{_OFFSET}"
)
# As in America, and as date(1) prints it, which has the year at the end.
_MONTH_FIRST = re.compile(
    r"(?P<month>[^\W\d_]{3,10})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?:(?P<year>\d{4}),?\s+)?(?:at\s+)?"
    rf"{_TIME}\s*{_ZONE}{_OFFSET}(?:\s*\b(?P<last>\d{{4}})\b)?\s*(?P<end>[+-]\d{{2}}:?\d{{2}}\b)?"
)
_COMMENT = re.compile(r"\([^()]*\)")
_ISO = re.compile(
    r"(?<!\d)((?:19|20)\d{2})(?P<mark>[-/]?)(\d{2})(?P=mark)(\d{2})[T\s]*(\d{2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?"
    r"\s*(Z\b|[+-]\d{2}(?::?\d{2})?)?(?!\d)",
    re.I,
)
# As Japanese, Chinese and Korean have it: 2026年3月3日, 2026년 3월 3일.
_EAST_ASIAN = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]\s?(?=\d)")
# In seconds or in milliseconds.
_UNIX_TIME = re.compile(r"[1-9]\d{8,9}|[1-9]\d{12}")
_NUMERIC = re.compile(
    r"(?<![\d.:/-])(\d{1,2})([./-])(\d{1,2})\2((?:19|20)\d{2}),?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])"
    r"\s*(?:([AaPp])\.?[Mm]\.?\b)?\s*([+-]\d{2}:?\d{2}\b|[A-Za-z]{1,5}\b)?"
)
# The first letters of the months, as clients in other languages write them where the standard has English.
_MONTH_NAMES = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "jan feb mär apr mai jun jul aug sep okt nov dez",  # German
    "jan fév mar avr mai juin juil aoû sep oct nov déc",  # French
    "ene feb mar abr may jun jul ago sep oct nov dic",  # Spanish
    "jan fev mar abr mai jun jul ago set out nov dez",  # Portuguese
    "gen feb mar apr mag giu lug ago set ott nov dic",  # Italian
    "jan feb mrt apr mei jun jul aug sep okt nov dec",  # Dutch
    "jan feb mrz apr maj jun jul aug sep okt nov dec",  # Swedish, Danish, and German with another March
    "tam hel maa huh tou kes hei elo syy lok marr jou",  # Finnish
    "sty lut mar kwi maj cze lip sie wrz paź lis gru",  # Polish
    "led úno bře dub kvě čvn čvc srp zář říj lis pro",  # Czech
    "jan feb már ápr máj jún júl aug sze okt nov dec",  # Hungarian
    "ian feb mar apr mai iun iul aug sep oct noi dec",  # Romanian
    "янв фев мар апр май июн июл авг сен окт ноя дек",  # Russian
    "янв фев мар апр мая июн июл авг сен окт ноя дек",  # Russian in the genitive
    "січ лют бер кві тра чер лип сер вер жов лис гру",  # Ukrainian
    "яну фев мар апр май юни юли авг сеп окт ное дек",  # Bulgarian
    "ιαν φεβ μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ",  # Greek
    "oca şub mar nis may haz tem ağu eyl eki kas ara",  # Turkish
    "一 二 三 四 五 六 七 八 九 十 十一 十二",
    "1 2 3 4 5 6 7 8 9 10 11 12",
)
_MONTHS = {name: number for names in _MONTH_NAMES for number, name in enumerate(names.split(), start=1)}
_ZONES: dict[str, float] = {
    "ut": 0,
    "gmt": 0,
    "utc": 0,
    "z": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
}
_ZONES |= {"pst": -8, "pdt": -7, "bst": 1, "ist": 5.5, "cet": 1, "met": 1, "mez": 1, "cest": 2, "mest": 2, "mesz": 2}
_ZONES |= {"wet": 0, "west": 1, "eet": 2, "eest": 3, "msk": 3, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12}
_ZONES |= {"hst": -10, "akst": -9, "akdt": -8, "brt": -3, "art": -3, "sast": 2, "hkt": 8, "sgt": 8, "awst": 8}
_MAX_VALUE = 200
_MAX_DAY = 60
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")


def parse_date(value: str) -> datetime | None:
    """The aware time that `value` names, in the sender's own offset; None where there is none to read.

    A missing or unknown zone is UTC; two-digit years follow RFC 5322 §4.3.
    """
    value = value[:_MAX_VALUE].strip()
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
    try:
        for form in (_DATE, _MONTH_FIRST):
            match = form.search(value)
            if match is not None and (date := _build(match)) is not None:
                return date
        iso = _ISO.search(value)
        if iso is not None:
            numbers = [int(iso[n] or 0) for n in (1, 3, 4, 5, 6, 7)]
            return datetime(*numbers, tzinfo=_zone(iso[8]))  # type: ignore[arg-type, misc]
        value = _EAST_ASIAN.sub(r"\3.\2.\1 ", value)
        found = _numeric(value) or _by_stdlib(value)
        if found is None and _COMMENT.search(value):
            # A comment may stand between any two words (RFC 5322 §3.2.2).
            return parse_date(_COMMENT.sub(" ", value))
        if found is None and _UNIX_TIME.fullmatch(value):
            return datetime.fromtimestamp(int(value[:10]), UTC)
        if found is None and ":" not in value and len(value) < _MAX_DAY and _YEAR.search(value):
            # A day without a time.
            return parse_date(f"{value} 00:00")
        return found
    except (ValueError, OverflowError):
        return None


def received_date(value: str) -> datetime | None:
    """The time of a Received field: what follows its last semicolon (RFC 5322 §3.6.7)."""
    return parse_date(value.rpartition(";")[2])


def _build(match: re.Match[str]) -> datetime | None:
    found = match.groupdict()
    name, year = found["month"].lower().rstrip("月"), found["year"] or found.get("last")
    month = _MONTHS.get(name[:4], _MONTHS.get(name[:3]))
    if month is None or year is None:
        return None
    hour, second = _hour(found["hour"], found["half"]), min(int(found["second"] or 0), 59)
    hour, extra = (0, 1) if hour == 24 else (hour, 0)
    zone = found["zone"]
    if zone is None or zone[0].isalpha():
        # `GMT+0100`, `CET 2026 +0100`: the offset says it better than the name.
        zone = found["offset"] or found.get("end") or zone
    moment = datetime(_year(year), month, int(found["day"]), hour, int(found["minute"]), second, tzinfo=_zone(zone))
    return moment + timedelta(days=extra)


def _numeric(value: str) -> datetime | None:
    """`17.11.2026 14:03` and `11/17/2026 14:03`; None where day and month cannot be told apart."""
    match = _NUMERIC.search(value)
    if match is None:
        return None
    day, month = int(match[1]), int(match[3])
    if match[2] != "." and day <= 12:
        if month <= 12 and day != month:
            return None
        day, month = month, day
    time = (_hour(match[5], match[8]), int(match[6]), min(int(match[7] or 0), 59))
    return datetime(int(match[4]), month, day, *time, tzinfo=_zone(match[9]))


def _hour(digits: str, half: str | None) -> int:
    """The hour of the day; `half` is the first letter of AM or PM."""
    hour = int(digits)
    return hour % 12 + (12 if half in "pP" else 0) if half and hour <= 12 else hour


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(text: str | None) -> timezone:
    if not text:
        return UTC
    if text[0] in "+-":
        digits = re.sub(r"\D", "", text)
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
        if hours > 23 or minutes > 59:
            return UTC
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if text[0] == "-" else offset)
    return timezone(timedelta(hours=_ZONES.get(text.lower(), 0)))


def _by_stdlib(value: str) -> datetime | None:
    try:
        fields = parsedate_tz(value)
    except Exception:
        return None
    if fields is None or fields[0] < 1900:
        return None
    offset = fields[9] or 0
    zone = timezone(timedelta(seconds=offset)) if abs(offset) < 86_400 else UTC
    return datetime(*fields[:5], min(fields[5], 59), tzinfo=zone)
