"""The API as an application of its own, so that no cookie counts here and no bearer token counts in the console."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from console.api import openapi
from console.api.idempotency import once
from console.api.operations import OPERATIONS, Operation
from console.api.problems import Problem, not_found
from console.api.requests import read
from console.calls import DELIVERY, SERVICES, ApiCall, NotFound
from console.delivery import Delivery
from console.services import Services
from storage import api_tokens
from storage.api_tokens import SCOPES, ApiToken

PREFIX = "/api/v1"

log = structlog.get_logger("console.api")


def make_api(services: Services, delivery: Delivery) -> web.Application:
    """Every operation, each behind its scope, and the document that describes them."""
    api = web.Application(middlewares=[_problems])
    api[SERVICES], api[DELIVERY] = services, delivery
    described = json.dumps(openapi.document())

    async def describe(request: web.Request) -> web.Response:
        return web.Response(text=described, content_type="application/json")

    api.router.add_get("/openapi.json", describe)
    for operation in OPERATIONS:
        api.router.add_route(operation.method, operation.path, _guarded(operation))
    return api


def _guarded(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        token = await _token(request)
        if SCOPES.index(token.scope) < SCOPES.index(operation.scope):
            raise Problem(403, f"This token is of scope {token.scope}: use one of scope {operation.scope}.")
        call = ApiCall(request, token, await read(request, operation.max_body))
        # The other methods may be repeated as they are.
        return await (once(call, operation.handler) if operation.method == "POST" else operation.handler(call))

    return handle


async def _token(request: web.Request) -> ApiToken:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.startswith(api_tokens.PREFIX) and len(value) < 200:
        token = await api_tokens.find(request.app[SERVICES].db, value.strip())
        if token is not None:
            return token
    raise Problem(401, "Send a valid API token as `Authorization: Bearer pr_…`; `postroom token add` makes one.")


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except NotFound:
        return not_found().response()
    except web.HTTPException as error:
        return _http_problem(error).response()
    except Exception:
        log.exception("request failed", method=request.method, route=_route(request))
        return Problem(500, "Something failed on our side; try again, and look into the log if it stays.").response()


def _http_problem(error: web.HTTPException) -> Problem:
    match error.status:
        case 404:
            return Problem(404, f"There is no such path: {PREFIX}/openapi.json lists them.", kind="no-such-path")
        case 405:
            problem = Problem(405, f"This path does not know the method: {PREFIX}/openapi.json lists what it knows.")
            problem.headers["Allow"] = error.headers.get("Allow", "")
            return problem
        case status:
            return Problem(status, error.reason)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""
