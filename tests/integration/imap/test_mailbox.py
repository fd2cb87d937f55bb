"""`ImapMailbox` against a real Dovecot: listing from a cursor and fetching in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio

from providers.base import Gone, Permanent, Transient
from providers.imap.connection import CHUNK, ImapConnection
from providers.imap.locator import Locator
from providers.imap.mailbox import ImapMailbox
from providers.imap.settings import Password
from providers.imap.sync import list_backlog, list_new, open_folder
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import PATIENT, RecordingSink
from tests.integration.imap.test_listener import mail
from tests.simulators.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.simulators.imap_script import PASSWORD as SCRIPT_PASSWORD
from tests.simulators.imap_script import ScriptedImap, Session

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest_asyncio.fixture
async def mailbox(dovecot: Dovecot, user: str) -> AsyncIterator[ImapMailbox]:
    mailbox = ImapMailbox(dovecot.settings(user), Password(PASSWORD), allow_private=True)
    yield mailbox
    await mailbox.close()


@pytest_asyncio.fixture
async def scripted(script: ScriptedImap) -> AsyncIterator[ImapMailbox]:
    mailbox = ImapMailbox(script.settings, Password(SCRIPT_PASSWORD), allow_private=True)
    yield mailbox
    await mailbox.close()


async def content(mailbox: ImapMailbox, locator: str) -> bytes:
    return b"".join([chunk async for chunk in mailbox.fetch(locator)])


async def deliver(dovecot: Dovecot, user: str, *raws: bytes) -> None:
    for raw in raws:
        await asyncio.to_thread(dovecot.deliver, user, raw)


class TestChanges:
    async def test_first_call_begins_from_now(self, dovecot: Dovecot, user: str, mailbox: ImapMailbox) -> None:
        await deliver(dovecot, user, mail("before@example.org"))
        first = await mailbox.changes(None, 10)
        assert (first.messages, first.more) == ([], False)
        await deliver(dovecot, user, mail("after@example.org"))
        second = await mailbox.changes(first.cursor, 10)
        assert [message.message_id for message in second.messages] == ["<after@example.org>"]

    async def test_limit_and_more(self, dovecot: Dovecot, user: str, mailbox: ImapMailbox) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, *(mail(f"{number}@example.org") for number in range(5)))
        seen = []
        more = True
        while more:
            changes = await mailbox.changes(cursor, 2)
            assert len(changes.messages) <= 2
            seen += [message.message_id for message in changes.messages]
            cursor, more = changes.cursor, changes.more
        assert seen == [f"<{number}@example.org>" for number in range(5)]

    async def test_the_same_cursor_lists_the_same_again(
        self, dovecot: Dovecot, user: str, mailbox: ImapMailbox
    ) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, mail("a@example.org"))
        assert (await mailbox.changes(cursor, 10)).messages == (await mailbox.changes(cursor, 10)).messages

    async def test_folders_share_the_limit_and_a_missing_one_is_left_out(self, dovecot: Dovecot, user: str) -> None:
        with dovecot.client(user) as client:
            client.create("Support")
        settings = dovecot.settings(user, folders=["Support", "Nowhere", "INBOX"])
        mailbox = ImapMailbox(settings, Password(PASSWORD), allow_private=True)
        cursor = (await mailbox.changes(None, 10)).cursor
        with dovecot.client(user) as client:
            for folder in ("INBOX", "Support", "Support"):
                client.append(folder, "", "", mail(f"{folder}@example.org"))
        first = await mailbox.changes(cursor, 2)
        assert [message.message_id for message in first.messages] == ["<Support@example.org>"] * 2
        assert first.more
        second = await mailbox.changes(first.cursor, 2)
        assert [message.message_id for message in second.messages] == ["<INBOX@example.org>"]
        assert not second.more
        await mailbox.close()

    async def test_history_comes_in_pieces(self, dovecot: Dovecot, user: str) -> None:
        await deliver(dovecot, user, *(mail(f"{number}@example.org") for number in range(5)))
        mailbox = ImapMailbox(dovecot.settings(user, since="2020-01-01"), Password(PASSWORD), allow_private=True)
        cursor, more, seen = None, True, []
        while more:
            changes = await mailbox.changes(cursor, 2)
            seen += [message.message_id for message in changes.messages]
            cursor, more = changes.cursor, changes.more
        assert seen == [f"<{number}@example.org>" for number in range(5)]
        await mailbox.close()

    async def test_cursor_of_another_provider_is_refused(self, mailbox: ImapMailbox) -> None:
        with pytest.raises(Permanent):
            await mailbox.changes('{"history_id": 1}', 10)


class TestFetch:
    @pytest.mark.parametrize("size", [0, 100_000, CHUNK + 1, 3 * CHUNK])
    async def test_content_is_complete_and_in_bounded_chunks(
        self, dovecot: Dovecot, user: str, mailbox: ImapMailbox, size: int
    ) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        raw = mail("a@example.org", size)
        await deliver(dovecot, user, raw)
        (listed,) = (await mailbox.changes(cursor, 10)).messages
        chunks = [chunk async for chunk in mailbox.fetch(listed.locator)]
        assert max(map(len, chunks)) <= CHUNK
        assert b"".join(chunks).endswith(raw)  # Dovecot puts Return-Path and Received in front

    async def test_flags_stay_as_they_are(self, dovecot: Dovecot, user: str, mailbox: ImapMailbox) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, mail("a@example.org"))
        (listed,) = (await mailbox.changes(cursor, 10)).messages
        await content(mailbox, listed.locator)
        with dovecot.client(user) as client:
            client.select("INBOX", readonly=True)
            assert client.search(None, "UNSEEN") == ("OK", [b"1"])

    async def test_deleted_message_is_gone(self, dovecot: Dovecot, user: str, mailbox: ImapMailbox) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, mail("a@example.org"), mail("b@example.org"))
        first, second = (await mailbox.changes(cursor, 10)).messages
        await content(mailbox, second.locator)  # the folder is open when the message is deleted
        with dovecot.client(user) as client:
            client.select("INBOX")
            client.store("1", "+FLAGS", "\\Deleted")
            client.expunge()
        with pytest.raises(Gone):
            await content(mailbox, first.locator)
        assert b"b@example.org" in await content(mailbox, second.locator)

    async def test_other_numbering_or_folder_is_gone(self, dovecot: Dovecot, user: str, mailbox: ImapMailbox) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, mail("a@example.org"))
        (listed,) = (await mailbox.changes(cursor, 10)).messages
        where = Locator.parse(listed.locator)
        with pytest.raises(Gone, match="rebuilt"):
            await content(mailbox, Locator("INBOX", where.uidvalidity - 1, where.uid).format())
        with pytest.raises(Gone, match="folder"):
            await content(mailbox, Locator("Nowhere", where.uidvalidity, where.uid).format())

    async def test_connection_that_broke_while_unused_is_replaced(
        self, script: ScriptedImap, scripted: ImapMailbox
    ) -> None:
        script.add("a@example.org")
        await content(scripted, "7/1/INBOX")
        await script.disconnect()
        assert b"a@example.org" in await content(scripted, "7/1/INBOX")

    async def test_answer_without_data_for_a_message_that_exists_is_tried_again(
        self, script: ScriptedImap, scripted: ImapMailbox
    ) -> None:
        async def empty(session: Session, tag: str, arguments: str) -> None:
            session.ok(tag)

        script.add("a@example.org")
        script.on["UID FETCH"] = empty
        with pytest.raises(Transient, match="no content"):
            await content(scripted, "7/1/INBOX")

    async def test_message_that_breaks_every_connection_is_for_a_person_and_may_be_tried_again(
        self, script: ScriptedImap, scripted: ImapMailbox
    ) -> None:
        async def breaks(session: Session, tag: str, arguments: str) -> None:
            if "BODY.PEEK[]" in arguments:
                session.close()
            else:
                await script.do_uid_fetch(session, tag, arguments)

        script.add("a@example.org")
        script.on["UID FETCH"] = breaks
        for expected in (Transient, Transient, Permanent):
            with pytest.raises(expected):
                await content(scripted, "7/1/INBOX")
        del script.on["UID FETCH"]
        assert b"a@example.org" in await content(scripted, "7/1/INBOX")

    async def test_placeholder_of_exchange_is_not_taken_for_the_message(
        self, script: ScriptedImap, scripted: ImapMailbox
    ) -> None:
        script.messages[1] = (
            b"From: Microsoft Exchange Server\r\n\r\n"
            b"Retrieval using the IMAP4 protocol failed for the following message: 1\r\n"
        )
        with pytest.raises(Permanent, match="placeholder"):
            await content(scripted, "7/1/INBOX")

    async def test_message_over_the_limit_is_refused(self, dovecot: Dovecot, user: str) -> None:
        settings = dovecot.settings(user)
        mailbox = ImapMailbox(settings, Password(PASSWORD), allow_private=True, max_message=2 * CHUNK)
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, mail("a@example.org", 3 * CHUNK))
        (listed,) = (await mailbox.changes(cursor, 10)).messages
        with pytest.raises(Permanent, match="larger than"):
            await content(mailbox, listed.locator)
        await mailbox.close()

    async def test_more_fetches_than_connections_take_turns(
        self, dovecot: Dovecot, user: str, mailbox: ImapMailbox
    ) -> None:
        cursor = (await mailbox.changes(None, 10)).cursor
        await deliver(dovecot, user, *(mail(f"{number}@example.org") for number in range(6)))
        listed = (await mailbox.changes(cursor, 10)).messages
        contents = await asyncio.gather(*(content(mailbox, message.locator) for message in listed))
        assert all(f"<{number}@example.org>".encode() in raw for number, raw in enumerate(contents))

    async def test_mailboxes_share_their_threads(self, dovecot: Dovecot, user: str) -> None:
        def threads() -> int:
            return sum(thread.name.startswith("imap-fetch") for thread in threading.enumerate())

        mailboxes = [
            ImapMailbox(dovecot.settings(f"{number}-{user}"), Password(PASSWORD), allow_private=True)
            for number in range(10)
        ]
        before = threads()
        for mailbox in mailboxes:
            await mailbox.changes(None, 10)
        assert threads() - before < 10
        for mailbox in mailboxes:
            await mailbox.close()

    async def test_message_that_vanishes_between_search_and_listing_hides_no_other(
        self, dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection = ImapConnection.open(dovecot.settings(user), PASSWORD, allow_private=True)
        state = open_folder(connection, "INBOX", None, None)
        await deliver(dovecot, user, mail("a@example.org"), mail("b@example.org"))
        headers = connection.headers

        def expunge_first(uids: list[int]) -> object:
            with dovecot.client(user) as client:
                client.select("INBOX")
                client.store("1", "+FLAGS", "\\Deleted")
                client.expunge()
            return headers(uids)

        monkeypatch.setattr(connection, "headers", expunge_first)
        connection.noop()
        batch = list_new(connection, state, 10)
        assert "<b@example.org>" in [message.message_id for message in batch.messages]
        assert batch.state.last_uid == 2
        connection.close()


MEMORY_PROBE = """
import asyncio, hashlib, json, re, sys
from pathlib import Path
from providers.imap.mailbox import ImapMailbox
from providers.imap.settings import ImapSettings, Password

