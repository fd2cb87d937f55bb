"""The first event of an invitation (RFC 5545, RFC 5546), read without judging its syntax."""

from __future__ import annotations

import re

from domain.email import Calendar
from mail.text import clean, newlines

_COLON_OR_QUOTED = re.compile(r'"[^"]*"|:')
_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$")
_TZID = re.compile(r"TZID=\"?([^\";]+)", re.I)
_ESCAPE = re.compile(r"\\([nN,;\\])")
_MAX_TEXT = 2_000_000
_MAX_LINE = 20_000
_COMPONENTS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY")


def read_calendar(text: str, method: str | None = None) -> Calendar | None:
    """The first component of `text`; `method` is the Content-Type's parameter. None where there is no VCALENDAR."""
    if "BEGIN:VCALENDAR" not in text[:5_000].upper():
        return None
    fields: dict[str, str] = {}
    zone: str | None = None
    inside: list[str] = []
    for line in re.sub(r"\n[ \t]", "", newlines(clean(text[:_MAX_TEXT]))).split("\n"):
        name, parameters, value = _content_line(line[:_MAX_LINE])
        if name == "BEGIN":
            inside.append(value.upper())
        elif name == "END":
            if inside and inside.pop() in _COMPONENTS:
                break
        elif name == "METHOD" and len(inside) == 1:
            fields["METHOD"] = value
        elif inside and inside[-1] in _COMPONENTS:
            fields.setdefault(name, _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value))
            if name == "DTSTART" and zone is None:
                tzid = _TZID.search(parameters)
                zone = tzid[1] if tzid else None
    return Calendar(
        method=(fields.get("METHOD") or method or "").upper() or None,
        uid=fields.get("UID"),
        start=_iso(fields.get("DTSTART")),
        end=_iso(fields.get("DTEND")),
        time_zone=zone,
        summary=fields.get("SUMMARY"),
        location=fields.get("LOCATION"),
        organizer=(fields.get("ORGANIZER") or "").lower().removeprefix("mailto:") or None,
        description=fields.get("DESCRIPTION"),
    )


def calendar_text(calendar: Calendar) -> str:
    """What a person reads of an invitation that came without any text."""
    when = " – ".join(time for time in (calendar.start, calendar.end) if time)
    lines = [calendar.summary, f"{when} {calendar.time_zone or ''}".strip(), calendar.location, calendar.description]
    return "\n".join(line for line in lines if line)


def _content_line(line: str) -> tuple[str, str, str]:
    """(name in capitals, parameters, value) of an unfolded line; the colon before the value is outside quotes."""
    for match in _COLON_OR_QUOTED.finditer(line):
        if match[0] == ":":
            name, _, parameters = line[: match.start()].partition(";")
            return name.strip().upper(), parameters, line[match.end() :].strip()
    return "", "", ""


def _iso(value: str | None) -> str | None:
    match = _TIME.match(value.strip()) if value else None
    if match is None:
        return value or None
    day = f"{match[1]}-{match[2]}-{match[3]}"
    return f"{day}T{match[4]}:{match[5]}:{match[6]}{match[7] or ''}" if match[4] else day
