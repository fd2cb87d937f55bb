"""The SMTP inbox, as real clients meet it."""

from __future__ import annotations

import asyncio
import signal
import smtplib

import pytest

from storage import mailboxes, people
from tests import postgres
from tests.integration.storage.tenants import tenant
from tests.integration.webhooks.door import (
    SALES,
    SMTP_LIMIT,
    SUPPORT,
    Door,
    a_commit_waits,
    commits_held_back,
    fail_commits,
)
from webhooks import smtp as inbox
from workers import admin

MAIL = b"From: alice@example.com\r\nMessage-ID: <one@example.com>\r\nSubject: Hello\r\n\r\nHello\r\n"


async def test_a_mail_is_durable_when_it_is_acknowledged(door: Door) -> None:
    code, _ = await door.send(MAIL)
    assert code == 250
    (email,) = await door.emails()
    assert (email["mailbox_id"], email["message_key"]) == (door.mailbox_id, "one@example.com")
    assert await door.stored(email) == MAIL


async def test_it_is_acknowledged_after_the_commit_and_not_before(door: Door, db_url: str) -> None:
    async with commits_held_back(db_url) as owner:
        sending = asyncio.create_task(door.send(MAIL))
        await a_commit_waits(owner)
        assert not sending.done()
        assert await door.emails() == []
    assert (await sending)[0] == 250
    assert len(await door.emails()) == 1


async def test_a_commit_that_fails_is_not_acknowledged(door: Door, db_url: str) -> None:
    await fail_commits(db_url)
    assert (await door.send(MAIL))[0] == 451
    assert await door.emails() == []


@pytest.mark.parametrize(
    "body",
    [
        b".\r\n..\r\n...\r\n.a\r\n",
        b"8-bit \xff\xfe, NUL \x00, escape \x1b\r\n",
        b"\r\n\r\n\r\ntrailing lines\r\n\r\n\r\n",
        b"no line end",
        b"From here on\r\n",
        b"tab\tand space \r\n",
    ],
    ids=["dots", "8-bit and NUL", "empty lines", "no line end", "From_", "white space"],
)
async def test_the_bytes_arrive_as_they_were_sent(door: Door, body: bytes) -> None:
    await door.send(MAIL + body)
    (email,) = await door.emails()
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"  # DATA ends with a line end (RFC 5321 section 4.1.1.4)
    assert await door.stored(email) == MAIL + ended


# For whom ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipient", [SUPPORT, SUPPORT.upper(), "support+pr-k1-abc@postroom.test"])
async def test_a_mailbox_is_found_by_its_address_in_any_case_and_with_any_tag(door: Door, recipient: str) -> None:
    assert (await door.send(MAIL, recipient))[0] == 250
    assert [e["mailbox_id"] for e in await door.emails()] == [door.mailbox_id]


@pytest.mark.parametrize("recipient", ["nobody@postroom.test", "support@elsewhere.test", "raw@postroom.test"])
async def test_an_address_that_is_no_smtp_mailbox_is_refused(door: Door, recipient: str) -> None:
    assert (await door.send(MAIL, recipient))[0] == 550
    assert await door.emails() == []


async def test_a_refused_recipient_keeps_nothing_from_the_others(door: Door) -> None:
    def talk(connection: smtplib.SMTP) -> list[int]:
        connection.mail("alice@example.com")
        answers = [connection.rcpt(r)[0] for r in ("nobody@postroom.test", SUPPORT)]
        return [*answers, connection.data(MAIL)[0]]

    assert await door.smtp(talk) == [550, 250, 250]
    assert len(await door.emails()) == 1


async def test_two_addresses_of_one_mailbox_are_one_message(door: Door) -> None:
    assert (await door.send(MAIL, SUPPORT, "support+tag@postroom.test"))[0] == 250
    assert len(await door.emails()) == 1


async def test_two_mailboxes_get_a_message_each(door: Door) -> None:
    assert (await door.send(MAIL, SUPPORT, SALES))[0] == 250
    assert len({e["mailbox_id"] for e in await door.emails()}) == 2
    assert len(door.files()) == 1


async def test_the_same_mail_again_is_accepted_and_listed_once(door: Door) -> None:
    assert [(await door.send(MAIL))[0] for _ in range(2)] == [250, 250]
    assert len(await door.emails()) == len(door.woken.rows) == 1


