"""The session cookie."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from console.services import Services
from storage.access import ABSOLUTE


def name(services: Services) -> str:
    """`__Host-sid` over TLS. Plain http is for development, where several consoles share a host: the port is in it."""
    return "__Host-sid" if services.secure else f"sid-{urlsplit(services.public_url).port or 80}"


def read(request: web.Request, services: Services) -> str | None:
    return request.cookies.get(name(services))


def set_session(response: web.StreamResponse, services: Services, token: str) -> None:
    response.set_cookie(
        name(services),
        token,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        secure=services.secure,
        httponly=True,
        samesite="Lax",
    )


def clear(response: web.StreamResponse, services: Services) -> None:
    response.del_cookie(name(services), path="/", secure=services.secure, httponly=True, samesite="Lax")
