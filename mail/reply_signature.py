"""What stands at the end of a person's text without being said: signature, device banner, legal notice, list footer."""

from __future__ import annotations

import re

from mail.closing_phrases import (
    BANNER,
    CLOSING,
    CONTACT,
    DISCLAIMER_ROOTS,
    DISCLAIMER_START,
    DISCLAIMER_WORDS,
    GATEWAY_ADVICE,
    GATEWAY_BANNER,
    GATEWAY_CERTAIN,
    GATEWAY_MARKS,
    NOTICE_HEADING,
    NOTICE_LINE,
    PARTICULARS,
)
from mail.reply_lines import MARKS

_MAX_BANNER = 160
_BANNER_LINES = 4
# A gateway's banner that was not wrapped.
_MIN_BANNER = 100
# What some gateways put above their banner.
_TAG = re.compile(r"[\[(*]{1,3}ext(?:ern(?:al|e?))?[\])*]{1,3}", re.I)
_MAX_GREETING = 4
# "*** EXTERNAL EMAIL ***"
_MAX_LABEL = 5
_MAX_PASSES = 6
# A notice shows within this much of its first line.
_MAX_START = 400
# Only this many trailing lines can be signature or notice; more is somebody's text.
_TAIL = 60
# Past the delimiter a signature has at most this many lines that are no legal notice.
_MAX_SIGNATURE = 16
_MAX_SIGNATURE_LINE = 75
_MAX_CONTACT_LINES = 16
_MAX_CONTACT_LINE = 90
# With so many spaces and a full stop a line is a sentence, not a contact.
_MIN_SENTENCE = 5

_RULE = re.compile(r"[-_=*~#—–―═─━＝]{3,}\Z|—\Z")
_RULE_SIGNS = "-_=*~#—–―═─━＝"
_DELIMITER = re.compile(r"-{2}\Z|_{2}\Z|—{2}\Z|-- ?<br>\Z")
_NAME = re.compile(r"[*_]*[^\W\d_][^\n\d@:/\[\]]{2,40}")
_LIST_FOOTER = re.compile(
    r"[^\n]{0,60}mailing list(?: -- [^\n]{1,80})?\Z|you(?: have|.ve)? (?:received|are receiving"
    r"|got) this (?:message|e-?mail|because)"
    r"|to unsubscribe (?:from|send|reply|e-?mail|visit|click|go to|manage)|reply to this e?-?mail directly"
    r"|view it on github"
    r"|(?:hinweise?|informationen) (?:zum datenschutz|zum umgang mit ihren|zur verarbeitung ihrer)"
    r"|administratorem (?:państwa|twoich|pani)[^\n]{0,40} danych|(?:see |read )?our privacy (?:policy|notice)"
    r"|(?:follow|find|like|visit) us on|folgen sie uns|besuchen sie uns|suivez-nous|síguenos|seguici|siga-nos|volg ons"
    r"|to view this discussion|visit this group at|list archives?: ",
    re.I,
)
_EITHER = re.compile(r"[/|]")
# Between what stands side by side on a card.
_CELL = re.compile(r"\s*[|·•]\s*|\s{2,}| [-–/] ")
_ON_BEHALF = re.compile(r"(?:i\. ?[av]\.|ppa\.|p\. ?p\.|p\. ?o\.)", re.I)
_LINK = re.compile(r"https?://|(?<!\w)www\.\w|[^\s@]{1,80}@[^\s@]{3,80}|<mailto:", re.I)


def without_tail(lines: list[str], *, last: bool = True) -> list[str]:
    """`lines` of one stretch of a person's text without what clients and companies put at its end.

    `last`: this is the end of the mail; before a quotation only the sure signs count. Never empties a text.
    """
    kept = _trimmed(lines)
    for _ in range(_MAX_PASSES):
        shorter = _trimmed(_without_banner(kept))
        shorter = _trimmed(_without_notice(shorter))
        shorter = _trimmed(_without_delimited(shorter))
        if last or len(shorter) > 3:
            shorter = _trimmed(_without_contact(shorter))
        if len(shorter) == len(kept) or not shorter:
            return shorter
        kept = shorter
    return kept


