"""Listing what is new in a folder: pure steps over a connection, each returning the state to store with its messages.

The state is per folder. UIDs only grow (RFC 3501, 2.3.1.1), so everything up to `last_uid` has been listed; older mail
that is wanted too (history from a date, a folder that was rebuilt) is a `Backlog` that is listed in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from providers.base import Listed
from providers.imap.connection import Folder, ImapConnection
from providers.imap.errors import BadAnswer
from providers.imap.headers import Header
from providers.imap.locator import Locator

Origin = Literal["live", "history", "rescan"]

_NO_HEADER = Header(None, None, None)
_RESCAN_MARGIN = timedelta(days=2)  # SINCE counts whole days in the server's own time zone
_FETCHED_AT_ONCE = 250  # Exchange Online refuses commands of more than some 4 KB
_LARGEST_WINDOW = 100_000  # UIDs that are searched at once: an answer of at most 1.1 MB


class Backlog(BaseModel):
    """Older mail still to be listed: UIDs over `after_uid` up to `until_uid` that arrived on `since` or later.

    `origin`: "history" of a mailbox connected from a date, "rescan" of a folder whose numbering was lost.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    since: date
    after_uid: int = 0
    until_uid: int
    origin: Literal["history", "rescan"]


class FolderState(BaseModel):
    """How far a folder has been listed. `listed_at` (aware): when it last moved."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    folder: str
    uidvalidity: int
    last_uid: int
    listed_at: datetime
    backlog: Backlog | None = None

    def listed_up_to(self, uid: int) -> FolderState:
        return self.model_copy(update={"last_uid": uid, "listed_at": datetime.now(UTC)})

    def rescanning(self, since: date) -> FolderState:
        """The state that lists again everything since `since`; what is known already is for the ledger to see."""
        if self.backlog is not None:
            since = min(since, self.backlog.since)
        return self.model_copy(update={"backlog": _backlog(since, self.last_uid, "rescan")})


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one folder, and the state that is to be stored in the same transaction."""

    state: FolderState
    messages: list[Listed]
    origin: Origin
    more: bool


def open_folder(connection: ImapConnection, name: str, state: FolderState | None, since: date | None) -> FolderState:
    """Opens the folder and returns the state to go on with.

    Without one it starts "from now", or has everything since `since` as its backlog. When the numbering was lost, the
    backlog is what arrived since the old state last moved.
    """
    folder = connection.examine(name)
    if state is None:
        return _new_state(connection, folder, since, "history")
    if not _renumbered(connection, folder, state):
        return state
    changed = (state.listed_at - _RESCAN_MARGIN).date()
    if state.backlog is not None:
        changed = min(changed, state.backlog.since)
    return _new_state(connection, folder, changed, "rescan")


def _renumbered(connection: ImapConnection, folder: Folder, state: FolderState) -> bool:
    """Whether UIDs mean other messages now: UIDVALIDITY changed, or the numbers went back, as after a restored backup.

    The latter is believed only if the highest UID agrees, because some servers get UIDNEXT wrong.
    """
    if folder.uidvalidity != state.uidvalidity:
        return True
    return folder.uidnext is not None and folder.uidnext <= state.last_uid and connection.last_uid() < folder.uidnext


def _new_state(
    connection: ImapConnection, folder: Folder, since: date | None, origin: Literal["history", "rescan"]
) -> FolderState:
    last = connection.last_uid() if folder.uidnext is None else folder.uidnext - 1
    return FolderState(
        folder=folder.name,
        uidvalidity=folder.uidvalidity,
        last_uid=last,
        listed_at=datetime.now(UTC),
        backlog=_backlog(since, last, origin),
    )


def _backlog(since: date | None, until_uid: int, origin: Literal["history", "rescan"]) -> Backlog | None:
    if since is None or until_uid == 0:
        return None
    return Backlog(since=since, until_uid=until_uid, origin=origin)


def list_new(connection: ImapConnection, state: FolderState, limit: int) -> Batch:
    """Up to `limit` messages that arrived after `state`; the folder is open on `connection`."""
    connection.take_exists()
    found, beyond = _new_uids(connection, state.last_uid + 1, limit)
    if not found and connection.take_exists():  # it arrived while the server searched, and will not be announced again
        found, beyond = _new_uids(connection, state.last_uid + 1, limit)
    if not found:
        return Batch(state, [], "live", more=False)
    chunk = found[:limit]
    messages = _listed(connection, state, chunk)
    more = beyond or len(found) > limit or connection.take_exists()
    return Batch(state.listed_up_to(chunk[-1]), messages, "live", more)


def _new_uids(connection: ImapConnection, low: int, limit: int) -> tuple[list[int], bool]:
    """UIDs from `low` on, and whether there may be more than these.

    UIDNEXT, which some servers get wrong, only decides whether windows are needed; the last search has no upper bound.
    """
    uidnext = connection.selected.uidnext if connection.selected else None
    window = 10 * limit
    while uidnext is not None and low + window < uidnext:
        if found := connection.uids(low, low + window - 1):
            return found, True
        low += window
        window = min(2 * window, _LARGEST_WINDOW)
    return connection.uids(low), False


def list_backlog(connection: ImapConnection, state: FolderState, backlog: Backlog, limit: int) -> Batch:
    """Up to `limit` messages of the backlog, oldest first; the folder is open on `connection`."""
    low, window, found = backlog.after_uid + 1, 10 * limit, list[int]()
    high = backlog.after_uid
    while not found and high < backlog.until_uid:
        low, high = high + 1, min(high + window, backlog.until_uid)
        found = connection.uids_since(backlog.since, low, high)
        window = min(2 * window, _LARGEST_WINDOW)
    chunk = found[:limit]
    reached = chunk[-1] if len(found) > limit else high
    rest = backlog.model_copy(update={"after_uid": reached}) if reached < backlog.until_uid else None
    messages = _listed(connection, state, chunk)
    return Batch(state.model_copy(update={"backlog": rest}), messages, backlog.origin, more=rest is not None)


def _listed(connection: ImapConnection, state: FolderState, uids: list[int]) -> list[Listed]:
    headers = _headers(connection, uids)
    if missing := [uid for uid in uids if uid not in headers]:
        # Deleted meanwhile, or the server answered OK without data: what is still there must not be lost.
        connection.noop()
        for uid in set(missing).intersection(connection.uids(missing[0], missing[-1])):
            headers |= {uid: _NO_HEADER} | _headers(connection, [uid])
    return list(_messages(state, uids, headers))


def _headers(connection: ImapConnection, uids: list[int]) -> dict[int, Header]:
    """Headers by UID. A message whose headers the server cannot give has empty ones, and does not hide the others'."""
    if not uids:
        return {}
    if len(uids) <= _FETCHED_AT_ONCE:
        try:
            return connection.headers(uids)
        except BadAnswer:
            if len(uids) == 1:
                return {uids[0]: _NO_HEADER}
    middle = len(uids) // 2
    return _headers(connection, uids[:middle]) | _headers(connection, uids[middle:])


def _messages(state: FolderState, uids: Iterable[int], headers: dict[int, Header]) -> Iterable[Listed]:
    for uid in uids:
        if header := headers.get(uid):
            locator = Locator(state.folder, state.uidvalidity, uid).format()
            yield Listed(locator, header.message_id, header.size, header.received_at)
