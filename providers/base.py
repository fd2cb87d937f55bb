"""What every mail source offers: a listing that starts at a cursor, and the bytes of one message.

The cursor is the truth (DESIGN §2): `changes` may be called again with the same cursor at any time and
lists the same messages again; whoever calls it stores the rows and the new cursor in one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Listed:
    """One message as the provider lists it. `message_id` is the raw header value, where listing tells it.

    `sha256`: the bytes are in the object store already, since this source tells the Message-ID in no other way.
    `thread_id`: what the source calls the conversation, in this mailbox; a hint that senders can influence.
    `content`: the bytes of a small message that could be read at once; whoever lists it stores them.
    """

    locator: str
    message_id: str | None = None
    size: int | None = None
    received_at: datetime | None = None
    sha256: str | None = None
    thread_id: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """`cursor` is to be stored with `messages`; `more` says that another call would list more at once.

    `note`: what a person should know of a mailbox that could be listed.
    """

    messages: list[Listed]
    cursor: str
    more: bool = False
    note: str = ""


class Provider(Protocol):
    """One mailbox at one source. Every method raises a `ProviderError` and nothing else."""

    async def changes(self, cursor: str | None, limit: int) -> Changes: ...

    def fetch(self, locator: str) -> AsyncIterator[bytes]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """A standing request for notifications, as the source confirmed it. `expires_at` (aware) is the source's word."""

    watch_id: str
    expires_at: datetime


class PushProvider(Provider, Protocol):
    """A source that notifies. Each of `watchable` (a folder, or the mailbox as a whole) is watched by itself."""

    @property
    def watchable(self) -> Sequence[str]: ...

    async def watch(self, what: str, secret: str) -> Watch:
        """Asks for notifications; those of a source that can return a secret with each will carry this one.

        Raises Conflict where there are some already.
        """
        ...

    async def renew(self, what: str, watch_id: str) -> Watch:
        """Raises Gone when the source no longer has this watch."""
        ...

    async def unwatch(self, watch_id: str) -> None: ...

    async def standing(self) -> set[str] | None:
        """Ids of the watches of this mailbox that the source has for us; None where it cannot tell."""
        ...


class Gate(Protocol):
    """Sources count a mailbox's requests over all workers, and their silences hold for all of them."""

    def request(self, units: int = 0) -> AbstractAsyncContextManager[None]:
        """Around one request, which costs so much of the source's quota; waits until it may be made.

        Raises RateLimited during a silence, and remembers one that comes out of the request.
        """
        ...


class Sender(Protocol):
    """Sends a mail as one mailbox: nothing but its delivery canary. Raises a `ProviderError` and nothing else."""

    async def send(self, raw: bytes) -> None: ...


class ProviderError(Exception):
    """A failure of the source; its class says what to do next. The text never holds mail content or secrets."""


class Transient(ProviderError):
    """Network, time-out, 5xx: try again for as long as it takes."""


class RateLimited(ProviderError):
    """Throttled; `until` (aware) is when the source allows the next call, if it said so."""

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class AuthFailed(ProviderError):
    """The credentials were refused. Throttling and network failures are never this."""


class Gone(ProviderError):
    """The message no longer exists at the source."""


class Permanent(ProviderError):
    """This message or request will never succeed; a person has to look."""


class Conflict(Permanent):
    """What is asked for exists already."""
