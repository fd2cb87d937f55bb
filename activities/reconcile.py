"""A mailbox compared with its source and with Temporal, page by page; what is missing or stuck goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from activities.listing import sighting
from activities.sources import Sources
from domain.mailbox_jobs import Comparison
from domain.runs import Runs
from providers.base import Changes, Listed, Permanent, Provider, ProviderError, RateLimited, Transient
from providers.imap.locator import Locator
from providers.imap.sync import FolderState
from storage import deletions, ledger, mailbox_jobs, mailboxes, push
from storage.database import Database
from storage.mailboxes import Mailbox
from storage.objects import raw_key

PAGE = 200
# How many of what is missing or stuck are named.
SOME = 20
RUNS_AT_ONCE = 8
# A source that fails in between is asked again this often, a little later each time; one that throttles, as it says.
ATTEMPTS = 5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = timedelta(minutes=5)
# A check that follows a complete one looks this far behind it: mail may come late into a folder.
OVERLAP = timedelta(days=2)

Progress = Callable[[Comparison], Awaitable[None]]


async def _silent(found: Comparison) -> None:
    """For whoever does not watch."""


class Reconciler:
    def __init__(self, db: Database, runs: Runs, sources: Sources) -> None:
        self._db = db
        self._runs = runs
        self._sources = sources

    async def reconcile(
        self,
        tenant_id: UUID,
        mailbox_id: UUID,
        *,
        since: datetime | None = None,
        repair: bool = False,
        progress: Progress = _silent,
    ) -> Comparison:
        """What the mailbox's ledger lacks, and which of its messages nothing carries on; stored as its last check.

        `since` (aware): None looks as far back as the last complete check asks for. Never before the mailbox was
        connected, or the date it was to be read from. A source that cannot be read to its end is a finding (`error`).
        Raises LookupError for a mailbox that is gone; whatever Temporal or Postgres raise when they are away.
        """
        began = datetime.now(UTC)
        async with self._db.tenant(tenant_id) as session:
            mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
            if mailbox is None:
                raise LookupError(f"no mailbox {mailbox_id}")
            connected_at = (await push.sync_state(session, tenant_id, mailbox_id)).connected_at
            before = await mailbox_jobs.check(session, tenant_id, mailbox_id)
        start = _start(mailbox, connected_at)
        if since is None and before is not None and before["complete_at"] is not None:
            since = before["complete_at"] - OVERLAP
        found = Comparison(since=max(start, since) if since else start)
        if mailbox.provider in ("imap", "gmail", "microsoft"):
            await self._compare(mailbox, connected_at, found, repair=repair, progress=progress)
        await self._look_for_stuck(mailbox, found, repair=repair, progress=progress)
        async with self._db.tenant(tenant_id) as session:
            balance = await ledger.balance(session, tenant_id, mailbox_id)
            found.done, found.open = balance["done"], balance["open"]
            await mailbox_jobs.checked(session, tenant_id, mailbox_id, began, found)
        return found

    async def count(
        self, tenant_id: UUID, mailbox_id: UUID, since: datetime, progress: Progress = _silent
    ) -> Comparison:
        """What a resync since a day would list: `listed` at the source, `missing` of them new. Changes nothing."""
        found = Comparison(since=since)
        try:
            async with self._sources.listing(tenant_id, mailbox_id, since.date(), look_only=True) as (source, archive):
                async for messages in _pages(source):
                    found.listed += len(messages)
                    found.missing += len(await self._unknown(tenant_id, mailbox_id, messages))
                    await progress(found)
                found.listed += archive.passed_over + archive.unread
                found.missing += archive.unread
        except ProviderError as error:
            found.error = str(error)
        return found

    async def _compare(
        self, mailbox: Mailbox, connected_at: datetime, found: Comparison, *, repair: bool, progress: Progress
    ) -> None:
        assert found.since is not None
        tenant_id, mailbox_id, others = mailbox.tenant_id, mailbox.mailbox_id, 0
        try:
            folders = await self._folders(mailbox)
            async with self._sources.listing(tenant_id, mailbox_id, found.since.date(), look_only=False) as (
                source,
                archive,
            ):
                async for messages in _pages(source):
                    unknown = await self._unknown(tenant_id, mailbox_id, messages)
                    # What came before the mailbox was connected was never to be read.
                    ours = [m for m in unknown if m.received_at is None or m.received_at >= found.since]
                    ours = [m for m in ours if not _expected(m, folders)]
                    late = [m for m in ours if not _arriving(m)]
                    others += len(messages) - len(unknown) + len(ours)
                    found.listed = others + archive.passed_over
                    found.missing, found.arriving = found.missing + len(late), found.arriving + len(ours) - len(late)
                    found.some_missing += [m.locator for m in late][: SOME - len(found.some_missing)]
                    if repair and late:
                        found.repaired += await self._list(mailbox, connected_at, late)
                    await progress(found)
        except ProviderError as error:
            found.error = str(error)

    async def _folders(self, mailbox: Mailbox) -> dict[str, FolderState]:
        """How far the listener is with each folder of an IMAP mailbox, as of before the source is listed.

        Raises Permanent for a cursor that is none.
        """
        if mailbox.provider != "imap":
            return {}
        async with self._db.tenant(mailbox.tenant_id) as session:
            cursors = await mailboxes.cursors(session, mailbox.tenant_id, [mailbox.mailbox_id])
        try:
            states = [FolderState.model_validate(cursor) for cursor in cursors[mailbox.mailbox_id]]
        except ValueError:
            raise Permanent("the stored cursor is not an IMAP cursor") from None
        return {state.folder: state for state in states}

    async def _unknown(self, tenant_id: UUID, mailbox_id: UUID, messages: list[Listed]) -> list[Listed]:
        async with self._db.tenant(tenant_id) as session:
            known = await push.known_locators(session, tenant_id, mailbox_id, [m.locator for m in messages])
        return [m for m in messages if m.locator not in known]

    async def _list(self, mailbox: Mailbox, connected_at: datetime, messages: list[Listed]) -> int:
        """Into the ledger as any listing does, and on; how many were new."""
        tenant_id, mailbox_id = mailbox.tenant_id, mailbox.mailbox_id
        sightings = [sighting(message, connected_at) for message in messages]
        async with self._db.tenant(tenant_id) as session:
            await deletions.hold(
                session,
                self._sources.objects,
                [raw_key(tenant_id, s.raw_sha256) for s in sightings if s.raw_sha256 is not None],
            )
            listed = await ledger.list_emails(session, tenant_id, mailbox_id, mailbox.provider, sightings)
        for row in listed:
            # Not `start_email`: after a restored backup Temporal may remember a run whose outcome is lost.
            await self._restart(row)
        async with self._db.tenant(tenant_id) as session:
            await ledger.mark_started(session, tenant_id, [row.email.email_id for row in listed])
        return len(listed)

    async def _look_for_stuck(self, mailbox: Mailbox, found: Comparison, *, repair: bool, progress: Progress) -> None:
        """Messages that are open although their run has ended, was terminated, or was never begun."""
        tenant_id, after = mailbox.tenant_id, -1
        while True:
            async with self._db.tenant(tenant_id) as session:
                rows = await ledger.open_rows(session, tenant_id, mailbox.mailbox_id, after, PAGE)
            if not rows:
                return
            after = rows[-1]["seq"]
            remaining = iter(rows)

            async def look_on() -> None:
                for row in remaining:  # noqa: B023 (gathered before the next page)
                    if await self._runs.run_state(row["workflow_id"]) != "running":
                        await self._stuck(tenant_id, row["email_id"], found, repair=repair)

            await asyncio.gather(*(look_on() for _ in range(RUNS_AT_ONCE)))
            await progress(found)

    async def _stuck(self, tenant_id: UUID, email_id: UUID, found: Comparison, *, repair: bool) -> None:
        async with self._db.tenant(tenant_id) as session:
            row = await ledger.open_email(session, tenant_id, email_id)
        if row is None:  # it was done between the two looks
            return
        found.stuck += 1
        found.some_stuck += [row.workflow_id][: SOME - len(found.some_stuck)]
        if repair:
            await self._restart(row)
            async with self._db.tenant(tenant_id) as session:
                await ledger.mark_started(session, tenant_id, [email_id])
            found.repaired += 1

    async def _restart(self, row: ledger.ListedEmail) -> None:
        await self._runs.restart_email(
            row.email, row.workflow_id, row.message_key, history=row.history, traceparent=row.traceparent
        )


def _start(mailbox: Mailbox, connected_at: datetime) -> datetime:
    """From when on the mailbox is to be read."""
    connected_at = connected_at.replace(microsecond=0)  # the sources tell whole seconds
    since = mailbox.settings.get("since")
    return min(connected_at, datetime.fromisoformat(since).replace(tzinfo=UTC)) if since else connected_at


def _expected(message: Listed, folders: dict[str, FolderState]) -> bool:
    """Whether a message of an IMAP folder is the listener's to list, or a person's to decide about."""
    if not folders:
        return False
    where = Locator.parse(message.locator)
    state = folders.get(where.folder)
    return state is not None and state.expects(where.uidvalidity, where.uid)


def _arriving(message: Listed) -> bool:
    """Whether the next sync has yet to come by."""
    return message.received_at is not None and datetime.now(UTC) - message.received_at < ledger.SETTLING


async def _pages(source: Provider) -> AsyncIterator[list[Listed]]:
    """Everything that the source lists from its beginning on, once."""
    cursor, more = None, True
    shown: set[str] = set()
    while more:
        changes = await _patiently(source, cursor)
        if changes.cursor != cursor:
            shown.clear()
        # A source that could list a part of a page only lists it again.
        fresh = [m for m in changes.messages if m.locator not in shown]
        if changes.more and changes.cursor == cursor and not fresh:
            raise Transient("the source lists a part of its messages only")
        yield fresh
        shown |= {m.locator for m in fresh}
        cursor, more = changes.cursor, changes.more


async def _patiently(source: Provider, cursor: str | None) -> Changes:
    """One page, though the source may throttle or fail for a while. Raises a ProviderError in the end."""
    attempt = 0
    while True:
        try:
            return await source.changes(cursor, PAGE)
        except (RateLimited, Transient) as error:
            attempt += 1
            pause = timedelta(seconds=FIRST_PAUSE * 2**attempt)
            if isinstance(error, RateLimited) and error.until is not None:
                pause = max(pause, error.until - datetime.now(UTC))
            if attempt == ATTEMPTS or pause > LONGEST_PAUSE:
                raise
        await asyncio.sleep(pause.total_seconds())
