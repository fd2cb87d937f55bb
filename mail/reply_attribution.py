"""The line above a quotation, in any language, wrapped or not: "On 5 May 2024, Anna <a@example.com> wrote:"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from mail.phrases import OPENERS, SELF_WROTE, UNSPACED_ENDINGS, UNSPACED_WROTE, WEEKDAYS_MONTHS, WROTE, WROTE_ENDINGS
from mail.reply_headers import label_of
from mail.reply_html import QUOTE_LINE
from mail.reply_lines import MARKS, is_quoted

# An attribution wraps over at most this many lines and has at most this many characters.
_MAX_LINES = 5
_MAX_LENGTH = 420
_MAX_LINE = 200
_MAX_AFTER_VERB = 160

_INNER_COLON = re.compile(r"[^\W\d_]: ")
_SPEECH = frozenset("\"'„“«‚‘「")
_LOGGED = re.compile(r"[\w\])]: |=<")
_EDGE = " -–—_*" + MARKS
_OWN_VERBS = frozenset(
    {"says", "said", "sent", "writes", "scrie", "scrive", "escribe", "escreve", "schreibt", "schrijft"}
)
_AS = ("as ", "like ", "wie ", "comme ", "como ", "come ", "zoals ", "jak ", "как ", "som ")
_ADDRESS = re.compile(r"[<(\[«\"]?(?:mailto:)?[^\s<>()\[\]:;,\"]{1,80}@[^\s<>()\[\]:;,\"]{1,120}")
_ADDRESS_END = re.compile(
    r"(?:<|\(|\[|&lt;)\s?(?:mailto:)?[^\s<>()\[\]]{1,80}@[^\s<>()\[\]]{1,120}(?:>|\)|\]"
    r"|&gt;)+(?:\s?<mailto:[^\s<>]{1,200}>)?\s*[:：]?\s*\Z"
)
_TIME = re.compile(r"\d{1,2}\s?[:.h시時]\s?\d{2}|\d{1,2}\s?(?:[ap]\.?m\.?|uhr|h\b)", re.I)
_DAY = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2,4}"
    r"|\d{1,2}\.? (?:de )?[^\W\d_]{3,12}|[^\W\d_]{3,12}\.? \d{1,2}\b|\d{1,2}\s?[月월]"
)
_FULL_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2}")
_STARTS_WITH_DATE = re.compile(r"\d{1,4}\s?[./年년-]|\d{1,2}\.? [^\W\d_]{3,}|\d{4}\b")
_FIRST_WORD = re.compile(r"[^\s\d,]+")
# Horde: "Zitat von Anna <anna@example.com>:".
_QUOTING = re.compile(
    r"(?:zitat von|quoting|citando a|citazione di|citation de|citat från|citerar|citeren|cituji|цитирование) ", re.I
)
# These may begin a sentence; only with an address they are an attribution.
_CITING = re.compile(r"(?:citando|mensaje citado por|scritto da|en réponse à|citat|cytowanie|cytuję|цитирую) ", re.I)
# GroupWise: ">>> Anna <anna@example.com> 3/5/2024 9:14 AM >>>".
_GROUPWISE = re.compile(r">>> ?(?=[^\n]{0,200}\d)[^\n]{3,200} >>>\Z")
# A log or an attribution may begin so; neither goes on so.
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
# Android: "---- Anna wrote ----".
_DASHED = re.compile(r"-{3,}\s?\S[^\n]{1,200}\S\s?-{3,}\Z")
_SHARED = re.compile(r"(?<=\S)(?:\s+|\s?-{2,}\s?)(?=(?:On|Am|Le|El|Il|Em|Op|W dniu|Den)\s[^\n]{0,30}\d)")
_SENTENCE = re.compile(r"[.!?]\s+[^\W\d_a-z]{1}[^\W\d_]+\s+[^\W\d_]+\s+[^\W\d_]+\s+[^\W\d_]+")


def may_end(stripped: str) -> bool:
    """Whether a line could be the last of an attribution; cheap, to be asked of every line."""
    last = stripped[-1]
    if not last.isalpha():
        if last in ":：":
            return True
        if last in ".,;!?":
            return False
        if last == ">":
            return "@" in stripped[-80:] or stripped.startswith(">>>")
        if last == "-":
            stripped = stripped.rstrip("- :\xa0")
            if not stripped:
                return False
    # Without its colon the line ends with the verb.
    if stripped.rpartition(" ")[2].lower() in WROTE_ENDINGS:
        return True
    return last in UNSPACED_ENDINGS and stripped.endswith(UNSPACED_WROTE)


def find(lines: Sequence[str], end: int) -> int | None:
    """The first line of the attribution whose last line is `end` (lines are stripped), or None."""
    if _DASHED.match(lines[end]) and len(lines[end]) < _MAX_LENGTH and WROTE.search(lines[end].lower()):
        return end
    if _GROUPWISE.match(lines[end]):
        return end
    followed = _quote_follows(lines, end)
    spoken = not followed and end + 1 < len(lines) and lines[end + 1][:1] in _SPEECH
    joined = ""
    bare: int | None = None
    for start in range(end, max(-1, end - _MAX_LINES), -1):
        line = lines[start]
        if not line and start and joined.count("\n") == 0 and _opens(lines[start - 1]):
            # Some clients put one blank line into a wrapped attribution.
            joined = f"\n{joined}"
            continue
        if not line or (start != end and (is_quoted(line) or len(line) > _MAX_LINE)):
            break
        joined = f"{line} {joined}" if joined else line
        if len(joined) > _MAX_LENGTH or label_of(line):
            # A header block has lines of its own; they are not looked at together.
            break
        found = _judge(joined.strip(_EDGE), followed=followed)
        if found and spoken and "@" not in joined:
            # On Monday Anna wrote: "It works."
            return None
        if found == "opened":
            return start
        if found and bare is None:
            bare = start
        if _STAMPED.match(line):
            break
    return bare


def shared_at(stripped: str) -> int | None:
    """Where an attribution begins that a client put behind the author's last words on the same line."""
    if len(stripped) > _MAX_LENGTH or stripped[-1] not in ":：":
        return None
    for match in _SHARED.finditer(stripped):
        if _judge(stripped[match.end() :].strip(_EDGE), followed=False) == "opened":
            return match.start()
    return None


