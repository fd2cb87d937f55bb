"""The life of one watched mailbox: connect, list what is new, wait in IDLE, and begin again when the line breaks."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal, Protocol, TypeVar

from providers.base import AuthFailed, Listed, Permanent, ProviderError, RateLimited, Transient
from providers.imap.ahead import read_ahead
from providers.imap.connection import ImapConnection, Timeouts, Unreachable
from providers.imap.errors import BadAnswer, FolderMissing
from providers.imap.hosts import Host
from providers.imap.idle import Heard, IdleReader, IdleRefused
from providers.imap.settings import Credentials, ImapSettings, Secret
from providers.imap.sync import Batch, FetchBroke, FolderState, Origin, list_backlog, list_new, open_folder
from providers.imap.threads import call, open_connection

_log = logging.getLogger(__name__)
T = TypeVar("T")

_AUTH_ATTEMPTS = 3
_BREAKS = 3  # connections that a message may break before it is parked
_SINGLY = 20  # messages in a batch while the one that breaks connections is looked for
# Servers that end an IDLE sooner than the usual half hour; seconds after which it is renewed there.
_RENEW_SOONER = {"yahoo.com": 150, "aol.com": 150, "163.com": 45, "126.com": 45, "qq.com": 45, "rambler.ru": 45}


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds. `renew` and `poll`: between looks at a server with and without IDLE; `folders`: between looks at the
    folders beside the one in IDLE; `answer`: for it to answer IDLE or DONE; `backoff`: the first pause after a failure,
    doubled up to `backoff_cap`, and forgotten after `stable`; `probe`: between tries at a server that is down; `auth`,
    `throttled`, `permanent`: the pauses after refused credentials, throttling, and what only a person can mend;
    `token_margin`: how long before its access token ends a connection is renewed; `backlog`: until there
    may be room for more of the history.
    """

    renew: float = 270
    poll: float = 60
    folders: float = 60
    answer: float = 30
    backoff: float = 1
    backoff_cap: float = 30
    stable: float = 120
    probe: float = 1
    auth: float = 30
    throttled: float = 60
    throttled_cap: float = 900
    permanent: float = 300
    token_margin: float = 120
    backlog: float = 2


DEFAULT_TIMERS = Timers()

State = Literal["connecting", "listing", "idle", "polling", "backoff", "rate_limited", "failed", "needs_reauth"]


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """`error`: class name of the last failure, None once it is over; `detail` says it to a person.

    `synced_at` (aware): when everything the server had was last known to be listed; now minus it is the lag.
    """

    state: State = "connecting"
    error: str | None = None
    detail: str = ""
    synced_at: datetime | None = None

    @property
    def connected(self) -> bool:
        """Whether new mail is heard, or looked for."""
        return listens(self.state)

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.state}: {self.detail}" if self.detail else self.state


def listens(status: str) -> bool:
    """Whether a mailbox with this `MailboxStatus.text` is connected."""
    return status.partition(":")[0] in ("idle", "polling", "listing")


class Sink(Protocol):
    """Where the listener delivers. Calls for one mailbox never overlap; one that raises is made again."""

    async def listed(self, mailbox_id: str, state: FolderState, messages: Sequence[Listed], origin: Origin) -> None:
        """Commits the messages and the folder's state in one transaction; one whose backlog is `held` asks a person.

        The same message may be listed again after a crash: the ledger has to know it by its locator.
        """
        ...

    async def unknown(self, mailbox_id: str, messages: Sequence[Listed]) -> int:
        """How many of these messages of a folder that was numbered anew the mailbox never had."""
        ...

    async def room(self, mailbox_id: str) -> int:
        """How many more messages of the backlog may be listed now; none below 1."""
        ...

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        """Called when `state`, `error` or `detail` changed."""
        ...

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        """The credentials were refused three times; the mailbox rests until it is replaced."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What all watches of a listener share."""

    sink: Sink
    logins: Executor
    work: Executor
    timers: Timers
    timeouts: Timeouts
    allow_private: bool
    batch: int


