"""What changes while somebody looks: server-sent events, or one answer for those who ask now and then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict

from aiohttp import web

from console import cookies
from console.calls import LIVE, PageCall
from storage import access
from storage.pulse import Pulse

# Seconds. As often something is sent, so that a proxy keeps the connection, and as often the session is looked at.
HEARTBEAT = 15.0


async def pulse(call: PageCall) -> web.StreamResponse:
    """A token for each topic (`storage.pulse`): as they are, or, as an event stream, whenever they change."""
    if call.request.headers.get("Accept") != "text/event-stream":
        return web.json_response(_told(call, call.pulse))
    stream = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    )
    await stream.prepare(call.request)
    async with call.request.app[LIVE].watch(call.tenant_id) as queue:
        with contextlib.suppress(ConnectionError):
            await _send_all(call, queue, stream)
    return stream


async def _send_all(call: PageCall, queue: asyncio.Queue[Pulse | None], stream: web.StreamResponse) -> None:
    last, token = call.pulse, cookies.read(call.request, call.services)
    away = call.away_since
    # At once: something may have changed between the page and this request.
    await stream.write(_event(call, last))
    checked = time.monotonic()
    while True:
        now: Pulse | None = last
        with contextlib.suppress(TimeoutError):
            now = await asyncio.wait_for(queue.get(), checked + HEARTBEAT - time.monotonic())
        if now is None:
            return
        # Also where there is always something to tell: the end of a session ends what it is told.
        if time.monotonic() - checked >= HEARTBEAT:
            if token is None or await access.session_user(call.services.db, token, active=False) is None:
                return
            checked = time.monotonic()
        if now != last or call.away_since != away:
            last, away = now, call.away_since
            await stream.write(_event(call, now))
        else:
            await stream.write(b": still here\n\n")


def _event(call: PageCall, now: Pulse) -> bytes:
    return f"data: {json.dumps(_told(call, now))}\n\n".encode()


def _told(call: PageCall, now: Pulse) -> dict[str, object]:
    return {**asdict(now), "temporal": call.away_since.isoformat() if call.away_since else ""}
