"""The session cookie, those that are needed on the way to a session, and the theme of this browser."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web

from console.services import Services
from storage.access import ABSOLUTE

# How long somebody may take to sign in at their OpenID provider.
_AT_PROVIDER: Final = 600
# What may be chosen instead of the system's own.
THEMES: Final = ("light", "dark")
# How long sign-in remembers where somebody was going, while they get a link or are at their OpenID provider.
_ON_THE_WAY: Final = 3600
_YEAR: Final = 365 * 24 * 3600


def name(services: Services, what: str = "sid") -> str:
    """`__Host-sid` over TLS. Plain http is for development, where several consoles share a host: the port is in it."""
    return f"__Host-{what}" if services.secure else f"{what}-{urlsplit(services.public_url).port or 80}"


def read(request: web.Request, services: Services) -> str | None:
    return request.cookies.get(name(services))


def set_session(response: web.StreamResponse, services: Services, token: str) -> None:
    _set(response, services, "sid", token, int(ABSOLUTE.total_seconds()))


def clear(response: web.StreamResponse, services: Services) -> None:
    _clear(response, services, "sid")


def read_oidc(request: web.Request, services: Services) -> str | None:
    return request.cookies.get(name(services, "oidc"))


def set_oidc(response: web.StreamResponse, services: Services, secret: str) -> None:
    _set(response, services, "oidc", secret, _AT_PROVIDER)


def clear_oidc(response: web.StreamResponse, services: Services) -> None:
    _clear(response, services, "oidc")


def read_next(request: web.Request, services: Services) -> str:
    return unquote(request.cookies.get(name(services, "next"), ""))


def set_next(response: web.StreamResponse, services: Services, path: str) -> None:
    """Where sign-in leads; home is where it leads by itself."""
    if path == "/":
        _clear(response, services, "next")
    else:
        _set(response, services, "next", quote(path, safe=""), _ON_THE_WAY)


def theme(request: web.Request, services: Services) -> str:
    """One of THEMES, or "" for the system's."""
    chosen = request.cookies.get(name(services, "theme"), "")
    return chosen if chosen in THEMES else ""


def set_theme(response: web.StreamResponse, services: Services, chosen: str) -> None:
    """Anything that is no theme is the system's."""
    if chosen in THEMES:
        _set(response, services, "theme", chosen, _YEAR)
    else:
        _clear(response, services, "theme")


def _set(response: web.StreamResponse, services: Services, what: str, value: str, seconds: int) -> None:
    # Lax, not Strict: links to tickets in mails, and the way back from the OpenID provider.
    response.set_cookie(
        name(services, what),
        value,
        max_age=seconds,
        path="/",
        secure=services.secure,
        httponly=True,
        samesite="Lax",
    )


def _clear(response: web.StreamResponse, services: Services, what: str) -> None:
    response.del_cookie(name(services, what), path="/", secure=services.secure, httponly=True, samesite="Lax")