class Watch:
    """One mailbox; `run` returns only when its credentials are refused for good."""

    def __init__(
        self,
        mailbox_id: str,
        settings: ImapSettings,
        credentials: Credentials,
        states: Sequence[FolderState],
        host: Host,
        tools: Tools,
    ) -> None:
        self.status = MailboxStatus()
        self._mailbox_id = mailbox_id
        self._settings = settings
        self._credentials = credentials
        self._states = {state.folder: state for state in states}
        self._host = host
        self._tools = tools
        self._timers = tools.timers
        self._renew = min(tools.timers.renew, _RENEW_SOONER.get(_domain(settings.host), tools.timers.renew))
        self._looked_at = 0.0
        self._failures = 0
        self._auth_failures = 0
        self._breaks: dict[tuple[str, int], int] = {}
        self._singly: set[str] = set()
        self._counts: dict[str, int] = {}
        self._missing: set[str] = set()

    async def run(self) -> None:
        """Watches until cancelled, or until three logins in a row were refused."""
        loop = asyncio.get_running_loop()
        while self._auth_failures < _AUTH_ATTEMPTS:
            began = loop.time()
            failure: ProviderError
            try:
                await self._session()
                continue  # the access token ends: begin again with a new one
            except ProviderError as error:
                if isinstance(error, FetchBroke):
                    self._suspect(error)
                failure = _bare(error)
            except Exception as error:  # a defect met by one mailbox must not end its watch
                _log.exception("watching mailbox %s failed", self._mailbox_id)
                failure = Transient(type(error).__name__)
            if loop.time() - began >= self._timers.stable:
                self._failures = 0
            self._failures += 1
            await self._after(failure)
        await self._persist(lambda: self._tools.sink.auth_failed(self._mailbox_id, self.status.detail))

    async def _session(self) -> None:
        """One connection, from login until it fails or its access token is about to end."""
        secret = await self._credentials.secret(refused=self._auth_failures > 0)
        ends = self._token_ends(secret)
        if self._host.down:
            await self._report("backoff", Unreachable("the mail server is down; the mailbox waits for its return"))
        async with self._host.attempt():
            connection = await open_connection(
                self._tools.logins, self._settings, secret.value,
                allow_private=self._tools.allow_private, timeouts=self._tools.timeouts,
            )  # fmt: skip
        try:
            idle_folder = await self._list_all(connection)
            self._auth_failures = 0
            if len(self._settings.folders) > 1 and "NOTIFY" in connection.capabilities:
                with suppress(BadAnswer):  # advertised, but not meant
                    await call(self._tools.work, connection, connection.notify, self._settings.folders)
            reader = IdleReader(connection, self._timers.answer)
            while (remaining := ends - asyncio.get_running_loop().time()) > 0:
                backlog = await self._advance_backlogs(connection, idle_folder)
                if backlog != "moved":
                    seconds = min(remaining, self._timers.backlog) if backlog == "waits" else remaining
                    await self._wait_and_list(connection, reader, idle_folder, seconds)
        finally:
            connection.close()

    def _suspect(self, broke: FetchBroke) -> None:
        """Parks the message that breaks one connection after the other, so that the others flow."""
        if len(broke.uids) > 1:
            self._singly.add(broke.folder)
            return
        where = (broke.folder, broke.uids[0])
        self._breaks[where] = self._breaks.get(where, 0) + 1
        if self._breaks[where] >= _BREAKS and (state := self._states.get(broke.folder)):
            self._states[broke.folder] = state.parking(broke.uids[0], str(broke))
            self._breaks.clear()

    def _unsuspect(self, name: str) -> None:
        """What was suspected in a folder has been listed."""
        self._singly.discard(name)
        for where in [where for where in self._breaks if where[0] == name]:
            del self._breaks[where]

    async def _list_all(self, connection: ImapConnection) -> str:
        """Lists every folder; the first one that exists is open afterwards, and its name is returned."""
        missing: FolderMissing | None = None
        opened: str | None = None
        for name in reversed(self._settings.folders):
            try:
                await self._list(connection, name)
                opened = name
            except FolderMissing as error:
                missing = error
        if opened is None:
            raise missing or FolderMissing("the mailbox has no folder to read")
        if not connection.has_open(opened):  # the last folder tried does not exist
            await self._list(connection, opened)
        self._looked_at = asyncio.get_running_loop().time()
        self._synced()
        return opened

    async def _wait_and_list(
        self, connection: ImapConnection, reader: IdleReader, idle_folder: str, seconds: float
    ) -> None:
        """Waits for an announcement or for the time to look without one, then lists what is new."""
        clock = asyncio.get_running_loop().time
        several = len(self._settings.folders) > 1
        interval = min(self._timers.folders if several else self._timers.renew, self._renew)
        heard = await self._wait(connection, reader, interval, seconds)
        if heard.here:
            self._host.announced()
            await self._list(connection, idle_folder)
        elsewhere = heard.elsewhere or connection.take_elsewhere()
        if elsewhere or not heard.here or clock() - self._looked_at >= interval:
            await self._look(connection, idle_folder, doubting=seconds >= interval)
            if connection.take_elsewhere():  # announced while we looked, and not again in IDLE
                await self._look(connection, idle_folder, doubting=False)
            self._looked_at = clock()
        self._synced()

    async def _wait(self, connection: ImapConnection, reader: IdleReader, interval: float, seconds: float) -> Heard:
        """Waits in IDLE or, where that does not work, for the next poll; returns what the server announced."""
        if "IDLE" in connection.capabilities and self._host.idle_works:
            await self._report("listing" if any(map(self._listing_backlog, self._settings.folders)) else "idle")
            try:
                return await reader.wait(min(_jittered(interval), seconds))
            except IdleRefused:
                self._host.idle_refused()
        await self._report("polling")
        await asyncio.sleep(min(_jittered(self._timers.poll), seconds))
        return Heard(here=False, elsewhere=False)

    async def _look(self, connection: ImapConnection, idle_folder: str, *, doubting: bool) -> None:
        """Asks for every folder's UIDVALIDITY and UIDNEXT by its name, and lists those that moved.

        `doubting`: the server had time to announce what is found in the open folder.

        The open folder is opened anew: of it STATUS tells only what this connection knows already, and IDLE never
        says that it was renamed away or deleted, and another one made in its place.
        """
        connection.take_elsewhere()
        for name in self._settings.folders:
            try:
                found = await self._moved(connection, name) and await self._list(connection, name)
                self._missing.discard(name)
                if found and doubting and name == idle_folder:
                    self._host.unannounced()
            except FolderMissing:
                self._missing.add(name)
                if name == idle_folder:
                    raise
        if not connection.has_open(idle_folder):
            await self._list(connection, idle_folder)

    async def _moved(self, connection: ImapConnection, name: str) -> bool:
        """Whether a folder may have something that was not listed, also below the last UID."""
        if connection.has_open(name):
            await call(self._tools.work, connection, connection.examine, name)
            return True
        now = await call(self._tools.work, connection, connection.status, name)
        state, before = self._states.get(name), self._counts.get(name)
        if now.messages is not None:
            self._counts[name] = now.messages
        if state is None or state.uidvalidity != now.uidvalidity or now.uidnext is None:
            return True
        return now.uidnext > state.last_uid + 1 or now.messages != before

    async def _list(self, connection: ImapConnection, name: str) -> bool:
        """Lists and commits all that is new in a folder, which is open afterwards; whether anything was new."""
        found = False
        while True:
            try:
                batch = await call(self._tools.work, connection, self._next_batch, connection, name)
            except FolderMissing:
                self._missing.add(name)
                raise
            self._missing.discard(name)
            await self._commit(batch)
            if batch.broke is not None:
                raise batch.broke
            found = found or bool(batch.messages)
            if not batch.more:
                break
        if not self._listing_backlog(name):
            self._unsuspect(name)
        return found

    def _next_batch(self, connection: ImapConnection, name: str) -> Batch:
        state, opened = self._states.get(name), connection.selected
        if not (state and opened and (opened.name, opened.uidvalidity) == (name, state.uidvalidity)):
            state = open_folder(connection, name, state, self._settings.since)
        singly = name in self._singly
        batch = list_new(connection, state, _SINGLY if singly else self._tools.batch, singly=singly)
        return read_ahead(connection, batch)

    async def _advance_backlogs(
        self, connection: ImapConnection, idle_folder: str
    ) -> Literal["moved", "waits", "none"]:
        """Lists one batch of each folder's backlog, and then what is new; "waits" when there is no room for more."""
        outcomes = set()
        for name in filter(self._listing_backlog, self._settings.folders):
            backlog = self._states[name].backlog
            room = self._tools.batch
            if backlog is not None and backlog.stage == "listing":
                room = min(room, await self._persist(lambda: self._tools.sink.room(self._mailbox_id)))
            outcomes.add("moved" if room > 0 else "waits")
            if room > 0:
                await self._report("listing")
                try:
                    await self._advance_backlog(connection, name, room)
                except FolderMissing:  # `_look` notices when it is back
                    if name == idle_folder:
                        raise
        if "moved" in outcomes:
            await self._list(connection, idle_folder)
            return "moved"
        return "waits" if outcomes else "none"

    def _listing_backlog(self, name: str) -> bool:
        """Whether a folder has older mail that is to be listed, is there, and need not wait for anybody."""
        state = self._states.get(name)
        return state is not None and state.backlog is not None and not state.held and name not in self._missing

    async def _advance_backlog(self, connection: ImapConnection, name: str, limit: int) -> None:
        await self._list(connection, name)
        state = self._states[name]
        if state.backlog is None or state.held:
            return
        singly = name in self._singly
        if singly:
            limit = min(limit, _SINGLY)
        batch = await call(
            self._tools.work, connection, partial(list_backlog, connection, state, state.backlog, limit, singly=singly)
        )
        if state.backlog.stage == "counting":
            unknown = await self._persist(lambda: self._tools.sink.unknown(self._mailbox_id, batch.messages))
            counted = state.model_copy(update={"backlog": state.backlog.counted(batch.state.backlog, unknown)})
            batch = Batch(counted, [], batch.origin, more=True)
        await self._commit(batch)
        self._unsuspect(name)

    async def _commit(self, batch: Batch) -> None:
        if batch.state == self._states.get(batch.state.folder) and not batch.messages:
            return
        await self._persist(
            lambda: self._tools.sink.listed(self._mailbox_id, batch.state, batch.messages, batch.origin)
        )
        self._states[batch.state.folder] = batch.state

    async def _persist(self, action: Callable[[], Awaitable[T]]) -> T:
        """Calls the sink until it succeeds: nothing is skipped because a database was away."""
        attempt = 0
        while True:
            try:
                return await action()
            except Exception as error:  # whatever failed above, the answer is to try again
                attempt += 1
                _log.warning("storing for mailbox %s failed: %s", self._mailbox_id, type(error).__name__)
            await asyncio.sleep(self._backoff(attempt))

    async def _after(self, failure: ProviderError) -> None:
        """Reports a failure and waits as long as its kind asks for."""
        timers = self._timers
        if isinstance(failure, AuthFailed):
            self._auth_failures += 1
            final = self._auth_failures >= _AUTH_ATTEMPTS
            await self._report("needs_reauth" if final else "backoff", failure)
            await asyncio.sleep(0 if final else _jittered(timers.auth * 2 ** (self._auth_failures - 1)))
        elif isinstance(failure, RateLimited):
            await self._report("rate_limited", failure)
            pause = min(timers.throttled_cap, timers.throttled * 2 ** min(self._failures - 1, 10))
            if failure.until is not None:
                pause = max(0.0, (failure.until - datetime.now(UTC)).total_seconds())
            await asyncio.sleep(_jittered(pause))
        elif isinstance(failure, Permanent):
            await self._report("failed", failure)
            await asyncio.sleep(_jittered(timers.permanent))
        else:
            if self._failures > 1:  # a single broken connection is everyday life
                await self._report("backoff", failure)
            await self._host.pause(self._backoff(self._failures))

    def _backoff(self, attempt: int) -> float:
        return _uniform(0, min(self._timers.backoff_cap, self._timers.backoff * 2 ** min(attempt - 1, 10)))

    async def _report(self, state: State, failure: ProviderError | None = None) -> None:
        """Keeps the status, and tells the sink when it changed; a sink that cannot hear it now hears the next one."""
        error = type(failure).__name__ if failure else None
        detail = str(failure or self._note())
        if (state, error, detail) == (self.status.state, self.status.error, self.status.detail):
            return
        self.status = replace(self.status, state=state, error=error, detail=detail)
        try:
            await self._tools.sink.status(self._mailbox_id, self.status)
        except Exception as broken:
            _log.warning("the status of mailbox %s was not stored: %s", self._mailbox_id, type(broken).__name__)

    def _note(self) -> str:
        """What a person should know of a mailbox that works."""
        states = [state for name in self._settings.folders if (state := self._states.get(name))]
        held = [state.folder for state in states if state.held]
        parked = sum(len(state.parked) for state in states)
        notes = [f"{', '.join(held)} was numbered anew, and waits for an answer in the task inbox"] if held else []
        if missing := [name for name in self._settings.folders if name in self._missing]:
            notes.append(f"there is no folder {', '.join(missing)}")
        if parked:
            notes.append(f"{parked} message(s) break the connection and were listed without headers")
        return "; ".join(notes)

    def _synced(self) -> None:
        self.status = replace(self.status, synced_at=datetime.now(UTC))

    def _token_ends(self, secret: Secret) -> float:
        """The time of the loop's clock at which the connection is to be renewed."""
        if secret.expires_at is None:
            return float("inf")
        life = (secret.expires_at - datetime.now(UTC)).total_seconds()
        return asyncio.get_running_loop().time() + max(life - self._timers.token_margin, life / 2, self._timers.backoff)


def _bare(failure: ProviderError) -> ProviderError:
    """Without the frames that it came through: they would keep the broken connection until the next failure."""
    failure.__traceback__ = failure.__context__ = None
    return failure


def _jittered(seconds: float) -> float:
    return seconds * _uniform(0.8, 1.2)


def _uniform(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311 - spreading load is no secret


def _domain(host: str) -> str:
    return ".".join(host.lower().split(".")[-2:])
