"""The line above a quotation: "On 5 May 2024 at 10:12, Anna <anna@example.com> wrote:", in any language, wrapped or not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mail.phrases import OPENERS, SELF_WROTE, UNSPACED_ENDINGS, UNSPACED_WROTE, WEEKDAYS_MONTHS, WROTE, WROTE_ENDINGS
from mail.reply_headers import label_of
from mail.reply_lines import MARKS, is_quoted

# An attribution wraps over at most this many lines and has at most this many characters.
_MAX_LINES = 5
_MAX_LENGTH = 420
_MAX_AFTER_VERB = 160

_ADDRESS = re.compile(r"[<(\[«\"]?(?:mailto:)?[^\s<>()\[\]:;,\"]{1,80}@[^\s<>()\[\]:;,\"]{1,120}")
_ADDRESS_END = re.compile(r"(?:<|\(|\[|&lt;)\s?(?:mailto:)?[^\s<>()\[\]]{1,80}@[^\s<>()\[\]]{1,120}(?:>|\)|\]|&gt;)+(?:\s?<mailto:[^\s<>]{1,200}>)?\s*[:：]?\s*\Z")
_TIME = re.compile(r"\d{1,2}\s?[:.h시時]\s?\d{2}|\d{1,2}\s?(?:[ap]\.?m\.?|uhr|h\b)", re.I)
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2,4}|\d{1,2}\.? (?:de )?[^\W\d_]{3,12}|[^\W\d_]{3,12}\.? \d{1,2}\b|\d{1,2}\s?[月월]")
_STARTS_WITH_DATE = re.compile(r"\d{1,4}\s?[./年년-]|\d{1,2}\.? [^\W\d_]{3,}|\d{4}\b")
_FIRST_WORD = re.compile(r"[^\s\d,]+")
# Horde: "Zitat von Anna <anna@example.com>:".
_QUOTING = re.compile(r"(?:zitat von|quoting|citando a|citazione di|citation de|citat från|citerar|цитирование) ", re.I)
# Android: "---- Anna wrote ----".
_DASHED = re.compile(r"-{3,}\s?\S[^\n]{1,200}\S\s?-{3,}\Z")
_SHARED = re.compile(r"(?<=\S)(?:\s+|\s?-{2,}\s?)(?=(?:On|Am|Le|El|Il|Em|Op|W dniu|Den)\s[^\n]{0,30}\d)")
_SENTENCE = re.compile(r"[.!?]\s+[^\W\d_a-z]{1}[^\W\d_]+\s+[^\W\d_]+\s+[^\W\d_]+\s+[^\W\d_]+")


def may_end(stripped: str) -> bool:
    """Whether a line could be the last of an attribution; cheap, to be asked of every line."""
    last = stripped[-1]
    if last in ":：":
        return True
    if last in ".,;!?":
        return False
    if last == ">":
        return "@" in stripped[-80:]
    if last == "-":
        return "-- " not in stripped[:4] and WROTE.search(stripped[-40:]) is not None
    # Without its colon the line ends with the verb.
    return stripped[stripped.rfind(" ") + 1 :].casefold() in WROTE_ENDINGS or last in UNSPACED_ENDINGS and stripped.endswith(UNSPACED_WROTE)


def find(lines: Sequence[str], end: int) -> int | None:
    """The first line of the attribution whose last line is `end` (lines are stripped), or None."""
    joined = ""
    best: int | None = None
    joined_blank = False
    for start in range(end, max(-1, end - _MAX_LINES), -1):
        line = lines[start]
        if not line and joined and start < end and not joined_blank and start and _opens(lines[start - 1]):
            joined_blank = True
            continue
        if not line or (start != end and (is_quoted(line) or len(line) > 200)):
            break
        joined = f"{line} {joined}".strip() if joined else line
        if len(joined) > _MAX_LENGTH or label_of(line):
            # A header block has lines of its own; they are not looked at together.
            break
        if start == end and _DASHED.match(line) and WROTE.search(line):
            return start
        found = _is_attribution(joined.strip(" -–—_*" + MARKS), followed=_quote_follows(lines, end))
        if found == "opened":
            return start
        if found and best is None:
            best = start
    return best


def shared_at(stripped: str) -> int | None:
    """Where an attribution begins that a client put behind the author's last words on the same line."""
    if len(stripped) > _MAX_LENGTH or stripped[-1] not in ":：":
        return None
    for match in _SHARED.finditer(stripped):
        if _is_attribution(stripped[match.end() :].strip(" -–—_*" + MARKS), followed=False) == "opened":
            return match.start()
    return None


def _quote_follows(lines: Sequence[str], end: int) -> bool:
    for line in lines[end + 1 : end + 4]:
        if line:
            return is_quoted(line)
    return False


def _is_attribution(text: str, *, followed: bool) -> str | None:
    """"opened": begins as an attribution does; "bare": is one, but more of it may stand above; None: is none.

    `followed`: a `>` quotation comes next, so that less else is needed.
    """
    if not text:
        return None
    opened = _opens(text)
    verb = None
    for verb in WROTE.finditer(text):  # noqa: B007 - the last one counts
        pass
    address = _ADDRESS.search(text)
    time = _TIME.search(text)
    day = _DAY.search(text)
    dated = bool(time or day)
    if verb is None and followed and text[-1] in ":：" and (address and dated or _QUOTING.match(text)):
        return "opened" if _QUOTING.match(text) else "bare"
    if verb is None:
        return _without_verb(text, opened=opened, dated=dated, complete=bool(time and day) or bool(day) and followed)
    tail = text[verb.end() :]
    if len(tail) > _MAX_AFTER_VERB or SELF_WROTE.search(text) and not followed:
        return None
    colon = text[-1] in ":："
    if not colon and tail.strip(" -–—_*.>" + MARKS):
        return None
    if _SENTENCE.search(text[: verb.start()]) or "?" in text or "!" in text:
        return None
    if (time and day) or (day and address) or (time and address):
        return "opened" if opened else "bare"
    if followed and (address or day or time or colon):
        return "opened" if opened and (day or time or address) else "bare"
    if colon and address and verb.end() >= len(text) - 3:
        return "bare"
    if colon and opened and day and verb.end() >= len(text) - 3:
        return "opened"
    return None


def _without_verb(text: str, *, opened: bool, dated: bool, complete: bool) -> str | None:
    """"2024-05-01 9:30 GMT+02:00 Anna <anna@example.com>:" as Gmail writes where it has no words."""
    if not dated or not _ADDRESS_END.search(text):
        return None
    if text[-1] not in ":：" and not _STARTS_WITH_DATE.match(text):
        return None
    if opened and (complete or text[-1] in ":："):
        return "opened"
    return "bare" if complete and text[-1] in ":：" else None


def _opens(text: str) -> bool:
    text = text.lstrip("-–—_*<>\"'„“«( " + MARKS)
    if _STARTS_WITH_DATE.match(text):
        return True
    if text[:1] in "在於于":
        return True
    word = _FIRST_WORD.match(text)
    if not word:
        return False
    first = word[0].casefold().rstrip(",:")
    if first in OPENERS or " ".join(text[:24].casefold().split()[:2]) in OPENERS:
        return any(character.isdigit() for character in text[:60]) or bool(_ADDRESS.search(text))
    return bool(WEEKDAYS_MONTHS.match(text)) and any(character.isdigit() for character in text[:40])
