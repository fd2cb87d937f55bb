"""Quoted history and signatures as mail programs mark them in HTML.

Works on the source, not on a tree: only the elements that carry a client's mark are looked for, so that a newsletter of
100 KB costs a few substring searches, and a hostile nesting costs one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mail.html import to_text
from mail.phrases import FORWARDED

# Lines that stand for what was taken out. Private-use characters: nothing that is taken from a mail contains them.
QUOTE_LINE = "\ue001"
CUT_LINE = "\ue002"
_PRIVATE = str.maketrans("", "", QUOTE_LINE + CUT_LINE)

_MAX_ELEMENTS = 400
_MAX_TAGS = 60_000
_MAX_HTML = 2_000_000
_MAX_LEAD = 1_000
_MAX_TAG = 1_600
_MAX_SIGNATURE = 4_000

# A mark has one of these in its tag, spelled so: looking for few fixed strings is what makes this cheap. Marks without
# one (Outlook's rule, Lotus) stand above a header block or an attribution, which the text itself tells.
# Beside each stand its two rarest signs: a window without one of them is passed over at a thirtieth of the cost.
_HINTS = (
    ("quote", "q", "u"),
    ("ignature", "g", "u"),
    ("RplyFwdMsg", "F", "M"),
    ("data-marker", "k", "-"),
    ("gmail_attr", "_", "g"),
    ("Zm-_Id", "Z", "_"),
    ("ReplySection", "R", "S"),
    ("210px", "2", "0"),
)
# Searched piece by piece, so that what stands inside a quotation is passed over.
_WINDOW = 16_384
_CANDIDATE = re.compile(r"<(blockquote|div|hr|span|pre|table|section|p|td)\b([^<>]{1,1500})>", re.I)
_ATTRIBUTE = re.compile(
    r"\b(class|id|type|name|style|data-marker|data-smartmail)\s*=\s*(\"[^\"]*\""
    r"|'[^']*'|[^\s\"'>]+)",
    re.I,
)
_TAG = re.compile(r"<[^<>]*>?|&nbsp;")
# The short ones ("forwarded") are ordinary words.
_FORWARD_PHRASES = tuple(
    phrase for phrase in FORWARDED if len(phrase) > 9 or (not phrase.isascii() and len(phrase) > 3)
)

_QUOTE_CLASS = re.compile(
    r"(?:^|\s)(?:gmail_quote|(?:ydp[0-9a-f]{1,12})?yahoo_quoted|protonmail_quote|tutanota_quote|mailru-blockquote"
    r"|front-blockquote|missive_quote|cm_quote|freshdesk_quote|zendesk_quote|hs_reply_quote|gorgias_quote|iwm-quote"
    r"|airmail_ext_quote|x?moz-quote|quoted-?text)(?:\s|$)",
    re.I,
)
_QUOTE_ID = re.compile(
    r"^(?:yahoo_quoted_\w*|blockquote_zmail|isReplyContent|qm-quote|replyblockquote|mailcontent-quote|bloop_quote\w*)$",
    re.I,
)
_QUOTE_NAME = re.compile(r"^(?:quote|quoted-content|messageReplySection)$", re.I)
_ATTRIBUTION_CLASS = re.compile(r"(?:^|\s)(?:gmail_attr|protonmail_quote_intro)(?:\s|$)", re.I)
_CUT_ID = re.compile(r"^(?:divRplyFwdMsg|zwchr)$", re.I)
_FOXMAIL_RULE = re.compile(r"width:\s?210px;\s?height:\s?1px", re.I)
_SIGNATURE_CLASS = re.compile(
    r"(?:^|\s)(?:gmail_signature(?:_prefix)?|moz-signature|protonmail_signature_block(?:-user|-proton)?"
    r"|tutanota_signature|sh-signature|front-signature|zmail_signature|mailspring-signature|missive_signature"
    r"|hs-signature)(?:\s|$)",
    re.I,
)
_SIGNATURE_ID = re.compile(
    r"^(?:(?:x_)?Signature|ms-outlook-mobile-signature|AppleMailSignature|ymail_(?:android|ios)_signature"
    r"|protonmail_mobile_signature_block|signature\d*|mobile-signature|Zm-_Id_-Sgn\d+)$",
    re.I,
)


@dataclass(slots=True)
class _Element:
    start: int
    end: int
    line: str


def annotated_text(html: str) -> str | None:
    """The text of `html` with `QUOTE_LINE` and `CUT_LINE` where quotations stood, no signatures; None: no marks."""
    html = html[:_MAX_HTML]
    elements = list(_marked(html))
    if not elements:
        return None
    parts: list[str] = []
    position = 0
    for element in elements:
        parts.append(html[position : element.start].translate(_PRIVATE))
        parts.append(f"<div>{element.line}</div>" if element.line else "")
        position = element.end
    parts.append(html[position:].translate(_PRIVATE))
    return to_text("".join(parts))


def _marked(html: str) -> Iterator[_Element]:
    """The elements to take out, in order, none inside another."""
    position = 0
    window = 0
    count = 0
    while window < len(html) and count < _MAX_ELEMENTS:
        end = window + _WINDOW
        for start in _hinted_tags(html, window, end):
            match = _CANDIDATE.match(html, start) if start >= position else None
            line = _meaning(match[1].lower(), match[2]) if match else None
            if match is None or line is None or (line == QUOTE_LINE and _is_gmail_citation(html, match)):
                continue
            if line == CUT_LINE:
                # What comes next is the original's header, which the text itself tells; the mark only says so.
                yield _Element(start, start, CUT_LINE)
                position = match.end()
                continue
            position = _element_end(html, match)
            if line == QUOTE_LINE and _is_forward(html, match.end(), position):
                # A forwarded mail is what was sent, whatever element holds it.
                return
            yield _Element(start, position, line)
            count += 1
        window = max(position, end)


def _hinted_tags(html: str, start: int, end: int) -> list[int]:
    """Where the tags begin that have a hint which begins between `start` and `end`."""
    found: set[int] = set()
    for hint, sign, other in _HINTS:
        reach = end + len(hint) - 1
        if html.find(sign, start, reach) < 0 or html.find(other, start, reach) < 0:
            continue
        position = html.find(hint, start, reach)
        while position >= 0 and len(found) < _MAX_ELEMENTS:
            opening = html.rfind("<", max(0, position - _MAX_TAG), position)
            if opening >= 0:
                found.add(opening)
            position = html.find(hint, position + len(hint), reach)
    return sorted(found)


def _is_gmail_citation(html: str, element: re.Match[str]) -> bool:
    """Gmail's "quote" button makes the element that its replies use, too; a reply's stands within another mark."""
    if "gmail_quote" not in element[2] or element[1].lower() != "blockquote":
        return False
    return html.find("gmail_quote", 0, element.start()) < 0 and html.find("gmail_attr", 0, element.start()) < 0


def _meaning(tag: str, source: str) -> str | None:
    """QUOTE_LINE, CUT_LINE, "" for a signature, None for an element like any other."""
    attributes = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(source)}
    identity = attributes.get("id", "")
    classes = attributes.get("class", "")
    if (
        _SIGNATURE_ID.match(identity)
        or _SIGNATURE_CLASS.search(classes)
        or attributes.get("data-marker") == "__SIG_PRE__"
    ):
        return ""
    if (
        attributes.get("data-smartmail", "").lower() == "gmail_signature"
        or attributes.get("name", "") == "messageSignatureSection"
    ):
        return ""
    if tag == "hr" and _FOXMAIL_RULE.match(attributes.get("style", "")):
        return ""
    if _CUT_ID.match(identity) or attributes.get("data-marker") in ("__DIVIDER__", "__HEADERS__"):
        return CUT_LINE
    if attributes.get("data-marker") == "__QUOTED_TEXT__" or _QUOTE_ID.match(identity):
        return QUOTE_LINE
    if tag == "blockquote":
        return QUOTE_LINE if _is_citation(attributes, classes) else None
    if tag == "div" and "gmail_quote" in classes:
        # Gmail's outer element also holds what is written between the quotations; the inner ones are the quotations.
        return None
    if (
        _QUOTE_NAME.match(attributes.get("name", ""))
        or _QUOTE_CLASS.search(classes)
        or _ATTRIBUTION_CLASS.search(classes)
    ):
        return QUOTE_LINE
    return None


def _is_citation(attributes: dict[str, str], classes: str) -> bool:
    if (
        attributes.get("type", "").lower() == "cite"
        or _QUOTE_CLASS.search(classes)
        or "cite" in attributes.get("class", "").lower()
    ):
        return True
    style = attributes.get("style", "").lower().replace(" ", "")
    return "border-left" in style and "border-left:none" not in style and "border-left:0" not in style


def _element_end(html: str, opening: re.Match[str]) -> int:
    """Behind the closing tag that belongs to `opening`; the end of the document where it is missing."""
    tag = opening[1]
    if tag.lower() == "hr":
        # Foxmail's signature goes on to the quotation, or to the end.
        following = html.find("<blockquote", opening.end())
        end = following if following >= 0 else len(html)
        return end if end - opening.end() <= _MAX_SIGNATURE else opening.end()
    depth = 1
    for number, match in enumerate(re.finditer(rf"<(/?){tag}\b[^<>]*>", html[opening.end() :], re.I)):
        depth += -1 if match[1] else 1
        if depth == 0:
            return opening.end() + match.end()
        if number > _MAX_TAGS:
            break
    return len(html)


def _is_forward(html: str, start: int, end: int) -> bool:
    """Whether a marked element begins with "Forwarded message" or stands right under such a line."""
    inside = _visible(html[start : min(end, start + _MAX_LEAD)])[:120]
    above = _visible(html[max(0, start - _MAX_LEAD) : start])[-200:]
    return any(phrase in inside or phrase in above for phrase in _FORWARD_PHRASES)


def _visible(source: str) -> str:
    return " ".join(_TAG.sub(" ", source).split()).casefold()
