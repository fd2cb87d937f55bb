"""The content of one leaf of the MIME tree: as bytes, and as text where it is a body."""

from __future__ import annotations

import re

from mail import charsets, enriched
from mail.flowed import unflow
from mail.html import looks_like_html
from mail.text import newlines
from mail.transfer import decode_transfer
from mail.tree import Node

_META_CHARSET = re.compile(
    rb"<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.I
)
_META_LOOK = 4_096
_DOCUMENT_END = 200


def content(node: Node) -> tuple[bytes, bool]:
    """(decoded bytes, whether the transfer encoding was damaged)."""
    encoding = "" if node.type.startswith("multipart/") else node.encoding
    return decode_transfer(node.source, node.start, node.end, encoding)


def text(node: Node, data: bytes, hint: str | None) -> str:
    """`data` of a text leaf as unicode with LF line endings, format=flowed undone."""
    label = node.parameters.get("charset")
    if node.is_html and not data.isascii():
        meta = _META_CHARSET.search(data, 0, _META_LOOK)
        inside = meta[1].decode("ascii") if meta else ""
        if inside and (not label or label.lower() == "us-ascii" or charsets.outweighs(inside, label)):
            label = inside
    decoded = newlines(charsets.decode(data, label, hint=hint))
    if node.type == "text/plain" and node.parameters.get("format", "").lower() == "flowed":
        return unflow(decoded, delete_space=node.parameters.get("delsp", "").lower() == "yes")
    if node.type in ("text/enriched", "text/richtext"):
        return enriched.to_text(decoded, richtext=node.type == "text/richtext")
    return decoded


def declares_html(node: Node, decoded: str) -> bool:
    """Whether the body is HTML: as declared, or, where no text type is declared, as it looks.

    A whole document is HTML also under the label text/plain, unless it is the text version of some HTML.
    """
    if node.is_html:
        return True
    if "content-type" in node.headers and not node.type.startswith("multipart/"):
        whole = node.type == "text/plain" and decoded[-_DOCUMENT_END:].rstrip().lower().endswith(("</html>", "</body>"))
        return whole and node.parent_type != "multipart/alternative" and looks_like_html(decoded)
    return looks_like_html(decoded)
