"""Attachment names that a person can read and a file system can hold."""

from __future__ import annotations

import mimetypes
import re

from mail.text import clean

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_SPACES = re.compile(r"\s+")
_MAX_EXTENSION = 16
_TYPES = mimetypes.MimeTypes()
_OFFICE = "application/vnd.openxmlformats-officedocument."
for _type, _extension in (
    (_OFFICE + "wordprocessingml.document", ".docx"),
    (_OFFICE + "spreadsheetml.sheet", ".xlsx"),
    (_OFFICE + "presentationml.presentation", ".pptx"),
    ("application/vnd.oasis.opendocument.text", ".odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
    ("application/vnd.oasis.opendocument.presentation", ".odp"),
    ("application/rtf", ".rtf"),
    ("application/x-7z-compressed", ".7z"),
    ("application/vnd.rar", ".rar"),
    ("audio/ogg", ".ogg"),
    ("audio/amr", ".amr"),
    ("audio/mp4", ".m4a"),
    ("image/avif", ".avif"),
    ("image/heic", ".heic"),
    ("text/vcard", ".vcf"),
    ("video/3gpp", ".3gp"),
):
    _TYPES.add_type(_type, _extension)
_EXTENSIONS = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/enriched": ".txt",
    "text/markdown": ".md",
    "text/rtf": ".rtf",
    "text/x-vcard": ".vcf",
    "audio/wav": ".wav",
    "image/jpg": ".jpg",
    "text/x-amp-html": ".html",
    "image/jpeg": ".jpg",
    "image/pjpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/gzip": ".gz",
    "application/ms-tnef": ".dat",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/vnd.ms-outlook": ".msg",
}
_STEMS = {
    "message/delivery-status": "delivery-status",
    "message/disposition-notification": "disposition-notification",
    "message/feedback-report": "feedback-report",
    "text/rfc822-headers": "returned-headers",
    "text/calendar": "invite",
    "application/ms-tnef": "winmail",
    "application/pgp-signature": "signature",
    "application/pkcs7-signature": "smime",
    "application/x-pkcs7-signature": "smime",
    "application/pkcs7-mime": "smime",
    "application/x-pkcs7-mime": "smime",
    "message/rfc822": "message",
    "message/global": "message",
}


def safe_filename(name: str, limit: int) -> tuple[str, bool]:
    """(`name` without path, control and direction characters and at most `limit` UTF-8 bytes, whether it was cut).

    The extension survives the cut. Empty when nothing readable is left.
    """
    name = _SPACES.sub(" ", clean(_UNSAFE.sub("", name))).strip()
    name = name.rstrip("\\/").replace("\\", "/").rpartition("/")[2].strip(" .") if name.strip("./\\ ") else ""
    if len(name.encode()) <= limit:
        return name, False
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > _MAX_EXTENSION:
        stem, extension = name, ""
    room = limit - len((dot + extension).encode()) if extension else limit
    stem = stem.encode()[:room].decode(errors="ignore").rstrip()
    return (f"{stem}.{extension}" if extension else stem), True


def type_of(name: str) -> str:
    """The content type that the extension of `name` stands for, where the sender gave none."""
    return _TYPES.guess_type(name.rpartition("/")[2])[0] or "application/octet-stream"


def default_filename(content_type: str, number: int) -> str:
    """A name for the `number`-th part, which came without one."""
    extension = _EXTENSIONS.get(content_type) or _TYPES.guess_extension(content_type) or ".bin"
    stem = _STEMS.get(content_type)
    if stem is None:
        stem = f"image-{number}" if content_type.startswith("image/") else f"attachment-{number}"
    return stem + extension
