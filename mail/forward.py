"""Forwarded mail: who wrote the original, when, and its subject, as the forwarding program wrote them down."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.email import Address, Forwarded
from mail import reply_attribution
from mail.html import to_text
from mail.phrases import FORWARD_SUBJECT, LABELS, WROTE
from mail.reply_body import announcement, separator
from mail.reply_headers import HeaderBlock, label_of, read_block, read_line
from mail.reply_html import CUT_LINE, QUOTE_LINE
from mail.reply_lines import EMPHASIS, MARKS, is_quoted, unquoted
from mail.reply_subject import says_forward
from mail.text import newlines

_MAX_TEXT = 200_000
_MAX_LINES = 3_000
_MAX_VALUE = 500
_MAX_HEADER_LINES = 60

_MAX_UNLABELLED = 6

_COLONS = frozenset(":： \xa0\r")
_DASHES = frozenset(" \t\xa0-–—_=*#~+<|")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,128}@[^\W_](?:[\w.-]{0,252}[^\W_])?")
_COMMENT = re.compile(r"[\s>\])]*\(([^()]{1,120})\)")
_NAME_EDGE = " \t\xa0<>[]()\"'*,;:"
_QUOTED_NAME = re.compile(r"[\"„“«]([^\"„”“«»]{1,120})[\"”“»]\s*\Z")
_LAST_NAME = re.compile(r"(?:,|\b(?:schrieb|schreef|skrev|heeft)|\d)\s+([^,\d]{2,80})\s*\Z")
_WHOLE_NAME = re.compile(r"\s*([^<>\[\]()]{1,120}?)\s*\Z")
# Words between date and name, and around the date: "On …,", "… tarihinde", "… időpontban".
_CONNECTORS = re.compile(
    r"^(?:időpontban|heeft|пользователь|користувач|používateľ|uživatel|odesílatel|użytkownik|schrieb|schreef|skrev)\s+",
    re.I,
)
_EDGES = re.compile(
    r"^(?:on|am|le|el|il giorno|il|em|op|den|dne|dnia|w dniu|d\.|in data|pe|la|på|følgende den|følgende|den|at)\s+"
    r"|\s*(?:heeft|um|пользователь|користувач|használó|időpontban|tarihinde|používateľ|użytkownik|följande)$",
    re.I,
)
_DATE_EDGE = " \t\xa0,;:\"'„“”«»-<("


def find_forwarded(subject: str, text: str, html: str) -> Forwarded | None:
    """The original that this mail forwards, or None.

    A line such as "Forwarded message" says it in itself, unless it stands in a quotation. Outlook writes the same
    header block above forwarded and answered mail, so there the subject decides.
    """
    body = text if text.strip() else to_text(html)
    lines = newlines(body[:_MAX_TEXT]).split("\n", _MAX_LINES)[:_MAX_LINES]
    is_forward = says_forward(subject, body)
    # All such lines are dashed or end with a colon, which is cheap to see.
    candidates = [line for line in filter(None, lines) if line[-1] in _COLONS or line[0] in _DASHES]
    if not is_forward and not any(map(_announces, candidates)):
        return None
    found = _in_lines([line.strip(MARKS) for line in lines], is_forward)
    if found is not None and found.subject is None and is_forward:
        # Outlook 2019 writes no header: the mail's own subject is all there is.
        found.subject = FORWARD_SUBJECT.sub("", subject, count=1).strip()[:_MAX_VALUE] or None
    return found


def _announces(line: str) -> bool:
    """Whether a line, none of a quotation, is a "Forwarded message" line."""
    stripped = line.strip(MARKS)
    return line[0] != ">" and bool(stripped) and separator(stripped) == "forward"


def _in_lines(lines: Sequence[str], is_forward: bool) -> Forwarded | None:
    for number, line in enumerate(lines):
        if not line or line in (QUOTE_LINE, CUT_LINE):
            continue
        plain = unquoted(line) if is_forward and is_quoted(line) else line
        found = announcement(plain) if plain else None
        if found and (is_forward or found[0] == "forward"):
            return _announced([found[1], *lines[number + 1 : number + _MAX_HEADER_LINES]])
        if found:
            return None
        if is_quoted(line):
            # Apple Mail once quoted the whole original, header and all, without a line above it.
            if is_forward and label_of(plain):
                return _announced(lines[number : number + _MAX_HEADER_LINES])
            continue
        if is_forward and (":" in line[:40] or "：" in line[:40]) and label_of(line):
            block = read_block(lines, number) or read_line(line)
            if block:
                return _described(block)
        if reply_attribution.may_end(line):
            start = reply_attribution.find(lines, number)
            if start is not None:
                return _attributed(" ".join(lines[start : number + 1])) if is_forward else None
    return None


def _announced(lines: Sequence[str]) -> Forwarded:
    """What stands under (or behind) a "Forwarded message" line: its header, in the same quotation if it is one."""
    plain = [unquoted(line) if line and is_quoted(line) else line for line in lines]
    for position, line in enumerate(plain[:_MAX_UNLABELLED]):
        # eM Client writes its labels without colons.
        label, _, value = line.partition(" ")
        if value and label.casefold() in LABELS and label_of(line) is None:
            plain[position] = f"{label}: {value}"
    for position, line in enumerate(plain[:12]):
        if not line.strip(EMPHASIS):
            continue
        # A line that holds several fields is read as such first: as one field its value would be all of them.
        block = read_line(line, announced=True) or read_block(plain, position, announced=True)
        if block:
            return _described(block)
        if reply_attribution.may_end(line):
            start = reply_attribution.find(plain, position)
            if start is not None:
                return _attributed(" ".join(plain[start : position + 1]))
    return Forwarded()


def _described(block: HeaderBlock) -> Forwarded:
    fields = block.fields
    return Forwarded(
        sender=_address(fields.get("from", "")),
        date=fields.get("date", "")[:_MAX_VALUE] or None,
        subject=fields.get("subject", "")[:_MAX_VALUE] or None,
    )


def _attributed(line: str) -> Forwarded:
    """Sender and date of `On 5 May 2024, "Anna" <anna@example.com> wrote:` (Outlook 2019 forwards so)."""
    address = _ADDRESS.search(line)
    if address is None:
        return Forwarded()
    opening = max(line.rfind(mark, 0, address.start()) for mark in "<[(")
    before = line[: opening if opening >= 0 else address.start()]
    after = line[address.end() :].lstrip(">)] ")
    name = _QUOTED_NAME.search(before) or _LAST_NAME.search(before)
    dated = before[: name.start(1)] if name else before
    if not any(character.isdigit() for character in before):
        # "Anna <anna@example.com> wrote on 5 May 2024:"
        name, dated = name or _WHOLE_NAME.match(before), after
    verb = WROTE.search(dated.lower())
    if verb:
        dated = dated[: verb.start()] if verb.start() > 3 else dated[verb.end() :]
    date = dated.strip(_DATE_EDGE)
    for _ in range(2):
        date = _EDGES.sub("", date).strip(_DATE_EDGE)
    return Forwarded(
        sender=Address(
            name=_CONNECTORS.sub("", name[1]).strip(" \"'(<") if name else "", address=_lower_domain(address[0])
        ),
        date=date[:_MAX_VALUE] if any(character.isdigit() for character in date) else None,
    )


def _address(value: str) -> Address | None:
    """The mailbox of `Anna Smith <anna@example.com> [mailto:anna@example.com]` in any of its spellings."""
    value = value[:_MAX_VALUE].strip(EMPHASIS)
    match = _ADDRESS.search(value)
    if match is None:
        return None
    name = value[: match.start()].replace("mailto:", "").strip(_NAME_EDGE)
    if not name:
        comment = _COMMENT.match(value, match.end())
        name = comment[1].strip(_NAME_EDGE) if comment else ""
    return Address(name="" if "@" in name else name, address=_lower_domain(match[0]))


def _lower_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
