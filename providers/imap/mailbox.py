"""One IMAP mailbox as a `Provider`: listing from a cursor, and the bytes of one message in bounded chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from providers.base import Changes, Gone, Listed, Permanent, Transient
from providers.imap.connection import CHUNK, DEFAULT_TIMEOUTS, ImapConnection, Timeouts
from providers.imap.errors import FolderMissing, is_placeholder
from providers.imap.locator import Locator
from providers.imap.pool import THREADS, ConnectionPool
from providers.imap.settings import Credentials, ImapSettings
from providers.imap.sync import Batch, FolderState, list_backlog, list_new, open_folder
from providers.imap.threads import call

_BREAKS = 3  # connections that a message may break before a person has to look
_CURSOR = TypeAdapter(list[FolderState])


class ImapMailbox:
    """Lists and fetches over at most `connections` worker connections, beside the one on which the listener waits."""

    def __init__(
        self,
        settings: ImapSettings,
        credentials: Credentials,
        *,
        allow_private: bool = False,
        connections: int = 2,
        keep_connections: float = 30,
        max_message: int = 256 * 1024 * 1024,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """`keep_connections` in seconds; a message over `max_message` bytes is refused as `Permanent`."""
        self._settings = settings
        self._max_message = max_message
        self._breaks: Counter[str] = Counter()
        self._pool = ConnectionPool(
            settings, credentials, size=connections, keep=keep_connections, allow_private=allow_private,
            timeouts=timeouts,
        )  # fmt: skip

    async def changes(self, cursor: str | None, limit: int) -> Changes:
        """Up to `limit` messages after `cursor`, the JSON list of the folders' `FolderState`."""
        try:
            states = {state.folder: state for state in (_CURSOR.validate_json(cursor) if cursor else [])}
        except ValidationError:
            raise Permanent("the stored cursor is not an IMAP cursor") from None
        messages: list[Listed] = []
        more = False
        missing: list[FolderMissing] = []
        async with self._pool.connection() as connection:
            for name in self._settings.folders:
                if len(messages) == limit:
                    more = True
                    break
                room = limit - len(messages)
                try:
                    state = states.get(name)
                    batch = await call(THREADS, connection, self._list, connection, name, state, room)
                except FolderMissing as error:
                    missing.append(error)
                    continue
                states[name] = batch.state
                messages += batch.messages
                more = more or batch.more
        if len(missing) == len(self._settings.folders):
            raise missing[0]
        return Changes(messages, _CURSOR.dump_json(list(states.values())).decode(), more)

    def _list(self, connection: ImapConnection, name: str, state: FolderState | None, limit: int) -> Batch:
        """What is new in a folder or, when nothing is, some of its backlog."""
        state = open_folder(connection, name, state, self._settings.since)
        batch = list_new(connection, state, limit)
        state = batch.state
        if not batch.messages and state.backlog is not None:
            return list_backlog(connection, state, state.backlog, limit)
        return replace(batch, more=batch.more or batch.state.backlog is not None)

    async def fetch(self, locator: str) -> AsyncIterator[bytes]:
        """The message in chunks of at most 1 MB. Raises `Gone` when it, its folder or its numbering is no more.

        A message over which one connection after the other breaks is `Permanent`, until it is asked for again.
        """
        try:
            where = Locator.parse(locator)
        except ValueError:
            raise Permanent("not the locator of an IMAP message") from None
        async with self._pool.connection() as connection, aclosing(self._chunks(connection, where)) as chunks:
            try:
                async for chunk in chunks:
                    yield chunk
            except Transient as error:
                if not connection.wire.eof:
                    raise
                self._broke(locator, error)
        self._breaks.pop(locator, None)

    def _broke(self, locator: str, error: Transient) -> NoReturn:
        self._breaks[locator] += 1
        if self._breaks[locator] < _BREAKS:
            raise error
        del self._breaks[locator]
        raise Permanent("the mail server ends the connection whenever this message is asked for")

    async def _chunks(self, connection: ImapConnection, where: Locator) -> AsyncGenerator[bytes]:
        size = await call(THREADS, connection, _locate, connection, where)
        if size <= CHUNK:  # in one piece: some servers render a message anew, and differently, for every part
            yield _checked(await call(THREADS, connection, _whole, connection, where.uid))
            return
        offset, last = 0, CHUNK
        while last == CHUNK:  # ended by a short part, never by the size, which is an estimate
            part = await call(THREADS, connection, connection.body, where.uid, offset)
            if not part and offset == 0:
                raise Transient("the mail server gave no content for the message")
            chunk = part or b""
            offset, last = offset + len(chunk), len(chunk)
            if offset > self._max_message:
                raise Permanent(f"the message is larger than {self._max_message} bytes")
            if chunk:
                yield _checked(chunk) if offset == last else chunk

    async def close(self) -> None:
        """Ends the connections that nobody uses."""
        self._pool.close()


def _locate(connection: ImapConnection, where: Locator) -> int:
    """Opens the message's folder; its size as the server estimates it. Raises `Gone`."""
    try:
        if not connection.has_open(where.folder):
            connection.examine(where.folder)
    except FolderMissing:
        raise Gone("the folder of the message does not exist any more") from None
    if connection.selected is None or connection.selected.uidvalidity != where.uidvalidity:
        raise Gone("the folder was rebuilt: the message has another number now, if it still exists")
    size = connection.size(where.uid)
    if not size:  # Dovecot gives size 0 for a message that was just deleted
        _raise_missing(connection, where.uid)
    return size or 0


def _whole(connection: ImapConnection, uid: int) -> bytes:
    content = connection.body(uid, None)
    if not content:
        _raise_missing(connection, uid)
    return content or b""


def _raise_missing(connection: ImapConnection, uid: int) -> None:
    """`Gone` when the folder does not list the message either, else `Transient`: Exchange at times gives no data."""
    connection.noop()
    if connection.uids(uid, uid):
        raise Transient("the mail server gave no content for the message")
    raise Gone("the message was deleted or moved")


def _checked(start: bytes) -> bytes:
    if is_placeholder(start):
        raise Permanent("Exchange cannot render the message and delivers a placeholder")
    return start
