"""Which lines of a body its author wrote: everything but quotations, their attributions, and the original below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Literal

from mail import reply_attribution
from mail.phrases import ABOVE, FORWARDED, FORWARDED_BY, LABELS, ORIGINAL
from mail.reply_headers import label_of, read_block, read_line
from mail.reply_html import CUT_LINE, QUOTE_LINE
from mail.reply_lines import EMPHASIS, MARKS, is_quoted, unquoted

_MAX_ANNOUNCEMENT = 120
_RULE_SIGNS = "-–—_=*#~+<|>"
_RUN_TOGETHER = re.compile(r"[-–—_=*]{2,}\s?([^-–—_=*\n:]{4,60}?)\s?[-–—_=*]{2,}(?=\s*\S)")
_RULE_MARKS = "-–—_=*#~+<>|" + MARKS
_QUOTE_SIGNS = ">＞" + QUOTE_LINE
_DECORATION = "-–—_=#~+[(<|"
_BEGINNINGS = _RULE_SIGNS + _DECORATION + _QUOTE_SIGNS + CUT_LINE + "&"
_ENDINGS = ":：" + _DECORATION
# "Please reply above this line", with decoration and without.
_MIN_REQUEST, _MAX_REQUEST, _MAX_BARE_REQUEST = 8, 160, 70
_UNDERSCORES = re.compile(r"[_\-=*]{5,}\Z")
# A quoted line that a mail server wrapped leaves a short rest without its mark.
_WRAPPED_QUOTE = 60
_MAX_REST = 40
# Fewer words before a colon are a greeting: "Hola Laura:".
_MIN_INTRODUCTION = 4
# "Anna Berg:" may be an attribution, and so may whatever holds a date or an address.
_MIN_CITATION = 3
_NAMED = re.compile(r"[\d@<]")
# Fields that only a mail's source shows, and how far above the others.
_SOURCE_FIELDS = ("Received: ", "Return-Path: ", "Delivered-To: ", "DKIM-Signature: ", "Authentication-Results: ")
_MAX_SOURCE = 40
# A session in Python's shell, or GroupWise's attribution.
_PROMPT = re.compile(r">>> (?:[^\n]{5,60}, in message <|import |from \w|print|for |def |with |[\w.]+ ?[(=\[])")
_MORE_THAN = re.compile(r"> ?[\d.,]{1,12} ?[%€$£°]")
# The Bat! quotes with its author's initials ("AB> "), Zimbra can with a bar.
_OTHER_MARK = re.compile(r"(?:[^\W\d_]{1,4}>{1,4}|\|)(?: |\Z)")
# "Anna Berg ---05/07/2024 09:14:20 AM---Which of the two".
_PREVIEW = re.compile(r"[^\n]{2,80}? ?---\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}[:.]\d{2}[^\n]{0,16}?---")
# Lines that end like an attribution; no mail has that many, but a log may.
_MAX_CANDIDATES = 2_000


@dataclass(slots=True)
class Body:
    """The author's text in stretches, in order; between two stretches stood a quotation."""

    stretches: list[list[str]] = field(default_factory=lambda: [[]])
    # How the quotation was recognised: "quote", "attribution", "header", "original", "marker", "container", "known".
    found: set[str] = field(default_factory=set)
    # The lines of a mail that was forwarded, kept as they are.
    forwarded: list[str] = field(default_factory=list)
    # How many lines begin with the label of a header field.
    labels: int = 0

    def has_text(self) -> bool:
        return any(line.strip(MARKS) for stretch in self.stretches for line in stretch)


