"""The Date field (RFC 5322 §3.3) and the other ways in which senders write a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

_DATE = re.compile(
    r"(?:[A-Za-z]{2,10}\.?,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3,9})\.?,?[\s-]+(\d{2,4}),?\s+"
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(?:([AaPp])\.?[Mm]\.?)?\s*([+-]\s?\d{1,2}:?\d{2}\b|[A-Za-z]{1,5}\b)?"
    r"\s*(?:([+-]\d{4})\b)?"
)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z\b|[+-]\d{2}:?\d{2})?(?!\d)", re.I
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# Abbreviations that clients in other languages write where the standard has none.
_MONTHS |= {"mai": 5, "mär": 3, "mrz": 3, "okt": 10, "dez": 12, "fév": 2, "avr": 4, "aoû": 8, "déc": 12, "ene": 1}
_MONTHS |= {"abr": 4, "ago": 8, "dic": 12, "fev": 2, "set": 9, "out": 10, "maj": 5, "mag": 5, "giu": 6, "lug": 7}
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


def parse_date(value: str) -> datetime | None:
    """The aware time that `value` names, in the sender's own offset; None where there is none to read.

    A missing or unknown zone is UTC; two-digit years follow RFC 5322 §4.3.
    """
    value = value[:_MAX_VALUE].strip()
    match = _DATE.search(value)
    try:
        if match is not None:
            month = _MONTHS.get(match[2][:3].lower())
            if month is not None:
                return _build(match, month)
        iso = _ISO.search(value)
        if iso is not None:
            return datetime(*(int(iso[n] or 0) for n in range(1, 7)), tzinfo=_zone(iso[7]))  # type: ignore[arg-type, misc]
        return _by_stdlib(value)
    except (ValueError, OverflowError):
        return None


def received_date(value: str) -> datetime | None:
    """The time of a Received field: what follows its last semicolon (RFC 5322 §3.6.7)."""
    return parse_date(value.rpartition(";")[2])


def _build(match: re.Match[str], month: int) -> datetime:
    hour, second = int(match[4]), min(int(match[6] or 0), 59)
    if match[7] is not None and hour <= 12:
        hour = hour % 12 + (12 if match[7] in "pP" else 0)
    hour, extra = (0, 1) if hour == 24 else (hour, 0)
    zone = match[8]
    if match[9] is not None and (zone is None or zone[0].isalpha()):
        zone = match[9]
    moment = datetime(_year(match[3]), month, int(match[1]), hour, int(match[5]), second, tzinfo=_zone(zone))
    return moment + timedelta(days=extra)


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
        hours, minutes = int(digits[:-2]), int(digits[-2:])
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
