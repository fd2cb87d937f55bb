"""A span for each request, by route: never by what was asked for, or by whom."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from domain import tracing

# What is asked all day by machines, and tells nothing.
_PASSED_OVER = ("/health/live", "/health/ready", "/metrics")


def trace_requests(application: web.Application) -> None:
    """Before the application starts. A caller's own trace context is not taken over: outsiders choose no trace here."""
    if tracing.enabled():
        application.middlewares.insert(0, _traced)


@web.middleware
async def _traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unknown"
    if route in _PASSED_OVER:
        return await handler(request)
    method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
    attributes = {"http.request.method": method, "http.route": route}
    with tracing.span(f"{method} {route}", attributes, tracing.SERVER) as span:
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            span.set_attribute("http.response.status_code", answer.status)
            raise
        span.set_attribute("http.response.status_code", response.status)
        return response
