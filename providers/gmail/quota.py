"""Gmail's quota per user: units a minute, and requests at once.

developers.google.com/workspace/gmail/api/reference/quota. Beyond the units there is a wall of concurrent requests per
user, shared with the user's own clients, that answers 429 even inside the quota.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

CONCURRENT = 4

COST = {"getProfile": 1, "history.list": 2, "labels.list": 1, "messages.list": 5, "messages.get": 20, "watch": 100,
        "stop": 50, "messages.send": 100}  # fmt: skip


class Quota:
    """A token bucket that never spends more than `units_per_minute` in any minute, and the cap on concurrency."""

    def __init__(self, units_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = units_per_minute / 6
        self._rate = (units_per_minute - self._capacity) / 60
        self._clock = clock
        self._units = self._capacity
        self._at = clock()
        self._slots = asyncio.Semaphore(CONCURRENT)

    @asynccontextmanager
    async def spend(self, method: str) -> AsyncIterator[None]:
        """Around one request; waits until it may be made."""
        async with self._slots:
            wait = self.reserve(COST[method])
            while wait > 0:
                await asyncio.sleep(wait)
                wait = self.reserve(COST[method])
            yield

    def reserve(self, units: int) -> float:
        """Takes the units and returns 0, or takes nothing and returns after how many seconds to ask again."""
        now = self._clock()
        self._units = min(self._capacity, self._units + (now - self._at) * self._rate)
        self._at = now
        if self._units >= units:
            self._units -= units
            return 0.0
        return max((units - self._units) / self._rate, 0.001)
