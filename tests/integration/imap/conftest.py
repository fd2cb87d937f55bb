"""Servers and listeners for the IMAP tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from providers.imap.listener import Listener
from providers.imap.watch import Timers
from tests.integration.imap.recording import RecordingSink
from tests.simulators.dovecot import Dovecot, dovecot
from tests.simulators.imap_script import ScriptedImap, scripted_imap

__all__ = ["dovecot"]

StartListener = Callable[[RecordingSink, Timers], Listener]


@pytest_asyncio.fixture
async def script() -> AsyncIterator[ScriptedImap]:
    async with scripted_imap() as server:
        yield server


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest_asyncio.fixture
async def start_listener() -> AsyncIterator[StartListener]:
    """Starts listeners that are closed after the test."""
    async with AsyncExitStack() as stack:

        def start(sink: RecordingSink, timers: Timers) -> Listener:
            listener = Listener(sink, allow_private=True, timers=timers)
            stack.push_async_callback(listener.close)
            return listener

        yield start


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of the shared Dovecot for this test alone."""
    return f"{request.node.name.replace('[', '-').rstrip(']')}@example.com"


class StallingProxy:
    """A TCP proxy in front of a server that can go silent: connections stay open, and nothing passes any more."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._connections: list[asyncio.Task[None]] = []
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._connections += [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    def stall(self) -> None:
        """Silences the connections that exist now; later ones work."""
        for task in self._connections:
            task.cancel()


@pytest_asyncio.fixture
async def proxy(dovecot: Dovecot) -> AsyncIterator[StallingProxy]:
    """A stalling proxy in front of Dovecot's TLS port."""
    stalling = StallingProxy(dovecot.tls_port)
    server = await asyncio.start_server(stalling.connected, "127.0.0.1", 0)
    stalling.port = server.sockets[0].getsockname()[1]
    yield stalling
    server.close()
    stalling.stall()
