"""Watches many IMAP mailboxes in one event loop, and tells a `Sink` what arrives.

Each mailbox costs one coroutine and one idle connection; blocking protocol work runs in two small thread pools, one
for logins alone, so that servers that do not answer never delay the mailboxes that are connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from providers.imap.connection import DEFAULT_TIMEOUTS, Timeouts
from providers.imap.hosts import Host
from providers.imap.settings import Credentials, ImapSettings
from providers.imap.sync import FolderState
from providers.imap.watch import DEFAULT_TIMERS, MailboxStatus, Sink, Timers, Tools, Watch

_LOGIN_THREADS = 32
_WORK_THREADS = 16


class Listener:
    """The IDLE connections of one process. All methods belong to one event loop."""

    def __init__(
        self,
        sink: Sink,
        *,
        allow_private: bool = False,
        timers: Timers = DEFAULT_TIMERS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        batch: int = 500,
        logins_per_host: int = 16,
    ) -> None:
        """`batch`: the most messages that `sink.listed` gets at once. `allow_private`: servers on private networks."""
        self._tools = Tools(
            sink=sink,
            logins=ThreadPoolExecutor(_LOGIN_THREADS, thread_name_prefix="imap-login"),
            work=ThreadPoolExecutor(_WORK_THREADS, thread_name_prefix="imap-work"),
            timers=timers,
            timeouts=timeouts,
            allow_private=allow_private,
            batch=batch,
        )
        self._logins_per_host = logins_per_host
        self._hosts: dict[tuple[str, int], Host] = {}
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}

    async def add(
        self, mailbox_id: str, settings: ImapSettings, credentials: Credentials, states: Sequence[FolderState]
    ) -> None:
        """Begins to watch a mailbox from the stored `states`; returns at once. Raises ValueError if it is watched."""
        if mailbox_id in self._watches:
            raise ValueError(f"mailbox {mailbox_id} is watched already")
        key = (settings.host.lower(), settings.port)
        if key not in self._hosts:
            self._hosts[key] = Host(self._logins_per_host, self._tools.timers.probe)
        watch = Watch(mailbox_id, settings, credentials, states, self._hosts[key], self._tools)
        self._watches[mailbox_id] = watch, asyncio.create_task(watch.run(), name=f"imap {mailbox_id}")

    async def remove(self, mailbox_id: str) -> None:
        """Stops watching a mailbox, if it is watched; the sink hears nothing of it once this returns."""
        if mailbox_id in self._watches:
            _, task = self._watches.pop(mailbox_id)
            await _cancel([task])

    async def replace(
        self, mailbox_id: str, settings: ImapSettings, credentials: Credentials, states: Sequence[FolderState]
    ) -> None:
        """Goes on with other settings, credentials or states: after a reconfiguration, new credentials or a resync."""
        await self.remove(mailbox_id)
        await self.add(mailbox_id, settings, credentials, states)

    def status(self) -> dict[str, MailboxStatus]:
        """The status of every watched mailbox by its id."""
        return {mailbox_id: watch.status for mailbox_id, (watch, _) in self._watches.items()}

    async def close(self) -> None:
        """Stops everything at once; connections are cut, not said goodbye to."""
        tasks = [task for _, task in self._watches.values()]
        self._watches.clear()
        await _cancel(tasks)
        self._tools.logins.shutdown(wait=False, cancel_futures=True)
        self._tools.work.shutdown(wait=False, cancel_futures=True)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
