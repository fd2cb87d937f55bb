"""The stylesheet, the script and the icon, read once."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from aiohttp import web

from console.calls import NotFound, PublicCall

_DIRECTORY = Path(__file__).parents[1] / "static"
_FILES = {path.name: path.read_bytes() for path in sorted(_DIRECTORY.iterdir()) if path.is_file()}


def url(name: str) -> str:
    """The file's URL, which changes with its content. Raises KeyError for a file that does not exist."""
    return f"/static/{name}?v={hashlib.sha256(_FILES[name]).hexdigest()[:12]}"


async def serve(call: PublicCall) -> web.Response:
    name = call.request.match_info["name"]
    if name not in _FILES:
        raise NotFound
    return web.Response(
        body=_FILES[name],
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
