"""Failures that others reported of their Gmail and Graph clients: each is a test, by name, that the naive way fails.

What other modules already test is named in REPORTS; the rest is here.
"""

from __future__ import annotations

import importlib
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.push.stand import SOON, Stand
from tests.letters import letter
from tests.simulators.google import TOPIC

GMAIL, GRAPH = "help@example.org", "help@example.net"
HERE = "push.test_failure_reports"

# What was reported, and the tests that would fail if we did the same.
REPORTS = {
    "googleworkspace/python-samples#200: the push's historyId as cursor; it is a JSON number": [
        f"{HERE}.test_a_pushs_history_id_is_no_cursor",
        "push.test_google_webhook.test_every_form_of_push_is_understood",
    ],
    "elie222/inbox-zero#1292: a slower worker wrote an older cursor": [
        "push.test_gmail.test_a_slower_listing_never_moves_the_cursor_back"
    ],
    "botpress/botpress#14809: concurrent pushes; a deleted message crashed all": [
        "push.test_gmail.test_a_message_deleted_meanwhile_is_skipped",
        "push.test_hints.test_a_thousand_hints_for_one_mailbox_are_a_few_signals",
    ],
    "corsairdev/corsair#450: history id less one; only the first category of a record": [
        f"{HERE}.test_a_record_with_several_kinds_of_change_is_read_whole"
    ],
    "openclaw/gogcli#271: a stale push was refused, and came for ever": [
        f"{HERE}.test_a_stale_push_is_acknowledged_and_makes_nothing"
    ],
    "xorbitsai/xagent#704: a history that is gone was an error for ever": [
        "push.test_gmail.test_a_history_that_gmail_forgot_is_listed_again_and_nothing_twice"
    ],
    "xorbitsai/xagent#1278: a watch that was never renewed": [
        "push.test_gmail.test_a_watch_is_renewed_at_half_its_life_and_moves_no_cursor"
    ],
    "openclaw/openclaw#24765: a renewal failed, and nobody knew": [f"{HERE}.test_a_renewal_that_fails_shows_and_heals"],
    "elie222/inbox-zero#2487: only one watch for each developer": [
        "push.test_gmail.test_a_watch_of_another_topic_is_stopped_and_ours_made"
    ],
    "gauteh/lieer#102: a page with a token and no history": [
        "push.test_gmail.test_pages_without_any_history_are_read_through"
    ],
    "googleapis/google-api-nodejs-client#3508: no promised order": [f"{HERE}.test_records_in_any_order_are_all_read"],
    "googleapis/google-api-nodejs-client#2301: drafts and sent mail notify": [
        "push.test_gmail.test_only_what_carries_a_wanted_label_is_taken"
    ],
    "simstudioai/sim#553: the work before the answer": [
        "push.test_google_webhook.test_an_authentic_push_is_acknowledged_once_its_hint_is_durable",
        "push.test_microsoft_webhook.test_an_authentic_notification_is_accepted_once_its_hint_is_durable",
    ],
    "googleapis/google-api-dotnet-client#1982, amp-labs/connectors#2942: concurrency inside the quota": [
        "push.test_gmail.test_never_more_than_four_requests_for_one_user",
        "push.test_shared_gate.test_all_workers_together_make_four_requests_at_once",
    ],
    "Auxx-Ai/auxx-ai#1589: the first listing made a ticket of every old mail": [
        "push.test_gmail.test_what_was_there_before_connecting_makes_no_tickets",
        "push.test_microsoft.test_what_was_there_before_connecting_makes_no_tickets_unless_asked_for",
    ],
    "microsoftgraph/msgraph-sdk-dotnet#2805: the handshake times out in good health, on renewal, too": [
        f"{HERE}.test_a_handshake_that_fails_on_renewal_leaves_the_subscription_and_is_tried_again"
    ],
    "pnp/Microsoft365-Analytics-Insights#273: something before the webhooks eats the handshake": [
        "push.test_microsoft.test_an_unreachable_endpoint_means_polling_and_is_tried_again",
        "push.test_setup.test_a_test_ends_with_the_step_that_fails_and_what_to_do",
    ],
    "microsoftgraph/microsoft-graph-docs#11068, kellylford/QuickMail#366: a notified id is not found": [
        "push.test_microsoft.test_a_message_not_there_yet_is_asked_for_again_and_a_deleted_one_is_gone",
        "push.test_microsoft.test_a_message_that_is_forbidden_in_a_mailbox_that_is_not_is_gone",
    ],
    "microsoftgraph/microsoft-graph-docs#21752: immutable ids lose what moves away and back": [
        f"{HERE}.test_a_message_that_moved_away_and_back_has_one_outcome"
    ],
    "microsoftgraph/microsoft-graph-docs#2350, #2162, #2877: the sync state is lost, also in mid-walk": [
        "push.test_microsoft.test_a_lost_delta_link_lists_again_and_nothing_twice",
        f"{HERE}.test_a_delta_that_is_lost_between_its_pages_begins_again",
    ],
    "microsoftgraph/msgraph-sdk-dotnet#1281: $deltatoken=latest does not exist for mail": [
        f"{HERE}.test_a_first_delta_asks_for_what_was_received_since_connecting"
    ],
    "microsoftgraph/microsoft-graph-docs#13872: a subscription vanishes without a word": [
        "push.test_microsoft.test_a_subscription_that_vanished_is_made_again"
    ],
    "microsoftgraph/microsoft-graph-docs-contrib#9039: the same subscription twice": [
        "push.test_microsoft.test_strays_of_this_mailbox_are_ended_and_those_of_others_left_alone",
        "push.test_microsoft.test_a_subscription_that_exists_already_is_replaced",
    ],
    "twentyhq/twenty#11070: MailboxConcurrency": [
        "push.test_microsoft.test_never_more_than_three_requests_for_one_mailbox_over_all_workers",
        "push.test_microsoft.test_a_throttled_mailbox_is_silent_for_every_worker_and_loses_nothing",
    ],
}


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_has_its_tests(report: str) -> None:
    for name in REPORTS[report]:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"tests.integration.{module}"), function))


