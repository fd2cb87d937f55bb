"""The block of header fields that mail programs put above an original message, in the words of their language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mail.phrases import LABELS, MAX_LABEL, Label
from mail.reply_lines import EMPHASIS, MARKS

# Fields are read over at most this many lines; a folded To: may be long.
_MAX_LINES = 40
_MAX_CONTINUATION = 6
_MAX_RUN_TOGETHER = 2_000
# In a label and the emphasis around it.
_MAX_SPACES = max(label.count(" ") for label in LABELS) + 2
# A label's colon is among so many characters at the beginning of its line.
_LABEL_SPACE = MAX_LABEL + 9

_ADDRESS = re.compile(r"[^\s<>\[\]():;,\"']{1,80}@[^\s<>\[\]():;,\"']{1,120}")
_YEAR_AND_TIME = re.compile(r"(?<!\d)20\d\d(?!\d).{0,20}(?<!\d)\d{1,2}[:.]\d{2}(?!\d)")
# Windows Mail puts direction marks around each part of a date.
_INVISIBLE = dict.fromkeys(map(ord, MARKS.strip(" \t\r\xa0\u202f\u3000")))
_CAPITALISED_LABEL = re.compile(r"(?<![^\W\d_a-zà-ÿ])([^\W\d_a-zà-ÿ][^\W\d_]{0,20}(?: [^\W\d_]{1,12}){0,2})\s?[:：]\s?")
# The beginning of a line up to its colon, for all lines in one search.
_LINE_START = re.compile(r"\n([^\n:]{1,29}):")
_NAMED: tuple[Label, ...] = ("from", "to", "date")
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}(?![\d.])")
_DATE = re.compile(r"\d{4}|\d{1,2}[:.]\d{2}|\d{1,2}[./ -]\d{1,2}[./ -]\d{2}")


@dataclass(slots=True)
class HeaderBlock:
    """Lines `start` to `end` (exclusive) of the body; the fields by kind, values as written."""

    start: int
    end: int
    fields: dict[Label, str] = field(default_factory=dict)

    def is_addressed(self) -> bool:
        """Whether it names an address or a time, as a mail's does and a form may not."""
        values = " ".join([self.fields.get(kind, "") for kind in _NAMED])
        return bool(_ADDRESS.search(values) or _CLOCK.search(values))


def label_of(stripped: str) -> tuple[Label, str] | None:
    """(kind, value) of a line such as `*Von:* Anna`, or None."""
    colon = stripped.find(":", 0, _LABEL_SPACE)
    if not stripped.isascii():
        wide = stripped.find("：", 0, _LABEL_SPACE)
        if colon < 0 or 0 <= wide < colon:
            colon = wide
    if colon <= 0 or stripped.count(" ", 0, colon) > _MAX_SPACES:
        return None
    kind = LABELS.get(stripped[:colon].strip(EMPHASIS).casefold())
    return (kind, stripped[colon + 1 :].strip(EMPHASIS)) if kind else None


def label_kinds(text: str) -> set[Label]:
    """The kinds of the labels that lines of `text` begin with."""
    starts = {start.partition("：")[0].strip(EMPHASIS).casefold() for start in _LINE_START.findall(f"\n{text}")}
    return {LABELS[start] for start in starts & LABELS.keys()}


def read_block(lines: Sequence[str], start: int, *, announced: bool = False) -> HeaderBlock | None:
    """The header block that begins on line `start`; `lines` are stripped, and of their quote marks where there are any.

    A form filled in on a website has From: and Subject: fields, too. So without a line that announces the original
    (`announced`) three fields are asked for, among them From with a name or address and a date that is one.
    """
    first = label_of(lines[start])
    if first is None or first[0] == "other" or (not announced and _is_setting(lines[start])):
        return None
    block = HeaderBlock(start, start)
    last: Label | None = None
    continued = 0
    for number in range(start, min(len(lines), start + _MAX_LINES)):
        line = lines[number]
        found = label_of(line)
        if found:
            last, value = found
            if last != "other" and last in block.fields and (last == "from" or len(block.fields) >= 4):
                break
            block.fields.setdefault(last, value)
            block.end = number + 1
            continued = 0
        elif not line:
            # Some clients double-space the block: a blank line ends it unless the next line goes on.
            following = next((label_of(after) for after in lines[number + 1 : number + 3] if after), None)
            if not following or following[0] in block.fields:
                break
        elif last is None or continued >= _MAX_CONTINUATION or not _continues(last, block.fields.get(last, ""), line):
            break
        else:
            block.fields[last] = f"{block.fields[last]} {line}".strip()
            block.end = number + 1
            continued += 1
    return block if _coherent(block, announced) else None


def _is_setting(line: str) -> bool:
    """Settings and code write "from:"; clients write a capital, but for Orange, which begins with "envoyé :"."""
    start = line.lstrip(EMPHASIS)
    return start[:1].islower() and start.partition(":")[0].isascii()


def read_line(line: str, *, announced: bool = False) -> HeaderBlock | None:
    """A block that was run together on one line: `From: Anna <a@example.com>To: BenSent: 1 May 2024Subject: Hello`."""
    if not label_of(line) or line.count(":") + line.count("：") < 3:
        return None
    block = HeaderBlock(0, 1)
    kind: Label | None = None
    start = 0
    for match in _CAPITALISED_LABEL.finditer(line, 0, _MAX_RUN_TOGETHER):
        found = LABELS.get(match[1].casefold())
        if found is None or found in block.fields:
            continue
        if kind:
            block.fields[kind] = line[start : match.start()].strip(EMPHASIS)
        kind, start = found, match.end()
        block.fields[found] = ""
    if kind:
        block.fields[kind] = line[start:_MAX_RUN_TOGETHER].strip(EMPHASIS)
    return block if len(block.fields) >= 3 and _coherent(block, announced) else None


def _continues(label: Label, value: str, line: str) -> bool:
    """Whether a line without a label goes on with the field above it: folded recipients, a long subject."""
    if not value or value.count("<") > value.count(">") or value.count("[") > value.count("]"):
        return True
    if label in ("to", "cc"):
        return value.endswith((",", ";")) or (bool(_ADDRESS.search(line)) and len(line) < 200) or line.endswith(";")
    if label == "from":
        return bool(_ADDRESS.search(line)) and not _ADDRESS.search(value) and len(line) < 120
    return label == "subject" and len(value) > 50 and len(line) < 60


def _coherent(block: HeaderBlock, announced: bool) -> bool:
    fields = block.fields
    named = [kind for kind in ("from", "date", "to", "subject") if kind in fields]
    if announced:
        return ("from" in fields and len(named) >= 1) or len(named) >= 2
    if len(named) < 3 or "from" not in fields or not fields["from"]:
        return False
    date = fields.get("date", "").translate(_INVISIBLE)
    if "date" in fields and not _DATE.search(date):
        return False
    sender, recipient = _ADDRESS.search(fields["from"]), _ADDRESS.search(fields.get("to", ""))
    if "date" not in fields:
        return bool(sender and recipient)
    # "From: Hamburg, To: Vienna, Date: 12.06." is a journey.
    return "subject" in fields or bool(sender or recipient or _YEAR_AND_TIME.search(date))