def _quote_follows(lines: Sequence[str], end: int) -> bool:
    for line in lines[end + 1 : end + 4]:
        if line:
            return line == QUOTE_LINE or is_quoted(line)
    return False


def _judge(text: str, *, followed: bool) -> Literal["opened", "bare"] | None:
    """ "opened": an attribution from its first word on; "bare": one, but more of it may stand above; None: none.

    `followed`: a `>` quotation comes next, so that less else is needed.
    """
    if not text:
        return None
    colon = text[-1] in ":："
    address = _ADDRESS.search(text) is not None
    time = _TIME.search(text) is not None
    day = _DAY.search(text) is not None
    if followed and colon and (_QUOTING.match(text) or (address and _CITING.match(text))):
        return "opened"
    lower = text.lower()
    verb = _verb(lower)
    if verb is None:
        return _without_verb(text, colon=colon, address=address, time=time, day=day, followed=followed)
    start, end = verb
    if not (followed or address) and _INNER_COLON.search(text, 0, start):
        # A line of a log has a date, too.
        return None
    tail = text[end:]
    if len(tail) > _MAX_AFTER_VERB or (not colon and tail.strip(_EDGE + ".>")):
        return None
    if "?" in text or "!" in text or _SENTENCE.search(text[:start]) or (not followed and SELF_WROTE.search(lower)):
        return None
    at_end = end >= len(text) - 3
    sure = time + day + address >= 2 or (followed and (address or day or time))
    if not (followed or address) and (text[0].islower() or _STAMPED.match(text)):
        # Somebody's sentence, "on 5 May at 9:14 Anna wrote:", or a log's.
        return None
    if sure or (colon and at_end and _FULL_DAY.search(text)):
        if _opens(text):
            return "opened"
        return "bare" if sure else None
    if colon and at_end and (address or " via " in text):
        return "bare"
    # "Anna wrote:" above a quotation; "the manual says:" and "As Anna wrote:" are the author's own.
    cited = lower[start:end] in _OWN_VERBS or lower.startswith(_AS)
    return "bare" if followed and colon and at_end and not cited else None


def _verb(lower: str) -> tuple[int, int] | None:
    """Where the last "wrote" is: the last word in most languages, which is cheap to see."""
    end = len(lower.rstrip(" :：\xa0\u202f"))
    start = lower.rfind(" ", 0, end) + 1
    if lower[start:end] in WROTE_ENDINGS:
        return start, end
    found = None
    for match in WROTE.finditer(lower):
        found = match.span()
    return found


def _without_verb(
    text: str, *, colon: bool, address: bool, time: bool, day: bool, followed: bool
) -> Literal["opened", "bare"] | None:
    """ "2024-05-01 9:30 GMT+02:00 Anna <anna@example.com>:" as Gmail writes where it has no words."""
    if not (time or day) or not address or (not followed and _LOGGED.search(text)):
        return None
    if not _ADDRESS_END.search(text):
        return "bare" if followed and colon else None
    if not colon and not _STARTS_WITH_DATE.match(text):
        return None
    complete = (time and day) or (day and followed)
    if (complete or colon) and _opens(text):
        return "opened"
    return "bare" if (complete or followed) and colon else None


def _opens(text: str) -> bool:
    text = text.lstrip("-–—_*<>\"'„“«( " + MARKS)
    if _STARTS_WITH_DATE.match(text):
        return True
    if text[:1] in "在於于":
        return True
    word = _FIRST_WORD.match(text)
    if not word:
        return False
    first = word[0].lower().rstrip(",:")
    if first in OPENERS or " ".join(text[:24].lower().split()[:2]) in OPENERS:
        return any(character.isdigit() for character in text[:60]) or bool(_ADDRESS.search(text))
    return bool(WEEKDAYS_MONTHS.match(text)) and any(character.isdigit() for character in text[:40])
