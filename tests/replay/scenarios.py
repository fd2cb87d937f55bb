"""Real runs of the house, one for each way through its workflows: played by the recorder and by the replay tests.

Everything a sender wrote is one of the planted words, so that a test can look for them in every history.
"""

from __future__ import annotations

import asyncio
import imaplib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from activities.listen import Listen
from activities.watching import Watching
from domain.identity import (
    email_workflow_id,
    event_delivery_workflow_id,
    listener_workflow_id,
    mailbox_job_workflow_id,
    mailbox_workflow_id,
)
from domain.mailbox import MailboxView
from domain.mailbox_jobs import MailboxJob
from domain.policy import Retention, TenantPolicy
from domain.task import TaskResolution
from storage import events, mailbox_jobs, policies
from storage.objects import raw_key
from tests.house import House
from tests.letters import letter
from tests.receiver import open_receiver
from workers import admin, demo_imap
from workflows import names

SUBJECT, BODY, FILE_NAME = "Plantedsubject", "Plantedbody", "plantedfile.pdf"
ADDRESS, NAME, CLIENT = "plantedaddress@planteddomain.example", "Plantedname", "Plantedclient"
PLANTED = (SUBJECT, BODY, "plantedfile", "plantedaddress", "planteddomain", NAME, CLIENT)

# What `play` yields: a name for the file, and the history.
Recorded = tuple[str, WorkflowHistory]


async def play(house: House, directory: Path) -> AsyncIterator[Recorded]:
    """Plays every scenario, one after the other; `directory` is for the IMAP server's mail."""
    for scenario in (new_mail, reply_with_attachment, large_mail, duplicate, question_and_reply_that_waits):
        for name, workflow_id in (await scenario(house)).items():
            yield name, await history(house, workflow_id)
    yield "event_delivery", await history(house, await events_for_a_subscriber(house))
    yield "mailbox", await history(house, await mailbox_that_was_paused(house))
    for name, workflow_id in (await mailbox_looked_after(house)).items():
        yield name, await history(house, workflow_id)
    for name, workflow_id in (await read_over_imap(house, directory)).items():
        yield name, await history(house, workflow_id)
    yield "retention", await history(house, await retention_that_lets_go(house))


async def history(house: House, workflow_id: str) -> WorkflowHistory:
    return await house.client.get_workflow_handle(workflow_id).fetch_history()


async def new_mail(house: House) -> dict[str, str]:
    return {"new_mail": await _decided(house, _mail("new@ids.example"), "ticket")}


async def reply_with_attachment(house: House) -> dict[str, str]:
    reply = _mail("reply@ids.example", in_reply_to="new@ids.example", attachments=[(FILE_NAME, b"%PDF-1.4")])
    return {"reply_with_attachment": await _decided(house, reply, "comment")}


async def large_mail(house: House) -> dict[str, str]:
    """Parsed by an activity of its own."""
    large = _mail("large@ids.example", attachments=[("plantedfile.bin", bytes(400_000))])
    return {"large_mail": await _decided(house, large, "ticket")}


async def events_for_a_subscriber(house: House) -> str:
    """A mail's two events, delivered to a receiver of another system."""
    async with open_receiver() as receiver:
        async with house.db.tenant(house.tenant_id) as session:
            endpoint_id, receiver.secret = await events.add_endpoint(
                session, house.keyring, house.tenant_id, receiver.url, ["ticket.created", "comment.added"]
            )
        await _decided(house, _mail("announced@ids.example"), "ticket")

        async def told() -> bool:
            return len(receiver.taken) == 2

        await house.until(told, "two events")
        workflow_id = event_delivery_workflow_id(endpoint_id)
        await house.client.get_workflow_handle(workflow_id).result()
        async with house.db.tenant(house.tenant_id) as session:
            await events.remove_endpoint(session, house.tenant_id, endpoint_id)
    return workflow_id


