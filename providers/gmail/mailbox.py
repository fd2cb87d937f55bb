"""One Gmail mailbox as a `PushProvider`.

Gmail does not tell a Message-ID while listing, so each new message is fetched at once and kept; what cannot be fetched
now is listed all the same, and fetched later by its own workflow, so that it delays nobody.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
                restarted = await self._begin(datetime.fromtimestamp(position.caught_up_at, UTC) - OVERLAP)
            else:
                raise
            return Changes([], restarted.model_dump_json(), more=True)
        known = await self._archive.known(ids) if ids else set()
        unknown = [i for i in ids if i not in known]
        messages, throttled = await self._read_ahead(unknown)
        if throttled is not None:
            if not messages:
                raise throttled
            return Changes(messages, position.model_dump_json(), more=True)
        return Changes(messages, following.model_dump_json(), more)

    async def fetch(self, locator: str) -> AsyncIterator[bytes]:
        """For a message that could not be read while listing; raises Gone in the end when it is no mail."""
        message = RawMessage()
        async with self._client.open("messages.get", f"messages/{_checked(locator)}", _RAW) as response:
            async for chunk in response.content.iter_chunked(1 << 18):
                if decoded := message.feed(chunk):
                    yield decoded
        labels = set(message.fields().get("labelIds", []))
        # Not `wanted`: what has left the inbox since it was listed has been there.
        if labels & _UNWANTED or ("SENT" in labels and "INBOX" not in labels):
            raise Gone("the message is no mail that was received")

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

    async def _read_ahead(self, ids: Sequence[str]) -> tuple[list[Listed], RateLimited | None]:
        """The wanted ones, oldest first; when throttling stopped it early, those that were read before, and why."""
        listed: list[Listed] = []
        stopped: list[ProviderError] = []
        waiting = iter(ids)

        async def read_on() -> None:
            for locator in waiting:
                try:
                    message = await self._read(locator)
                except ProviderError as error:
                    stopped.append(error)
                    return
                if message is not None:
                    listed.append(message)
                if stopped:
                    return

        await asyncio.gather(*(read_on() for _ in range(min(CONCURRENT, len(ids)))))
        for error in stopped:
            if not isinstance(error, RateLimited):
                raise error
        listed.sort(key=lambda message: message.received_at or datetime.max.replace(tzinfo=UTC))
        return listed, next((error for error in stopped if isinstance(error, RateLimited)), None)

    async def _read(self, locator: str) -> Listed | None:
        """None for a message that is not wanted, or was deleted meanwhile."""
        try:
            with self._archive.receive() as incoming:
                message = RawMessage()
                async with self._client.open("messages.get", f"messages/{_checked(locator)}", _RAW) as response:
                    async for chunk in response.content.iter_chunked(1 << 18):
                        incoming.write(message.feed(chunk))
                fields = message.fields()
                received = _received(fields)
                if not self.wanted(fields.get("labelIds", [])) or (received is not None and received < self._since):
                    return None
                kept = await incoming.keep()
        except Gone:
            return None
        except (RateLimited, AuthFailed):
            raise
        except ProviderError:
            return Listed(locator)
        return Listed(locator, kept.message_id, kept.size, received, kept.sha256, _thread(fields.get("threadId")))

    def wanted(self, labels: Iterable[str]) -> bool:
        """A configured label, and not spam, deleted, a draft or a chat. A mail one sent to oneself has INBOX, too."""
        present = set(labels)
        return bool(present & set(self._settings.labels)) and not present & _UNWANTED


_RAW: Parameters = {"format": "raw", "fields": _FIELDS}


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
