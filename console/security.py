"""What every answer carries, and how a form proves that it is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final
from urllib.parse import quote, urlsplit

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


# The longest address that a page of ours may have to lead back to it.
_MAX_PATH: Final = 2_000


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


def own_path(wanted: str) -> str:
    """Where to lead somebody: the page they want when it is one of ours, home otherwise."""
    # Browsers take `//`, `///` and `/\\` for the begin of another host.
    ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if ours and wanted.isascii() and wanted.isprintable() and len(wanted) <= _MAX_PATH else "/"


def sign_in_path(following: str) -> str:
    """The sign-in page that leads on to this page."""
    place = own_path(following)
    return "/login" if place == "/" else f"/login?next={quote(place, safe='')}"


def page_before(request: web.Request) -> str:
    """The page of ours on which a form was sent, as far as the browser tells; home otherwise."""
    try:
        parts = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    return own_path(parts._replace(scheme="", netloc="", fragment="").geturl())


def csrf_token(session_token: str) -> str:
    """The form token of a session: known to its pages only, and of no use without its cookie."""
    digest = hmac.digest(session_token.encode(), b"postroom form", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def csrf_matches(session_token: str, given: str) -> bool:
    return hmac.compare_digest(csrf_token(session_token).encode(), given.encode("utf-8", "replace"))
