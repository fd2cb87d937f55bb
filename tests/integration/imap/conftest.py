"""Servers and listeners for the IMAP tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from providers.imap.listener import Listener
from providers.imap.watch import Timers
from tests.integration.imap.recording import RecordingSink
from tests.simulators.dovecot import dovecot
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