def read_body(
    lines: Sequence[str], known: Sequence[bool] | None = None, *, is_forward: bool = False, answers: bool = True
) -> Body:
    """The author's stretches of `lines`.

    `known`: which repeat earlier mail; `is_forward`: the subject says Fwd:; `answers`: it may be an answer.
    """
    stripped = [line.strip(MARKS) for line in lines]
    edged = _edged(stripped)
    quoted = _quoted_lines(stripped, edged, known)
    candidates = _candidates(stripped, quoted)
    shared = {} if known else _shared(stripped, candidates)
    if shared:
        lines = _parted(lines, stripped, shared)
        stripped = [line.strip(MARKS) for line in lines]
        edged = _edged(stripped)
        quoted = _quoted_lines(stripped, edged, known)
        candidates = _candidates(stripped, quoted)
    attributions = _attributions(stripped, candidates)
    body = Body()
    if known and any(known):
        body.found.add("known")
    number = 0
    for notable in _notable(body, stripped, edged, quoted, attributions):
        if notable < number:
            continue
        # Nearly all lines of nearly all mails are ordinary: they are taken over together.
        body.stretches[-1].extend(lines[number:notable])
        line = stripped[notable]
        if is_forward and quoted[notable] and _begins_original(unquoted(line)):
            body.forwarded = list(lines[notable:])
            return body
        step: int | None
        if quoted[notable] and line[0] == ">" and not (known and known[notable]) and _is_cited(body, answers):
            step = notable
            while step < len(lines) and quoted[step]:
                body.stretches[-1].append(lines[step])
                step += 1
        elif quoted[notable]:
            step = _skip_quotation(body, stripped, quoted, notable)
        elif line == CUT_LINE:
            body.found.add("container")
            step = notable + 1
        elif _asks_to_write_above(line):
            body.found.add("marker")
            step = None if body.has_text() else notable + 1
        elif notable in attributions:
            step = _past_attribution(body, lines, stripped, quoted, notable, attributions[notable], is_forward)
        else:
            step = _original_at(body, lines, stripped, quoted, notable, is_forward)
        if step is None:
            return body
        number = step
    body.stretches[-1].extend(lines[number:])
    return body


def _edged(stripped: list[str]) -> list[int]:
    """The lines that begin or end with a sign, as hardly any sentence does."""
    return [n for n, line in enumerate(stripped) if line and (line[0] in _BEGINNINGS or line[-1] in _ENDINGS)]


def _notable(
    body: Body, stripped: list[str], edged: list[int], quoted: list[bool], attributions: Mapping[int, int]
) -> list[int]:
    """The lines that may be anything but the author's words."""
    found = set(compress(range(len(quoted)), quoted))
    found.update(attributions, edged)
    # Each of these is asked of every line, so what decides nearly always stands in the comprehension itself.
    labelled = [
        number
        for number, line in enumerate(stripped)
        if (":" in line and line.partition(":")[0].strip(EMPHASIS).casefold() in LABELS) or "：" in line
    ]
    labelled = [n for n in labelled if label_of(stripped[n]) is not None]
    body.labels = len(labelled)
    found.update(labelled)
    short = [n for n, line in enumerate(stripped) if _MIN_REQUEST <= len(line) <= _MAX_BARE_REQUEST]
    found.update([n for n in short if _asks_to_write_above(stripped[n])])
    return sorted(found)


def _past_attribution(
    body: Body,
    lines: Sequence[str],
    stripped: list[str],
    quoted: list[bool],
    number: int,
    end: int,
    is_forward: bool,
) -> int | None:
    """Where to go on behind the attribution in lines `number` to `end`; None: the author's text ends here."""
    following = _next_filled(stripped, end)
    body.found.add("attribution")
    if is_forward:
        body.forwarded = list(lines[number:])
        return None
    if following is not None and not quoted[following] and body.has_text():
        if _introduces(body):
            body.forwarded = list(lines[number:])
        return None
    if following is not None and not quoted[following]:
        # Nothing of the author's stands above, so what follows may be theirs as well.
        body.found.add("unsure")
        body.stretches[-1].extend(lines[number:end])
    return end


def _original_at(
    body: Body, lines: Sequence[str], stripped: list[str], quoted: list[bool], number: int, is_forward: bool
) -> int | None:
    """Where to go on: past an ordinary line, or past an original's header; None: the author's text ends here."""
    line = stripped[number]
    mark = separator(line)
    if mark == "forward":
        body.forwarded = list(lines[number:])
        return None
    if mark == "original" or (line[0] in "_-=*" and _UNDERSCORES.match(line)):
        following = _next_filled(stripped, number + 1)
        block = read_block(stripped, following, announced=True) if following is not None else None
        if mark is None and block is None:
            body.stretches[-1].append(lines[number])
            return number + 1
    elif (":" in line[:40] or "：" in line[:40]) and label_of(line):
        block = read_block(
            stripped, number, announced="container" in body.found and _after_cut(stripped, number)
        ) or read_line(line)
        if block is None or _is_source(stripped, number) or (not block.is_addressed() and _introduces(body)):
            body.stretches[-1].append(lines[number])
            return number + 1
    else:
        body.stretches[-1].append(lines[number])
        return number + 1
    body.found.add("original" if mark else "header")
    if block is None and not is_forward and not body.has_text() and _all_quoted(stripped, quoted, number + 1):
        return number + 1
    if is_forward or not body.has_text() or _introduces(body):
        if block is not None and _all_quoted(stripped, quoted, block.end):
            # Bottom-posted below an original that is known or marked: only its header stands in the way.
            return block.end
        body.forwarded = list(lines[number:])
    else:
        _drop_bare_title(body.stretches[-1])
    return None


