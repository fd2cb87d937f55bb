"""Microsoft 365, from a message in the mailbox to its outcome, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities import fetch, listing
from providers.microsoft import mailbox as microsoft_mailbox
from tests.integration.push.stand import SOON, Stand
from tests.integration.storage.tenants import tenant
from tests.letters import letter

USER = "help@example.net"


def mail(number: int = 1) -> bytes:
    return letter("alice@example.com", f"Question {number}", message_id=f"q{number}@example.com", to=USER).as_bytes()


async def keys(stand: Stand, count: int) -> list[str]:
    return sorted(email["message_key"] for email in await stand.house.settled(count))


async def test_a_message_becomes_a_ticket_because_graph_notified(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.mailbox(USER).deliver(mail())
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "ticket"
    assert email["message_key"] == "q1@example.com"
    assert email["history"] is False
    (subscription,) = stand.graph.subscriptions.values()
    assert subscription.immutable
    assert len(subscription.client_state) >= 32
    assert stand.graph.notifier.handshakes == 2
    stored = await stand.house.rows("select secret_sha256 from mailbox_watches where tenant_id = $1")
    assert subscription.client_state.encode() not in stored[0]["secret_sha256"]


async def test_an_unreachable_endpoint_means_polling_and_is_tried_again(stand: Stand) -> None:
    stand.graph.notifier.reachable = False
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: polling, Graph answered 400 ValidationError")
    stand.graph.mailbox(USER).deliver(mail())
    await stand.house.settled(1)
    assert stand.graph.subscriptions == {}
    assert stand.graph.faults.count("POST /v1.0/subscriptions") == 1
    (state,) = await stand.house.rows("select * from mailbox_syncs where tenant_id = $1")
    assert state["watch_failures"] == 1
    assert state["watch_retry_at"] > datetime.now(UTC) + timedelta(seconds=20)


async def test_several_folders_each_have_their_own_cursor_and_subscription(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, folders=["inbox", "archive"])
    await stand.status(mailbox_id, "connected: notified")
    assert len(stand.graph.subscriptions) == 2
    mailbox = stand.graph.mailbox(USER)
    mailbox.deliver(mail(1))
    mailbox.deliver(mail(2), "archive")
    mailbox.deliver(mail(3), "junkemail")
    assert await keys(stand, 2) == ["q1@example.com", "q2@example.com"]
    assert set((await stand.cursor(mailbox_id))["folders"]) == {"inbox", "archive"}


async def test_a_folder_that_is_deleted_shows_and_stops_none_of_the_others(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, folders=["archive", "inbox"], reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    mailbox = stand.graph.mailbox(USER)
    there, mailbox.folders = mailbox.folders, ("inbox",)
    mailbox.deliver(mail(1))
    assert await keys(stand, 1) == ["q1@example.com"]
    await stand.status(mailbox_id, "connected: notified; there is no folder archive")
    mailbox.folders = ()
    await stand.status(mailbox_id, "failing: Graph answered 404")
    mailbox.deliver(mail(2), "archive")
    mailbox.folders = there
    assert await keys(stand, 2) == ["q1@example.com", "q2@example.com"], "from where it was read to"
    assert await stand.status(mailbox_id, "connected") == "connected: notified"


async def test_a_folder_that_was_never_there_keeps_no_other_from_being_notified(stand: Stand) -> None:
    mailbox = stand.graph.mailbox(USER)
    mailbox.folders = ("inbox",)
    mailbox_id = await stand.microsoft(USER, folders=["archive", "inbox"])
    status = await stand.status(mailbox_id, "connected: polling, Graph answered 404 ErrorItemNotFound")
    assert status.endswith("; there is no folder archive")
    assert len(stand.graph.subscriptions) == 1
    mailbox.deliver(mail(1))
    assert await keys(stand, 1) == ["q1@example.com"]


async def test_a_message_that_moves_keeps_its_identity(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, folders=["inbox", "archive"])
    await stand.status(mailbox_id, "connected: notified")
    mailbox = stand.graph.mailbox(USER)
    item = mailbox.deliver(mail())
    await stand.house.settled(1)
    mailbox.move(item, "archive")
    mailbox.move(item, "inbox")
    await stand.graph.notifier.idle()
    other = mailbox.deliver(mail(2))
    assert await keys(stand, 2) == ["q1@example.com", "q2@example.com"]
    assert other.identity(USER, immutable=True) in {e["locator"] for e in await stand.house.emails()}


async def test_a_draft_is_no_mail_and_what_is_moved_in_is(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    mailbox = stand.graph.mailbox(USER)
    mailbox.deliver(mail(1), draft=True)
    junk = mailbox.deliver(mail(2), "junkemail")
    mailbox.move(junk, "inbox")
    assert await keys(stand, 1) == ["q2@example.com"]


async def test_what_was_there_before_connecting_makes_no_tickets_unless_asked_for(stand: Stand) -> None:
    mailbox = stand.graph.mailbox(USER)
    mailbox.deliver(mail(1), age=86_400 * 40)
    mailbox.deliver(mail(2), age=3600)
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    assert (await stand.balance(mailbox_id))["listed"] == 0
    since = datetime.now(UTC) - timedelta(days=7)
    await stand.house.runs.change_mailbox(mailbox_id, "resync", since)
    (email,) = await stand.house.settled(1)
    assert (email["message_key"], email["history"]) == ("q2@example.com", True)


async def test_a_resync_of_a_mailbox_that_lags_drops_nothing_of_the_gap(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, start=False, notify=False)
    await stand.connected_at(mailbox_id, timedelta(days=30))
    await stand.start(mailbox_id, "microsoft")
    await stand.status(mailbox_id, "connected")
    stand.graph.mailbox(USER).deliver(mail(1), age=86_400 * 3)
    await stand.house.runs.change_mailbox(mailbox_id, "resync", datetime.now(UTC))
    assert await keys(stand, 1) == ["q1@example.com"]


async def test_more_than_a_filtered_delta_shows_is_listed_all_the_same(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microsoft_mailbox, "MAY_BE_CUT", 20)
    monkeypatch.setattr(listing, "PAGE", 10)
    mailbox = stand.graph.mailbox(USER)
    mailbox.filtered_limit = 20
    for number in range(60):
        mailbox.deliver(mail(number), age=86_400 - number)
    mailbox.lost_links = 2
    since = (datetime.now(UTC) - timedelta(days=7)).date()
    mailbox_id = await stand.microsoft(USER, since=since.isoformat())
    assert await keys(stand, 60) == sorted(f"q{n}@example.com" for n in range(60))
    assert (await stand.balance(mailbox_id))["listed"] == 60
    assert mailbox.lost_links == 0


@pytest.mark.parametrize("code", ["SyncStateNotFound", "syncStateNotFound", "resyncRequired"])
async def test_a_lost_delta_link_lists_again_and_nothing_twice(stand: Stand, code: str) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    mailbox = stand.graph.mailbox(USER)
    mailbox.deliver(mail(1))
    await stand.house.settled(1)
    stand.graph.notifier.lost = 1.0
    mailbox.deliver(mail(2))
    mailbox.expire_delta()
    stand.graph.faults.answer("/delta", 400, {"error": {"code": code}})
    stand.graph.notifier.lost = 0.0
    mailbox.deliver(mail(3))
    assert await keys(stand, 3) == [f"q{n}@example.com" for n in (1, 2, 3)]
    assert (await stand.balance(mailbox_id))["listed"] == 3


async def test_an_empty_page_with_a_next_link_is_no_end(stand: Stand) -> None:
    mailbox = stand.graph.mailbox(USER)
    for number in range(250):
        mailbox.deliver(mail(number), "archive")
    mailbox.deliver(mail(999), age=-1)
    await stand.microsoft(USER)
    assert await keys(stand, 1) == ["q999@example.com"]


async def test_the_token_goes_to_the_configured_graph_only(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, start=False)
    stand.graph.link_base = "http://localhost:" + stand.graph.url.rpartition(":")[2]
    await stand.start(mailbox_id, "microsoft", SOON)
    await stand.status(mailbox_id, "connected")
    stand.graph.mailbox(USER).deliver(mail())
    await stand.status(mailbox_id, "failing: a link in Graph's answer leads to another host")
    # The one request with the foreign link was never made: only those that this client built itself.
    assert stand.graph.faults.count("/messages/delta") == 1


async def test_never_more_than_three_requests_for_one_mailbox_over_all_workers(stand: Stand) -> None:
    mailbox = stand.graph.mailbox(USER)
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    held = stand.graph.faults.hold("/$value")
    for number in range(12):
        mailbox.deliver(mail(number))

    async def three_wait() -> bool:
        return stand.graph.faults.waiting == 3

    await stand.house.until(three_wait, "three held requests")
    held.set()
    await stand.house.settled(12)
    assert stand.graph.most_at_once <= 3


async def test_a_throttled_mailbox_is_silent_for_every_worker_and_loses_nothing(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.faults.answer("/delta", 429, {"error": {"code": "ApplicationThrottled"}}, {"Retry-After": "2"})
    stand.graph.mailbox(USER).deliver(mail())
    await stand.status(mailbox_id, "throttled")
    row = await stand.row(mailbox_id)
    asked = len(stand.graph.faults.requests)
    assert row["auth_failures"] in (None, 0)
    await stand.house.runs.change_mailbox(mailbox_id, "notify", "")
    if datetime.now(UTC) < row["blocked_until"] - timedelta(seconds=1):
        assert len(stand.graph.faults.requests) == asked
    await stand.house.settled(1)


async def test_the_log_names_the_request_that_graph_refused(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="providers.microsoft.client")
    for request_id in ("0a1b2c3d-0000-4000-8000-00000000beef", "alice@example.com"):
        stand.graph.faults.answer("/delta", 503, {"error": {"code": "X"}}, {"request-id": request_id})
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    lines = [record.getMessage() for record in caplog.records if record.name == "providers.microsoft.client"]
    assert lines == [
        "Graph answered 503 X, request-id 0a1b2c3d-0000-4000-8000-00000000beef",
        "Graph answered 503 X, request-id unknown",
    ]


async def test_a_message_not_there_yet_is_asked_for_again_and_a_deleted_one_is_gone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "NOT_YET", timedelta(seconds=1))
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    mailbox = stand.graph.mailbox(USER)
    stand.graph.faults.answer("/$value", 404, {"error": {"code": "ErrorItemNotFound"}})
    mailbox.deliver(mail(1))
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "ticket"
    asked_once = stand.graph.faults.count("/$value")
    held = stand.graph.faults.hold("/$value")
    doomed = mailbox.deliver(mail(2))

    async def asked() -> bool:
        return stand.graph.faults.waiting == 1

    await stand.house.until(asked, "the fetch of the doomed message")
    mailbox.delete(doomed)
    held.set()
    emails = await stand.house.settled(2)
    assert {e["message_key"]: e["outcome"] for e in emails}["q2@example.com"] == "gone"
    assert stand.graph.faults.count("/$value") - asked_once == 2 * 3, "three times, and once more as often"


async def test_a_message_that_is_forbidden_in_a_mailbox_that_is_not_is_gone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "NOT_YET", timedelta(seconds=1))
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.faults.answer("/$value", 403, {"error": {"code": "ErrorAccessDenied"}}, times=None)
    stand.graph.mailbox(USER).deliver(mail(1))
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "gone"
    assert (await stand.row(mailbox_id))["state"] == "active"


async def test_a_wrong_secret_asks_a_person_and_catches_up_when_it_is_mended(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.login.revoke()
    stand.graph.mailbox(USER).deliver(mail())
    status = await stand.status(mailbox_id, "needs_reauth: The client secret is wrong")
    assert "example.com" not in status
    (task,) = await stand.house.open_tasks()
    assert task["kind"] == "reconnect_mailbox"
    await stand.add_secret(mailbox_id, stand.graph.secret())
    await stand.house.runs.change_mailbox(mailbox_id, "credentials_changed")
    await stand.house.settled(1)
    await stand.status(mailbox_id, "connected")
    assert await stand.house.open_tasks() == []


async def test_a_users_rotating_grant_is_stored_with_every_refresh(stand: Stand) -> None:
    login = stand.graph.login
    secret = {
        "kind": "user",
        "client_id": login.client_id,
        "client_secret": login.client_secret,
        "refresh_token": login.grant(USER),
    }
    mailbox_id = await stand.microsoft(USER, secret=secret, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    for number in range(3):
        login.forget_access_tokens()
        stand.graph.mailbox(USER).deliver(mail(number))
        await stand.house.settled(number + 1)
    assert secret["refresh_token"] not in login.refresh_tokens
    assert len(login.refresh_tokens) == 1


async def test_a_subscription_is_renewed_at_half_its_life(stand: Stand) -> None:
    stand.graph.life = timedelta(seconds=4)
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")

    async def renewed() -> bool:
        return stand.graph.faults.count("PATCH /v1.0/subscriptions/") >= 1

    await stand.house.until(renewed, "renewed subscription")
    assert len(stand.graph.subscriptions) == 1


async def test_a_subscription_that_vanished_is_made_again(stand: Stand) -> None:
    stand.graph.life = timedelta(seconds=4)
    mailbox_id = await stand.microsoft(USER, reconcile=SOON)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.subscriptions.clear()
    stand.graph.life = timedelta(days=2)

    async def made() -> bool:
        return len(stand.graph.subscriptions) == 1

    await stand.house.until(made, "new subscription")
    stand.graph.mailbox(USER).deliver(mail())
    await stand.house.settled(1)


async def test_a_removed_subscription_is_made_again_when_graph_says_so(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    (removed,) = stand.graph.subscriptions
    stand.graph.tell("subscriptionRemoved")
    del stand.graph.subscriptions[removed]

    async def made() -> bool:
        return len(stand.graph.subscriptions) == 1

    await stand.house.until(made, "new subscription")
    await stand.graph.notifier.idle()
    stand.graph.mailbox(USER).deliver(mail())
    await stand.house.settled(1)


async def test_a_storm_of_reauthorization_requests_is_one_renewal(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute(
            "update mailbox_watches set renewed_at = now() - interval '1 hour' where tenant_id = $1",
            stand.house.tenant_id,
        )
    for _ in range(20):
        stand.graph.tell("reauthorizationRequired")
        await stand.graph.notifier.idle()

    async def renewed() -> bool:
        return stand.graph.faults.count("PATCH /v1.0/subscriptions/") >= 1

    await stand.house.until(renewed, "renewed subscription")
    assert stand.graph.faults.count("PATCH /v1.0/subscriptions/") == 1


async def test_missed_notifications_are_caught_up_with(stand: Stand) -> None:
    mailbox_id = await stand.microsoft(USER)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.notifier.lost = 1.0
    stand.graph.mailbox(USER).deliver(mail())
    stand.graph.notifier.lost = 0.0
    stand.graph.tell("missed")
    await stand.house.settled(1)


async def test_strays_of_this_mailbox_are_ended_and_those_of_others_left_alone(stand: Stand) -> None:
    first = await stand.microsoft(USER)
    await stand.status(first, "connected: notified")
    stand.graph.mailbox("other@example.net")
    other = await stand.microsoft("other@example.net")
    await stand.status(other, "connected: notified")
    before = set(stand.graph.subscriptions)
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute(
            "delete from mailbox_watches where tenant_id = $1 and mailbox_id = $2", stand.house.tenant_id, first
        )
        await session.execute(
            "update mailbox_syncs set watches_checked_at = null where tenant_id = $1", stand.house.tenant_id
        )
    await stand.house.runs.change_mailbox(first, "notify", "")

    async def replaced() -> bool:
        return len(stand.graph.subscriptions) == 2 and set(stand.graph.subscriptions) != before

    await stand.house.until(replaced, "replaced subscription")
    assert len(before & set(stand.graph.subscriptions)) == 1


async def test_a_subscription_that_exists_already_is_replaced(stand: Stand) -> None:
    first = await stand.microsoft(USER)
    await stand.status(first, "connected: notified")
    (old,) = stand.graph.subscriptions
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute("delete from mailbox_watches where tenant_id = $1", stand.house.tenant_id)
    await stand.house.runs.change_mailbox(first, "notify", "")

    async def replaced() -> bool:
        return len(stand.graph.subscriptions) == 1 and old not in stand.graph.subscriptions

    await stand.house.until(replaced, "replaced subscription")
    stand.graph.mailbox(USER).deliver(mail())
    await stand.house.settled(1)


async def test_two_tenants_read_one_mailbox_and_neither_ends_the_others_subscription(stand: Stand) -> None:
    other = await tenant(stand.house.db, "other")
    elsewhere = replace(stand, house=replace(stand.house, tenant_id=other.tenant_id))
    first = await stand.microsoft(USER)
    await stand.status(first, "connected: notified")
    (subscription,) = stand.graph.subscriptions
    second = await elsewhere.microsoft(USER, reconcile=SOON)
    await elsewhere.status(second, "connected: polling, another mailbox here is notified of the same")
    async with stand.house.db.tenant(other.tenant_id) as session:
        await session.execute("update mailbox_syncs set watches_checked_at = null, watch_retry_at = null")
    await elsewhere.house.runs.change_mailbox(second, "notify", "")
    stand.graph.mailbox(USER).deliver(mail())
    for side in (stand, elsewhere):
        (email,) = await side.house.settled(1)
        assert email["outcome"] == "ticket"
    await elsewhere.status(second, "connected: polling, another mailbox here is notified of the same")
    assert set(stand.graph.subscriptions) == {subscription}
