"""What every answer carries, and how a form proves that it is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from aiohttp import web

from console.services import Services

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def add_headers(application: web.Application, services: Services) -> None:
    """Strict headers on every answer of every route; one that a handler has set itself stays."""

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if services.secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        response.headers.popall("Server", None)

    application.on_response_prepare.append(on_prepare)


def is_same_origin(request: web.Request, services: Services) -> bool:
    """Whether the browser says that this request was made by one of our own pages."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # Browsers without fetch metadata send an Origin with every form.
    host = urlsplit(request.headers.get("Origin", "")).netloc
    return host != "" and host in (request.host, urlsplit(services.public_url).netloc)


def csrf_token(session_token: str) -> str:
    """The form token of a session: known to its pages only, and of no use without its cookie."""
    digest = hmac.digest(session_token.encode(), b"postroom form", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def csrf_matches(session_token: str, given: str) -> bool:
    return hmac.compare_digest(csrf_token(session_token).encode(), given.encode("utf-8", "replace"))
