"""A few worker connections of one mailbox, opened when needed and closed soon after: accounts allow few.

Their blocking work runs in threads that all mailboxes of the process share.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from providers.base import AuthFailed
from providers.imap.connection import ImapConnection, Timeouts
from providers.imap.settings import Credentials, ImapSettings
from providers.imap.threads import open_connection

# More than the activities of a worker that use a connection (20 fetch, 8 list): none waits for another's server.
THREADS = ThreadPoolExecutor(32, thread_name_prefix="imap-fetch")


class ConnectionPool:
    """At most `size` connections; an unused one is closed after `keep` seconds."""

    def __init__(
        self, settings: ImapSettings, credentials: Credentials, *, size: int, keep: float, allow_private: bool,
        timeouts: Timeouts,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._credentials = credentials
        self._keep = keep
        self._allow_private = allow_private
        self._timeouts = timeouts
        self._free = asyncio.Semaphore(size)
        self._unused: dict[ImapConnection, asyncio.TimerHandle] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[ImapConnection]:
        """A connection for as long as the block lasts; one that saw an error is not used again."""
        async with self._free:
            connection = self._take_unused() or await self._open()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            loop = asyncio.get_running_loop()
            self._unused[connection] = loop.call_later(self._keep, self._discard, connection)

    def _take_unused(self) -> ImapConnection | None:
        while self._unused:
            connection, timer = self._unused.popitem()
            timer.cancel()
            if connection.alive():
                return connection
            connection.close()
        return None

    async def _open(self) -> ImapConnection:
        try:
            return await self._log_in(refused=False)
        except AuthFailed:
            if self._settings.auth == "password":
                raise
            return await self._log_in(refused=True)

    async def _log_in(self, *, refused: bool) -> ImapConnection:
        secret = await self._credentials.secret(refused=refused)
        return await open_connection(
            THREADS, self._settings, secret.value, allow_private=self._allow_private, timeouts=self._timeouts
        )

    def _discard(self, connection: ImapConnection) -> None:
        del self._unused[connection]
        connection.logout()

    def close(self) -> None:
        """Closes the unused connections; those in use are closed soon after they are free."""
        for connection, timer in self._unused.items():
            timer.cancel()
            connection.logout()
        self._unused.clear()
