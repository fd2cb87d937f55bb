"""UIDs that come late, are given again, change all at once, or break the server: nothing is missed, nothing floods."""

from __future__ import annotations

import pytest

from providers.imap.settings import Password
from providers.imap.sync import RESCAN_CAP
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import FAST, PATIENT, RecordingSink
from tests.simulators.imap_script import PASSWORD, ScriptedImap


async def watch(script: ScriptedImap, start_listener: StartListener, sink: RecordingSink) -> None:
    await start_listener(sink, PATIENT).add("m", script.settings, Password(PASSWORD), [])
    await sink.until(lambda: bool(sink.states))
    await script.until_seen("IDLE")


def move(script: ScriptedImap, unknown: int) -> None:
    """The INBOX gets another numbering, and mail that was never here."""
    script.uidvalidity += 1
    script.messages = {uid: f"Message-ID: <moved-{uid}@example.org>\r\n\r\n".encode() for uid in range(1, unknown + 1)}


class TestLateNumbers:
    async def test_a_message_that_appears_below_the_last_one_is_listed(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        script.add("ninth@example.org", uid=9)
        await sink.until_listed("ninth@example.org")
        script.add("eighth@example.org", uid=8)
        await sink.until_listed("eighth@example.org")
        assert len(sink.messages) == 2

    async def test_one_that_appeared_while_nobody_was_connected_is_listed(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        script.add("ninth@example.org", uid=9)
        await sink.until_listed("ninth@example.org")
        script.messages[8] = b"Message-ID: <eighth@example.org>\r\n\r\n"
        await script.disconnect()
        await sink.until_listed("eighth@example.org")
        assert len(sink.messages) == 2

    async def test_what_was_there_at_the_first_look_is_no_news(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        script.add("old@example.org", uid=5)
        await watch(script, start_listener, sink)
        script.add("new@example.org")
        await sink.until_listed("new@example.org")
        await script.disconnect()
        await script.until_seen("LOGIN", 2)
        await script.until_seen("IDLE", script.seen["IDLE"] + 1)
        assert sink.message_ids == ["<new@example.org>"]


class TestRestoredBackup:
    async def test_numbers_that_were_given_again_before_we_looked_are_noticed(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        """Two messages were lost, and three came: the next number is higher than ever, and looks like one new mail."""
        await watch(script, start_listener, sink)
        for number in range(1, 6):
            script.add(f"{number}@example.org")
        await sink.until_listed("5@example.org")
        for uid in (4, 5, 6):
            script.messages[uid] = f"Message-ID: <again-{uid}@example.org>\r\n\r\n".encode()
        await script.disconnect()
        await sink.until_listed(*(f"again-{uid}@example.org" for uid in (4, 5, 6)))


class TestPoison:
    async def test_a_message_that_breaks_every_connection_is_parked_and_the_others_flow(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        script.poison.add("2@example.org")
        for number in (1, 2, 3):
            script.messages[number] = f"Message-ID: <{number}@example.org>\r\n\r\n".encode()
        script.changed.set()
        await sink.until(lambda: len(sink.messages) == 3)
        assert sorted(sink.message_ids, key=str) == ["<1@example.org>", "<3@example.org>", None]
        assert list(sink.states["m", "INBOX"].parked) == [2]
        await sink.until(lambda: sink.state == "idle")
        assert "1 message" in sink.statuses[-1].detail
        script.add("4@example.org")
        await sink.until_listed("4@example.org")
        assert len(sink.messages) == 4


class TestNumberedAnew:
    async def test_more_unknown_messages_than_the_cap_wait_for_a_person_while_new_mail_flows(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        move(script, RESCAN_CAP + 1)
        await script.disconnect()
        await sink.until(lambda: sink.states["m", "INBOX"].held)
        assert sink.messages == []
        await sink.until(lambda: sink.state == "idle")
        assert "task inbox" in sink.statuses[-1].detail
        script.add("new@example.org")
        await sink.until_listed("new@example.org")
        assert sink.origins == ["live"]
        assert sink.states["m", "INBOX"].held

    @pytest.mark.parametrize("take_in", [True, False])
    async def test_the_answer_takes_them_in_or_leaves_them(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener, take_in: bool
    ) -> None:
        await watch(script, start_listener, sink)
        move(script, RESCAN_CAP + 1)
        await script.disconnect()
        await sink.until(lambda: sink.states["m", "INBOX"].held)
        answered = sink.states["m", "INBOX"].released(take_in=take_in)
        other = RecordingSink()
        await start_listener(other, PATIENT).add("m", script.settings, Password(PASSWORD), [answered])
        await other.until(lambda: other.state == "idle")
        assert len(other.messages) == (RESCAN_CAP + 1 if take_in else 0)
        assert ("m", "INBOX") not in other.states or other.states["m", "INBOX"].backlog is None

    async def test_up_to_the_cap_they_are_listed_without_asking(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        move(script, RESCAN_CAP)
        await script.disconnect()
        await sink.until(lambda: len(sink.messages) == RESCAN_CAP)
        assert set(sink.origins) == {"rescan"}

    async def test_what_is_known_does_not_count(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        await watch(script, start_listener, sink)
        for uid in range(1, RESCAN_CAP + 2):
            script.messages[uid] = f"Message-ID: <moved-{uid}@example.org>\r\n\r\n".encode()
        script.changed.set()
        await sink.until(lambda: len(sink.messages) == RESCAN_CAP + 1)
        move(script, RESCAN_CAP + 1)
        await script.disconnect()
        await sink.until(lambda: sink.origins.count("rescan") == RESCAN_CAP + 1)


class TestHistory:
    async def test_history_waits_for_room_while_new_mail_does_not(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        for number in range(30):
            script.add(f"old-{number}@example.org")
        sink.room_left = 0
        settings = script.settings.model_validate(script.settings.model_dump() | {"since": "2026-01-01"})
        await start_listener(sink, FAST).add("m", settings, Password(PASSWORD), [])
        await script.until_seen("IDLE", 2)
        script.add("live@example.org")
        await sink.until_listed("live@example.org")
        assert sink.origins == ["live"]
        sink.room_left = 10
        await sink.until(lambda: sink.origins.count("history") == 30)
        assert max(sink.batches) == 10