def mail(number: int = 1, to: str = GMAIL) -> bytes:
    return letter("alice@example.com", f"Question {number}", message_id=f"q{number}@example.com", to=to).as_bytes()


async def settled(stand: Stand, count: int) -> list[str]:
    return sorted(email["message_key"] for email in await stand.house.settled(count))


def push(stand: Stand, history_id: Any) -> None:
    notice = {"emailAddress": GMAIL, "historyId": history_id}
    stand.google.pubsub.publish(TOPIC, json.dumps(notice).encode())


async def test_a_pushs_history_id_is_no_cursor(stand: Stand) -> None:
    box = await stand.gmail(GMAIL)
    await stand.status(box, "connected: notified")
    account = stand.google.account(GMAIL)
    stand.google.pubsub.lost = 1.0
    account.deliver(mail(1))
    stand.google.pubsub.lost = 0.0
    push(stand, account.history_id + 10_000)
    assert await settled(stand, 1) == ["q1@example.com"]


async def test_a_stale_push_is_acknowledged_and_makes_nothing(stand: Stand) -> None:
    box = await stand.gmail(GMAIL)
    await stand.status(box, "connected: notified")
    stand.google.account(GMAIL).deliver(mail(1))
    await settled(stand, 1)
    await stand.google.pubsub.idle()
    before = len(stand.google.pubsub.answers)
    push(stand, 1)
    await stand.google.pubsub.idle()
    assert stand.google.pubsub.answers[before:] == [204]
    assert (await stand.balance(box))["listed"] == 1


def record(number: int, **changes: list[str]) -> dict[str, Any]:
    """A history record as history.list gives it: kinds of change with the ids of their messages."""
    return {
        "id": str(number),
        **{
            kind: [{"message": {"id": i, "threadId": i}, "labelIds": ["INBOX"]} for i in ids]
            for kind, ids in changes.items()
        },
    }


async def history(stand: Stand, *records: dict[str, Any]) -> None:
    """The next look at the history finds these, whatever happened."""
    latest = str(stand.google.account(GMAIL).history_id)
    stand.google.faults.answer("/history", 200, {"history": list(records), "historyId": latest})
    push(stand, 1)


async def test_a_record_with_several_kinds_of_change_is_read_whole(stand: Stand) -> None:
    box = await stand.gmail(GMAIL)
    await stand.status(box, "connected: notified")
    await stand.google.pubsub.idle()
    stand.google.pubsub.lost = 1.0
    one, two, three = (stand.google.account(GMAIL).deliver(mail(n)) for n in (1, 2, 3))
    stand.google.pubsub.lost = 0.0
    await history(stand, record(5, messagesAdded=[one, two], labelsAdded=[three], messages=[]))
    assert await settled(stand, 3) == [f"q{n}@example.com" for n in (1, 2, 3)]