async def duplicate(house: House) -> dict[str, str]:
    """The same mail on another way: its transport headers differ, what its author wrote does not."""
    (first,) = await _rows(house, lambda row: row["message_key"] == "new@ids.example")
    raw = await house.objects.get(raw_key(house.tenant_id, first["raw_sha256"]))
    await house.deliver(b"Received: from relay.example by mx.example\r\n" + raw)
    (row,) = await _rows(house, lambda row: row["message_key"] == "new@ids.example" and row["outcome"] == "duplicate")
    return {"duplicate": row["workflow_id"]}


async def question_and_reply_that_waits(house: House) -> dict[str, str]:
    """A sender of two clients is asked about; a reply waits with it; a wrong answer is ignored, a right one ends it."""
    for client in (CLIENT + "one", CLIENT + "two"):
        await admin.add_contact(
            house.db,
            house.tenant_id,
            "twice" + ADDRESS,
            NAME,
            await admin.add_client(house.db, house.tenant_id, client),
        )
    await house.deliver(_mail("asked@ids.example", sender="twice" + ADDRESS))
    task = await house.task()
    await house.deliver(_mail("waits@ids.example", sender="twice" + ADDRESS, in_reply_to="asked@ids.example"))
    await _rows(house, lambda row: row["message_key"] == "waits@ids.example" and row["waits_for"] is not None)
    await house.runs.resolve_task(task["workflow_id"], TaskResolution(choice="client:none-of-these", by="ann"))

    async def recorded() -> bool:
        ignored = "select from audit where tenant_id = $1 and action = 'answer_ignored'"
        return bool(await house.rows(ignored))

    await house.until(recorded, "a record of the wrong answer")
    choice = task["candidates"][0]["option"]
    await house.runs.resolve_task(task["workflow_id"], TaskResolution(choice=choice, by="ann", task_id=task["task_id"]))
    await _done(house, "waits@ids.example")
    return {"question": _id(house, "asked@ids.example"), "reply_that_waits": _id(house, "waits@ids.example")}


async def mailbox_that_was_paused(house: House) -> str:
    workflow_id = mailbox_workflow_id(house.mailbox_id)
    run = house.client.get_workflow_handle(workflow_id)

    async def is_now(state: str) -> None:
        async def check() -> bool:
            view: MailboxView = await run.query(names.STATUS, result_type=MailboxView)
            return view.state == state

        await house.until(check, f"a mailbox that is {state}")

    await house.runs.change_mailbox(house.mailbox_id, names.NOTIFY, "")
    await house.runs.change_mailbox(house.mailbox_id, names.PAUSE)
    await is_now("paused")
    await house.runs.change_mailbox(house.mailbox_id, names.NOTIFY, "")
    await house.runs.change_mailbox(house.mailbox_id, names.RESUME)
    await is_now("active")
    await house.runs.change_mailbox(house.mailbox_id, names.RECONFIGURE)
    return workflow_id


async def mailbox_looked_after(house: House) -> dict[str, str]:
    async with house.db.tenant(house.tenant_id) as session:
        job_id = await mailbox_jobs.create(session, house.tenant_id, house.mailbox_id, "reconcile", NAME)
    await house.runs.start_job(
        MailboxJob(
            tenant_id=house.tenant_id,
            job_id=job_id,
            mailbox_id=house.mailbox_id,
            provider="smtp",
            kind="reconcile",
        )
    )
    await house.client.start_workflow(names.UPKEEP, id=names.UPKEEP_ID, task_queue=names.MAIL_QUEUE)
    ids = {"mailbox_job": mailbox_job_workflow_id(job_id), "upkeep": names.UPKEEP_ID}
    for workflow_id in ids.values():
        await house.client.get_workflow_handle(workflow_id).result()
    return ids


async def retention_that_lets_go(house: House) -> str:
    """Raw mail and attachments that are older than the policy keeps them."""
    policy = TenantPolicy(retention=Retention(raw_days=1, attachments_days=1))
    async with house.db.tenant(house.tenant_id) as session:
        await policies.set_tenant(session, house.tenant_id, policy, actor=NAME)
        await session.execute(
            "update emails set done_at = now() - interval '2 days' where tenant_id = $1 and state = 'done'",
            house.tenant_id,
        )
    run = await house.client.start_workflow(names.RETENTION, id="retention/recorded", task_queue=names.MAIL_QUEUE)
    assert await run.result() > 0
    return run.id


