"""A mailbox's watches: made, renewed at half their life, repaired, and strays ended.

A watch is an optimisation. Whatever happens to it, the mailbox is read on its timer, and says so in its status.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from domain.mailbox import MailboxRef
from providers.base import AuthFailed, Conflict, Gone, ProviderError, PushProvider, Watch
from storage import push
from storage.database import Database
from storage.push import StoredWatch

# How often to ask the source which watches it has: it may end one without a word.
CHECK_EVERY = timedelta(days=1)
# After a failure: a minute, then twice as long each time, up to this.
_LONGEST_PAUSE = timedelta(hours=1)
# The source's and our clock differ, and Gmail wants a renewal a day whatever its answer says.
_RENEW_AT_LATEST = timedelta(days=1)


class Watches:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def keep(self, mailbox: MailboxRef, provider: PushProvider) -> str | None:
        """Makes every watch stand. None when all do, else why the mailbox is polled instead, for people."""
        if not provider.watchable:
            return "notifications are not set up"
        async with self._db.tenant(mailbox.tenant_id) as session:
            state = await push.sync_state(session, mailbox.tenant_id, mailbox.mailbox_id)
        now = datetime.now(UTC)
        if state.watch_retry_at is not None and now < state.watch_retry_at:
            return "notifications could not be set up"
        try:
            if state.watches_checked_at is None or now - state.watches_checked_at > CHECK_EVERY:
                await self._check(mailbox, provider, now)
            await self._make(mailbox, provider, now)
        except ProviderError as error:
            failures = state.watch_failures + 1
            pause = min(timedelta(minutes=1) * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
            await self._note(mailbox, watch_failures=failures, watch_retry_at=now + pause)
            # A refusal to notify is no refusal to read: that is for the listing to find out.
            return str(error) if not isinstance(error, AuthFailed) else f"notifications are refused: {error}"
        if state.watch_failures:
            await self._note(mailbox, watch_failures=0, watch_retry_at=None)
        return None

    async def _make(self, mailbox: MailboxRef, provider: PushProvider, now: datetime) -> None:
        stored = await self._stored(mailbox)
        for what in stored.keys() - set(provider.watchable):
            await self._forget(mailbox, provider, stored[what])
        missing: Gone | None = None
        for what in provider.watchable:
            watch = stored.get(what)
            try:
                if watch is None:
                    await self._watch(mailbox, provider, what)
                elif now >= watch.renew_at:
                    await self._renew(mailbox, provider, watch)
            except Gone as error:  # a folder that is not there: the others are watched all the same
                missing = error
        if missing is not None:
            raise missing

    async def _watch(self, mailbox: MailboxRef, provider: PushProvider, what: str) -> None:
        secret = secrets.token_urlsafe(32)
        try:
            made = await provider.watch(what, secret)
        except Conflict:
            # One that we do not know, and so whose secret we do not know either; or another tenant's on the same.
            await self._end_strays(mailbox, provider, await provider.standing() or set())
            try:
                made = await provider.watch(what, secret)
            except Conflict:
                raise Conflict("another mailbox here is notified of the same") from None
        async with self._db.tenant(mailbox.tenant_id) as session:
            await push.store_watch(session, mailbox.tenant_id, mailbox.mailbox_id, _stored(what, made), secret)

    async def _renew(self, mailbox: MailboxRef, provider: PushProvider, watch: StoredWatch) -> None:
        try:
            renewed = await provider.renew(watch.what, watch.watch_id)
        except Gone:
            await self._watch(mailbox, provider, watch.what)
            return
        async with self._db.tenant(mailbox.tenant_id) as session:
            await push.watch_renewed(session, mailbox.tenant_id, mailbox.mailbox_id, _stored(watch.what, renewed))

    async def _check(self, mailbox: MailboxRef, provider: PushProvider, now: datetime) -> None:
        """Forgets watches that the source no longer has, and ends those that it has and we do not know."""
        standing = await provider.standing()
        if standing is not None:
            stored = await self._stored(mailbox)
            for watch in stored.values():
                if watch.watch_id not in standing:
                    async with self._db.tenant(mailbox.tenant_id) as session:
                        await push.forget_watch(session, mailbox.tenant_id, mailbox.mailbox_id, watch.watch_id)
            await self._end_strays(mailbox, provider, standing)
        await self._note(mailbox, watches_checked_at=now)

    async def _end_strays(self, mailbox: MailboxRef, provider: PushProvider, standing: set[str]) -> None:
        """Ends those that no mailbox here knows: another tenant may read the same one at the source."""
        for watch_id in standing:
            if await push.watch_owner(self._db, watch_id) is None:
                await provider.unwatch(watch_id)

    async def _forget(self, mailbox: MailboxRef, provider: PushProvider, watch: StoredWatch) -> None:
        await provider.unwatch(watch.watch_id)
        async with self._db.tenant(mailbox.tenant_id) as session:
            await push.forget_watch(session, mailbox.tenant_id, mailbox.mailbox_id, watch.watch_id)

    async def _stored(self, mailbox: MailboxRef) -> dict[str, StoredWatch]:
        async with self._db.tenant(mailbox.tenant_id) as session:
            return await push.watches(session, mailbox.tenant_id, mailbox.mailbox_id)

    async def _note(self, mailbox: MailboxRef, **values: object) -> None:
        async with self._db.tenant(mailbox.tenant_id) as session:
            await push.set_sync_state(session, mailbox.tenant_id, mailbox.mailbox_id, **values)


def _stored(what: str, watch: Watch) -> StoredWatch:
    left = watch.expires_at - datetime.now(UTC)
    renew_at = datetime.now(UTC) + min(max(left / 2, timedelta(0)), _RENEW_AT_LATEST)
    return StoredWatch(what, watch.watch_id, watch.expires_at, renew_at)
