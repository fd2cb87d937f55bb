"""What earlier hops said about a mail's authenticity: read, never trusted.

Authentication-Results (RFC 8601) and ARC-Authentication-Results (RFC 8617 §4.1.1). Real headers break the grammar in
every way (Microsoft 365 writes no authserv-id, others no version, some no spaces), so this reads what is there.
Whether a hop may be believed is for the caller to decide by its authserv-id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.email import Authentication
from mail.headers import Headers

_MAX_HEADERS = 50
_MAX_VALUE = 16_384
_MAX_RAW = 2_000
_MAX_DEPTH = 5

_INSTANCE = re.compile(r"\s*i\s*=\s*(\d{1,3})\s*\Z")
_RESULT = re.compile(r"\s*([A-Za-z][\w-]{0,30})(?:\s*/\s*\d{1,3})?\s*=\s*([A-Za-z]{1,20})")
_PROPERTY = re.compile(r"([A-Za-z][\w-]{0,30})\s*\.\s*([\w-]{1,30})\s*=\s*((?:\"[^\"]*\")?[^\s;\"]*)")
_DOMAIN_END = ' \t"<>,;()'
# The properties that name the authenticated domain, most telling first (RFC 8601 §2.7).
_DOMAIN_PROPERTIES = {
    "spf": ("smtp.mailfrom", "smtp.mfrom", "smtp.helo", "smtp.ehlo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from", "from"),
}


def read_results(headers: Headers) -> list[Authentication]:
    """One entry a header: Authentication-Results topmost first, then the ARC sets, newest instance first.

    Of several results of one method in a header the first `pass` counts, else the first.
    """
    plain = [_read(value, arc=False) for value in headers.all("Authentication-Results")[:_MAX_HEADERS]]
    sealed = [_read(value, arc=True) for value in headers.all("ARC-Authentication-Results")[:_MAX_HEADERS]]
    sealed.sort(key=lambda result: -(result.arc_instance or 0))
    return plain + sealed


def _read(value: str, *, arc: bool) -> Authentication:
    value = value[:_MAX_VALUE]
    result = Authentication(raw=value[:_MAX_RAW])
    for number, segment in enumerate(_segments(value)):
        instance = _INSTANCE.match(segment) if arc and number == 0 else None
        if instance:
            result.arc_instance = int(instance[1])
            continue
        method = _RESULT.match(segment)
        if method:
            _note(result, method[1].lower(), method[2].lower(), segment)
        elif not result.authserv_id and not _seen_result(result):
            words = segment.split()
            result.authserv_id = words[0].strip('"').lower() if words else ""
    return result


def _segments(value: str) -> Iterator[str]:
    """The parts between semicolons, comments left out (RFC 5322 §3.2.2: nested, with quoted pairs)."""
    part: list[str] = []
    depth = 0
    quoted = False
    position = 0
    for match in re.finditer(r'[();"\\]', value):
        start, sign = match.start(), match[0]
        if start < position:
            continue
        if not depth:
            part.append(value[position:start])
        position = start + 1
        if sign == "\\":
            if not depth:
                part.append(value[start : start + 2])
            position = start + 2
        elif sign == '"' and not depth:
            quoted = not quoted
            part.append(sign)
        elif quoted:
            part.append(sign)
        elif sign == "(":
            depth = min(depth + 1, _MAX_DEPTH)
            part.append(" ")
        elif sign == ")":
            depth = max(depth - 1, 0)
        elif sign == ";" and not depth:
            yield "".join(part)
            part.clear()
    if not depth:
        part.append(value[position:])
    yield "".join(part)


def _seen_result(result: Authentication) -> bool:
    return bool(result.spf or result.dkim or result.dmarc)


def _note(result: Authentication, method: str, verdict: str, segment: str) -> None:
    if method not in _DOMAIN_PROPERTIES:
        return
    earlier = getattr(result, method)
    if earlier is not None and (earlier == "pass" or verdict != "pass"):
        return
    setattr(result, method, verdict)
    properties = {f"{kind}.{name}".lower(): text.strip('"') for kind, name, text in _PROPERTY.findall(segment)}
    domains = (_domain(properties[name]) for name in _DOMAIN_PROPERTIES[method] if name in properties)
    setattr(result, f"{method}_domain", next((domain for domain in domains if domain), None))


def _domain(value: str) -> str | None:
    domain = value.rpartition("@")[2].strip(_DOMAIN_END).rstrip(".").lower()
    return domain if domain and domain != "none" else None
