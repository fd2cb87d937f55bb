"""One Exchange mailbox as Graph shows it: folders, messages with mutable and immutable ids, delta."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any


@dataclass
class Item:
    """`number` makes the immutable id; the mutable one changes with every move."""

    number: int
    raw: bytes
    folder: str
    received: datetime
    draft: bool = False
    moves: int = 0
    conversation: str = ""

    def identity(self, owner: str, *, immutable: bool) -> str:
        name = f"{owner}/{self.number}" if immutable else f"{owner}/{self.folder}/{self.number}/{self.moves}"
        return ("AAkALg" if immutable else "AQMkAD") + base64.urlsafe_b64encode(name.encode()).decode()


@dataclass
class Mailbox:
    """`created` is told of each item that appears in a folder, and with what change of the delta."""

    user: str
    created: Callable[[Mailbox, Item], None] = lambda mailbox, item: None
    items: dict[int, Item] = field(default_factory=dict)
    folders: tuple[str, ...] = ("inbox", "archive", "junkemail", "drafts")
    # Delta links of another epoch are lost. By the clock, so that a mailbox that starts anew repeats no id.
    epoch: int = field(default_factory=lambda: int(time.time()))
    log: list[tuple[str, int, str]] = field(default_factory=list)
    # How many messages a delta with a filter gives until its first end, whatever else there is.
    filtered_limit: int = 5000
    # How many next links of the plain listing have expired when they are followed.
    lost_links: int = 0

    def deliver(
        self, raw: bytes, folder: str = "inbox", *, age: float = 0, draft: bool = False, conversation: str = ""
    ) -> Item:
        """A new message, received `age` seconds ago, in this conversation or one of its own."""
        number, received = self.epoch * 100_000 + len(self.log) + 1, datetime.fromtimestamp(time.time() - age, UTC)
        item = Item(number, raw, folder, received, draft, conversation=conversation or f"AAQkAD{number}=")
        self.items[item.number] = item
        self.log.append((folder, item.number, "created"))
        self.created(self, item)
        return item

    def move(self, item: Item, folder: str) -> None:
        self.log.append((item.folder, item.number, "removed"))
        item.folder, item.moves = folder, item.moves + 1
        self.log.append((folder, item.number, "created"))
        self.created(self, item)

    def delete(self, item: Item) -> None:
        del self.items[item.number]
        self.log.append((item.folder, item.number, "removed"))

    def expire_delta(self) -> None:
        """Every link given out so far is lost."""
        self.epoch += 1

    def delta(
        self, folder: str, start: int, since: datetime | None, limit: int, *, immutable: bool
    ) -> tuple[list[dict[str, Any]], int]:
        """Entries of the change log from `start` on, and where the next page begins."""
        page = self.log[start : start + limit]
        values = []
        for where, number, what in page:
            item = self.items.get(number)
            if where != folder:
                continue
            if item is None or what == "removed" or item.folder != folder:
                gone = item or Item(number, b"", folder, datetime.now(UTC))
                values.append({"id": gone.identity(self.user, immutable=immutable), "@removed": {"reason": "deleted"}})
            elif since is None or item.received >= since:
                values.append(self.document(item, immutable=immutable))
        return values, start + len(page)

    def listing(
        self, folder: str, since: datetime, start: int, limit: int, *, immutable: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """A page of what was received since, the oldest first, and whether there is more."""
        found = [item for item in self.items.values() if item.folder == folder and item.received >= since]
        found.sort(key=lambda item: item.received)
        page = found[start : start + limit]
        return [self.document(item, immutable=immutable) for item in page], start + limit < len(found)

    def find(self, message_id: str) -> Item | None:
        for item in self.items.values():
            if message_id in (item.identity(self.user, immutable=True), item.identity(self.user, immutable=False)):
                return item
        return None

    def document(self, item: Item, *, immutable: bool) -> dict[str, Any]:
        return {
            "@odata.etag": f'W/"{item.moves}"',
            "id": item.identity(self.user, immutable=immutable),
            "internetMessageId": message_from_bytes(item.raw)["Message-ID"],
            "conversationId": item.conversation,
            "receivedDateTime": item.received.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "parentFolderId": item.folder,
            "isDraft": item.draft,
        }
