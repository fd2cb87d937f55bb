"""What is known of a mail server that many mailboxes share: whether it is up, and how gently to knock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from providers.imap.connection import Unreachable

_UNANNOUNCED_LIMIT = 3
_IDLE_RETRY = 3600  # seconds


class Host:
    """The shared state of one server; belongs to one event loop.

    While the server is down one mailbox at a time tries it, and its success wakes the others: thousands of mailboxes
    are back within seconds of its return, without a storm of attempts before.
    """

    def __init__(self, logins: int, probe_interval: float) -> None:
        """`logins`: how many may log in at once; `probe_interval`: seconds between tries at a server that is down."""
        self._logins = asyncio.Semaphore(logins)
        self._probe_interval = probe_interval
        self._probe = asyncio.Lock()
        self._up = asyncio.Event()
        self._up.set()
        self._announces = False
        self._unannounced = 0
        self._idle_again = 0.0

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Around connecting and logging in; waits for one's turn."""
        while True:
            if self.down:
                async with self._probe:
                    if self.down:
                        async with self._noticing():
                            yield
                        return
            async with self._logins:
                if not self.down:
                    async with self._noticing():
                        yield
                    return

    @property
    def down(self) -> bool:
        """Whether the last attempt to reach the server failed."""
        return not self._up.is_set()

    @asynccontextmanager
    async def _noticing(self) -> AsyncIterator[None]:
        try:
            yield
        except Unreachable:
            if self.down:  # a probe: the next one waits for its turn
                await self.pause(self._probe_interval)
            self._up.clear()
            raise
        self._up.set()

    async def pause(self, seconds: float) -> None:
        """Waits `seconds`, less when the server was down and comes back meanwhile."""
        if not self.down:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._up.wait(), seconds)

    def announced(self) -> None:
        """IDLE announced a change, as it should; a server that ever did is not doubted any more."""
        self._announces = True

    @property
    def idle_works(self) -> bool:
        """Whether to wait in IDLE; a server where it failed is polled, and tried again after an hour."""
        return time.monotonic() >= self._idle_again

    def idle_refused(self) -> None:
        """The server advertises IDLE and refuses it."""
        self._idle_again = time.monotonic() + _IDLE_RETRY

    def unannounced(self) -> None:
        """New mail was found that IDLE had not announced; a server that never announces is polled instead.

        That it happens proves nothing by itself: Dovecot announces half a second late, and we may look before.
        """
        self._unannounced += 1
        if not self._announces and self._unannounced >= _UNANNOUNCED_LIMIT:
            self._unannounced = 0
            self.idle_refused()
