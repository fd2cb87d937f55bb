"""The listener against a real Dovecot: every mail is listed once its server has it, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from imapclient.imap_utf7 import encode as encode_utf7

from providers.imap.listener import Listener
from providers.imap.locator import Locator
from providers.imap.settings import ImapSettings, Password, Secret
from providers.imap.watch import Timers
from tests.integration.imap.conftest import StallingProxy, StartListener
from tests.integration.imap.recording import FAST, PATIENT, RecordingSink
from tests.simulators.dovecot import PASSWORD, Dovecot, running_dovecot


def mail(message_id: str, size: int = 0) -> bytes:
    head = f"From: a@example.org\r\nTo: b@example.com\r\nMessage-ID: <{message_id}>\r\nSubject: test\r\n\r\n"
    return head.encode() + b"x" * 70 * (size // 70) + b"\r\n"


async def deliver(dovecot: Dovecot, user: str, *message_ids: str) -> None:
    for message_id in message_ids:
        await asyncio.to_thread(dovecot.deliver, user, mail(message_id))


async def until_idle(sink: RecordingSink) -> None:
    await sink.until(lambda: sink.state == "idle")


async def test_mail_is_listed_when_it_arrives(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    await deliver(dovecot, user, "before@example.org")
    listener = start_listener(sink, PATIENT)
    await listener.add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    await deliver(dovecot, user, "new@example.org")
    await sink.until_listed("new@example.org")

    (listed,) = sink.messages
    assert Locator.parse(listed.locator).folder == "INBOX"
    assert listed.size is not None
    assert listed.received_at is not None
    assert abs(datetime.now(UTC) - listed.received_at) < timedelta(minutes=1)
    assert sink.origins == ["live"]
    status = listener.status()["m"]
    assert status.synced_at is not None


async def test_mail_that_arrives_around_the_renewal_of_idle_is_listed_once(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    hectic = Timers(renew=0.02, poll=0.02, answer=5)
    await start_listener(sink, hectic).add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    message_ids = [f"{number}@example.org" for number in range(60)]
    await deliver(dovecot, user, *message_ids)
    await sink.until_listed(*message_ids)
    assert len(sink.messages) == len(message_ids)


async def test_every_mail_of_a_burst_is_listed(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    await start_listener(sink, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    message_ids = [f"{number}@example.org" for number in range(100)]
    await asyncio.gather(*(deliver(dovecot, user, *message_ids[start::4]) for start in range(4)))
    await sink.until_listed(*message_ids)
    assert len(sink.messages) == len(message_ids)


async def test_what_arrived_while_nobody_listened_is_listed_from_the_stored_state(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    first = start_listener(sink, PATIENT)
    await first.add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    await first.close()
    await deliver(dovecot, user, "missed@example.org")
    await start_listener(sink, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), list(sink.states.values()))
    await sink.until_listed("missed@example.org")


async def test_removed_mailbox_is_not_heard_any_more(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    listener = start_listener(sink, PATIENT)
    await listener.add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    await listener.remove("m")
    assert listener.status() == {}
    other = RecordingSink()
    await start_listener(other, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(other)
    await deliver(dovecot, user, "late@example.org")
    await other.until_listed("late@example.org")
    assert sink.messages == []


async def test_two_listeners_list_the_same(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    other = RecordingSink()
    for each in (sink, other):
        await start_listener(each, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), [])
        await until_idle(each)
    await deliver(dovecot, user, "a@example.org")
    await sink.until_listed("a@example.org")
    await other.until_listed("a@example.org")
    assert sink.messages[0].locator == other.messages[0].locator


async def test_failing_database_loses_nothing(
    dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
) -> None:
    await start_listener(sink, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), [])
    await until_idle(sink)
    sink.failing = 3
    await deliver(dovecot, user, "a@example.org")
    await sink.until_listed("a@example.org")
    assert len(sink.messages) == 1


class TestServerFailures:
    async def test_restart_of_the_server(self, sink: RecordingSink, start_listener: StartListener) -> None:
        with running_dovecot() as dovecot:
            listener = start_listener(sink, PATIENT)
            await listener.add("m", dovecot.settings("u@example.com"), Password(PASSWORD), [])
            await until_idle(sink)
            await asyncio.to_thread(dovecot.kill)
            await sink.until(lambda: sink.state == "backoff")
            await asyncio.to_thread(dovecot.start)
            await deliver(dovecot, "u@example.com", "after@example.org")
            await sink.until_listed("after@example.org")
            await listener.close()

    async def test_connection_that_stalls_is_noticed_by_the_renewal(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener, proxy: StallingProxy
    ) -> None:
        settings = dovecot.settings(user, port=proxy.port)
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        proxy.stall()
        await deliver(dovecot, user, "a@example.org")
        await sink.until_listed("a@example.org")

    async def test_server_without_idle_is_polled(self, sink: RecordingSink, start_listener: StartListener) -> None:
        with running_dovecot(idle=False) as dovecot:
            listener = start_listener(sink, FAST)
            await listener.add("m", dovecot.settings("u@example.com"), Password(PASSWORD), [])
            await sink.until(lambda: sink.state == "polling")
            await deliver(dovecot, "u@example.com", "a@example.org")
            await sink.until_listed("a@example.org")
            await listener.close()


class TestFolders:
    async def test_names_of_any_script(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        names = ["Поддержка", 'R&D "quoted" \\ *', "問い合わせ/新規", "☎️ calls"]
        await _create_folders(dovecot, user, names)
        settings = dovecot.settings(user, folders=names)
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        for number, name in enumerate(names):
            await _append(dovecot, user, name, f"{number}@example.org")
        await sink.until_listed(*(f"{number}@example.org" for number in range(len(names))))
        assert {Locator.parse(message.locator).folder for message in sink.messages} == set(names)

    async def test_other_folders_are_announced_where_the_server_can(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        names = ["INBOX", "Support", "Sales/New"]
        await _create_folders(dovecot, user, names[1:])
        settings = dovecot.settings(user, folders=names)
        await start_listener(sink, PATIENT).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        for name in names[1:]:
            await _append(dovecot, user, name, f"{len(name)}@example.org")
            await sink.until_listed(f"{len(name)}@example.org")
        await deliver(dovecot, user, "inbox@example.org")
        await sink.until_listed("inbox@example.org")

    async def test_missing_folder_does_not_stop_the_others(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        settings = dovecot.settings(user, folders=["Nowhere", "INBOX"])
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        await deliver(dovecot, user, "a@example.org")
        await sink.until_listed("a@example.org")

    async def test_folder_that_vanishes_with_history_still_to_list_stops_nothing_and_shows(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await _create_folders(dovecot, user, ["Support"])
        await _append(dovecot, user, "Support", "old@example.org")
        sink.room_left = 0
        settings = dovecot.settings(user, folders=["INBOX", "Support"], since="2020-01-01")
        await start_listener(sink, replace(FAST, permanent=300)).add("m", settings, Password(PASSWORD), [])
        await sink.until(lambda: ("m", "Support") in sink.states)

        def delete() -> None:
            with dovecot.client(user) as client:
                client.delete("Support")

        await asyncio.to_thread(delete)
        sink.room_left = 10
        await deliver(dovecot, user, "new@example.org")
        await sink.until_listed("new@example.org")
        await sink.until(lambda: "Support" in sink.statuses[-1].detail)
        assert not {"failed", "backoff"} & {status.state for status in sink.statuses}
        await _create_folders(dovecot, user, ["Support"])
        await sink.until(lambda: sink.statuses[-1].detail == "")

    async def test_mailbox_whose_only_folder_is_missing_says_so(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        settings = dovecot.settings(user, folders=["Nowhere"])
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await sink.until(lambda: sink.state == "failed")
        assert sink.statuses[-1].error == "FolderMissing"

    async def test_folder_that_is_deleted_and_made_anew_is_rescanned(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await _create_folders(dovecot, user, ["Support"])
        await _append(dovecot, user, "Support", "old@example.org")
        settings = dovecot.settings(user, folders=["Support"])
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        before = sink.states["m", "Support"]

        def rebuild() -> None:
            with dovecot.client(user) as client:
                client.delete("Support")
                client.create("Support")
                client.append("Support", "", "", mail("restored@example.org"))

        await asyncio.to_thread(rebuild)
        await sink.until_listed("restored@example.org", seconds=30)
        assert sink.states["m", "Support"].uidvalidity != before.uidvalidity
        assert sink.origins == ["rescan"]

    async def test_folder_that_was_renamed_away_in_idle_is_noticed(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        """Dovecot's IDLE goes on with the renamed folder and never says a word."""
        await _create_folders(dovecot, user, ["Support"])
        settings = dovecot.settings(user, folders=["Support"])
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)

        def rename() -> None:
            with dovecot.client(user) as client:
                client.rename("Support", "Archive")
                client.create("Support")
                client.append("Support", "", "", mail("fresh@example.org"))

        await asyncio.to_thread(rename)
        await sink.until_listed("fresh@example.org")

    async def test_deleted_messages_are_not_taken_for_new_ones(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await start_listener(sink, PATIENT).add("m", dovecot.settings(user), Password(PASSWORD), [])
        await until_idle(sink)
        await deliver(dovecot, user, "1@example.org", "2@example.org")
        await sink.until_listed("1@example.org", "2@example.org")

        def expunge_first() -> None:
            with dovecot.client(user) as client:
                client.select("INBOX")
                client.store("1", "+FLAGS", "\\Deleted")
                client.expunge()

        await asyncio.to_thread(expunge_first)
        await deliver(dovecot, user, "3@example.org")
        await sink.until_listed("3@example.org")
        assert len(sink.messages) == 3


class TestHistory:
    async def test_everything_since_a_date_is_listed_as_history(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        def fill() -> None:
            with dovecot.client(user) as client:
                client.append("INBOX", "", '"01-Feb-2026 10:00:00 +0000"', mail("old@example.org"))
                client.append("INBOX", "", '"05-Feb-2026 10:00:00 +0000"', mail("recent@example.org"))
                client.append("INBOX", "", '"01-Jan-2026 10:00:00 +0000"', mail("moved-in@example.org"))
                client.append("INBOX", "", '"06-Feb-2026 10:00:00 +0000"', mail("newest@example.org"))

        await asyncio.to_thread(fill)
        settings = dovecot.settings(user, since="2026-02-05")
        await start_listener(sink, PATIENT).add("m", settings, Password(PASSWORD), [])
        await until_idle(sink)
        assert sink.message_ids == ["<recent@example.org>", "<newest@example.org>"]
        assert sink.origins == ["history", "history"]
        assert sink.states["m", "INBOX"].backlog is None

    async def test_resync_lists_again_from_the_date(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await deliver(dovecot, user, "known@example.org")
        listener = start_listener(sink, PATIENT)
        await listener.add("m", dovecot.settings(user), Password(PASSWORD), [])
        await until_idle(sink)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        await listener.replace("m", dovecot.settings(user, since=yesterday), Password(PASSWORD), [])
        await sink.until_listed("known@example.org")
        assert sink.origins == ["history"]


class TestCredentials:
    async def test_wrong_password_is_tried_three_times_and_works_once_corrected(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        listener = start_listener(sink, FAST)
        await listener.add("m", dovecot.settings(user), Password(PASSWORD), [])
        await until_idle(sink)
        settings, states = dovecot.settings(user), list(sink.states.values())
        await listener.replace("m", settings, Password("wrong"), states)
        await sink.until(lambda: bool(sink.refused))
        assert sink.state == "needs_reauth"
        assert user not in sink.refused[0][1]

        await deliver(dovecot, user, "meanwhile@example.org")
        await listener.replace("m", settings, Password(PASSWORD), states)
        await sink.until_listed("meanwhile@example.org")
        await until_idle(sink)

    async def test_connection_is_renewed_before_its_token_ends(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        tokens = _Tokens(dovecot, user, seconds=0.5)
        settings = dovecot.settings(user, auth="xoauth2")
        await start_listener(sink, FAST).add("m", settings, tokens, [])
        await tokens.until_given(3)
        await deliver(dovecot, user, "a@example.org")
        await sink.until_listed("a@example.org")
        assert "backoff" not in {status.state for status in sink.statuses}

    async def test_token_that_the_server_refuses_is_asked_for_anew(
        self, dovecot: Dovecot, user: str, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        tokens = _Tokens(dovecot, user, seconds=3600, stale_first=True)
        settings = dovecot.settings(user, auth="oauthbearer")
        await start_listener(sink, FAST).add("m", settings, tokens, [])
        await until_idle(sink)
        assert tokens.refused == [False, True]


async def test_close_does_not_wait_for_a_server_that_is_silent(sink: RecordingSink) -> None:
    connected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    settings = ImapSettings(
        host="127.0.0.1", port=server.sockets[0].getsockname()[1], security="plaintext", username="u"
    )
    listener = Listener(sink, allow_private=True)
    await listener.add("m", settings, Password("p"), [])
    await connected.wait()
    async with asyncio.timeout(1):
        await listener.close()
    server.close()


class _Tokens:
    """Access tokens that live for `seconds`; with `stale_first` the first one is of a grant that was renewed since."""

    def __init__(self, dovecot: Dovecot, user: str, *, seconds: float, stale_first: bool = False) -> None:
        self._dovecot = dovecot
        self._user = user
        self._seconds = seconds
        self._stale = stale_first
        self._changed = asyncio.Event()
        self.refused: list[bool] = []

    async def secret(self, *, refused: bool) -> Secret:
        self.refused.append(refused)
        self._changed.set()
        token = f"token-{self._user}-{len(self.refused)}"
        if not self._stale or refused:
            self._dovecot.tokens[token] = self._user
        return Secret(token, datetime.now(UTC) + timedelta(seconds=self._seconds))

    async def until_given(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.refused) < count:
                self._changed.clear()
                await self._changed.wait()


async def _create_folders(dovecot: Dovecot, user: str, names: list[str]) -> None:
    def create() -> None:
        with dovecot.client(user) as client:
            for name in names:
                client.create(_quoted(name))

    await asyncio.to_thread(create)


async def _append(dovecot: Dovecot, user: str, folder: str, message_id: str) -> None:
    def append() -> None:
        with dovecot.client(user) as client:
            client.append(_quoted(folder), "", "", mail(message_id))

    await asyncio.to_thread(append)


def _quoted(name: str) -> str:
    encoded = encode_utf7(name).decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{encoded}"'
