"""What a subject line says about the conversation: without its reply marks, and the ticket number in it."""

from __future__ import annotations

import re

# Reply and forward marks of the mail programs people use; `Re[2]:` and `Re^2:` count, full-width colons too.
_MARK = re.compile(
    r"\s*(?:re|aw|antw|antwort|sv|vs|vl|rv|res|rif|odp|ynt|atb|回复|答复|回覆|fwd?|wg|tr|enc|fw|转发|轉寄)"
    r"(?:\s*[\[(^]?\d{0,3}[\])]?)?\s*[:：]\s*",
    re.IGNORECASE,
)
# Only what stands in brackets: a bare "#4711" in a subject is anybody's invoice.
_NUMBER = re.compile(r"\[(?:[^\W\d_][^\]\d#]{0,20})?#\s?(\d{1,15})\]")
_TAG = re.compile(r"\[[^\]]{0,40}#\s?\d{1,15}\]")
_MAX = 500


def normalised(subject: str) -> str:
    """The subject as conversations are compared by it: no marks, no ticket tag, case folded, single spaces."""
    text = _TAG.sub(" ", subject[:_MAX]).strip()
    while match := _MARK.match(text):
        text = text[match.end() :]
    return " ".join(text.casefold().split())


def is_reply(subject: str) -> bool:
    return bool(_MARK.match(_TAG.sub(" ", subject[:_MAX])))


def ticket_number(subject: str) -> int | None:
    """The number in `[#42]` or `[Ticket #42]`."""
    match = _NUMBER.search(subject[:_MAX])
    return int(match[1]) if match else None
