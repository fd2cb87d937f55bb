"""Text of `text/enriched` (RFC 1896) and of its predecessor `text/richtext` (RFC 1341 §7.1.3)."""

from __future__ import annotations

import re

_UNSHOWN = re.compile(r"<(param|comment)>.*?(?:</\1>|\Z)", re.I | re.S)
_NOFILL = re.compile(r"(<nofill>.*?(?:</nofill>|\Z))", re.I | re.S)
_BREAKS = re.compile(r"\n(\n*)")
_COMMAND = re.compile(r"<(?:(<)|/?([A-Za-z][A-Za-z0-9-]{0,59})>)")
_RICHTEXT = {"lt": "<", "nl": "\n", "np": "\n\n", "paragraph": "\n"}


def to_text(text: str, *, richtext: bool) -> str:
    """The characters of `text` (LF line endings) without its commands.

    A lone line break is a space, outside of <nofill>; of several, one less counts, or none in richtext, which has
    commands for them.
    """
    pieces = _NOFILL.split(_UNSHOWN.sub("", text))
    pieces[::2] = [_BREAKS.sub(" " if richtext else _one_less, piece) for piece in pieces[::2]]
    text = "".join(pieces)
    names = _RICHTEXT if richtext else {}
    return _COMMAND.sub(lambda match: match[1] or names.get(match[2].lower(), ""), text)


def _one_less(breaks: re.Match[str]) -> str:
    return breaks[1] or " "
