"""The console's application: every declared route behind its guard, the API beside it, strict headers on everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from console import cookies, kept, security
from console.api.application import PREFIX, make_api
from console.calls import DELIVERY, LIVE, REACH, REPLAYS, SERVICES, NotFound, PageCall, PublicCall
from console.delivery import Delivery
from console.live import Live
from console.metrics import measure
from console.reach import Reach
from console.replays import Replays
from console.roles import may
from console.routes import ROUTES, Page, Public
from console.services import Services
from console.templating import render_ended, render_error
from storage import access, pulse

# No form of ours carries more than an answer.
MAX_FORM = 64 * 1024

log = structlog.get_logger("console")


def make_application(services: Services, delivery: Delivery) -> web.Application:
    """Console and API; the caller serves it and keeps `delivery` going."""
    application = web.Application(middlewares=[measure, _error_pages], client_max_size=MAX_FORM)
    application[SERVICES], application[DELIVERY] = services, delivery
    application[LIVE], application[REACH] = Live(services.db), Reach(services.runs)
    application.on_shutdown.append(_end_live)
    security.add_headers(application, services)
    for route in ROUTES:
        handler = _public(route) if isinstance(route, Public) else _guarded(route)
        application.router.add_route(route.method, route.path, handler)
    api = make_api(services, delivery)
    application.add_subapp(PREFIX, api)
    application[REPLAYS] = api[REPLAYS] = Replays(services)
    application.on_cleanup.append(_end_replays)
    return application


async def _end_live(application: web.Application) -> None:
    await application[LIVE].close()


async def _end_replays(application: web.Application) -> None:
    await application[REPLAYS].close()


def _public(route: Public) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        call = PublicCall(request)
        if route.method != "GET" and not security.is_same_origin(request, call.services):
            raise web.HTTPForbidden
        return await route.handler(call)

    return handle


def _guarded(route: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        token = cookies.read(request, services)
        # A page that refreshes itself keeps nobody signed in.
        background = "X-Background" in request.headers or request.headers.get("Accept") == "text/event-stream"
        user = await access.session_user(services.db, token, active=not background) if token else None
        if token is None or user is None:
            return await _ended(request, services, background=background)
        if not may(user.role, route.role):
            raise web.HTTPForbidden
        if route.max_form:
            request = request.clone(client_max_size=route.max_form)
        if route.method != "GET":
            form = await request.post()
            if not security.is_same_origin(request, services):
                raise web.HTTPForbidden
            if not security.csrf_matches(token, str(form.get("csrf", ""))):
                return render_ended(request, 403, kept.texts(form), security.page_before(request))
        async with services.db.tenant(user.tenant_id) as session:
            # Before the page is made: what changes while it is made will differ from this.
            now = await pulse.read(session, user.tenant_id)
        return await route.handler(PageCall(request, user, security.csrf_token(token), now))

    return handle


async def _ended(request: web.Request, services: Services, *, background: bool) -> web.Response:
    """For whoever is not signed in, or no more: the way to sign in, and back; what they wrote is not lost."""
    if request.method == "GET":
        # Somebody goes to a page, not to a part of one: a frame, or what a script asks for.
        is_page = not background and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        raise web.HTTPSeeOther(security.sign_in_path(request.path_qs if is_page else "/"))
    if not security.is_same_origin(request, services):
        raise web.HTTPSeeOther("/login")
    try:
        texts = kept.texts(await request.post())
    except web.HTTPRequestEntityTooLarge:
        texts = []  # a file: it is still where it came from
    return render_ended(request, 401, texts, security.sign_in_path(security.page_before(request)))


@web.middleware
async def _error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotFound:
        return render_error(request, 404)
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return render_error(request, error.status)
    except Exception:
        resource = request.match_info.route.resource
        log.exception("page failed", method=request.method, route=resource.canonical if resource else "")
        return render_error(request, 500)