async def test_records_in_any_order_are_all_read(stand: Stand) -> None:
    box = await stand.gmail(GMAIL)
    await stand.status(box, "connected: notified")
    await stand.google.pubsub.idle()
    stand.google.pubsub.lost = 1.0
    ids = [stand.google.account(GMAIL).deliver(mail(n)) for n in range(4)]
    stand.google.pubsub.lost = 0.0
    numbers = (9, 3, 7, 1)
    await history(stand, *(record(n, messagesAdded=[i]) for n, i in zip(numbers, ids, strict=True)))
    assert await settled(stand, 4) == [f"q{n}@example.com" for n in range(4)]


async def test_a_renewal_that_fails_shows_and_heals(stand: Stand) -> None:
    stand.google.watch_seconds = 4
    box = await stand.gmail(GMAIL, reconcile=SOON)
    await stand.status(box, "connected: notified")
    stand.google.faults.answer("/watch", 403, {"error": {"errors": [{"reason": "forbidden"}]}}, times=None)
    await stand.status(box, "connected: polling, notifications")
    stand.google.faults.heal()
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute("update mailbox_syncs set watch_retry_at = now()")
    await stand.status(box, "connected: notified")


async def test_a_handshake_that_fails_on_renewal_leaves_the_subscription_and_is_tried_again(stand: Stand) -> None:
    stand.graph.life = timedelta(seconds=6)
    box = await stand.microsoft(GRAPH, reconcile=SOON)
    await stand.status(box, "connected: notified")
    (subscription,) = stand.graph.subscriptions
    text = "Subscription validation request timed out."
    stand.graph.faults.answer("PATCH", 400, {"error": {"code": "ValidationError", "message": text}})
    assert "handshake" in await stand.status(box, "connected: polling")
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute("update mailbox_syncs set watch_retry_at = now()")
    await stand.status(box, "connected: notified")
    assert list(stand.graph.subscriptions) == [subscription]


async def test_a_message_that_moved_away_and_back_has_one_outcome(stand: Stand) -> None:
    box = await stand.microsoft(GRAPH, reconcile=SOON)
    await stand.status(box, "connected: notified")
    mailbox = stand.graph.mailbox(GRAPH)
    stand.graph.notifier.lost = 1.0
    item = mailbox.deliver(mail(1, GRAPH))
    for _ in range(3):
        mailbox.move(item, "archive")
        mailbox.move(item, "inbox")
    mailbox.deliver(mail(2, GRAPH))
    assert await settled(stand, 2) == ["q1@example.com", "q2@example.com"]
    mailbox.move(item, "archive")
    mailbox.move(item, "inbox")
    mailbox.deliver(mail(3, GRAPH))
    assert await settled(stand, 3) == [f"q{n}@example.com" for n in (1, 2, 3)]
    assert (await stand.balance(box))["listed"] == 3


async def test_a_delta_that_is_lost_between_its_pages_begins_again(stand: Stand) -> None:
    mailbox = stand.graph.mailbox(GRAPH)
    for number in range(120):
        mailbox.deliver(mail(number, GRAPH), "archive")
    mailbox.deliver(mail(999, GRAPH), age=-1)
    box = await stand.microsoft(GRAPH, start=False)
    # The first page is given, and then every link is lost.
    held = stand.graph.faults.hold("/delta")
    await stand.start(box, "microsoft", SOON)
    while not stand.graph.faults.waiting:
        await stand.house.settled(0)
    held.set()
    while stand.graph.faults.count("/delta") < 2:
        await stand.house.settled(0)
    mailbox.expire_delta()
    assert await settled(stand, 1) == ["q999@example.com"]


async def test_a_first_delta_asks_for_what_was_received_since_connecting(stand: Stand) -> None:
    box = await stand.microsoft(GRAPH)
    await stand.status(box, "connected: notified")
    cursor = await stand.cursor(box)
    assert "$deltatoken=latest" not in json.dumps(cursor)
    stand.graph.mailbox(GRAPH).deliver(mail(1, GRAPH))
    assert await settled(stand, 1) == ["q1@example.com"]
