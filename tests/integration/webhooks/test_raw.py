"""`POST /webhooks/raw/{mailbox_id}` over real HTTP: acknowledged when it is durable, and only then."""

from __future__ import annotations

import asyncio
import signal
import time
import zlib
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from storage.secrets import KeyRing
from tests import postgres
from tests.house import MASTER_KEYS
from tests.integration.webhooks.door import HTTP_LIMIT, Door, a_commit_waits, commits_held_back, fail_commits
from workers import admin

MAIL = b"From: alice@example.com\r\nMessage-ID: <one@example.com>\r\nSubject: Hello\r\n\r\n8-bit \xff, NUL \x00\r\n"


async def test_a_signed_message_is_durable_when_it_is_acknowledged(door: Door) -> None:
    status, answer = await door.post(MAIL, door.headers(MAIL))
    assert status == 202
    (email,) = await door.emails()
    assert (email["locator"], email["message_key"]) == (answer["locator"], "one@example.com")
    assert await door.stored(email) == MAIL
    assert [row.email.email_id for row in door.woken.rows] == [email["email_id"]]


async def test_it_is_acknowledged_after_the_commit_and_not_before(door: Door, db_url: str) -> None:
    async with commits_held_back(db_url) as owner:
        answering = asyncio.create_task(door.post(MAIL, door.headers(MAIL)))
        await a_commit_waits(owner)
        assert not answering.done()
        assert await door.emails() == []
    status, _ = await answering
    assert status == 202
    assert len(await door.emails()) == 1


async def test_a_commit_that_fails_is_not_acknowledged(door: Door, db_url: str) -> None:
    await fail_commits(db_url)
    status, _ = await door.post(MAIL, door.headers(MAIL))
    assert status == 503
    assert await door.emails() == []
    assert door.woken.rows == []


# Who may -------------------------------------------------------------------------------------------------------


async def _other_secret(door: Door) -> str:
    other = await admin.add_raw_mailbox(door.db, KeyRing(MASTER_KEYS), door.tenant_id, "other@postroom.test")
    assert other.webhook_secret
    return other.webhook_secret


async def test_another_mailboxs_secret_opens_nothing(door: Door) -> None:
    status, _ = await door.post(MAIL, door.headers(MAIL, secret=await _other_secret(door)))
    assert status == 401
    await _nothing_happened(door)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_an_unsigned_request_is_refused(door: Door, missing: str) -> None:
    headers = door.headers(MAIL)
    del headers[missing]
    status, _ = await door.post(MAIL, headers)
    assert status == 401
    await _nothing_happened(door)


async def test_a_message_that_was_changed_on_the_way_is_refused(door: Door) -> None:
    status, _ = await door.post(MAIL + b"P.S.", door.headers(MAIL))
    assert status == 401
    await _nothing_happened(door)


async def test_an_old_request_is_refused(door: Door) -> None:
    status, _ = await door.post(MAIL, door.headers(MAIL, at=int(time.time()) - 600))
    assert status == 401
    await _nothing_happened(door)


@pytest.mark.parametrize("mailbox", ["unknown", "of another kind", "no id"])
async def test_a_mailbox_that_takes_no_raw_mail_is_answered_like_a_wrong_signature(door: Door, mailbox: str) -> None:
    target = {"unknown": uuid4(), "of another kind": door.mailbox_id, "no id": "nonsense"}[mailbox]
    status, answer = await door.post(MAIL, door.headers(MAIL), mailbox=target)
    assert status == 401
    assert str(target) not in str(answer)
    await _nothing_happened(door)


async def test_no_answer_tells_the_secret(door: Door) -> None:
    _, answer = await door.post(MAIL, door.headers(MAIL) | {"webhook-signature": "v1,AAAA"})
    assert door.secret.removeprefix("whsec_") not in str(answer)


# Again, and too much -------------------------------------------------------------------------------------------


