"""A scripted IMAP server: it behaves until a test gives one of its commands another answer.

    server.on["IDLE"] = coalesced      # async def coalesced(session: Session, tag: str, arguments: str) -> None

Its one folder holds what `add` puts there; EXISTS is announced to sessions that are in the default IDLE.
"""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from providers.imap.settings import ImapSettings

PASSWORD = "secret"
INTERNALDATE = "01-Feb-2026 10:00:00 +0000"


@dataclass(eq=False)
class Session:
    """One client connection as a script sees it."""

    server: ScriptedImap
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    announced: int = 0
    """How many messages the client knows of."""
    cut_after: int | None = None
    """The connection ends after so many more bytes."""

    def send(self, *lines: str) -> None:
        """Sends the lines in one segment."""
        self.raw("".join(line + "\r\n" for line in lines).encode("latin-1"))

    def raw(self, data: bytes) -> None:
        if self.cut_after is not None:
            data = data[: self.cut_after]
            self.cut_after -= len(data)
        self.writer.write(data)
        if self.cut_after == 0:
            self.close()

    def ok(self, tag: str, text: str = "done") -> None:
        self.send(f"{tag} OK {text}")

    async def line(self) -> str:
        """The client's next line; raises EOFError when it is gone."""
        line = await self.reader.readline()
        if not line:
            raise EOFError
        return line.decode("latin-1").rstrip("\r\n")

    async def command(self) -> tuple[str, str, str]:
        """The client's next command as tag, name ("UID FETCH" is one name) and arguments."""
        tag, _, rest = (await self.line()).partition(" ")
        name, _, arguments = rest.partition(" ")
        if name.upper() == "UID":
            second, _, arguments = arguments.partition(" ")
            name = f"UID {second}"
        return tag, name.upper(), arguments

    async def gone(self) -> None:
        """Returns when the client has closed the connection."""
        while await self.reader.read(4096):
            pass

    def close(self) -> None:
        self.writer.close()


Handler = Callable[[Session, str, str], Awaitable[None]]


