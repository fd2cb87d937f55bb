"""Times, sizes, names and links as people read them."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from console.strings import STRINGS, text

_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^]{3,2000}")
_TRAILING = ".,;:!?)]*_"


def duration(length: timedelta | float) -> str:
    """`38 ms`, `1.2 s`, `5 min`, `3 h`, `12 days`; a number is in seconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} days"


def ago(moment: datetime) -> str:
    """How long ago, or how far ahead; in whole seconds at the finest."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if abs(seconds) < 5:
        return text("time.now")
    key = "time.ago" if seconds > 0 else "time.in"
    return text(key, time=duration(float(round(abs(seconds)))).replace(".0 s", " s"))


def elapsed(moment: datetime) -> str:
    """How long ago, without words: `5 min`, `3 h`."""
    return duration(max(1.0, float(round((datetime.now(UTC) - moment).total_seconds())))).replace(".0 s", " s")


def clock(moment: datetime) -> str:
    """The moment in UTC, to the second; the page's script shows it in the reader's own time zone."""
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC"


def size(count: int | None) -> str:
    """Bytes, in the unit that leaves one to three digits."""
    value = float(count or 0)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def linked(body: str) -> Markup:
    """Plain text with its web addresses as links: each shows where it goes, and tells nobody where it was found."""
    parts, position = [], 0
    for match in _URL.finditer(body):
        url = match[0].rstrip(_TRAILING)
        parts.append(escape(body[position : match.start()]))
        parts.append(Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>').format(url))
        position = match.start() + len(url)
    parts.append(escape(body[position:]))
    return Markup("").join(parts)


def initials(name: str, address: str) -> str:
    """One or two letters that stand for a person."""
    words = [word for word in re.split(r"[^\w]+", name or address.partition("@")[0]) if word and word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def hue(address: str) -> int:
    """One of eight colours, always the same for an address."""
    return zlib.crc32(address.lower().encode("utf-8", "replace")) % 8


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser(user_agent: str) -> str:
    """`Firefox on Linux`; what calls itself otherwise as it does. Most browsers also call themselves others."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if name and system:
        return text("session.on", browser=name, system=system)
    return user_agent[:80] or text("session.unknown")


def words(value: str, family: str) -> str:
    """A stored word such as `same_message` in the catalogue's words of its family (`reason`, `flag`), if it has any."""
    return STRINGS.get(f"{family}.{value}", value.replace("_", " "))
