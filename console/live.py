"""Live pages: one look a second at what a tenant's pages show, shared by all who watch them in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from storage import pulse
from storage.database import Database
from storage.pulse import Pulse

INTERVAL = 1.0

log = structlog.get_logger("console.live")


@dataclass
class _Watched:
    """A tenant that somebody looks at; `queues` are those of the watchers."""

    queues: set[asyncio.Queue[Pulse | None]] = field(default_factory=set)
    last: Pulse | None = None
    looking: asyncio.Task[None] | None = None


class Live:
    """Tells watchers of changes. It ends with the application, and all watching with it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tenants: dict[UUID, _Watched] = {}
        self._closing = False

    @asynccontextmanager
    async def watch(self, tenant_id: UUID) -> AsyncIterator[asyncio.Queue[Pulse | None]]:
        """A queue with the pulse as it is and each that differs from the one before; None is the end."""
        queue: asyncio.Queue[Pulse | None] = asyncio.Queue()
        watched = self._tenants.setdefault(tenant_id, _Watched())
        watched.queues.add(queue)
        if watched.last is not None:
            queue.put_nowait(watched.last)
        if self._closing:
            queue.put_nowait(None)
        elif watched.looking is None:
            watched.looking = asyncio.create_task(self._look(tenant_id, watched))
        try:
            yield queue
        finally:
            watched.queues.discard(queue)
            if not watched.queues and watched.looking is not None:
                watched.looking.cancel()
                self._tenants.pop(tenant_id, None)

    async def close(self) -> None:
        """Ends all watching, so that a server that stops need not wait for it."""
        self._closing = True
        for watched in self._tenants.values():
            for queue in watched.queues:
                queue.put_nowait(None)

    async def _look(self, tenant_id: UUID, watched: _Watched) -> None:
        while True:
            try:
                async with self._db.tenant(tenant_id) as session:
                    now = await pulse.read(session, tenant_id)
            except Exception as error:  # Postgres is away: the next look may find it again
                log.warning("cannot look for changes", error=type(error).__name__)
            else:
                if now != watched.last:
                    watched.last = now
                    for queue in watched.queues:
                        queue.put_nowait(now)
            await asyncio.sleep(INTERVAL)