def _is_source(stripped: list[str], number: int) -> bool:
    """Whether the fields of line `number` belong to a mail's source that the author pasted: clients leave these out."""
    for above in reversed(stripped[max(0, number - _MAX_SOURCE) : number]):
        if not above:
            return False
        if above.startswith(_SOURCE_FIELDS):
            return True
    return False


def _introduces(body: Body) -> bool:
    """Whether the author's last line announces what follows ("My answers are in red:", "This is the mail I got:")."""
    written = [line.strip(MARKS) for line in body.stretches[-1] if line.strip(MARKS)]
    last = written[-1] if written else ""
    if last.endswith("："):
        return len(last) >= 8
    return last.endswith(":") and (len(last.split()) >= _MIN_INTRODUCTION or len(written) == 1)


def _is_cited(body: Body, answers: bool) -> bool:
    """Whether the author's last line announces a quotation in words of their own: "The log says the following:"."""
    if not answers and not body.found and body.has_text():
        # A first mail has nothing to quote but what its author copied.
        return True
    last = next((line.strip(MARKS) for line in reversed(body.stretches[-1]) if line.strip(MARKS)), "")
    return last.endswith(":") and len(last.split()) >= _MIN_CITATION and _NAMED.search(last) is None


def _drop_bare_title(stretch: list[str]) -> None:
    """Above the header BlackBerry writes "Original Message" without any dashes, Notes name, date and first words."""
    while stretch and not stretch[-1].strip(MARKS):
        stretch.pop()
    if stretch and (_core(stretch[-1]) in ORIGINAL or _PREVIEW.match(stretch[-1].strip(MARKS))):
        stretch.pop()


def separator(line: str) -> Literal["forward", "original"] | None:
    """What a line such as `-----Original Message-----` announces; None for any other."""
    found = announcement(line)
    return found[0] if found else None


def announcement(line: str) -> tuple[Literal["forward", "original"], str] | None:
    """(what the line announces, what stands behind it on the same line); None for a line that announces nothing."""
    dashed = line[0] in _RULE_SIGNS
    if not dashed and line[-1] not in ":：":
        return None
    words = _core(line[:_MAX_ANNOUNCEMENT])
    if not dashed and words.isascii() and " " not in words:
        # "Forwarded:" may be somebody's heading.
        return None
    rest = ""
    if dashed and line[-1] in _RULE_SIGNS and words.startswith(FORWARDED_BY):
        return "forward", rest
    if dashed and words and words not in FORWARDED and words not in ORIGINAL:
        # Yahoo's text puts the original's header behind it.
        run_together = _RUN_TOGETHER.match(line, 0, _MAX_ANNOUNCEMENT)
        if run_together is None:
            return None
        words, rest = _core(run_together[1]), line[run_together.end() :].strip()
    elif len(line) > _MAX_ANNOUNCEMENT:
        return None
    if words in FORWARDED:
        return "forward", rest
    return ("original", rest) if dashed and words in ORIGINAL else None


def _core(line: str) -> str:
    """The words of a line without its dashes, for comparison; Turkish capitals lose the dot that folding leaves."""
    line = line.replace("&nbsp;", " ") if "&" in line else line
    return " ".join(line.strip(_RULE_MARKS).rstrip(" :：\xa0\u202f").casefold().replace("\u0307", "").split())


def _quoted_lines(stripped: list[str], edged: list[int], known: Sequence[bool] | None) -> list[bool]:
    quoted = [False] * len(stripped)
    for number in edged:
        if stripped[number][0] in _QUOTE_SIGNS:
            quoted[number] = stripped[number] == QUOTE_LINE or is_quoted(stripped[number])
    if known:
        quoted = [mark or bool(repeated and line) for mark, repeated, line in zip(quoted, known, stripped, strict=True)]
    if quoted.count(True) == 1 and _MORE_THAN.match(stripped[quoted.index(True)]):
        # "> 40 % of the parcels" is more than 40 %.
        return [False] * len(stripped)
    escaped = [number for number in edged if stripped[number].startswith("&gt;")]
    if len(escaped) > 1:
        # Escaped twice on its way; a single one is a number greater than another.
        for number in escaped:
            quoted[number] = True
    prompts = [number for number in edged if stripped[number].startswith(">>> ")]
    for number in prompts:
        # Nobody quotes three times what was not quoted twice.
        if not (number and quoted[number - 1]) and _PROMPT.match(stripped[number]):
            quoted[number] = False
    _mark_others(stripped, quoted)
    if True in quoted:
        for number in range(1, len(stripped) - 1):
            if not quoted[number] and quoted[number - 1] and quoted[number + 1] and stripped[number]:
                quoted[number] = _is_rest(stripped[number - 1], stripped[number])
    return quoted


