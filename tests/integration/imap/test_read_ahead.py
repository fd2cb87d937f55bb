"""A small message is read by the listener itself, which saves a login; nothing that it cannot read holds it up."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from providers.base import Listed
from providers.imap.ahead import AT_ONCE, LARGEST
from providers.imap.sync import FolderState
from storage.database import Database
from storage.objects import raw_key
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import RecordingSink
from tests.integration.imap.shelf import new_shelf
from tests.integration.imap.test_protocol_faults import watch
from tests.simulators.imap_script import ScriptedImap, Session

RAW = b"Message-ID: <a@example.org>\r\n\r\ntext\r\n"


def contents(sink: RecordingSink) -> dict[str | None, bytes | None]:
    return {message.message_id: message.content for message in sink.messages}


async def test_small_message_comes_with_its_bytes_over_the_connection_that_heard_of_it(
    script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
) -> None:
    await watch(script, start_listener, sink)
    script.add("a@example.org")
    await sink.until_listed("a@example.org")
    assert contents(sink) == {"<a@example.org>": RAW}
    assert script.seen["LOGIN"] == 1


async def test_large_message_is_left_to_the_workers(
    script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
) -> None:
    await watch(script, start_listener, sink)
    uid = script.add("a@example.org")
    script.messages[uid] += b"x" * LARGEST
    await sink.until_listed("a@example.org")
    assert contents(sink) == {"<a@example.org>": None}


async def test_many_at_once_are_left_to_the_workers(
    script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
) -> None:
    await watch(script, start_listener, sink)
    many = [f"{number}@example.org" for number in range(AT_ONCE + 1)]
    for message_id in many:
        script.add(message_id)
    await sink.until_listed(*many)
    assert set(contents(sink).values()) == {None}


@pytest.mark.parametrize("answer", ["cut", "refused", "empty"])
async def test_message_that_cannot_be_read_is_listed_once_and_the_next_one_is_heard(
    answer: str, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
) -> None:
    async def fetch(session: Session, tag: str, arguments: str) -> None:
        if "BODY.PEEK[]" not in arguments or not arguments.startswith("1 "):
            await script.do_uid_fetch(session, tag, arguments)
        elif answer == "cut":
            session.close()
        elif answer == "refused":
            session.send(f"{tag} NO not now")
        else:
            session.ok(tag)

    await watch(script, start_listener, sink)
    script.on["UID FETCH"] = fetch
    script.add("a@example.org")
    await sink.until_listed("a@example.org")
    await script.until_seen("IDLE", 2)
    script.add("b@example.org")
    await sink.until_listed("a@example.org", "b@example.org")
    assert contents(sink) == {"<a@example.org>": None, "<b@example.org>": RAW.replace(b"<a@", b"<b@")}
    assert script.seen["LOGIN"] == (2 if answer == "cut" else 1)


async def test_mail_that_is_announced_with_the_bytes_of_another_is_heard(
    script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
) -> None:
    async def late(session: Session, tag: str, arguments: str) -> None:
        if "BODY.PEEK[]" in arguments and len(script.messages) == 1:
            script.add("b@example.org")
            session.send("* 2 EXISTS")
            session.announced = 2
        await script.do_uid_fetch(session, tag, arguments)

    await watch(script, start_listener, sink)
    script.on["UID FETCH"] = late
    script.add("a@example.org")
    await sink.until_listed("a@example.org", "b@example.org")


async def test_bytes_that_came_along_are_stored_before_the_row_says_so(db: Database, tmp_path: Path) -> None:
    shelf = await new_shelf(db, tmp_path)
    state = FolderState(folder="INBOX", uidvalidity=7, last_uid=1, listed_at=datetime.now(UTC))
    listed = Listed("7/1/INBOX", "<a@example.org>", len(RAW), content=RAW)
    await shelf.sink.listed(str(shelf.mailbox_id), state, [listed], "live")
    [row] = await shelf.emails()
    assert (row["raw_sha256"], row["raw_size"]) == (hashlib.sha256(RAW).hexdigest(), len(RAW))
    assert await shelf.objects.get(raw_key(shelf.tenant_id, row["raw_sha256"])) == RAW


async def test_while_the_object_store_is_away_messages_are_listed_without_their_bytes(
    db: Database, tmp_path: Path
) -> None:
    shelf = await new_shelf(db, tmp_path / "objects")
    (tmp_path / "objects").rmdir()
    (tmp_path / "objects").write_bytes(b"not a folder")
    state = FolderState(folder="INBOX", uidvalidity=7, last_uid=1, listed_at=datetime.now(UTC))
    listed = Listed("7/1/INBOX", "<a@example.org>", len(RAW), content=RAW)
    await shelf.sink.listed(str(shelf.mailbox_id), state, [listed], "live")
    [row] = await shelf.emails()
    assert (row["raw_sha256"], row["raw_size"]) == (None, None)
