"""Request bodies with a limit of their own, smaller than what the application takes as mail."""

from __future__ import annotations

from aiohttp import web


async def read_body(request: web.Request, limit: int) -> bytes | None:
    """The body as it is after decompression; None once it is larger than `limit` bytes."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
