"""The source of an HTML body cut at its tags, at a cost that does not depend on what a sender nests or forgets."""

from __future__ import annotations

import re
from collections.abc import Sequence

# An attribute that holds "<" or ">" goes on over at most so many pieces and bytes of the source.
_MAX_PIECES = 6
_MAX_TAG = 4_000
# Quotation marks without a partner: past so many of them each tag ends at its first ">".
_MAX_UNPAIRED = 100
_NOT_ANGLES = bytes(set(range(256)) - set(b"<>"))
_TAG_START = re.compile(rb"[a-zA-Z/!?]")
_TAG_END = re.compile(rb"(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>")


def cut(source: bytes) -> list[bytes]:
    """Text, tag (without its angle brackets), text, tag, … text: an odd number of pieces.

    A `<` that begins no tag is text; where every `<` and `>` of the source belongs to a tag, C code does it all.
    """
    angles = source.translate(None, _NOT_ANGLES)
    if angles == b"<>" * (len(angles) // 2):
        return source.replace(b">", b"<").split(b"<")
    parts = source.split(b"<")
    result = [parts[0]]
    number = 1
    unpaired = 0
    while number < len(parts):
        part = parts[number]
        number += 1
        tag, closed, text = part.partition(b">")
        if not _TAG_START.match(tag) or not (closed or tag[0] != 47):
            result += [b"", b"&lt;" + part]
            continue
        if not closed and tag.startswith(b"!--"):
            # `<!--<p>`: the comment goes on, unlike in `<!-->`.
            tag += b" "
        if (tag.count(b'"') & 1 or tag.count(b"'") & 1) and tag[0] != 33 and unpaired < _MAX_UNPAIRED:
            found = _whole_tag(parts, number - 1)
            if found:
                tag, text, used = found
                number += used - 1
            else:
                unpaired += 1
        result += [tag, text]
    return result


def _whole_tag(parts: Sequence[bytes], number: int) -> tuple[bytes, bytes, int] | None:
    """(tag, text behind it, parts used) where its quotation marks hold angle brackets; None where one never closes."""
    source = b""
    for used, part in enumerate(parts[number : number + _MAX_PIECES], start=1):
        source += b"<" + part
        end = _TAG_END.match(source, 1, _MAX_TAG)
        if end:
            return source[1 : end.end() - 1], source[end.end() :], used
        if len(source) > _MAX_TAG:
            break
    return None
