"""Bodies and files that strangers wrote, served so that nothing in them can act."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from aiohttp import web

from console.services import Services
from mail.sanitise import SafeHtml, sanitise
from storage.attachments import LOCKED
from storage.objects import part_key

# Inline images are put into the page itself: its frame has no origin, so it could not ask for them as somebody.
MAX_INLINE_BYTES = 8 * 1024 * 1024
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
# What a browser may be told an attachment is. Everything else is bytes.
_HARMLESS = _IMAGES | {"application/pdf", "text/plain", "text/csv", "application/zip"}

MAX_HEADERS = 64 * 1024
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")

FRAME_POLICY = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
FILE_POLICY = "sandbox; default-src 'none'"

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mail</title><style>
html{{color-scheme:light;background:#fff}}body{{margin:0;padding:12px 16px;color:#1b1f24;overflow-wrap:anywhere;
font:15px/1.55 system-ui,sans-serif}}img{{max-width:100%;height:auto}}table{{max-width:100%}}pre{{white-space:pre-wrap}}
blockquote{{margin:.5em 0 .5em .5em;padding-left:.75em;border-left:2px solid #d0d7de;color:#57606a}}
</style></head><body>{body}</body></html>"""


async def safe_html(html: str, cid_url: Callable[[str], str | None]) -> SafeHtml:
    """`html` sanitised beside the event loop."""
    return await asyncio.to_thread(sanitise, html, cid_url=cid_url)


async def frame(services: Services, tenant_id: UUID, html: str, manifest: list[Any]) -> web.Response:
    """The HTML of a mail as a document of its own, without scripts, forms or anything from elsewhere."""
    images = await _inline_images(services, tenant_id, manifest)
    body = await safe_html(html, images.get)
    return web.Response(
        text=_FRAME.format(body=body.html),
        content_type="text/html",
        headers={"Content-Security-Policy": FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"},
    )


async def _inline_images(services: Services, tenant_id: UUID, manifest: list[Any]) -> dict[str, str]:
    """Content-ID → `data:` URL of the mail's images, as far as they fit."""
    images: dict[str, str] = {}
    left = MAX_INLINE_BYTES
    for part in manifest:
        if part["content_type"] not in _IMAGES or part["size"] > left:
            continue
        left -= part["size"]
        content = await services.objects.get(part_key(tenant_id, part["sha256"]))
        images[part["content_id"]] = f"data:{part['content_type']};base64,{base64.b64encode(content).decode()}"
    return images


async def attachment(services: Services, request: web.Request, row: Any, *, locked: bool = False) -> web.StreamResponse:
    """A stored part as a download that no browser opens in place; `locked`: also one that is infected or not scanned.

    Raises LookupError when its bytes are not there.
    """
    if row["state"] != "stored" and not (locked and row["state"] in LOCKED):
        raise LookupError(row["state"])
    harmless = row["state"] == "stored" and row["content_type"] in _HARMLESS
    content_type = row["content_type"] if harmless else "application/octet-stream"
    return await _download(
        services, request, part_key(row["tenant_id"], row["sha256"]), row["filename"], content_type, row["size"]
    )


async def raw_mail(services: Services, request: web.Request, key: str, name: str, size: int) -> web.StreamResponse:
    """The message as it was received. Raises LookupError when it is not in the store."""
    return await _download(services, request, key, name, "application/octet-stream", size)


async def header_block(services: Services, key: str) -> str:
    """The message up to its first empty line, at most 64 KB. Raises LookupError when it is not in the store."""
    if not await services.objects.exists(key):
        raise LookupError("missing")
    read = b""
    async for chunk in services.objects.stream(key):
        read += bytes(chunk)
        block = _END_OF_HEADERS.split(read, maxsplit=1)
        if len(block) == 2 or len(read) > MAX_HEADERS:
            break
    shown = _END_OF_HEADERS.split(read, maxsplit=1)[0][:MAX_HEADERS].decode("utf-8", "replace").replace("\r", "")
    # What could turn the direction of the text around, or is no text, is shown as what it is.
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in shown)


async def _download(
    services: Services, request: web.Request, key: str, filename: str, content_type: str, size: int
) -> web.StreamResponse:
    if not await services.objects.exists(key):
        raise LookupError("missing")
    response = web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Content-Length": str(size),
            "Content-Disposition": disposition(filename),
            "Content-Security-Policy": FILE_POLICY,
        }
    )
    await response.prepare(request)
    async for chunk in services.objects.stream(key):
        await response.write(chunk)
    await response.write_eof()
    return response


def disposition(filename: str) -> str:
    """`attachment` with the name in RFC 6266's two forms; what could act or deceive is taken out of it."""
    name = "".join(c for c in filename.replace("/", "_").replace("\\", "_") if c.isprintable()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 10:
        name = f"{stem[:180]}.{extension}"
    name = name[:200] or "attachment"
    plain = "".join(c if c.isascii() and c not in '"%;' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
