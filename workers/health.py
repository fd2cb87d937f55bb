"""Health of one process: live while it runs, ready once every check says so; and its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import prometheus_client
from aiohttp import web

from storage.database import Database

# A check returns None when all is well, else the cause in a few words.
Check = Callable[[], Awaitable[str | None]]


def routes(checks: dict[str, Check]) -> list[web.RouteDef]:
    """`/health/live`, `/health/ready` and `/metrics`."""

    async def live(request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(request: web.Request) -> web.Response:
        causes = {}
        for name, check in checks.items():
            try:
                cause = await asyncio.wait_for(check(), 5)
            except Exception as error:  # a check that fails is a cause, whatever failed
                cause = type(error).__name__
            if cause is not None:
                causes[name] = cause
        body = {"status": "not ready", "causes": causes} if causes else {"status": "ready"}
        return web.json_response(body, status=503 if causes else 200)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(
            body=prometheus_client.generate_latest(), headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST}
        )

    return [web.get("/health/live", live), web.get("/health/ready", ready), web.get("/metrics", metrics)]


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
