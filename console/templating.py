"""Templates to pages. Everything that is filled in is escaped."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from console import cookies, formatting, navigation
from console.calls import SERVICES, PageCall, PublicCall
from console.pages import static
from console.strings import STRINGS, text

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(t=text, static=static.url)
_TEMPLATES.filters.update(
    ago=formatting.ago,
    browser=formatting.browser,
    clock=formatting.clock,
    duration=formatting.duration,
    elapsed=formatting.elapsed,
    hue=formatting.hue,
    initials=formatting.initials,
    linked=formatting.linked,
    size=formatting.size,
    words=formatting.words,
)


async def render(call: PageCall, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page in the console's frame."""
    request = call.request
    return _respond(
        request,
        template,
        status,
        user=call.user,
        csrf=call.csrf,
        waiting=call.pulse.waiting,
        pulse=asdict(call.pulse),
        away_since=call.away_since,
        path=request.path,
        # What a form was answered with has no address of its own.
        here=request.path_qs if request.method == "GET" else "/",
        navigation=navigation.entries(call.user.role),
        may=call.may,
        may_answer=call.may("agent"),
        **values,
    )


def render_public(call: PublicCall, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page for somebody who is not signed in."""
    return _respond(call.request, template, status, **values)


def render_error(request: web.Request, status: int) -> web.Response:
    known = f"error.{status}" in STRINGS
    return _respond(request, "error.html", status, key=f"error.{status}" if known else "error.other")


def render_ended(request: web.Request, status: int, texts: list[tuple[str, str]], place: str) -> web.Response:
    """A form whose session has ended (401), or is another one by now (403); `place` leads on."""
    return _respond(request, "ended.html", status, key=f"ended.{status}", texts=texts, place=place)


def _respond(request: web.Request, template: str, status: int, **values: Any) -> web.Response:
    theme = cookies.theme(request, request.config_dict[SERVICES])
    body = _TEMPLATES.get_template(template).render(theme=theme, **values)
    return web.Response(text=body, status=status, content_type="text/html")
