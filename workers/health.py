"""Health of one process: live while it does its work, ready once every check says so; and its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import prometheus_client
from aiohttp import web
from aiohttp.typedefs import Handler

from storage.database import Database
from storage.objects import Objects

# A check returns None when all is well, else the cause in a few words.
Check = Callable[[], Awaitable[str | None]]


def routes(checks: dict[str, Check], alive: dict[str, Check] | None = None) -> list[web.RouteDef]:
    """`/health/live`, `/health/ready` and `/metrics`.

    `checks` say whether work may be sent here; `alive` only what starting the process anew could mend, and are part of
    being ready, too. Who comes through a reverse proxy learns only whether the process is live.
    """
    vital = alive or {}

    async def live(request: web.Request) -> web.Response:
        return await _answer("live", vital)

    async def ready(request: web.Request) -> web.Response:
        return await _answer("ready", {**checks, **vital})

    async def metrics(request: web.Request) -> web.Response:
        # In a thread: it asks the Temporal SDK's own port.
        text = await asyncio.to_thread(prometheus_client.generate_latest)
        return web.Response(body=text, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    return [
        web.get("/health/live", live),
        web.get("/health/ready", _from_inside(ready)),
        web.get("/metrics", _from_inside(metrics)),
    ]


def _from_inside(handler: Handler) -> Handler:
    """The console's port is the public one. Probes and Prometheus come straight; a proxy names whom it speaks for."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
            raise web.HTTPNotFound
        return await handler(request)

    return guarded


async def _answer(status: str, checks: dict[str, Check]) -> web.Response:
    causes = {}
    for name, check in checks.items():
        try:
            cause = await asyncio.wait_for(check(), 5)
        except Exception as error:  # a check that fails is a cause, whatever failed
            cause = type(error).__name__
        if cause is not None:
            causes[name] = cause
    body = {"status": f"not {status}", "causes": causes} if causes else {"status": status}
    return web.json_response(body, status=503 if causes else 200)


def object_store(objects: Objects) -> Check:
    """Whether the object store answers; there need not be anything in it."""

    async def check() -> str | None:
        await objects.exists("health")
        return None

    return check


def postgres(db: Database) -> Check:
    """Whether the database answers."""

    async def check() -> str | None:
        async with db.directory() as session:
            await session.execute("select 1")
        return None

    return check


async def serve(application: web.Application, host: str, port: int) -> web.AppRunner:
    """Serves on a port. Raises OSError when it is taken."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
