"""What broken and hostile servers do, and that the listener neither loses mail nor hangs for it."""

from __future__ import annotations

import asyncio

import pytest

from providers.base import AuthFailed, Permanent, RateLimited, Transient
from providers.imap.connection import ImapConnection, Timeouts
from providers.imap.settings import Password
from providers.imap.watch import Timers
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import FAST, PATIENT, RecordingSink
from tests.simulators.imap_script import PASSWORD, ScriptedImap, Session

SHORT = Timeouts(connect=1, read=0.5, command=1)


async def open_connection(
    script: ScriptedImap, secret: str = PASSWORD, timeouts: Timeouts = SHORT, **changes: object
) -> ImapConnection:
    settings = script.settings.model_copy(update=changes)
    return await asyncio.to_thread(ImapConnection.open, settings, secret, allow_private=True, timeouts=timeouts)


async def watch(
    script: ScriptedImap, start_listener: StartListener, sink: RecordingSink, timers: Timers = PATIENT
) -> None:
    listener = start_listener(sink, timers)
    await listener.add("m", script.settings, Password(PASSWORD), [])
    await sink.until(lambda: bool(sink.states))
    await script.until_seen("IDLE")


class TestIdle:
    async def test_exists_in_the_segment_of_the_continuation_is_heard(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def coalesced(session: Session, tag: str, arguments: str) -> None:
            if not script.messages:
                script.add("a@example.org")
                session.send("+ idling", "* 1 EXISTS")
                assert await session.line() == "DONE"
                session.ok(tag)
            else:
                await script.do_idle(session, tag, arguments)

        script.on["IDLE"] = coalesced
        await watch(script, start_listener, sink)
        await sink.until_listed("a@example.org")

    async def test_untagged_lines_before_the_continuation_are_heard(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def early(session: Session, tag: str, arguments: str) -> None:
            if not script.messages:
                script.add("a@example.org")
                session.send("* OK not yet", "* 1 EXISTS")
                await session.writer.drain()
                session.send("+ idling")
                assert await session.line() == "DONE"
                session.ok(tag)
            else:
                await script.do_idle(session, tag, arguments)

        script.on["IDLE"] = early
        await watch(script, start_listener, sink)
        await sink.until_listed("a@example.org")

    async def test_exists_that_came_with_the_answer_before_idle_is_heard(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        """The server told it to a command, so it will not tell it again in IDLE."""

        async def late(session: Session, tag: str, arguments: str) -> None:
            await script.do_uid_search(session, tag, arguments)
            if len(script.messages) == 1:
                session.server.add("b@example.org")
                session.send("* 2 EXISTS")
                session.announced = 2

        await watch(script, start_listener, sink)
        script.on["UID SEARCH"] = late
        script.add("a@example.org")
        await sink.until_listed("a@example.org", "b@example.org")

    async def test_lines_split_over_segments_are_put_together(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def split(session: Session, tag: str, arguments: str) -> None:
            if script.messages:
                return await script.do_idle(session, tag, arguments)
            script.add("a@example.org")
            for byte in b"+ idling\r\n* 1 EXISTS\r\n":
                session.raw(bytes([byte]))
                await session.writer.drain()
                await asyncio.sleep(0)  # lets the client read what there is
            assert await session.line() == "DONE"
            for byte in f"{tag} OK done\r\n".encode():
                session.raw(bytes([byte]))
                await session.writer.drain()
                await asyncio.sleep(0)
            return None

        script.on["IDLE"] = split
        await watch(script, start_listener, sink)
        await sink.until_listed("a@example.org")
        assert script.seen["LOGIN"] == 1

    async def test_keep_alives_wake_nobody(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def chatty(session: Session, tag: str, arguments: str) -> None:
            session.send("+ idling", *["* OK Still here"] * 100, "* 1 FETCH (FLAGS (\\Seen))", "* 1 EXPUNGE")
            assert await session.line() == "DONE"
            session.ok(tag)

        script.on["IDLE"] = chatty
        await watch(script, start_listener, sink)
        await script.until_seen("IDLE")
        per_connection = script.seen["UID SEARCH"]
        await script.disconnect()
        await script.until_seen("IDLE", 2)
        assert script.seen["UID SEARCH"] == 2 * per_connection

    @pytest.mark.parametrize("goodbye", ["* BYE Autologout", ""])
    async def test_end_of_the_connection_leads_to_a_new_one(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener, goodbye: str
    ) -> None:
        async def ends(session: Session, tag: str, arguments: str) -> None:
            script.on.pop("IDLE")
            script.add("a@example.org")
            session.send("+ idling", *([goodbye] if goodbye else []))
            await session.writer.drain()
            session.close()

        script.on["IDLE"] = ends
        await watch(script, start_listener, sink)
        await sink.until_listed("a@example.org")
        assert script.seen["LOGIN"] == 2

    async def test_server_that_does_not_answer_done_is_left(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def silent(session: Session, tag: str, arguments: str) -> None:
            script.on.pop("IDLE")
            session.send("+ idling")
            await session.gone()

        script.on["IDLE"] = silent
        await watch(script, start_listener, sink, FAST)
        await script.until_seen("LOGIN", 2)
        script.add("a@example.org")
        await sink.until_listed("a@example.org")

    @pytest.mark.parametrize("answer", ["NO not now", "BAD what"])
    async def test_server_that_refuses_idle_is_polled(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener, answer: str
    ) -> None:
        async def refuses(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} {answer}")

        script.on["IDLE"] = refuses
        await watch(script, start_listener, sink, FAST)
        script.add("a@example.org")
        await sink.until_listed("a@example.org")
        assert sink.state == "polling"
        assert script.seen["IDLE"] == 1
        assert script.seen["LOGIN"] == 1

    async def test_server_whose_idle_never_announces_is_polled(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def deaf(session: Session, tag: str, arguments: str) -> None:
            session.send("+ idling")
            assert await session.line() == "DONE"
            session.ok(tag)

        script.on["IDLE"] = deaf
        await watch(script, start_listener, sink, FAST)
        for number in range(3):
            script.add(f"{number}@example.org")
            await sink.until_listed(f"{number}@example.org")
        await sink.until(lambda: sink.state == "polling")

    async def test_flood_in_idle_ends_the_connection(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def floods(session: Session, tag: str, arguments: str) -> None:
            script.on.pop("IDLE")
            session.send("+ idling")
            session.raw(b"x" * 2**20)
            await session.gone()

        script.on["IDLE"] = floods
        await watch(script, start_listener, sink)
        await script.until_seen("IDLE", 2)


class TestListing:
    async def test_headers_that_break_the_parser_do_not_hide_other_messages(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def poisoned(session: Session, tag: str, arguments: str) -> None:
            if "2" in arguments.partition(" ")[0].split(","):
                session.send("* 2 FETCH (UID 2 RFC822.SIZE (((")
                session.ok(tag)
            else:
                await script.do_uid_fetch(session, tag, arguments)

        await watch(script, start_listener, sink)
        script.on["UID FETCH"] = poisoned
        for number in (1, 2, 3):
            script.messages[number] = f"Message-ID: <{number}@example.org>\r\n\r\n".encode()
        script.changed.set()
        await sink.until(lambda: len(sink.messages) == 3)
        assert sink.message_ids == ["<1@example.org>", None, "<3@example.org>"]

    async def test_message_that_the_server_omits_is_listed_without_its_headers(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def empty(session: Session, tag: str, arguments: str) -> None:
            session.ok(tag)

        await watch(script, start_listener, sink)
        script.on["UID FETCH"] = empty
        script.add("a@example.org")
        await sink.until(lambda: bool(sink.messages))
        assert sink.messages[0].locator == "7/1/INBOX"
        assert sink.messages[0].message_id is None

    async def test_the_last_message_that_a_server_volunteers_is_not_new(self, script: ScriptedImap) -> None:
        async def volunteers(session: Session, tag: str, arguments: str) -> None:
            session.send("* SEARCH 5")
            session.ok(tag)

        script.add("a@example.org", uid=5)
        script.on["UID SEARCH"] = volunteers
        connection = await open_connection(script)
        await asyncio.to_thread(connection.examine, "INBOX")
        assert await asyncio.to_thread(connection.uids, 6) == []
        connection.close()

    async def test_search_answer_in_several_lines(self, script: ScriptedImap) -> None:
        async def lines(session: Session, tag: str, arguments: str) -> None:
            session.send("* SEARCH 3 1", "* SEARCH", "* SEARCH 2 (MODSEQ 9)")
            session.ok(tag)

        script.on["UID SEARCH"] = lines
        connection = await open_connection(script)
        await asyncio.to_thread(connection.examine, "INBOX")
        assert await asyncio.to_thread(connection.uids, 1) == [1, 2, 3]
        connection.close()

    async def test_numbers_that_went_back_are_noticed(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        """A backup was restored: the same UIDVALIDITY, and new mail gets numbers that were given before."""
        script.add("old@example.org", uid=10)
        await watch(script, start_listener, sink)
        script.messages = {4: b"Message-ID: <after-restore@example.org>\r\n\r\n"}
        await script.disconnect()
        await sink.until_listed("after-restore@example.org")
        assert sink.origins == ["rescan"]

    async def test_uidnext_that_is_wrong_makes_no_rescan(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def wrong(session: Session, tag: str, arguments: str) -> None:
            session.announced = len(script.messages)
            session.send("* 1 EXISTS", "* OK [UIDVALIDITY 7] valid", "* OK [UIDNEXT 2] wrong")
            session.ok(tag)

        script.add("old@example.org", uid=10)
        await watch(script, start_listener, sink)
        script.on["EXAMINE"] = wrong
        await script.disconnect()
        await script.until_seen("IDLE", 2)
        script.add("new@example.org")
        await sink.until_listed("new@example.org")
        assert sink.message_ids == ["<new@example.org>"]


@pytest.mark.parametrize("command", ["ID", "NOTIFY"])
async def test_extension_that_is_advertised_and_refused_is_done_without(
    script: ScriptedImap, sink: RecordingSink, start_listener: StartListener, command: str
) -> None:
    async def refuses(session: Session, tag: str, arguments: str) -> None:
        session.send(f"{tag} BAD never heard of it")

    script.capabilities += f" {command}"
    script.on[command] = refuses
    settings = script.settings.model_copy(update={"folders": ["INBOX", "Other"]})
    await start_listener(sink, PATIENT).add("m", settings, Password(PASSWORD), [])
    await sink.until(lambda: sink.state == "idle")
    assert script.seen[command] == 1


class TestHostileServers:
    async def test_literal_over_the_limit_is_not_allocated(self, script: ScriptedImap) -> None:
        async def hostile(session: Session, tag: str, arguments: str) -> None:
            session.send("* 1 FETCH (UID 1 BODY[] {30000000000}")

        script.on["UID FETCH"] = hostile
        connection = await open_connection(script)
        await asyncio.to_thread(connection.examine, "INBOX")
        with pytest.raises(Transient, match="more than it was asked for"):
            await asyncio.to_thread(connection.body, 1, None)
        connection.close()

    async def test_endless_answer_is_cut(self, script: ScriptedImap) -> None:
        async def endless(session: Session, tag: str, arguments: str) -> None:
            while True:
                session.raw(b"* OK %s\r\n" % (b"x" * 100_000))
                await session.writer.drain()

        script.on["NOOP"] = endless
        connection = await open_connection(script, timeouts=Timeouts(connect=5, read=10, command=60))
        with pytest.raises(Transient, match="more than it was asked for"):
            await asyncio.to_thread(connection.noop)
        connection.close()

    async def test_trickling_answer_ends_with_the_command_time_out(self, script: ScriptedImap) -> None:
        async def trickles(session: Session, tag: str, arguments: str) -> None:
            while True:
                session.raw(b"* OK more\r\n")
                await session.writer.drain()
                await asyncio.sleep(0.05)

        script.on["NOOP"] = trickles
        connection = await open_connection(script)
        with pytest.raises(Transient, match="in time"):
            await asyncio.to_thread(connection.noop)
        connection.close()

    async def test_silent_server_costs_the_read_time_out(self, script: ScriptedImap) -> None:
        script.greeting = ""
        with pytest.raises(Transient, match="in time"):
            await open_connection(script)

    async def test_starttls_that_is_not_offered_sends_no_password(self, script: ScriptedImap) -> None:
        with pytest.raises(Permanent, match="STARTTLS"):
            await open_connection(script, security="starttls")
        assert set(script.seen) == {"CAPABILITY"}

    async def test_data_ahead_of_the_tls_handshake_is_an_attack(self, script: ScriptedImap) -> None:
        async def injects(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} OK begin", "* CAPABILITY IMAP4rev1 AUTH=PLAIN")

        script.capabilities += " STARTTLS"
        script.on["STARTTLS"] = injects
        with pytest.raises(Permanent, match="ahead of the TLS handshake"):
            await open_connection(script, security="starttls")

    async def test_preauth_greeting_is_refused(self, script: ScriptedImap) -> None:
        script.greeting = "* PREAUTH welcome"
        with pytest.raises(Permanent, match="PREAUTH"):
            await open_connection(script, security="starttls")


class TestLogin:
    async def test_logindisabled_sends_no_password(self, script: ScriptedImap) -> None:
        script.capabilities += " LOGINDISABLED"
        with pytest.raises(Permanent, match="use TLS"):
            await open_connection(script)
        assert script.seen["LOGIN"] == 0

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ("NO [AUTHENTICATIONFAILED] Invalid credentials", AuthFailed),
            ("NO [ALERT] Application-specific password required", AuthFailed),
            ("NO LOGIN failed", AuthFailed),
            ("BAD User is authenticated but not connected.", AuthFailed),
            ("NO [UNAVAILABLE] Temporary authentication failure", Transient),
            ("NO [LIMIT] Maximum number of connections from user+IP exceeded", RateLimited),
            ("NO [OVERQUOTA] Account exceeded command or bandwidth limits", RateLimited),
            ("NO Server busy, try again later", Transient),
        ],
    )
    async def test_refusals_are_told_apart(self, script: ScriptedImap, answer: str, kind: type[Exception]) -> None:
        async def refuses(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} {answer}")

        script.on["LOGIN"] = refuses
        with pytest.raises(kind) as caught:
            await open_connection(script)
        assert type(caught.value) is kind

    @pytest.mark.parametrize(("capability", "command"), [("", "LOGIN"), (" AUTH=PLAIN", "AUTHENTICATE")])
    async def test_connection_that_ends_in_the_answer_is_no_refusal(
        self, script: ScriptedImap, capability: str, command: str
    ) -> None:
        async def dies(session: Session, tag: str, arguments: str) -> None:
            session.raw(tag.encode())
            session.close()

        script.capabilities += capability
        script.on[command] = dies
        with pytest.raises(Transient):
            await open_connection(script)

    async def test_reason_is_shown_without_user_and_secret(self, script: ScriptedImap) -> None:
        async def indiscreet(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} NO [ALERT] user jane@example.com tried s3cret-word: log in with a browser")

        script.on["LOGIN"] = indiscreet
        with pytest.raises(AuthFailed, match="log in with a browser") as caught:
            await open_connection(script, secret="s3cret-word", username="jane@example.com")
        assert "jane" not in str(caught.value)
        assert "s3cret" not in str(caught.value)

    async def test_exchange_refuses_only_the_first_command_after_the_login(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def not_connected(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} BAD User is authenticated but not connected.")

        script.on["EXAMINE"] = not_connected
        await start_listener(sink, FAST).add("m", script.settings, Password(PASSWORD), [])
        await sink.until(lambda: bool(sink.refused))
        assert script.seen["LOGIN"] == 3

    async def test_token_is_refused_by_a_challenge_that_wants_an_empty_answer(self, script: ScriptedImap) -> None:
        async def refuses(session: Session, tag: str, arguments: str) -> None:
            session.send("+ ")
            await session.line()
            session.send("+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=")  # {"status":"400",…}
            assert await session.line() == ""
            session.send(f"{tag} NO SASL authentication failed")

        script.on["AUTHENTICATE"] = refuses
        with pytest.raises(AuthFailed):
            await open_connection(script, auth="xoauth2")

    async def test_token_service_of_the_server_that_is_down_refuses_nobody(self, script: ScriptedImap) -> None:
        async def down(session: Session, tag: str, arguments: str) -> None:
            session.send("+ ")
            await session.line()
            session.send("+ eyJzdGF0dXMiOiI1MDMifQ==")  # {"status":"503"}
            await session.line()
            session.send(f"{tag} NO failed")

        script.on["AUTHENTICATE"] = down
        with pytest.raises(Transient):
            await open_connection(script, auth="oauthbearer")

    async def test_throttling_never_counts_as_refused_credentials(
        self, script: ScriptedImap, sink: RecordingSink, start_listener: StartListener
    ) -> None:
        async def throttles(session: Session, tag: str, arguments: str) -> None:
            session.send(f"{tag} NO [LIMIT] Too many simultaneous connections")

        script.on["LOGIN"] = throttles
        await start_listener(sink, FAST).add("m", script.settings, Password(PASSWORD), [])
        await script.until_seen("LOGIN", 4)
        assert sink.state == "rate_limited"
        assert not sink.refused
