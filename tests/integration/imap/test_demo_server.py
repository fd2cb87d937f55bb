"""The demo's IMAP server as the listener and the fetching provider see it."""

from __future__ import annotations

import imaplib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from providers.imap.mailbox import ImapMailbox
from providers.imap.settings import ImapSettings, Password
from tests.integration.imap.conftest import StartListener
from tests.integration.imap.recording import PATIENT, RecordingSink
from tests.integration.imap.test_listener import mail
from tests.simulators.dovecot import free_port, wait_until

USER, SECRET = "demo@example.com", 'pass "word"'


class DemoServer:
    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory

    def start(self) -> None:
        command = [sys.executable, "-m", "workers.demo_imap", "--port", str(self.port), "--dir", str(self._directory)]
        self._process = subprocess.Popen([*command, "--user", USER, "--password", SECRET])
        wait_until(self._answers, 10)

    def _answers(self) -> bool:
        with suppress(OSError):
            imaplib.IMAP4("127.0.0.1", self.port).logout()
            return True
        return False

    def stop(self) -> float:
        """Seconds that it took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(timeout=10) == 0
        return time.monotonic() - began

    def append(self, raw: bytes) -> None:
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.login(USER, SECRET)
            assert client.append("INBOX", "", "", raw)[0] == "OK"

    @property
    def settings(self) -> ImapSettings:
        return ImapSettings(host="127.0.0.1", port=self.port, security="plaintext", username=USER)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DemoServer]:
    server = DemoServer(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_appended_mail_is_announced_listed_and_fetched(
    server: DemoServer, sink: RecordingSink, start_listener: StartListener
) -> None:
    await start_listener(sink, PATIENT).add("m", server.settings, Password(SECRET), [])
    await sink.until(lambda: sink.state == "idle")
    raw = mail("a@example.org", 2_000_000)
    server.append(raw)
    await sink.until_listed("a@example.org")
    mailbox = ImapMailbox(server.settings, Password(SECRET), allow_private=True)
    assert b"".join([chunk async for chunk in mailbox.fetch(sink.messages[0].locator)]) == raw
    await mailbox.close()


async def test_stops_at_once_and_has_its_mail_after_a_restart(
    server: DemoServer, sink: RecordingSink, start_listener: StartListener
) -> None:
    await start_listener(sink, PATIENT).add("m", server.settings, Password(SECRET), [])
    await sink.until(lambda: sink.state == "idle")
    server.append(mail("before@example.org"))
    await sink.until_listed("before@example.org")
    assert server.stop() < 1
    server.start()
    server.append(mail("after@example.org"))
    await sink.until_listed("after@example.org")
    assert len(sink.messages) == 2


def test_wrong_password_is_refused(server: DemoServer) -> None:
    client = imaplib.IMAP4("127.0.0.1", server.port)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(USER, "wrong")
    with pytest.raises(imaplib.IMAP4.error):
        client.select("INBOX")
    client.logout()


@pytest.mark.parametrize(
    "command", [b"A1 FETCH", b"A1 UID", b"A1 UID FETCH x (", b"A1 LOGIN (a b", b"", b"\xff\xfe", b"A1"]
)
def test_malformed_commands_end_nothing(server: DemoServer, command: bytes) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(USER, SECRET)
        client.select("INBOX", readonly=True)
        client.send(command + b"\r\n")
        client.readline()
        client.send(b"A2 CAPABILITY\r\n")
        assert client.readline().startswith(b"* CAPABILITY")
        client.readline()
