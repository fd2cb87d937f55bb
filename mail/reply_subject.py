"""What a subject's prefix says: answered or forwarded."""

from __future__ import annotations

import re

from mail.phrases import FORWARD_SUBJECT, REPLY_SUBJECT

# VS: is "videresend" in Danish and Norwegian, and "vastaus", an answer, in Finnish.
_AMBIGUOUS = re.compile(r"\s*vs\s*:", re.I)
_FINNISH = re.compile(r"lähettäjä\s?:|kirjoitti|vastaanottaja\s?:", re.I)
_MAX_TEXT = 20_000


def is_first(subject: str) -> bool:
    """Whether the subject is one that somebody wrote, neither an answer's nor a forwarded mail's."""
    return bool(subject.strip()) and not (REPLY_SUBJECT.match(subject) or FORWARD_SUBJECT.match(subject))


def says_forward(subject: str, text: str) -> bool:
    """Whether `subject` says that the mail with this `text` was forwarded, in the clients' languages."""
    if not subject or not FORWARD_SUBJECT.match(subject):
        return False
    if _AMBIGUOUS.match(subject):
        return not _FINNISH.search(text[:_MAX_TEXT])
    return not REPLY_SUBJECT.match(subject)
