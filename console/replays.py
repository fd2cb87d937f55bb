"""Replays of the rules in the background: the page and the API show how far each one is, whichever process runs it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from uuid import UUID

import structlog

from console.services import Services
from mail.fields import header_fields
from storage import dry_run, replays, rules
from storage.dry_run import Difference
from storage.evidence import HeaderLoader, Headers
from storage.objects import raw_key

# Seconds between two notes of progress.
_NOTE_EVERY = 1.0

log = structlog.get_logger("console.replays")


class Replays:
    """One at a time for a tenant."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, tenant_id: UUID, since: datetime, *, actor: str) -> UUID:
        """Begins a replay of the rules in force over all mail since then (aware), and returns its id. Raises
        `storage.replays.Busy`."""
        async with self._services.db.tenant(tenant_id) as session:
            version, _ = await rules.current(session, tenant_id)
            total = await dry_run.count_replayed(session, tenant_id, since)
            replay_id = await replays.begin(session, tenant_id, since, version, total, actor=actor)
        task = asyncio.create_task(self._run(tenant_id, replay_id, since))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return replay_id

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, tenant_id: UUID, replay_id: UUID, since: datetime) -> None:
        state = "failed"
        try:
            await self._replay(tenant_id, replay_id, since)
            state = "done"
        except Exception:
            log.exception("a replay of rules failed", replay_id=str(replay_id))
        finally:
            async with self._services.db.tenant(tenant_id) as session:
                await replays.finish(session, tenant_id, replay_id, state)

    async def _replay(self, tenant_id: UUID, replay_id: UUID, since: datetime) -> None:
        checked, found, noted = 0, list[Difference](), time.monotonic()

        async def note() -> None:
            async with self._services.db.tenant(tenant_id) as session:
                await replays.progress(session, tenant_id, replay_id, checked, found)
            found.clear()

        headers_of = self._headers(tenant_id)
        async for difference in dry_run.replay_rules(
            self._services.db, self._services.token_keys, tenant_id, since, headers_of
        ):
            checked += 1
            if difference is not None:
                found.append(difference)
            if time.monotonic() - noted > _NOTE_EVERY:
                await note()
                noted = time.monotonic()
        await note()

    def _headers(self, tenant_id: UUID) -> dry_run.HeadersOf:
        def headers_of(_: UUID, sha256: str | None) -> HeaderLoader:
            async def load() -> Headers:
                if sha256 is None:
                    return {}
                try:
                    return header_fields(await self._services.objects.get(raw_key(tenant_id, sha256)))
                except FileNotFoundError:
                    return {}  # kept no longer

            return load

        return headers_of
