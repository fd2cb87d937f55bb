"""One Gmail mailbox as a `PushProvider`.

Gmail does not tell a Message-ID while listing, so each new message is fetched at once and kept. Of one that cannot be
fetched now the headers will do, and its own workflow fetches it later. One that cannot be read at all is parked, delays
nobody, and is listed blind in the end.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from providers.base import AuthFailed, Changes, Gone, Listed, Permanent, ProviderError, RateLimited, Transient, Watch
from providers.gmail.client import GmailClient, Parameters
from providers.gmail.cursor import OVERLAP, Cursor
from providers.gmail.errors import BadRequest, WatchedElsewhere
from providers.gmail.quota import CONCURRENT
from providers.gmail.raw import RawMessage
from providers.gmail.settings import GmailSettings

# Gmail has one watch per user and project; it has no name of its own.
WATCH = "mailbox"
# Seconds to wait before a message that could not be read is asked for again. Only for the first few of a look: nobody
# waits out an outage.
READ_RETRIES = (1.0, 3.0)
# More messages than these are not parked: it is the source that fails.
MOST_PARKED = 20
# Seconds after which a message that cannot be read, while others can, is listed all the same.
GIVE_UP_AFTER = 3600
_UNWANTED = frozenset({"SPAM", "TRASH", "DRAFT", "CHAT"})
_MESSAGE_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_FIELDS = "id,threadId,labelIds,historyId,internalDate,sizeEstimate,raw"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the object store: digest and size of its bytes, and its raw Message-ID header."""

    sha256: str
    size: int
    message_id: str | None


class Incoming(Protocol):
    """One message while it arrives; nothing of it stays unless it is kept."""

    def write(self, chunk: bytes) -> None:
        """Raises Permanent once it is larger than messages may be."""
        ...

    async def keep(self) -> Kept: ...


class Archive(Protocol):
    """The house's side of reading ahead."""

    async def known(self, locators: Sequence[str]) -> set[str]:
        """Those that are in the ledger already."""
        ...

    async def listed_blind(self, locator: str) -> bool:
        """Whether nothing but its id was known of a message when it was listed."""
        ...

    def receive(self) -> AbstractContextManager[Incoming]: ...