def without_gateway_banner(lines: list[str]) -> list[str]:
    """`lines` without "CAUTION: This email originated from outside …" at the top."""
    head = "\n".join(lines[:4])[:800].casefold()
    if not any(mark in head for mark in GATEWAY_MARKS):
        return lines
    tag = next((number for number, line in enumerate(lines[:4]) if line.strip(MARKS)), 0)
    if _TAG.fullmatch(lines[tag].strip(MARKS)):
        lines = _below_rule(lines, tag + 1)
    for number, line in enumerate(lines[:4]):
        stripped = line.strip(MARKS)
        if not stripped:
            continue
        end = number + 1
        if len(stripped) >= _MIN_BANNER and _is_gateway(stripped):
            # HTML puts all of it on one line; the next may be the author's first.
            return _below_rule(lines, end)
        whole = _is_gateway(stripped)
        while end < len(lines) and end - number < 5 and lines[end].strip(MARKS):
            if whole and _is_author(lines[end - 1].strip(MARKS), lines[end].strip(MARKS)):
                return _below_rule(lines, end)
            end += 1
        if _is_gateway(" ".join(part.strip(MARKS) for part in lines[number:end])):
            if not whole:
                return lines
            return _below_rule(lines, _banner_end(lines, number, end))
        return lines
    return lines


def _is_gateway(text: str) -> bool:
    text = text[:800]
    if not GATEWAY_BANNER.match(text):
        return False
    return bool(GATEWAY_CERTAIN.search(text)) or (len(text.split()) <= _MAX_LABEL and text[-1] not in ".。")


def _is_author(above: str, line: str) -> bool:
    """Whether a line right under a banner is the author's first and not the banner's next."""
    if line[-1] in ",，!！" and len(line.split()) <= _MAX_GREETING:
        return True
    return not above[-1].isalnum() and above[-1] not in ",;" and not GATEWAY_ADVICE.search(line)


def _banner_end(lines: list[str], number: int, end: int) -> int:
    """A banner is a paragraph of its own, or the one line of it that matches."""
    following = lines[end].strip(MARKS) if end < len(lines) else ""
    return number + 1 if following and end - number >= 5 else end


def _below_rule(lines: list[str], start: int) -> list[str]:
    """`lines` from `start` on, without the rule under a banner; all of them where nothing else is left."""
    filled = [number for number in range(start, min(len(lines), start + _BANNER_LINES)) if lines[number].strip(MARKS)]
    if filled and _RULE.match(lines[filled[0]].strip(MARKS)):
        start = filled[0] + 1
    return lines[start:] if any(line.strip(MARKS) for line in lines[start:]) else lines


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not (line := lines[end - 1].strip(MARKS)) or _RULE.match(line)):
        end -= 1
    return lines[:end] if end < len(lines) else lines


def _without_banner(lines: list[str]) -> list[str]:
    """Without "Sent from my iPhone" among the last few lines; the first line is somebody's sentence."""
    end = len(lines)
    number = end - 1
    while number > 0 and end - number <= _BANNER_LINES:
        line = lines[number].strip(MARKS)
        if line and len(line) <= _MAX_BANNER and BANNER.match(line.lower()):
            lines = lines[:number] + lines[number + 1 :]
            end -= 1
        number -= 1
    return lines


def _without_notice(lines: list[str]) -> list[str]:
    """Without the last paragraph if it is a legal notice, an advertisement of the scanner, or a list's footer."""
    first = max(0, len(lines) - _TAIL)
    start = len(lines)
    while start > first:
        end = start
        while start > first and lines[start - 1].strip(MARKS):
            start -= 1
        paragraph = [line.strip(MARKS + "*_") for line in lines[start:end]]
        number = _notice_start(paragraph)
        if number is not None:
            return lines[: _heading_above(lines, start + number)]
        if not _belongs_to_notice(paragraph):
            return lines
        while start > first and not lines[start - 1].strip(MARKS):
            start -= 1
    return lines


def _notice_start(paragraph: list[str]) -> int | None:
    for number, line in enumerate(paragraph):
        if DISCLAIMER_START.match(line[:_MAX_START].lower()):
            # The words of the law decide: "This message contains …" alone is somebody's sentence.
            words = set(DISCLAIMER_WORDS.findall(" ".join(paragraph[number:])[:4_000].lower()))
            if len(words) >= 2 or NOTICE_LINE.match(line[:_MAX_START].lower()):
                return number
        elif _LIST_FOOTER.match(line[:_MAX_START]) and _LINK.search(" ".join(paragraph[number:])[:4_000]):
            # A footer says where to go; "To unsubscribe I wrote to you twice" does not.
            return number
    return None


