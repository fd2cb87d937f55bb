"""What webhooks know of the mailboxes they serve, looked up at most once in a few seconds each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

KEEP = 10.0
LARGEST = 10_000


class Known(Generic[K, V]):
    """Values by key, each kept for `KEEP` seconds. What does not exist is not remembered, so guesses fill nothing."""

    def __init__(self, look_up: Callable[[K], Awaitable[V | None]]) -> None:
        self._look_up = look_up
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()

    async def get(self, key: K) -> V | None:
        """Raises what the look-up raises."""
        known = self._values.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        value = await self._look_up(key)
        if value is None:
            self._values.pop(key, None)
            return None
        self._values[key] = (time.monotonic() + KEEP, value)
        self._values.move_to_end(key)
        if len(self._values) > LARGEST:
            self._values.popitem(last=False)
        return value
