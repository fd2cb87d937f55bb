"""Notifications are hints: lost, doubled, out of order, with the webhooks dying, they cost minutes and never mail."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.database import Database
from tests.house import open_house, working_in
from tests.integration.push.processes import PostroomProcess
from tests.integration.push.stand import Stand
from tests.letters import letter
from tests.simulators.google import GoogleSimulator
from tests.simulators.microsoft import MicrosoftSimulator
from tests.temporal_server import TemporalServer

MAILBOXES = 10
RECONCILE = timedelta(seconds=10)


async def test_every_message_of_ten_mailboxes_has_one_outcome(
    db: Database,
    db_url: str,
    temporal: TemporalServer,
    tmp_path: Path,
    gmail: GoogleSimulator,
    graph: MicrosoftSimulator,
    pytestconfig: pytest.Config,
) -> None:
    each = int(pytestconfig.getoption("burst")) // MAILBOXES
    dice = random.Random(6)
    for source in (gmail.pubsub, graph.notifier):
        source.lost, source.doubled, source.shuffled = 0.2, 0.2, 0.5
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(db, temporal.address, tmp_path / "objects", working=False))
        house.endpoints = replace(gmail.endpoints(), graph=graph.url, microsoft_login=graph.url)
        webhooks = PostroomProcess(house, db_url, temporal.address, tmp_path / "objects")
        await webhooks.start()
        stack.push_async_callback(webhooks.kill)
        house.endpoints = replace(house.endpoints, webhooks_url=webhooks.url)
        await stack.enter_async_context(working_in(house))
        stand = Stand(house, gmail, graph, webhooks.url)
        boxes = [
            await (stand.gmail if number % 2 else stand.microsoft)(f"box{number}@example.org", reconcile=RECONCILE)
            for number in range(MAILBOXES)
        ]
        for box in boxes:
            await stand.status(box, "connected: notified")
        killing = asyncio.create_task(_keep_killing(webhooks, dice))
        try:
            for number in range(each * MAILBOXES):
                _deliver(stand, number % MAILBOXES, number)
                await asyncio.sleep(dice.uniform(0, 0.02))
            await house.settled(each * MAILBOXES, timeout=60 + each * MAILBOXES)
        finally:
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killing
        emails = await house.emails()
        assert Counter(email["mailbox_id"] for email in emails) == dict.fromkeys(boxes, each)
        assert len({email["message_key"] for email in emails}) == each * MAILBOXES
        assert {email["outcome"] for email in emails} == {"ticket"}
        assert len(await house.tickets()) == each * MAILBOXES


def _deliver(stand: Stand, box: int, number: int) -> None:
    # Each mail from somebody else: what the loop governor does about a flood is not what is asked here.
    mail = letter(f"person{number}@example.com", f"Question {number}", message_id=f"n{number}@example.com").as_bytes()
    if box % 2:
        stand.google.account(f"box{box}@example.org").deliver(mail)
    else:
        stand.graph.mailbox(f"box{box}@example.org").deliver(mail)


async def _keep_killing(webhooks: PostroomProcess, dice: random.Random) -> None:
    """Kills the process at random moments, for as long as mail comes in and is worked on."""
    while True:
        await asyncio.sleep(dice.uniform(0.5, 4))
        await webhooks.kill()
        await asyncio.sleep(dice.uniform(0, 0.5))
        await webhooks.start()
