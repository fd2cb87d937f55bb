"""What is listed goes into the ledger: numbers given again, cursors that are out of date, questions and answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from activities import ledger_sink
from activities.fetch import is_another
from activities.ledger_sink import HISTORY_IN_FLIGHT
from providers.base import Listed
from providers.imap.sync import Backlog, FolderState
from providers.imap.watch import MailboxStatus
from storage import mailboxes, push
from storage.database import Database
from tests.integration.imap.shelf import Shelf, new_shelf


@pytest_asyncio.fixture
async def shelf(db: Database, tmp_path: Path) -> Shelf:
    return await new_shelf(db, tmp_path)


def state(**more: Any) -> FolderState:
    return FolderState(folder="INBOX", uidvalidity=7, last_uid=9, listed_at=datetime.now(UTC), **more)


HELD = Backlog(since=date(2026, 1, 1), until_uid=900, origin="rescan", stage="held", unknown=501)


async def test_a_number_that_is_given_again_to_another_message_is_another_sighting(shelf: Shelf) -> None:
    await shelf.listed(state(), "<a@example.org>", "<b@example.org>")
    await shelf.listed(state(), "<a@example.org>", "<other@example.org>")
    await shelf.listed(state(), "<a@example.org>", "<other@example.org>")
    emails = await shelf.emails()
    assert [e["message_key"] for e in emails] == ["a@example.org", "b@example.org", "other@example.org"]
    assert len({e["locator"] for e in emails}) == 3


def test_what_is_fetched_for_a_number_that_was_given_again_is_not_taken_for_what_was_listed() -> None:
    mail = b"Subject: x\r\nMessage-ID: <b@Example.org>\r\n\r\ntext"
    assert is_another(mail, "a@example.org")
    assert not is_another(mail, "b@example.org")
    assert not is_another(mail, "<locator-0123>")
    assert not is_another(b"Subject: x\r\n\r\n", "a@example.org")


async def test_a_cursor_that_is_out_of_date_is_not_stored_but_what_is_listed_stays(shelf: Shelf) -> None:
    await shelf.listed(state(), "<a@example.org>")
    await shelf.resync(date(2026, 1, 1))
    await shelf.listed(state(), "<b@example.org>", first=2)
    assert len(await shelf.emails()) == 2
    cursor = await shelf.cursor()
    assert cursor is not None
    assert cursor.backlog == Backlog(since=date(2026, 1, 1), until_uid=9, origin="history")


async def test_a_resync_cancels_nothing_that_was_still_to_be_listed(shelf: Shelf) -> None:
    await shelf.resync(date(2020, 1, 1))
    half = Backlog(since=date(2020, 1, 1), after_uid=400, until_uid=900, origin="history")
    await shelf.listed(state().model_copy(update={"last_uid": 950, "backlog": half}))
    await shelf.look()
    await shelf.listed(state().model_copy(update={"last_uid": 950, "backlog": half}))
    await shelf.resync(date(2026, 11, 1))
    cursor = await shelf.cursor()
    assert cursor is not None
    assert cursor.last_uid == 950, "what came since the last look is listed as new mail"
    assert cursor.backlog == Backlog(since=date(2020, 1, 1), until_uid=950, origin="history")
    (mailbox,) = await shelf.rows("select settings from mailboxes where tenant_id = $1 and mailbox_id = $2")
    assert mailbox["settings"]["since"] == "2020-01-01", "from when on a check compares"


async def test_a_resync_answers_no_question_and_widens_it(shelf: Shelf) -> None:
    await shelf.listed(state(backlog=HELD))
    await shelf.resync(date(2025, 1, 1))
    cursor = await shelf.cursor()
    assert cursor is not None
    assert cursor.held
    assert cursor.backlog is not None
    assert cursor.backlog.since == date(2025, 1, 1)


async def test_a_resync_forgets_a_cursor_that_makes_no_sense(shelf: Shelf) -> None:
    await shelf.listed(state())
    await shelf.rows(
        """update folder_cursors set cursor = '{"folder": "INBOX"}' where tenant_id = $1 and mailbox_id = $2"""
    )
    await shelf.resync(date(2026, 1, 1))
    assert await shelf.cursor() is None


async def test_a_rescan_to_the_same_date_again_makes_the_listener_begin_anew(shelf: Shelf) -> None:
    for _ in range(2):
        before = shelf.watched[shelf.mailbox_id]
        await shelf.resync(date(2026, 1, 1))
        await shelf.look()
        assert shelf.watched[shelf.mailbox_id] != before


async def test_a_token_that_was_refreshed_is_no_reason_to_begin_anew(shelf: Shelf) -> None:
    before = shelf.watched[shelf.mailbox_id]
    async with shelf.db.tenant(shelf.tenant_id) as session:
        await push.store_secret(session, shelf.tenant_id, shelf.mailbox_id, "sealed")
    await shelf.look()
    assert shelf.watched[shelf.mailbox_id] == before


async def test_a_rescan_above_the_cap_is_one_question_and_its_answer_moves_the_cursor(shelf: Shelf) -> None:
    for _ in range(2):
        await shelf.listed(state(backlog=HELD))
    (task,) = await shelf.rows("select * from tasks where tenant_id = $1 and mailbox_id = $2")
    assert (task["kind"], task["state"]) == ("confirm_rescan", "open")
    assert "box@example.com" in task["question"]
    before = shelf.watched[shelf.mailbox_id]
    await shelf.answer("take_in")
    cursor = await shelf.cursor()
    assert cursor is not None
    assert cursor.backlog is not None
    assert (cursor.backlog.stage, cursor.backlog.after_uid) == ("listing", 0)
    (task,) = await shelf.rows("select * from tasks where tenant_id = $1 and mailbox_id = $2")
    assert (task["state"], task["resolved_by"]) == ("resolved", "ann")
    await shelf.look()
    assert shelf.watched[shelf.mailbox_id].revision > before.revision


async def test_left_alone_they_stay_alone_and_a_nonsensical_answer_changes_nothing(shelf: Shelf) -> None:
    await shelf.listed(state(backlog=HELD))
    await shelf.answer("nonsense")
    cursor = await shelf.cursor()
    assert cursor is not None
    assert cursor.held
    await shelf.answer("leave")
    cursor = await shelf.cursor()
    assert cursor is not None
    assert (cursor.backlog, cursor.left_uid) == (None, 900)


async def test_unknown_is_what_the_mailbox_never_had(shelf: Shelf) -> None:
    await shelf.listed(state(), "<a@example.org>", "<b@example.org>")
    moved = [Listed(f"8/{uid}/INBOX", f"<{id_}@example.org>") for uid, id_ in enumerate("abc", 1)]
    assert await shelf.sink.unknown(str(shelf.mailbox_id), moved) == 1


async def test_history_takes_room_until_it_is_done_and_live_mail_takes_none(shelf: Shelf) -> None:
    await shelf.listed(state(), "<a@example.org>")
    await shelf.listed(state(), "<b@example.org>", "<c@example.org>", origin="history", first=2)
    assert await shelf.sink.room(str(shelf.mailbox_id)) == HISTORY_IN_FLIGHT - 2
    await shelf.process()
    assert await shelf.sink.room(str(shelf.mailbox_id)) == HISTORY_IN_FLIGHT


async def test_refused_credentials_are_a_task_that_ends_when_it_is_connected_again(shelf: Shelf) -> None:
    await shelf.sink.auth_failed(str(shelf.mailbox_id), "the mail server refused the login")
    (mailbox,) = await shelf.rows("select * from mailboxes where tenant_id = $1 and mailbox_id = $2")
    assert mailbox["state"] == "needs_reauth"
    (task,) = await shelf.rows("select * from tasks where tenant_id = $1 and mailbox_id = $2")
    assert (task["kind"], task["state"]) == ("reconnect_mailbox", "open")
    assert await mailboxes.listened(shelf.db) == []
    await shelf.sink.status(str(shelf.mailbox_id), MailboxStatus("idle"))
    (task,) = await shelf.rows("select * from tasks where tenant_id = $1 and mailbox_id = $2")
    assert task["state"] == "resolved"


async def test_refusals_of_a_mailbox_that_was_connected_again_meanwhile_do_not_count(shelf: Shelf) -> None:
    async with shelf.db.tenant(shelf.tenant_id) as session:
        await mailboxes.renew(session, shelf.tenant_id, shelf.mailbox_id)
    await shelf.sink.auth_failed(str(shelf.mailbox_id), "the mail server refused the login")
    (mailbox,) = await shelf.rows("select * from mailboxes where tenant_id = $1 and mailbox_id = $2")
    assert mailbox["state"] == "active"


async def test_each_new_message_is_started_once(shelf: Shelf) -> None:
    await shelf.listed(state(), "<a@example.org>", "<b@example.org>")
    await shelf.listed(state(), "<a@example.org>", "<b@example.org>")
    async with asyncio.timeout(5):
        while shelf.runs.asked < 2:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert shelf.runs.asked == 2


async def test_a_message_that_temporal_did_not_take_is_started_when_it_is_back(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sink, "START_AGAIN", 0.01)
    shelf.runs.failing = 2
    await shelf.listed(state(), "<a@example.org>")
    async with asyncio.timeout(5):
        while shelf.runs.asked < 3:
            await asyncio.sleep(0.01)
