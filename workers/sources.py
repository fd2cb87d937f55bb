"""The sources as this installation's settings reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activities.sources import Sources
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing
from workers.settings import Settings


@asynccontextmanager
async def open_sources(settings: Settings, db: Database) -> AsyncIterator[Sources]:
    """Raises SecretError for master keys that are none."""
    sources = Sources(
        db,
        KeyRing(settings.master_keys.get_secret_value()),
        Objects(settings.objects_url),
        endpoints=settings.endpoints,
        max_message_bytes=settings.max_message_bytes,
        allow_private_hosts=settings.allow_private_hosts,
    )
    try:
        yield sources
    finally:
        await sources.close()
