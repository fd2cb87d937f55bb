"""IDLE (RFC 2177) without a thread: the event loop reads what the server announces.

Our own, because IMAPClient's `idle_check` misses what arrives together with the continuation request, takes half a
line for an error and the end of the connection for silence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from providers.base import Transient
from providers.imap.connection import ImapConnection

_HERE = re.compile(rb"\* \d+ (?:EXISTS|RECENT)\b", re.IGNORECASE)
_ELSEWHERE = re.compile(rb"\* STATUS ", re.IGNORECASE)  # what NOTIFY sends (RFC 5465, 5)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was announced: in the folder that is open, or in another one."""

    here: bool
    elsewhere: bool


class IdleRefused(Transient):
    """The server advertises IDLE but answers NO or BAD to it; the connection can go on."""


class IdleExchange:
    """What the server has said to one IDLE command; `line` takes its lines one by one."""

    def __init__(self, tag: str) -> None:
        self._tag = tag.encode("ascii") + b" "
        self.accepted = False
        self.here = False
        self.elsewhere = False
        self.completed: bytes | None = None
        self.closing = False

    def line(self, line: bytes) -> None:
        if line.startswith(b"+"):
            self.accepted = True
        elif line.startswith(self._tag):
            self.completed = line[len(self._tag) :].partition(b" ")[0].upper()
        elif line[:5].upper() == b"* BYE":
            self.closing = True
        elif _HERE.match(line):
            self.here = True
        elif _ELSEWHERE.match(line):
            self.elsewhere = True

    @property
    def announced(self) -> bool:
        return self.here or self.elsewhere


class IdleReader:
    """Waits in IDLE on one connection, again and again; belongs to the running event loop."""

    def __init__(self, connection: ImapConnection, answer_timeout: float) -> None:
        """`answer_timeout`: seconds within which the server has to accept IDLE, and to end it after DONE."""
        self._wire = connection.wire
        self._descriptor = connection.wire.sock.fileno()
        self._new_tag = connection.begin_idle
        self._answer_timeout = answer_timeout
        self._loop = asyncio.get_running_loop()
        self._exchange = IdleExchange("")
        self._waiter: asyncio.Future[bool] | None = None
        self._condition: Callable[[], bool] = bool

    async def wait(self, seconds: float) -> Heard:
        """Waits until the server announces a change, at most `seconds`, and returns what it announced.

        IDLE has ended afterwards, and the connection takes commands again. Raises `IdleRefused`, or `Transient` when
        the server closed the connection or does not answer.
        """
        tag = self._new_tag()
        exchange = self._exchange = IdleExchange(tag)
        self._wire.nonblocking()
        self._loop.add_reader(self._descriptor, self._readable)
        try:
            self._send(f"{tag} IDLE\r\n")
            self._readable()  # what arrived before IDLE began is in the buffer, where the loop does not see it
            await self._expect(lambda: exchange.accepted or exchange.completed is not None)
            if not exchange.accepted:
                raise IdleRefused("the mail server refused IDLE")
            await self._until(lambda: exchange.announced or exchange.completed is not None, seconds)
            if exchange.completed is None:
                self._send("DONE\r\n")
                await self._expect(lambda: exchange.completed is not None)
        finally:
            self._loop.remove_reader(self._descriptor)
        return Heard(exchange.here, exchange.elsewhere)

    def _send(self, line: str) -> None:
        try:
            self._wire.send_now(line.encode("ascii"))
        except OSError:
            raise Transient("the connection to the mail server is dead") from None

    async def _expect(self, condition: Callable[[], bool]) -> None:
        if not await self._until(condition, self._answer_timeout):
            raise Transient("the mail server does not answer in IDLE")

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Waits for the condition; False when `seconds` passed first. Raises `Transient` when the connection ends."""
        self._condition = condition
        if not self._settled():
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._wake, False)
            try:
                if not await self._waiter:
                    return False
            finally:
                timer.cancel()
                self._waiter = None
        if condition():
            return True
        raise Transient("the mail server closed the connection")

    def _settled(self) -> bool:
        return self._condition() or self._wire.eof or self._exchange.closing

    def _readable(self) -> None:
        """Reads all there is; keep-alives ("* OK Still here") end here and wake nobody."""
        for line in self._wire.lines():
            self._exchange.line(line)
        if self._wire.eof:
            self._loop.remove_reader(self._descriptor)  # or the loop would report it for ever
        if self._settled():
            self._wake(True)

    def _wake(self, settled: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(settled)
