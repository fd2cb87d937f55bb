"""IMAP mailboxes whose access ends, whose tokens rotate, whose messages are numbered anew, through the whole house."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from temporalio.worker import Worker

from activities import watching
from activities.listen import Listen
from activities.watching import Watching
from domain.identity import listener_workflow_id, mailbox_workflow_id, shard_of
from domain.mailbox import MailboxRef
from domain.task import TaskResolution
from providers.imap.listener import Listener
from providers.imap.sync import Backlog, FolderState
from storage import mailboxes, people, rescans
from tests.house import House
from tests.integration.imap.recording import FAST
from tests.letters import letter
from tests.simulators.dovecot import Dovecot, dovecot
from tests.simulators.token_server import TokenServer, token_server
from workflows import names

__all__ = ["dovecot"]


@pytest_asyncio.fixture
async def tokens(dovecot: Dovecot) -> AsyncIterator[TokenServer]:
    async with token_server(dovecot.tokens) as running:
        yield running


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}@example.com"


async def connect(house: House, user: str, settings: dict[str, Any], secret: dict[str, Any]) -> UUID:
    """Adds the mailbox, or gives it new access, as `postroom mailbox add` does; its own workflow runs."""
    async with house.db.tenant(house.tenant_id) as session:
        added = await people.add_mailbox(session, house.tenant_id, user, "imap")
        sealed = house.keyring.seal(
            json.dumps(secret).encode(), tenant_id=house.tenant_id, table="mailboxes", row=str(added.mailbox_id)
        )
        await people.set_mailbox_access(session, house.tenant_id, added.mailbox_id, settings, sealed)
    if added.created:
        await house.runs.start_mailbox(
            MailboxRef(tenant_id=house.tenant_id, mailbox_id=added.mailbox_id, provider="imap")
        )
    return added.mailbox_id


async def until_row(house: House, mailbox_id: UUID, what: str, **wanted: str) -> None:
    async def check() -> bool:
        (row,) = await house.rows("select * from mailboxes where tenant_id = $1 and mailbox_id = $2", mailbox_id)
        return all(str(row[column]).startswith(value) for column, value in wanted.items())

    await house.until(check, what)


async def test_tokens_rotate_access_is_revoked_and_given_again_and_no_mail_is_missed(
    house: House, dovecot: Dovecot, user: str, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "Listener", partial(Listener, timers=FAST))
    monkeypatch.setattr(watching, "RELOAD", 0.1)
    tokens.seconds = 2
    settings = dovecot.settings(user, auth="xoauth2", oauth=tokens.client).model_dump(mode="json")
    mailbox_id = await connect(house, user, settings, tokens.grant(user))
    shard = shard_of(mailbox_id, 4)
    run = await house.client.start_workflow(
        names.LISTENER, shard, id=f"{listener_workflow_id(shard)}/{mailbox_id}", task_queue=names.MAIL_QUEUE
    )
    listen = Listen(Watching(house.db, house.objects, house.keyring, house.runs, shards=4, allow_private_hosts=True))
    async with Worker(house.client, task_queue=names.LISTENER_QUEUE, activities=[listen.listen]):
        await until_row(house, mailbox_id, "idle mailbox", status="idle")
        dovecot.deliver(user, letter("alice@example.com", "With a token").as_bytes())
        await house.settled(1)
        # The listener and the worker that fetched share what the vault keeps: one grant, whoever refreshed it last.
        assert list(tokens.grants.values()) == [user]

        tokens.revoke(user)
        await until_row(house, mailbox_id, "mailbox to connect again", state="needs_reauth", status="needs_reauth")
        (task,) = await house.open_tasks()
        assert task["kind"] == "reconnect_mailbox"
        dovecot.deliver(user, letter("alice@example.com", "Meanwhile").as_bytes())
        await connect(house, user, settings, tokens.grant(user))
        answer = TaskResolution(choice="reconnected", task_id=task["task_id"], by="ann")
        await house.client.get_workflow_handle(mailbox_workflow_id(mailbox_id)).signal(names.RESOLVE_TASK, answer)
        await house.settled(2)
        await until_row(house, mailbox_id, "idle mailbox", state="active", status="idle")
        assert await house.open_tasks() == []
        await run.terminate()


@pytest.mark.parametrize("choice", [rescans.TAKE_IN, rescans.LEAVE])
async def test_a_rescan_goes_on_as_the_mailbox_is_told_wherever_the_answer_was_given(house: House, choice: str) -> None:
    mailbox_id = await connect(house, f"{choice}@example.com", {}, {})
    held = FolderState(
        folder="INBOX", uidvalidity=7, last_uid=900, listed_at=datetime.now(UTC),
        backlog=Backlog(since=date(2026, 1, 1), until_uid=900, origin="rescan", stage="held", unknown=501),
    )  # fmt: skip
    async with house.db.tenant(house.tenant_id) as session:
        await mailboxes.move_cursor(session, house.tenant_id, mailbox_id, "INBOX", held.model_dump(mode="json"))
        await rescans.ask(session, house.tenant_id, mailbox_id, 500)
    assert (await house.task())["kind"] == "confirm_rescan"
    answer = TaskResolution(choice=choice, by="ann")
    await house.client.get_workflow_handle(mailbox_workflow_id(mailbox_id)).signal(names.RESOLVE_TASK, answer)

    async def answered() -> bool:
        return await house.open_tasks() == []

    await house.until(answered, "answered question")
    async with house.db.tenant(house.tenant_id) as session:
        ((cursor,),) = (await mailboxes.cursors(session, house.tenant_id, [mailbox_id])).values()
    backlog = FolderState.model_validate(cursor).backlog
    assert (backlog.stage if backlog else None) == ("listing" if choice == rescans.TAKE_IN else None)