@dataclass(eq=False)
class ScriptedImap:
    """The server; see `scripted_imap`."""

    port: int = 0
    greeting: str = "* OK ready"
    capabilities: str = "IMAP4rev1 IDLE"
    uidvalidity: int = 7
    messages: dict[int, bytes] = field(default_factory=dict)
    on: dict[str, Handler] = field(default_factory=dict)
    fault: Callable[[Session, str], None] | None = None
    """Called before each command is answered."""
    poison: set[str] = field(default_factory=set)
    """Message-IDs over whose headers the server breaks the connection."""
    tokens: dict[str, float] = field(default_factory=dict)
    """Access tokens that are accepted, with their end by the clock of the event loop."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often each command was received."""

    def __post_init__(self) -> None:
        self.changed = asyncio.Event()
        self.received = asyncio.Event()
        self.sessions: set[Session] = set()

    @property
    def settings(self) -> ImapSettings:
        return ImapSettings(host="127.0.0.1", port=self.port, security="plaintext", username="user")

    @property
    def uidnext(self) -> int:
        return max(self.messages, default=0) + 1

    def add(self, message_id: str, *, uid: int | None = None) -> int:
        """Delivers a message; returns its UID."""
        uid = uid or self.uidnext
        self.messages[uid] = f"Message-ID: <{message_id}>\r\n\r\ntext\r\n".encode()
        self.changed.set()
        return uid

    async def until_seen(self, command: str, times: int = 1, seconds: float = 10) -> None:
        """Waits until the command was received so often, by whatever session."""
        async with asyncio.timeout(seconds):
            while self.seen[command] < times:
                self.received.clear()
                await self.received.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.add(session)
        with suppress(EOFError, ConnectionError, asyncio.CancelledError):
            if self.greeting:
                session.send(self.greeting)
            while not writer.is_closing():
                tag, name, arguments = await session.command()
                self.seen[name] += 1
                self.received.set()
                if self.fault is not None:
                    self.fault(session, name)
                await self.on.get(name, self._default(name))(session, tag, arguments)
                await writer.drain()
        self.sessions.discard(session)
        writer.close()

    def _default(self, name: str) -> Handler:
        return getattr(self, "do_" + name.lower().replace(" ", "_"), self.do_noop)

    async def do_noop(self, session: Session, tag: str, arguments: str) -> None:
        session.ok(tag)

    async def do_capability(self, session: Session, tag: str, arguments: str) -> None:
        session.send(f"* CAPABILITY {self.capabilities}")
        session.ok(tag)

    async def do_login(self, session: Session, tag: str, arguments: str) -> None:
        if arguments == f'"user" "{PASSWORD}"':
            session.ok(tag)
        else:
            session.send(f"{tag} NO [AUTHENTICATIONFAILED] no")

    async def do_authenticate(self, session: Session, tag: str, arguments: str) -> None:
        """XOAUTH2, whose refusals come as a challenge that the client has to answer with nothing."""
        session.send("+ ")
        answer = base64.b64decode(await session.line()).decode()
        token = answer.partition("Bearer ")[2].partition("\1")[0]
        if self.tokens.get(token, 0) > asyncio.get_running_loop().time():
            session.ok(tag)
            return
        session.send("+ " + base64.b64encode(b'{"status":"400"}').decode())
        assert await session.line() == ""
        session.send(f"{tag} NO [AUTHENTICATIONFAILED] no")

    async def do_examine(self, session: Session, tag: str, arguments: str) -> None:
        session.announced = len(self.messages)
        session.send(
            f"* {session.announced} EXISTS",
            "* 0 RECENT",
            f"* OK [UIDVALIDITY {self.uidvalidity}] valid",
            f"* OK [UIDNEXT {self.uidnext}] next",
        )
        session.ok(tag, "[READ-ONLY] opened")

    async def do_status(self, session: Session, tag: str, arguments: str) -> None:
        session.send(f"* STATUS INBOX (UIDVALIDITY {self.uidvalidity} UIDNEXT {self.uidnext})")
        session.ok(tag)

    async def do_uid_search(self, session: Session, tag: str, arguments: str) -> None:
        _, _, rest = arguments.partition("UID ")
        last = str(max(self.messages, default=0))
        low, _, high = rest.split()[0].replace("*", last).partition(":")
        found = [uid for uid in sorted(self.messages) if int(low) <= uid <= int(high or low)]
        session.send("* SEARCH " + " ".join(map(str, found)))
        session.ok(tag)

    async def do_uid_fetch(self, session: Session, tag: str, arguments: str) -> None:
        wanted, _, items = arguments.partition(" ")
        uids = [int(uid) for uid in wanted.split(",")]
        if "HEADER" in items and any(self._poisonous(uid) for uid in uids):
            session.close()
            return
        for uid in uids:
            if uid in self.messages:
                session.raw(self.fetch_answer(uid, items))
        session.ok(tag)

    def _poisonous(self, uid: int) -> bool:
        return any(f"<{message_id}>".encode() in self.messages.get(uid, b"") for message_id in self.poison)

    def fetch_answer(self, uid: int, items: str) -> bytes:
        raw = self.messages[uid]
        size = b"* %d FETCH (UID %d RFC822.SIZE %d" % (uid, uid, len(raw))
        if "HEADER" in items:
            head = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            date = INTERNALDATE.encode()
            field = b" BODY[HEADER.FIELDS (MESSAGE-ID)]<0> {%d}\r\n%s" % (len(head), head)
            return size + b' INTERNALDATE "%s"' % date + field + b")\r\n"
        if "BODY.PEEK[]" in items:
            return size + b" BODY[] {%d}\r\n%s)\r\n" % (len(raw), raw)
        return size + b")\r\n"

    async def do_idle(self, session: Session, tag: str, arguments: str) -> None:
        session.send("+ idling")
        done = asyncio.ensure_future(session.line())
        while not done.done():
            self.changed.clear()
            if session.announced != len(self.messages):
                session.announced = len(self.messages)
                session.send(f"* {session.announced} EXISTS")
            changed = asyncio.ensure_future(self.changed.wait())
            await asyncio.wait({done, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        assert done.result() == "DONE"
        session.ok(tag)

    async def disconnect(self) -> None:
        """Cuts every connection; the clients can know of it when this returns."""
        for session in list(self.sessions):
            session.close()
            with suppress(ConnectionError):
                await session.writer.wait_closed()


@asynccontextmanager
async def scripted_imap() -> AsyncIterator[ScriptedImap]:
    """A scripted server on a port of its own."""
    script = ScriptedImap()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, limit=2**20)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await script.disconnect()