async def test_a_paused_mailbox_keeps_its_mail_for_later(door: Door) -> None:
    async with door.db.tenant(door.tenant_id) as session:
        await mailboxes.set_state(session, door.tenant_id, door.mailbox_id, "paused")
    assert (await door.send(MAIL))[0] == 250
    assert [e["state"] for e in await door.emails()] == ["listed"]
    assert door.woken.rows == []


async def test_too_many_recipients_are_put_off(door: Door) -> None:
    def talk(connection: smtplib.SMTP) -> list[int]:
        connection.mail("alice@example.com")
        return [connection.rcpt(f"support+{n}@postroom.test")[0] for n in range(inbox.MAX_RECIPIENTS + 1)]

    assert await door.smtp(talk) == [250] * inbox.MAX_RECIPIENTS + [452]


# How much ------------------------------------------------------------------------------------------------------


async def test_a_line_of_twenty_megabytes_is_taken(door: Door) -> None:
    long = MAIL + b"x" * (20 << 20) + b"\r\n"
    assert (await door.send(long))[0] == 250
    (email,) = await door.emails()
    assert email["raw_size"] == len(long)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_mail_above_the_limit_is_refused_for_good(door: Door, announced: bool) -> None:
    large = MAIL + (b"x" * 998 + b"\r\n") * (SMTP_LIMIT // 1000 + 1)

    def talk(connection: smtplib.SMTP) -> int:
        code, _ = connection.mail("alice@example.com", [f"SIZE={len(large)}"] if announced else [])
        if code != 250:
            return code
        connection.rcpt(SUPPORT)
        return connection.data(large)[0]

    assert await door.smtp(talk) == 552
    assert await door.emails() == []
    assert door.files() == []


async def test_beyond_the_most_connections_a_client_is_asked_to_come_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_CONNECTIONS", 2)

    def answers() -> list[int]:
        held = [smtplib.SMTP("127.0.0.1", door.smtp_port, timeout=30) for _ in range(2)]
        try:
            with pytest.raises(smtplib.SMTPConnectError) as refused:
                smtplib.SMTP("127.0.0.1", door.smtp_port, timeout=30)
            return [refused.value.smtp_code, *(connection.noop()[0] for connection in held)]
        finally:
            for connection in held:
                connection.quit()

    assert await asyncio.to_thread(answers) == [421, 250, 250]

    async def taken_again() -> bool:
        try:
            return (await door.send(MAIL))[0] == 250
        except smtplib.SMTPConnectError:
            return False

    async with asyncio.timeout(30):
        while not await taken_again():
            await asyncio.sleep(0.05)


# Postgres away -------------------------------------------------------------------------------------------------


async def test_while_postgres_is_down_the_sender_is_asked_to_try_again(
    fragile: Door, stoppable: postgres.PostgresServer
) -> None:
    def talk(connection: smtplib.SMTP) -> int:
        connection.mail("alice@example.com")
        connection.rcpt(SUPPORT)
        stoppable.stop(signal.SIGQUIT)
        return connection.data(MAIL)[0]

    try:
        at_data = await fragile.smtp(talk)
        at_recipient = (await fragile.send(MAIL))[0]
    finally:
        await asyncio.to_thread(stoppable.start)
    assert (at_data, at_recipient) == (451, 451)
    assert (await fragile.send(MAIL))[0] == 250
    assert len(await fragile.emails()) == 1


async def test_another_tenants_mailbox_that_is_read_elsewhere_takes_no_mail_from_the_smtp_mailbox(door: Door) -> None:
    """Whichever of the two a look-up by address alone would give first."""
    for name, address in (("one", SUPPORT), ("two", "other@postroom.test")):
        other = await tenant(door.db, name)
        async with door.db.tenant(other.tenant_id) as session:
            await people.add_mailbox(session, other.tenant_id, address, "gmail")
    await admin.add_smtp_mailbox(door.db, door.tenant_id, "other@postroom.test")
    for recipient in (SUPPORT, "other@postroom.test"):
        assert (await door.send(MAIL, recipient))[0] == 250
    assert len(await door.emails()) == 2