class GmailMailbox:
    def __init__(
        self,
        client: GmailClient,
        settings: GmailSettings,
        archive: Archive,
        *,
        since: datetime,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`since` (aware): what was received before is not taken when the mailbox is read for the first time."""
        self._client = client
        self._settings = settings
        self._archive = archive
        self._since = since
        self._now = now

    async def changes(self, cursor: str | None, limit: int) -> Changes:
        position = Cursor.parse(cursor) if cursor is not None else await self._begin(self._since)
        try:
            ids, following, more = await self._candidates(position, min(limit, 500))
        except (Gone, BadRequest):
            # A history that Gmail no longer keeps (a week, rarely only hours), or a page token that has expired.
            if position.page is not None:
                restarted = position.model_copy(update={"page": None})
            elif position.listing_since is None:
                begun = await self._begin(datetime.fromtimestamp(position.caught_up_at, UTC) - OVERLAP)
                restarted = begun.model_copy(update={"parked": position.parked})
            else:
                raise
            return Changes([], restarted.model_dump_json(), more=True)
        parked = position.parked if more else {}
        ids = [i for i in ids if i not in position.parked] + ([] if more else list(position.parked))
        known = await self._archive.known(ids) if ids else set()
        read = await self._read_ahead([i for i in ids if i not in known])
        parked = parked | {i: position.parked.get(i, int(self._now())) for i in read.failed}
        failure: ProviderError | None = read.throttled
        if failure is None and len(parked) > MOST_PARKED:
            failure = next(iter(read.failed.values()), None)
        if failure is not None:
            if not read.messages:
                raise failure
            return Changes(read.messages, position.model_dump_json(), more=True)
        blind = [i for i in read.failed if read.any and self._now() - parked[i] >= GIVE_UP_AFTER]
        messages = read.messages + [Listed(locator) for locator in blind]
        following = following.model_copy(update={"parked": {i: at for i, at in parked.items() if i not in blind}})
        if read.failed and not messages and following.parked == position.parked:
            # Nothing came of this look: the next one is for later.
            why = next(iter(read.failed.values()))
            raise Transient(f"{len(following.parked)} message(s) cannot be read yet: {why}")
        return Changes(messages, following.model_dump_json(), more or bool(following.parked))

    async def fetch(self, locator: str) -> AsyncIterator[bytes]:
        """For a message that could not be read while listing; raises Gone in the end when it is no mail."""
        message = RawMessage()
        async with self._client.open("messages.get", f"messages/{_checked(locator)}", _RAW) as response:
            async for chunk in response.content.iter_chunked(1 << 18):
                if decoded := message.feed(chunk):
                    yield decoded
        fields = message.fields()
        labels = set(fields.get("labelIds", []))
        # Not `wanted`: what has left the inbox since it was listed has been there.
        if labels & _UNWANTED or ("SENT" in labels and "INBOX" not in labels):
            raise Gone("the message is no mail that was received")
        if not self._ours(fields) and await self._archive.listed_blind(locator):
            raise Gone("the message was not to be read")

    async def close(self) -> None:
        """The connection is shared by all mailboxes; there is none of our own."""

    @property
    def watchable(self) -> Sequence[str]:
        return [WATCH] if self._settings.topic else []

    async def watch(self, what: str, secret: str) -> Watch:
        """Its historyId is never a cursor: it would skip what came since the last sync."""
        body = {
            "topicName": self._settings.topic,
            "labelIds": self._settings.labels,
            "labelFilterBehavior": "include",
        }
        try:
            answer = await self._client.call("watch", "POST", "watch", json=body)
        except WatchedElsewhere:
            await self._client.call("stop", "POST", "stop")
            answer = await self._client.call("watch", "POST", "watch", json=body)
        try:
            return Watch(WATCH, datetime.fromtimestamp(int(answer["expiration"]) / 1000, UTC))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Transient("Gmail's answer to watch held no expiration") from None

    async def renew(self, what: str, watch_id: str) -> Watch:
        return await self.watch(what, "")

    async def unwatch(self, watch_id: str) -> None:
        await self._client.call("stop", "POST", "stop")

    async def standing(self) -> None:
        return None

    async def profile(self) -> str:
        """The mailbox's own address, in Gmail's spelling."""
        answer = await self._client.call("getProfile", "GET", "profile")
        return str(answer.get("emailAddress", ""))

    async def label_names(self) -> dict[str, str]:
        """The user's labels, name by id."""
        answer = await self._client.call("labels.list", "GET", "labels")
        return {str(label["id"]): str(label["name"]) for label in answer.get("labels", [])}

    async def _begin(self, since: datetime) -> Cursor:
        """A new start: the history id first, then everything received since, then the history from that id on."""
        profile = await self._client.call("getProfile", "GET", "profile")
        return Cursor(history_id=_number(profile.get("historyId")), listing_since=int(since.timestamp()))

    async def _candidates(self, position: Cursor, limit: int) -> tuple[list[str], Cursor, bool]:
        """Ids that may be new mail, the position after them, and whether there is more."""
        if position.listing_since is not None:
            return await self._listed(position, position.listing_since, limit)
        return await self._history(position, limit)

    async def _listed(self, position: Cursor, since: int, limit: int) -> tuple[list[str], Cursor, bool]:
        parameters: dict[str, str | int | list[str]] = {
            "q": f"after:{since} -in:chats",
            "includeSpamTrash": "false",
            "maxResults": limit,
        }
        if len(self._settings.labels) == 1:  # several would have to be there all at once
            parameters["labelIds"] = self._settings.labels
        page = await self._client.call("messages.list", "GET", "messages", _paged(parameters, position.page))
        ids = _ids(page.get("messages"))
        token = page.get("nextPageToken")
        update = {"page": token} if token else {"page": None, "listing_since": None, "caught_up_at": int(self._now())}
        return ids, position.model_copy(update=update), True

    async def _history(self, position: Cursor, limit: int) -> tuple[list[str], Cursor, bool]:
        # No labelId: for labels that filters apply, and for mail recovered from spam, the server's selection is wrong.
        parameters: Parameters = {
            "startHistoryId": position.history_id,
            "historyTypes": ["messageAdded", "labelAdded"],
            "maxResults": limit,
        }
        page = await self._client.call("history.list", "GET", "history", _paged(parameters, position.page))
        ids: dict[str, None] = {}
        for record in page.get("history") or []:
            added = [entry.get("message") for entry in record.get("messagesAdded", [])]
            labelled = [
                entry.get("message")
                for entry in record.get("labelsAdded", [])
                if set(entry.get("labelIds", [])) & set(self._settings.labels)
            ]
            ids |= dict.fromkeys(_ids([*added, *labelled]))
        token = page.get("nextPageToken")
        if token:
            return list(ids), position.model_copy(update={"page": token}), True
        latest = max(position.history_id, _number(page.get("historyId")))
        update = {"history_id": latest, "page": None, "caught_up_at": int(self._now())}
        return list(ids), position.model_copy(update=update), False

    async def _read_ahead(self, ids: Sequence[str]) -> _Read:
        read = _Read()
        stopped: list[ProviderError] = []
        waiting = iter(ids)

        async def read_on() -> None:
            for locator in waiting:
                pauses = READ_RETRIES if len(read.failed) < CONCURRENT else ()
                try:
                    message = await self._read(locator, pauses)
                except (RateLimited, AuthFailed) as error:
                    stopped.append(error)
                    return
                except ProviderError as error:
                    read.failed[locator] = error
                else:
                    read.any = True
                    read.messages += [message] if message is not None else []
                if stopped:
                    return

        await asyncio.gather(*(read_on() for _ in range(min(CONCURRENT, len(ids)))))
        for error in stopped:
            if not isinstance(error, RateLimited):
                raise error
        read.messages.sort(key=lambda message: message.received_at or datetime.max.replace(tzinfo=UTC))
        read.throttled = next((error for error in stopped if isinstance(error, RateLimited)), None)
        return read

    async def _read(self, locator: str, pauses: Sequence[float]) -> Listed | None:
        """None for a message that is not wanted, or was deleted meanwhile."""
        try:
            for pause in (*pauses, None):
                try:
                    return await self._read_whole(locator)
                except Transient:
                    if pause is None:
                        break
                    await asyncio.sleep(pause)
                except Permanent:
                    break
            return await self._read_headers(locator)
        except Gone:
            return None

    async def _read_whole(self, locator: str) -> Listed | None:
        with self._archive.receive() as incoming:
            message = RawMessage()
            async with self._client.open("messages.get", f"messages/{_checked(locator)}", _RAW) as response:
                async for chunk in response.content.iter_chunked(1 << 18):
                    incoming.write(message.feed(chunk))
            fields = message.fields()
            if not self._ours(fields):
                return None
            kept = await incoming.keep()
        thread = _thread(fields.get("threadId"))
        return Listed(locator, kept.message_id, kept.size, _received(fields), kept.sha256, thread)

    async def _read_headers(self, locator: str) -> Listed | None:
        """Who the message is, for one whose bytes cannot be had now."""
        fields = await self._client.call("messages.get", "GET", f"messages/{_checked(locator)}", _METADATA)
        if not isinstance(fields, dict):
            raise Transient("Gmail's answer was no message")
        if not self._ours(fields):
            return None
        return Listed(
            locator, _message_id(fields), received_at=_received(fields), thread_id=_thread(fields.get("threadId"))
        )

    def _ours(self, fields: dict[str, Any]) -> bool:
        """Whether a message is to be taken."""
        received = _received(fields)
        return self.wanted(fields.get("labelIds", [])) and (received is None or received >= self._since)

    def wanted(self, labels: Iterable[str]) -> bool:
        """A configured label, and not spam, deleted, a draft or a chat. A mail one sent to oneself has INBOX, too."""
        present = set(labels)
        return bool(present & set(self._settings.labels)) and not present & _UNWANTED


@dataclass(slots=True)
class _Read:
    """What came of reading ahead: the wanted messages, oldest first. `failed`: what cannot be read now, and why.

    `any`: whether some message could be read. `throttled`: what stopped it early.
    """

    messages: list[Listed] = field(default_factory=list)
    failed: dict[str, ProviderError] = field(default_factory=dict)
    any: bool = False
    throttled: RateLimited | None = None


_RAW: Parameters = {"format": "raw", "fields": _FIELDS}
_METADATA: Parameters = {"format": "metadata", "fields": "id,threadId,labelIds,internalDate,payload/headers"}


def _paged(parameters: Parameters, token: str | None) -> Parameters:
    return {**parameters, "pageToken": token} if token else parameters


def _ids(messages: Any) -> list[str]:
    return [
        m["id"]
        for m in messages or []
        if isinstance(m, dict) and isinstance(m.get("id"), str) and _MESSAGE_ID.fullmatch(m["id"])
    ]


def _checked(locator: str) -> str:
    if not _MESSAGE_ID.fullmatch(locator):
        raise Permanent("not a Gmail message id")
    return locator


def _message_id(fields: dict[str, Any]) -> str | None:
    """The Message-ID header's value."""
    payload = fields.get("payload")
    headers = payload.get("headers") if isinstance(payload, dict) else None
    for header in headers or []:
        if isinstance(header, dict) and str(header.get("name", "")).lower() == "message-id":
            return str(header.get("value", ""))
    return None


def _thread(value: Any) -> str | None:
    return value if isinstance(value, str) and _MESSAGE_ID.fullmatch(value) else None


def _number(value: Any) -> int:
    """A history id: a 64-bit number that JSON carries as a string, and pushes as a number."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Transient("Gmail's answer held no history id") from None


def _received(fields: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(fields["internalDate"]) / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
