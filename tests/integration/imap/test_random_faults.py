"""Random faults at every step, for hours of simulated operation: what was delivered is listed, and once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from providers.base import Listed
from providers.imap.listener import Listener
from providers.imap.locator import Locator
from providers.imap.settings import Password
from providers.imap.watch import Timers
from tests.integration.imap.recording import RecordingSink
from tests.simulators.imap_script import PASSWORD, ScriptedImap, Session

# A renewal takes 5 ms instead of 4.5 minutes: a second of the test is 15 hours of operation.
ACCELERATED = Timers(
    renew=0.005, poll=0.005, answer=0.2, backoff=0.001, backoff_cap=0.02, stable=0.05, probe=0.002, auth=0.001,
    throttled=0.005, throttled_cap=0.02, permanent=0.01,
    backlog=0.005,
)  # fmt: skip


class Faults:
    """Faults with their probability per command, drawn from one seed."""

    def __init__(self, script: ScriptedImap, seed: int) -> None:
        self.random = random.Random(seed)
        self.injected: Counter[str] = Counter()
        self._script = script
        script.fault = self.inject

    def inject(self, session: Session, command: str) -> None:
        fault = self.random.choices(
            ["none", "cut", "refuse", "deaf", "throttle", "split"], [70, 8, 8, 8, 2, 4]
        )[0]  # fmt: skip
        self.injected[fault] += 1
        self._script.on.pop(command, None)
        if fault == "cut":
            session.cut_after = self.random.randrange(1, 200)
        elif fault in ("refuse", "throttle"):
            self._script.on[command] = _refuse if fault == "refuse" else _throttle
        elif fault == "deaf" and command == "IDLE":
            self._script.on[command] = _deaf

    def end(self) -> None:
        self._script.fault = None
        self._script.on.clear()


async def _refuse(session: Session, tag: str, arguments: str) -> None:
    session.send(f"{tag} NO [UNAVAILABLE] not now")


async def _throttle(session: Session, tag: str, arguments: str) -> None:
    session.send(f"{tag} NO [LIMIT] too many connections")


async def _deaf(session: Session, tag: str, arguments: str) -> None:
    session.send("+ idling")
    assert await session.line() == "DONE"
    session.ok(tag)


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_delivered_is_listed_once(script: ScriptedImap, sink: RecordingSink, seed: int) -> None:
    faults = Faults(script, seed)
    chance = faults.random
    listener = Listener(sink, allow_private=True, timers=ACCELERATED)
    await listener.add("m", script.settings, Password(PASSWORD), [])
    await sink.until(lambda: bool(sink.states))
    delivered = []
    for number in range(200):
        script.add(f"{number}@example.org", uid=script.uidnext + chance.choice([0, 0, 0, 7, 20_000]))
        delivered.append(f"<{number}@example.org>")
        await asyncio.sleep(chance.random() * 0.02)
        match chance.randrange(40):
            case 0:  # the process dies, and another one takes over
                await listener.close()
                listener = Listener(sink, allow_private=True, timers=ACCELERATED)
                await listener.add("m", script.settings, Password(PASSWORD), list(sink.states.values()))
            case 1:
                await script.disconnect()
            case 2:
                sink.failing = chance.randrange(1, 4)
    faults.end()
    await sink.until(lambda: len(sink.messages) >= len(delivered))
    await listener.close()
    assert len({message.locator for message in sink.messages}) == len(sink.messages) == len(delivered)
    # A message whose headers broke three connections is listed without them: the fetch will read them.
    assert [listed or sent for listed, sent in zip(sink.message_ids, delivered, strict=True)] == delivered
    assert faults.injected["cut"] > 20


@pytest.mark.parametrize("seed", range(3))
async def test_folder_that_loses_its_numbering_again_and_again_loses_no_mail(
    script: ScriptedImap, sink: RecordingSink, seed: int
) -> None:
    faults = Faults(script, seed)
    listener = Listener(sink, allow_private=True, timers=ACCELERATED)
    await listener.add("m", script.settings, Password(PASSWORD), [])
    await sink.until(lambda: bool(sink.states))
    delivered = set()
    for number in range(60):
        script.add(f"{number}@example.org")
        delivered.add(f"<{number}@example.org>")
        if faults.random.randrange(10) == 0:
            script.uidvalidity += 1
            script.messages = dict(enumerate(script.messages.values(), 1))
        await asyncio.sleep(faults.random.random() * 0.02)
    faults.end()
    await sink.until(lambda: delivered <= {_known_as(message) for message in sink.messages})
    await listener.close()
    assert len({message.locator for message in sink.messages}) == len(sink.messages)


def _known_as(message: Listed) -> str:
    """Its Message-ID, or by its number, which is one more, where its headers broke three connections."""
    return message.message_id or f"<{Locator.parse(message.locator).uid - 1}@example.org>"