def _mark_others(stripped: list[str], quoted: list[bool]) -> None:
    """Sets the lines that an attribution says are quoted with something else than `>`: initials, or a bar."""
    marked = [n for n, line in enumerate(stripped) if line[:1] == "|" or ("> " in line[:6] and line[0] != ">")]
    marked = [n for n in marked if _other_mark(stripped[n])]
    if len(marked) > _MAX_CANDIDATES:
        return
    mark = None
    for number in marked:
        if mark is None:
            above = next((n for n in range(number - 1, max(-1, number - 4), -1) if stripped[n]), None)
            if above is None or not reply_attribution.may_end(stripped[above]):
                continue
            if reply_attribution.find(stripped, above) is None:
                continue
            mark = _other_mark(stripped[number])
        quoted[number] = quoted[number] or _other_mark(stripped[number]) == mark


def _other_mark(line: str) -> str:
    """What a line is quoted with where that is not `>`; a row of a table ends with a bar, too."""
    found = _OTHER_MARK.match(line)
    return found[0].strip() if found and not (line[0] == "|" and line[-1] == "|" and len(line) > 1) else ""


def _is_rest(above: str, line: str) -> bool:
    """Whether an unmarked line between quoted ones was wrapped off the first: its last words, or a long link."""
    if len(above) >= _WRAPPED_QUOTE and len(line) <= _MAX_REST and line[0].islower():
        return True
    return " " not in line and ("://" in line or "=" in line or len(line) > _MAX_REST)


def _begins_original(line: str) -> bool:
    return bool(line) and (label_of(line) is not None or separator(line) is not None)


def _skip_quotation(body: Body, stripped: list[str], quoted: list[bool], number: int) -> int:
    while number < len(stripped) and (quoted[number] or not stripped[number]):
        if quoted[number]:
            body.found.add("container" if stripped[number] == QUOTE_LINE else "quote")
        number += 1
    if body.stretches[-1]:
        body.stretches.append([])
    return number


def _asks_to_write_above(line: str) -> bool:
    """Whether a line is a marker such as "## Please type your reply above this line ##".

    It is decorated, or nothing but the request: a sentence that mentions one is neither.
    """
    if not _MIN_REQUEST <= len(line) <= _MAX_REQUEST:
        return False
    if line[0] in _DECORATION or line[-1] in _DECORATION:
        return bool(ABOVE.search(line.lower()))
    return len(line) <= _MAX_BARE_REQUEST and bool(
        ABOVE.match(line.lower().removeprefix("please ").removeprefix("bitte "))
    )


def _candidates(stripped: list[str], quoted: list[bool]) -> list[int]:
    """The lines that could be the last of an attribution."""
    ends = [
        number
        for number, line in enumerate(stripped)
        # A line that ends a sentence, as most do, is none.
        if line and line[-1] not in ".,;!?" and not quoted[number] and reply_attribution.may_end(line)
    ]
    return ends[:_MAX_CANDIDATES]


def _shared(stripped: list[str], candidates: list[int]) -> dict[int, int]:
    """Line → where on it an attribution begins behind the author's last words."""
    positions = ((number, reply_attribution.shared_at(stripped[number])) for number in candidates)
    return {number: position for number, position in positions if position is not None}


def _parted(lines: Sequence[str], stripped: list[str], shared: dict[int, int]) -> list[str]:
    """`lines`, each attribution behind other words on a line of its own."""
    result: list[str] = []
    for number, line in enumerate(lines):
        position = shared.get(number)
        if position is None:
            result.append(line)
        else:
            result += [stripped[number][:position], stripped[number][position:].lstrip(" -\xa0")]
    return result


def _attributions(stripped: list[str], candidates: list[int]) -> dict[int, int]:
    """First line → the line after the last of each attribution."""
    found = ((reply_attribution.find(stripped, number), number + 1) for number in candidates)
    return {start: end for start, end in found if start is not None}


def _next_filled(stripped: list[str], number: int) -> int | None:
    return next((position for position in range(number, len(stripped)) if stripped[position]), None)


def _after_cut(stripped: list[str], number: int) -> bool:
    return any(stripped[position] == CUT_LINE for position in range(max(0, number - 4), number))


def _all_quoted(stripped: list[str], quoted: list[bool], number: int) -> bool:
    following = _next_filled(stripped, number)
    return following is not None and quoted[following]
