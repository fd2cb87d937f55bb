"""Gmail, from a message in the account to its outcome, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from activities import listing
from domain.mailbox import MailboxRef
from domain.task import TaskResolution
from providers.base import Changes, Listed, Transient
from providers.gmail import mailbox as gmail_mailbox
from providers.gmail.raw import RawMessage
from storage import tasks
from tests.integration.push.stand import SOON, Stand
from tests.letters import letter

ADDRESS = "help@example.org"


def mail(number: int = 1, text: str = "Hello") -> bytes:
    return letter(
        "alice@example.com", f"Question {number}", text, message_id=f"q{number}@example.com", to=ADDRESS
    ).as_bytes()


def outcomes(emails: list[dict[str, str]]) -> dict[str, str]:
    return {email["message_key"]: email["outcome"] for email in emails}


async def test_a_message_becomes_a_ticket_because_gmail_pushed(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected: notified")
    stand.google.account(ADDRESS).deliver(mail())
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "ticket"
    assert email["message_key"] == "q1@example.com"
    assert email["history"] is False
    (ticket,) = await stand.house.tickets()
    assert ticket["subject"] == "Question 1"


async def test_an_unwrapped_push_wakes_just_the_same(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, pushed=False, topic="projects/postroom-test/topics/mail",
                                   push_service_account="pusher@postroom-test.iam.gserviceaccount.example")  # fmt: skip
    stand.google.subscribe(f"{stand.webhooks_url}/webhooks/google/{mailbox_id}", wrapped=False)
    await stand.status(mailbox_id, "connected: notified")
    stand.google.account(ADDRESS).deliver(mail())
    await stand.house.settled(1)


async def test_without_any_push_the_timer_finds_everything(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, pushed=False, reconcile=SOON)
    await stand.status(mailbox_id, "connected: polling, notifications are not set up")
    for number in range(3):
        stand.google.account(ADDRESS).deliver(mail(number))
    await stand.house.settled(3)


async def test_what_was_there_before_connecting_makes_no_tickets(stand: Stand) -> None:
    account = stand.google.account(ADDRESS)
    for number in range(5):
        account.deliver(mail(number), age=3600)
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account.deliver(mail(9))
    assert outcomes(await stand.house.settled(1)) == {"q9@example.com": "ticket"}


async def test_mail_that_came_between_connecting_and_the_first_sync_is_taken(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, start=False)
    stand.google.account(ADDRESS).deliver(mail(), age=-1)
    await stand.start(mailbox_id, "gmail")
    await stand.house.settled(1)


async def test_with_a_date_older_mail_is_taken_as_history(stand: Stand) -> None:
    account = stand.google.account(ADDRESS)
    account.deliver(mail(1), age=86_400 * 30)
    account.deliver(mail(2), age=3600)
    account.deliver(mail(3), labels={"SENT"}, age=3600)
    since = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
    await stand.gmail(ADDRESS, since=since)
    (email,) = await stand.house.settled(1)
    assert email["message_key"] == "q2@example.com"
    assert email["history"] is True


async def test_only_what_carries_a_wanted_label_is_taken(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    account.deliver(mail(1), labels={"DRAFT"})
    account.deliver(mail(2), labels={"SENT"})
    account.deliver(mail(3), labels={"INBOX", "SENT"})
    spam = account.deliver(mail(4), labels={"SPAM"})
    account.deliver(mail(5), labels={"TRASH", "INBOX"})
    account.deliver(mail(6), labels={"CHAT"})
    await stand.house.settled(1)
    account.label(spam, add={"INBOX"}, remove={"SPAM"})
    assert outcomes(await stand.house.settled(2)) == {"q3@example.com": "ticket", "q4@example.com": "ticket"}


async def test_a_history_that_gmail_forgot_is_listed_again_and_nothing_twice(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    account = stand.google.account(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account.deliver(mail(1))
    await stand.house.settled(1)
    stand.google.pubsub.lost = 1.0
    for number in range(2, 5):
        account.deliver(mail(number))
    account.expire_history()
    stand.google.pubsub.lost = 0.0
    account.deliver(mail(5))
    assert len(outcomes(await stand.house.settled(5))) == 5
    assert (await stand.balance(mailbox_id))["listed"] == 5


async def test_pages_without_any_history_are_read_through(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, reconcile=SOON, pushed=False)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    old = account.deliver(mail(0), labels={"SENT"})
    for _ in range(150):
        account.label(old, remove={"UNREAD"})
    account.deliver(mail(1))
    assert outcomes(await stand.house.settled(1)) == {"q1@example.com": "ticket"}


async def test_a_page_token_that_expired_begins_the_page_anew(stand: Stand) -> None:
    account = stand.google.account(ADDRESS)
    for number in range(110):
        account.deliver(mail(number), age=-1)
    mailbox_id = await stand.gmail(ADDRESS, start=False)
    stand.google.faults.answer("/messages/", 429, {}, times=None)
    await stand.start(mailbox_id, "gmail", SOON)
    await stand.status(mailbox_id, "throttled")
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute(
            """update folder_cursors set cursor = cursor || '{"page": "expired"}' where tenant_id = $1""",
            stand.house.tenant_id,
        )
        await session.execute(
            "update mailbox_syncs set blocked_until = null where tenant_id = $1", stand.house.tenant_id
        )
    stand.google.faults.heal()
    await stand.house.settled(110, timeout=120)


async def test_a_message_deleted_meanwhile_is_skipped(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    held = stand.google.faults.hold("/history")
    doomed = account.deliver(mail(1))
    account.deliver(mail(2))
    account.delete(doomed)
    held.set()
    assert outcomes(await stand.house.settled(1)) == {"q2@example.com": "ticket"}
    await stand.status(mailbox_id, "connected")


async def test_a_short_failure_while_reading_costs_a_message_nothing(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    held = stand.google.faults.hold("/history")
    struck = account.deliver(mail(1), age=-1)
    stand.google.faults.answer(f"/messages/{struck}", 503, None, times=2)
    held.set()
    (email,) = await stand.house.settled(1)
    assert (email["message_key"], email["provider_thread_id"]) == ("q1@example.com", struck)


async def test_a_message_that_cannot_be_read_delays_no_other_and_keeps_its_identity(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    held = stand.google.faults.hold("/history")
    poisoned = account.deliver(mail(1))
    account.deliver(mail(2))
    stand.google.faults.answer(f"/messages/{poisoned}", 500, None, times=None)
    held.set()
    await stand.house.settled(1)
    await stand.status(mailbox_id, "trying again: 1 message(s) cannot be read yet: Gmail answered 500")
    account.deliver(mail(3))
    assert set(outcomes(await stand.house.settled(2))) == {"q2@example.com", "q3@example.com"}
    stand.google.faults.heal()
    assert set(outcomes(await stand.house.settled(3))) == {f"q{n}@example.com" for n in (1, 2, 3)}
    await stand.status(mailbox_id, "connected")
    assert (await stand.cursor(mailbox_id))["parked"] == {}


async def test_of_a_message_whose_bytes_cannot_be_read_the_headers_will_do(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Garbled(RawMessage):
        def feed(self, chunk: bytes) -> bytes:
            raise Transient("the message was not base64url")

    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    with monkeypatch.context() as patch:
        patch.setattr(gmail_mailbox, "RawMessage", Garbled)
        account = stand.google.account(ADDRESS)
        account.deliver(mail(1), labels={"DRAFT"})
        locator = account.deliver(mail(2), age=-1)

        async def listed() -> bool:
            return bool(await stand.house.emails())

        await stand.house.until(listed, "a listed message")
    (email,) = await stand.house.settled(1)
    assert (email["message_key"], email["provider_thread_id"]) == ("q2@example.com", locator)
    assert email["received_at"].timestamp() * 1000 == pytest.approx(account.messages[locator].internal_date, abs=1)
    assert email["outcome"] == "ticket"


async def test_what_never_can_be_read_is_listed_blind_in_the_end_and_is_no_mail_if_it_was_not_to_be_read(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gmail_mailbox, "GIVE_UP_AFTER", 0)
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    held = stand.google.faults.hold("/history")
    poisoned = [
        account.deliver(mail(1), labels={"DRAFT"}),
        account.deliver(mail(2), labels={"Label_7"}),
        account.deliver(mail(3), age=86_400),
        account.deliver(mail(4)),
    ]
    account.deliver(mail(5))
    for locator in poisoned:
        stand.google.faults.answer(f"/messages/{locator}", 500, None, times=None)
    held.set()
    assert outcomes(await stand.house.settled(1))["q5@example.com"] == "ticket"
    stand.google.faults.heal()
    found = {email["locator"]: email["outcome"] for email in await stand.house.settled(5)}
    assert [found[locator] for locator in poisoned] == ["gone", "gone", "gone", "ticket"]


async def test_when_nothing_can_be_read_the_cursor_stays(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gmail_mailbox, "MOST_PARKED", 2)
    mailbox_id = await stand.gmail(ADDRESS, pushed=False, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    cursor = await stand.cursor(mailbox_id)
    stand.google.faults.answer("/messages/", 503, None, times=None)
    for number in range(3):
        stand.google.account(ADDRESS).deliver(mail(number))
    await stand.status(mailbox_id, "trying again: Gmail answered 503")
    assert await stand.cursor(mailbox_id) == cursor
    stand.google.faults.heal()
    assert set(outcomes(await stand.house.settled(3))) == {f"q{n}@example.com" for n in range(3)}


async def test_credentials_refused_in_the_middle_of_a_page_move_no_cursor(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, pushed=False, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    cursor = await stand.cursor(mailbox_id)
    account = stand.google.account(ADDRESS)
    for number in range(5):
        account.deliver(mail(number))
    stand.google.faults.answer("/messages/", 401, None, times=None)
    await stand.status(mailbox_id, "needs_reauth: Gmail answered 401")
    assert (await stand.cursor(mailbox_id))["history_id"] == cursor["history_id"]
    stand.google.faults.heal()
    await stand.house.runs.change_mailbox(mailbox_id, "credentials_changed")
    await stand.house.settled(5)


async def test_never_more_than_four_requests_for_one_user(stand: Stand) -> None:
    account = stand.google.account(ADDRESS)
    for number in range(20):
        account.deliver(mail(number), age=-1)
    held = stand.google.faults.hold("/messages/")
    await stand.gmail(ADDRESS)

    async def four_wait() -> bool:
        return stand.google.faults.waiting == 4

    await stand.house.until(four_wait, "four held requests")
    assert stand.google.faults.count("GET /gmail/v1/users/help@example.org/messages/") == 4
    held.set()
    await stand.house.settled(20)


@pytest.mark.parametrize("headers", [{"Retry-After": "2"}, {}])
async def test_throttling_is_waited_for_and_is_no_refusal(stand: Stand, headers: dict[str, str]) -> None:
    mailbox_id = await stand.gmail(ADDRESS, pushed=False, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    body = {"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}
    stand.google.faults.answer("/history", 403 if not headers else 429, body, headers=headers)
    stand.google.account(ADDRESS).deliver(mail())
    await stand.status(mailbox_id, "throttled")
    row = await stand.row(mailbox_id)
    assert row["auth_failures"] in (None, 0)
    assert row["blocked_until"] > datetime.now(UTC) - timedelta(seconds=5)
    await stand.house.settled(1)
    assert stand.google.faults.count("/history") <= 6


async def test_access_that_is_revoked_asks_a_person_once_and_then_catches_up(stand: Stand) -> None:
    secret = {
        "kind": "user",
        "client_id": stand.google.oauth.client_id,
        "client_secret": stand.google.oauth.client_secret,
        "refresh_token": stand.google.oauth.grant(ADDRESS),
    }
    mailbox_id = await stand.gmail(ADDRESS, secret=secret, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    cursor = await stand.cursor(mailbox_id)
    stand.google.oauth.revoke()
    account = stand.google.account(ADDRESS)
    account.deliver(mail(1))
    await stand.status(mailbox_id, "needs_reauth: Google refused the grant")
    (task,) = await stand.house.open_tasks()
    assert task["kind"] == "reconnect_mailbox"
    assert ADDRESS in task["question"]
    row = await stand.row(mailbox_id)
    assert (row["state"], row["auth_failures"]) == ("needs_reauth", 3)
    assert (await stand.cursor(mailbox_id))["history_id"] == cursor["history_id"]
    asked = stand.google.faults.count("/token")
    account.deliver(mail(2))
    await stand.google.pubsub.idle()
    await stand.add_secret(mailbox_id, {**secret, "refresh_token": stand.google.oauth.grant(ADDRESS)})
    # Nothing was tried in between: the answer of a person lets it go on.
    assert stand.google.faults.count("/token") == asked
    resolution = TaskResolution(choice="reconnected", by="owner")
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await tasks.settle(session, stand.house.tenant_id, task["task_id"], resolution, delivered=False)
    await stand.house.runs.resolve_task(task["workflow_id"], resolution)
    await stand.house.settled(2)
    await stand.status(mailbox_id, "connected")
    assert (await stand.row(mailbox_id))["auth_failures"] == 0
    assert await stand.house.open_tasks() == []


async def test_a_token_that_dies_early_is_replaced_without_anybody_noticing(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    stand.google.oauth.forget_access_tokens()
    stand.google.account(ADDRESS).deliver(mail())
    await stand.house.settled(1)
    assert (await stand.row(mailbox_id))["auth_failures"] in (None, 0)


async def test_a_watch_is_renewed_at_half_its_life_and_moves_no_cursor(stand: Stand) -> None:
    stand.google.watch_seconds = 6
    mailbox_id = await stand.gmail(ADDRESS, reconcile=SOON)
    account = stand.google.account(ADDRESS)
    await stand.status(mailbox_id, "connected")
    stand.google.pubsub.lost = 1.0
    held = stand.google.faults.hold("/history")
    account.deliver(mail())

    async def renewed() -> bool:
        return account.watches >= 2

    held.set()
    await stand.house.until(renewed, "renewed watch")
    await stand.house.settled(1)


async def test_a_watch_of_another_topic_is_stopped_and_ours_made(stand: Stand) -> None:
    stand.google.account(ADDRESS).watched_elsewhere = True
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected: notified")
    assert stand.google.account(ADDRESS).watches == 1


async def test_a_watch_that_is_refused_shows_and_the_mailbox_is_polled(stand: Stand) -> None:
    stand.google.faults.answer("/watch", 403, {"error": {"errors": [{"reason": "forbidden"}]}}, times=None)
    mailbox_id = await stand.gmail(ADDRESS, reconcile=SOON)
    await stand.status(mailbox_id, "connected: polling, notifications")
    stand.google.account(ADDRESS).deliver(mail())
    await stand.house.settled(1)
    assert (await stand.row(mailbox_id))["state"] == "active"
    assert stand.google.faults.count("/watch") <= 2


async def test_a_listing_that_lags_behind_the_push_is_looked_at_again(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account = stand.google.account(ADDRESS)
    account.lag = 1
    account.deliver(mail())
    await stand.google.pubsub.idle()

    async def looked() -> bool:
        return stand.google.faults.count("/history") >= 2

    await stand.house.until(looked, "a look that finds nothing")
    account.lag = 0
    await stand.house.settled(1)


async def test_a_slower_listing_never_moves_the_cursor_back(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, start=False)
    mailbox = MailboxRef(tenant_id=stand.house.tenant_id, mailbox_id=mailbox_id, provider="gmail")
    begun, may_end = asyncio.Event(), asyncio.Event()
    slow, fast = Canned("a", 5), Canned("b", 9)

    async def waiting(cursor: str | None, limit: int) -> Changes:
        begun.set()
        await may_end.wait()
        return await slow.changes(cursor, limit)

    await listing.list_page(stand.house.db, stand.house.objects, Canned("zero", 1), mailbox)  # type: ignore[arg-type]
    held = type("Held", (), {"changes": staticmethod(waiting)})()
    first = asyncio.create_task(listing.list_page(stand.house.db, stand.house.objects, held, mailbox))
    await begun.wait()
    await listing.list_page(stand.house.db, stand.house.objects, fast, mailbox)  # type: ignore[arg-type]
    may_end.set()
    assert (await first).more
    assert (await stand.cursor(mailbox_id))["history_id"] == 9


class Canned:
    """Lists one message and moves to a given history id."""

    def __init__(self, locator: str, history_id: int) -> None:
        self._locator, self._history_id = locator, history_id

    async def changes(self, cursor: str | None, limit: int) -> Changes:
        return Changes([Listed(self._locator)], f'{{"history_id": {self._history_id}}}')


async def test_a_resync_lists_everything_since_a_date_and_makes_nothing_twice(stand: Stand) -> None:
    account = stand.google.account(ADDRESS)
    account.deliver(mail(1), age=86_400 * 2)
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected")
    account.deliver(mail(2))
    await stand.house.settled(1)
    await stand.house.runs.change_mailbox(mailbox_id, "resync", datetime.now(UTC) - timedelta(days=7))
    assert len(outcomes(await stand.house.settled(2))) == 2
    assert (await stand.balance(mailbox_id))["listed"] == 2


async def test_a_resync_of_a_mailbox_that_lags_drops_nothing_of_the_gap(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, start=False, pushed=False)
    await stand.connected_at(mailbox_id, timedelta(days=30))
    await stand.start(mailbox_id, "gmail")
    await stand.status(mailbox_id, "connected")
    stand.google.account(ADDRESS).deliver(mail(1), age=86_400 * 3)
    await stand.house.runs.change_mailbox(mailbox_id, "resync", datetime.now(UTC))
    assert outcomes(await stand.house.settled(1)) == {"q1@example.com": "ticket"}


async def test_a_paused_mailbox_keeps_its_cursor_and_reads_on_from_it(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    await stand.house.runs.change_mailbox(mailbox_id, "pause")

    async def paused() -> bool:
        return bool((await stand.row(mailbox_id))["state"] == "paused")

    await stand.house.until(paused, "paused mailbox")
    read = stand.google.faults.count("/history")
    stand.google.account(ADDRESS).deliver(mail())
    await stand.google.pubsub.idle()
    assert stand.google.faults.count("/history") - read <= 1
    await stand.house.runs.change_mailbox(mailbox_id, "resume")
    await stand.house.settled(1)


async def test_a_source_that_is_down_stops_neither_orders_nor_what_is_listed(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS, reconcile=SOON)
    await stand.status(mailbox_id, "connected")
    stand.google.faults.answer("/history", 503, None, times=None)
    await stand.house.runs.change_mailbox(mailbox_id, "credentials_changed")
    await stand.status(mailbox_id, "trying again: Gmail answered 503")
    await stand.house.runs.change_mailbox(mailbox_id, "pause")

    async def paused() -> bool:
        return bool((await stand.row(mailbox_id))["state"] == "paused")

    await stand.house.until(paused, "paused mailbox", timeout=10)
