"""Whether Temporal can be reached, as the pages say it: they show Postgres, and are of the moment it was lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from domain.runs import Runs

INTERVAL = 5.0
PATIENCE = 3.0

log = structlog.get_logger("console.reach")


class Reach:
    """`lost_at` is when Temporal was last found to be away; None while it answers."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.lost_at: datetime | None = None

    async def keep_asking(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(INTERVAL)

    async def ask(self) -> None:
        try:
            await asyncio.wait_for(self._runs.ping(), PATIENCE)
        except Exception as error:  # whatever keeps it from answering
            if self.lost_at is None:
                self.lost_at = datetime.now(UTC)
                log.warning("Temporal cannot be reached", error=type(error).__name__)
        else:
            self.lost_at = None
