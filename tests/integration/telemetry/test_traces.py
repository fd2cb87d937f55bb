"""One mail, one connected trace: from where it reached us, over the workflow and its activities, to the commit."""

from __future__ import annotations

import asyncio
import imaplib
from email.message import EmailMessage

import pytest

from tests.integration.telemetry.conftest import Fleet, until
from tests.letters import letter
from tests.simulators.otlp import Received


async def complete(fleet: Fleet, message_id: str, last: str) -> list[Received]:
    """The message's trace, once its last span has arrived, and those that it hangs on."""
    row = await fleet.email(message_id)
    found: list[Received] = []

    async def there() -> bool:
        found[:] = fleet.otlp.trace_of(str(row["email_id"]))
        ids = {span.id for span in found} | {""}
        # Each process exports by itself: a span may come before the one it hangs on.
        return any(span.name == last for span in found) and all(span.parent in ids for span in found)

    await until(there, f"span {last} in {[s.name for s in found]}")
    return found


def assert_connected(spans: list[Received], root: str) -> None:
    """One trace, whose every span but the first hangs on another one of it."""
    assert len({span.trace for span in spans}) == 1
    ids = {span.id for span in spans}
    assert [span.name for span in spans if span.parent not in ids] == [root]
    assert [span.parent for span in spans if span.name == root] == [""]


def statements(spans: list[Received]) -> set[str]:
    """What the trace's transactions did, without the times."""
    return {" ".join(s.split()[:2]) for span in spans for s in span.attributes.get("postroom.statements", ())}


async def test_a_mail_over_smtp_is_one_connected_trace_with_every_step(fleet: Fleet) -> None:
    mail = letter("ann@example.com", message_id="traced@ids.example", attachments=[("a.bin", b"content")])
    await fleet.send(mail)
    spans = await complete(fleet, "traced@ids.example", "CompleteWorkflow:InboundEmailWorkflow")
    assert_connected(spans, "smtp DATA")
    assert {
        "object put", "StartWorkflow:InboundEmailWorkflow", "RunWorkflow:InboundEmailWorkflow",
        "RunActivity:parse_message", "RunActivity:find_thread", "RunActivity:create_ticket",
        "RunActivity:store_attachments", "transaction", "object get",
    } <= {span.name for span in spans}  # fmt: skip
    assert {"insert emails", "insert tickets", "insert comments"} <= statements(spans)
    assert {span.service for span in spans} == {"postroom-webhooks", "postroom-worker"}
    assert not [span for span in spans if span.error]


@pytest.mark.parametrize(
    ("size", "read_by"),
    [(5, {"object put"}), (100_000, {"RunActivity:fetch_message", "provider fetch", "object put"})],
)
async def test_a_mail_over_imap_is_one_connected_trace_from_its_listing(
    fleet: Fleet, size: int, read_by: set[str]
) -> None:
    message_id = f"imap-{size}@ids.example"
    mail = letter("ann@example.com", message_id=message_id, attachments=[("a.bin", bytes(size))])
    await asyncio.to_thread(drop, fleet, mail)
    spans = await complete(fleet, message_id, "CompleteWorkflow:InboundEmailWorkflow")
    assert_connected(spans, "imap listed")
    assert {*read_by, "RunActivity:create_ticket"} <= {span.name for span in spans}
    assert {"insert emails", "insert tickets"} <= statements(spans)
    assert {span.service for span in spans} == {"postroom-listener", "postroom-worker"}


async def test_a_mail_whose_workflow_is_started_later_by_another_process_stays_in_its_trace(fleet: Fleet) -> None:
    """Temporal is away while the mail is accepted, and the process that accepted it may never start it."""
    fleet.temporal.kill()
    try:
        await fleet.send(letter("ann@example.com", message_id="later@ids.example"))
        row = await fleet.email("later@ids.example", "listed")
        assert row["timeline"][0]["trace"].split("-")[1]
    finally:
        fleet.temporal.start()
    spans = await complete(fleet, "later@ids.example", "CompleteWorkflow:InboundEmailWorkflow")
    assert_connected(spans, "smtp DATA")
    assert spans[0].trace == row["timeline"][0]["trace"].split("-")[1]


def drop(fleet: Fleet, mail: EmailMessage) -> None:
    with imaplib.IMAP4("127.0.0.1", fleet.imap_port) as connection:
        connection.login("box", "imap-password")
        connection.append("INBOX", None, None, mail.as_bytes().replace(b"\n", b"\r\n"))
