"""Listing what is new in a folder: pure steps over a connection, each returning the state to store with its messages.

The state is per folder. UIDs only grow (RFC 3501, 2.3.1.1), so everything up to `last_uid` has been listed, but for
what a server under load makes visible late: the last 64 numbers are looked at again each time. Older mail that is
wanted too (history from a date, a folder that was numbered anew) is a `Backlog` that is listed in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from providers.base import Listed, ProviderError, Transient
from providers.imap.connection import Folder, ImapConnection
from providers.imap.errors import BadAnswer
from providers.imap.headers import Header
from providers.imap.locator import Locator

Origin = Literal["live", "history", "rescan"]

RESCAN_CAP = 500  # unknown messages of a folder that was numbered anew, above which a person is asked first
TAIL = 64  # UIDs below the last one that are looked at again each time
_PARKED = 100  # UIDs that are remembered as parked
_NO_HEADER = Header(None, None, None)
_RESCAN_MARGIN = timedelta(days=2)  # SINCE counts whole days in the server's own time zone
_FETCHED_AT_ONCE = 250  # Exchange Online refuses commands of more than some 4 KB
_LARGEST_WINDOW = 100_000  # UIDs that are searched at once: an answer of at most 1.1 MB


class Backlog(BaseModel):
    """Older mail still to be listed: UIDs over `after_uid` up to `until_uid` that arrived on `since` or later.

    `origin`: "history" of a mailbox connected from a date, "rescan" of a folder whose numbering was lost. A rescan
    first counts what is `unknown`; above the cap it is "held" until a person has answered.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    since: date
    after_uid: int = 0
    until_uid: int
    origin: Literal["history", "rescan"]
    stage: Literal["listing", "counting", "held"] = "listing"
    unknown: int = 0

    def counted(self, reached: Backlog | None, unknown: int) -> Backlog:
        """After `unknown` more messages that nobody knows: `reached` is the rest to count, None when all was seen."""
        total = self.unknown + unknown
        if total > RESCAN_CAP:
            return self.model_copy(update={"stage": "held", "unknown": total, "after_uid": 0})
        if reached is None:
            return self.model_copy(update={"stage": "listing", "unknown": total, "after_uid": 0})
        return reached.model_copy(update={"unknown": total})