async def read_over_imap(house: House, directory: Path) -> dict[str, str]:
    """Two mails, each heard by a listener of its own: between them the shard moves from one worker to another."""
    async with _imap_server(directory) as port:
        settings = {"host": "127.0.0.1", "port": port, "security": "plaintext", "username": "box"}
        mailbox_id = await admin.add_imap_mailbox(
            house.db, house.keyring, house.tenant_id, "box@postroom.test", settings, "secret"
        )
        await house.client.start_workflow(
            names.LISTENER,
            0,
            id=listener_workflow_id(0),
            task_queue=names.MAIL_QUEUE,
            # A worker process of another test may have left one on this server.
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )
        for message_id in ("imap-one@ids.example", "imap-two@ids.example"):
            async with _listener(house):
                await house.until(lambda: _has_cursor(house, mailbox_id), "a folder that is watched")
                await asyncio.to_thread(_drop, port, _mail(message_id).as_bytes())
                await _done(house, message_id)
    return {
        "fetched_over_imap": email_workflow_id(mailbox_id, "imap-one@ids.example"),
        "listener": listener_workflow_id(0),
    }


def scrubbed(history: WorkflowHistory) -> str:
    """The history as JSON without the name of the machine it was recorded on."""
    text = history.to_json().replace(socket.gethostname(), "recorder")
    return json.dumps(json.loads(text), indent=1) + "\n"


def _mail(message_id: str, *, sender: str = ADDRESS, **rest: Any) -> EmailMessage:
    return letter(
        f"{NAME} <{sender}>", f"{SUBJECT} {message_id.partition('@')[0]}", BODY, message_id=message_id, **rest
    )


def _id(house: House, message_id: str) -> str:
    return email_workflow_id(house.mailbox_id, message_id)


async def _decided(house: House, mail: EmailMessage, outcome: str) -> str:
    message_id = str(mail["Message-ID"]).strip("<>")
    await house.deliver(mail)
    row = await _done(house, message_id)
    assert row["outcome"] == outcome, row["outcome"]
    return _id(house, message_id)


async def _done(house: House, message_id: str) -> Any:
    """Waits until the mail is done and its run has ended, so that its history is whole."""
    (row,) = await _rows(house, lambda row: row["message_key"] == message_id and row["state"] == "done")
    await house.client.get_workflow_handle(row["workflow_id"]).result()
    return row


async def _rows(house: House, fits: Callable[[Any], bool]) -> list[Any]:
    async def check() -> bool:
        return any(fits(row) for row in await house.emails())

    await house.until(check, "such an email")
    return [row for row in await house.emails() if fits(row)]


async def _has_cursor(house: House, mailbox_id: UUID) -> bool:
    cursors = "select from folder_cursors where tenant_id = $1 and mailbox_id = $2"
    return bool(await house.rows(cursors, mailbox_id))


@asynccontextmanager
async def _imap_server(directory: Path) -> AsyncIterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    serving = asyncio.create_task(demo_imap.serve(port, directory, "box", "secret"))
    try:
        yield port
    finally:
        serving.cancel()
        await asyncio.wait({serving})


@asynccontextmanager
async def _listener(house: House) -> AsyncIterator[None]:
    listen = Listen(Watching(house.db, house.objects, house.keyring, house.runs, shards=1, allow_private_hosts=True))
    async with Worker(house.client, task_queue=names.LISTENER_QUEUE, activities=[listen.listen]):
        yield


def _drop(port: int, raw: bytes) -> None:
    with imaplib.IMAP4("127.0.0.1", port) as connection:
        connection.login("box", "secret")
        connection.append("INBOX", None, None, raw.replace(b"\n", b"\r\n"))