async def test_a_replay_is_refused_and_stores_nothing_more(door: Door) -> None:
    headers = door.headers(MAIL)
    assert (await door.post(MAIL, headers))[0] == 202
    assert (await door.post(MAIL, headers))[0] == 409
    assert len(await door.emails()) == len(door.woken.rows) == 1


async def test_of_many_replays_at_once_one_is_taken(door: Door) -> None:
    headers = door.headers(MAIL)
    statuses = [status for status, _ in await asyncio.gather(*(door.post(MAIL, headers) for _ in range(10)))]
    assert sorted(statuses) == [202] + [409] * 9
    assert len(await door.emails()) == 1


async def test_the_same_message_under_a_new_id_is_accepted_and_nothing_happens_twice(door: Door) -> None:
    for webhook_id in ("msg_1", "msg_2"):
        assert (await door.post(MAIL, door.headers(MAIL, webhook_id=webhook_id)))[0] == 202
    assert len(await door.emails()) == 1


async def test_the_largest_message_is_taken(door: Door) -> None:
    largest = MAIL + b"x" * (HTTP_LIMIT - len(MAIL))
    assert (await door.post(largest, door.headers(largest)))[0] == 202


@pytest.mark.parametrize("how", ["with its length", "in chunks"])
async def test_a_larger_message_is_refused(door: Door, how: str) -> None:
    body = MAIL + b"x" * (HTTP_LIMIT - len(MAIL) + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    status, _ = await door.post(body, door.headers(body), data=body if how == "with its length" else chunks())
    assert status == 413
    await _nothing_happened(door)


async def test_a_bomb_is_refused_by_what_it_unpacks_to(door: Door) -> None:
    bomb = zlib.compress(bytes(64 * HTTP_LIMIT))
    assert len(bomb) < HTTP_LIMIT
    status, _ = await door.post(bomb, door.headers(bomb) | {"Content-Encoding": "deflate"})
    assert status == 413
    await _nothing_happened(door)


async def test_who_shows_no_signature_is_refused_before_the_message_is_read(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
    path = f"/webhooks/raw/{door.raw_mailbox}"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: postroom\r\nContent-Length: {HTTP_LIMIT}\r\n\r\n".encode())
    async with asyncio.timeout(30):
        assert b" 401 " in await reader.readline()
    writer.close()


async def test_large_messages_are_read_a_few_at_a_time_and_keep_no_small_one_waiting(door: Door) -> None:
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield MAIL
        await go_on.wait()

    def send(name: str, data: object = None) -> asyncio.Task[tuple[int, object]]:
        return asyncio.create_task(door.post(MAIL, door.headers(MAIL, webhook_id=name), data=data))

    async def at_once() -> AsyncIterator[bytes]:
        yield MAIL

    slow = [send(name, slowly()) for name in ("a", "b")]
    while not door.raw._large.locked():
        await asyncio.sleep(0.01)
    third = send("c", at_once())
    assert (await send("small"))[0] == 202
    assert not third.done()
    go_on.set()
    assert [(await task)[0] for task in (*slow, third)] == [202] * 3


# Postgres away -------------------------------------------------------------------------------------------------


async def test_while_postgres_is_down_it_says_so_and_once_it_is_back_the_same_request_is_taken(
    fragile: Door, stoppable: postgres.PostgresServer
) -> None:
    headers = fragile.headers(MAIL)
    await asyncio.to_thread(stoppable.stop, signal.SIGQUIT)
    try:
        status, answer = await fragile.post(MAIL, headers)
    finally:
        await asyncio.to_thread(stoppable.start)
    assert status == 503
    assert "postgresql://" not in str(answer)
    assert (await fragile.post(MAIL, headers))[0] == 202
    assert len(await fragile.emails()) == 1


async def _nothing_happened(door: Door) -> None:
    assert await door.emails() == []
    assert door.woken.rows == []
    assert door.files() == []