class FolderState(BaseModel):
    """How far a folder has been listed. `listed_at` (aware): when it last moved.

    `tail`: bit n is set when UID `last_uid - n` was there or was listed; None before the first look. `anchor`: digest
    of the Message-ID at `last_uid`, by which a restored backup shows. `parked`: UIDs whose headers could not be read,
    with the reason; each is listed without them. `left_uid`: UIDs up to it were left alone, as a person wished.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    folder: str
    uidvalidity: int
    last_uid: int
    listed_at: datetime
    tail: int | None = None
    anchor: str | None = None
    parked: dict[int, str] = {}
    backlog: Backlog | None = None
    left_uid: int = 0

    def knows(self, uid: int) -> bool:
        """Whether a UID is no news; of those below the tail all are known."""
        if uid > self.last_uid:
            return False
        return self.tail is None or self.last_uid - uid >= TAIL or bool(self.tail >> (self.last_uid - uid) & 1)

    def with_seen(self, uids: Collection[int]) -> FolderState:
        """After these were listed, or found at the first look."""
        last = max(self.last_uid, *uids) if uids else self.last_uid
        tail = (self.tail or 0) << min(last - self.last_uid, TAIL)
        for uid in uids:
            if last - uid < TAIL:
                tail |= 1 << (last - uid)
        tail &= (1 << TAIL) - 1
        moved = {"listed_at": datetime.now(UTC)} if last > self.last_uid else {}
        return self.model_copy(update={"last_uid": last, "tail": tail, **moved})

    def parking(self, uid: int, reason: str) -> FolderState:
        """`uid` is not asked for its headers any more."""
        parked = dict([*self.parked.items(), (uid, reason)][-_PARKED:])
        return self.model_copy(update={"parked": parked})

    @property
    def held(self) -> bool:
        """Whether its backlog waits for a person's answer."""
        return self.backlog is not None and self.backlog.stage == "held"

    def released(self, *, take_in: bool) -> FolderState:
        """After the answer: the backlog is listed, or left alone for good."""
        if self.backlog is None:
            return self
        listing = self.backlog.model_copy(update={"stage": "listing", "after_uid": 0})
        left = {"backlog": None, "left_uid": self.backlog.until_uid}
        return self.model_copy(update={"backlog": listing} if take_in else left)

    def expects(self, uidvalidity: int, uid: int) -> bool:
        """Whether a message that is not listed is not missing: it is to be listed yet, asked about, or was left."""
        if uidvalidity != self.uidvalidity or uid <= self.left_uid:  # a new numbering is counted first
            return True
        if self.backlog is None or uid > self.backlog.until_uid:
            return False
        return self.backlog.stage != "listing" or uid > self.backlog.after_uid

    def rewound(self, since: date) -> FolderState:
        """Everything since a day is listed again, besides what was still to be; what is held waits on."""
        backlog = self.backlog or Backlog(since=since, until_uid=self.last_uid, origin="history")
        again = {"since": min(since, backlog.since), "after_uid": 0, "until_uid": self.last_uid}
        counting = {"unknown": 0} if backlog.stage == "counting" else {}
        update = {"backlog": backlog.model_copy(update=again | counting), "parked": {}}
        return self.model_copy(update=update if self.last_uid else {})


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one folder, and the state that is to be stored in the same transaction.

    `broke`: what ended the connection after they were listed, to be raised once they are stored.
    """

    state: FolderState
    messages: list[Listed]
    origin: Origin
    more: bool
    broke: ProviderError | None = None


def open_folder(connection: ImapConnection, name: str, state: FolderState | None, since: date | None) -> FolderState:
    """Opens the folder and returns the state to go on with.

    Without one it starts "from now", or has everything since `since` as its backlog. When the numbering was lost, the
    backlog is what arrived since the old state last moved; it is counted before anything of it is listed.
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

    The latter is believed only if the highest UID agrees, because some servers get UIDNEXT wrong. Where they went back
    and were given again meanwhile, the last message that was listed is another one now.
    """
    if folder.uidvalidity != state.uidvalidity:
        return True
    if folder.uidnext is not None and folder.uidnext <= state.last_uid and connection.last_uid() < folder.uidnext:
        return True
    if state.anchor is None or state.last_uid in state.parked:
        return False
    header = _headers(connection, [state.last_uid]).get(state.last_uid)
    return header is not None and header.message_id is not None and _anchor(header) != state.anchor


def _anchor(header: Header | None) -> str | None:
    if header is None or header.message_id is None:
        return None
    return hashlib.sha256(header.message_id.encode()).hexdigest()[:16]


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
    stage: Literal["listing", "counting"] = "counting" if origin == "rescan" else "listing"
    return Backlog(since=since, until_uid=until_uid, origin=origin, stage=stage)


class FetchBroke(Transient):
    """The connection broke while the headers of `uids` were fetched, as it does over a message that breaks a server."""

    def __init__(self, message: str, folder: str, uids: list[int]) -> None:
        super().__init__(message)
        self.folder = folder
        self.uids = uids


def list_new(connection: ImapConnection, state: FolderState, limit: int, *, singly: bool = False) -> Batch:
    """Up to `limit` messages that arrived after `state`; the folder is open on `connection`.

    `singly` asks for the headers one by one, to find out which message breaks the connection. Raises `FetchBroke`.
    """
    connection.take_exists()
    state, found, beyond = _new_uids(connection, state, limit)
    if not found and connection.take_exists():  # it arrived while the server searched, and will not be announced again
        state, found, beyond = _new_uids(connection, state, limit)
    if not found:
        return Batch(state, [], "live", more=False)
    chunk = found[:limit]
    headers = _existing(connection, state, chunk, singly=singly)
    more = beyond or len(found) > limit or connection.take_exists()
    anchor = {"anchor": _anchor(headers.get(chunk[-1]))} if chunk[-1] > state.last_uid else {}
    seen = state.with_seen(chunk).model_copy(update=anchor)
    return Batch(seen, list(_messages(state, chunk, headers)), "live", more)


def _new_uids(connection: ImapConnection, state: FolderState, limit: int) -> tuple[FolderState, list[int], bool]:
    """The UIDs that `state` does not know, ascending, and whether there may be more; the first look fills its tail.

    UIDNEXT, which some servers get wrong, only decides whether windows are needed; the last search has no upper bound.
    """
    uidnext = connection.selected.uidnext if connection.selected else None
    low, window, beyond = max(1, state.last_uid - TAIL + 1), TAIL + 10 * limit, True
    while True:
        if uidnext is None or low + window >= uidnext:
            found, beyond = connection.uids(low), False
        else:
            found = connection.uids(low, low + window - 1)
        if state.tail is None:
            state = state.with_seen([uid for uid in found if uid <= state.last_uid])
        if (new := [uid for uid in found if not state.knows(uid)]) or not beyond:
            return state, new, beyond
        low, window = low + window, min(2 * window, _LARGEST_WINDOW)


def list_backlog(
    connection: ImapConnection, state: FolderState, backlog: Backlog, limit: int, *, singly: bool = False
) -> Batch:
    """Up to `limit` messages of the backlog, oldest first; the folder is open on `connection`. As `list_new`."""
    low, window, found = backlog.after_uid + 1, 10 * limit, list[int]()
    high = backlog.after_uid
    while not found and high < backlog.until_uid:
        low, high = high + 1, min(high + window, backlog.until_uid)
        found = connection.uids_since(backlog.since, low, high)
        window = min(2 * window, _LARGEST_WINDOW)
    chunk = found[:limit]
    reached = chunk[-1] if len(found) > limit else high
    rest = backlog.model_copy(update={"after_uid": reached}) if reached < backlog.until_uid else None
    headers = _existing(connection, state, chunk, singly=singly)
    messages = list(_messages(state, chunk, headers))
    return Batch(state.model_copy(update={"backlog": rest}), messages, backlog.origin, more=rest is not None)


def _existing(connection: ImapConnection, state: FolderState, uids: list[int], *, singly: bool) -> dict[int, Header]:
    """Headers of those that exist; of those that are parked, empty ones."""
    wanted = [uid for uid in uids if uid not in state.parked]
    at_once = 1 if singly else _FETCHED_AT_ONCE
    headers: dict[int, Header] = {}
    for begin in range(0, len(wanted), at_once):
        headers |= _headers(connection, wanted[begin : begin + at_once])
    if missing := [uid for uid in uids if uid not in headers]:
        # Deleted meanwhile, or the server answered OK without data: what is still there must not be lost.
        connection.noop()
        for uid in set(missing).intersection(connection.uids(missing[0], missing[-1])):
            headers |= {uid: _NO_HEADER} | (_headers(connection, [uid]) if uid not in state.parked else {})
    return headers


def _headers(connection: ImapConnection, uids: list[int]) -> dict[int, Header]:
    """Headers by UID. A message whose headers the server cannot give has empty ones, and does not hide the others'."""
    if not uids:
        return {}
    try:
        return connection.headers(uids)
    except BadAnswer:
        if len(uids) == 1:
            return {uids[0]: _NO_HEADER}
    except Transient as error:
        assert connection.selected is not None
        raise FetchBroke(str(error), connection.selected.name, uids) from None
    middle = len(uids) // 2
    return _headers(connection, uids[:middle]) | _headers(connection, uids[middle:])


def _messages(state: FolderState, uids: Iterable[int], headers: dict[int, Header]) -> Iterable[Listed]:
    for uid in uids:
        if header := headers.get(uid):
            locator = Locator(state.folder, state.uidvalidity, uid).format()
            yield Listed(locator, header.message_id, header.size, header.received_at)
