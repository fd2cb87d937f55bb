"""Heartbeats beside an activity's work, so that Temporal notices within seconds when its worker has died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

# Well below every step's heartbeat time-out; the SDK sends fewer than this.
EVERY = 4.0


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Beats until the body ends. A local activity needs none: it lives within its workflow task."""
    if activity.info().is_local:
        yield
        return
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(EVERY)
