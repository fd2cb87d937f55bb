"""How long requests take, by route; never by what was asked for or by whom."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler

from domain.metrics import HTTP_SECONDS


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    began, status = time.perf_counter(), 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        # Methods are a sender's to invent; only those that we serve are worth a series.
        method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        HTTP_SECONDS.labels(method, route, str(status)).observe(time.perf_counter() - began)