def kilobytes(name):
    return int(re.search(name + r":\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

async def main():
    given = json.loads(sys.argv[1])
    mailbox = ImapMailbox(ImapSettings(**given["settings"]), Password(given["password"]), allow_private=True)
    async for _ in mailbox.fetch(given["small"]):
        pass
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on (proc(5)); getrusage begins with the parent's
    before = kilobytes("VmHWM")
    digest = hashlib.sha256()
    async for chunk in mailbox.fetch(given["large"]):
        digest.update(chunk)
    await mailbox.close()
    print(json.dumps({"sha256": digest.hexdigest(), "megabytes": (kilobytes("VmHWM") - before) / 1024}))

asyncio.run(main())
"""


async def test_mail_of_40_mb_costs_less_than_10_mb(dovecot: Dovecot, user: str) -> None:
    large = mail("large@example.org", 40_000_000)
    with dovecot.client(user) as client:
        client.append("INBOX", "", "", mail("small@example.org"))
        client.append("INBOX", "", "", large)
    settings = dovecot.settings(user)
    connection = ImapConnection.open(settings, PASSWORD, allow_private=True)
    uidvalidity = connection.examine("INBOX").uidvalidity
    connection.close()
    given = {
        "settings": settings.model_dump(mode="json"),
        "password": PASSWORD,
        "small": Locator("INBOX", uidvalidity, 1).format(),
        "large": Locator("INBOX", uidvalidity, 2).format(),
    }
    command = [sys.executable, "-c", MEMORY_PROBE, json.dumps(given)]
    probe = await asyncio.to_thread(subprocess.run, command, cwd=REPOSITORY, capture_output=True, check=True)
    result = json.loads(probe.stdout)
    assert result["sha256"] == hashlib.sha256(large).hexdigest()
    assert result["megabytes"] < 10


@pytest.fixture(scope="module")
def crowded() -> Iterator[Dovecot]:
    """A Dovecot whose user u@example.com has 100,000 messages in the INBOX."""
    with running_dovecot(mail_format="mdbox") as server:
        messages = (b"Message-ID: <%d@example.org>\r\n\r\ntext\r\n" % number for number in range(100_000))
        server.fill("u@example.com", messages, "01-Feb-2026 10:00:00 +0000")
        yield server


class TestHundredThousandMessages:
    def test_from_now_asks_for_none_of_them(self, crowded: Dovecot) -> None:
        connection = ImapConnection.open(crowded.settings("u@example.com"), PASSWORD, allow_private=True)
        state = open_folder(connection, "INBOX", None, None)
        assert state.last_uid == 100_000
        assert list_new(connection, state, 500).messages == []
        connection.close()

    def test_from_a_date_lists_each_once_in_bounded_batches(self, crowded: Dovecot) -> None:
        connection = ImapConnection.open(crowded.settings("u@example.com"), PASSWORD, allow_private=True)
        state = open_folder(connection, "INBOX", None, date(2026, 1, 31))
        seen = set()
        while state.backlog is not None:
            batch = list_backlog(connection, state, state.backlog, 500)
            assert len(batch.messages) <= 500
            seen |= {message.message_id for message in batch.messages}
            state = batch.state
        assert len(seen) == 100_000
        connection.close()

    async def test_live_mail_is_not_held_up_by_the_history(
        self, crowded: Dovecot, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        listener = start_listener(sink, PATIENT)
        settings = crowded.settings("u@example.com", since="2026-01-31")
        await listener.add("m", settings, Password(PASSWORD), [])
        await sink.until(lambda: len(sink.messages) >= 1000)
        with crowded.client("u@example.com") as client:
            client.append("INBOX", "", "", mail("live@example.com"))
        await sink.until(lambda: "<live@example.com>" in sink.message_ids)
        assert sink.origins[sink.message_ids.index("<live@example.com>")] == "live"
        assert len(sink.messages) < 100_000
        await listener.close()
