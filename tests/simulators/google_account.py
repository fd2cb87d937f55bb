"""One Gmail account: messages, labels, and the history of their changes."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any


@dataclass
class Message:
    """`internal_date` in epoch milliseconds."""

    message_id: str
    raw: bytes
    labels: set[str]
    internal_date: int
    history_id: int
    thread_id: str = ""

    def __post_init__(self) -> None:
        # Gmail names a conversation after its first message.
        self.thread_id = self.thread_id or self.message_id

    def document(self, form: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": self.message_id,
            "threadId": self.thread_id,
            "labelIds": sorted(self.labels),
            "snippet": 'He said "raw": "aGk", twice',
            "historyId": str(self.history_id),
            "internalDate": str(self.internal_date),
            "sizeEstimate": len(self.raw),
        }
        if form == "metadata":
            headers = message_from_bytes(self.raw).items()
            document["payload"] = {"headers": [{"name": name, "value": str(value)} for name, value in headers]}
        if form == "raw":
            document["raw"] = base64.urlsafe_b64encode(self.raw).decode()
        return document


@dataclass
class Account:
    """`changed` is told of every change with the new history id. Ids of changes skip numbers, as Gmail's do."""

    address: str
    changed: Callable[[Account], None] = lambda account: None
    messages: dict[str, Message] = field(default_factory=dict)
    # By the clock, as the ids of messages: an account that starts anew repeats nothing of an earlier one.
    history_id: int = field(default_factory=lambda: int(time.time()) * 1000)
    watch_topic: str | None = None
    watches: int = 0
    # Watches made by another topic of the same project refuse ours until stop is called.
    watched_elsewhere: bool = False
    enabled: bool = True
    # How many of the youngest changes history.list does not show yet, although they were notified.
    lag: int = 0
    _history: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    _oldest: int = 0
    _made: int = field(default_factory=lambda: int(time.time() * 1000) & 0xFFFF_FFFF)

    def __post_init__(self) -> None:
        self._oldest = self.history_id

    def deliver(
        self, raw: bytes, labels: Iterable[str] = ("INBOX", "UNREAD"), *, age: float = 0, thread: str = ""
    ) -> str:
        """A new message, received `age` seconds ago, in the conversation `thread` or one of its own; returns its id."""
        self._made += 1
        message_id = f"{0x18F0_0000_0000_0000 + self._made:016x}"
        internal_date = int((time.time() - age) * 1000)
        history_id = self._next()
        message = Message(message_id, raw, set(labels), internal_date, history_id, thread)
        self.messages[message_id] = message
        self._record(history_id, "messagesAdded", [{"message": self._short(message)}])
        return message_id

    def label(self, message_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        message = self.messages[message_id]
        message.labels |= set(add)
        message.labels -= set(remove)
        for kind, labels in (("labelsAdded", add), ("labelsRemoved", remove)):
            if labels:
                message.history_id = self._next()
                self._record(message.history_id, kind, [{"message": self._short(message), "labelIds": sorted(labels)}])

    def delete(self, message_id: str) -> None:
        message = self.messages.pop(message_id)
        self._record(self._next(), "messagesDeleted", [{"message": self._short(message)}])

    def expire_history(self) -> None:
        """From now on Gmail has forgotten every change so far."""
        self._oldest = self._next()
        self._history.clear()

    def history(self, start: int, kinds: list[str], limit: int, offset: int) -> dict[str, Any] | None:
        """A page of history.list; None where the start is too old. A page may have a token and no history."""
        if start < self._oldest:
            return None
        visible = self._history[: len(self._history) - self.lag] if self.lag else self._history
        later = [(number, record) for number, record in visible if number > start]
        page = later[offset : offset + limit]
        shown = [record for _, record in page if not kinds or any(_KINDS[kind] in record for kind in kinds)]
        latest = self.history_id if not self.lag else visible[-1][0] if visible else start
        answer: dict[str, Any] = {"historyId": str(max(latest, start))}
        if shown:
            answer["history"] = shown
        if offset + limit < len(later):
            answer["nextPageToken"] = str(offset + limit)
        return answer

    def listing(self, after: int, labels: list[str], spam_trash: bool, limit: int, offset: int) -> dict[str, Any]:
        """A page of messages.list, newest first."""
        found = [
            message
            for message in self.messages.values()
            if message.internal_date / 1000 > after
            and set(labels) <= message.labels
            and (spam_trash or not message.labels & {"SPAM", "TRASH"})
        ]
        found.sort(key=lambda message: -message.internal_date)
        page = found[offset : offset + limit]
        answer: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if page:
            answer["messages"] = [{"id": m.message_id, "threadId": m.thread_id} for m in page]
        if offset + limit < len(found):
            answer["nextPageToken"] = str(offset + limit)
        return answer

    def _next(self) -> int:
        self.history_id += 7
        return self.history_id

    def _record(self, history_id: int, kind: str, entries: list[dict[str, Any]]) -> None:
        record = {"id": str(history_id), "messages": [entry["message"] for entry in entries], kind: entries}
        self._history.append((history_id, record))
        self.changed(self)

    @staticmethod
    def _short(message: Message) -> dict[str, Any]:
        return {"id": message.message_id, "threadId": message.thread_id, "labelIds": sorted(message.labels)}


_KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
