"""One mailbox, for as long as it exists: syncs on notice and on a timer, and starts what was never started."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain.mailbox import MailboxChange, MailboxRef, MailboxView
    from domain.task import TaskResolution
    from workflows import names, steps

Change = Literal["pause", "resume", "resync", "reconfigure", "credentials_changed", "answer"]


@workflow.defn(name=names.MAILBOX)
class MailboxWorkflow:
    @workflow.init
    def __init__(self, mailbox: MailboxRef) -> None:
        self._mailbox = mailbox
        # A notification is a hint: it only sets this, and a burst of them is one sync.
        self._dirty = True
        self._woken_by = ""
        self._changes: list[tuple[Change, datetime | None, TaskResolution | None]] = []
        self._syncs = 0
        self._last_sync_at: datetime | None = None
        self._last_error = ""
        self._look_again_in: timedelta | None = None

    @workflow.run
    async def run(self, mailbox: MailboxRef) -> None:
        while True:
            while self._changes:
                what, since, resolution = self._changes.pop(0)
                change = MailboxChange(mailbox=self._mailbox, what=what, since=since, resolution=resolution)
                self._mailbox = await steps.CHANGE_MAILBOX(change, what)
                self._dirty = True
            # Here, where every wish has been applied: the next run would not know of one, and it begins with a look.
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._mailbox)
            if not self._mailbox.paused:
                await self._sync()
            self._show()
            await self._sleep()

    @workflow.signal(name=names.NOTIFY)
    def notify(self, hint: str = "") -> None:
        """`hint`: the trace that the notification came in, or anything."""
        self._dirty = True
        self._woken_by = hint or self._woken_by

    @workflow.signal(name=names.PAUSE)
    def pause(self) -> None:
        self._change("pause")

    @workflow.signal(name=names.RESUME)
    def resume(self) -> None:
        self._change("resume")

    @workflow.signal(name=names.RESYNC)
    def resync(self, since: datetime) -> None:
        self._change("resync", since)

    @workflow.signal(name=names.RECONFIGURE)
    def reconfigure(self) -> None:
        self._change("reconfigure")

    @workflow.signal(name=names.CREDENTIALS_CHANGED)
    def credentials_changed(self) -> None:
        self._change("credentials_changed")

    @workflow.signal(name=names.RESOLVE_TASK)
    def resolve_task(self, resolution: TaskResolution) -> None:
        """To be reconnected: whatever the answer, its credentials are tried; whether to take in what a rescan found."""
        self._change("answer", resolution=resolution)

    @workflow.query(name=names.STATUS)
    def status(self) -> MailboxView:
        return MailboxView(
            state="paused" if self._mailbox.paused else "active",
            syncs=self._syncs,
            last_sync_at=self._last_sync_at,
            last_error=self._last_error,
        )

    async def _sync(self) -> None:
        more = True
        while more:
            # Cleared before the sync is awaited: a hint that comes meanwhile asks for another one.
            self._dirty = False
            mailbox = self._mailbox.model_copy(update={"woken_by": self._woken_by})
            self._woken_by = ""
            self._look_again_in = None
            try:
                result = await steps.SYNC_MAILBOX(mailbox, "since the stored cursor")
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                self._last_error = str(error.cause or error)
                return
            # Between two looks of a long backfill a wish is heard, and the history stays short.
            interrupted = bool(self._changes) or workflow.info().is_continue_as_new_suggested()
            self._dirty = self._dirty or (result.more and interrupted)
            more = result.more and not interrupted
            self._look_again_in = result.look_again_in
            self._last_error = result.error
            self._syncs += 1
            self._last_sync_at = result.synced_at or workflow.now()

    async def _sleep(self) -> None:
        try:
            await workflow.wait_condition(
                lambda: (self._dirty and not self._mailbox.paused) or bool(self._changes),
                timeout=min(self._mailbox.reconcile_every, self._look_again_in or self._mailbox.reconcile_every),
                timeout_summary="until the next reconcile",
            )
        except TimeoutError:
            self._dirty = True

    def _change(self, what: Change, since: datetime | None = None, resolution: TaskResolution | None = None) -> None:
        self._changes.append((what, since, resolution))

    def _show(self) -> None:
        state = "paused" if self._mailbox.paused else "active"
        last = f", last sync {self._last_sync_at:%Y-%m-%d %H:%M:%S} UTC" if self._last_sync_at else ""
        error = f"\n\nLast error: {self._last_error}" if self._last_error else ""
        workflow.set_current_details(f"**{self._mailbox.provider}** mailbox, {state}{last}{error}")
