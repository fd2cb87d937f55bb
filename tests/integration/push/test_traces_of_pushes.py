"""A mail that a push told of is one connected trace, from the push to the commit."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from storage.database import Database
from tests.house import open_house
from tests.integration.push.processes import PostroomProcess
from tests.integration.push.stand import Stand
from tests.letters import letter
from tests.simulators.google import GoogleSimulator
from tests.simulators.microsoft import MicrosoftSimulator
from tests.simulators.otlp import receiver
from tests.temporal_server import TemporalServer


async def test_a_gmail_push_and_the_mail_it_tells_of_are_one_trace(
    db: Database, db_url: str, temporal: TemporalServer, tmp_path: Path, gmail: GoogleSimulator,
    graph: MicrosoftSimulator,
) -> None:  # fmt: skip
    async with AsyncExitStack() as stack:
        otlp = await stack.enter_async_context(receiver())
        house = await stack.enter_async_context(open_house(db, temporal.address, tmp_path / "objects", working=False))
        house.endpoints = gmail.endpoints()
        for role in ("webhooks", "worker"):
            process = PostroomProcess(house, db_url, temporal.address, tmp_path / "objects", role=role, otlp=otlp.url)
            await process.start()
            stack.push_async_callback(process.kill)
            if role == "webhooks":
                house.endpoints = gmail.endpoints(webhooks_url=process.url)
                stand = Stand(house, gmail, graph, process.url)
        # Nothing but a push brings the mail in this while.
        mailbox = await stand.gmail("help@example.org", reconcile=timedelta(minutes=10))
        await stand.status(mailbox, "connected: notified")
        gmail.account("help@example.org").deliver(letter("alice@example.com").as_bytes())
        (email,) = await house.settled(1)
        email_id = str(email["email_id"])

        # Two processes export, each in its own time.
        wanted = {"sync", "GET 127.0.0.1", "StartWorkflow:InboundEmailWorkflow", "RunActivity:create_ticket",
                  "CompleteWorkflow:InboundEmailWorkflow"}  # fmt: skip

        async def one_trace() -> bool:
            spans = otlp.trace_of(email_id)
            ids = {span.id for span in spans}
            began = [span.name for span in spans if span.parent not in ids]
            return began == ["POST /webhooks/google/{mailbox_id}"] and wanted <= {span.name for span in spans}

        await house.until(one_trace, "the whole trace, begun by the push")
