"""HTML bodies as text."""

from __future__ import annotations

import re

from resiliparse.extract.html2text import extract_plain_text

from mail.text import clean

# Past this a body is not written by anyone; what follows is cut, not the mail.
_MAX_HTML = 4_000_000

# Spelt out: an expression that begins with fixed characters is searched for ten times as fast as `\n{3,}`.
_EMPTY_LINES = re.compile(r"\n\n\n+")
# Preview lines and tracking text that no reader shows.
_HIDDEN_ELEMENTS = ["[hidden]", '[style*="display:none" i]', '[style*="display: none" i]']
# On lower-case bytes, for the same reason: looking the elements up in the tree is what costs.
_HIDING = (re.compile(rb"hidden"), re.compile(rb"display: ?none"))
_HIDDEN = re.compile(r"<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_BLOCK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/table|/blockquote)\b[^<>]*>", re.I)
_TAG = re.compile(r"<[^<>]*>")
_BLANK_LINES = re.compile(r"\n[ \t\n]*\n[ \t]*(?=\n)|[ \t]+(?=\n)")


def to_text(html: str) -> str:
    """The text a reader of `html` sees, with line breaks where blocks and `<br>` break; never raises."""
    html = html[:_MAX_HTML]
    try:
        text = _extract(html, _HIDDEN_ELEMENTS if _may_hide(html) else None)
        # Where everything is hidden, the sender did not mean it.
        text = text if text.strip() else _extract(html, None)
    except Exception:
        # A native parser: whatever it cannot read is stripped of its tags instead.
        return strip_tags(html)
    lines = [line.rstrip() for line in clean(text).replace("\xa0", " ").split("\n")]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _may_hide(html: str) -> bool:
    source = html.encode(errors="replace").lower()
    return any(sign.search(source) for sign in _HIDING)


def _extract(html: str, skip: list[str] | None) -> str:
    text: str = extract_plain_text(
        html, preserve_formatting=True, list_bullets=True, alt_texts=True, links=False, skip_elements=skip
    )
    return text


def strip_tags(html: str) -> str:
    """The characters between the tags, for documents that are not worth building a tree of."""
    text = _TAG.sub("", _BLOCK.sub("\n", _HIDDEN.sub("", html)))
    text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    return _BLANK_LINES.sub("", text.replace("&#39;", "'").replace("&amp;", "&")).strip()


def looks_like_html(text: str) -> bool:
    """Whether a body that nobody labelled is an HTML document."""
    start = text[:1024].lstrip("\ufeff \t\r\n").lower()
    return start.startswith(("<!doctype html", "<html", "<head", "<body"))
