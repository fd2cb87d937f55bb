"""A sink that remembers, and timers that do not keep tests waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from providers.base import Listed
from providers.imap.sync import FolderState, Origin
from providers.imap.watch import MailboxStatus, Timers

FAST = Timers(
    renew=0.3, poll=0.1, folders=0.2, answer=1, backoff=0.05, backoff_cap=0.2, stable=60, probe=0.05, auth=0.05,
    throttled=0.2, throttled_cap=0.4, permanent=0.1, token_margin=0.2,
    backlog=0.05,
)  # fmt: skip
PATIENT = Timers(backoff=0.05, backoff_cap=0.2, probe=0.05)
"""Quick to come back, but without renewals or polls during a test: only IDLE can bring the mail."""


@dataclass
class RecordingSink:
    """What the integrator's database would hold. `failing` makes the next so many commits fail."""

    messages: list[Listed] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    states: dict[tuple[str, str], FolderState] = field(default_factory=dict)
    statuses: list[MailboxStatus] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    """How many messages came at once."""
    failing: int = 0
    room_left: int = 500
    """How many messages of the history are taken in."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()

    async def listed(self, mailbox_id: str, state: FolderState, messages: Sequence[Listed], origin: Origin) -> None:
        if self.failing:
            self.failing -= 1
            self._changed.set()
            raise ConnectionError("the database is away")
        self.messages += messages
        self.batches.append(len(messages))
        self.origins += [origin] * len(messages)
        self.states[mailbox_id, state.folder] = state
        self._changed.set()

    async def unknown(self, mailbox_id: str, messages: Sequence[Listed]) -> int:
        known = set(self.message_ids)
        return sum(message.message_id not in known for message in messages)

    async def room(self, mailbox_id: str) -> int:
        return self.room_left

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        self.statuses.append(status)
        self._changed.set()

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        self.refused.append((mailbox_id, detail))
        self._changed.set()

    @property
    def message_ids(self) -> list[str | None]:
        return [message.message_id for message in self.messages]

    @property
    def state(self) -> str | None:
        """The state that was last reported."""
        return self.statuses[-1].state if self.statuses else None

    async def until(self, condition: Callable[[], bool], seconds: float = 15) -> None:
        """Waits until the condition holds, looking whenever something was heard. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_listed(self, *message_ids: str, seconds: float = 15) -> None:
        """Waits until messages with these Message-IDs were listed."""
        wanted = {f"<{message_id}>" for message_id in message_ids}
        await self.until(lambda: wanted <= set(self.message_ids), seconds)
