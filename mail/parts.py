"""Attachments: a leaf, an embedded file or an unpacked one, with name, digest and how the HTML refers to it."""

from __future__ import annotations

import binascii
import hashlib
import html as html_entities
import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from domain.email import Attachment
from mail.filenames import default_filename, safe_filename
from mail.limits import Limits
from mail.problems import Problems

_CID = re.compile(r"cid:([^\"'\s<>)]{1,500})", re.I)
_DATA_IMAGE = re.compile(r"data:(image/[a-z0-9.+-]{1,40})((?:;[a-z0-9=._-]{1,60})*),([^\"'<>)]*)", re.I)
_IMAGE = re.compile(
    r"\b(?:src|background)\s{0,9}=\s{0,9}(?:\"([^\"]{1,2000})\"|'([^']{1,2000})'|([^\s>\"']{1,2000}))", re.I
)
_MAX_DATA_IMAGES = 100


@dataclass(slots=True)
class Part:
    """One attachment, its decoded bytes and its Content-Location."""

    attachment: Attachment
    content: bytes
    location: str = ""


class PartList:
    """Collects attachments within the limits."""

    def __init__(self, limits: Limits, problems: Problems) -> None:
        self.parts: list[Part] = []
        self._limits = limits
        self._problems = problems
        self._bytes = 0

    def add(self, name: str, content_type: str, content: bytes, content_id: str | None = None,
            *, inline: bool = False) -> Part | None:  # fmt: skip
        """Adds one; None where the decoded bytes of the mail have reached their limit."""
        if self._bytes + len(content) > self._limits.decoded_bytes:
            self._problems.add(
                "decoded_too_large", f"attachments decode to more than {self._limits.decoded_bytes} bytes"
            )
            return None
        self._bytes += len(content)
        filename, cut = safe_filename(name, self._limits.filename_bytes) if name else ("", False)
        if cut:
            self._problems.add("filename_shortened", f"a file name is longer than {self._limits.filename_bytes} bytes")
        attachment = Attachment(
            filename=filename or default_filename(content_type, len(self.parts) + 1),
            content_type=content_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            content_id=content_id,
            inline=inline,
        )
        part = Part(attachment, content)
        self.parts.append(part)
        return part


def content_ids(html: str) -> set[str]:
    """The Content-IDs that `html` refers to, lower-case, without `cid:`."""
    if "cid:" not in html and "CID:" not in html:
        return set()
    return {unquote(html_entities.unescape(identifier)).strip("<>").lower() for identifier in _CID.findall(html)}


def image_references(html: str) -> list[str]:
    """What the images of `html` refer to, by Content-ID or by any other URI."""
    return [html_entities.unescape(match[1] or match[2] or match[3]).strip() for match in _IMAGE.finditer(html)]


@dataclass(frozen=True, slots=True)
class DataImage:
    """An image that the HTML carries in itself (RFC 2397)."""

    content_type: str
    content: bytes
    content_id: str


def data_image(uri: str) -> DataImage | None:
    """The image of one `data:` URI. Its Content-ID is derived from its bytes, so that both sides can name it."""
    match = _DATA_IMAGE.match(uri)
    if match is None:
        return None
    try:
        raw = unquote_to_bytes(match[3])
        content = binascii.a2b_base64(raw) if ";base64" in match[2].lower() else raw
    except binascii.Error:
        return None
    digest = hashlib.sha256(content).hexdigest()
    return DataImage(match[1].lower(), content, f"{digest[:32]}@data.invalid") if content else None


def data_images(html: str) -> list[DataImage]:
    """The distinct `data:` images of `html`, at most 100."""
    if "data:image" not in html:
        return []
    found: dict[str, DataImage] = {}
    for match in _DATA_IMAGE.finditer(html):
        image = data_image(match[0])
        if image is not None:
            found.setdefault(image.content_id, image)
        if len(found) >= _MAX_DATA_IMAGES:
            break
    return list(found.values())
