"""A mailbox's entity workflow: what makes it look, what stops it, and what it says of itself."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from domain.mailbox import MailboxView, SyncResult
from domain.task import TaskResolution
from tests.workflows.stage import HOUR, Stage, for_good, small_histories, working
from workflows import names


async def status(run: WorkflowHandle[Any, None]) -> MailboxView:
    view: MailboxView = await run.query(names.STATUS, result_type=MailboxView)
    return view


async def test_it_looks_at_once_and_then_on_every_reconcile(stage: Stage) -> None:
    await stage.mailbox(reconcile_every=HOUR)
    await stage.until_called("sync_mailbox")
    for looks in (2, 3, 4):
        await stage.env.sleep(HOUR + timedelta(seconds=1))
        await stage.until_called("sync_mailbox", looks)
    times = stage.times("sync_mailbox")
    assert all(HOUR <= after - before < 1.1 * HOUR for before, after in itertools.pairwise(times))


async def test_a_notification_makes_it_look_at_once(stage: Stage) -> None:
    run = await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox")
    await run.signal(names.NOTIFY, "history 4711")
    await stage.until_called("sync_mailbox", 2)
    first, second = stage.times("sync_mailbox")
    assert second - first < HOUR


async def test_a_burst_of_notifications_during_a_look_is_one_more_look(stage: Stage) -> None:
    looking = asyncio.Event()

    async def slow(mailbox: object) -> SyncResult:
        await looking.wait()
        return SyncResult()

    stage.answers(sync_mailbox=slow)
    run = await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox")
    for _ in range(20):
        await run.signal(names.NOTIFY, "")
    looking.set()

    async def asleep() -> bool:
        return (await status(run)).syncs == 2

    await stage.until(asleep)
    assert stage.steps == ["sync_mailbox", "sync_mailbox"]


async def test_more_to_do_is_done_without_waiting(stage: Stage) -> None:
    stage.answers(sync_mailbox=[SyncResult(started=200, more=True), SyncResult(started=200, more=True), SyncResult()])
    await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox", 3)
    first, *_, last = stage.times("sync_mailbox")
    assert last - first < HOUR


async def test_a_source_may_ask_for_a_look_before_the_next_reconcile(stage: Stage) -> None:
    stage.answers(sync_mailbox=[SyncResult(look_again_in=HOUR), SyncResult()])
    await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox")
    await stage.env.sleep(HOUR + timedelta(seconds=1))
    await stage.until_called("sync_mailbox", 2)


async def test_a_pause_is_heard_in_the_middle_of_a_long_backfill(stage: Stage) -> None:
    stage.answers(sync_mailbox=SyncResult(started=200, more=True))
    run = await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox", 2)
    await run.signal(names.PAUSE)

    async def paused() -> bool:
        return (await status(run)).state == "paused"

    await stage.until(paused)
    await run.signal(names.RESUME)
    await stage.until_called("sync_mailbox", stage.steps.count("sync_mailbox") + 2)
    await run.terminate()


async def test_a_paused_mailbox_looks_neither_on_notice_nor_on_its_timer_until_it_is_resumed(stage: Stage) -> None:
    run = await stage.mailbox(reconcile_every=HOUR)
    await stage.until_called("sync_mailbox")
    await run.signal(names.PAUSE)
    await stage.until_called("change_mailbox")
    await run.signal(names.NOTIFY, "")
    # Far from its next timer: the test server loses a run whose task cancels a timer that fires then (sdk-java #3088).
    await stage.env.sleep(4.5 * HOUR)
    assert (await status(run)).state == "paused"
    assert stage.steps.count("sync_mailbox") == 1
    await run.signal(names.RESUME)
    await stage.until_called("sync_mailbox", 2)
    assert (await status(run)).state == "active"


async def test_one_that_starts_paused_waits(stage: Stage) -> None:
    run = await stage.mailbox(paused=True, reconcile_every=HOUR)
    await stage.env.sleep(3 * HOUR)
    assert (await status(run)).state == "paused"
    assert stage.steps == []


@pytest.mark.parametrize(
    ("signal", "arguments"),
    [
        (names.RESYNC, [datetime(2026, 1, 2, tzinfo=UTC)]),
        (names.RECONFIGURE, []),
        (names.CREDENTIALS_CHANGED, []),
    ],
)
async def test_an_operators_wish_is_applied_and_then_it_looks(stage: Stage, signal: str, arguments: list[Any]) -> None:
    run = await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox")
    await run.signal(signal, args=arguments)
    change = await stage.until_called("change_mailbox")
    assert (change.what, [change.since]) == (signal, arguments or [None])
    await stage.until_called("sync_mailbox", 2)
    assert stage.steps == ["sync_mailbox", "change_mailbox", "sync_mailbox"]


async def test_wishes_are_applied_in_their_order(stage: Stage) -> None:
    looking = asyncio.Event()

    async def slow(mailbox: object) -> SyncResult:
        await looking.wait()
        return SyncResult()

    stage.answers(sync_mailbox=slow)
    run = await stage.mailbox(reconcile_every=24 * HOUR)
    await stage.until_called("sync_mailbox")
    for signal in (names.PAUSE, names.RECONFIGURE, names.RESUME):
        await run.signal(signal)
    looking.set()
    await stage.until_called("sync_mailbox", 2)
    assert [c.what for c in stage.asked("change_mailbox")] == ["pause", "reconfigure", "resume"]


async def test_a_failed_look_is_shown_and_the_next_one_clears_it(stage: Stage) -> None:
    stage.answers(sync_mailbox=[for_good(), SyncResult()])
    run = await stage.mailbox(reconcile_every=HOUR)

    async def failed() -> bool:
        return bool((await status(run)).last_error)

    await stage.until(failed)
    shown = await status(run)
    assert (shown.last_error, shown.last_sync_at) == ("Permanent: the source refused for good", None)
    await stage.env.sleep(HOUR + timedelta(minutes=1))
    await stage.until_called("sync_mailbox", 2)

    async def healthy() -> bool:
        return not (await status(run)).last_error

    await stage.until(healthy)
    assert (await status(run)).last_sync_at is not None


async def test_a_source_that_cannot_be_read_says_why(stage: Stage) -> None:
    stage.answers(sync_mailbox=SyncResult(error="the watch was refused"))
    run = await stage.mailbox(reconcile_every=HOUR)

    async def shown() -> bool:
        return (await status(run)).last_error == "the watch was refused"

    await stage.until(shown)


async def test_an_answered_task_of_the_mailbox_is_applied_with_the_answer(stage: Stage) -> None:
    run = await stage.mailbox(paused=True)
    await run.signal(names.RESOLVE_TASK, TaskResolution(choice="reconnected", by="ann"))
    change = await stage.until_called("change_mailbox")
    assert change.what == "answer"
    assert change.resolution.choice == "reconnected"


async def test_a_cancelled_mailbox_ends_even_while_it_looks(stage: Stage) -> None:
    async def long(mailbox: object) -> SyncResult:
        await asyncio.Event().wait()
        return SyncResult()

    stage.answers(sync_mailbox=long)
    run = await stage.mailbox()
    await stage.until_called("sync_mailbox")
    await run.cancel()

    async def cancelled() -> bool:
        return (await run.describe()).status == WorkflowExecutionStatus.CANCELED

    await stage.until(cancelled)


# A long life ------------------------------------------------------------------------------------------------


async def test_it_continues_as_new_with_its_state() -> None:
    async with small_histories() as env, working(env) as stage:
        run = await stage.mailbox(reconcile_every=24 * HOUR)
        first = (await run.describe()).run_id
        for looks in range(1, 12):
            await stage.until_called("sync_mailbox", looks)
            await run.signal(names.NOTIFY, "")
        await run.signal(names.PAUSE)
        await stage.until_called("change_mailbox")
        now = await run.describe()
        assert now.run_id != first
        assert {s.reconcile_every for s in stage.asked("sync_mailbox")} == {24 * HOUR}


async def test_a_backfill_without_end_continues_as_new() -> None:
    async with small_histories() as env, working(env) as stage:
        stage.answers(sync_mailbox=SyncResult(started=200, more=True))
        run = await stage.mailbox(reconcile_every=24 * HOUR)
        first = (await run.describe()).run_id

        async def continued() -> bool:
            return (await run.describe()).run_id != first

        await stage.until(continued)
        await run.terminate()


async def test_a_wish_during_the_last_look_of_a_run_is_not_lost() -> None:
    async with small_histories() as env, working(env) as stage:
        run = await stage.mailbox(reconcile_every=24 * HOUR)
        first = (await run.describe()).run_id
        wishes = 0

        async def with_a_wish(mailbox: object) -> SyncResult:
            """Whichever look is the last before the run continues as new: a wish comes during it."""
            nonlocal wishes
            if (await run.describe()).run_id == first:
                await run.signal(names.RECONFIGURE)
                wishes += 1
            return SyncResult()

        stage.answers(sync_mailbox=with_a_wish)
        await run.signal(names.NOTIFY, "")

        async def continued_and_idle() -> bool:
            description = await run.describe()
            return description.run_id != first and not description.raw_description.pending_activities

        await stage.until(continued_and_idle)
        assert len(stage.asked("change_mailbox")) == wishes
