"""How long requests take, by route; never by what was asked for or by whom."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Histogram

_SECONDS = Histogram(
    "postroom_http_request_seconds",
    "Time to answer a request of the console or the API",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


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
        method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
        _SECONDS.labels(method, route, str(status)).observe(time.perf_counter() - began)