def _heading_above(lines: list[str], notice: int) -> int:
    """Where a notice begins: at its heading ("DISCLAIMER") if it has one."""
    number = notice - 1
    while number > 0 and not lines[number].strip(MARKS):
        number -= 1
    return number if number > 0 and NOTICE_HEADING.fullmatch(lines[number].strip(MARKS).lower()) else notice


def _belongs_to_notice(paragraph: list[str]) -> bool:
    """Whether a paragraph may follow the notice that is looked for: more of its wording."""
    text = " ".join(paragraph)[:4_000].lower()
    if len(text) <= 80:
        return text.startswith(("http://", "https://"))
    return any(word in text for word in DISCLAIMER_ROOTS) and len(set(DISCLAIMER_WORDS.findall(text))) >= 2


def _without_delimited(lines: list[str]) -> list[str]:
    """Without everything from `-- ` on (RFC 3676 §4.3), if what follows can be a signature."""
    for number in range(max(0, len(lines) - _TAIL), len(lines)):
        line = lines[number].strip(MARKS)
        if not line or line[0] not in _RULE_SIGNS:
            continue
        delimited = _DELIMITER.match(line)
        if not delimited and not _RULE.match(line):
            continue
        after = [part for part in (line.strip(MARKS) for line in lines[number + 1 :]) if part]
        if not delimited:
            if _is_card(after):
                return lines[:number]
            continue
        if lines[number].rstrip("\r") == "-- " or (len(after) <= _MAX_SIGNATURE and not any(map(_is_said, after))):
            return lines[:number]
    return lines


def _is_said(line: str) -> bool:
    """Whether a line below two dashes is somebody's sentence: people part their questions that way, too."""
    return line[-1] in "?？" or (len(line) > _MAX_SIGNATURE_LINE and not CONTACT.search(line)) or len(line) > 160


def _is_card(lines: list[str]) -> bool:
    """Whether the lines under a rule are a name and how to reach it: short, no sentences, a third of them contacts."""
    if not 2 <= len(lines) <= _MAX_CONTACT_LINES or not _NAME.fullmatch(lines[0]):
        return False
    short = all(len(line) <= _MAX_CONTACT_LINE and line[-1] not in "?!" for line in lines)
    return short and sum(1 for line in lines if CONTACT.search(line)) * 3 >= len(lines)


def _without_contact(lines: list[str]) -> list[str]:
    """Without the telephone numbers and addresses under "Kind regards" and a name; closing and name stay."""
    filled: list[str] = []
    for number in range(len(lines) - 1, max(-1, len(lines) - 28), -1):
        line = lines[number].strip(MARKS + "*_")
        if not line:
            continue
        if len(line) <= 60 and _closes(line.lower()):
            contacts = sum(1 for below in filled for piece in _CELL.split(below) if CONTACT.search(piece))
            if contacts < 2 or not (any(above.strip(MARKS) for above in lines[:number]) or _is_named(filled[-1])):
                return lines
            return _cut_contacts(lines, number)
        filled.append(line)
        if line[-1] in "?!:：" or (line[-1] == "." and "|" not in line and line.count(" ") >= _MIN_SENTENCE):
            break
        if len(filled) > _MAX_CONTACT_LINES:
            break
        if len(line) > _MAX_CONTACT_LINE and len(set(PARTICULARS.findall(line.lower()))) < 2:
            break
    return lines


def _is_named(line: str) -> bool:
    """Whether a line is nothing but a name: a mail that begins with "Thanks!" may go on with words."""
    return all(not word[0].islower() for word in line.split())


def _closes(line: str) -> bool:
    """Whether a line is a closing, or one in several languages: "Mit freundlichen Grüßen / Best regards"."""
    parts = [part.strip(" ,.!:;。，！\xa0") for part in _EITHER.split(line)]
    return bool(parts[0]) and all(CLOSING.fullmatch(part) for part in parts if part)


def _cut_contacts(lines: list[str], closing: int) -> list[str]:
    """Keep the closing and the line with the name after it."""
    for number in range(closing + 1, len(lines)):
        line = lines[number].strip(MARKS + "*_")
        if line and not _ON_BEHALF.fullmatch(line):
            return lines[: number if CONTACT.search(line) else number + 1]
    return lines
