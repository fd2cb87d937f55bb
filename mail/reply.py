"""What the person wrote: a mail's text without quoted history, signature, legal notice and client banner.

Losing what somebody wrote is worse than showing some quotation too much; where nothing is left, everything is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mail import reply_html
from mail.html import to_text
from mail.phrases import WROTE
from mail.reply_body import Body, read_body
from mail.reply_headers import label_kinds
from mail.reply_html import CUT_LINE, QUOTE_LINE
from mail.reply_known import known_lines
from mail.reply_lines import MARKS
from mail.reply_signature import without_gateway_banner, without_tail
from mail.reply_subject import says_forward
from mail.text import newlines

# What is longer was not typed; the rest is left out and the confidence says so.
_MAX_TEXT = 1_000_000
_MAX_LINES = 20_000
_MAX_ATTRIBUTION = 400

_NOTHING_FOUND = 0.98
_SURE = 0.96
_LIKELY = 0.9
_UNSURE = 0.6
_FALLBACK = 0.3

_SAME = 0.8

_SPELT_OUT = re.compile(r"<(?:https?://|mailto:|tel:)[^<>\s]{1,2000}>|\[(?:cid:|image: )[^\[\]\n]{1,300}\]")
# Yahoo's app goes on with the quotation on the attribution's own line.
_GOES_ON = re.compile(r"^([^\n<>]{10,160}<[^\s<>@]{1,80}@[^\s<>]{1,120}>(?: [^\W\d_]{1,12}){0,2} ?:)  +(?=\S)", re.M)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Reply:
    """The author's text, paragraphs as written, and how sure it is that this is all of it and nothing else (0 to 1)."""

    text: str
    confidence: float


def extract_reply(
    text: str, html: str, known_texts: Sequence[str] = (), subject: str = "", *, answers: bool = True
) -> Reply:
    """What the author of a mail wrote.

    `text`: the plain body, or the HTML's text where there is none; `html`: the HTML body or ""; `known_texts`: texts of
    earlier mails of the thread, which are taken out first; `subject` tells a forwarded mail from a quoted one;
    `answers`: whether it may be an answer at all: what no answer marks with `>` is its author's own.
    """
    is_forward = says_forward(subject, text or html)
    plain = _from_text(text, known_texts, is_forward, answers) if text.strip() else None
    annotated = reply_html.annotated_text(html) if html else None
    if annotated is None:
        return plain or _from_text(to_text(html), known_texts, is_forward, answers)
    rich = _from_text(annotated, known_texts, is_forward, answers)
    return _agreed(text, plain, rich) if plain else rich


def _from_text(text: str, known_texts: Sequence[str], is_forward: bool, answers: bool) -> Reply:
    cut = len(text) > _MAX_TEXT
    text = text[:_MAX_TEXT]
    parted = _GOES_ON.sub(r"\1\n\n", text) if ":  " in text else text
    lines = newlines(parted).split("\n", _MAX_LINES)
    if len(lines) > _MAX_LINES:
        cut = True
        lines.pop()
    lines = without_gateway_banner(lines)
    known = known_lines(lines, known_texts) if known_texts else None
    body = read_body(lines, known, is_forward=is_forward, answers=answers)
    result = _written(body)
    if not result.strip():
        # All of it was taken for quotation: only what a person would never write is left out.
        whole = _joined([without_tail([line for line in lines if line.strip(MARKS) not in (QUOTE_LINE, CUT_LINE)])])
        return Reply(whole or text.strip(), _FALLBACK if text.strip() else 1.0)
    return Reply(result, min(_confidence(body, result), _UNSURE if cut else 1.0))


def _written(body: Body) -> str:
    last = len(body.stretches) - 1
    stretches = [without_tail(stretch, last=number == last) for number, stretch in enumerate(body.stretches)]
    if not any(line.strip(MARKS) for stretch in stretches for line in stretch) and not body.forwarded:
        stretches = body.stretches
    return _joined([*stretches, body.forwarded])


def _joined(stretches: Sequence[Sequence[str]]) -> str:
    parts = []
    for stretch in stretches:
        part = "\n".join([line.rstrip() for line in stretch]).strip("\n")
        if CUT_LINE in part or QUOTE_LINE in part:
            part = "\n".join(line for line in part.split("\n") if line.strip(MARKS) not in (QUOTE_LINE, CUT_LINE))
        if part.strip(MARKS + "\n"):
            parts.append(part)
    return "\n\n".join(parts).strip()


def _confidence(body: Body, result: str) -> float:
    if "unsure" in body.found:
        return _FALLBACK
    if body.forwarded:
        return _LIKELY
    if _has_leftovers(body, result):
        return _UNSURE
    if not body.found:
        return _NOTHING_FOUND
    sure = body.found & {"quote", "container", "marker", "known", "original"}
    if len(body.stretches) > 2:
        return _LIKELY
    return _SURE if sure else _LIKELY


def _has_leftovers(body: Body, result: str) -> bool:
    """Signs that a quotation is still in the text: an attribution, or header fields."""
    if body.labels >= 3 and len(label_kinds(result) - {"other"}) >= 3:
        return True
    return "@" in result and any(
        "@" in line
        and line.rstrip().endswith((":", "："))
        and len(line) < _MAX_ATTRIBUTION
        and WROTE.search(line.lower())
        for line in result.split("\n")
    )


def _agreed(text: str, plain: Reply, rich: Reply) -> Reply:
    """One answer of the two bodies' answers: the plain one's wording, the HTML's knowledge of what is quoted."""
    plain_words = _WORD.findall(plain.text)
    rich_words = _WORD.findall(rich.text)
    if plain_words == rich_words or _shown_words(plain.text) == _shown_words(rich.text):
        return Reply(plain.text, max(plain.confidence, rich.confidence))
    if not plain_words or rich.confidence <= _FALLBACK:
        return plain
    if plain.confidence <= _FALLBACK or not rich_words:
        shorter = _first_words(text, rich_words)
        return Reply(shorter or rich.text, rich.confidence)
    if len(rich_words) < len(plain_words):
        # The client marked more as quotation or signature than its text shows.
        shorter = _first_words(plain.text, rich_words)
        if shorter or _share(rich_words, plain_words) >= _SAME:
            return Reply(shorter or rich.text, min(rich.confidence, _LIKELY))
    if rich_words[: len(plain_words)] == plain_words:
        if rich.confidence >= _LIKELY >= plain.confidence:
            # The HTML shows where the quotation ends, and that the author goes on below it.
            return rich
        return Reply(plain.text, min(plain.confidence, _LIKELY))
    return Reply(plain.text, min(plain.confidence, _UNSURE))


def _shown_words(text: str) -> list[str]:
    """The words without the targets of links and the names of pictures, which only a text part spells out."""
    return _WORD.findall(_SPELT_OUT.sub(" ", text))


def _share(words: list[str], others: list[str]) -> float:
    """How much of `words` is in `others`, from 0 to 1: two bodies of one mail may say different things."""
    return (Counter(words) & Counter(others)).total() / len(words)


def _first_words(text: str, words: list[str]) -> str | None:
    """The beginning of `text` that has exactly these words, with the punctuation after them; None: it has others."""
    end = 0
    for found, expected in zip(_WORD.finditer(text), words, strict=False):
        if found[0] != expected:
            return None
        end = found.end()
    if end == 0:
        return None
    line_end = text.find("\n", end)
    rest = text[end : line_end if line_end >= 0 else len(text)]
    return (text[: end + len(rest)] if not _WORD.search(rest) else text[:end]).strip()
