"""The IMAP server of `postroom dev --demo`: one user, one INBOX, kept as files in a directory.

It speaks the part of IMAP4rev1 (RFC 3501) and IDLE (RFC 2177) that a mail client needs to drop mail and to watch for
it, on the loopback interface, in plain text. Nothing is ever expunged, so message sequence numbers only grow.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

LINE_LIMIT = 64 * 1024
LITERAL_LIMIT = 64 * 1024 * 1024
CAPABILITIES = b"IMAP4rev1 IDLE LITERAL+"
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_TOKEN = re.compile(rb'\s*(?:"((?:[^"\\]|\\.)*)"|([()])|([^\s()"\[]+(?:\[[^\]]*\])?(?:<\d+\.\d+>)?))')
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_SECTION = re.compile(rb"BODY(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?$", re.IGNORECASE)

Token = bytes | list["Token"]


class BadCommand(Exception):
    """The client's command is malformed or unknown; it gets a tagged BAD."""


class Inbox:
    """The mailbox on disk: `<uid>.eml` files and `uidvalidity`; the file's mtime is the INTERNALDATE."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.uids = sorted(int(path.stem) for path in directory.glob("*.eml"))
        self.changed = asyncio.Condition()
        marker = directory / "uidvalidity"
        if not marker.exists():
            marker.write_text(str(int(time.time())))
        self.uidvalidity = int(marker.read_text())

    @property
    def uidnext(self) -> int:
        return self.uids[-1] + 1 if self.uids else 1

    def path(self, uid: int) -> Path:
        return self._directory / f"{uid}.eml"

    def received(self, uid: int) -> datetime:
        return datetime.fromtimestamp(self.path(uid).stat().st_mtime, tz=UTC)

    async def append(self, raw: bytes) -> int:
        """Stores one message durably and wakes everyone in IDLE; returns its UID."""
        uid = self.uidnext
        partial = self._directory / f"{uid}.partial"
        with partial.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path(uid))
        self.uids.append(uid)
        async with self.changed:
            self.changed.notify_all()
        return uid


class Session:
    """One client connection: reads commands, answers them in order."""

    def __init__(
        self, inbox: Inbox, user: bytes, password: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._inbox, self._user, self._password = inbox, user, password
        self._reader, self._writer = reader, writer
        self._authenticated = self._selected = False
        self._announced = 0

    async def run(self) -> None:
        self._send(b"* OK [CAPABILITY %s] postroom demo" % CAPABILITIES)
        while (command := await self._read_command()) is not None:
            tag, name, arguments = command
            try:
                answer = await self._execute(name, arguments)
            except BadCommand as error:
                answer = b"BAD " + str(error).encode()
            self._announce()
            self._send(tag + b" " + answer)
            await self._writer.drain()
            if name == b"LOGOUT":
                return

    def _send(self, line: bytes) -> None:
        self._writer.write(line + b"\r\n")

    def _announce(self) -> None:
        """Untagged EXISTS for what arrived since the client was last told."""
        if self._selected and self._announced != len(self._inbox.uids):
            self._announced = len(self._inbox.uids)
            self._send(b"* %d EXISTS" % self._announced)

    async def _read_command(self) -> tuple[bytes, bytes, list[Token]] | None:
        """One command with its literals; None at the end of the connection."""
        flat: list[bytes | str] = []
        while True:
            line = (await self._reader.readline()).rstrip(b"\r\n")
            if not line and self._reader.at_eof():
                return None
            literal = _LITERAL.search(line)
            flat += _tokens(line[: literal.start()] if literal else line)
            if literal is None:
                break
            size = int(literal[1])
            if size > LITERAL_LIMIT:
                return None
            if not literal[2]:
                self._send(b"+ go on")
            flat.append(await self._reader.readexactly(size))
        tree = _nest(iter(flat))
        if len(tree) < 2 or not isinstance(tree[0], bytes) or not isinstance(tree[1], bytes):
            return b"*", b"", []
        return tree[0], tree[1].upper(), tree[2:]

    async def _execute(self, name: bytes, arguments: list[Token]) -> bytes:
        by_uid = name == b"UID" and bool(arguments)
        if by_uid:
            name, arguments = _atom(arguments[0]).upper(), arguments[1:]
        if name in (b"CAPABILITY", b"NOOP", b"LOGOUT", b"LOGIN"):
            return self._any_state(name, arguments)
        if not self._authenticated:
            return b"NO log in first"
        if name in (b"SELECT", b"EXAMINE", b"STATUS", b"LIST", b"APPEND"):
            return await self._with_inbox(name, arguments)
        if not self._selected:
            return b"NO select a mailbox first"
        if name == b"IDLE":
            return await self._idle()
        if name == b"SEARCH":
            return self._search(arguments, by_uid)
        if name == b"FETCH":
            return self._fetch(arguments, by_uid)
        raise BadCommand("unknown command")

    def _any_state(self, name: bytes, arguments: list[Token]) -> bytes:
        if name == b"CAPABILITY":
            self._send(b"* CAPABILITY " + CAPABILITIES)
        elif name == b"LOGOUT":
            self._send(b"* BYE see you")
        elif name == b"LOGIN":
            if len(arguments) != 2:
                raise BadCommand("LOGIN takes a name and a password")
            given, expected = b"\0".join(map(_atom, arguments)), self._user + b"\0" + self._password
            if not hmac.compare_digest(given, expected):
                return b"NO [AUTHENTICATIONFAILED] wrong name or password"
            self._authenticated = True
        return b"OK done"

    async def _with_inbox(self, name: bytes, arguments: list[Token]) -> bytes:
        if name == b"LIST":
            self._send(b'* LIST (\\HasNoChildren) "/" INBOX')
            return b"OK done"
        if not arguments or _atom(arguments[0]).upper() != b"INBOX":
            return b"NO [NONEXISTENT] there is only INBOX"
        inbox = self._inbox
        if name == b"APPEND":
            if not isinstance(arguments[-1], bytes) or len(arguments) < 2:
                raise BadCommand("APPEND takes a message")
            return b"OK [APPENDUID %d %d] stored" % (inbox.uidvalidity, await inbox.append(arguments[-1]))
        if name == b"STATUS":
            counts = (len(inbox.uids), inbox.uidnext, inbox.uidvalidity)
            self._send(b"* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)" % counts)
            return b"OK done"
        self._selected, self._announced = True, len(inbox.uids)
        for line in (
            b"FLAGS ()",
            b"OK [PERMANENTFLAGS ()] flags are not kept",
            b"%d EXISTS" % self._announced,
            b"0 RECENT",
            b"OK [UIDVALIDITY %d] valid" % inbox.uidvalidity,
            b"OK [UIDNEXT %d] next" % inbox.uidnext,
        ):
            self._send(b"* " + line)
        return b"OK [READ-ONLY] selected"

    async def _idle(self) -> bytes:
        self._send(b"+ idling")
        self._announce()
        done = asyncio.create_task(self._reader.readline())
        watcher = asyncio.create_task(self._announce_while_idle())
        try:
            if (await done).strip().upper() != b"DONE":
                raise BadCommand("expected DONE")
        finally:
            watcher.cancel()
        return b"OK idle ended"

    async def _announce_while_idle(self) -> None:
        while True:
            async with self._inbox.changed:
                await self._inbox.changed.wait_for(lambda: self._announced != len(self._inbox.uids))
            self._announce()

    def _search(self, arguments: list[Token], by_uid: bool) -> bytes:
        """SEARCH with the keys ALL, UID, SINCE and a sequence set, joined by AND."""
        found = set(self._inbox.uids)
        keys = iter(_atom(key).upper() for key in arguments)
        for key in keys:
            if key == b"SINCE":
                day = _search_date(next(keys, b""))
                found = {uid for uid in found if self._inbox.received(uid) >= day}
            elif key == b"UID":
                found &= self._chosen(next(keys, b""), by_uid=True)
            elif key != b"ALL":
                found &= self._chosen(key, by_uid=False)
        numbers = [uid if by_uid else seq for seq, uid in enumerate(self._inbox.uids, 1) if uid in found]
        self._send(b"* SEARCH" + b"".join(b" %d" % number for number in numbers))
        return b"OK done"

    def _chosen(self, number_set: bytes, by_uid: bool) -> set[int]:
        """The UIDs that a sequence-set names; `n:*` always includes the last message (RFC 3501, 6.4.8)."""
        uids = self._inbox.uids
        numbers = uids if by_uid else range(1, len(uids) + 1)
        last = numbers[-1] if numbers else 0
        chosen: set[int] = set()
        for part in number_set.split(b","):
            ends = [last if end == b"*" else _number(end) for end in part.split(b":")]
            low, high = min(ends), max(ends)
            chosen.update(uid for number, uid in zip(numbers, uids, strict=True) if low <= number <= high)
        return chosen

    def _fetch(self, arguments: list[Token], by_uid: bool) -> bytes:
        if len(arguments) != 2:
            raise BadCommand("FETCH takes a set and items")
        chosen = self._chosen(_atom(arguments[0]), by_uid)
        wanted = arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
        items = [_atom(item) for item in wanted]
        if by_uid and b"UID" not in (item.upper() for item in items):
            items.insert(0, b"UID")
        for seq, uid in enumerate(self._inbox.uids, 1):
            if uid in chosen:
                self._send(b"* %d FETCH (%s)" % (seq, b" ".join(self._item(uid, item) for item in items)))
        return b"OK done"

    def _item(self, uid: int, item: bytes) -> bytes:
        upper = item.upper()
        if upper == b"UID":
            return b"UID %d" % uid
        if upper == b"FLAGS":
            return b"FLAGS ()"
        if upper == b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % self._inbox.path(uid).stat().st_size
        if upper == b"INTERNALDATE":
            at = self._inbox.received(uid)
            clock = at.strftime("%Y %H:%M:%S +0000").encode()
            return b'INTERNALDATE "%02d-%s-%s"' % (at.day, _MONTHS[at.month - 1], clock)
        section = _SECTION.match(item)
        if section is None:
            raise BadCommand("unknown fetch item")
        content = _part(self._inbox.path(uid).read_bytes(), section[1])
        origin = b""
        if section[2]:
            start = int(section[2])
            content, origin = content[start : start + int(section[3])], b"<%d>" % start
        return b"BODY[%s]%s {%d}\r\n%s" % (section[1], origin, len(content), content)


def _tokens(line: bytes) -> Iterator[bytes | str]:
    """Strings and atoms as bytes, parentheses as str."""
    position = 0
    while position < len(line.rstrip()):
        match = _TOKEN.match(line, position)
        if match is None:
            return
        quoted, parenthesis, atom = match.groups()
        yield parenthesis.decode() if parenthesis else atom if atom else re.sub(rb"\\(.)", rb"\1", quoted or b"")
        position = match.end()


def _nest(tokens: Iterator[bytes | str]) -> list[Token]:
    tree: list[Token] = []
    for token in tokens:
        if token == ")":  # noqa: S105 - an IMAP token
            break
        tree.append(_nest(tokens) if isinstance(token, str) else token)
    return tree


def _atom(token: Token) -> bytes:
    if isinstance(token, list):
        raise BadCommand("unexpected list")
    return token


def _number(text: bytes) -> int:
    if not text.isdigit():
        raise BadCommand("bad sequence set")
    return int(text)


def _search_date(text: bytes) -> datetime:
    try:
        day, month, year = text.title().split(b"-")
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), tzinfo=UTC)
    except ValueError:
        raise BadCommand("bad date") from None


def _part(raw: bytes, section: bytes) -> bytes:
    """BODY[], [HEADER] or [HEADER.FIELDS (…)] of a message with CRLF line ends."""
    head, separator, _ = raw.partition(b"\r\n\r\n")
    name = section.upper()
    if name == b"":
        return raw
    if name == b"HEADER":
        return head + separator
    if name.startswith(b"HEADER.FIELDS ("):
        wanted = set(name.partition(b"(")[2].rstrip(b")").split())
        fields = re.split(rb"\r\n(?![ \t])", head)
        return b"".join(f + b"\r\n" for f in fields if f.partition(b":")[0].strip().upper() in wanted) + b"\r\n"
    raise BadCommand("unknown section")


async def serve(port: int, directory: Path, user: str, password: str) -> None:
    """Serves on 127.0.0.1 until SIGTERM or SIGINT."""
    inbox = Inbox(directory)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled: the server stops. ValueError: a line over the limit.
        with (
            closing(writer),
            suppress(ConnectionError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError),
        ):
            await Session(inbox, user.encode(), password.encode(), reader, writer).run()

    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=LINE_LIMIT)
    await stopped.wait()
    server.close()  # not awaited: since 3.12 wait_closed() waits for clients that sit in IDLE


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers.demo_imap", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.dir, arguments.user, arguments.password))


if __name__ == "__main__":
    main()
