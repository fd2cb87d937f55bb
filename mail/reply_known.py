"""Which lines of a mail only repeat mails that are known already, however they were wrapped, quoted or converted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, pairwise

# Runs of this many words in a row are what two texts have in common; fewer are ordinary phrases.
_RUN = 5
_MAX_KNOWN = 200_000
_MAX_TEXT = 200_000
_MAX_SHORT = 200
# A repeated stretch counts when it is this many words long, or reaches the end of the mail.
_MIN_STRETCH = 12
_MIN_STRETCH_AT_END = 6
_COVERED = 0.8

# Words; each sign of Chinese, Japanese and Korean is one, since those wrap anywhere.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def known_lines(lines: Sequence[str], known_texts: Sequence[str]) -> list[bool]:
    """For each line whether it stands in `known_texts`: at least four fifths of its words, in runs of five or more."""
    known: set[tuple[str, ...]] = set()
    wordings: list[str] = []
    budget = _MAX_KNOWN
    for text in known_texts:
        found = _words(text[:budget])
        known.update(_runs(found))
        wordings.append(f" {' '.join(found)} ")
        budget -= len(text)
        if budget <= 0:
            break
    words, owners = _numbered_words(lines)
    covered = bytearray(len(words))
    for position, run in enumerate(_runs(words)):
        if run in known:
            covered[position : position + _RUN] = b"\x01" * _RUN
    totals = [0] * len(lines)
    hits = [0] * len(lines)
    for owner, hit in zip(owners, covered, strict=True):
        totals[owner] += 1
        hits[owner] += hit
    repeated = [bool(total) and hit >= _COVERED * total for total, hit in zip(totals, hits, strict=True)]
    wording = "".join(wordings)
    whole = {
        " ".join(_words(line))
        for text in known_texts
        for line in text[:_MAX_KNOWN].split("\n")
        if len(line) < _MAX_SHORT
    }
    between = []
    around = []
    for line, total in zip(lines, totals, strict=True):
        short = " ".join(_words(line)) if 0 < total < _RUN else ""
        between.append(not total or (bool(short) and f" {short} " in wording))
        around.append(not total or (bool(short) and short in whole))
    return _long_stretches(_bridged(repeated, between, around), totals)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> zip[tuple[str, ...]]:
    return zip(*(islice(words, offset, None) for offset in range(_RUN)), strict=False)


def _numbered_words(lines: Sequence[str]) -> tuple[list[str], list[int]]:
    words: list[str] = []
    owners: list[int] = []
    size = 0
    for number, line in enumerate(lines):
        found = _words(line[: _MAX_TEXT - size])
        words.extend(found)
        owners.extend([number] * len(found))
        size += len(line)
        if size >= _MAX_TEXT:
            break
    return words, owners


def _bridged(repeated: list[bool], between: list[bool], around: list[bool]) -> list[bool]:
    """Lines too short to judge go with the repeated ones beside them.

    `between`: blank, or a few words that occur in the known texts, as a line wrapped elsewhere leaves them; `around`:
    blank, or a whole line of them ("Hi Ben,"), which alone may stand at the edge of a stretch.
    """
    found = [number for number, is_repeated in enumerate(repeated) if is_repeated]
    if not found:
        return repeated
    result = list(repeated)
    for first, last in pairwise(found):
        if all(between[first + 1 : last]):
            result[first + 1 : last] = [True] * (last - first - 1)
    start, end = found[0], found[-1] + 1
    if all(around[:start]):
        result[:start] = [True] * start
    if all(around[end:]):
        result[end:] = [True] * (len(result) - end)
    return result


def _long_stretches(repeated: list[bool], totals: list[int]) -> list[bool]:
    result = [False] * len(repeated)
    last_filled = max((number for number, total in enumerate(totals) if total), default=-1)
    start = 0
    while start < len(repeated):
        if not repeated[start]:
            start += 1
            continue
        end = start
        while end < len(repeated) and repeated[end]:
            end += 1
        size = sum(totals[start:end])
        if size >= (_MIN_STRETCH_AT_END if end > last_filled else _MIN_STRETCH):
            result[start:end] = [True] * (end - start)
        start = end
    return result
