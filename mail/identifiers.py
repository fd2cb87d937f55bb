"""Message-IDs in Message-ID, In-Reply-To and References (RFC 5322 §3.6.4), without their brackets."""

from __future__ import annotations

import re

_BRACKETED = re.compile(r"<([^<>]*)>")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_ID = 2_000


def message_id(value: str | None) -> str | None:
    """The one id of a Message-ID field, brackets and white space removed; None where there is none."""
    if not value:
        return None
    value = _unescaped(value)
    bracketed = _BRACKETED.search(value)
    text = bracketed[1] if bracketed else value.strip().strip("<>")
    return _clean(text) or None


def message_ids(values: list[str], limit: int) -> tuple[list[str], bool]:
    """(each id once, in order; whether older ones were left out because there were more than `limit`).

    In-Reply-To may hold a phrase ("Your message of …"); only what is in brackets counts, or, where nothing is,
    the words with an @ in them. The newest ids are at the end, so the first and the last ones are kept.
    """
    found: dict[str, None] = {}
    for value in map(_unescaped, values):
        bracketed = _BRACKETED.findall(value)
        if not bracketed:
            bracketed = [word.strip("<>,;\"'") for word in value.split() if "@" in word]
        for text in bracketed:
            identifier = _clean(text)
            if identifier:
                found[identifier] = None
    ids = list(found)
    if len(ids) > limit:
        return [ids[0], *ids[len(ids) - limit + 1 :]], True
    return ids, False


def _unescaped(value: str) -> str:
    """`value` without the entities of a program that takes the field for HTML."""
    return value.replace("&lt;", "<").replace("&gt;", ">") if "&lt;" in value else value


def _clean(text: str) -> str:
    return _CONTROL.sub("", _SPACES.sub("", text))[:_MAX_ID]
